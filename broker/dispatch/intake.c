/*
 * A batch is up to AHEAD requests of one session. Bytes count as taken when
 * their request has run: what was parsed ahead and must wait (the session
 * waits for a key, or is closing) is simply parsed again later.
 *
 * While a call runs too long, input of other sessions is looked at in its midst.
 * The batch that the call belongs to must stay, so that a second intake, within
 * the first, takes that input.
 */
#include "broker/dispatch/intake.h"

#include "broker/config/options.h"
#include "broker/dispatch/naming.h"
#include "broker/net/connection.h"
#include "storage/base/memory.h"

enum {
    AHEAD = GLANCES_MOST, /* a batch is glanced at once */
    LAST_WORDS = 4, /* the last of so few words may be a member */
    NO_GLANCE = UINT8_MAX
};

struct intake {
    struct caller        *caller;
    struct keyspaces     *keyspaces;
    const struct options *options;
    struct request        ahead[AHEAD];
    size_t                end[AHEAD];  /* where each request ends in the input */
    struct glance         glances[AHEAD]; /* of the first keys, where there are any */
    uint8_t               glance_of[AHEAD]; /* a request's place among them, or NO_GLANCE */
    const struct naming  *naming;  /* NULL if every command has its own name */
    bool                  running; /* a batch is under way */
    struct intake        *within;  /* for the input that comes meanwhile, or NULL */
};

struct intake *intake_new(struct caller *caller, struct keyspaces *keyspaces,
                          const struct options *options, const struct naming *naming)
{
    struct intake *intake = memory_new_zeroed(1, sizeof(*intake));

    intake->caller = caller;
    intake->keyspaces = keyspaces;
    intake->options = options;
    intake->naming = naming_is_empty(naming) ? NULL : naming;
    for (int i = 0; i < AHEAD; i++)
        request_init(&intake->ahead[i]);
    return intake;
}

void intake_free(struct intake *intake)
{
    if (intake == NULL)
        return;
    intake_free(intake->within);
    for (int i = 0; i < AHEAD; i++)
        request_clear(&intake->ahead[i]);
    memory_free(intake);
}

/* Takes up what the session has half read; it holds no memory meanwhile. */
static void take_up(struct intake *intake, struct session *session)
{
    if (LIKELY(session->request == NULL))
        return;
    request_clear(&intake->ahead[0]);
    intake->ahead[0] = *session->request;
    memory_free(session->request);
    session->request = NULL;
}

/* Leaves a half-read request with its session; one of which nothing is known yet begins anew. */
static void leave_off(struct intake *intake, size_t place, struct session *session)
{
    if (intake->ahead[place].at == 0)
        return;
    session->request = memory_new(sizeof(*session->request));
    *session->request = intake->ahead[place];
    request_init(&intake->ahead[place]);
}

/* What a request of so many words will look at, as far as its first ones tell. */
static struct glance glance_of(const struct keyspace *keys, const struct slice *words,
                               size_t count)
{
    struct glance glance = { .keys = keys, .key = words[1] };

    if (count > 2) {
        glance.member = words[2];
        glance.last = words[count <= LAST_WORDS ? count - 1 : 2];
    }
    return glance;
}

/*
 * Asks for the lines that the calls of the batch will look at. Nearly every command
 * has its first key behind its name; where another word stands there, nothing but
 * the asking is lost.
 */
static void prefetch(struct intake *intake, const struct session *session, size_t count)
{
    const struct keyspace *keys = keyspaces_at(intake->keyspaces, session->db);
    bool worth = count > 1 && keyspace_is_wide(keys);
    uint8_t glances = 0;

    for (size_t i = 0; i < count; i++) {
        const struct request *request = &intake->ahead[i];

        intake->glance_of[i] = NO_GLANCE;
        if (!worth || request->count < 2)
            continue;
        intake->glance_of[i] = glances;
        intake->glances[glances++] = glance_of(keys, request->words, request->count);
    }
    if (glances > 0)
        keyspace_glance(intake->glances, glances);
}

void intake_ahead(void *who, const struct preview *previews, size_t count)
{
    const struct intake *intake = who;
    const struct keyspace *looked_at = NULL;
    struct glance glances[AHEAD];
    bool wide = false;
    size_t made = 0;

    for (size_t i = 0; i < count && made < AHEAD; i++) {
        const struct session *session = previews[i].who;
        const struct keyspace *keys = keyspaces_at(intake->keyspaces, session->db);
        struct slice words[LAST_WORDS];
        size_t whole;
        size_t seen;

        if (keys != looked_at)
            wide = keyspace_is_wide(keys);
        looked_at = keys;
        if (!wide)
            continue;
        seen = request_glimpse(previews[i].bytes, words, LAST_WORDS, &whole);
        if (seen > 1)
            glances[made++] = glance_of(keys, words, seen < whole && seen > 2 ? 3 : seen);
    }
    if (made > 1)
        keyspace_glance(glances, made);
}

/* Parses requests ahead; `count` says how many are whole. */
static enum request_state parse_ahead(struct intake *intake, struct session *session,
                                      struct slice bytes, size_t *count)
{
    struct request_limits limits = { .words = INT32_MAX,
                                     .bulk_bytes = intake->options->proto_max_bulk_len,
                                     .signed_in = session->signed_in };
    enum request_state state = REQUEST_READY;
    size_t at = 0;

    *count = 0;
    while (*count < AHEAD && at < bytes.len) {
        struct request *request = &intake->ahead[*count];

        state = request_parse(request, slice_after(bytes, at), &limits);
        if (state != REQUEST_READY)
            break;
        at += request->length;
        intake->end[(*count)++] = at;
    }
    return state;
}

/* Runs a request where commands have other names. False if it is held back. */
static bool run_renamed(struct intake *intake, struct session *session, struct request *request,
                        struct args *args)
{
    switch (naming_translate(intake->naming, &request->words[0])) {
    case NAMED_NO_MORE:
        return caller_request_unknown(intake->caller, session, args);
    case NAMED_ANEW:
        args->raw = slice_of(NULL, 0); /* which says the new name */
        break;
    case NAMED_AS_EVER:
        break;
    }
    return caller_request(intake->caller, session, args);
}

/* False if the request is held back. */
static bool run_one(struct intake *intake, struct session *session, size_t place,
                    struct slice bytes)
{
    struct request *request = &intake->ahead[place];
    struct args args = { .words = request->words, .count = request->count };
    bool ran;

    if (request->count == 0)
        return true;
    if (!request->inlined)
        args.raw = slice_of(bytes.at, request->length);
    if (intake->glance_of[place] != NO_GLANCE)
        keyspaces_hint(intake->keyspaces, request->words[1],
                       intake->glances[intake->glance_of[place]].hash);
    ran = LIKELY(intake->naming == NULL) ? caller_request(intake->caller, session, &args)
                                         : run_renamed(intake, session, request, &args);
    if (intake->glance_of[place] != NO_GLANCE)
        keyspaces_hint(intake->keyspaces, slice_of(NULL, 0), 0);
    return ran;
}

static bool may_go_on(const struct session *session)
{
    return !session->paused && !connection_closing(session->connection);
}

/* A request that breaks the protocol: the session hears why, unless it asked for silence, and is closed. */
static void refuse_broken(struct session *session, const struct request *request)
{
    if (session->replies == SESSION_REPLIES_ON)
        reply_error(&session->reply, slice_text(request->trouble));
    connection_close_when_sent(session->connection);
}

/* Runs one batch; returns the bytes taken and whether there may be more to do. */
static size_t take_batch(struct intake *intake, struct session *session, struct slice bytes,
                         size_t *wanted, bool *more)
{
    enum request_state state;
    size_t count;
    size_t taken = 0;
    size_t ran = 0;

    take_up(intake, session);
    state = parse_ahead(intake, session, bytes, &count);
    prefetch(intake, session, count);
    while (ran < count && may_go_on(session)) {
        if (UNLIKELY(!run_one(intake, session, ran, slice_after(bytes, taken))))
            break;
        taken = intake->end[ran++];
    }
    *more = ran == count && state == REQUEST_READY && taken < bytes.len && may_go_on(session);
    if (ran == count && state == REQUEST_BROKEN && may_go_on(session)) {
        refuse_broken(session, &intake->ahead[count]);
        taken = bytes.len;
    } else if (ran == count && state == REQUEST_MORE) {
        *wanted = taken + request_wanted(&intake->ahead[count]);
        leave_off(intake, count, session);
    }
    for (size_t i = 0; i < count; i++)
        request_reset(&intake->ahead[i]);
    if (UNLIKELY(state != REQUEST_READY))
        request_reset(&intake->ahead[count]);
    return taken;
}

/* The intake that is free to take input now. */
static struct intake *free_intake(struct intake *intake)
{
    if (LIKELY(!intake->running))
        return intake;
    if (intake->within == NULL)
        intake->within = intake_new(intake->caller, intake->keyspaces, intake->options,
                                    intake->naming);
    return intake->within;
}

size_t intake_input(void *who, struct session *session, struct slice bytes, size_t *wanted)
{
    struct intake *intake = free_intake(who);
    size_t taken = 0;
    bool more = may_go_on(session);

    *wanted = 0;
    if (!more)
        return connection_closing(session->connection) ? bytes.len : 0;
    session->active = caller_begin(intake->caller);
    session->bytes_in += bytes.len;
    intake->running = true;
    while (more) {
        size_t batch_wanted = 0;

        size_t before = taken;

        session->reading = bytes.len - taken;
        taken += take_batch(intake, session, slice_after(bytes, before), &batch_wanted, &more);
        if (batch_wanted > 0)
            *wanted = before + batch_wanted;
    }
    session->reading = 0;
    intake->running = false;
    return taken;
}

/* Remembering who has read what, and telling them. */
#include "broker/effects/tracking_private.h"

#include <string.h>

#include "broker/config/options.h"
#include "broker/session/sessions.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

enum { FORGET_AT_ONCE = 100 }; /* keys beyond the limit, in one turn */

static struct slice key_of_known(const void *item)
{
    const struct known *known = item;

    return slice_of(known->key, known->len);
}

static const struct table_kind known_kind = { .key = key_of_known };

struct tracking *tracking_new(struct ledger *ledger, const struct options *options,
                              const struct hash_key *secret)
{
    struct tracking *tracking = memory_new_zeroed(1, sizeof(*tracking));
    uint64_t seed;

    tracking->ledger = ledger;
    tracking->options = options;
    tracking->secret = secret;
    random_secret(&seed, sizeof(seed));
    random_seed(&tracking->random, seed);
    table_init(&tracking->keys, &known_kind, secret);
    chain_init(&tracking->prefixes);
    tracking_init_prefixes(tracking);
    chain_init(&tracking->pending);
    return tracking;
}

void tracking_set_sessions(struct tracking *tracking, struct sessions *sessions)
{
    tracking->sessions = sessions;
}

static void free_known(void *nobody, void *item)
{
    struct known *known = item;

    (void)nobody;
    memory_free(known->ids);
    memory_free(known);
}

static void forget_all(struct tracking *tracking)
{
    table_clear(&tracking->keys, free_known, NULL);
    table_init(&tracking->keys, &known_kind, tracking->secret);
    tracking->items = tracking->bytes = 0;
}

void tracking_free(struct tracking *tracking)
{
    if (tracking == NULL)
        return;
    must(tracking->trackers == 0 && chain_is_empty(&tracking->prefixes));
    table_clear(&tracking->keys, free_known, NULL);
    table_clear(&tracking->by_text, NULL, NULL);
    buffer_clear(&tracking->text);
    memory_free(tracking->late);
    memory_free(tracking);
}

/* ---- Trackers and their prefixes ---- */

static void wake_or_sleep(struct tracking *tracking)
{
    ledger_listen(tracking->ledger, LISTENER_CACHES, tracking->trackers > 0);
}

void tracking_begin(struct tracking *tracking, struct session *session, uint32_t flags,
                    uint64_t redirect)
{
    struct tracker *tracker = session->tracker;

    if (tracker == NULL) {
        tracker = session->tracker = memory_new_zeroed(1, sizeof(*tracker));
        tracker->session = session;
        tracking->trackers++;
        session->tracked_bytes = sizeof(*tracker);
        wake_or_sleep(tracking);
    }
    tracker->flags = flags;
    tracker->redirect = redirect;
    session->redirect = (int64_t)redirect;
    session->tracks_prefixes = (flags & TRACKING_BROADCAST) != 0;
    session->tracks_broken = false;
}

void tracking_end(struct tracking *tracking, struct session *session)
{
    struct tracker *tracker = session->tracker;

    if (tracker == NULL)
        return;
    tracker_leave_prefixes(tracking, tracker);
    memory_free(tracker);
    session->tracker = NULL;
    session->tracked_bytes = 0;
    session->redirect = -1;
    session->tracks_prefixes = session->tracks_broken = false;
    tracking->trackers--;
    /* With the last goes all that was remembered: there is nobody to tell. */
    if (tracking->trackers == 0)
        forget_all(tracking);
    wake_or_sleep(tracking);
}

void tracking_forget(void *tracking, struct session *session)
{
    tracking_end(tracking, session);
#ifdef MILLRACE_CHECKS
    tracking_check(tracking);
#endif
}

uint32_t tracking_flags_of(const struct session *session)
{
    return session->tracker->flags;
}

void tracking_set_caching(struct session *session)
{
    session->tracker->flags |= TRACKING_CACHING;
}

/* ---- Remembering what was read ---- */

static struct known *find_or_add(struct tracking *tracking, struct slice key)
{
    uint64_t hash = table_hash(&tracking->keys, key);
    struct known *known = table_find(&tracking->keys, key, hash);

    if (known != NULL)
        return known;
    known = memory_new(sizeof(*known) + key.len);
    *known = (struct known){ .len = key.len };
    if (key.len > 0)
        memcpy(known->key, key.at, key.len);
    table_add(&tracking->keys, known, hash);
    tracking->bytes += sizeof(*known) + key.len;
    return known;
}

static void remember(struct tracking *tracking, struct slice key, uint64_t id)
{
    struct known *known = find_or_add(tracking, key);
    uint32_t low = 0;
    uint32_t high = known->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (known->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < known->count && known->ids[low] == id)
        return;
    if (known->count == known->capacity) {
        uint32_t more = known->capacity == 0 ? 1 : known->capacity;

        known->ids = memory_resize(known->ids, (known->capacity + more) * sizeof(uint64_t));
        known->capacity += more;
        tracking->bytes += more * sizeof(uint64_t);
    }
    memmove(known->ids + low + 1, known->ids + low, (known->count - low) * sizeof(uint64_t));
    known->ids[low] = id;
    known->count++;
    tracking->items++;
}

static bool remembers(const struct tracker *tracker)
{
    bool said = (tracker->flags & TRACKING_CACHING) != 0;

    if ((tracker->flags & TRACKING_BROADCAST) != 0)
        return false;
    if ((tracker->flags & TRACKING_OPT_IN) != 0)
        return said;
    return (tracker->flags & TRACKING_OPT_OUT) == 0 || !said;
}

static bool is_script(const struct command *command)
{
    return strncmp(command->full_name, "eval", 4) == 0 ||
           strncmp(command->full_name, "fcall", 5) == 0;
}

/* What changed earlier in the same outermost call must not invalidate what is read only now. */
static void remember_in_order(struct tracking *tracking, struct slice key, uint64_t id)
{
    const struct ledger_line *lines;
    size_t after = ledger_lines(tracking->ledger, &lines);

    if (LIKELY(after == 0)) {
        remember(tracking, key, id);
        return;
    }
    if (tracking->late_count == tracking->late_capacity) {
        tracking->late_capacity = tracking->late_capacity == 0 ? 8 : tracking->late_capacity * 2;
        tracking->late =
            memory_resize(tracking->late, tracking->late_capacity * sizeof(struct late));
    }
    tracking->late[tracking->late_count++] = (struct late){ id, after, bytes_copy(key) };
}

/* Remembers those that were read before a line; returns how many of them are done. */
static size_t remember_late(struct tracking *tracking, size_t done, size_t line)
{
    for (; done < tracking->late_count && tracking->late[done].after <= line; done++) {
        struct late *late = &tracking->late[done];

        remember(tracking, bytes_slice(late->key), late->id);
        bytes_drop(late->key);
    }
    return done;
}

static void remember_keys(struct tracking *tracking, const struct call *call)
{
    struct key_walk walk;
    struct key_place place;

    key_rule_begin(&walk, call->command, call->args->words, call->args->count, KEYS_ONLY);
    while (key_rule_next(&walk, &place))
        remember_in_order(tracking, call->args->words[place.word], call->session->id);
}

/* Of a script that reads anything the keys that it declared are remembered. */
static void look_at_reading(struct tracking *tracking, const struct call *call)
{
    struct tracker *tracker = call->session->tracker;
    bool reads = (call->command->flags & COMMAND_READONLY) != 0;

    if (call->scripted) {
        tracker->script_read |= reads;
    } else if (is_script(call->command)) {
        if (tracker->script_read)
            remember_keys(tracking, call);
        tracker->script_read = false;
    } else if (reads) {
        remember_keys(tracking, call);
    }
}

void tracking_witness(void *who, const struct call *call, enum verdict verdict, micros took)
{
    static const struct slice caching = { "client|caching", 14 };
    struct tracking *tracking = who;
    struct tracker *tracker = call->session->tracker;

    (void)took;
    if (tracker == NULL || verdict == VERDICT_WAIT)
        return;
    if (remembers(tracker))
        look_at_reading(tracking, call);
    /* What CLIENT CACHING said holds for one call, or one transaction. */
    if (UNLIKELY((tracker->flags & TRACKING_CACHING) != 0) && call->session->queued < 0 &&
        ledger_depth(tracking->ledger) == 0 &&
        !slice_equal(command_full_name(call->command), caching))
        tracker->flags &= ~(uint32_t)TRACKING_CACHING;
}

micros tracking_wants(const void *who)
{
    const struct tracking *tracking = who;

    return tracking->trackers > 0 ? 0 : WITNESS_ASLEEP;
}

/* ---- Telling ---- */

/* Puts a message on its way, behind the reply that is being written. */
static void put(struct session *session, struct slice head, struct slice body)
{
    if (session->in_call) {
        buffer_add(&session->behind, head);
        buffer_add(&session->behind, body);
        return;
    }
    outbox_put(session->reply.out, head);
    outbox_put(session->reply.out, body);
    session_wants_send(session);
}

static void tell_broken(struct tracker *tracker)
{
    struct session *session = tracker->session;
    struct buffer text = { 0 };

    tracker->flags |= TRACKING_BROKEN;
    session->tracks_broken = true;
    if (!session->reply.resp3)
        return;
    buffer_print(&text, ">2\r\n$21\r\ntracking-redir-broken\r\n:%llu\r\n",
                 (unsigned long long)tracker->redirect);
    put(session, buffer_slice(&text), SLICE(""));
    buffer_clear(&text);
}

void tracker_tell(struct tracking *tracking, struct tracker *tracker, struct slice keys)
{
    struct slice push = SLICE(">2\r\n$10\r\ninvalidate\r\n");
    struct slice message = SLICE("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n");
    struct session *to = tracker->session;

    if (tracker->redirect != 0) {
        to = sessions_find(tracking->sessions, tracker->redirect);
        if (to == NULL) {
            tell_broken(tracker);
            return;
        }
    }
    if (to->reply.resp3)
        put(to, push, keys.len > 0 ? keys : SLICE("_\r\n"));
    else if (tracker->redirect != 0 && to->channels + to->patterns + to->shards > 0)
        put(to, message, keys.len > 0 ? keys : SLICE("$-1\r\n"));
}

/* Encodes an array of one key. */
static struct slice array_of(struct tracking *tracking, struct slice key)
{
    struct buffer *text = &tracking->text;

    buffer_rewind(text);
    buffer_print(text, "*1\r\n$%zu\r\n", key.len);
    buffer_add(text, key);
    buffer_add(text, SLICE("\r\n"));
    return buffer_slice(text);
}

/* Takes a key out of memory, telling all who know it; not the one who changed it, if it minds. */
static void invalidate(struct tracking *tracking, struct known *known)
{
    struct slice key = key_of_known(known);
    struct slice keys = array_of(tracking, key);

    for (uint32_t i = 0; i < known->count; i++) {
        struct session *session = sessions_find(tracking->sessions, known->ids[i]);
        struct tracker *tracker = session != NULL ? session->tracker : NULL;

        if (tracker == NULL || (tracker->flags & TRACKING_BROADCAST) != 0)
            continue;
        if ((tracker->flags & TRACKING_NO_LOOP) != 0 && session->in_call)
            continue;
        tracker_tell(tracking, tracker, keys);
    }
    tracking->items -= known->count;
    tracking->bytes -= sizeof(*known) + known->len + known->capacity * sizeof(uint64_t);
    must(table_remove_item(&tracking->keys, known, table_hash(&tracking->keys, key)));
    free_known(NULL, known);
}

/* All keys of a database are gone or others: that is all that anybody knows. */
static void invalidate_everything(struct tracking *tracking)
{
    struct chain *all = sessions_chain(tracking->sessions);

    for (struct chain *link = all->next; link != all; link = link->next) {
        struct session *session = CHAIN_OWNER(link, struct session, all);

        if (session->tracker != NULL)
            tracker_tell(tracking, session->tracker, SLICE(""));
    }
    forget_all(tracking);
}

void tracking_invalidate_all(struct tracking *tracking)
{
    if (table_count(&tracking->keys) > 0)
        invalidate_everything(tracking);
}

void tracking_changes(void *who, const struct ledger_line *lines, size_t count)
{
    struct tracking *tracking = who;
    bool everything = false;
    size_t late = 0;

    if (LIKELY(tracking->trackers == 0 && tracking->late_count == 0))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct ledger_line *line = &lines[i];
        struct known *known;

        late = remember_late(tracking, late, i);
        if (line->notice_only)
            continue;
        if (line->everything) {
            everything = true;
            continue;
        }
        /* Two lines about one key are one change. */
        if (i > 0 && late == 0 && !lines[i - 1].notice_only && slice_equal(lines[i - 1].key, line->key))
            continue;
        known = table_find(&tracking->keys, line->key, table_hash(&tracking->keys, line->key));
        if (known != NULL)
            invalidate(tracking, known);
        tracking_note_broadcasts(tracking, line->key);
    }
    if (everything)
        invalidate_everything(tracking);
    (void)remember_late(tracking, late, count);
    tracking->late_count = 0;
}

/* ---- The end of the turn ---- */

/* Forgets some keys at random, and has those who know them forget them too. */
static bool forget_beyond(struct tracking *tracking, size_t most)
{
    for (int i = 0; i < FORGET_AT_ONCE; i++) {
        if (table_count(&tracking->keys) <= most)
            return false;
        invalidate(tracking, table_random(&tracking->keys, &tracking->random));
    }
    return true;
}

bool tracking_step(void *who)
{
    struct tracking *tracking = who;
    size_t most = (size_t)tracking->options->tracking_table_max_keys;

    if (UNLIKELY(!chain_is_empty(&tracking->pending)))
        tracking_broadcast_all(tracking);
    if (LIKELY(table_count(&tracking->keys) <= most) || most == 0)
        return false;
    return forget_beyond(tracking, most);
}

void tracking_figures(const struct tracking *tracking, struct tracking_figures *figures)
{
    *figures = (struct tracking_figures){
        .sessions = tracking->trackers,
        .keys = table_count(&tracking->keys),
        .items = tracking->items,
        .prefixes = table_count(&tracking->by_text),
        .memory = tracking->bytes + table_memory(&tracking->keys),
    };
}

void tracking_check(const struct tracking *tracking)
{
    struct tracking *open = (struct tracking *)(uintptr_t)tracking;
    struct table_walk walk;
    size_t items = 0;
    size_t prefixes = 0;

    for (const struct known *known = table_walk_begin(&walk, &open->keys); known != NULL;
         known = table_walk_next(&walk)) {
        must(known->count > 0 && known->count <= known->capacity);
        for (uint32_t i = 1; i < known->count; i++)
            must(known->ids[i - 1] < known->ids[i]);
        items += known->count;
    }
    table_walk_end(&walk);
    must(items == tracking->items);
    for (const struct chain *link = tracking->prefixes.next; link != &tracking->prefixes;
         link = link->next) {
        const struct prefix *prefix = CHAIN_OWNER((struct chain *)(uintptr_t)link, struct prefix,
                                                  link);

        must(prefix->count > 0 && prefix->len <= tracking->longest);
        prefixes++;
        must((table_count(&prefix->changed) > 0) == chain_linked(&prefix->pending));
    }
    must(prefixes == table_count(&tracking->by_text));
}

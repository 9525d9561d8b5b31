/* CLIENT TRACKING and its kin: client-side caching. */
#include "handlers.h"

#include <stdlib.h>

#include "broker/broker.h"
#include "broker/effects/tracking.h"
#include "broker/session/sessions.h"

enum { MODES = TRACKING_BROADCAST | TRACKING_OPT_IN | TRACKING_OPT_OUT };

/* What CLIENT TRACKING is asked for. */
struct tracking_wish {
    struct slice *prefixes; /* of the call's arena */
    size_t        count;
    uint64_t      redirect;
    uint32_t      flags;
    bool          on;
};

static enum verdict read_redirect(struct call *call, struct tracking_wish *wish)
{
    int64_t id;

    if (wish->redirect != 0)
        return call_refuse_with(call, "ERR A client can only redirect to a single other client");
    if (!args_next_integer(call->args, &id))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    wish->redirect = (uint64_t)id;
    if (sessions_find(call->broker->sessions, wish->redirect) == NULL)
        return call_refuse_with(call, "ERR The client ID you want redirect to does not exist");
    return VERDICT_DONE;
}

static bool take_mode(struct args *args, uint32_t *flags)
{
    static const struct {
        struct slice word;
        uint32_t     flag;
    } modes[] = {
        { { "bcast", 5 }, TRACKING_BROADCAST },
        { { "optin", 5 }, TRACKING_OPT_IN },
        { { "optout", 6 }, TRACKING_OPT_OUT },
        { { "noloop", 6 }, TRACKING_NO_LOOP },
    };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (args_take(args, modes[i].word)) {
            *flags |= modes[i].flag;
            return true;
        }
    }
    return false;
}

static enum verdict read_wish(struct call *call, struct tracking_wish *wish)
{
    struct args *args = call->args;
    struct slice status = args_next(args);

    wish->prefixes = arena_take(call->arena, (args_left(args) + 1) * sizeof(struct slice));
    while (args_more(args)) {
        if (args_left(args) >= 2 && args_take(args, SLICE("redirect"))) {
            if (read_redirect(call, wish) == VERDICT_REFUSED)
                return VERDICT_REFUSED;
        } else if (args_left(args) >= 2 && args_take(args, SLICE("prefix"))) {
            wish->prefixes[wish->count++] = args_next(args);
        } else if (!take_mode(args, &wish->flags)) {
            return call_refuse(call, REFUSAL_SYNTAX);
        }
    }
    wish->on = slice_equal_nocase(status, SLICE("on"));
    if (!wish->on && !slice_equal_nocase(status, SLICE("off")))
        return call_refuse(call, REFUSAL_SYNTAX);
    return VERDICT_DONE;
}

/* Whether what is wished for contradicts itself, or what the session does already. */
static enum verdict check_modes(struct call *call, const struct tracking_wish *wish)
{
    bool tracks = call->session->tracker != NULL;
    uint32_t had = tracks ? tracking_flags_of(call->session) & MODES : 0;
    uint32_t opts = wish->flags & (TRACKING_OPT_IN | TRACKING_OPT_OUT);
    bool broadcasts = (wish->flags & TRACKING_BROADCAST) != 0;

    if (!broadcasts && wish->count > 0)
        return call_refuse_with(call,
                                "ERR PREFIX option requires BCAST mode to be enabled");
    if (tracks && broadcasts != ((had & TRACKING_BROADCAST) != 0))
        return call_refuse_with(call, "ERR You can't switch BCAST mode on/off before disabling "
                                      "tracking for this client, and then re-enabling it with a "
                                      "different mode.");
    if (broadcasts && opts != 0)
        return call_refuse_with(call, "ERR OPTIN and OPTOUT are not compatible with BCAST");
    if (opts == (TRACKING_OPT_IN | TRACKING_OPT_OUT))
        return call_refuse_with(call, "ERR You can't specify both OPTIN mode and OPTOUT mode");
    if (((opts & TRACKING_OPT_IN) != 0 && (had & TRACKING_OPT_OUT) != 0) ||
        ((opts & TRACKING_OPT_OUT) != 0 && (had & TRACKING_OPT_IN) != 0))
        return call_refuse_with(call, "ERR You can't switch OPTIN/OPTOUT mode before disabling "
                                      "tracking for this client, and then re-enabling it with a "
                                      "different mode.");
    return VERDICT_DONE;
}

static bool begins_alike(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;

    return len == 0 || memcmp(a.at, b.at, len) == 0;
}

static enum verdict refuse_overlap(struct call *call, struct slice prefix, const char *with,
                                   struct slice other)
{
    return call_refuse_with(call,
                            "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a "
                            "single client must not overlap.",
                            (int)prefix.len, prefix.at, with, (int)other.len, other.at);
}

static int compare_slices(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Whether some begin alike, of what is wished for and of what there is: in order, two neighbours. */
static bool some_begin_alike(struct call *call, const struct tracking_wish *wish, size_t had)
{
    size_t count = had + wish->count;
    struct slice *all = arena_take(call->arena, (count + 1) * sizeof(struct slice));

    for (size_t i = 0; i < had; i++)
        all[i] = tracking_prefix_at(call->session, i);
    for (size_t i = 0; i < wish->count; i++)
        all[had + i] = wish->prefixes[i];
    qsort(all, count, sizeof(struct slice), compare_slices);
    for (size_t i = 1; i < count; i++) {
        if (begins_alike(all[i - 1], all[i]))
            return true;
    }
    return false;
}

/* A key is told to a session once: no prefix may begin with another. */
static enum verdict check_prefixes(struct call *call, const struct tracking_wish *wish)
{
    const struct session *session = call->session;
    size_t had = session->tracker != NULL ? tracking_prefix_count(session) : 0;

    if (!some_begin_alike(call, wish, had))
        return VERDICT_DONE;
    /* Which two are told is for the order in which they were said. */
    for (size_t i = 0; i < wish->count; i++) {
        for (size_t j = 0; j < had; j++) {
            struct slice other = tracking_prefix_at(session, j);

            if (begins_alike(wish->prefixes[i], other))
                return refuse_overlap(call, wish->prefixes[i], "an existing", other);
        }
        for (size_t j = i + 1; j < wish->count; j++) {
            if (begins_alike(wish->prefixes[i], wish->prefixes[j]))
                return refuse_overlap(call, wish->prefixes[i], "another provided",
                                      wish->prefixes[j]);
        }
    }
    return VERDICT_DONE;
}

static void begin(struct call *call, const struct tracking_wish *wish)
{
    struct tracking *tracking = call->broker->tracking;

    tracking_begin(tracking, call->session, wish->flags, wish->redirect);
    if ((wish->flags & TRACKING_BROADCAST) == 0)
        return;
    for (size_t i = 0; i < wish->count; i++)
        tracking_add_prefix(tracking, call->session, wish->prefixes[i]);
    if (wish->count == 0)
        tracking_add_prefix(tracking, call->session, SLICE(""));
}

/*
 * CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
 */
enum verdict do_client_tracking(struct call *call)
{
    struct tracking_wish wish = { .count = 0 };

    if (read_wish(call, &wish) == VERDICT_REFUSED)
        return VERDICT_REFUSED;
    if (!wish.on) {
        tracking_end(call->broker->tracking, call->session);
    } else {
        if (check_modes(call, &wish) == VERDICT_REFUSED ||
            check_prefixes(call, &wish) == VERDICT_REFUSED)
            return VERDICT_REFUSED;
        begin(call, &wish);
    }
    caller_ask_witnesses(call->caller);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CLIENT CACHING YES|NO */
enum verdict do_client_caching(struct call *call)
{
    uint32_t flags =
        call->session->tracker != NULL ? tracking_flags_of(call->session) : 0;

    if (call->session->tracker == NULL)
        return call_refuse_with(call, "ERR CLIENT CACHING can be called only when the client is "
                                      "in tracking mode with OPTIN or OPTOUT mode enabled");
    if (args_take(call->args, SLICE("yes"))) {
        if ((flags & TRACKING_OPT_IN) == 0)
            return call_refuse_with(call, "ERR CLIENT CACHING YES is only valid when tracking is "
                                          "enabled in OPTIN mode.");
    } else if (args_take(call->args, SLICE("no"))) {
        if ((flags & TRACKING_OPT_OUT) == 0)
            return call_refuse_with(call, "ERR CLIENT CACHING NO is only valid when tracking is "
                                          "enabled in OPTOUT mode.");
    } else {
        return call_refuse(call, REFUSAL_SYNTAX);
    }
    tracking_set_caching(call->session);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CLIENT GETREDIR */
enum verdict do_client_getredir(struct call *call)
{
    reply_integer(call->reply, call->session->redirect);
    return VERDICT_DONE;
}

/* Puts the names of what is on; returns how many. */
static size_t reply_flags(struct reply *reply, bool tracks, uint32_t flags)
{
    bool said = (flags & TRACKING_CACHING) != 0;
    const struct {
        const char *name;
        bool        on;
    } names[] = {
        { "off", !tracks },
        { "on", tracks },
        { "bcast", (flags & TRACKING_BROADCAST) != 0 },
        { "optin", (flags & TRACKING_OPT_IN) != 0 },
        { "caching-yes", said && (flags & TRACKING_OPT_IN) != 0 },
        { "optout", (flags & TRACKING_OPT_OUT) != 0 },
        { "caching-no", said && (flags & TRACKING_OPT_OUT) != 0 },
        { "noloop", (flags & TRACKING_NO_LOOP) != 0 },
        { "broken_redirect", (flags & TRACKING_BROKEN) != 0 },
    };
    size_t count = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!names[i].on)
            continue;
        reply_bulk(reply, slice_text(names[i].name));
        count++;
    }
    return count;
}

/* CLIENT TRACKINGINFO */
enum verdict do_client_trackinginfo(struct call *call)
{
    const struct session *session = call->session;
    bool tracks = session->tracker != NULL;
    size_t prefixes = tracks ? tracking_prefix_count(session) : 0;
    struct outbox_hole hole;

    reply_map(call->reply, 3);
    reply_bulk(call->reply, SLICE("flags"));
    hole = reply_open(call->reply);
    reply_close_set(call->reply, hole,
                    reply_flags(call->reply, tracks, tracks ? tracking_flags_of(session) : 0));
    reply_bulk(call->reply, SLICE("redirect"));
    reply_integer(call->reply, session->redirect);
    reply_bulk(call->reply, SLICE("prefixes"));
    reply_array(call->reply, prefixes);
    for (size_t i = 0; i < prefixes; i++)
        reply_bulk(call->reply, tracking_prefix_at(session, i));
    return VERDICT_DONE;
}

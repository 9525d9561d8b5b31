/* CLIENT: who is connected, under what name, and sending them away. */
#include "handlers.h"

#include "broker/acl/acl.h"
#include "broker/broker.h"
#include "broker/dispatch/waiting.h"
#include "broker/net/connection.h"
#include "broker/replication/follower.h"
#include "broker/session/sessions.h"
#include "storage/base/number.h"

enum { ADDRESS_BYTES = 160 };

/* CLIENT ID */
enum verdict do_client_id(struct call *call)
{
    reply_integer(call->reply, (int64_t)call->session->id);
    return VERDICT_DONE;
}

/* CLIENT GETNAME */
enum verdict do_client_getname(struct call *call)
{
    if (call->session->name == NULL)
        reply_nil(call->reply);
    else
        reply_bulk(call->reply, session_name(call->session));
    return VERDICT_DONE;
}

/* Whether text can stand in a list of sessions without being mistaken for something else. */
static bool text_is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '!' || text.at[i] > '~')
            return false;
    }
    return true;
}

/* CLIENT SETNAME connection-name */
enum verdict do_client_setname(struct call *call)
{
    struct slice name = args_next(call->args);

    if (!text_is_plain(name))
        return call_refuse_with(call, "ERR Client names cannot contain spaces, newlines or "
                                      "special characters.");
    session_set_text(&call->session->name, name);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CLIENT SETINFO LIB-NAME name | LIB-VER version */
enum verdict do_client_setinfo(struct call *call)
{
    struct slice what = args_next(call->args);
    struct slice text = args_next(call->args);
    bool is_name = slice_equal_nocase(what, SLICE("lib-name"));

    if (!is_name && !slice_equal_nocase(what, SLICE("lib-ver")))
        return call_refuse_with(call, "ERR Unrecognized option '%.*s'",
                                (int)(what.len > 128 ? 128 : what.len), what.at);
    if (!text_is_plain(text))
        return call_refuse_with(call, "ERR %s cannot contain spaces, newlines or special "
                                      "characters.",
                                is_name ? "lib-name" : "lib-ver");
    session_set_text(is_name ? &call->session->library : &call->session->library_version, text);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CLIENT INFO */
enum verdict do_client_info(struct call *call)
{
    struct buffer text = { 0 };

    session_describe(call->session, call->now, &text);
    buffer_add_byte(&text, '\n');
    reply_verbatim(call->reply, buffer_slice(&text), "txt");
    buffer_clear(&text);
    return VERDICT_DONE;
}

/* The types that CLIENT LIST and KILL know. */
enum session_type { TYPE_NORMAL, TYPE_REPLICA, TYPE_PRIMARY, TYPE_PUBSUB, TYPE_ANY };

static bool read_type(struct slice word, enum session_type *type)
{
    if (slice_equal_nocase(word, SLICE("normal")))
        *type = TYPE_NORMAL;
    else if (slice_equal_nocase(word, SLICE("replica")) ||
             slice_equal_nocase(word, SLICE("slave")))
        *type = TYPE_REPLICA;
    else if (slice_equal_nocase(word, SLICE("master")))
        *type = TYPE_PRIMARY;
    else if (slice_equal_nocase(word, SLICE("pubsub")))
        *type = TYPE_PUBSUB;
    else
        return false;
    return true;
}

static enum session_type type_of(const struct session *session)
{
    if (session->is_primary)
        return TYPE_PRIMARY;
    if (session->is_replica)
        return TYPE_REPLICA;
    if (session->channels + session->patterns + session->shards > 0)
        return TYPE_PUBSUB;
    return TYPE_NORMAL;
}

static enum verdict refuse_type(struct call *call, struct slice word)
{
    return call_refuse_with(call, "ERR Unknown client type '%.*s'",
                            (int)(word.len > 128 ? 128 : word.len), word.at);
}

static void describe_line(struct call *call, const struct session *session, struct buffer *to)
{
    session_describe(session, call->now, to);
    buffer_add_byte(to, '\n');
}

static void describe_type(struct call *call, enum session_type type, struct buffer *to)
{
    struct chain *all = sessions_chain(call->broker->sessions);

    const struct session *primary = follower_session(call->broker->follower);

    for (struct chain *link = all->next; link != all; link = link->next) {
        const struct session *session = CHAIN_OWNER(link, struct session, all);

        if (connection_is_over(session->connection))
            continue;
        if (type == TYPE_ANY || type_of(session) == type)
            describe_line(call, session, to);
    }
    if (primary != NULL && (type == TYPE_ANY || type == TYPE_PRIMARY))
        describe_line(call, primary, to);
}

/* CLIENT LIST [TYPE normal|master|replica|pubsub] [ID id [id ...]] */
enum verdict do_client_list(struct call *call)
{
    struct args *args = call->args;
    enum session_type type = TYPE_ANY;
    struct buffer text = { 0 };
    enum verdict verdict = VERDICT_DONE;

    if (args_left(args) == 2 && args_take(args, SLICE("type"))) {
        struct slice word = args_next(args);

        if (!read_type(word, &type))
            return refuse_type(call, word);
        describe_type(call, type, &text);
    } else if (args_left(args) >= 2 && args_take(args, SLICE("id"))) {
        while (args_more(args)) {
            const struct session *session;
            int64_t id;

            if (!args_next_integer(args, &id)) {
                verdict = call_refuse_with(call, "ERR Invalid client ID");
                goto out;
            }
            session = sessions_find(call->broker->sessions, (uint64_t)id);
            if (session != NULL)
                describe_line(call, session, &text);
        }
    } else if (args_more(args)) {
        return call_refuse(call, REFUSAL_SYNTAX);
    } else {
        describe_type(call, TYPE_ANY, &text);
    }
    (void)buffer_reserve(&text, 1);
    reply_verbatim(call->reply, buffer_slice(&text), "txt");
out:
    buffer_clear(&text);
    return verdict;
}

/* Whom CLIENT KILL is for. */
struct kill_filter {
    struct slice      address;
    struct slice      own_address;
    struct slice      user;
    uint64_t          id;
    millis            age; /* at least so long ago it came; 0 for any */
    enum session_type type;
    bool              skip_me;
};

static enum verdict read_kill_filter(struct call *call, struct kill_filter *filter)
{
    struct args *args = call->args;

    while (args_more(args)) {
        int64_t id;

        if (args_left(args) < 2)
            return call_refuse(call, REFUSAL_SYNTAX);
        if (args_take(args, SLICE("id"))) {
            if (!args_next_integer(args, &id) || id < 1)
                return call_refuse_with(call, "ERR client-id should be greater than 0");
            filter->id = (uint64_t)id;
        } else if (args_take(args, SLICE("type"))) {
            struct slice word = args_next(args);

            if (!read_type(word, &filter->type))
                return refuse_type(call, word);
        } else if (args_take(args, SLICE("addr"))) {
            filter->address = args_next(args);
        } else if (args_take(args, SLICE("laddr"))) {
            filter->own_address = args_next(args);
        } else if (args_take(args, SLICE("user"))) {
            filter->user = args_next(args);
            if (users_find(acl_users(call->broker->acl), filter->user) == NULL)
                return call_refuse_with(call, "ERR No such user '%.*s'",
                                        (int)(filter->user.len > 128 ? 128 : filter->user.len),
                                        filter->user.at);
        } else if (args_take(args, SLICE("maxage"))) {
            int64_t seconds;

            if (!args_next_integer(args, &seconds) || seconds > INT64_MAX / 1000)
                return call_refuse(call, REFUSAL_NOT_INTEGER);
            if (seconds < 1)
                return call_refuse_with(call, "ERR maxage should be greater than 0");
            filter->age = seconds * 1000;
        } else if (args_take(args, SLICE("skipme"))) {
            if (args_take(args, SLICE("yes")))
                filter->skip_me = true;
            else if (args_take(args, SLICE("no")))
                filter->skip_me = false;
            else
                return call_refuse(call, REFUSAL_SYNTAX);
        } else {
            return call_refuse(call, REFUSAL_SYNTAX);
        }
    }
    return VERDICT_DONE;
}

static bool address_is(const struct session *session, bool own, struct slice wanted)
{
    const struct connection *link =
        session->connection != NULL ? session->connection : session->peer;
    char text[ADDRESS_BYTES];

    if (own)
        connection_own_name(link, text, sizeof(text));
    else
        connection_peer_name(link, text, sizeof(text));
    return slice_equal(slice_text(text), wanted);
}

static bool filter_hits(const struct call *call, const struct kill_filter *filter,
                        const struct session *session)
{
    if (filter->skip_me && session == call->session)
        return false;
    if (filter->id != 0 && session->id != filter->id)
        return false;
    if (filter->type != TYPE_ANY && type_of(session) != filter->type)
        return false;
    if (filter->age > 0 && call->now - session->since < filter->age)
        return false;
    if (filter->user.at != NULL && !slice_equal(session->user_name, filter->user))
        return false;
    if (filter->address.at != NULL && !address_is(session, false, filter->address))
        return false;
    return filter->own_address.at == NULL || address_is(session, true, filter->own_address);
}

/* Closes whom the filter hits; one's own session hears the reply first. */
static int64_t kill_matching(struct call *call, const struct kill_filter *filter)
{
    struct chain *all = sessions_chain(call->broker->sessions);
    const struct session *primary = follower_session(call->broker->follower);
    int64_t killed = 0;

    for (struct chain *link = all->next; link != all; link = link->next) {
        struct session *session = CHAIN_OWNER(link, struct session, all);

        if (!filter_hits(call, filter, session))
            continue;
        sessions_close(call->broker->sessions, session, session == call->session);
        if (session != call->session)
            connection_hang_up(session->connection);
        killed++;
    }
    if (primary != NULL && filter_hits(call, filter, primary))
        killed += follower_kill(call->broker->follower);
    return killed;
}

/* CLIENT KILL ip:port | [ID id] [TYPE t] [USER u] [ADDR a] [LADDR a] [MAXAGE s] [SKIPME yes|no] */
enum verdict do_client_kill(struct call *call)
{
    struct kill_filter filter = { .type = TYPE_ANY, .skip_me = true };
    bool old_form = args_left(call->args) == 1;
    int64_t killed;

    if (old_form) {
        filter.address = args_next(call->args);
        filter.skip_me = false;
    } else if (read_kill_filter(call, &filter) == VERDICT_REFUSED) {
        return VERDICT_REFUSED;
    }
    killed = kill_matching(call, &filter);
    if (!old_form)
        reply_integer(call->reply, killed);
    else if (killed > 0)
        reply_ok(call->reply);
    else
        return call_refuse_with(call, "ERR No such client");
    return VERDICT_DONE;
}

/* CLIENT UNBLOCK client-id [TIMEOUT|ERROR] */
enum verdict do_client_unblock(struct call *call)
{
    struct slice error = SLICE("");
    struct session *session;
    struct slice word;
    int64_t id;
    bool done = false;

    if (args_left(call->args) > 2)
        return call_refuse_subcommand(call);
    word = args_next(call->args);
    if (args_more(call->args)) {
        if (args_take(call->args, SLICE("error")))
            error = SLICE("UNBLOCKED client unblocked via CLIENT UNBLOCK");
        else if (!args_take(call->args, SLICE("timeout")))
            return call_refuse_with(call,
                                    "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    }
    if (!number_read(word, &id))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    session = sessions_find(call->broker->sessions, (uint64_t)id);
    if (session != NULL)
        done = waiting_unblock(call->waiting, call->caller, session, error);
    reply_integer(call->reply, done);
    return VERDICT_DONE;
}

/* CLIENT REPLY ON|OFF|SKIP */
enum verdict do_client_reply(struct call *call)
{
    struct session *session = call->session;

    if (args_take(call->args, SLICE("on"))) {
        session->replies = SESSION_REPLIES_ON;
        reply_ok(call->reply);
    } else if (args_take(call->args, SLICE("off"))) {
        session->replies = SESSION_REPLIES_OFF;
    } else if (args_take(call->args, SLICE("skip"))) {
        if (session->replies != SESSION_REPLIES_OFF)
            session->replies = SESSION_REPLIES_SKIP_NEXT;
    } else {
        return call_refuse(call, REFUSAL_SYNTAX);
    }
    return VERDICT_DONE;
}

static enum verdict set_flag(struct call *call, bool *flag)
{
    if (args_take(call->args, SLICE("on")))
        *flag = true;
    else if (args_take(call->args, SLICE("off")))
        *flag = false;
    else
        return call_refuse(call, REFUSAL_SYNTAX);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* CLIENT NO-TOUCH ON|OFF */
enum verdict do_client_no_touch(struct call *call)
{
    return set_flag(call, &call->session->no_touch);
}

/* CLIENT HELP */
enum verdict do_client_help(struct call *call)
{
    static const char *const lines[] = {
        "CACHING (YES|NO)", "    Whether the keys of the next command are tracked.",
        "GETNAME", "    The name of this connection.",
        "GETREDIR", "    The connection that gets the invalidations of this one.",
        "ID", "    The number of this connection.",
        "INFO", "    All that is known of this connection.",
        "KILL <ip:port>", "    Closes the connection from that address.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Closes connections by ADDR, LADDR, TYPE, USER, ID; SKIPME yes spares this one.",
        "LIST [options ...]", "    All connections; TYPE or ID choose among them.",
        "NO-EVICT (ON|OFF)", "    Whether this connection is spared when connections take too much memory.",
        "NO-TOUCH (ON|OFF)", "    Whether reading leaves keys as unused as they were.",
        "OVERFLOW (DISCONNECT|DROP-OLDEST|DROP-NEWEST|LATEST) [LIMIT <bytes>]",
        "    What becomes of messages that this connection does not read in time.",
        "PAUSE <milliseconds> [WRITE|ALL]", "    Makes all requests wait, or those that write.",
        "REPLY (ON|OFF|SKIP)", "    Whether replies are sent.",
        "SETINFO <option> <value>", "    Sets LIB-NAME or LIB-VER.",
        "SETNAME <name>", "    Names this connection.",
        "TRACKING (ON|OFF) [REDIRECT <id>] [PREFIX <prefix> ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        "    Has this connection told when keys change that it has read.",
        "TRACKINGINFO", "    How this connection tracks keys.",
        "UNBLOCK <id> [TIMEOUT|ERROR]", "    Ends the waiting of a connection.",
        "UNPAUSE", "    Ends a pause.",
        NULL,
    };

    return call_help(call, lines);
}

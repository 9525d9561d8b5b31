/* Who is there and how we speak: PING, ECHO, HELLO, AUTH, SELECT, QUIT, RESET. */
#include "handlers.h"

#include <stdio.h>

#include "broker/acl/acl.h"
#include "broker/broker.h"
#include "broker/dispatch/caller.h"
#include "broker/dispatch/transaction.h"
#include "broker/effects/tracking.h"
#include "broker/effects/watch.h"
#include "broker/observe/monitor.h"
#include "broker/observe/version.h"
#include "broker/session/overflow.h"
#include "broker/session/sessions.h"
#include "broker/session/subscription.h"

/* PING [message] */
enum verdict do_ping(struct call *call)
{
    struct slice message = SLICE("");

    if (args_left(call->args) > 1)
        return call_refuse_arity(call);
    if (args_more(call->args))
        message = args_next(call->args);
    if (session_only_hears(call->session)) {
        reply_array(call->reply, 2);
        reply_bulk(call->reply, SLICE("pong"));
        reply_bulk(call->reply, message);
    } else if (call->args->count > 1) {
        reply_bulk(call->reply, message);
    } else {
        reply_simple(call->reply, SLICE("PONG"));
    }
    return VERDICT_DONE;
}

/* ECHO message */
enum verdict do_echo(struct call *call)
{
    reply_bulk(call->reply, args_next(call->args));
    return VERDICT_DONE;
}

/* AUTH [username] password */
enum verdict do_auth(struct call *call)
{
    struct slice user = SLICE("default");
    struct slice password;

    if (args_left(call->args) > 2)
        return call_refuse(call, REFUSAL_SYNTAX);
    if (args_left(call->args) == 2) {
        user = args_next(call->args);
    } else if (user_needs_no_password(users_default(acl_users(call->broker->acl)))) {
        return call_refuse_with(call,
                                "ERR AUTH <password> called without any password configured for "
                                "the default user. Are you sure your configuration is correct?");
    }
    password = args_next(call->args);
    if (!acl_sign_in(call->broker->acl, call, user, password))
        return call_refuse(call, REFUSAL_WRONG_PASSWORD);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* Names are shown in lists: they have no blanks, line ends or other odd bytes. */
static bool name_is_plain(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] < '!' || name.at[i] > '~')
            return false;
    }
    return true;
}

static void describe_server(struct call *call)
{
    struct reply *reply = call->reply;

    reply_map(reply, 7);
    reply_bulk(reply, SLICE("server"));
    reply_bulk(reply, SLICE("redis"));
    reply_bulk(reply, SLICE("version"));
    reply_bulk(reply, SLICE(REDIS_VERSION));
    reply_bulk(reply, SLICE("proto"));
    reply_integer(reply, reply->resp3 ? 3 : 2);
    reply_bulk(reply, SLICE("id"));
    reply_integer(reply, (int64_t)call->session->id);
    reply_bulk(reply, SLICE("mode"));
    reply_bulk(reply, SLICE("standalone"));
    reply_bulk(reply, SLICE("role"));
    reply_bulk(reply, SLICE("master"));
    reply_bulk(reply, SLICE("modules"));
    reply_array(reply, 0);
}

/* What HELLO asks for beside the protocol. */
struct greeting {
    bool         signs_in;
    bool         names;
    struct slice user;
    struct slice password;
    struct slice name;
};

static bool read_greeting(struct call *call, struct greeting *greeting)
{
    struct args *args = call->args;

    while (args_more(args)) {
        size_t left = args_left(args);

        if (left >= 3 && args_take(args, SLICE("auth"))) {
            greeting->signs_in = true;
            greeting->user = args_next(args);
            greeting->password = args_next(args);
        } else if (left >= 2 && args_take(args, SLICE("setname"))) {
            greeting->names = true;
            greeting->name = args_next(args);
            if (!name_is_plain(greeting->name)) {
                (void)call_refuse_with(call, "ERR Client names cannot contain spaces, newlines or "
                                             "special characters.");
                return false;
            }
        } else {
            struct slice word = args_peek(args);

            (void)call_refuse_with(call, "ERR Syntax error in HELLO option '%.*s'",
                                   (int)(word.len > 128 ? 128 : word.len), word.at);
            return false;
        }
    }
    return true;
}

/* HELLO [protover [AUTH username password] [SETNAME clientname]] */
enum verdict do_hello(struct call *call)
{
    struct session *session = call->session;
    struct greeting greeting = { 0 };
    int64_t protocol = session->reply.resp3 ? 3 : 2;

    if (args_more(call->args)) {
        if (!args_next_integer(call->args, &protocol))
            return call_refuse_with(call,
                                    "ERR Protocol version is not an integer or out of range");
        if (protocol < 2 || protocol > 3)
            return call_refuse(call, REFUSAL_BAD_PROTOCOL_VERSION);
    }
    if (!read_greeting(call, &greeting))
        return VERDICT_REFUSED;
    if (greeting.signs_in &&
        !acl_sign_in(call->broker->acl, call, greeting.user, greeting.password))
        return call_refuse(call, REFUSAL_WRONG_PASSWORD);
    if (!session->signed_in)
        return call_refuse_with(
            call, "NOAUTH HELLO must be called with the client already authenticated, otherwise "
                  "the HELLO AUTH <user> <pass> option can be used to authenticate the "
                  "client and select the RESP protocol version at the same time");
    if (greeting.names)
        session_set_text(&session->name, greeting.name);
    session->reply.resp3 = protocol == 3;
    describe_server(call);
    return VERDICT_DONE;
}

/* SELECT index */
enum verdict do_select(struct call *call)
{
    int64_t db;

    if (!args_next_integer(call->args, &db))
        return call_refuse(call, REFUSAL_NOT_INTEGER);
    if (db < INT32_MIN || db > INT32_MAX)
        return call_refuse(call, REFUSAL_NOT_INT32);
    if (db < 0 || db >= keyspaces_count(call->keyspaces))
        return call_refuse(call, REFUSAL_DB_INDEX);
    call->session->db = (uint32_t)db;
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* QUIT */
enum verdict do_quit(struct call *call)
{
    reply_ok(call->reply);
    sessions_close(call->broker->sessions, call->session, true);
    return VERDICT_DONE;
}

/* RESET: as if the session had just come. */
enum verdict do_reset(struct call *call)
{
    struct session *session = call->session;

    transaction_end(session);
    watch_end(call->broker->watch, session);
    subscription_end(session);
    tracking_end(call->broker->tracking, session);
    overflow_end(session);
    if (monitor_leave(call->broker->monitor, session))
        caller_ask_witnesses(call->caller);
    session_set_text(&session->name, SLICE(""));
    session->db = 0;
    if (session->replies != SESSION_REPLIES_SKIP) /* this answer is still skipped */
        session->replies = SESSION_REPLIES_ON;
    session->no_evict = false;
    session->no_touch = false;
    session->reply.resp3 = false;
    acl_welcome(call->broker->acl, session);
    reply_simple(call->reply, SLICE("RESET"));
    return VERDICT_DONE;
}

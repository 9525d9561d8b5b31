/*
 * What is said at once is answered in order, so that the step under way tells
 * which answer comes next.
 *
 *   PINGED ──+PONG──► AUTH ──► PORT ──► ADDRESS ──► CAPABLE ──► PSYNCED ──► (SYNCED)
 *                     steps for words that were not said are passed over
 */
#include "broker/replication/greeting.h"

#include "storage/base/log.h"
#include "storage/base/number.h"
#include "storage/format/statement.h"

enum step { PINGED, SIGNED_IN, TOLD_PORT, TOLD_ADDRESS, TOLD_CAPABILITIES, ASKED, ENDED };

enum { SHOWN_MOST = 256 };

static void say(struct buffer *to, const struct slice *words, size_t count)
{
    statement_put(to, words, count);
}

static bool begins(struct slice line, struct slice with)
{
    return line.len >= with.len && memcmp(line.at, with.at, with.len) == 0;
}

static int shown(struct slice line)
{
    return (int)(line.len < SHOWN_MOST ? line.len : SHOWN_MOST);
}

void greeting_begin(struct greeting *greeting, const struct greeting_facts *facts,
                    struct log *log, struct buffer *to)
{
    *greeting = (struct greeting){ .facts = *facts, .log = log, .step = PINGED, .offset = -1 };
    say(to, (const struct slice[]){ SLICE("PING") }, 1);
}

/* Who we are, said at once. */
static void introduce(const struct greeting *greeting, struct buffer *to)
{
    const struct greeting_facts *facts = &greeting->facts;
    char digits[NUMBER_INTEGER_MAX];
    struct slice port[3] = { SLICE("REPLCONF"), SLICE("listening-port"), { digits, 0 } };
    const struct slice address[3] = { SLICE("REPLCONF"), SLICE("ip-address"), facts->address };
    const struct slice able[5] = { SLICE("REPLCONF"), SLICE("capa"), SLICE("eof"), SLICE("capa"),
                                   SLICE("psync2") };
    const struct slice sign_in[3] = { SLICE("AUTH"), facts->user, facts->password };
    const struct slice password[2] = { SLICE("AUTH"), facts->password };

    if (facts->password.len > 0 && facts->user.len > 0)
        say(to, sign_in, 3);
    else if (facts->password.len > 0)
        say(to, password, 2);
    port[2].len = number_put(digits, facts->port);
    say(to, port, 3);
    if (facts->address.len > 0)
        say(to, address, 3);
    say(to, able, 5);
}

static void ask(struct greeting *greeting, struct buffer *to)
{
    const struct greeting_facts *facts = &greeting->facts;
    char digits[NUMBER_INTEGER_MAX];
    struct slice words[4] = { SLICE("PSYNC"), SLICE("?"), SLICE("-1"), SLICE("FAILOVER") };

    if (facts->id.len == ROLE_ID) {
        words[1] = facts->id;
        words[2] = slice_of(digits, number_put(digits, facts->next));
        log_line(greeting->log, LOG_NOTICE,
                 "Trying a partial resynchronization (request %.*s:%.*s).", (int)facts->id.len,
                 facts->id.at, (int)words[2].len, words[2].at);
    } else {
        log_line(greeting->log, LOG_NOTICE,
                 "Partial resynchronization not possible (no cached master)");
    }
    say(to, words, facts->failover ? 4 : 3);
    greeting->step = ASKED;
}

/* The step that waits for the next answer there will be. */
static void go_on(struct greeting *greeting, int from, struct buffer *to)
{
    greeting->step = from;
    if (greeting->step == SIGNED_IN && greeting->facts.password.len == 0)
        greeting->step = TOLD_PORT;
    if (greeting->step == TOLD_ADDRESS && greeting->facts.address.len == 0)
        greeting->step = TOLD_CAPABILITIES;
    if (greeting->step == ASKED)
        ask(greeting, to);
}

static enum greeting_outcome hear_pong(struct greeting *greeting, struct slice line,
                                       struct buffer *to)
{
    /* Who wants a password first is alive, too. */
    if (line.at[0] != '+' && !begins(line, SLICE("-NOAUTH")) && !begins(line, SLICE("-NOPERM")) &&
        !begins(line, SLICE("-ERR operation not permitted"))) {
        log_line(greeting->log, LOG_WARNING, "Error reply to PING from master: '%.*s'",
                 shown(line), line.at);
        return GREETING_FAILED;
    }
    log_line(greeting->log, LOG_NOTICE,
             "Master replied to PING, replication can continue...");
    introduce(greeting, to);
    go_on(greeting, SIGNED_IN, to);
    return GREETING_MORE;
}

/* An answer that changes nothing, whatever it is. */
static void hear_anything(const struct greeting *greeting, struct slice line, const char *what)
{
    if (line.at[0] == '-')
        log_line(greeting->log, LOG_NOTICE,
                 "(Non critical) Master does not understand REPLCONF %s: %.*s", what, shown(line),
                 line.at);
}

/* `+FULLRESYNC id offset`; what cannot be understood is as if nothing were known. */
static enum greeting_outcome hear_whole(struct greeting *greeting, struct slice rest)
{
    int64_t offset;

    if (rest.len < ROLE_ID + 2 || rest.at[ROLE_ID] != ' ' ||
        !number_read(slice_after(rest, ROLE_ID + 1), &offset) || offset < 0) {
        log_line(greeting->log, LOG_WARNING, "Master replied with wrong +FULLRESYNC syntax.");
        return GREETING_WHOLE;
    }
    memcpy(greeting->id, rest.at, ROLE_ID);
    greeting->offset = offset;
    log_line(greeting->log, LOG_NOTICE, "Full resync from master: %s:%lld", greeting->id,
             (long long)offset);
    return GREETING_WHOLE;
}

static enum greeting_outcome hear_continue(struct greeting *greeting, struct slice rest)
{
    log_line(greeting->log, LOG_NOTICE, "Successful partial resynchronization with master.");
    if (rest.len == ROLE_ID)
        memcpy(greeting->id, rest.at, ROLE_ID);
    return GREETING_CONTINUE;
}

static enum greeting_outcome hear_answer(struct greeting *greeting, struct slice line,
                                         struct buffer *to)
{
    greeting->step = ENDED;
    if (begins(line, SLICE("+FULLRESYNC ")))
        return hear_whole(greeting, slice_after(line, 12));
    if (begins(line, SLICE("+CONTINUE")))
        return hear_continue(greeting, slice_after(line, line.len > 10 ? 10 : line.len));
    if (begins(line, SLICE("-NOMASTERLINK")) || begins(line, SLICE("-LOADING"))) {
        log_line(greeting->log, LOG_NOTICE,
                 "Master is currently unable to PSYNC but should be in the future: %.*s",
                 shown(line), line.at);
        return GREETING_LATER;
    }
    if (greeting->facts.failover) {
        greeting->refused_failover = true;
        return GREETING_FAILED;
    }
    if (line.at[0] == '-')
        log_line(greeting->log, LOG_NOTICE,
                 "Master does not support PSYNC or is in error state (reply: %.*s)", shown(line),
                 line.at);
    else
        log_line(greeting->log, LOG_WARNING, "Unexpected reply to PSYNC from master: %.*s",
                 shown(line), line.at);
    log_line(greeting->log, LOG_NOTICE, "Retrying with SYNC...");
    buffer_add(to, SLICE("SYNC\r\n"));
    return GREETING_WHOLE;
}

enum greeting_outcome greeting_hear(struct greeting *greeting, struct slice line,
                                    struct buffer *to)
{
    if (line.len == 0)
        return GREETING_MORE;
    switch (greeting->step) {
    case PINGED:
        return hear_pong(greeting, line, to);
    case SIGNED_IN:
        if (line.at[0] == '-') {
            log_line(greeting->log, LOG_WARNING, "Unable to AUTH to MASTER: %.*s", shown(line),
                     line.at);
            return GREETING_FAILED;
        }
        go_on(greeting, TOLD_PORT, to);
        return GREETING_MORE;
    case TOLD_PORT:
        hear_anything(greeting, line, "listening-port");
        go_on(greeting, TOLD_ADDRESS, to);
        return GREETING_MORE;
    case TOLD_ADDRESS:
        hear_anything(greeting, line, "ip-address");
        go_on(greeting, TOLD_CAPABILITIES, to);
        return GREETING_MORE;
    case TOLD_CAPABILITIES:
        hear_anything(greeting, line, "capa");
        go_on(greeting, ASKED, to);
        return GREETING_MORE;
    case ASKED:
        return hear_answer(greeting, line, to);
    default:
        return GREETING_FAILED;
    }
}

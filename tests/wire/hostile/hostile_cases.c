#include "tests/wire/hostile/hostile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000, IDLE_CONNECTIONS = 10000, MILLION = 1000000 };

static void sleep_ms(long ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}

static struct talker call_in(struct hostile *hostile)
{
    struct talker talker = { .fd = server_connect(hostile->server) };

    if (talker.fd < 0)
        text_print(&hostile->trouble, "no connection: %s; ", strerror(errno));
    return talker;
}

static void leave(struct talker *talker)
{
    if (talker->fd >= 0)
        close(talker->fd);
    text_clear(&talker->heard);
    talker->fd = -1;
}

/* The next reply must begin like this in the notation of talks; NULL: none may come. */
static void expect(struct hostile *hostile, struct talker *talker, const char *wanted)
{
    struct talk_reply reply;
    struct text got = { 0 };
    enum hearing hearing = talker_hear(talker, &reply, wanted == NULL ? 50 : PATIENCE_MS);

    if (hearing == HEARD) {
        talk_reply_print(&reply, &got);
        talk_reply_clear(&reply);
    } else {
        text_say(&got, hearing == HEARD_NOTHING ? "(nothing)" : "(closed)");
    }
    bool fits =
        wanted == NULL ? hearing == HEARD_NOTHING : strncmp(got.at, wanted, strlen(wanted)) == 0;
    if (!fits)
        text_print(&hostile->trouble, "expected %s, got %.100s; ",
                   wanted == NULL ? "silence" : wanted, got.at);
    text_clear(&got);
}

static void expect_closed(struct hostile *hostile, struct talker *talker)
{
    struct talk_reply reply;
    enum hearing hearing = talker_hear(talker, &reply, PATIENCE_MS);

    if (hearing == HEARD)
        talk_reply_clear(&reply);
    if (hearing != HEARD_CLOSED)
        text_say(&hostile->trouble, "the connection was not closed; ");
}

/* Sends bytes on a fresh connection and expects an error and the end of it. */
static void refused(struct hostile *hostile, const char *bytes, size_t length, const char *wanted)
{
    struct talker talker = call_in(hostile);

    talker_send(&talker, bytes, length);
    expect(hostile, &talker, wanted);
    expect_closed(hostile, &talker);
    leave(&talker);
}

static void refused_line(struct hostile *hostile, const char *bytes, const char *wanted)
{
    refused(hostile, bytes, strlen(bytes), wanted);
}

static void say(struct talker *talker, const char *bytes)
{
    talker_send(talker, bytes, strlen(bytes));
}

static void half_a_command(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);

    say(&talker, "*2\r\n$3\r\nGET\r\n$100\r\nabc");
    expect(hostile, &talker, NULL);
    leave(&talker);
}

static void byte_by_byte(struct hostile *hostile)
{
    static const char bytes[] = "*3\r\n$3\r\nSET\r\n$4\r\nslow\r\n$5\r\nvalue\r\n";
    struct talker talker = call_in(hostile);

    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        talker_send(&talker, bytes + i, 1);
        sleep_ms(1);
    }
    expect(hostile, &talker, "OK");
    leave(&talker);
}

static void bulk_of_600_mb(struct hostile *hostile)
{
    refused_line(hostile, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$629145600\r\n",
                 "! ERR Protocol error: invalid bulk length");
}

/* Announced, allowed, and never sent: it must not cost what it announced. */
static void bulk_of_500_mb_never_sent(struct hostile *hostile)
{
    struct talker talkers[8];

    for (size_t i = 0; i < 8; i++) {
        talkers[i] = call_in(hostile);
        say(&talkers[i], "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$524288000\r\nabc");
    }
    sleep_ms(200);
    for (size_t i = 0; i < 8; i++) {
        expect(hostile, &talkers[i], NULL);
        leave(&talkers[i]);
    }
}

static void million_arguments(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);
    struct text request = { 0 };

    text_print(&request, "*%d\r\n$3\r\nDEL\r\n", MILLION + 1);
    for (int i = 0; i < MILLION; i++)
        text_say(&request, "$1\r\nx\r\n");
    talker_send(&talker, request.at, request.length);
    expect(hostile, &talker, "0");
    text_clear(&request);
    leave(&talker);
}

static void million_arguments_never_sent(struct hostile *hostile)
{
    struct talker talkers[16];

    for (size_t i = 0; i < 16; i++) {
        talkers[i] = call_in(hostile);
        say(&talkers[i], "*1000000\r\n$3\r\nDEL\r\n$1\r\nx\r\n");
    }
    sleep_ms(100);
    for (size_t i = 0; i < 16; i++) {
        expect(hostile, &talkers[i], NULL);
        leave(&talkers[i]);
    }
}

static void negative_lengths(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);

    refused_line(hostile, "*1\r\n$-5\r\n", "! ERR Protocol error: invalid bulk length");
    say(&talker, "*-5\r\n*-1\r\n*0\r\nPING\r\n");
    expect(hostile, &talker, "PONG");
    leave(&talker);
}

static void lengths_that_overflow(struct hostile *hostile)
{
    refused_line(hostile, "*1\r\n$99999999999999999999\r\n", "! ERR Protocol error");
    refused_line(hostile, "*99999999999999999999\r\n", "! ERR Protocol error");
    refused_line(hostile, "*4294967297\r\n", "! ERR Protocol error");
    refused_line(hostile, "*1\r\n$4294967300\r\n", "! ERR Protocol error");
    refused_line(hostile, "*1\r\n$ 4\r\nPING\r\n", "! ERR Protocol error");
    refused_line(hostile, "*1\r\n*1\r\n$4\r\nPING\r\n", "! ERR Protocol error: expected '$'");
}

static void header_without_end(struct hostile *hostile)
{
    struct text bytes = { 0 };

    for (int i = 0; i < 70000; i++)
        text_say(&bytes, "1");
    bytes.at[0] = '*';
    refused(hostile, bytes.at, bytes.length, "! ERR Protocol error: too big mbulk count string");
    text_clear(&bytes);
}

static void huge_inline(struct hostile *hostile)
{
    struct text bytes = { 0 };

    for (int i = 0; i < 1000000; i++)
        text_say(&bytes, "x");
    refused(hostile, bytes.at, bytes.length, "! ERR Protocol error: too big inline request");
    text_clear(&bytes);
}

static void inline_of_many_words(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);
    struct text bytes = { 0 };

    text_say(&bytes, "DEL");
    for (int i = 0; i < 30000; i++)
        text_say(&bytes, " x");
    text_say(&bytes, "\r\n");
    talker_send(&talker, bytes.at, bytes.length);
    expect(hostile, &talker, "0");
    text_clear(&bytes);
    leave(&talker);
}

/* Whatever it makes of it, the server must not mind. */
static void garbage(struct hostile *hostile)
{
    unsigned seed = 42;

    for (int i = 0; i < 50; i++) {
        struct talker talker = call_in(hostile);
        char bytes[65536];

        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j] = (char)rand_r(&seed);
        if (i % 3 == 0)
            memcpy(bytes, "*3\r\n$3\r\nSET\r\n$", 15);
        if (i % 3 == 1)
            memcpy(bytes, "*1\r\n$-", 6);
        talker_send(&talker, bytes, sizeof bytes);
        leave(&talker);
    }
}

static void commands_that_are_none(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);
    struct text bytes = { 0 };

    say(&talker, "*1\r\n$0\r\n\r\n");
    expect(hostile, &talker, "! \"ERR unknown command ''");
    text_say(&bytes, "*1\r\n$1000000\r\n");
    for (int i = 0; i < 100000; i++)
        text_say(&bytes, "nosuchthin");
    text_say(&bytes, "\r\n");
    talker_send(&talker, bytes.at, bytes.length);
    expect(hostile, &talker, "! \"ERR unknown command 'nosuchthin");
    text_clear(&bytes);
    leave(&talker);
}

static void a_long_pipeline(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);
    struct text bytes = { 0 };
    size_t heard = 0;

    for (int i = 0; i < 100000; i++)
        text_say(&bytes, "PING\r\n");
    pid_t sender = fork();
    if (sender == 0) {
        talker_send(&talker, bytes.at, bytes.length);
        _exit(0);
    }
    while (heard < 7 * 100000) {
        char block[65536];
        ssize_t got = read(talker.fd, block, sizeof block);

        if (got <= 0)
            break;
        heard += (size_t)got;
    }
    if (heard != 7 * 100000)
        text_print(&hostile->trouble, "%zu bytes of replies; ", heard);
    text_clear(&bytes);
    leave(&talker);
}

/* Asks for 40 MB and does not read: the server keeps them, but not more. */
static void who_never_reads(struct hostile *hostile)
{
    struct talker writer = call_in(hostile);
    struct talker talker = call_in(hostile);
    struct text bytes = { 0 };

    text_say(&bytes, "*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$1000000\r\n");
    for (int i = 0; i < 100000; i++)
        text_say(&bytes, "0123456789");
    text_say(&bytes, "\r\n");
    talker_send(&writer, bytes.at, bytes.length);
    expect(hostile, &writer, "OK");
    for (int i = 0; i < 40; i++)
        say(&talker, "GET large\r\n");
    sleep_ms(300);
    leave(&talker);
    say(&writer, "DEL large\r\n");
    expect(hostile, &writer, "1");
    text_clear(&bytes);
    leave(&writer);
}

/* Each is looked for among those that are watched already, and may not be compared with all. */
static void many_watched_keys(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);

    for (int round = 0; round < 20; round++) {
        struct text bytes = { 0 };

        text_say(&bytes, "*5001\r\n$5\r\nWATCH\r\n");
        for (int i = 0; i < 5000; i++)
            text_print(&bytes, "$8\r\nk%07d\r\n", round * 5000 + i);
        talker_send(&talker, bytes.at, bytes.length);
        expect(hostile, &talker, "OK");
        text_clear(&bytes);
    }
    leave(&talker);
}

static void many_channels(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);
    struct text bytes = { 0 };
    struct talk_reply reply;

    text_say(&bytes, "*20001\r\n$9\r\nSUBSCRIBE\r\n");
    for (int i = 0; i < 20000; i++)
        text_print(&bytes, "$8\r\nch%06d\r\n", i);
    talker_send(&talker, bytes.at, bytes.length);
    for (int i = 0; i < 20000; i++) {
        if (talker_hear(&talker, &reply, PATIENCE_MS) != HEARD) {
            text_print(&hostile->trouble, "only %d subscriptions; ", i);
            break;
        }
        talk_reply_clear(&reply);
    }
    text_clear(&bytes);
    leave(&talker);
}

static void come_and_go(struct hostile *hostile)
{
    for (int i = 0; i < 3000; i++) {
        struct talker talker = call_in(hostile);

        if (i % 2 == 0)
            say(&talker, "*1\r\n$4\r\nPI");
        leave(&talker);
    }
}

static void idle_connections(struct hostile *hostile)
{
    struct talker *talkers = need(NULL, IDLE_CONNECTIONS * sizeof *talkers);
    size_t open = 0;

    while (open < IDLE_CONNECTIONS) {
        talkers[open] = (struct talker){ .fd = server_connect(hostile->server) };
        /* The listening queue may be full for a moment: the server has one turn to empty it. */
        for (int tries = 0; talkers[open].fd < 0 && tries < 500; tries++) {
            sleep_ms(2);
            talkers[open].fd = server_connect(hostile->server);
        }
        if (talkers[open].fd < 0)
            break;
        open++;
    }
    if (open < IDLE_CONNECTIONS)
        text_print(&hostile->trouble, "only %zu connections: %s; ", open, strerror(errno));
    for (size_t i = 0; i < open; i += 100) {
        say(&talkers[i], "PING\r\n");
        expect(hostile, &talkers[i], "PONG");
    }
    sleep_ms(300);
    for (size_t i = 0; i < open; i++)
        leave(&talkers[i]);
    free(talkers);
}

/* Says a line so many times, a number in it, and counts the replies, which are lines too. */
static void say_often(struct hostile *hostile, struct talker *talker, const char *line, int times)
{
    enum { BATCH = 10000 };
    struct text bytes = { 0 };
    char block[65536];

    for (int i = 0; i < times;) {
        int lines = 0;

        bytes.length = 0;
        for (int end = i + BATCH < times ? i + BATCH : times; i < end; i++, lines++)
            text_print(&bytes, line, i);
        talker_send(talker, bytes.at, bytes.length);
        while (lines > 0) {
            ssize_t got = read(talker->fd, block, sizeof block);

            if (got <= 0 || block[0] == '-') {
                text_print(&hostile->trouble, "refused: %.*s; ", got > 60 ? 60 : (int)got, block);
                text_clear(&bytes);
                return;
            }
            for (ssize_t at = 0; at < got; at++)
                lines -= block[at] == '\n';
        }
    }
    text_clear(&bytes);
}

static void million_groups(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);

    say(&talker, "XADD million 1-1 f v\r\n");
    expect(hostile, &talker, "\"1-1\"");
    say_often(hostile, &talker, "XGROUP CREATE million g%07d 0\r\n", 1000000);
    say(&talker, "XREADGROUP GROUP g0500000 c STREAMS million >\r\n");
    expect(hostile, &talker, "[[\"million\", [[\"1-1\"");
    say(&talker, "XADD million 1-2 f v\r\n");
    expect(hostile, &talker, "\"1-2\"");
    say(&talker, "XGROUP DESTROY million g0999999\r\n");
    expect(hostile, &talker, "1");
    say(&talker, "UNLINK million\r\n");
    expect(hostile, &talker, "1");
    sleep_ms(500);
    leave(&talker);
}

static void million_consumers(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);

    say(&talker, "XGROUP CREATE million g $ MKSTREAM\r\n");
    expect(hostile, &talker, "OK");
    say_often(hostile, &talker, "XGROUP CREATECONSUMER million g c%07d\r\n", 1000000);
    say(&talker, "XADD million 1-1 f v\r\n");
    expect(hostile, &talker, "\"1-1\"");
    say(&talker, "XREADGROUP GROUP g c0999999 STREAMS million >\r\n");
    expect(hostile, &talker, "[[\"million\", [[\"1-1\"");
    say(&talker, "XPENDING million g - + 10 c0999999\r\n");
    expect(hostile, &talker, "[[\"1-1\", \"c0999999\"");
    say(&talker, "XGROUP DESTROY million g\r\n");
    expect(hostile, &talker, "1");
    say(&talker, "DEL million\r\n");
    expect(hostile, &talker, "1");
    sleep_ms(500);
    leave(&talker);
}

/* IDs that a stream must remember, each of a megabyte. */
static void long_message_names(struct hostile *hostile)
{
    struct talker talker = call_in(hostile);
    struct text bytes = { 0 };

    for (int i = 0; i < 50; i++) {
        bytes.length = 0;
        text_print(&bytes,
                   "*8\r\n$4\r\nXADD\r\n$5\r\nnames\r\n$4\r\nIDMP\r\n$1\r\np\r\n"
                   "$1000000\r\n%06d", i);
        for (int j = 0; j < 99994; j++)
            text_say(&bytes, "0123456789");
        text_say(&bytes, "012345678901234567890123456789012345678901234567890123"
                         "\r\n$1\r\n*\r\n$1\r\nf\r\n$1\r\nv\r\n");
        talker_send(&talker, bytes.at, bytes.length);
        expect(hostile, &talker, "\"");
    }
    say(&talker, "XLEN names\r\nDEL names\r\n");
    expect(hostile, &talker, "50");
    expect(hostile, &talker, "1");
    text_clear(&bytes);
    leave(&talker);
}

const struct hostile_case *hostile_cases(void)
{
    static const struct hostile_case cases[] = {
        { "half a command", half_a_command, 2 },
        { "a command byte by byte", byte_by_byte, 2 },
        { "a bulk header of 600 MB", bulk_of_600_mb, 2 },
        { "8 bulk headers of 500 MB, never sent", bulk_of_500_mb_never_sent, 16 },
        { "a command of a million arguments", million_arguments, 200 },
        { "16 times a million arguments, never sent", million_arguments_never_sent, 16 },
        { "negative lengths", negative_lengths, 2 },
        { "lengths that overflow", lengths_that_overflow, 2 },
        { "a header without end", header_without_end, 4 },
        { "an inline command of a megabyte", huge_inline, 8 },
        { "an inline command of 30,000 words", inline_of_many_words, 8 },
        { "garbage", garbage, 16 },
        { "commands that are none", commands_that_are_none, 8 },
        { "a pipeline of 100,000", a_long_pipeline, 16 },
        { "who never reads", who_never_reads, 60 },
        { "20,000 channels at once", many_channels, 32 },
        { "100,000 watched keys", many_watched_keys, 32 },
        { "3,000 connections that come and go", come_and_go, 32 },
        { "10,000 idle connections", idle_connections, 64 },
        { "a million groups of a stream", million_groups, 400 },
        { "a million consumers of a group", million_consumers, 200 },
        { "50 names of messages, a megabyte each", long_message_names, 16 },
        { NULL, NULL, 0 },
    };

    return cases;
}

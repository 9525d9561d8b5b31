/*
 * What must hold after a restart:
 *   (1) Each job whose push was acknowledged lies in exactly one list, once; one
 *       that was not acknowledged lies in at most one.
 *   (2) A move whose reply came is done.
 *   (3) Each entry whose XADD was acknowledged is in the stream once, in order.
 *   (4) An entry whose XACK was acknowledged is neither pending nor still to be
 *       delivered; of the others at most one a reader was acknowledged in doubt.
 *   (5) A key has the last value acknowledged or the one said after it.
 *   (6) The three parts of a transaction agree, and it is there if acknowledged.
 */
#include "tests/wire/crash/crash_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/wire/talker.h"

enum { PATIENCE_MS = 60000, PAGE = 5000, TOLD_AT_MOST = 20 };

/* An entry of the stream, in order of its ID. */
struct stored {
    char id[48];
    int adder;
    long number;
    bool pending;
};

struct check {
    struct talker talker;
    struct accounts *accounts;
    struct findings *findings;
    uint8_t *seen; /* per producer or adder and number */
    struct stored *entries;
    size_t entry_count;
};

__attribute__((format(printf, 3, 4))) static void find(struct check *check, long *count,
                                                       const char *format, ...)
{
    va_list arguments;

    if (check->findings->lost + check->findings->doubled + check->findings->other < TOLD_AT_MOST) {
        printf("  ");
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
    }
    (*count)++;
}

__attribute__((format(printf, 3, 4))) static void ask(struct check *check, struct talk_reply *reply,
                                                      const char *format, ...)
{
    char line[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (talker_ask(&check->talker, line, reply, PATIENCE_MS) != HEARD ||
        reply->kind == REPLY_ERROR) {
        printf("crash: the restarted server does not answer %s\n", line);
        exit(1);
    }
}

static long ask_number(struct check *check, const char *command, const char *key, int index)
{
    struct talk_reply reply;

    ask(check, &reply, "%s %s:%d", command, key, index);
    long number = reply.text.at == NULL ? 0 : strtol(reply.text.at, NULL, 10);
    talk_reply_clear(&reply);
    return number;
}

/* Marks one "owner:number" or one entry as seen. */
static void see(struct check *check, const struct account *accounts, long owner, long number)
{
    uint8_t *seen = &check->seen[owner * NUMBERS + number];

    if (number > accounts[owner].said)
        find(check, &check->findings->other, "%ld:%ld was never said", owner, number);
    if (++*seen == 2)
        find(check, &check->findings->doubled, "%ld:%ld is there twice", owner, number);
}

/* Everything acknowledged was seen; what was in doubt is settled. */
static void settle(struct check *check, const char *what, struct account *accounts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (long n = 1; n <= accounts[i].acked; n++) {
            if (check->seen[i * NUMBERS + (size_t)n] == 0)
                find(check, &check->findings->lost, "%s %zu:%ld of %lld is lost", what, i, n,
                     (long long)accounts[i].acked);
        }
        if (accounts[i].said > accounts[i].acked &&
            check->seen[i * NUMBERS + (size_t)accounts[i].said] > 0)
            accounts[i].acked = accounts[i].said;
    }
    memset(check->seen, 0, count * NUMBERS);
}

static long walk_list(struct check *check, const char *key)
{
    long length = 0;

    for (;;) {
        struct talk_reply reply;

        ask(check, &reply, "LRANGE %s %ld %ld", key, length, length + PAGE - 1);
        for (size_t i = 0; i < reply.count; i++) {
            char *colon;
            long owner = strtol(reply.parts[i].text.at, &colon, 10);

            see(check, check->accounts->producers, owner, strtol(colon + 1, NULL, 10));
        }
        size_t got = reply.count;
        talk_reply_clear(&reply);
        length += (long)got;
        if (got < PAGE)
            return length;
    }
}

static void check_jobs(struct check *check)
{
    walk_list(check, "jobs");
    for (int i = 0; i < MOVERS; i++) {
        char key[32];
        struct account *mover = &check->accounts->movers[i];

        snprintf(key, sizeof key, "done:%d", i);
        long length = walk_list(check, key);
        if (length < mover->acked)
            find(check, &check->findings->lost, "done:%d has %ld of %lld moves", i, length,
                 (long long)mover->acked);
        if (length > mover->acked + 1)
            find(check, &check->findings->other, "done:%d has %ld of %lld moves", i, length,
                 (long long)mover->acked);
        mover->acked = length;
    }
    settle(check, "job", check->accounts->producers, PRODUCERS);
}

static void remember(struct check *check, const struct talk_reply *entry)
{
    struct stored stored = { .adder = (int)strtol(entry->parts[1].parts[1].text.at, NULL, 10),
                             .number = strtol(entry->parts[1].parts[3].text.at, NULL, 10) };

    snprintf(stored.id, sizeof stored.id, "%s", entry->parts[0].text.at);
    if ((check->entry_count & (check->entry_count + 1)) == 0)
        check->entries = need(check->entries, (check->entry_count + 1) * 2 * sizeof stored);
    check->entries[check->entry_count++] = stored;
    see(check, check->accounts->adders, stored.adder, stored.number);
}

static void read_stream(struct check *check)
{
    long last[ADDERS] = { 0 };
    char from[64] = "-";

    for (;;) {
        struct talk_reply reply;

        ask(check, &reply, "XRANGE s %s + COUNT %d", from, PAGE);
        for (size_t i = 0; i < reply.count; i++) {
            remember(check, &reply.parts[i]);
            const struct stored *stored = &check->entries[check->entry_count - 1];
            if (stored->number <= last[stored->adder])
                find(check, &check->findings->other, "%s is out of order", stored->id);
            last[stored->adder] = stored->number;
        }
        size_t got = reply.count;
        talk_reply_clear(&reply);
        if (got < PAGE)
            return;
        snprintf(from, sizeof from, "(%s", check->entries[check->entry_count - 1].id);
    }
}

/* Both come in order of ID, so one walk finds all. */
static void mark_pending(struct check *check)
{
    char from[64] = "-";
    size_t at = 0;

    for (;;) {
        struct talk_reply reply;

        ask(check, &reply, "XPENDING s g %s + %d", from, PAGE);
        for (size_t i = 0; i < reply.count; i++) {
            const char *id = reply.parts[i].parts[0].text.at;

            while (at < check->entry_count && strcmp(check->entries[at].id, id) != 0)
                at++;
            if (at == check->entry_count)
                find(check, &check->findings->other, "pending %s is not in the stream", id);
            else
                check->entries[at].pending = true;
            snprintf(from, sizeof from, "(%s", id);
        }
        size_t got = reply.count;
        talk_reply_clear(&reply);
        if (got < PAGE)
            return;
    }
}

static bool id_is_behind(const char *id, const char *mark)
{
    char *rest;
    char *mark_rest;
    unsigned long long ms = strtoull(id, &rest, 10);
    unsigned long long mark_ms = strtoull(mark, &mark_rest, 10);

    if (ms != mark_ms)
        return ms > mark_ms;
    return strtoull(rest + 1, NULL, 10) > strtoull(mark_rest + 1, NULL, 10);
}

static void check_deliveries(struct check *check)
{
    struct talk_reply reply;
    char delivered[64] = "0-0";
    long in_doubt = 0;

    ask(check, &reply, "XINFO GROUPS s");
    for (size_t i = 0; reply.count > 0 && i + 1 < reply.parts[0].count; i += 2) {
        if (strcmp(reply.parts[0].parts[i].text.at, "last-delivered-id") == 0)
            snprintf(delivered, sizeof delivered, "%s", reply.parts[0].parts[i + 1].text.at);
    }
    talk_reply_clear(&reply);
    mark_pending(check);
    for (size_t i = 0; i < check->entry_count; i++) {
        const struct stored *stored = &check->entries[i];
        volatile uint8_t *acked = &check->accounts->acknowledged[stored->adder][stored->number];
        bool to_come = stored->pending || id_is_behind(stored->id, delivered);

        if (*acked > 0 && to_come)
            find(check, &check->findings->doubled, "%s was acknowledged and would come again",
                 stored->id);
        if (*acked == 0 && !to_come) {
            in_doubt++;
            *acked = 1;
        }
    }
    if (in_doubt > READERS)
        find(check, &check->findings->lost, "%ld entries are gone from the group unprocessed",
             in_doubt);
}

static void check_stream(struct check *check)
{
    read_stream(check);
    settle(check, "entry", check->accounts->adders, ADDERS);
    check_deliveries(check);
    free(check->entries);
    check->entries = NULL;
    check->entry_count = 0;
}

static void check_keys(struct check *check)
{
    for (int i = 0; i < SETTERS; i++) {
        struct account *setter = &check->accounts->setters[i];

        for (int j = 0; j < SET_KEYS; j++) {
            char key[32];

            snprintf(key, sizeof key, "k:%d", i);
            long value = ask_number(check, "GET", key, j);
            if (value < check->accounts->set_to[i][j])
                find(check, &check->findings->lost, "k:%d:%d is %ld, was %lld", i, j, value,
                     (long long)check->accounts->set_to[i][j]);
            if (value > setter->said)
                find(check, &check->findings->other, "k:%d:%d is %ld", i, j, value);
            check->accounts->set_to[i][j] = value;
            if (value > setter->acked)
                setter->acked = value;
        }
    }
}

static void check_batches(struct check *check)
{
    for (int i = 0; i < BATCHERS; i++) {
        struct account *batcher = &check->accounts->batchers[i];
        long first = ask_number(check, "GET", "a", i);
        long second = ask_number(check, "LLEN", "b", i);
        long third = ask_number(check, "GET", "c", i);

        if (first != second || second != third)
            find(check, &check->findings->other, "a transaction is in parts: %ld %ld %ld", first,
                 second, third);
        if (first < batcher->acked)
            find(check, &check->findings->lost, "%ld of %lld transactions", first,
                 (long long)batcher->acked);
        if (first > batcher->said)
            find(check, &check->findings->doubled, "%ld of %lld transactions", first,
                 (long long)batcher->said);
        batcher->acked = first;
    }
}

void crash_check(const struct server *server, struct accounts *accounts, struct findings *findings)
{
    size_t room = (PRODUCERS > ADDERS ? PRODUCERS : ADDERS) * (size_t)NUMBERS;
    struct check check = { .talker = { .fd = server_connect(server) },
                           .accounts = accounts,
                           .findings = findings,
                           .seen = need(NULL, room) };

    memset(check.seen, 0, room);
    check_jobs(&check);
    check_stream(&check);
    check_keys(&check);
    check_batches(&check);
    findings->doubled += accounts->doubled;
    accounts->doubled = 0;
    free(check.seen);
    text_clear(&check.talker.heard);
    close(check.talker.fd);
}

/*
 * The life of each round goes through everything that saves, rewrites or rotates,
 * so that a point added to points.def is met without a word here. A point that is
 * met only over a torn log is looked for a second time behind one.
 */
#include "tests/wire/crash/crash_points.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/wire/aof_tail.h"
#include "tests/wire/talker.h"

enum { LIFE_MS = 30, PATIENCE_MS = 10000 };

/* The list itself, not a copy of it. */
static const struct {
    const char *name;
    const char *state;
} points[] = {
#define POINT(name, state) { #name, state },
#include "storage/persist/points.def"
#undef POINT
};

struct round {
    struct server *server;
    struct accounts *accounts;
    struct findings *findings;
    const char *name; /* of the point */
    int nth;
};

static void sleep_ms(long ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}

/* Says a line on a connection of its own. False if the server is gone. */
static bool say(const struct round *round, const char *line, struct talk_reply *reply)
{
    struct talker talker = { .fd = server_connect(round->server) };
    bool heard = talker.fd >= 0 && talker_ask(&talker, line, reply, PATIENCE_MS) == HEARD;

    text_clear(&talker.heard);
    if (talker.fd >= 0)
        close(talker.fd);
    return heard;
}

static bool told(const struct round *round, const char *line)
{
    struct talk_reply reply;

    if (!say(round, line, &reply))
        return false;
    talk_reply_clear(&reply);
    return true;
}

/* Waits until no child is at work and history is gone. False if the server is gone. */
static bool is_done(const struct round *round)
{
    for (long waited = 0; waited < PATIENCE_MS; waited += 5) {
        struct talk_reply reply;

        if (!say(round, "INFO persistence", &reply))
            return false;
        bool done = strstr(reply.text.at, "aof_rewrite_in_progress:0") != NULL &&
                    strstr(reply.text.at, "aof_rewrite_scheduled:0") != NULL &&
                    strstr(reply.text.at, "rdb_bgsave_in_progress:0") != NULL;
        talk_reply_clear(&reply);
        if (done)
            return true;
        sleep_ms(5);
    }
    return true;
}

/* Everything that has points. Ends with the server ended, at its point or in good order. */
static void live(const struct round *round)
{
    static const char *const under_load[] = { "BGREWRITEAOF", "BGSAVE" };
    static const char *const alone[] = { "SAVE", "CONFIG SET appendonly no",
                                         "CONFIG SET appendonly yes", "BGREWRITEAOF" };
    bool alive = true;

    load_start(round->server, round->accounts);
    sleep_ms(LIFE_MS);
    for (size_t i = 0; alive && i < sizeof under_load / sizeof *under_load; i++)
        alive = told(round, under_load[i]) && is_done(round);
    /* What is said while the log is off is not promised, so nothing is said then. */
    round->accounts->stop = true;
    load_wait(round->accounts);
    round->accounts->stop = false;
    for (size_t i = 0; alive && i < sizeof alone / sizeof *alone; i++)
        alive = told(round, alone[i]) && is_done(round);
}

/* Leaves half a statement at the end of the log. */
static bool tear(const struct server *server)
{
    char path[256];
    FILE *file = aof_newest(server_folder(server), path, sizeof path) ? fopen(path, "a") : NULL;

    if (file == NULL)
        return false;
    fputs("*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$100\r\nhalf of", file);
    return fclose(file) == 0;
}

static long count_leftovers(const char *folder, const char *below)
{
    char path[256];
    long count = 0;
    const struct dirent *entry;

    snprintf(path, sizeof path, "%s/%s", folder, below);
    DIR *listing = opendir(path);
    while (listing != NULL && (entry = readdir(listing)) != NULL)
        count += strncmp(entry->d_name, "temp-", 5) == 0;
    if (listing != NULL)
        closedir(listing);
    return count;
}

/* A new life after the end: everything is there, and nothing that was half made. */
static bool comes_back(const struct round *round)
{
    struct text trouble = { 0 };
    struct findings *findings = round->findings;

    if (!server_start(round->server, &trouble)) {
        printf("crash: after %s:%d: %s\n", round->name, round->nth, trouble.at);
        text_clear(&trouble);
        findings->lost++;
        return false;
    }
    /* It may have ended before it had a group; one that is there is not made again. */
    (void)told(round, "XGROUP CREATE s g 0 MKSTREAM");
    crash_check(round->server, round->accounts, findings);
    const char *folder = server_folder(round->server);
    /* A child that died with its parent may have been there still when it was started. */
    bool saved = is_done(round) && told(round, "SAVE"); /* a manifest may be under way */
    long left = count_leftovers(folder, ".") + count_leftovers(folder, "appendonlydir");
    if (!saved || left > 0) {
        printf("  %ld temporary files are left\n", left);
        findings->other++;
    }
    if (findings->lost + findings->doubled + findings->other == 0)
        return true;
    printf("crash: so it is after %s:%d\n", round->name, round->nth);
    return false;
}

/* Whether the server ended at the point. */
static bool play(const struct round *round, bool torn)
{
    struct text trouble = { 0 };
    char order[80];
    bool started;

    if (torn) {
        if (!server_start(round->server, &trouble) || !told(round, "XGROUP CREATE s g 0 MKSTREAM"))
            return false;
        server_crash(round->server);
        if (!tear(round->server))
            return false;
    }
    snprintf(order, sizeof order, "%s:%d", round->name, round->nth);
    setenv("MILLRACE_END_AT", order, 1);
    started = server_start(round->server, &trouble);
    unsetenv("MILLRACE_END_AT");
    text_clear(&trouble);
    if (!started)
        return true; /* if it was for another reason, it will not come back either */
    if (torn || told(round, "XGROUP CREATE s g 0 MKSTREAM"))
        live(round);
    sleep_ms(1);
    if (!server_runs(round->server))
        return true;
    server_stop(round->server);
    return false;
}

/* One round in a folder of its own. -1 if something is wrong, else whether the point was met. */
static int play_round(const struct server_setup *setup, struct round *round, bool torn)
{
    struct text trouble = { 0 };
    int met = -1;

    accounts_reset(round->accounts);
    round->server = server_new(setup, &trouble);
    if (round->server == NULL) {
        printf("crash: %s\n", trouble.at);
        round->findings->other++;
    } else {
        met = play(round, torn);
        if (met > 0 && !comes_back(round))
            met = -1;
    }
    text_clear(&trouble);
    server_free(round->server);
    return met;
}

bool crash_at_points(const struct server_setup *setup, struct accounts *accounts, int most,
                     struct findings *findings, struct point_rounds *done)
{
    for (int point = 0; point < (int)(sizeof points / sizeof *points); point++) {
        struct round round = { .accounts = accounts, .findings = findings,
                               .name = points[point].name };
        bool torn = false;
        int met = 1;

        for (round.nth = 1; met > 0 && round.nth <= most; round.nth++) {
            met = play_round(setup, &round, torn);
            if (met == 0 && round.nth == 1 && !torn)
                torn = true, met = play_round(setup, &round, torn);
            if (met < 0) {
                printf("  (%s: %s)\n", round.name, points[point].state);
                return false;
            }
            done->rounds += met;
            done->acknowledged += accounts_total(accounts);
            if (met == 0 && round.nth == 1) {
                printf("crash: no life comes by %s\n", round.name);
                done->never++;
            }
            done->points += met > 0 && round.nth == 1;
        }
    }
    return done->never == 0;
}

/*
 * crash: kills a server at random moments under load and looks whether what it
 * had acknowledged is there when it comes back.
 *
 *   crash --server PROGRAM [--oracle] [--rounds N] [--points N] [--seed N]
 *
 * appendfsync is always, so an acknowledgement is a promise. First it ends at each
 * named point of saving, rewriting and rotating, the first N times the point is passed
 * (crash_points.h); then at random. In every other round the AOF is being rewritten
 * when the blow falls.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/wire/crash/crash_check.h"
#include "tests/wire/crash/crash_load.h"
#include "tests/wire/crash/crash_points.h"
#include "tests/wire/server.h"
#include "tests/wire/talker.h"

enum { ROUNDS_A_FOLDER = 10, SHORTEST_MS = 20, LONGEST_MS = 400 };

struct plan {
    const char *program;
    bool oracle;
    long rounds;
    int points; /* how many times each is passed at most */
    unsigned seed;
};

static bool read_options(struct plan *plan, int count, char **words)
{
    static const struct option options[] = {
        { "server", required_argument, NULL, 's' },
        { "oracle", no_argument, NULL, 'o' },
        { "rounds", required_argument, NULL, 'r' },
        { "points", required_argument, NULL, 'p' },
        { "seed", required_argument, NULL, 'e' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            plan->program = optarg;
            break;
        case 'o':
            plan->oracle = true;
            break;
        case 'r':
            plan->rounds = strtol(optarg, NULL, 10);
            break;
        case 'p':
            plan->points = (int)strtol(optarg, NULL, 10);
            break;
        case 'e':
            plan->seed = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    if (plan->program == NULL && plan->oracle)
        plan->program = "redis-server";
    return plan->program != NULL;
}

static void sleep_ms(long ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}

static void ask_once(const struct server *server, const char *line)
{
    struct talker talker = { .fd = server_connect(server) };
    struct talk_reply reply;

    if (talker_ask(&talker, line, &reply, 10000) == HEARD)
        talk_reply_clear(&reply);
    text_clear(&talker.heard);
    close(talker.fd);
}

/* One life of the server: load, the blow, the restart, the check. */
static bool play_round(struct server *server, struct accounts *accounts, unsigned *seed, long round,
                       struct findings *findings)
{
    struct text trouble = { 0 };
    long life = SHORTEST_MS + rand_r(seed) % (LONGEST_MS - SHORTEST_MS);

    load_start(server, accounts);
    if (round % 2 == 1) {
        sleep_ms(life / 2);
        ask_once(server, "BGREWRITEAOF");
        sleep_ms(rand_r(seed) % 2 == 0 ? life / 2 : rand_r(seed) % 5);
    } else {
        sleep_ms(life);
    }
    server_crash(server);
    load_wait(accounts);
    if (!server_start(server, &trouble)) {
        printf("crash: round %ld: %s\n", round, trouble.at);
        findings->lost++;
        text_clear(&trouble);
        return false;
    }
    crash_check(server, accounts, findings);
    return findings->lost + findings->doubled + findings->other == 0;
}

int main(int count, char **words)
{
    struct plan plan = { .rounds = 50, .points = 1, .seed = (unsigned)time(NULL) };
    struct words options = { 0 };
    struct text trouble = { 0 };
    struct findings findings = { 0 };
    struct point_rounds at_points = { 0 };
    struct accounts *accounts = accounts_new();
    struct server *server = NULL;
    int64_t acknowledged = 0;
    long round = 0;

    if (!read_options(&plan, count, words) ||
        !words_split(&options, "--appendonly yes --appendfsync always")) {
        fputs("crash --server PROGRAM [--oracle] [--rounds N] [--points N] [--seed N]\n", stderr);
        return 2;
    }
    struct server_setup setup = { .program = plan.program,
                                  .oracle = plan.oracle,
                                  .options = &options };
    unsigned chance = plan.seed;
    bool fine = plan.oracle ||
                crash_at_points(&setup, accounts, plan.points, &findings, &at_points);
    accounts_reset(accounts);
    for (; fine && round + at_points.rounds < plan.rounds; round++) {
        if (round % ROUNDS_A_FOLDER == 0) {
            acknowledged += accounts_total(accounts);
            accounts_reset(accounts);
            server_free(server);
            server = server_new(&setup, &trouble);
            if (server == NULL || !server_start(server, &trouble)) {
                printf("crash: %s\n", trouble.at);
                return 1;
            }
            ask_once(server, "XGROUP CREATE s g 0 MKSTREAM");
        }
        fine = play_round(server, accounts, &chance, round, &findings);
    }
    acknowledged += accounts_total(accounts) + at_points.acknowledged;
    server_free(server);
    words_clear(&options);
    bool bad = findings.lost + findings.doubled + findings.other + at_points.never > 0;
    printf("crash: %ld rounds, %ld of them at %ld named points, %lld acknowledged, %ld lost, "
           "%ld doubled, %ld otherwise wrong (seed %u)\n",
           round + at_points.rounds, at_points.rounds, at_points.points, (long long)acknowledged,
           findings.lost, findings.doubled, findings.other, plan.seed);
    return bad;
}

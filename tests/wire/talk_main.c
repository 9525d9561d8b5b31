/*
 * talk: runs conversations with a server and says where it answered otherwise.
 *
 * The files are shared out among a few processes, each with a server of its
 * own: a pipe holds the number of each file, and whoever is free takes the next.
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/wire/talk_text.h"
#include "tests/wire/transcript.h"

enum { JOBS_AT_MOST = 16 };

static const char usage[] =
    "talk --server PROGRAM [options] FILES...\n"
    "  --oracle       the server is redis-server; talks marked @8 are skipped\n"
    "  --replay       after each talk load the AOF into a second server and compare\n"
    "  --record       fill in expectations that are missing\n"
    "  --no-aof       run without an AOF; talks that read it are skipped\n"
    "  --jobs N       how many servers work at once (2)\n"
    "  --patience MS  how long whatever is waited for may take (30000)\n"
    "  --option WORD  a further word for the server's command line; may be repeated\n";

struct plan {
    struct transcript_setup setup;
    struct words options;
    int jobs;
};

static bool read_options(struct plan *plan, int count, char **words)
{
    static const struct option options[] = {
        { "server", required_argument, NULL, 's' },
        { "oracle", no_argument, NULL, 'o' },
        { "replay", no_argument, NULL, 'y' },
        { "record", no_argument, NULL, 'r' },
        { "no-aof", no_argument, NULL, 'n' },
        { "jobs", required_argument, NULL, 'j' },
        { "patience", required_argument, NULL, 'p' },
        { "option", required_argument, NULL, 'x' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        struct text word = { 0 };

        switch (option) {
        case 's':
            plan->setup.program = optarg;
            break;
        case 'o':
            plan->setup.oracle = true;
            break;
        case 'y':
            plan->setup.replay = true;
            break;
        case 'r':
            plan->setup.record = true;
            break;
        case 'n':
            plan->setup.without_aof = true;
            break;
        case 'j':
            plan->jobs = (int)strtol(optarg, NULL, 10);
            break;
        case 'p':
            plan->setup.patience_ms = (int)strtol(optarg, NULL, 10);
            break;
        case 'x':
            text_say(&word, optarg);
            plan->options.at =
                need(plan->options.at, (plan->options.count + 1) * sizeof *plan->options.at);
            plan->options.at[plan->options.count++] = word;
            break;
        default:
            return false;
        }
    }
    if (plan->setup.program == NULL && plan->setup.oracle)
        plan->setup.program = "redis-server";
    plan->setup.options = &plan->options;
    return plan->setup.program != NULL && optind < count;
}

/* One process's share: takes files until there are none, then tells its counts. */
static void work(const struct plan *plan, char **files, int tasks, int results)
{
    struct transcript *transcript = transcript_new(&plan->setup);
    struct transcript_counts counts = { 0 };
    int next;

    while (read(tasks, &next, sizeof next) == sizeof next) {
        struct text story = { 0 };

        transcript_run(transcript, files[next], &story, &counts);
        if (story.length > 0 && write(1, story.at, story.length) < 0)
            break;
        text_clear(&story);
    }
    transcript_free(transcript);
    if (write(results, &counts, sizeof counts) < 0)
        _exit(2);
}

static void share_out(const struct plan *plan, char **files, int file_count,
                      struct transcript_counts *total)
{
    int tasks[2];
    int results[2];
    int jobs = plan->jobs < 1 ? 1 : plan->jobs > JOBS_AT_MOST ? JOBS_AT_MOST : plan->jobs;
    struct transcript_counts part;

    if (pipe(tasks) != 0 || pipe(results) != 0)
        return;
    for (int job = 0; job < jobs; job++) {
        if (fork() == 0) {
            close(tasks[1]);
            work(plan, files, tasks[0], results[1]);
            _exit(0);
        }
    }
    close(results[1]);
    for (int i = 0; i < file_count; i++) {
        if (write(tasks[1], &i, sizeof i) != sizeof i)
            break;
    }
    close(tasks[1]);
    close(tasks[0]);
    int reported = 0;
    for (; read(results[0], &part, sizeof part) == sizeof part; reported++) {
        total->passed += part.passed;
        total->failed += part.failed;
        total->skipped += part.skipped;
    }
    for (int job = 0; job < jobs; job++)
        wait(NULL);
    total->failed += jobs - reported;
}

int main(int count, char **words)
{
    struct plan plan = { .setup = { .patience_ms = 30000 }, .jobs = 2 };
    struct transcript_counts total = { 0 };

    if (!read_options(&plan, count, words)) {
        fputs(usage, stderr);
        return 2;
    }
    share_out(&plan, words + optind, count - optind, &total);
    words_clear(&plan.options);
    printf("talks: %d passed, %d failed, %d skipped\n", total.passed, total.failed, total.skipped);
    return total.failed > 0;
}

/*
 * millrace-bench: load by name against any server of the Redis protocol.
 *
 * Every workload runs in turns: prepare, load, tidy up, on the first server and
 * then on the second, the other way round in the next turn, so that what else
 * the machine does hits both alike.
 *
 * The status is 0 if all went well, 1 if a workload failed or something sent was
 * never heard, 2 if the command line is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "clients/bench/bench_load.h"
#include "clients/bench/bench_options.h"
#include "clients/bench/bench_report.h"
#include "clients/bench/bench_server.h"
#include "clients/bench/bench_workloads.h"

/* As many sockets as the system lets us have. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* One turn of one workload on one server, counted into its score. */
static void run_turn(struct bench_server *server, const struct bench_workload *workload,
                     const struct bench_options *options, struct bench_report *report,
                     struct bench_score *score)
{
    const struct bench_load_setup setup = { .where = server->where,
                                            .workload = workload,
                                            .options = options,
                                            .progress = bench_report_progress,
                                            .owner = report };
    struct bench_result *result = malloc(sizeof *result);

    if (result == NULL) {
        score->failed = true;
        snprintf(score->trouble.text, sizeof score->trouble.text, "no memory");
        return;
    }
    if (!bench_server_revive(server, &score->trouble) ||
        !bench_workloads_prepare(workload, server->link, options, &score->trouble)) {
        score->failed = true;
    } else {
        double before = bench_server_cpu(server);
        if (bench_load_run(&setup, result, &score->trouble)) {
            double after = bench_server_cpu(server);
            bench_score_add(score, result, before < 0 || after < 0 ? -1 : after - before);
        } else {
            score->failed = true;
        }
        /* A server that cannot tidy up now will be found out by the next turn. */
        struct mr_trouble unheeded;
        bench_workloads_tidy(workload, server->link, options, &unheeded);
    }
    free(result);
}

/* All turns of one workload. False if anything failed or was lost. */
static bool run_workload(struct bench_server *servers, size_t count,
                         const struct bench_workload *workload, const struct bench_options *options,
                         struct bench_report *report)
{
    struct bench_score *scores = calloc(count, sizeof *scores);
    bool fine = scores != NULL;

    for (size_t i = 0; fine && i < count; i++)
        fine = bench_score_init(&scores[i], options->rounds);
    for (unsigned turn = 0; fine && turn < options->rounds; turn++) {
        for (size_t i = 0; i < count; i++) {
            size_t server = turn % 2 == 0 ? i : count - 1 - i;
            if (!scores[server].failed)
                run_turn(&servers[server], workload, options, report, &scores[server]);
        }
    }
    if (fine)
        bench_report_add(report, workload, scores);
    else
        fputs("millrace-bench: no memory\n", stderr);
    for (size_t i = 0; scores != NULL && i < count; i++) {
        fine = fine && !scores[i].failed && scores[i].missing == 0;
        bench_score_clear(&scores[i]);
    }
    free(scores);
    return fine;
}

/* Everything once the servers are there. */
static bool run_all(struct bench_server *servers, size_t count, const struct bench_options *options)
{
    struct bench_report *report = bench_report_new(options, servers, count);
    struct mr_trouble trouble;
    bool fine = report != NULL;

    if (report == NULL)
        return false;
    bench_report_begin(report);
    for (size_t i = 0; i < options->chosen_count; i++)
        fine = run_workload(servers, count, options->chosen[i], options, report) && fine;
    if (!bench_report_finish(report, &trouble)) {
        fprintf(stderr, "millrace-bench: %s\n", trouble.text);
        fine = false;
    }
    bench_report_free(report);
    return fine;
}

int main(int count, char **words)
{
    struct bench_options options;
    struct bench_server servers[BENCH_SERVERS_MAX] = { { .where = NULL } };
    struct mr_trouble trouble;

    switch (bench_options_read(&options, count, words)) {
    case BENCH_WRONG:
        return 2;
    case BENCH_TOLD:
        return 0;
    case BENCH_RUN:
        break;
    }
    raise_limit();
    bool fine = bench_server_open(&servers[0], &options.first, &trouble) &&
                (!options.compares || bench_server_open(&servers[1], &options.second, &trouble));
    if (!fine)
        fprintf(stderr, "millrace-bench: %s\n", trouble.text);
    else
        fine = run_all(servers, options.compares ? 2 : 1, &options);
    for (size_t i = 0; i < BENCH_SERVERS_MAX; i++)
        bench_server_close(&servers[i]);
    return fine ? 0 : 1;
}

/*
 * Every line of the table is first a struct line of plain figures, so that the
 * table, the JSON and the ratios cannot tell different stories.
 */
#include "clients/bench/bench_report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

enum { FIGURES = 6 };

/* The latencies that are shown, in microseconds; the last is of 100 percent. */
static const char *const figure_names[FIGURES] = { "mean", "p50", "p90", "p99", "p99.9", "max" };
static const double figure_percents[FIGURES] = { 0, 50, 90, 99, 99.9, 100 };

struct line {
    uint64_t count;
    double rate;
    double figures[FIGURES];
    double cpu; /* microseconds; negative: not shown */
};

struct bench_report {
    const struct bench_options *options;
    const struct bench_server *servers;
    size_t server_count;
    FILE *out;
    bool live;  /* standard error is a terminal */
    bool shown; /* a line of progress stands there */
    cJSON *whole;
    cJSON *results; /* within whole */
    cJSON *ratios;
};

bool bench_score_init(struct bench_score *score, unsigned turns)
{
    *score = (struct bench_score){ 0 };
    score->asked.rates = calloc(turns, sizeof *score->asked.rates);
    score->heard.rates = calloc(turns, sizeof *score->heard.rates);
    if (score->asked.rates != NULL && score->heard.rates != NULL)
        return true;
    bench_score_clear(score);
    return false;
}

void bench_score_clear(struct bench_score *score)
{
    free(score->asked.rates);
    free(score->heard.rates);
    *score = (struct bench_score){ 0 };
}

static void column_add(struct bench_column *column, unsigned turn,
                       const struct bench_measure *measure)
{
    bench_histogram_merge(&column->latency, &measure->latency);
    column->rates[turn] =
        measure->seconds > 0 ? (double)measure->latency.count / measure->seconds : 0;
}

void bench_score_add(struct bench_score *score, const struct bench_result *result, double cpu)
{
    column_add(&score->asked, score->turns, &result->asked);
    column_add(&score->heard, score->turns, &result->heard);
    score->cpu = cpu < 0 || score->cpu < 0 ? -1 : score->cpu + cpu;
    score->empty += result->empty;
    score->missing += result->missing;
    score->unsent += result->unsent;
    score->turns++;
}

static int by_size(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static double median(const double *values, unsigned count)
{
    double sorted[1000];

    if (count == 0 || count > sizeof sorted / sizeof sorted[0])
        return 0;
    memcpy(sorted, values, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], by_size);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static struct line line_of(const struct bench_column *column, const struct bench_score *score,
                           bool shows_cpu)
{
    const struct bench_histogram *latency = &column->latency;
    struct line line = { .count = latency->count, .rate = median(column->rates, score->turns) };

    line.figures[0] = bench_histogram_mean(latency) / 1000;
    for (int i = 1; i < FIGURES; i++)
        line.figures[i] = (double)bench_histogram_percentile(latency, figure_percents[i]) / 1000;
    line.cpu = shows_cpu && score->cpu >= 0 && latency->count > 0
                   ? score->cpu * 1e6 / (double)latency->count
                   : -1;
    return line;
}

static const char *label_of(const struct bench_report *report, size_t server)
{
    return report->server_count == 1 ? "" : server == 0 ? "A" : "B";
}

struct bench_report *bench_report_new(const struct bench_options *options,
                                      const struct bench_server *servers, size_t count)
{
    struct bench_report *report = calloc(1, sizeof *report);

    if (report == NULL)
        return NULL;
    report->options = options;
    report->servers = servers;
    report->server_count = count;
    /* JSON on standard output must stand there alone. */
    report->out = options->json != NULL && strcmp(options->json, "-") == 0 ? stderr : stdout;
    report->live = isatty(STDERR_FILENO) == 1;
    report->whole = cJSON_CreateObject();
    return report;
}

void bench_report_free(struct bench_report *report)
{
    if (report == NULL)
        return;
    cJSON_Delete(report->whole);
    free(report);
}

static void note_options(struct bench_report *report)
{
    const struct bench_options *options = report->options;
    cJSON *noted = cJSON_AddObjectToObject(report->whole, "options");

    cJSON_AddNumberToObject(noted, "connections", options->connections);
    cJSON_AddNumberToObject(noted, "threads", options->threads);
    cJSON_AddNumberToObject(noted, "pipeline", options->pipeline);
    if (options->requests != UINT64_MAX)
        cJSON_AddNumberToObject(noted, "requests", (double)options->requests);
    cJSON_AddNumberToObject(noted, "seconds", options->seconds);
    cJSON_AddNumberToObject(noted, "rate", options->rate);
    cJSON_AddNumberToObject(noted, "size", (double)options->size);
    cJSON_AddNumberToObject(noted, "keys", (double)options->keyspace);
    cJSON_AddNumberToObject(noted, "producers", options->producers);
    cJSON_AddNumberToObject(noted, "workers", options->workers);
    cJSON_AddNumberToObject(noted, "subscribers", options->subscribers);
    cJSON_AddNumberToObject(noted, "group_count", options->group_count);
    cJSON_AddNumberToObject(noted, "backlog", (double)options->backlog);
    cJSON_AddNumberToObject(noted, "rounds", options->rounds);
}

void bench_report_begin(struct bench_report *report)
{
    const struct bench_options *options = report->options;
    cJSON *servers = cJSON_AddArrayToObject(report->whole, "servers");

    for (size_t i = 0; i < report->server_count; i++) {
        const struct bench_server *server = &report->servers[i];
        const char *label = label_of(report, i);
        cJSON *noted = cJSON_CreateObject();
        cJSON_AddStringToObject(noted, "label", label);
        cJSON_AddStringToObject(noted, "address", server->address);
        cJSON_AddStringToObject(noted, "version", server->version);
        cJSON_AddItemToArray(servers, noted);
        fprintf(report->out, "%s%s%s  %s\n", label, label[0] == 0 ? "" : "  ", server->address,
                server->version);
    }
    note_options(report);
    report->results = cJSON_AddArrayToObject(report->whole, "results");
    report->ratios = cJSON_AddArrayToObject(report->whole, "ratios");
    fprintf(report->out, "%u connections on %u thread%s, pipelines of %u, %zu bytes",
            options->connections, options->threads, options->threads == 1 ? "" : "s",
            options->pipeline, options->size);
    if (options->requests != UINT64_MAX)
        fprintf(report->out, ", %llu requests", (unsigned long long)options->requests);
    if (options->seconds > 0)
        fprintf(report->out, ", %g s", options->seconds);
    if (options->rate > 0)
        fprintf(report->out, ", %g due each second", options->rate);
    if (options->rounds > 1)
        fprintf(report->out, ", %u turns", options->rounds);
    fprintf(report->out, "\n\n%-9s%-11s%-5s%10s%11s", "workload", "measure", "", "count",
            "per second");
    for (int i = 1; i < FIGURES; i++)
        fprintf(report->out, "%7s us", figure_names[i]);
    fprintf(report->out, "%11s\n", "CPU us");
    fflush(report->out);
}

void bench_report_progress(void *owner, const struct bench_progress *progress)
{
    struct bench_report *report = owner;

    if (!report->live)
        return;
    fprintf(stderr, "\r\033[K%s  %.1f s  %llu asked, %.0f a second", progress->workload,
            progress->seconds, (unsigned long long)progress->asked,
            (double)progress->asked / progress->seconds);
    if (progress->heard > 0)
        fprintf(stderr, "  %llu heard", (unsigned long long)progress->heard);
    fflush(stderr);
    report->shown = true;
}

static void clear_progress(struct bench_report *report)
{
    if (report->shown)
        fputs("\r\033[K", stderr);
    report->shown = false;
}

static void print_line(const struct bench_report *report, const struct line *line)
{
    fprintf(report->out, "%10llu%11.0f", (unsigned long long)line->count, line->rate);
    for (int i = 1; i < FIGURES; i++)
        fprintf(report->out, "%10.*f", line->figures[i] < 9999 ? 1 : 0, line->figures[i]);
    if (line->cpu >= 0)
        fprintf(report->out, "   %8.2f", line->cpu);
    fputc('\n', report->out);
}

static void note_line(struct bench_report *report, const struct bench_workload *workload,
                      const char *measure, size_t server, const struct line *line,
                      const struct bench_score *score)
{
    cJSON *noted = cJSON_CreateObject();

    cJSON_AddStringToObject(noted, "workload", workload->name);
    cJSON_AddStringToObject(noted, "measure", measure);
    cJSON_AddStringToObject(noted, "server", report->servers[server].address);
    cJSON_AddNumberToObject(noted, "count", (double)line->count);
    cJSON_AddNumberToObject(noted, "per_second", line->rate);
    cJSON *latency = cJSON_AddObjectToObject(noted, "us");
    for (int i = 0; i < FIGURES; i++)
        cJSON_AddNumberToObject(latency, figure_names[i], line->figures[i]);
    if (line->cpu >= 0)
        cJSON_AddNumberToObject(noted, "cpu_us", line->cpu);
    cJSON_AddNumberToObject(noted, "empty", (double)score->empty);
    cJSON_AddNumberToObject(noted, "missing", (double)score->missing);
    cJSON_AddNumberToObject(noted, "unsent", (double)score->unsent);
    cJSON_AddItemToArray(report->results, noted);
}

static double ratio(double first, double second)
{
    return second > 0 ? first / second : 0;
}

static void tell_ratios(struct bench_report *report, const struct bench_workload *workload,
                        const char *measure, const struct line *first, const struct line *second)
{
    cJSON *noted = cJSON_CreateObject();
    double rate = ratio(first->rate, second->rate);

    cJSON_AddStringToObject(noted, "workload", workload->name);
    cJSON_AddStringToObject(noted, "measure", measure);
    cJSON_AddNumberToObject(noted, "per_second", rate);
    fprintf(report->out, "%-20s%-5s%10s%11.2f", "", "A/B", "", rate);
    for (int i = 1; i < FIGURES; i++) {
        double figure = ratio(first->figures[i], second->figures[i]);
        cJSON_AddNumberToObject(noted, figure_names[i], figure);
        fprintf(report->out, "%10.2f", figure);
    }
    if (first->cpu >= 0 && second->cpu > 0) {
        cJSON_AddNumberToObject(noted, "cpu_us", first->cpu / second->cpu);
        fprintf(report->out, "   %8.2f", first->cpu / second->cpu);
    }
    fputc('\n', report->out);
    cJSON_AddItemToArray(report->ratios, noted);
}

/* The lines of one role: one for each server, and their ratio. */
static void add_role(struct bench_report *report, const struct bench_workload *workload,
                     const struct bench_score *scores, bool hears)
{
    const char *measure = hears ? workload->hears.measure : workload->asks.measure;
    bool last = hears || workload->hears.measure == NULL;
    struct line lines[BENCH_SERVERS_MAX] = { 0 };
    size_t whole = 0;

    for (size_t i = 0; i < report->server_count; i++) {
        if (scores[i].failed)
            continue;
        lines[i] = line_of(hears ? &scores[i].heard : &scores[i].asked, &scores[i], last);
        fprintf(report->out, "%-9s%-11s%-5s", whole == 0 && !hears ? workload->name : "",
                whole == 0 ? measure : "", label_of(report, i));
        print_line(report, &lines[i]);
        note_line(report, workload, measure, i, &lines[i], &scores[i]);
        whole++;
    }
    if (whole == 2)
        tell_ratios(report, workload, measure, &lines[0], &lines[1]);
}

static void tell_remark(const struct bench_report *report, const char *label, uint64_t count,
                        const char *remark)
{
    if (count > 0)
        fprintf(report->out, "         %s%s%llu %s\n", label, label[0] == 0 ? "" : ": ",
                (unsigned long long)count, remark);
}

void bench_report_add(struct bench_report *report, const struct bench_workload *workload,
                      const struct bench_score *scores)
{
    clear_progress(report);
    add_role(report, workload, scores, false);
    if (workload->hears.measure != NULL)
        add_role(report, workload, scores, true);
    for (size_t i = 0; i < report->server_count; i++) {
        const struct bench_score *score = &scores[i];
        const char *label = label_of(report, i);
        tell_remark(report, label, score->empty, "requests were answered with nothing");
        tell_remark(report, label, score->missing, "were sent and never heard");
        tell_remark(report, label, score->unsent,
                    "were due and could not be sent: the rate is more than the server takes");
        if (!score->failed)
            continue;
        fprintf(report->out, "%-9s%s%s%s\n", workload->name, label, label[0] == 0 ? "" : ": ",
                score->trouble.text);
        cJSON *noted = cJSON_CreateObject();
        cJSON_AddStringToObject(noted, "workload", workload->name);
        cJSON_AddStringToObject(noted, "server", report->servers[i].address);
        cJSON_AddStringToObject(noted, "trouble", score->trouble.text);
        cJSON_AddItemToArray(report->results, noted);
    }
    fflush(report->out);
}

bool bench_report_finish(struct bench_report *report, struct mr_trouble *trouble)
{
    const char *path = report->options->json;

    if (path == NULL)
        return true;
    bool standard = strcmp(path, "-") == 0;
    char *text = cJSON_Print(report->whole);
    FILE *file = standard ? stdout : fopen(path, "w");
    bool fine = text != NULL && file != NULL && fputs(text, file) >= 0 && fputc('\n', file) >= 0;

    if (file != NULL && (standard ? fflush(file) : fclose(file)) != 0)
        fine = false;
    if (!fine)
        snprintf(trouble->text, sizeof trouble->text, "writing %.120s: %s", path,
                 text == NULL ? "no memory" : strerror(errno));
    cJSON_free(text);
    return fine;
}

/*
 * Every option that takes a number has its bounds in one table, so that a bad
 * one is refused here with a sentence and never reaches the load.
 */
#include "clients/bench/bench_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/bench/bench_workloads.h"

#define BENCH_VERSION "0.1.0"

enum {
    LONG_SECONDS = 256,
    LONG_RATE,
    LONG_WORKLOADS,
    LONG_PRODUCERS,
    LONG_WORKERS,
    LONG_SUBSCRIBERS,
    LONG_GROUP_COUNT,
    LONG_BACKLOG,
    LONG_ROUNDS,
    LONG_JSON,
    LONG_COMPARE,
    LONG_USER,
    LONG_HELP,
    LONG_VERSION
};

static const struct option long_options[] = {
    { "host", required_argument, NULL, 'h' },
    { "port", required_argument, NULL, 'p' },
    { "socket", required_argument, NULL, 's' },
    { "pass", required_argument, NULL, 'a' },
    { "user", required_argument, NULL, LONG_USER },
    { "connections", required_argument, NULL, 'c' },
    { "threads", required_argument, NULL, 't' },
    { "pipeline", required_argument, NULL, 'P' },
    { "requests", required_argument, NULL, 'n' },
    { "size", required_argument, NULL, 'd' },
    { "keys", required_argument, NULL, 'r' },
    { "seconds", required_argument, NULL, LONG_SECONDS },
    { "rate", required_argument, NULL, LONG_RATE },
    { "workloads", required_argument, NULL, LONG_WORKLOADS },
    { "producers", required_argument, NULL, LONG_PRODUCERS },
    { "workers", required_argument, NULL, LONG_WORKERS },
    { "subscribers", required_argument, NULL, LONG_SUBSCRIBERS },
    { "group-count", required_argument, NULL, LONG_GROUP_COUNT },
    { "backlog", required_argument, NULL, LONG_BACKLOG },
    { "rounds", required_argument, NULL, LONG_ROUNDS },
    { "json", required_argument, NULL, LONG_JSON },
    { "compare", required_argument, NULL, LONG_COMPARE },
    { "help", no_argument, NULL, LONG_HELP },
    { "version", no_argument, NULL, LONG_VERSION },
    { NULL, 0, NULL, 0 },
};

static const char usage[] =
    "millrace-bench " BENCH_VERSION "\n"
    "\n"
    "Usage: millrace-bench [OPTIONS]\n"
    "\n"
    "Where to\n"
    "  -h HOST, -p PORT       127.0.0.1, 6379\n"
    "  -s PATH                a unix socket instead\n"
    "  --user NAME, -a PASS   who asks (also from REDISCLI_AUTH)\n"
    "  --compare HOST:PORT    a second server, or /PATH; both in turns, then ratios\n"
    "  --rounds N             turns of each server: 1; 3 if two are compared\n"
    "\n"
    "How much\n"
    "  -n N                   requests of each workload and turn: 100000\n"
    "  --seconds S            end after so long; without -n there is no other end\n"
    "  --rate R               so many requests a second whatever the replies do (open\n"
    "                         loop); latency counts from when each was due\n"
    "  -c N                   connections: 50\n"
    "  -t N                   threads that share them: 1\n"
    "  -P N                   requests in a pipeline: 1\n"
    "  -d N                   bytes of a value, job or message: 32\n"
    "  -r N                   different keys: 100000\n"
    "  --producers N          connections that push, add or publish: 4\n"
    "  --workers N            connections that wait for jobs: 8\n"
    "  --subscribers N        connections that listen: 50\n"
    "  --group-count N        entries asked for by one XREADGROUP: 10\n"
    "  --backlog N            jobs under way before producers pause: 256; 0: never,\n"
    "                         nor with --rate\n"
    "\n"
    "What\n"
    "  --workloads A,B,...    some of these; all unless told:\n";

static const char usage_end[] =
    "\n"
    "Shown\n"
    "  --json FILE            the report once more, as JSON; - for standard output\n"
    "  --help, --version\n"
    "\n"
    "Keys begin with bench: and are removed before and after each turn.\n";

/* Says what is wrong with a word and returns false, for the caller to return. */
static bool wrong(const char *option, const char *wanted, const char *word)
{
    fprintf(stderr, "millrace-bench: %s wants %s, not '%s'\n", option, wanted, word);
    return false;
}

static bool read_whole(const char *option, const char *word, uint64_t least, uint64_t most,
                       uint64_t *number)
{
    char wanted[96];
    char *end;

    errno = 0;
    unsigned long long read = strtoull(word, &end, 10);
    if (word[0] >= '0' && word[0] <= '9' && *end == 0 && errno == 0 && read >= least &&
        read <= most) {
        *number = read;
        return true;
    }
    snprintf(wanted, sizeof wanted, "a whole number from %llu to %llu", (unsigned long long)least,
             (unsigned long long)most);
    return wrong(option, wanted, word);
}

static bool read_small(const char *option, const char *word, unsigned least, unsigned most,
                       unsigned *number)
{
    uint64_t read;
    if (!read_whole(option, word, least, most, &read))
        return false;
    *number = (unsigned)read;
    return true;
}

static bool read_real(const char *option, const char *word, double most, double *number)
{
    char wanted[96];
    char *end;
    double read = strtod(word, &end);

    if (end != word && *end == 0 && isfinite(read) && read > 0 && read <= most) {
        *number = read;
        return true;
    }
    snprintf(wanted, sizeof wanted, "a number above 0 and up to %.0f", most);
    return wrong(option, wanted, word);
}

static bool read_compare(struct bench_options *options, const char *word)
{
    const char *colon = strrchr(word, ':');
    unsigned port;

    options->compares = true;
    if (word[0] == '/') {
        options->second.path = word;
        return true;
    }
    size_t length = colon == NULL ? 0 : (size_t)(colon - word);
    if (colon == NULL || length >= sizeof options->second_host)
        return wrong("--compare", "HOST:PORT or /PATH", word);
    /* An IPv6 address stands in brackets, which are no part of it. */
    bool bracketed = length > 2 && word[0] == '[' && word[length - 1] == ']';
    snprintf(options->second_host, sizeof options->second_host, "%.*s",
             (int)(bracketed ? length - 2 : length), bracketed ? word + 1 : word);
    if (!read_small("the port of --compare", colon + 1, 1, 65535, &port))
        return false;
    options->second.host = length == 0 ? NULL : options->second_host;
    options->second.port = (int)port;
    return true;
}

/* Chooses the workloads of a list with commas between; all of them if it is NULL. */
static bool choose(struct bench_options *options, const char *list)
{
    size_t known;
    const struct bench_workload *all = bench_workloads_all(&known);

    options->chosen_count = 0;
    if (list == NULL) {
        for (size_t i = 0; i < known && i < BENCH_CHOSEN_MAX; i++)
            options->chosen[options->chosen_count++] = &all[i];
        return true;
    }
    while (true) {
        size_t length = strcspn(list, ",");
        const struct bench_workload *workload = bench_workloads_find(list, length);
        if (workload == NULL) {
            fprintf(stderr, "millrace-bench: no workload is called '%.*s'; there are", (int)length,
                    list);
            for (size_t i = 0; i < known; i++)
                fprintf(stderr, "%s %s", i == 0 ? "" : ",", all[i].name);
            fprintf(stderr, "\n");
            return false;
        }
        if (options->chosen_count == BENCH_CHOSEN_MAX) {
            fprintf(stderr, "millrace-bench: --workloads names more than %d\n", BENCH_CHOSEN_MAX);
            return false;
        }
        options->chosen[options->chosen_count++] = workload;
        if (list[length] == 0)
            return true;
        list += length + 1;
    }
}

/* Numbers of the load; false if the word is bad. */
static bool read_amount(struct bench_options *options, int option, const char *word)
{
    uint64_t size;

    switch (option) {
    case 'c':
        return read_small("-c", word, 1, 20000, &options->connections);
    case 't':
        return read_small("-t", word, 1, 64, &options->threads);
    case 'P':
        return read_small("-P", word, 1, 10000, &options->pipeline);
    case 'n':
        return read_whole("-n", word, 1, UINT64_C(1000000000000), &options->requests);
    case 'd':
        if (!read_whole("-d", word, 1, 64 << 20, &size))
            return false;
        options->size = (size_t)size;
        return true;
    case 'r':
        return read_whole("-r", word, 1, UINT64_C(1000000000), &options->keyspace);
    case LONG_SECONDS:
        return read_real("--seconds", word, 86400, &options->seconds);
    case LONG_RATE:
        return read_real("--rate", word, 1e8, &options->rate);
    case LONG_PRODUCERS:
        return read_small("--producers", word, 1, 10000, &options->producers);
    case LONG_WORKERS:
        return read_small("--workers", word, 1, 10000, &options->workers);
    case LONG_SUBSCRIBERS:
        return read_small("--subscribers", word, 1, 20000, &options->subscribers);
    case LONG_GROUP_COUNT:
        return read_small("--group-count", word, 1, 10000, &options->group_count);
    case LONG_BACKLOG:
        return read_whole("--backlog", word, 0, UINT64_C(1000000000), &options->backlog);
    case LONG_ROUNDS:
        return read_small("--rounds", word, 1, 1000, &options->rounds);
    }
    return false;
}

static void tell_usage(void)
{
    size_t known;
    const struct bench_workload *all = bench_workloads_all(&known);

    fputs(usage, stdout);
    for (size_t i = 0; i < known; i++)
        printf("    %-10s %s\n", all[i].name, all[i].summary);
    fputs(usage_end, stdout);
}

/* What depends on several options, once all are read. */
static bool finish(struct bench_options *options, const char *list)
{
    if (options->requests == 0)
        options->requests = options->seconds > 0 ? UINT64_MAX : 100000;
    if (options->rounds == 0)
        options->rounds = options->compares ? 3 : 1;
    if (options->first.password == NULL)
        options->first.password = getenv("REDISCLI_AUTH");
    options->second.user = options->first.user;
    options->second.password = options->first.password;
    return choose(options, list);
}

/* Takes one option with its word; BENCH_RUN: the next may follow. */
static enum bench_intent take(struct bench_options *options, int option, char **words,
                              const char **list)
{
    unsigned port;

    if (option == '?' || option == ':') {
        fprintf(stderr, "millrace-bench: %s'%s'%s; --help lists the options\n",
                option == '?' ? "no option is called " : "", words[optind - 1],
                option == '?' ? "" : " wants a word");
        return BENCH_WRONG;
    } else if (option == LONG_HELP) {
        tell_usage();
        return BENCH_TOLD;
    } else if (option == LONG_VERSION) {
        puts("millrace-bench " BENCH_VERSION);
        return BENCH_TOLD;
    } else if (option == 'h') {
        options->first.host = optarg;
    } else if (option == 's') {
        options->first.path = optarg;
    } else if (option == 'a') {
        options->first.password = optarg;
    } else if (option == LONG_USER) {
        options->first.user = optarg;
    } else if (option == LONG_JSON) {
        options->json = optarg;
    } else if (option == LONG_WORKLOADS) {
        *list = optarg;
    } else if (option == LONG_COMPARE) {
        if (!read_compare(options, optarg))
            return BENCH_WRONG;
    } else if (option == 'p') {
        if (!read_small("-p", optarg, 1, 65535, &port))
            return BENCH_WRONG;
        options->first.port = (int)port;
    } else if (!read_amount(options, option, optarg)) {
        return BENCH_WRONG;
    }
    return BENCH_RUN;
}

enum bench_intent bench_options_read(struct bench_options *options, int count, char **words)
{
    const char *list = NULL;
    int option;

    *options = (struct bench_options){ .connections = 50,
                                       .threads = 1,
                                       .pipeline = 1,
                                       .size = 32,
                                       .keyspace = 100000,
                                       .producers = 4,
                                       .workers = 8,
                                       .subscribers = 50,
                                       .group_count = 10,
                                       .backlog = 256 };
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(count, words, ":h:p:s:a:c:t:P:n:d:r:", long_options, NULL)) !=
           -1) {
        enum bench_intent intent = take(options, option, words, &list);

        if (intent != BENCH_RUN)
            return intent;
    }
    if (optind < count) {
        fprintf(stderr, "millrace-bench: '%s' is no option; --help lists them\n", words[optind]);
        return BENCH_WRONG;
    }
    return finish(options, list) ? BENCH_RUN : BENCH_WRONG;
}

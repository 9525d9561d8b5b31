/*
 * hostile: bad input against a server, and what it did to everybody else.
 *
 *   hostile --server PROGRAM [--oracle] [--stall MS] [CASE ...]
 *
 * Meanwhile a process of its own pings; its longest wait during a case is printed,
 * and must stay under --stall (100 ms; 1 s for redis-server). The time that the kernel let either
 * of them stand in the queue for a processor is not counted: on a busy machine that says nothing
 * about the server. Printed too is by how much the server's memory grew.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/wire/hostile/hostile.h"

/* Shared with the process that pings and watches. */
struct watch {
    volatile long worst_us;
    volatile long pings;
    volatile long peak_kb;
};

static long now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static long memory_kb(pid_t process)
{
    char path[64];
    char line[128];
    long kilobytes = 0;

    snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kilobytes = strtol(line + 6, NULL, 10);
    }
    fclose(file);
    return kilobytes;
}

/* How long a process has stood in the queue for a processor, in microseconds; 0 if nobody knows. */
static long queued_us(int schedstat)
{
    char text[128];
    ssize_t got = pread(schedstat, text, sizeof text - 1, 0);
    char *second;

    if (got <= 0)
        return 0;
    text[got] = '\0';
    second = strchr(text, ' ');
    return second == NULL ? 0 : strtol(second, NULL, 10) / 1000;
}

static pid_t start_watching(const struct server *server, struct watch *watch)
{
    struct talker talker = { .fd = server_connect(server) };
    pid_t process = fork();

    if (process != 0) {
        close(talker.fd);
        return process;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)server_process(server));
    int theirs = open(path, O_RDONLY | O_CLOEXEC);
    int ours = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
    for (;;) {
        struct talk_reply reply;
        struct timespec pause = { .tv_nsec = 500000 };
        long queued = queued_us(theirs) + queued_us(ours);
        long before = now_us();

        if (talker_ask(&talker, "PING", &reply, 30000) != HEARD)
            _exit(1);
        talk_reply_clear(&reply);
        long took = now_us() - before - (queued_us(theirs) + queued_us(ours) - queued);
        if (took > watch->worst_us)
            watch->worst_us = took;
        if (watch->pings++ % 8 == 0) {
            long kilobytes = memory_kb(server_process(server));
            if (kilobytes > watch->peak_kb)
                watch->peak_kb = kilobytes;
        }
        nanosleep(&pause, NULL);
    }
}

/* Room for 10,000 connections here and in the server, which inherits the limit. */
static void raise_limit(void)
{
    struct rlimit limit = { .rlim_cur = 30000, .rlim_max = 30000 };

    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool play(const struct hostile_case *test, struct hostile *hostile, struct watch *watch,
                 long stall_ms)
{
    struct text *trouble = &hostile->trouble;
    long before_kb = memory_kb(server_process(hostile->server));

    watch->worst_us = 0;
    watch->peak_kb = before_kb;
    test->play(hostile);
    /* What the case left behind is part of it: many connections ending at once. */
    for (long i = watch->pings; watch->pings < i + 40 && server_runs(hostile->server);) {
        struct timespec pause = { .tv_nsec = 1000000 };
        nanosleep(&pause, NULL);
    }
    long grown_mb = (watch->peak_kb - before_kb) / 1024;
    if (!server_runs(hostile->server)) {
        text_say(trouble, "the server is gone: ");
        server_log_end(hostile->server, trouble);
    }
    if (watch->worst_us > stall_ms * 1000)
        text_print(trouble, "a ping took over %ld ms; ", stall_ms);
    if (grown_mb > test->megabytes)
        text_print(trouble, "grew by more than %ld MB; ", test->megabytes);
    bool fine = trouble->length == 0;
    printf("  %-7s %-42s worst ping %7.1f ms, memory +%ld MB%s%s\n", fine ? "ok" : "FAILED",
           test->name, (double)watch->worst_us / 1000, grown_mb, fine ? "" : ": ",
           fine ? "" : trouble->at);
    fflush(stdout);
    text_clear(trouble);
    return fine;
}

static bool chosen(const char *name, char **wanted)
{
    for (size_t i = 0; wanted[i] != NULL; i++) {
        if (strstr(name, wanted[i]) != NULL)
            return true;
    }
    return wanted[0] == NULL;
}

static int play_all(const struct server_setup *setup, char **wanted, long stall_ms)
{
    struct hostile hostile = { 0 };
    struct watch *watch =
        mmap(NULL, sizeof *watch, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int passed = 0;
    int failed = 0;

    hostile.server = server_new(setup, &hostile.trouble);
    if (watch == MAP_FAILED || hostile.server == NULL ||
        !server_start(hostile.server, &hostile.trouble)) {
        printf("hostile: %s\n", hostile.trouble.at == NULL ? "no memory" : hostile.trouble.at);
        return 1;
    }
    pid_t watcher = start_watching(hostile.server, watch);
    for (const struct hostile_case *test = hostile_cases(); test->name != NULL; test++) {
        if (!chosen(test->name, wanted))
            continue;
        *(play(test, &hostile, watch, stall_ms) ? &passed : &failed) += 1;
        if (!server_runs(hostile.server))
            break;
    }
    kill(watcher, SIGKILL);
    waitpid(watcher, NULL, 0);
    server_free(hostile.server);
    munmap(watch, sizeof *watch);
    printf("hostile: %d passed, %d failed\n", passed, failed);
    return failed > 0;
}

int main(int count, char **words)
{
    static const struct option options[] = { { "server", required_argument, NULL, 's' },
                                             { "oracle", no_argument, NULL, 'o' },
                                             { "stall", required_argument, NULL, 'l' },
                                             { NULL, 0, NULL, 0 } };
    struct server_setup setup = { 0 };
    struct words more = { 0 };
    long stall_ms = 0;
    int option;

    while ((option = getopt_long(count, words, "", options, NULL)) != -1) {
        if (option == 's')
            setup.program = optarg;
        if (option == 'o')
            setup.oracle = true;
        if (option == 'l')
            stall_ms = strtol(optarg, NULL, 10);
    }
    if (setup.program == NULL && setup.oracle)
        setup.program = "redis-server";
    if (setup.program == NULL || !words_split(&more, "--maxclients 20000")) {
        fputs("hostile --server PROGRAM [--oracle] [--stall MS] [CASE ...]\n", stderr);
        return 2;
    }
    /* The promise is ours: redis-server closes 10,000 connections in one go. */
    if (stall_ms == 0)
        stall_ms = setup.oracle ? 1000 : 100;
    setup.options = &more;
    raise_limit();
    int failed = play_all(&setup, words + optind, stall_ms);
    words_clear(&more);
    return failed;
}

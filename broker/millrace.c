/*
 * millrace [file.conf] [--option value ...]: the broker.
 *
 * Reads the configuration, makes the broker, serves, ends. A configuration
 * that cannot be followed stops the start, with file, line and reason on
 * standard error. `millrace check` looks at files, and `millrace options` prints
 * all options; both serve nobody.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/acl/users.h"
#include "broker/background.h"
#include "broker/boot.h"
#include "broker/broker.h"
#include "broker/config/config_file.h"
#include "broker/config/config_help.h"
#include "broker/dispatch/naming.h"
#include "broker/observe/version.h"
#include "broker/proc_title.h"
#include "broker/supervisor.h"
#include "storage/base/buffer.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/trouble.h"
#include "storage/base/urgency.h"
#include "storage/keyspace/keyspace.h"
#include "storage/persist/verify.h"

enum { CHECKED_DATABASES = 16384 }; /* files may come from servers with many */

/* In the form of redis-server: programs that start a server read v= to learn what it can. */
static int print_version(void)
{
    printf("Millrace server v=%s sha=00000000:0 malloc=%s bits=%zu build=0 millrace_version=%s\n",
           REDIS_VERSION, memory_allocator(), sizeof(void *) * 8, MILLRACE_VERSION);
    return 0;
}

static int print_usage(void)
{
    printf("Usage: millrace [file.conf] [--option value ...]   serves; the file is like redis.conf\n"
           "       millrace - [--option value ...]   reads such a file from standard input\n"
           "       millrace options                  prints one, with every option and its default\n"
           "       millrace check FILE|FOLDER ...    tells whether snapshots and logs are whole\n"
           "       millrace check --fix FILE|FOLDER  cuts off the torn end of a log\n"
           "       millrace --version\n"
           "       millrace --help\n\n"
           "Most used:\n"
           "       --port 6379             0 for none\n"
           "       --bind 127.0.0.1        addresses to listen on; all, if none is named\n"
           "       --requirepass WORD      without a password, only this machine may connect\n"
           "       --dir FOLDER            where the data is kept; else in the current folder\n"
           "       --appendonly yes        keep every change: for queues\n"
           "       --appendfsync always    answer when it is on disk; else everysec\n"
           "       --maxmemory 1gb         the most that data may take\n"
           "       --logfile FILE          else the log is on standard output\n\n"
           "Examples:\n"
           "       millrace --port 7777 --appendonly yes --dir ./data\n"
           "       millrace /etc/millrace.conf --loglevel verbose\n\n"
           "Ctrl-C or SIGTERM ends it in good order.\n");
    return 0;
}

static int print_options(void)
{
    struct buffer sample = { 0 };
    bool written;

    config_help_sample(&sample);
    written = fwrite(sample.at, 1, sample.len, stdout) == sample.len && fflush(stdout) == 0;
    buffer_clear(&sample);
    return written ? 0 : 1;
}

static const struct print {
    const char *word;
    int (*print)(void);
} prints[] = {
    { "--version", print_version }, { "-v", print_version }, { "version", print_version },
    { "--help", print_usage },      { "-h", print_usage },   { "help", print_usage },
    { "options", print_options },
};

static const struct print *find_print(const char *word)
{
    for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++) {
        if (strcmp(word, prints[i].word) == 0)
            return &prints[i];
    }
    return NULL;
}

/* Whoever says more meant something else: `options` and a file, or --help of an option. */
static int print_alone(int count, char **arguments)
{
    if (count == 2)
        return find_print(arguments[1])->print();
    fprintf(stderr, "millrace %s: it takes no more words, and there is '%s'\n", arguments[1],
            arguments[2]);
    return 1;
}

/*
 * millrace check PATH ... [--fix]: what is in files, and whether they are whole.
 * Ends with 0 if all is well, 1 if something is torn, 2 if something is damaged.
 */
static int check_files(int count, char **paths)
{
    struct keyspaces_setup keys = { .count = CHECKED_DATABASES,
                                    .types = broker_types(),
                                    .secret = value_limits_default.secret };
    struct verify_setup setup = { .limits = &value_limits_default };
    enum verify_outcome worst = VERIFY_FINE;
    int looked = 0;

    for (int i = 0; i < count; i++) {
        setup.fix = setup.fix || strcmp(paths[i], "--fix") == 0;
        if (strncmp(paths[i], "--", 2) == 0 && strcmp(paths[i], "--fix") != 0) {
            fprintf(stderr, "millrace check: unknown option %s; there is only --fix\n", paths[i]);
            return 2;
        }
    }
    setup.keyspaces = keyspaces_new(&keys);
    for (int i = 0; i < count; i++) {
        struct buffer report = { 0 };
        enum verify_outcome outcome;

        if (strcmp(paths[i], "--fix") == 0)
            continue;
        outcome = verify_path(&setup, paths[i], &report);
        worst = outcome > worst ? outcome : worst;
        printf("%.*s", (int)report.len, report.at);
        buffer_clear(&report);
        looked++;
    }
    keyspaces_free(setup.keyspaces);
    if (looked == 0) {
        fprintf(stderr, "millrace check: name a snapshot, a log or a data folder to look at\n");
        return 2;
    }
    return worst == VERIFY_BAD ? 2 : worst == VERIFY_TORN ? 1 : 0;
}

/* Serves with a configuration that was read. The launcher is told when it listens. */
static int serve(struct config *config, int launcher)
{
    struct clock *clock = clock_new();
    struct log *log = log_new();
    struct broker broker;
    int status = 1;

    memory_purge_in_background();
    urgency_raise();
    broker_init(&broker, config, clock, log);
    broker.launcher = launcher;
    if (boot_start(&broker))
        status = boot_run(&broker);
    boot_end(&broker);
    broker_clear(&broker);
    log_free(log);
    clock_free(clock);
    return status;
}

/* The same, and ps shows where. */
static int serve_with_title(struct config *config, int count, char **arguments)
{
    struct proc_title *title = proc_title_new(config, count, arguments);
    int launcher = -1;
    int status = 1;

    if (!config_options(config)->daemonize || supervisor_is_wanted(config_options(config)) ||
        background_enter(&launcher))
        status = serve(config, launcher);
    else
        perror("Going to the background");
    proc_title_free(title);
    return status;
}

static bool rename_command(void *names, struct slice from, struct slice to,
                           struct trouble *trouble)
{
    return naming_rename(names, from, to, trouble);
}

int main(int count, char **arguments)
{
    struct buffer report = { 0 };
    struct config *config;
    struct naming *names; /* as far as the lines that were read give them */
    int status = 1;

    memory_thread_begin();
    if (count >= 2 && strcmp(arguments[1], "check") == 0)
        return check_files(count - 2, arguments + 2);
    if (count >= 2 && find_print(arguments[1]) != NULL)
        return print_alone(count, arguments);
    config = config_new();
    names = naming_new();
    config_check_users(config, users_check_line);
    config_check_renames(config, rename_command, names);
    if (config_file_read_arguments(config, count - 1, arguments + 1, &report))
        status = serve_with_title(config, count, arguments);
    else if (write(STDERR_FILENO, report.at, report.len) < 0)
        status = 2;
    buffer_clear(&report);
    config_free(config);
    naming_free(names);
    return status;
}

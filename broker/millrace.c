/*
 * millrace [file.conf] [--option value ...]: the broker.
 *
 * Reads the configuration, makes the broker, serves, ends. A configuration
 * that cannot be followed stops the start, with file, line and reason on
 * standard error.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/acl/users.h"
#include "broker/boot.h"
#include "broker/broker.h"
#include "broker/config/config_file.h"
#include "broker/observe/version.h"
#include "storage/base/buffer.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/trouble.h"

static int print_version(void)
{
    printf("Millrace server v=%s redis_version=%s malloc=%s bits=%zu\n", MILLRACE_VERSION,
           REDIS_VERSION, memory_allocator(), sizeof(void *) * 8);
    return 0;
}

static int print_usage(void)
{
    printf("Usage: millrace [file.conf] [--option value ...]\n"
           "       millrace -        reads the configuration from standard input\n"
           "       millrace --version\n"
           "       millrace --help\n\n"
           "Examples:\n"
           "       millrace --port 7777 --appendonly yes --dir ./data\n"
           "       millrace /etc/millrace.conf --loglevel verbose\n");
    return 0;
}

/* Serves with a configuration that was read. */
static int serve(struct config *config)
{
    struct clock *clock = clock_new();
    struct log *log = log_new();
    struct trouble trouble = { 0 };
    struct broker broker;
    int status = 1;

    memory_purge_in_background();
    broker_init(&broker, config, clock, log);
    if (boot_start(&broker, &trouble))
        status = boot_run(&broker);
    else
        log_line(log, LOG_WARNING, "Cannot start: %s", trouble.text);
    boot_end(&broker);
    broker_clear(&broker);
    log_free(log);
    clock_free(clock);
    return status;
}

int main(int count, char **arguments)
{
    struct buffer report = { 0 };
    struct config *config;
    int status = 1;

    memory_thread_begin();
    if (count == 2 && (strcmp(arguments[1], "--version") == 0 || strcmp(arguments[1], "-v") == 0))
        return print_version();
    if (count == 2 && (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0))
        return print_usage();
    config = config_new();
    config_check_users(config, users_check_line);
    if (config_file_read_arguments(config, count - 1, arguments + 1, &report))
        status = serve(config);
    else if (write(STDERR_FILENO, report.at, report.len) < 0)
        status = 2;
    buffer_clear(&report);
    config_free(config);
    return status;
}

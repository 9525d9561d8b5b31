/* What happens once, in the order it happens; and undone in reverse. */
#include "broker/boot.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/acl/acl.h"
#include "broker/background.h"
#include "broker/config/config.h"
#include "broker/departure.h"
#include "broker/dispatch/caller.h"
#include "broker/durable.h"
#include "broker/effects/propagate.h"
#include "broker/following.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/net/listener.h"
#include "broker/net/loop.h"
#include "broker/observe/crash_report.h"
#include "broker/observe/watchdog.h"
#include "broker/observe/version.h"
#include "broker/session/sessions.h"
#include "broker/supervisor.h"
#include "broker/upkeep/upkeep.h"
#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/base/system_log.h"

enum {
    LISTENERS = 16,         /* as many as `bind` takes */
    SPARE_DESCRIPTORS = 32, /* for files, beside those of sessions */
    HUGE_POLICY_MOST = 4096 /* bytes of the line in which the kernel tells its policy */
};

struct boot {
    struct listener *listeners[LISTENERS]; /* TCP */
    size_t count;
    struct listener *local; /* the unix socket, or NULL */
    struct loop_signal *term;
    struct loop_signal *interrupt;
    int status;
    bool has_pid_file; /* which is ours, to be removed at the end */
};

static void accepted(void *who, int fd)
{
    struct broker *broker = who;

    sessions_accept(broker->sessions, fd, caller_now(broker->caller));
}

static void refused(void *who, int fd)
{
    struct broker *broker = who;

    sessions_refuse(broker->sessions, fd);
}

static struct listener_sink sink_of(struct broker *broker)
{
    return (struct listener_sink){ accepted, refused, broker,
                                   &broker->options->max_new_connections_per_cycle };
}

/* Opens one TCP listener for each address; one marked with `-` may fail. */
static bool listen_on_addresses(struct broker *broker, struct boot *boot, struct trouble *trouble)
{
    const struct options *options = broker->options;
    struct listener_sink sink = sink_of(broker);

    for (size_t i = 0; i < options->bind.count; i++) {
        const char *address = options->bind.at[i];
        bool optional = address[0] == '-';
        struct listener *listener =
            listener_new_tcp(broker->loop, address + optional, (uint16_t)options->port,
                             (int)options->tcp_backlog, sink, trouble);

        if (listener != NULL) {
            boot->listeners[boot->count++] = listener;
        } else if (!optional) {
            log_line(broker->log, LOG_WARNING, "Could not create server TCP listening socket %s",
                     trouble->text);
            return false;
        }
    }
    return true;
}

static void close_addresses(struct boot *boot)
{
    while (boot->count > 0)
        listener_free(boot->listeners[--boot->count]);
}

static bool open_listeners(struct broker *broker, struct boot *boot, struct trouble *trouble)
{
    const struct options *options = broker->options;
    struct listener_sink sink = sink_of(broker);

    if (options->port != 0) {
        if (!listen_on_addresses(broker, boot, trouble) ||
            (boot->count == 0 && options->bind.count > 0)) {
            log_line(broker->log, LOG_WARNING, "Failed listening on port %lld (tcp), aborting.",
                     (long long)options->port);
            return false;
        }
    }
    if (options->unixsocket[0] != '\0') {
        boot->local =
            listener_new_unix(broker->loop, options->unixsocket, (unsigned)options->unixsocketperm,
                              (int)options->tcp_backlog, sink, trouble);
        if (boot->local == NULL)
            return trouble_wrap(trouble, "opening the unix socket");
    }
    if (boot->count == 0 && boot->local == NULL)
        return trouble_set(trouble, "there is nothing to listen on: port is 0 and no unix socket "
                                    "is configured");
    return true;
}

/* Listens where port and bind say now. Who is connected already stays. */
static bool listen_anew(struct broker *broker, struct trouble *trouble)
{
    struct boot *boot = broker->boot;

    close_addresses(boot);
    if (broker->options->port == 0 || listen_on_addresses(broker, boot, trouble))
        return true;
    close_addresses(boot);
    return false;
}

static bool port_changed(void *who, const struct options *options, struct trouble *trouble)
{
    (void)options;
    return listen_anew(who, trouble) ||
           trouble_set(trouble, "Unable to listen on this port. Check server logs.");
}

static bool bind_changed(void *who, const struct options *options, struct trouble *trouble)
{
    (void)options;
    return listen_anew(who, trouble) ||
           trouble_set(trouble, "Failed to bind to specified addresses.");
}

/* Descriptors for as many sessions as are allowed, and some for files. False: too few. */
static bool raise_descriptors(const struct options *options, rlim_t *have)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)options->maxclients + SPARE_DESCRIPTORS;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return true;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    *have = limit.rlim_cur;
    return false;
}

static void raise_descriptors_at_start(struct broker *broker)
{
    long long wanted = (long long)broker->options->maxclients;
    char digits[NUMBER_INTEGER_MAX];
    struct trouble trouble = { 0 };
    struct slice value = { digits, 0 };
    rlim_t have;

    if (raise_descriptors(broker->options, &have))
        return;
    value.len = number_put(digits, have > SPARE_DESCRIPTORS + 1
                                       ? (int64_t)have - SPARE_DESCRIPTORS
                                       : 1);
    if (!config_set(broker->config, SLICE("maxclients"), &value, 1, &trouble))
        return;
    log_line(broker->log, LOG_WARNING,
             "maxclients was %lld, but only %llu descriptors can be open at once: it is %lld now",
             wanted, (unsigned long long)have, (long long)broker->options->maxclients);
}

static bool maxclients_changed(void *who, const struct options *options, struct trouble *trouble)
{
    rlim_t have;

    (void)who;
    if (raise_descriptors(options, &have))
        return true;
    return trouble_set(trouble,
                       "The operating system is not able to handle the specified number of "
                       "clients, try with %llu",
                       (unsigned long long)(have - SPARE_DESCRIPTORS));
}

/*
 * Whoever runs it from a redis.conf as it comes may not be allowed to write where that says:
 * it is told of, and nothing else, as a server without that file serves as well.
 */
static void write_pid_file(struct broker *broker)
{
    const char *path = broker->options->pidfile;
    FILE *file;

    if (path[0] == '\0')
        return;
    file = fopen(path, "we");
    if (file == NULL) {
        log_line(broker->log, LOG_WARNING, "Failed to write PID file %s: %s", path,
                 strerror(errno));
        return;
    }
    broker->boot->has_pid_file = true;
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
}

static void end_on_signal(struct broker *broker, const char *name, unsigned how)
{
    struct trouble trouble = { 0 };

    log_line(broker->log, LOG_WARNING, "Received %s, scheduling shutdown...", name);
    if (upkeep_is_paused(broker->upkeep))
        departure_postpone(broker->departure, how);
    else if (departure_ask(broker->departure, how, &trouble) == DEPARTURE_FAILED)
        log_line(broker->log, LOG_WARNING,
                 "Errors trying to shut down the server. Check the logs for more information: %s",
                 trouble.text);
}

static void on_term(void *who)
{
    struct broker *broker = who;

    end_on_signal(broker, "SIGTERM", broker->options->shutdown_on_sigterm);
}

static void on_interrupt(void *who)
{
    struct broker *broker = who;

    end_on_signal(broker, "SIGINT", broker->options->shutdown_on_sigint);
}

static void say_hello(struct broker *broker)
{
    log_line(broker->log, LOG_NOTICE, "Millrace %s is starting, PID: %d, speaking as Redis %s",
             MILLRACE_VERSION, (int)getpid(), REDIS_VERSION);
    if (broker->options->always_show_logo)
        log_raw(broker->log, "\n   ~~~( Millrace )~~~   the water, the wheel, the work\n\n");
    log_line(broker->log, LOG_NOTICE, "Server initialized");
}

/* Enters the data folder; the option then names it absolutely. */
static bool enter_folder(struct broker *broker, struct trouble *trouble)
{
    char *absolute;

    if (chdir(broker->options->dir) < 0)
        return trouble_errno(trouble, "entering the data folder %s", broker->options->dir);
    absolute = getcwd(NULL, 0);
    if (absolute != NULL)
        config_settle(broker->config, "dir", slice_text(absolute));
    free(absolute);
    return true;
}

static bool folder_changed(void *who, const struct options *options, struct trouble *trouble)
{
    (void)options;
    if (enter_folder(who, trouble))
        return true;
    return trouble_set(trouble, "%s", strerror(errno));
}

static bool crash_log_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;

    (void)trouble;
    crash_report_enable(broker->crash_report, options->crash_log_enabled);
    return true;
}

static bool watchdog_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;

    (void)trouble;
    watchdog_follow(broker->watchdog, options->watchdog_period);
    return true;
}

/* What boot does again when its options change. */
static void follow_options(struct broker *broker)
{
    config_on_change(broker->config, "port", port_changed, broker);
    config_on_change(broker->config, "bind", bind_changed, broker);
    config_on_change(broker->config, "maxclients", maxclients_changed, broker);
    config_on_change(broker->config, "dir", folder_changed, broker);
    durable_follow_names(broker);
    config_on_change(broker->config, "watchdog-period", watchdog_changed, broker);
    config_on_change(broker->config, "crash-log-enabled", crash_log_changed, broker);
}

/* A manager that does not hear it is in the log, and no reason not to serve. */
static void tell_supervisor(struct broker *broker, const char *lines)
{
    struct trouble trouble = { 0 };

    if (!supervisor_tell(broker->options, lines, &trouble))
        log_line(broker->log, LOG_WARNING, "systemd was not told of it: %s", trouble.text);
}

static void say_ready(struct broker *broker)
{
    if (broker->options->port != 0)
        log_line(broker->log, LOG_NOTICE, "Listening on port %lld",
                 (long long)broker->options->port);
    if (broker->options->unixsocket[0] != '\0')
        log_line(broker->log, LOG_NOTICE, "The server is now ready to accept connections at %s",
                 broker->options->unixsocket);
    log_line(broker->log, LOG_NOTICE, "Ready to accept connections");
    tell_supervisor(broker, "STATUS=Ready to accept connections\nREADY=1\n");
}

/* A fork copies pages as they are written to, and copying huge ones takes long. */
static void avoid_huge_pages(struct broker *broker)
{
    struct buffer policy = { 0 };
    struct trouble trouble;

    /* Under "madvise" only those are huge that are asked for, which forks do not suffer from. */
    if (broker->options->disable_thp &&
        file_read("/sys/kernel/mm/transparent_hugepage/enabled", &policy, HUGE_POLICY_MOST,
                  &trouble) &&
        memmem(policy.at, policy.len, "[always]", strlen("[always]")) != NULL &&
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0)
        log_line(broker->log, LOG_WARNING, "Huge pages cannot be switched off: %s",
                 strerror(errno));
    buffer_clear(&policy);
}

static void count_user_line(void *count, const struct slice *words, size_t words_count)
{
    (void)words;
    (void)words_count;
    ++*(size_t *)count;
}

/* Reads the file of users, if there is to be one. */
static bool load_users(struct broker *broker, struct trouble *trouble)
{
    struct buffer errors = { 0 };
    size_t lines = 0;
    bool fine;

    if (broker->options->aclfile[0] == '\0')
        return true;
    config_visit_users(broker->config, count_user_line, &lines);
    if (lines > 0)
        return trouble_set(trouble, "the configuration names users and a file of users: it must "
                                    "be one or the other");
    fine = acl_load(broker->acl, NULL, &errors);
    if (!fine)
        (void)trouble_set(trouble, "ACL errors: %.*s",
                          (int)(errors.len < 400 ? errors.len : 400), errors.at);
    buffer_clear(&errors);
    return fine;
}

static bool open_log(struct broker *broker, struct trouble *trouble)
{
    const struct options *options = broker->options;
    int facility = options->syslog_facility == OPTION_FACILITY_USER
                       ? SYSTEM_LOG_USER
                       : SYSTEM_LOG_LOCAL0 + options->syslog_facility - OPTION_FACILITY_LOCAL0;

    if (options->logfile[0] != '\0' && !log_open(broker->log, options->logfile, trouble))
        return false;
    log_set_level(broker->log, (enum log_level)options->loglevel);
    return !options->syslog_enabled ||
           log_to_system(broker->log, options->syslog_ident, facility, trouble);
}

/* Whatever is needed before data is loaded; false with trouble. */
static bool prepare(struct broker *broker, struct trouble *trouble)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    raise_descriptors_at_start(broker);
    broker->placed = strcmp(broker->options->dir, ".") != 0;
    if (!enter_folder(broker, trouble))
        return false;
    if (!open_log(broker, trouble))
        return false;
    say_hello(broker);
    avoid_huge_pages(broker);
    broker->crash_report = crash_report_new(broker->caller, broker->log);
    crash_report_enable(broker->crash_report, broker->options->crash_log_enabled);
    broker->watchdog = watchdog_new(broker->loop);
    watchdog_follow(broker->watchdog, broker->options->watchdog_period);
    if (!load_users(broker, trouble))
        return false;
    if (!open_listeners(broker, broker->boot, trouble))
        return false;
    /* Not before: it may be that of a server that listens there already. */
    write_pid_file(broker);
    return true;
}

bool boot_start(struct broker *broker)
{
    struct boot *boot = memory_new_zeroed(1, sizeof(*boot));
    struct trouble trouble = { 0 };

    broker->boot = boot;
    if (!prepare(broker, &trouble)) {
        log_line(broker->log, LOG_WARNING, "Cannot start: %s", trouble.text);
        return false;
    }
    background_is_ready(&broker->launcher);
    boot->term = loop_signal_new(broker->loop, SIGTERM, on_term, broker);
    boot->interrupt = loop_signal_new(broker->loop, SIGINT, on_interrupt, broker);
    tell_supervisor(broker, "STATUS=Loading data\n");
    if (!durable_load(broker, &trouble)) {
        if (loop_is_stopped(broker->loop))
            return true; /* ended before it began */
        log_line(broker->log, LOG_WARNING,
                 "Cannot start: %s (`millrace check %s` tells more of the files there)",
                 trouble.text, broker->options->dir);
        return false;
    }
    follow_options(broker);
    say_ready(broker);
    following_begin(broker);
    return true;
}

int boot_run(struct broker *broker)
{
    struct trouble trouble = { 0 };

    loop_run(broker->loop);
    if (!durable_end(broker, &trouble)) {
        log_line(broker->log, LOG_WARNING, "The end of the AOF could not be written: %s",
                 trouble.text);
        broker->boot->status = 1;
    }
    /* Replies that were held until their data is on disk: it is, or who waits is sent nothing. */
    propagate_promise(broker->propagate);
    (void)connections_send(broker->connections);
    log_line(broker->log, LOG_WARNING, "Millrace is now ready to exit, bye bye...");
    return broker->boot->status;
}

bool boot_shutdown(struct broker *broker, unsigned how, struct trouble *trouble)
{
    log_line(broker->log, LOG_WARNING, "User requested shutdown...");
    if (!broker->metrics->loading && !durable_ready_to_end(broker, how, trouble) &&
        (how & BOOT_END_FORCE) == 0)
        return false;
    tell_supervisor(broker, "STATUS=Ending\nSTOPPING=1\n");
    loop_stop(broker->loop);
    return true;
}

void boot_end(struct broker *broker)
{
    struct boot *boot = broker->boot;

    if (boot == NULL)
        return;
    loop_signal_free(boot->term);
    loop_signal_free(boot->interrupt);
    close_addresses(boot);
    listener_free(boot->local);
    if (boot->has_pid_file)
        (void)unlink(broker->options->pidfile);
    memory_free(boot);
    broker->boot = NULL;
}

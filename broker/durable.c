/*
 * Options come in, the log is told; nothing here knows what is in its files.
 * Loading is in durable_load.c.
 */
#include "broker/durable.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "broker/boot.h"
#include "broker/config/config.h"
#include "broker/effects/propagate.h"
#include "broker/metrics/metrics.h"
#include "broker/net/loop.h"
#include "broker/oom_score.h"
#include "broker/upkeep/save_points.h"
#include "broker/upkeep/upkeep.h"
#include "storage/base/faults.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/persist/aof.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/snapshot.h"

static enum aof_sync sync_of(const struct options *options)
{
    switch (options->appendfsync) {
    case OPTION_FSYNC_ALWAYS:
        return AOF_SYNC_ALWAYS;
    case OPTION_FSYNC_NO:
        return AOF_SYNC_NO;
    default:
        return AOF_SYNC_EVERYSEC;
    }
}

static struct aof_policy policy_of(const struct options *options)
{
    return (struct aof_policy){
        .sync = sync_of(options),
        .no_sync_on_rewrite = options->no_appendfsync_on_rewrite,
        .cut_torn_tail = options->aof_load_truncated,
        .rdb_base = options->aof_use_rdb_preamble,
        .sync_base_often = options->aof_rewrite_incremental_fsync,
        .tell_time = options->aof_timestamp_enabled,
        .keep_history = options->aof_disable_auto_gc,
        .key_delay = options->rdb_key_save_delay,
        .growth_percentage = options->auto_aof_rewrite_percentage,
        .growth_least = options->auto_aof_rewrite_min_size,
    };
}

static struct snapshot_policy snapshot_policy_of(const struct options *options)
{
    int policy = options->maxmemory_policy;
    bool counted = policy == OPTION_POLICY_VOLATILE_LFU || policy == OPTION_POLICY_ALLKEYS_LFU;
    bool timed = policy == OPTION_POLICY_VOLATILE_LRU || policy == OPTION_POLICY_ALLKEYS_LRU ||
                 policy == OPTION_POLICY_VOLATILE_LRM || policy == OPTION_POLICY_ALLKEYS_LRM;

    return (struct snapshot_policy){
        .filename = options->dbfilename,
        .logged = options->appendonly,
        .compress = options->rdbcompression,
        .checksum = options->rdbchecksum,
        .sync_often = options->rdb_save_incremental_fsync,
        .idle = timed,
        .frequency = counted,
        .save_delay = options->rdb_key_save_delay,
        .load_delay = options->key_load_delay,
        .load_step = (uint64_t)options->loading_step,
    };
}

/*
 * A test may order the end of the process at a point of storage/persist/points.def, by
 * MILLRACE_END_AT=point:nth in the environment. Who can set that can end the process anyway.
 */
static struct faults *faults_of_a_test(struct log *log)
{
    const char *order = getenv("MILLRACE_END_AT");
    const char *colon = order == NULL ? NULL : strchr(order, ':');
    char point[32] = "";
    struct faults *faults;
    int64_t nth;

    if (colon == NULL || colon == order || (size_t)(colon - order) >= sizeof(point) ||
        !number_read(slice_text(colon + 1), &nth) || nth < 1 || nth > 1000000)
        return NULL;
    memcpy(point, order, (size_t)(colon - order));
    faults = faults_new();
    faults_end_at(faults, point, (int)nth);
    log_line(log, LOG_WARNING, "A test has this process end at %s, passed %d times", point,
             (int)nth);
    return faults;
}

/* How the log's threads wake the loop. */
struct durable_wake {
    int                fd; /* an eventfd */
    struct loop_watch *watch;
    struct loop_timer *timer;
};

/* On a thread of the log. */
static void wake(void *who)
{
    const struct durable_wake *to = who;
    const uint64_t once = 1;

    if (write(to->fd, &once, sizeof(once)) < 0)
        (void)0; /* it is woken already */
}

/* On the main thread: after so long it looks by itself. */
static void wake_later(void *who, micros delay)
{
    struct durable_wake *to = who;

    if (to->timer != NULL)
        loop_timer_start(to->timer, (delay + 999) / 1000, 0);
}

/* In a child that saves or rewrites: both locks are the parent's, whichever of them it writes for. */
static void born(void *who)
{
    const struct broker *broker = who;

    aof_leave_lock(broker->aof);
    snapshot_leave_lock(broker->snapshot);
    oom_score_in_child(broker->oom_score);
}

void durable_make(struct broker *broker)
{
    struct faults *faults = faults_of_a_test(broker->log);
    struct snapshot_setup snapshots = {
        .keyspaces = broker->keyspaces,
        .limits = broker->limits,
        .clock = broker->clock,
        .faults = faults,
        .log = broker->log,
        .birth = { born, broker },
        .policy = snapshot_policy_of(broker->options),
    };
    struct aof_setup setup = {
        .moved = wake,
        .later = wake_later,
        .dir = ".", /* the broker enters its folder */
        .dirname = broker->options->appenddirname,
        .filename = broker->options->appendfilename,
        .policy = policy_of(broker->options),
        .birth = { born, broker },
        .keyspaces = broker->keyspaces,
        .clock = broker->clock,
        .faults = faults,
        .log = broker->log,
    };

    broker->faults = faults;
    broker->wake = memory_new_zeroed(1, sizeof(*broker->wake));
    broker->wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    must(broker->wake->fd >= 0);
    setup.who = broker->wake;
    broker->snapshot = snapshot_new(&snapshots);
    setup.snapshot = broker->snapshot;
    broker->aof = aof_new(&setup);
    broker->propagate = propagate_new(broker->ledger, broker->aof, broker->watch);
    propagate_set_snapshot(broker->propagate, broker->snapshot);
    propagate_measure(broker->propagate, broker->clock, &broker->metrics->aof_took);
    broker->save_points = save_points_new(&(struct save_points_setup){
        .snapshot = broker->snapshot, .aof = broker->aof, .ledger = broker->ledger,
        .clock = broker->clock, .log = broker->log, .options = broker->options });
}

/* Promises of the log may have moved: replies that waited for that leave at the end of the turn. */
static void look(void *who)
{
    struct broker *broker = who;

    aof_collect(broker->aof);
    propagate_promise(broker->propagate);
}

static void woken(void *who)
{
    const struct broker *broker = who;
    uint64_t times;

    if (read(broker->wake->fd, &times, sizeof(times)) >= 0)
        look(who);
}

static void tick(void *who)
{
    struct broker *broker = who;

    aof_tick(broker->aof);
    /* Of data that is half loaded no snapshot is wanted. */
    if (broker->metrics->loading == 0)
        save_points_tick(broker->save_points);
    else
        snapshot_tick(broker->snapshot);
}

static bool policy_changed(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;
    struct aof_policy policy = policy_of(options);
    struct snapshot_policy snapshots = snapshot_policy_of(options);

    (void)trouble;
    aof_set_policy(broker->aof, &policy);
    snapshot_set_policy(broker->snapshot, &snapshots);
    return true;
}

static bool switched(void *who, const struct options *options, struct trouble *trouble)
{
    struct broker *broker = who;
    struct trouble why;

    if (propagate_keep_log(broker->propagate, options->appendonly, &why))
        return true;
    log_line(broker->log, LOG_WARNING, "The AOF cannot be turned on: %s", why.text);
    return trouble_set(trouble, "Unable to turn on AOF. Check server logs.");
}

/*
 * Rules, the folder or the name have changed: who has rules owns the name, or is not given
 * them. Where the disk is what keeps it from that, saving will say so.
 */
static bool snapshots_changed(void *who, const struct options *options, struct trouble *trouble)
{
    const struct broker *broker = who;

    return options->save.count == 0 || snapshot_lock(broker->snapshot, trouble) ||
           snapshot_owner(broker->snapshot) == SNAPSHOT_OWNER_NONE;
}

void durable_follow_names(struct broker *broker)
{
    static const char *const names[] = { "save", "dir", "dbfilename" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        config_on_change(broker->config, names[i], snapshots_changed, broker);
}

void durable_bind(struct broker *broker)
{
    static const char *const names[] = { "appendfsync", "no-appendfsync-on-rewrite",
                                         "aof-load-truncated", "auto-aof-rewrite-percentage",
                                         "auto-aof-rewrite-min-size",
                                         "aof-use-rdb-preamble",
                                         "aof-rewrite-incremental-fsync",
                                         "aof-timestamp-enabled",
                                         "aof-disable-auto-gc",
                                         "dbfilename",
                                         "rdbcompression",
                                         "rdb-save-incremental-fsync",
                                         "maxmemory-policy",
                                         "rdb-key-save-delay",
                                         "key-load-delay",
                                         "loading-process-events-interval-bytes" };

    propagate_set_sessions(broker->propagate, broker->sessions);
    broker->wake->watch = loop_watch_new_readable(broker->loop, broker->wake->fd, woken, broker);
    broker->wake->timer = loop_timer_new(broker->loop, look, broker);
    upkeep_add(broker->upkeep, tick, broker);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        config_on_change(broker->config, names[i], policy_changed, broker);
    config_on_change(broker->config, "appendonly", switched, broker);
}

/* ---- Ending ---- */

/* An interrupt while the last snapshot is saved: it ends at once, and leaves no half of one. */
static void on_insistence(int number)
{
    (void)number;
    snapshot_remove_temporary((int)getpid());
    _exit(1);
}

/* Saves a snapshot, which takes its time. */
static bool save_unless_interrupted(struct broker *broker, struct trouble *trouble)
{
    struct sigaction insistence = { .sa_handler = on_insistence };
    struct sigaction before;
    bool fine;

    sigemptyset(&insistence.sa_mask);
    (void)sigaction(SIGINT, &insistence, &before);
    fine = snapshot_save(broker->snapshot, ledger_changes(broker->ledger), trouble);
    (void)sigaction(SIGINT, &before, NULL);
    return fine;
}

/* Saves the snapshot at the end, if it is wanted. */
static bool save_last(struct broker *broker, unsigned how, struct trouble *trouble)
{
    if ((how & BOOT_END_NOSAVE) != 0 ||
        ((how & BOOT_END_SAVE) == 0 && broker->options->save.count == 0))
        return true;
    log_line(broker->log, LOG_NOTICE, "Saving the final RDB snapshot before exiting.");
    if (save_unless_interrupted(broker, trouble))
        return true;
    log_line(broker->log, LOG_WARNING, "Error trying to save the DB, %s.",
             (how & BOOT_END_FORCE) != 0 ? "exit anyway" : "can't exit");
    return false;
}

bool durable_ready_to_end(struct broker *broker, unsigned how, struct trouble *trouble)
{
    bool force = (how & BOOT_END_FORCE) != 0;
    bool fine = true;

    if (snapshot_runs(broker->snapshot)) {
        log_line(broker->log, LOG_WARNING, "There is a child saving an .rdb. Killing it!");
        snapshot_abort(broker->snapshot);
    }
    /* Nobody has looked since a script became busy: the start may be over. */
    if (aof_is_starting(broker->aof))
        aof_follow_start(broker->aof);
    if (aof_is_on(broker->aof) && aof_is_starting(broker->aof)) {
        log_line(broker->log, LOG_WARNING, "Writing initial AOF, %s",
                 force ? "exit anyway." : "can't exit.");
        fine = force || trouble_set(trouble, "the initial AOF is being written");
    } else if (!aof_flush_and_sync(broker->aof, trouble)) {
        log_line(broker->log, LOG_WARNING, "The end of the AOF cannot be written: %s",
                 trouble->text);
        fine = false;
    }
    if (fine || force)
        fine = save_last(broker, how, trouble) && fine;
    return fine;
}

bool durable_end(struct broker *broker, struct trouble *trouble)
{
    struct buffer *feed = ledger_feed(broker->ledger);

    if (!aof_is_on(broker->aof))
        return true;
    if (aof_rewrite_runs(broker->aof))
        log_line(broker->log, LOG_WARNING, "There is a child rewriting the AOF. Killing it!");
    aof_rewrite_abort(broker->aof);
    log_line(broker->log, LOG_NOTICE, "Calling fsync() on the AOF file.");
    if (!aof_append(broker->aof, buffer_slice(feed)))
        log_line(broker->log, LOG_WARNING, "The AOF takes no more: %s", aof_trouble(broker->aof));
    buffer_rewind(feed);
    ledger_feed_begins_at(broker->ledger, aof_appended(broker->aof));
    return aof_flush_and_sync(broker->aof, trouble);
}

void durable_free(struct broker *broker)
{
    save_points_free(broker->save_points);
    aof_free(broker->aof);
    snapshot_free(broker->snapshot);
    propagate_free(broker->propagate);
    loop_timer_free(broker->wake->timer);
    loop_watch_free(broker->wake->watch);
    (void)close(broker->wake->fd);
    memory_free(broker->wake);
    faults_free(broker->faults);
}

/* Options come in, the log is told; nothing here knows what is in its files. */
#include "broker/durable.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "broker/boot.h"
#include "broker/config/config.h"
#include "broker/dispatch/replay.h"
#include "broker/effects/propagate.h"
#include "broker/metrics/metrics.h"
#include "broker/net/loop.h"
#include "broker/oom_score.h"
#include "broker/script/functions.h"
#include "broker/upkeep/defragmenter.h"
#include "broker/upkeep/save_points.h"
#include "broker/upkeep/upkeep.h"
#include "storage/base/faults.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/base/panic.h"
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

/* ---- Loading ---- */

enum { STATEMENTS_BETWEEN_LOOKS = 256 }; /* at what is due meanwhile */

/* A load under way. */
struct loading {
    struct broker           *broker;
    struct replay           *replay;
    struct snapshot_watcher  watcher;
    uint64_t                 statements;
};

/* Lets others be served, whose requests are mostly refused; false if the broker is to end. */
static bool look_around(struct loading *loading, uint64_t done, uint64_t total)
{
    struct broker *broker = loading->broker;

    broker->metrics->loaded_bytes = done;
    broker->metrics->loading_total = total;
    loop_turn(broker->loop, 0);
    return !loop_is_stopped(broker->loop);
}

static bool snapshot_progress(void *who, uint64_t done, uint64_t total)
{
    return look_around(who, done, total);
}

static void log_progress(void *who, uint64_t done, uint64_t total)
{
    (void)look_around(who, done, total);
}

static void delay(int64_t step, uint64_t count)
{
    struct timespec pause = { step / 1000000, step % 1000000 * 1000 };

    if (step > 0 || (step < 0 && count % (uint64_t)-step == 0))
        (void)nanosleep(step > 0 ? &pause : &(struct timespec){ 0, 1000 }, NULL);
}

/* A statement of the log ended in an error: it is told, and the next one comes. */
static void pass_over(struct broker *broker, const struct trouble *trouble)
{
    log_line(broker->log, LOG_WARNING,
             "== CRITICAL == A statement of the append only file ended in an error: %s",
             trouble->text);
    broker->metrics->unexpected_error_replies++;
    if (broker->options->propagation_error_behavior == OPTION_PROPAGATION_PANIC)
        panic("a statement of the append only file ended in an error: %s "
              "(propagation-error-behavior)",
              trouble->text);
}

static bool run(void *who, const struct slice *words, size_t count, struct trouble *trouble)
{
    struct loading *loading = who;
    enum replayed done;

    if (loop_is_stopped(loading->broker->loop))
        return trouble_set(trouble, "the load was ended");
    if (UNLIKELY(loading->broker->options->key_load_delay != 0))
        delay(loading->broker->options->key_load_delay, loading->statements);
    if (++loading->statements % STATEMENTS_BETWEEN_LOOKS == 0)
        defragmenter_meanwhile(loading->broker->defragmenter);
    done = replay_statement(loading->replay, words, count, trouble);
    if (UNLIKELY(done == REPLAYED_TO_ERROR)) {
        pass_over(loading->broker, trouble);
        *trouble = (struct trouble){ 0 };
    }
    return done != REPLAYED_NOT;
}

static bool run_base(void *who, struct reader *from, uint64_t end, struct trouble *trouble)
{
    struct loading *loading = who;

    return snapshot_load_base(loading->broker->snapshot, from, end, &loading->watcher, trouble);
}

static void empty(struct broker *broker)
{
    for (uint32_t db = 0; db < keyspaces_count(broker->keyspaces); db++)
        (void)keyspace_flush(keyspaces_at(broker->keyspaces, db), false);
    functions_flush(broker->functions);
}

/* A file turned out to be wrong in what was run: it comes again, from its beginning. */
static void forget(void *who)
{
    struct loading *loading = who;

    empty(loading->broker);
    replay_free(loading->replay);
    loading->replay = replay_new(loading->broker->caller, loading->broker->sessions);
}

static struct aof_runner runner_of(struct loading *loading)
{
    return (struct aof_runner){
        .forget = forget,
        .run = run,
        .progress = log_progress,
        .who = loading,
        .progress_every = (uint64_t)loading->broker->options->loading_step,
        .base = run_base,
    };
}

/* A log that is begun beside a snapshot leaves it unread, and the next snapshot replaces it. */
static void warn_of_unread_snapshot(const struct broker *broker)
{
    const struct options *options = broker->options;

    if (access(options->dbfilename, F_OK) != 0 || access(options->appenddirname, F_OK) == 0 ||
        access(options->appendfilename, F_OK) == 0) /* the single file of older servers */
        return;
    log_line(broker->log, LOG_WARNING,
             "There is a snapshot, %s, and no log: with appendonly yes it is not read, and the "
             "next one replaces it. To take its data over, keep a copy, start with "
             "--appendonly no and then say CONFIG SET appendonly yes",
             options->dbfilename);
}

static bool load_log(struct loading *loading, struct trouble *trouble)
{
    struct broker *broker = loading->broker;
    struct aof_runner runner = runner_of(loading);
    micros began = clock_monotonic(broker->clock);
    bool fine;

    loading->replay = replay_new(broker->caller, broker->sessions);
    keyspaces_keep_expired(broker->keyspaces, true);
    fine = aof_load(broker->aof, &runner, trouble);
    keyspaces_keep_expired(broker->keyspaces, false);
    replay_free(loading->replay);
    if (!fine)
        return false;
    ledger_listen(broker->ledger, LISTENER_FEED, true);
    log_line(broker->log, LOG_NOTICE, "DB loaded from append only file: %.3f seconds",
             (double)(clock_monotonic(broker->clock) - began) / 1e6);
    return true;
}

/* Whether nobody said that snapshots are to be saved, nor in which folder. */
static bool saves_by_default(const struct broker *broker)
{
    const struct option_saves *now = &broker->options->save;
    struct config *fresh = config_new();
    const struct option_saves *usual = &config_options(fresh)->save;
    bool same = !broker->placed && now->count == usual->count;

    for (size_t i = 0; same && i < now->count; i++)
        same = now->at[i].seconds == usual->at[i].seconds &&
               now->at[i].changes == usual->at[i].changes;
    config_free(fresh);
    return same;
}

/*
 * Whether a server may start that another keeps from writing snapshots: it keeps none, and so
 * harms none. Two servers whose logs have different names were told to share a folder, and
 * neither needs a snapshot; our log's own lock is held by now. And harnesses of tests start
 * several servers in the folder they are in, with nothing but a port.
 */
static bool may_go_without(const struct broker *broker)
{
    switch (snapshot_owner(broker->snapshot)) {
    case SNAPSHOT_OWNER_LOGS:
        return broker->options->appendonly || saves_by_default(broker);
    case SNAPSHOT_OWNER_OTHER:
        return saves_by_default(broker);
    case SNAPSHOT_OWNER_NONE:
        break;
    }
    return false;
}

/* Whoever is to write snapshots by rules must be the only one here that does. */
static bool own_snapshots(struct broker *broker, struct trouble *trouble)
{
    if (broker->options->save.count == 0 || snapshot_lock_at_start(broker->snapshot, trouble))
        return true;
    if (trouble->code == EACCES || trouble->code == EROFS) {
        /* Nobody can write here; saving will say so again. */
        log_line(broker->log, LOG_WARNING,
                 "Snapshots cannot be saved here, so that only SHUTDOWN NOSAVE will end the "
                 "server: %s",
                 trouble->text);
        return true;
    }
    if (!may_go_without(broker))
        return false;
    log_line(broker->log, LOG_WARNING, "This server keeps NO snapshots: %s", trouble->text);
    config_settle(broker->config, "save", SLICE(""));
    return true;
}

static bool load_snapshot(struct loading *loading, struct trouble *trouble)
{
    struct broker *broker = loading->broker;

    switch (snapshot_load(broker->snapshot, false, &loading->watcher, trouble)) {
    case SNAPSHOT_REFUSED:
        log_line(broker->log, LOG_WARNING, "Terminating server after rdb file reading failure.");
        log_line(broker->log, LOG_WARNING, "Fatal error loading the DB: %s. Exiting.",
                 trouble->text);
        return false;
    case SNAPSHOT_LOADED:
    case SNAPSHOT_NONE:
        break;
    }
    return true;
}

bool durable_load(struct broker *broker, struct trouble *trouble)
{
    struct loading loading = { .broker = broker };
    bool fine;

    loading.watcher = (struct snapshot_watcher){ snapshot_progress, &loading };
    snapshot_sweep(broker->snapshot);
    broker->metrics->loading = 1;
    broker->metrics->loading_began = (uint64_t)(clock_wall(broker->clock) / 1000000);
    if (broker->options->appendonly)
        warn_of_unread_snapshot(broker);
    /* Also where the data comes from the log: its server may save snapshots later. */
    fine = (!broker->options->appendonly || aof_open(broker->aof, trouble)) &&
           own_snapshots(broker, trouble) &&
           (broker->options->appendonly ? load_log(&loading, trouble)
                                        : load_snapshot(&loading, trouble));
    broker->metrics->loading = 0;
    save_points_are_current(broker->save_points);
    return fine;
}

bool durable_reload_snapshot(struct broker *broker, bool merge, struct trouble *trouble)
{
    bool fine = snapshot_load(broker->snapshot, merge, NULL, trouble) == SNAPSHOT_LOADED;

    save_points_are_current(broker->save_points);
    return fine;
}

bool durable_reload_log(struct broker *broker, struct trouble *trouble)
{
    struct loading loading = { .broker = broker };
    struct aof_runner runner = runner_of(&loading);
    struct buffer *feed = ledger_feed(broker->ledger);
    bool fine;

    runner.progress = NULL;
    if (!aof_append(broker->aof, buffer_slice(feed)))
        return trouble_set(trouble, "%s", aof_trouble(broker->aof));
    buffer_rewind(feed);
    ledger_feed_begins_at(broker->ledger, aof_appended(broker->aof));
    ledger_listen(broker->ledger, LISTENER_FEED, false);
    empty(broker);
    broker->metrics->loading = 1;
    loading.replay = replay_new(broker->caller, broker->sessions);
    keyspaces_keep_expired(broker->keyspaces, true);
    fine = aof_reload(broker->aof, &runner, trouble);
    keyspaces_keep_expired(broker->keyspaces, false);
    replay_free(loading.replay);
    broker->metrics->loading = 0;
    ledger_listen(broker->ledger, LISTENER_FEED, aof_hears(broker->aof));
    ledger_feed_restart(broker->ledger);
    save_points_are_current(broker->save_points);
    return fine;
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

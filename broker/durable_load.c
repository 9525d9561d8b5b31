/* Loading, at the start and for DEBUG: others are served meanwhile, if mostly with refusals. */
#include "broker/durable.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "broker/config/config.h"
#include "broker/dispatch/replay.h"
#include "broker/metrics/metrics.h"
#include "broker/net/loop.h"
#include "broker/script/functions.h"
#include "broker/upkeep/defragmenter.h"
#include "broker/upkeep/save_points.h"
#include "storage/base/log.h"
#include "storage/base/panic.h"
#include "storage/persist/aof.h"
#include "storage/persist/snapshot.h"
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

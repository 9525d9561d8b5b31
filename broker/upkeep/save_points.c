/* Rules are looked at ten times a second; there are a few, and each is two comparisons. */
#include "broker/upkeep/save_points.h"

#include "broker/config/options.h"
#include "broker/dispatch/transaction.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/snapshot.h"

enum { SECOND = 1000000, PAUSE = 5 * SECOND }; /* after a failure */

struct save_points {
    struct save_points_setup setup;
    const struct command    *ping;
    const struct command    *exec;
    bool                     scheduled;
    bool                     failing; /* the last one did not go well */
};

struct save_points *save_points_new(const struct save_points_setup *setup)
{
    static const struct slice ping[] = { { "ping", 4 } };
    static const struct slice exec[] = { { "exec", 4 } };
    struct save_points *points = memory_new_zeroed(1, sizeof(*points));

    points->setup = *setup;
    points->ping = command_find(ping, 1);
    points->exec = command_find(exec, 1);
    return points;
}

void save_points_free(struct save_points *points)
{
    memory_free(points);
}

/* ---- Refusing ---- */

#define MISCONF                                                                                    \
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "  \
    "disk. Commands that may modify the data set are disabled, because this instance is "          \
    "configured to report errors during writes if RDB snapshotting fails "                         \
    "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB " \
    "error."

enum pass save_points_guard(void *who, struct call *call)
{
    struct save_points *points = who;
    const struct options *options = points->setup.options;
    bool exec = call->command == points->exec;

    /* What a primary says was allowed where it was said first. */
    if (LIKELY(!points->failing) || call->session->connection == NULL)
        return PASS_ON;
    if (!options->stop_writes_on_bgsave_error || options->save.count == 0 ||
        ((call->command->flags & COMMAND_WRITE) == 0 && call->command != points->ping && !exec))
        return PASS_ON;
    if (exec && !transaction_has(call->session, COMMAND_WRITE))
        return PASS_ON;
    if (exec) {
        transaction_end(call->session);
        (void)call_refuse_with(call, "EXECABORT Transaction discarded because of: " MISCONF);
    } else {
        (void)call_refuse_with(call, MISCONF);
    }
    return PASS_REFUSED;
}

/* ---- Saving ---- */

uint64_t save_points_unsaved(const struct save_points *points)
{
    struct snapshot_figures figures;

    snapshot_figures(points->setup.snapshot, &figures);
    return ledger_changes(points->setup.ledger) - figures.saved_changes;
}

void save_points_are_current(struct save_points *points)
{
    snapshot_is_current(points->setup.snapshot, ledger_changes(points->setup.ledger));
}

void save_points_schedule(struct save_points *points)
{
    points->scheduled = true;
}

/* Whether a rule says that it is time. */
static bool is_time(const struct save_points *points, const struct snapshot_figures *figures)
{
    const struct option_saves *rules = &points->setup.options->save;
    uint64_t unsaved = ledger_changes(points->setup.ledger) - figures->saved_changes;
    int64_t since = clock_wall(points->setup.clock) / SECOND - figures->last_save;

    if (unsaved == 0 || (!figures->last_ok &&
                         clock_monotonic(points->setup.clock) - figures->last_try < PAUSE))
        return false;
    for (size_t i = 0; i < rules->count; i++) {
        if (unsaved >= (uint64_t)rules->at[i].changes && since > rules->at[i].seconds) {
            log_line(points->setup.log, LOG_NOTICE, "%lld changes in %lld seconds. Saving...",
                     (long long)rules->at[i].changes, (long long)rules->at[i].seconds);
            return true;
        }
    }
    return false;
}

void save_points_tick(struct save_points *points)
{
    struct snapshot *snapshot = points->setup.snapshot;
    struct snapshot_figures figures;
    struct trouble trouble;

    snapshot_tick(snapshot);
    snapshot_figures(snapshot, &figures);
    if (!figures.in_progress && !aof_rewrite_runs(points->setup.aof)) {
        if (points->scheduled || is_time(points, &figures)) {
            points->scheduled = false;
            /* The log was told what went wrong, if it did. */
            (void)!snapshot_begin(snapshot, ledger_changes(points->setup.ledger), &trouble);
            snapshot_figures(snapshot, &figures);
        }
    }
    points->failing = !figures.last_ok;
}

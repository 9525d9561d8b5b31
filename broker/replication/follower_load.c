/*
 * All data of a primary: received, then loaded.
 *
 *   through a file   bytes go to temp-<process>.<arrival>.rdb; once all came it takes the
 *                    snapshot's name, our data goes, and it is loaded
 *   straight         our data goes, and bytes are loaded as they come
 *   straight, swap   bytes are loaded into a second set of databases, which becomes ours
 *                    when all came and was understood; until then ours stays
 *
 * A load begins between two turns of the loop and makes turns itself, so that others
 * are served or refused meanwhile, and the primary is told that we are alive.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "broker/config/options.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/net/loop.h"
#include "broker/replication/follower_private.h"
#include "broker/replication/role.h"
#include "storage/base/io.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/keyspace/own_expiry.h"
#include "storage/persist/aof.h"
#include "storage/persist/snapshot.h"

enum { EARLY_MOST = 1024 * 1024, PULL_WAIT = 100, SECOND = 1000000 };

/* A load under way. */
struct load {
    struct follower *follower;
    uint64_t         arrival;  /* follower->arrivals when it began */
    struct buffer    shelf;    /* libraries of functions, until the data is ours */
};

static void load_from_file(void *who);
static void load_from_socket(void *who);

/* ---- Receiving ---- */

void follower_receive(struct follower *follower)
{
    follower->state = FOLLOWER_RECEIVING;
    arrival_begin(&follower->arrival);
}

static size_t keys_of(struct keyspaces *all)
{
    size_t count = 0;

    for (uint32_t db = 0; db < keyspaces_count(all); db++)
        count += keyspace_count(keyspaces_at(all, db));
    return count;
}

static bool goes_straight(const struct follower *follower)
{
    switch ((enum option_diskless)follower->setup.options->repl_diskless_load) {
    case OPTION_DISKLESS_SWAP:
        return true;
    case OPTION_DISKLESS_ON_EMPTY:
        return keys_of(follower->setup.keyspaces) == 0;
    case OPTION_DISKLESS_DISABLED:
        break;
    }
    return false;
}

static void schedule(struct follower *follower, void (*run)(void *who))
{
    if (follower->scheduled)
        return;
    follower->scheduled = true;
    loop_between(follower->setup.loop, run, follower);
}

static bool open_file(struct follower *follower)
{
    (void)snprintf(follower->file_name, sizeof(follower->file_name), "temp-%d.%" PRIu64 ".rdb",
                   (int)getpid(), follower->arrivals);
    (void)unlink(follower->file_name);
    follower->file_failed = false;
    follower->seal = (struct seal){ 0 };
    follower->file = open(follower->file_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (follower->file >= 0) {
        (void)flock(follower->file, LOCK_EX | LOCK_NB); /* it is no leftover: snapshot_sweep.c */
        return true;
    }
    log_line(follower->setup.log, LOG_WARNING,
             "Opening the temp file needed for MASTER <-> REPLICA synchronization: %s",
             strerror(errno));
    return false;
}

/* The head of all data came: says so, and makes room for the rest. */
static bool begin_data(struct follower *follower)
{
    const struct arrival *arrival = &follower->arrival;
    const char *where;

    follower->direct = goes_straight(follower);
    where = follower->direct ? "parser" : "disk";
    if (arrival->marked)
        log_line(follower->setup.log, LOG_NOTICE,
                 "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to %s",
                 where);
    else
        log_line(follower->setup.log, LOG_NOTICE,
                 "MASTER <-> REPLICA sync: receiving %" PRIu64 " bytes from master to %s",
                 arrival->size, where);
    if (!follower->direct)
        return open_file(follower);
    schedule(follower, load_from_socket);
    return true;
}

static void keep_early(void *who, struct slice bytes)
{
    struct follower *follower = who;

    buffer_add(&follower->early, bytes);
}

static void write_file(void *who, struct slice bytes)
{
    struct follower *follower = who;

    seal_take(&follower->seal, bytes);
    while (bytes.len > 0 && !follower->file_failed) {
        ssize_t written = write(follower->file, bytes.at, bytes.len);

        if (written >= 0) {
            bytes = slice_after(bytes, (size_t)written);
        } else if (errno != EINTR) {
            log_line(follower->setup.log, LOG_WARNING,
                     "Write error or short write writing to the DB dump file needed for MASTER "
                     "<-> REPLICA synchronization: %s",
                     strerror(errno));
            follower->file_failed = true;
        }
    }
}

/* False if it is over with this connection. */
static bool take_head(struct follower *follower, struct slice bytes, size_t *at)
{
    *at = arrival_head(&follower->arrival, bytes);
    if (follower->arrival.state == ARRIVAL_AWAITED)
        return true;
    if (follower->arrival.state == ARRIVAL_BROKEN)
        log_line(follower->setup.log, LOG_WARNING, "%s", follower->arrival.reason);
    else if (begin_data(follower))
        return true;
    follower_disconnect(follower);
    return false;
}

size_t follower_take_data(struct follower *follower, struct slice bytes)
{
    struct arrival *arrival = &follower->arrival;
    size_t at = 0;

    if (arrival->state == ARRIVAL_AWAITED && !take_head(follower, bytes, &at))
        return bytes.len;
    at += arrival_take(arrival, slice_after(bytes, at),
                       follower->direct ? keep_early : write_file, follower);
    if (!follower->direct && follower->file_failed) {
        follower_disconnect(follower);
        return bytes.len;
    }
    if (arrival->state == ARRIVAL_DONE ||
        (follower->direct && follower->early.len - follower->early_at > EARLY_MOST))
        follower_pause_reading(follower, true);
    if (arrival->state == ARRIVAL_DONE && !follower->direct)
        schedule(follower, load_from_file);
    return at;
}

void follower_drop_data(struct follower *follower)
{
    follower->arrivals++;
    buffer_clear(&follower->early);
    follower->early_at = 0;
    if (follower->file >= 0) {
        (void)close(follower->file);
        (void)unlink(follower->file_name);
    }
    follower->file = -1;
}

/* ---- While it loads ---- */

/* Lets others be served, and the primary know that we live. */
static void look_around(struct follower *follower, millis wait)
{
    micros now;

    loop_turn(follower->setup.loop, wait);
    now = clock_monotonic(follower->setup.clock);
    if (now - follower->newline_at < SECOND)
        return;
    follower->newline_at = now;
    follower_say(follower, SLICE("\n"));
}

static bool is_wanted(const struct load *load)
{
    return load->arrival == load->follower->arrivals &&
           !loop_is_stopped(load->follower->setup.loop);
}

static bool progress(void *who, uint64_t done, uint64_t total)
{
    struct load *load = who;
    struct metrics *metrics = load->follower->setup.metrics;

    metrics->loaded_bytes = done;
    metrics->loading_total = total > 0 ? total : done;
    look_around(load->follower, 0);
    return is_wanted(load);
}

/* Waits until bytes are there; false if none will come any more. */
static bool await_bytes(struct load *load, struct trouble *trouble)
{
    struct follower *follower = load->follower;
    micros patience = follower->setup.options->repl_timeout * SECOND;

    while (is_wanted(load)) {
        if (follower->early.len > follower->early_at ||
            follower->arrival.state == ARRIVAL_DONE)
            return true;
        if (clock_monotonic(follower->setup.clock) - follower->heard > patience)
            return trouble_set(trouble, "Timeout receiving bulk data from MASTER");
        follower_pause_reading(follower, false);
        look_around(follower, PULL_WAIT);
    }
    return trouble_set(trouble, "the connection to the primary is lost");
}

static ssize_t pull(void *who, void *to, size_t most, struct trouble *trouble)
{
    struct load *load = who;
    struct follower *follower = load->follower;
    struct buffer *early = &follower->early;
    size_t some;

    if (!await_bytes(load, trouble))
        return -1;
    some = early->len - follower->early_at;
    if (some > most)
        some = most;
    if (some == 0)
        return 0;
    memcpy(to, early->at + follower->early_at, some);
    follower->early_at += some;
    if (follower->early_at == early->len) {
        buffer_rewind(early);
        follower->early_at = 0;
    }
    return (ssize_t)some;
}

/* ---- Replacing ---- */

/* Empties all databases; watchers and caches are told. */
static void empty_all(struct follower *follower)
{
    struct keyspaces *all = follower->setup.keyspaces;

    caller_open_own(follower->setup.caller);
    for (uint32_t db = 0; db < keyspaces_count(all); db++) {
        ledger_changed_all(follower->setup.ledger, db);
        (void)keyspace_flush(keyspaces_at(all, db), true);
    }
    caller_close_own(follower->setup.caller);
}

static void stop_log(struct follower *follower)
{
    if (aof_is_on(follower->setup.aof))
        aof_stop(follower->setup.aof);
    ledger_feed_restart(follower->setup.ledger);
}

void follower_keep_log(struct follower *follower)
{
    struct trouble trouble = { 0 };

    if (!follower->setup.options->appendonly || aof_is_on(follower->setup.aof))
        return;
    if (!aof_start(follower->setup.aof, &trouble))
        log_line(follower->setup.log, LOG_WARNING,
                 "Failed enabling the AOF after successful master synchronization: %s",
                 trouble.text);
}

static bool shelve(void *who, struct slice code, bool replace, struct trouble *trouble)
{
    struct load *load = who;

    (void)replace;
    (void)trouble;
    buffer_add(&load->shelf, slice_of(&code.len, sizeof(code.len)));
    buffer_add(&load->shelf, code);
    return true;
}

/* The libraries that came take the place of ours. */
static void unshelve(struct load *load)
{
    const struct rdb_functions *functions = snapshot_functions(load->follower->setup.snapshot);
    struct slice rest = buffer_slice(&load->shelf);
    struct trouble trouble = { 0 };

    functions->forget(functions->who);
    while (rest.len > 0) {
        size_t len;

        memcpy(&len, rest.at, sizeof(len));
        rest = slice_after(rest, sizeof(len));
        if (!functions->take(functions->who, slice_of(rest.at, len), true, &trouble))
            log_line(load->follower->setup.log, LOG_WARNING, "Failed creating the library: %s",
                     trouble.text);
        rest = slice_after(rest, len);
    }
}

/* Whatever stands behind the data must have come, too: the mark. */
static bool drain(struct load *load, struct trouble *trouble)
{
    struct follower *follower = load->follower;

    while (follower->direct && follower->arrival.state != ARRIVAL_DONE) {
        char unheeded[512];

        if (pull(load, unheeded, sizeof(unheeded), trouble) < 0)
            return false;
    }
    return true;
}

/* Loads into a second set, which becomes ours if all went well. */
static bool load_beside(struct load *load, struct reader *from, struct rdb_load_result *result,
                        struct trouble *trouble)
{
    struct follower *follower = load->follower;
    struct follower_setup *setup = &follower->setup;
    struct keyspaces *beside = setup->another_set(setup->who);
    const struct snapshot_watcher watcher = { progress, load };
    const struct rdb_functions shelf = { NULL, shelve, NULL, load };
    bool fine = snapshot_load_sent(setup->snapshot, from, UINT64_MAX, beside, &shelf, &watcher,
                                   result, trouble) &&
                drain(load, trouble);

    if (fine) {
        log_line(setup->log, LOG_NOTICE,
                 "MASTER <-> REPLICA sync: Swapping active DB with loaded DB");
        stop_log(follower);
        caller_open_own(setup->caller);
        for (uint32_t db = 0; db < keyspaces_count(beside); db++)
            ledger_changed_all(setup->ledger, db);
        keyspaces_exchange(setup->keyspaces, beside);
        caller_close_own(setup->caller);
        unshelve(load);
        log_line(setup->log, LOG_NOTICE,
                 "MASTER <-> REPLICA sync: Discarding old DB in background");
    }
    for (uint32_t db = 0; db < keyspaces_count(beside); db++)
        (void)keyspace_flush(keyspaces_at(beside, db), true);
    keyspaces_free(beside);
    return fine;
}

/* Loads in place of what we have. */
static bool load_instead(struct load *load, struct reader *from, struct rdb_load_result *result,
                         struct trouble *trouble)
{
    struct follower *follower = load->follower;
    struct follower_setup *setup = &follower->setup;
    const struct rdb_functions *functions = snapshot_functions(setup->snapshot);
    const struct snapshot_watcher watcher = { progress, load };
    uint64_t end = follower->direct || follower->arrival.marked ? UINT64_MAX
                                                                : follower->arrival.size;

    if (!follower->direct)
        end = follower->arrival.came;
    stop_log(follower);
    log_line(setup->log, LOG_NOTICE, "MASTER <-> REPLICA sync: Flushing old data");
    empty_all(follower);
    functions->forget(functions->who);
    log_line(setup->log, LOG_NOTICE, "MASTER <-> REPLICA sync: Loading DB in memory");
    if (snapshot_load_sent(setup->snapshot, from, end, setup->keyspaces, functions, &watcher,
                           result, trouble) &&
        drain(load, trouble))
        return true;
    /* What is there now is a part of something else. */
    empty_all(follower);
    functions->forget(functions->who);
    return false;
}

/* Sessions are refused, or served what there is, until it is over. */
static void show_loading(struct follower *follower, bool on, bool beside)
{
    struct metrics *metrics = follower->setup.metrics;

    metrics->loading = on && !beside;
    metrics->async_loading = on && beside;
    if (!on)
        return;
    metrics->loading_began = (uint64_t)(clock_wall(follower->setup.clock) / SECOND);
    metrics->loaded_bytes = 0;
    metrics->loading_total = follower->arrival.size;
}

/* Where in the stream the data stands that came. */
static void adopt(struct follower *follower, const struct rdb_load_result *result)
{
    struct role *role = follower->setup.role;

    if (follower->greeting.id[0] != '\0')
        role_adopt(role, slice_of(follower->greeting.id, ROLE_ID), follower->greeting.offset);
    else
        role_begin_history(role);
    role->stream_db = result->stream.db > 0 ? result->stream.db : 0;
    own_expiry_forget(follower->setup.keyspaces);
    follower->setup.downstream.restart(follower->setup.downstream.who);
    snapshot_is_current(follower->setup.snapshot, ledger_changes(follower->setup.ledger));
}

static void load_all(struct load *load, struct reader *from)
{
    struct follower *follower = load->follower;
    struct follower_setup *setup = &follower->setup;
    bool swap = follower->direct && setup->options->repl_diskless_load == OPTION_DISKLESS_SWAP;
    bool served = swap && memcmp(setup->role->id, follower->greeting.id, ROLE_ID) == 0;
    struct rdb_load_result result;
    struct trouble trouble = { 0 };
    bool fine;

    follower->state = FOLLOWER_LOADING;
    follower->in_load = true;
    follower->can_resume = false;
    setup->downstream.part(setup->downstream.who);
    show_loading(follower, true, served);
    if (swap)
        log_line(setup->log, LOG_NOTICE, "MASTER <-> REPLICA sync: Loading DB in memory");
    fine = swap ? load_beside(load, from, &result, &trouble)
                : load_instead(load, from, &result, &trouble);
    show_loading(follower, false, served);
    follower->in_load = false;
    if (!fine) {
        if (!loop_is_stopped(setup->loop))
            log_line(setup->log, LOG_WARNING, "Internal error in RDB reading: %s", trouble.text);
        log_line(setup->log, LOG_WARNING,
                 "Failed trying to load the MASTER synchronization DB, check server logs.");
        if (is_wanted(load))
            follower_disconnect(follower);
        return;
    }
    log_line(setup->log, LOG_NOTICE, "MASTER <-> REPLICA sync: Finished with success");
    adopt(follower, &result);
    follower_drop_data(follower);
    follower_begin_stream(follower);
    follower_pause_reading(follower, false);
    follower_keep_log(follower);
}

static struct load begin_load(struct follower *follower)
{
    return (struct load){ .follower = follower, .arrival = follower->arrivals };
}

static void load_from_socket(void *who)
{
    struct follower *follower = who;
    struct load load = begin_load(follower);
    struct reader *from;

    follower->scheduled = false;
    if (follower->state != FOLLOWER_RECEIVING || !follower->direct ||
        follower->arrival.state == ARRIVAL_AWAITED)
        return;
    from = reader_new_source((struct source){ pull, &load });
    load_all(&load, from);
    reader_free(from);
    buffer_clear(&load.shelf);
}

/* Where the snapshot is another server's, what came is loaded and not kept. */
static bool goes_without(const struct follower *follower, const struct trouble *trouble)
{
    if (snapshot_owner(follower->setup.snapshot) == SNAPSHOT_OWNER_NONE)
        return false;
    log_line(follower->setup.log, LOG_WARNING,
             "The data of the primary is loaded but NOT kept as a snapshot: %s", trouble->text);
    return true;
}

/* The file that came takes the snapshot's place. */
static bool settle_file(struct follower *follower)
{
    struct trouble trouble = { 0 };

    if (fsync(follower->file) < 0)
        (void)trouble_errno(&trouble, "syncing");
    else if ((snapshot_replace(follower->setup.snapshot, follower->file_name, &trouble) ||
              goes_without(follower, &trouble)) &&
             lseek(follower->file, 0, SEEK_SET) == 0)
        return true;
    log_line(follower->setup.log, LOG_WARNING,
             "Failed trying to rename the temp DB into its place in MASTER <-> REPLICA "
             "synchronization: %s",
             trouble.text);
    follower_disconnect(follower);
    return false;
}

/* What did not come as it was sent takes the place of nothing, neither on disk nor in memory. */
static bool came_whole(struct follower *follower)
{
    if (seal_is_whole(&follower->seal))
        return true;
    log_line(follower->setup.log, LOG_WARNING,
             "Internal error in RDB reading: by its checksum it is not what was sent, or no "
             "snapshot. Our data stays");
    log_line(follower->setup.log, LOG_WARNING,
             "Failed trying to load the MASTER synchronization DB, check server logs.");
    follower_disconnect(follower);
    return false;
}

static void load_from_file(void *who)
{
    struct follower *follower = who;
    struct load load = begin_load(follower);
    struct reader *from;

    follower->scheduled = false;
    if (follower->state != FOLLOWER_RECEIVING || follower->direct ||
        follower->arrival.state != ARRIVAL_DONE || !came_whole(follower) ||
        !settle_file(follower))
        return;
    from = reader_new_file(follower->file);
    load_all(&load, from);
    reader_free(from);
}

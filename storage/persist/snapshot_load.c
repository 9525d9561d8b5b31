/* Reading the file, or the base of a log, and telling what was found. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/log.h"
#include "storage/base/trouble.h"
#include "storage/persist/snapshot_private.h"

enum { SECOND = 1000000 };

struct reading {
    struct snapshot               *snapshot;
    const struct snapshot_watcher *watcher;
    uint64_t                       total;
    uint64_t                       told;
    uint64_t                       keys;
};

static bool progress(void *who, uint64_t bytes)
{
    struct reading *reading = who;

    if (reading->watcher == NULL || reading->watcher->progress == NULL ||
        bytes - reading->told < reading->snapshot->setup.policy.load_step)
        return true;
    reading->told = bytes;
    return reading->watcher->progress(reading->watcher->who, bytes, reading->total);
}

static void read_key(void *who, uint32_t db, struct slice key, const struct rdb_content *content,
                     uint64_t bytes, int64_t due)
{
    struct reading *reading = who;

    (void)db;
    (void)key;
    (void)content;
    (void)bytes;
    (void)due;
    progress_dawdle(reading->snapshot->setup.policy.load_delay, ++reading->keys);
}

static struct rdb_load_setup load_setup(struct reading *reading)
{
    struct snapshot *snapshot = reading->snapshot;

    return (struct rdb_load_setup){
        .keyspaces = snapshot->setup.keyspaces,
        .limits = snapshot->setup.limits,
        .functions = &snapshot->functions,
        .log = snapshot->setup.log,
        .progress = progress,
        .progress_every = snapshot->setup.policy.load_step,
        .key = snapshot->setup.policy.load_delay != 0 ? read_key : NULL,
        .who = reading,
    };
}

bool snapshot_load_base(struct snapshot *snapshot, struct reader *from, uint64_t end,
                        const struct snapshot_watcher *watcher, struct trouble *trouble)
{
    struct reading reading = { snapshot, watcher, end, 0, 0 };
    struct rdb_load_setup setup = load_setup(&reading);
    struct rdb_load_result result;

    setup.keep_expired = true;
    keyspaces_hush(snapshot->setup.keyspaces, true);
    if (!rdb_load(&setup, from, end, &result, trouble)) {
        keyspaces_hush(snapshot->setup.keyspaces, false);
        return false;
    }
    keyspaces_hush(snapshot->setup.keyspaces, false);
    snapshot->figures.loaded_keys = result.loaded;
    snapshot->figures.loaded_expired = result.expired;
    return true;
}

bool snapshot_load_sent(struct snapshot *snapshot, struct reader *from, uint64_t end,
                        struct keyspaces *into, const struct rdb_functions *functions,
                        const struct snapshot_watcher *watcher, struct rdb_load_result *result,
                        struct trouble *trouble)
{
    struct reading reading = { snapshot, watcher, end == UINT64_MAX ? 0 : end, 0, 0 };
    struct rdb_load_setup setup = load_setup(&reading);
    bool fine;

    setup.keyspaces = into;
    setup.functions = functions;
    setup.keep_expired = true;
    keyspaces_hush(into, true);
    fine = rdb_load(&setup, from, end, result, trouble);
    keyspaces_hush(into, false);
    if (!fine)
        return false;
    snapshot->figures.loaded_keys = result->loaded;
    snapshot->figures.loaded_expired = result->expired;
    log_line(snapshot->setup.log, LOG_NOTICE,
             "Done loading RDB, keys loaded: %" PRIu64 ", keys expired: %" PRIu64 ".",
             result->loaded, result->expired);
    if (result->empty > 0)
        log_line(snapshot->setup.log, LOG_NOTICE, "empty keys skipped: %" PRIu64 ".",
                 result->empty);
    return true;
}

enum { EXPIRED_MOST = 64 * 1024 * 1024 };

struct expired_head {
    uint32_t db;
    uint32_t len;
};

static void remember_expired(void *who, uint32_t db, struct slice key)
{
    struct snapshot *snapshot = ((struct reading *)who)->snapshot;
    struct expired_head head = { db, (uint32_t)key.len };

    if (snapshot->expired.len + sizeof(head) + key.len > EXPIRED_MOST) {
        snapshot->too_many_expired = true;
        return;
    }
    buffer_add(&snapshot->expired, slice_of((const char *)&head, sizeof(head)));
    buffer_add(&snapshot->expired, key);
}

bool snapshot_tell_expired(struct snapshot *snapshot,
                           void (*show)(void *who, uint32_t db, struct slice key), void *who)
{
    struct slice rest = buffer_slice(&snapshot->expired);
    bool all = !snapshot->too_many_expired;

    while (all && rest.len > 0) {
        struct expired_head head;

        memcpy(&head, rest.at, sizeof(head));
        rest = slice_after(rest, sizeof(head));
        show(who, head.db, slice_of(rest.at, head.len));
        rest = slice_after(rest, head.len);
    }
    buffer_clear(&snapshot->expired);
    snapshot->too_many_expired = false;
    return all;
}

const struct rdb_stream *snapshot_stream(const struct snapshot *snapshot)
{
    return &snapshot->stream;
}

/* Tells what was found. */
static void tell(struct snapshot *snapshot, const struct rdb_load_result *result, uint64_t size,
                 micros began)
{
    struct log *log = snapshot->setup.log;
    int64_t now = clock_wall(snapshot->setup.clock) / SECOND;

    log_line(log, LOG_NOTICE,
             "The snapshot %s of %" PRIu64 " bytes, RDB version %u, was written by version %s",
             snapshot->filename, size, result->version,
             result->writer[0] != '\0' ? result->writer : "unknown");
    if (result->created > 0)
        log_line(log, LOG_NOTICE, "RDB age %" PRId64 " seconds",
                 now > result->created ? now - result->created : 0);
    if (result->unsummed)
        log_line(log, LOG_NOTICE,
                 "RDB file was saved with checksum disabled: no check performed.");
    log_line(log, LOG_NOTICE,
             "Done loading RDB, keys loaded: %" PRIu64 ", keys expired: %" PRIu64 ".",
             result->loaded, result->expired);
    if (result->empty > 0)
        log_line(log, LOG_NOTICE, "empty keys skipped: %" PRIu64 ".", result->empty);
    log_line(log, LOG_NOTICE, "DB loaded from disk: %.3f seconds",
             (double)(clock_monotonic(snapshot->setup.clock) - began) / 1e6);
}

enum snapshot_loaded snapshot_load(struct snapshot *snapshot, bool merge,
                                   const struct snapshot_watcher *watcher, struct trouble *trouble)
{
    micros began = clock_monotonic(snapshot->setup.clock);
    struct reading reading = { snapshot, watcher, 0, 0, 0 };
    struct rdb_load_setup setup = load_setup(&reading);
    struct rdb_load_result result;
    struct reader *reader;
    struct stat about;
    bool fine;
    int fd = open(snapshot->filename, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return SNAPSHOT_NONE;
    if (fd < 0 || fstat(fd, &about) < 0) {
        (void)trouble_errno(trouble, "opening the snapshot %s", snapshot->filename);
        if (fd >= 0)
            (void)close(fd);
        return SNAPSHOT_REFUSED;
    }
    setup.merge = merge;
    setup.expired = remember_expired;
    buffer_rewind(&snapshot->expired);
    reading.total = (uint64_t)about.st_size;
    reader = reader_new_file(fd);
    keyspaces_hush(snapshot->setup.keyspaces, true);
    fine = rdb_load(&setup, reader, reading.total, &result, trouble);
    keyspaces_hush(snapshot->setup.keyspaces, false);
    reader_free(reader);
    (void)close(fd);
    if (!fine) {
        (void)trouble_wrap(trouble, "the snapshot %s", snapshot->filename);
        return SNAPSHOT_REFUSED;
    }
    snapshot->figures.loaded_keys = result.loaded;
    snapshot->figures.loaded_expired = result.expired;
    snapshot->stream = result.stream;
    tell(snapshot, &result, reading.total, began);
    return SNAPSHOT_LOADED;
}

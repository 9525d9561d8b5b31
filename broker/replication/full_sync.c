/*
 * What always holds:
 *   (1) At most one child works for replicas; `kind` says how.
 *   (2) A replica that is SAVING or SENDING, or waits for its first acknowledgement,
 *       holds the backlog from `from` on.
 *   (3) The pipe is read only when no outbox of a piped replica has anything left; the
 *       child may have ended long before all that it wrote is read.
 */
#include "broker/replication/full_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/config/options.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "broker/net/loop.h"
#include "broker/replication/primary_private.h"
#include "broker/session/sessions.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/snapshot.h"

enum { SECOND = 1000, PART = 64 * 1024 - 64 };

#define REPLICA_AT(chain_link) CHAIN_OWNER((chain_link), struct replica, link)

/* What the child that runs does for replicas. */
enum sync_kind { SYNC_NONE, SYNC_FILE, SYNC_PIPE };

struct full_sync {
    struct primary    *primary;
    enum sync_kind     kind;
    int                pipe;  /* our end, -1 if there is none */
    struct loop_watch *watch; /* of it, while there is nothing to read */
    bool               drains; /* the child has ended well, and its pipe has not been read to the end */
    size_t             waiting; /* replicas that wait for a save to begin */
    bool               begins_at_once; /* one of those need not wait for others */
    char               mark[ROLE_ID + 1];
};

struct full_sync *full_sync_new(struct primary *primary)
{
    struct full_sync *sync = memory_new_zeroed(1, sizeof(*sync));

    sync->primary = primary;
    sync->pipe = -1;
    return sync;
}

static void close_pipe(struct full_sync *sync)
{
    loop_watch_free(sync->watch);
    sync->watch = NULL;
    if (sync->pipe >= 0)
        (void)close(sync->pipe);
    sync->pipe = -1;
}

void full_sync_free(struct full_sync *sync)
{
    close_pipe(sync);
    memory_free(sync);
}

static struct chain *replicas(struct full_sync *sync)
{
    return &sync->primary->replicas;
}

static const struct primary_setup *house(const struct full_sync *sync)
{
    return &sync->primary->setup;
}

/* ---- Asking ---- */

static bool wants_the_same(const struct replica *one, const struct replica *other)
{
    return one->no_keys == other->no_keys && one->no_functions == other->no_functions;
}

/* Whether a pipe may be used for a replica. */
static bool may_pipe(const struct full_sync *sync, const struct replica *replica)
{
    bool filtered = replica->no_keys || replica->no_functions;

    return replica->takes_eof && (house(sync)->options->repl_diskless_sync || filtered);
}

/* Tells a replica which history it gets, up to where; it begins with what follows. */
static void tell_beginning(struct full_sync *sync, struct replica *replica, int64_t offset)
{
    const struct role *role = house(sync)->role;
    struct buffer line = { 0 };

    replica->state = REPLICA_SAVING;
    replica->from = offset + 1;
    replica_let_go(replica);
    replica->held = backlog_hold(sync->primary->backlog, replica->from);
    if (replica->is_old)
        return;
    buffer_print(&line, "+FULLRESYNC %s %" PRId64 "\r\n", role->id, offset);
    outbox_put(replica->session->reply.out, buffer_slice(&line));
    buffer_clear(&line);
    connection_wants_send(replica->session->connection);
}

/* Joins a save that writes a file for another already. */
static bool join_file(struct full_sync *sync, struct replica *replica)
{
    struct chain *all = replicas(sync);

    for (struct chain *link = all->next; link != all; link = link->next) {
        const struct replica *other = REPLICA_AT(link);

        if (other == replica || other->state != REPLICA_SAVING || other->piped ||
            !wants_the_same(other, replica))
            continue;
        tell_beginning(sync, replica, other->from - 1);
        log_line(house(sync)->log, LOG_NOTICE, "Waiting for end of BGSAVE for SYNC");
        return true;
    }
    return false;
}

void full_sync_ask(struct full_sync *sync, struct replica *replica)
{
    struct log *log = house(sync)->log;

    if (snapshot_runs(house(sync)->snapshot) && !snapshot_is_piped(house(sync)->snapshot)) {
        if (sync->kind == SYNC_FILE && join_file(sync, replica))
            return;
        log_line(log, LOG_NOTICE, "Can't attach the replica to the current BGSAVE. Waiting for "
                                  "next BGSAVE for SYNC");
    } else if (snapshot_runs(house(sync)->snapshot)) {
        log_line(log, LOG_NOTICE,
                 "Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC");
    } else if (may_pipe(sync, replica) && house(sync)->options->repl_diskless_sync_delay > 0) {
        log_line(log, LOG_NOTICE, "Delay next BGSAVE for diskless SYNC");
    } else if (aof_rewrite_runs(house(sync)->aof)) {
        log_line(log, LOG_NOTICE, "No BGSAVE in progress, but another BG operation is active. "
                                  "BGSAVE for replication delayed");
    } else {
        sync->begins_at_once = true;
    }
    sync->waiting++;
}

/* ---- Beginning ---- */

/* What those who wait have in common. */
struct group {
    const struct replica *first; /* all want what it wants */
    size_t                count;
    bool                  pipe;
    millis                since; /* when the first asked */
};

static struct group find_group(struct full_sync *sync)
{
    struct chain *all = replicas(sync);
    struct group group = { NULL, 0, true, 0 };

    for (struct chain *link = all->next; link != all; link = link->next) {
        const struct replica *replica = REPLICA_AT(link);

        if (replica->state != REPLICA_WAITS ||
            (group.first != NULL && !wants_the_same(group.first, replica)))
            continue;
        if (group.first == NULL) {
            group.first = replica;
            group.since = replica->asked_at;
        }
        group.pipe = group.pipe && may_pipe(sync, replica);
        group.count++;
    }
    return group;
}

static bool is_time(const struct full_sync *sync, const struct group *group)
{
    const struct options *options = house(sync)->options;
    millis waited = caller_now(house(sync)->caller) - group->since;

    return sync->begins_at_once || !options->repl_diskless_sync ||
           (options->repl_diskless_sync_max_replicas > 0 &&
            group->count >= (uint64_t)options->repl_diskless_sync_max_replicas) ||
           waited >= options->repl_diskless_sync_delay * SECOND;
}

static bool begin_pipe(struct full_sync *sync, const struct group *group, struct trouble *trouble)
{
    struct snapshot_pipe to = { .no_keys = group->first->no_keys,
                                  .no_functions = group->first->no_functions };
    int ends[2];
    bool fine;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return trouble_errno(trouble, "opening a pipe");
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    random_run_id(sync->mark);
    to.fd = ends[1];
    to.mark = slice_of(sync->mark, ROLE_ID);
    fine = snapshot_begin_pipe(house(sync)->snapshot, &to, trouble);
    (void)close(ends[1]);
    if (!fine) {
        (void)close(ends[0]);
        return false;
    }
    sync->pipe = ends[0];
    return true;
}

/* Nothing can be saved: who waits is sent away, and may ask again. */
static void refuse_all(struct full_sync *sync)
{
    struct chain *all = replicas(sync);

    log_line(house(sync)->log, LOG_WARNING, "BGSAVE for replication failed");
    for (struct chain *link = all->next; link != all; link = link->next) {
        struct replica *replica = REPLICA_AT(link);

        if (replica->state != REPLICA_WAITS)
            continue;
        outbox_put(replica->session->reply.out,
                   SLICE("-ERR BGSAVE failed, replication can't continue\r\n"));
        sessions_close(house(sync)->sessions, replica->session, true);
        replica->state = REPLICA_KNOWN;
    }
    sync->waiting = 0;
}

static void begin(struct full_sync *sync, const struct group *group)
{
    struct chain *all = replicas(sync);
    const struct replica wish = *group->first;
    struct trouble trouble = { 0 };
    bool fine;

    sync->begins_at_once = false;
    log_line(house(sync)->log, LOG_NOTICE, "Starting BGSAVE for SYNC with target: %s",
             group->pipe ? "replicas sockets" : "disk");
    fine = group->pipe
               ? begin_pipe(sync, group, &trouble)
               : snapshot_begin(house(sync)->snapshot, ledger_changes(house(sync)->ledger),
                                &trouble);
    if (!fine) {
        refuse_all(sync);
        return;
    }
    sync->kind = group->pipe ? SYNC_PIPE : SYNC_FILE;
    /* The new ones have selected no database. */
    ledger_feed_restart(house(sync)->ledger);
    for (struct chain *link = all->next; link != all; link = link->next) {
        struct replica *replica = REPLICA_AT(link);

        if (replica->state != REPLICA_WAITS || !wants_the_same(&wish, replica))
            continue;
        tell_beginning(sync, replica, house(sync)->role->offset);
        replica->piped = group->pipe;
        sync->waiting--;
    }
}

void full_sync_step(struct full_sync *sync)
{
    struct group group;

    if (LIKELY(sync->waiting == 0) || sync->pipe >= 0 ||
        snapshot_runs(house(sync)->snapshot) || aof_rewrite_runs(house(sync)->aof))
        return;
    group = find_group(sync);
    if (group.count > 0 && is_time(sync, &group))
        begin(sync, &group);
}

/* ---- By file ---- */

static bool open_file(struct full_sync *sync, struct replica *replica, struct trouble *trouble)
{
    struct buffer head = { 0 };
    struct stat about;

    replica->file = open(house(sync)->options->dbfilename, O_RDONLY | O_CLOEXEC);
    if (replica->file < 0 || fstat(replica->file, &about) < 0)
        return trouble_errno(trouble, "SYNC failed. Can't open/stat DB after BGSAVE");
    replica->left = (uint64_t)about.st_size;
    replica->state = REPLICA_SENDING;
    buffer_print(&head, "$%" PRIu64 "\r\n", replica->left);
    outbox_put(replica->session->reply.out, buffer_slice(&head));
    buffer_clear(&head);
    connection_wants_send(replica->session->connection);
    return true;
}

/* A snapshot that is kept for nobody need not stay. */
static void remove_file(struct full_sync *sync)
{
    const struct options *options = house(sync)->options;

    if (!options->rdb_del_sync_files || options->appendonly || options->save.count > 0)
        return;
    (void)unlink(options->dbfilename);
    log_line(house(sync)->log, LOG_NOTICE, "Removing the RDB file %s used only to sync replicas",
             options->dbfilename);
}

static void file_is_there(struct full_sync *sync, bool fine)
{
    struct chain *all = replicas(sync);

    for (struct chain *link = all->next; link != all; link = link->next) {
        struct replica *replica = REPLICA_AT(link);
        struct trouble trouble = { 0 };

        if (replica->state != REPLICA_SAVING || replica->piped)
            continue;
        if (!fine)
            (void)trouble_set(&trouble, "SYNC failed. BGSAVE child returned an error");
        if (fine && open_file(sync, replica, &trouble))
            continue;
        log_line(house(sync)->log, LOG_WARNING, "%s", trouble.text);
        sessions_close(house(sync)->sessions, replica->session, false);
    }
    remove_file(sync);
}

/* A replica has its snapshot: what was said since follows. */
static void finish(struct full_sync *sync, struct replica *replica)
{
    char name[REPLICA_NAME];

    if (replica->only_snapshot) {
        replica_print_name(replica, name);
        log_line(house(sync)->log, LOG_NOTICE,
                 "RDB transfer completed, rdb only replica (%s) should be disconnected asap", name);
        replica_let_go(replica);
        sessions_close(house(sync)->sessions, replica->session, true);
        replica->state = REPLICA_ONLINE;
        replica->begins_on_ack = true;
        return;
    }
    primary_put_online(sync->primary, replica);
    if (!replica->begins_on_ack)
        primary_begin_stream(sync->primary, replica);
}

/* Reads the next part of the file into the outbox. */
static void send_part(struct full_sync *sync, struct replica *replica)
{
    struct outbox *out = replica->session->reply.out;
    size_t most = replica->left < PART ? (size_t)replica->left : PART;
    ssize_t got = most == 0 ? 0 : read(replica->file, outbox_reserve(out, most), most);

    if (got < 0 || (got == 0 && most > 0)) {
        if (got < 0 && errno == EINTR)
            return;
        log_line(house(sync)->log, LOG_WARNING, "Read error sending DB to replica: %s",
                 got == 0 ? "premature EOF" : strerror(errno));
        sessions_close(house(sync)->sessions, replica->session, false);
        return;
    }
    outbox_commit(out, (size_t)got);
    house(sync)->metrics->repl_output_bytes += (uint64_t)got;
    replica->left -= (uint64_t)got;
    if (replica->left == 0) {
        (void)close(replica->file);
        replica->file = -1;
        finish(sync, replica);
    }
    connection_wants_send(replica->session->connection);
}

/* ---- By pipe ---- */

static void woken(void *who)
{
    (void)who; /* the turn that it begins does the work */
}

/* How many are in it still; `ready`: whether none of them has anything left to send. */
static size_t count_piped(struct full_sync *sync, bool *ready)
{
    struct chain *all = replicas(sync);
    size_t count = 0;

    *ready = true;
    for (struct chain *link = all->next; link != all; link = link->next) {
        const struct replica *replica = REPLICA_AT(link);

        if (replica->state != REPLICA_SAVING || !replica->piped ||
            connection_closing(replica->session->connection))
            continue;
        count++;
        *ready = *ready && outbox_pending(replica->session->reply.out) == 0;
    }
    return count;
}

static void share_part(struct full_sync *sync, struct bytes *bytes, size_t len)
{
    struct chain *all = replicas(sync);

    for (struct chain *link = all->next; link != all; link = link->next) {
        struct replica *replica = REPLICA_AT(link);

        if (replica->state != REPLICA_SAVING || !replica->piped ||
            connection_closing(replica->session->connection))
            continue;
        outbox_share(replica->session->reply.out, bytes, slice_of(bytes->at, len));
        house(sync)->metrics->repl_output_bytes += len;
        connection_wants_send(replica->session->connection);
    }
}

/* Nobody takes what the child writes. */
static void give_up_pipe(struct full_sync *sync)
{
    if (sync->drains) {
        sync->drains = false;
        close_pipe(sync);
        return;
    }
    log_line(house(sync)->log, LOG_WARNING,
             "Diskless rdb transfer, last replica dropped, killing fork child.");
    close_pipe(sync);
    snapshot_abort(house(sync)->snapshot);
}

/* The child has ended and, if it ended well, all that it wrote is handed on. */
static void pipe_is_over(struct full_sync *sync, bool fine)
{
    struct chain *all = replicas(sync);

    sync->drains = false;
    close_pipe(sync);
    for (struct chain *link = all->next; link != all; link = link->next) {
        struct replica *replica = REPLICA_AT(link);
        char name[REPLICA_NAME];

        if (replica->state != REPLICA_SAVING || !replica->piped)
            continue;
        replica->piped = false;
        if (connection_closing(replica->session->connection))
            continue;
        replica_print_name(replica, name);
        if (!fine) {
            log_line(house(sync)->log, LOG_WARNING,
                     "Closing replica %s: child->replica RDB transfer failed", name);
            sessions_close(house(sync)->sessions, replica->session, false);
            continue;
        }
        log_line(house(sync)->log, LOG_NOTICE,
                 "Streamed RDB transfer with replica %s succeeded (socket). Waiting for REPLCONF "
                 "ACK from slave to enable streaming",
                 name);
        /* It cannot tell the stream from the snapshot before it has found the mark. */
        replica->begins_on_ack = !replica->is_old;
        finish(sync, replica);
    }
}

/* Reads a part and hands it to all; true if there was one. */
static bool pump(struct full_sync *sync)
{
    struct bytes *bytes;
    size_t count;
    ssize_t got;
    bool ready;

    count = count_piped(sync, &ready);
    if (count == 0) {
        give_up_pipe(sync);
        return false;
    }
    if (!ready) {
        loop_watch_free(sync->watch);
        sync->watch = NULL;
        return false;
    }
    bytes = bytes_new(PART);
    do
        got = read(sync->pipe, bytes->at, PART);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        share_part(sync, bytes, (size_t)got);
    } else if (got < 0 && errno == EAGAIN) {
        if (sync->watch == NULL)
            sync->watch = loop_watch_new_readable(house(sync)->loop, sync->pipe, woken, sync);
    } else {
        log_line(house(sync)->log, LOG_NOTICE,
                 "Diskless rdb transfer, done reading from pipe, %zu replicas still up.", count);
        close_pipe(sync);
        if (sync->drains)
            pipe_is_over(sync, true);
    }
    bytes_drop(bytes);
    return got > 0;
}

/* ---- Going on, and ending ---- */

bool full_sync_transfer(struct full_sync *sync)
{
    struct chain *all = replicas(sync);
    bool more = sync->pipe >= 0 && pump(sync);

    for (struct chain *link = all->next; link != all; link = link->next) {
        struct replica *replica = REPLICA_AT(link);

        if (replica->state != REPLICA_SENDING ||
            connection_closing(replica->session->connection) ||
            outbox_pending(replica->session->reply.out) > 0)
            continue;
        send_part(sync, replica);
        more = true;
    }
    return more;
}

void full_sync_ended(struct full_sync *sync, bool streamed, bool fine)
{
    sync->kind = SYNC_NONE;
    if (!streamed)
        file_is_there(sync, fine);
    else if (fine && sync->pipe >= 0)
        sync->drains = true; /* a child that has little to say may end before any of it is read */
    else
        pipe_is_over(sync, fine);
}

void full_sync_left(struct full_sync *sync, const struct replica *gone)
{
    struct chain *all = replicas(sync);
    bool ready;

    if (gone->state == REPLICA_WAITS)
        sync->waiting--;
    if (gone->state != REPLICA_SAVING)
        return;
    if (gone->piped) {
        if (sync->pipe >= 0 && count_piped(sync, &ready) == 0)
            give_up_pipe(sync);
        return;
    }
    for (struct chain *link = all->next; link != all; link = link->next) {
        if (REPLICA_AT(link)->state == REPLICA_SAVING)
            return;
    }
    /* The file is for nobody any more, unless snapshots are kept anyhow. */
    if (sync->kind == SYNC_FILE && house(sync)->options->save.count == 0)
        snapshot_abort(house(sync)->snapshot);
}

/* Ends a replica that takes nothing of its snapshot for too long. */
static void look_if_stuck(struct full_sync *sync, struct replica *replica, millis now)
{
    size_t pending = outbox_pending(replica->session->reply.out);
    char name[REPLICA_NAME];

    if (pending == 0 || pending != replica->stuck_with) {
        replica->stuck_with = pending;
        replica->stuck_since = now;
        return;
    }
    if (now - replica->stuck_since <= house(sync)->options->repl_timeout * SECOND)
        return;
    replica_print_name(replica, name);
    log_line(house(sync)->log, LOG_WARNING, "Disconnecting timedout replica (full sync): %s",
             name);
    sessions_close(house(sync)->sessions, replica->session, false);
}

void full_sync_tick(struct full_sync *sync, millis now)
{
    struct chain *all = replicas(sync);

    for (struct chain *link = all->next; link != all; link = link->next) {
        struct replica *replica = REPLICA_AT(link);
        bool waits = replica->state == REPLICA_WAITS ||
                     (replica->state == REPLICA_SAVING && !replica->piped);

        if (waits && outbox_pending(replica->session->reply.out) == 0) {
            /* A line of nothing: who waits hears that we are there. */
            outbox_put(replica->session->reply.out, SLICE("\n"));
            connection_wants_send(replica->session->connection);
        } else if (replica->piped || replica->state == REPLICA_SENDING) {
            look_if_stuck(sync, replica, now);
        }
    }
}

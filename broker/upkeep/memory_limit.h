/*
 * maxmemory: what happens when more memory is in use than the options allow.
 *
 * The guard evicts in front of a command, for a time that
 * maxmemory-eviction-tenacity bounds, and refuses commands that may need more
 * memory only if nothing may go. What is left over after that is evicted at the
 * end of the turns, a slice each, so that nobody waits for it long.
 *
 *     over the limit ──► evict for a while ──► under: go on
 *                                          ├─► still over, more may go: go on, later slices
 *                                          └─► nothing may go: -OOM for what needs memory
 *
 * What may go, and in what order, is storage/keyspace/eviction's; this module
 * makes its rules from the options.
 */
#ifndef BROKER_UPKEEP_MEMORY_LIMIT_H
#define BROKER_UPKEEP_MEMORY_LIMIT_H

#include "broker/dispatch/caller.h"
#include "storage/base/buffer.h"

struct memory_limit;
struct options;
struct worker;

/* Pointers are borrowed. */
struct memory_limit_setup {
    struct keyspaces     *keyspaces;
    struct clock         *clock;
    struct metrics       *metrics;
    struct worker        *worker; /* frees what is large */
    const struct options *options;

    /* Told how long eviction took: "eviction-cycle". */
    void (*note)(void *who, const char *event, micros took);
    void *note_who;

    /* Gives back memory that is only kept for later: at the end of a turn, before keys go. */
    void (*relieve)(void *who);
    void *relieve_who;

    /* Bytes in use that are not counted against the limit: what waits for replicas and for the log,
     * which every eviction adds to. */
    size_t (*spared)(const void *who);
    const void *spared_who;

    /* Takes a session's watches back, when its EXEC is refused. */
    void (*unwatch)(void *who, struct session *session);
    void *unwatch_who;
};

struct memory_limit *memory_limit_new(const struct memory_limit_setup *setup);

/* Hands it the caller, which is made after its guards. */
void memory_limit_set_caller(struct memory_limit *limit, struct caller *caller);

/* Frees it. NULL is fine. */
void memory_limit_free(struct memory_limit *limit);

/*
 * maxmemory-queues: a limit of its own for lists and streams that are not evicted.
 * At it, what adds to a queue is answered -FULL, or waits with maxmemory-queues-wait,
 * in the order of coming, until somebody has made room. Reading, acknowledging,
 * popping, and moving from one queue to another always work.
 *
 * The guard for both. Comparisons while there are no limits, one sum while memory is
 * below its own.
 */
enum pass memory_limit_guard(void *limit, struct call *call);

/* The step of a turn: true if more is to be evicted at once. */
bool memory_limit_step(void *limit);

/* The step after all is sent: has memory given back that is only kept for later, if it is short. */
bool memory_limit_relieve(void *limit);

/* Follows the options maxmemory*, lfu-*. */
void memory_limit_follow_options(struct memory_limit *limit);

/* The limit in bytes, 0 for none; a share is one of the machine's memory. */
size_t memory_limit_bytes(const struct memory_limit *limit);

/* maxmemory-clients in bytes, 0 for no limit: a share is one of maxmemory. */
size_t memory_limit_of_clients(const struct memory_limit *limit);

/* A farewell for sessions.h: the session no longer waits for room. */
void memory_limit_forget(void *limit, struct session *session);

/* Whether a command of a script would add to queues that are full; then the error is in `line`. */
bool memory_limit_refuses_queue(struct memory_limit *limit, const struct command *command,
                                struct buffer *line);

/* Whether memory is over its limit now; scripts ask before they write. */
bool memory_limit_is_over(const struct memory_limit *limit);

/* Appends the lines of INFO memory and stats that tell of limits. */
void memory_limit_print(struct memory_limit *limit, struct buffer *to);
void memory_limit_print_stats(const struct memory_limit *limit, struct buffer *to);

#endif

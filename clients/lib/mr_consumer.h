/*
 * A worker in a consumer group: reads entries, has them handled, acknowledges
 * those that went well, and looks after those that did not.
 *
 *                  XREADGROUP                      handled
 *   stream ───────────────────────► handler ─────────────────► XACK
 *                  XAUTOCLAIM           ▲   │ failed: stays pending
 *   pending, idle for long ────────────►┘   ▼
 *                                  delivered more than 'deliveries' times:
 *                                  MULTI, XADD to the dead-letter stream, XACK, EXEC
 *
 * Every entry is handled at least once: a worker that dies between handling and
 * acknowledging leaves an entry that another will handle again. Handlers must
 * bear that.
 *
 * An entry that fails is tried again when it has been idle for 'claim_idle_ms',
 * by whichever worker finds it first. In the dead-letter stream it keeps its
 * fields and gains three: dead-stream, dead-id and dead-deliveries.
 */
#ifndef MR_CONSUMER_H
#define MR_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/lib/mr_link.h"

/* One entry to handle, borrowed until the handler returns. */
struct mr_entry {
    const char            *id;
    const struct mr_reply *fields; /* children: name, value, name, value ... */
    int64_t                deliveries; /* 1 when it comes for the first time */
    bool                   claimed;    /* it was another's, or ours long ago */
};

/* Handles one entry; true: done with it, false: try again later. */
typedef bool mr_entry_handler(void *owner, const struct mr_entry *entry);

/* What a consumer is made from; texts are copied. */
struct mr_consumer_setup {
    const char       *stream;
    const char       *group;       /* made, with the stream, if it is not there */
    const char       *name;        /* this worker's, one for each */
    const char       *dead_letter; /* a stream; NULL: failing entries are tried for ever */
    int               batch;           /* entries asked for at once; 0: 16 */
    int               block_ms;        /* longest wait for new ones; 0: 2000 */
    int               claim_idle_ms;   /* 0: 30000 */
    int               claim_every_ms;  /* how often to look for idle ones; 0: 1000 */
    int               deliveries;      /* most deliveries before dead-lettering; 0: 5 */
    mr_entry_handler *handle;
    void             *owner;
};

/* What a consumer has done so far. */
struct mr_consumer_tally {
    uint64_t handled;
    uint64_t failed;
    uint64_t claimed;
    uint64_t dead;
};

struct mr_consumer;

/*
 * A consumer on a link, which is borrowed, must outlive it, and must not be used
 * for anything else meanwhile. NULL with the reason in 'trouble' if memory runs
 * out, the link is gone or the group cannot be made.
 */
struct mr_consumer *mr_consumer_new(struct mr_link *link, const struct mr_consumer_setup *setup,
                                    struct mr_trouble *trouble);

/* Forgets the consumer; what it has not acknowledged stays pending. NULL is fine. */
void mr_consumer_free(struct mr_consumer *consumer);

/*
 * One round: claims and handles what is stale if it is time to look, then waits
 * at most block_ms for new entries and handles them. MR_LATE if there were none.
 * On MR_GONE the reason is in mr_consumer_trouble; if the link was reopened
 * the consumer may go on.
 */
enum mr_outcome mr_consumer_turn(struct mr_consumer *consumer);

/*
 * Turns until *stop is true, reopening a lost link after 100 ms, 200 ms ... up
 * to 5 s. False if the broker refuses what the loop needs; the link itself may
 * come back, a refusal will not mend.
 */
bool mr_consumer_run(struct mr_consumer *consumer, const volatile bool *stop);

/* What the consumer has done so far; borrowed, and kept up to date as it goes on. */
const struct mr_consumer_tally *mr_consumer_counts(const struct mr_consumer *consumer);

/* Why the last turn ended with MR_GONE; an empty text if it did not. */
const char *mr_consumer_trouble(const struct mr_consumer *consumer);

#endif

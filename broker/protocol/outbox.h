/*
 * Bytes waiting to be written to one connection.
 *
 * Small replies are written next to each other into chunks borrowed from a
 * pool; large payloads are shared by reference. What is to be sent is a list
 * of spans, in order, so that one writev sends a whole turn's replies:
 *
 *   spans   [chunk A, 0-210] [bytes, 0-65536] [chunk A, 210-290] ...
 *                                                    open span ^ still growing
 *
 * An array whose length is not known yet leaves a hole. The hole begins a span
 * of its own; when the length is known its header is written against the right
 * edge of the hole and the span begins at the header's first byte, so nothing
 * is ever moved.
 *
 * An outbox may have a limit. Once more is pending it chokes: it drops what it
 * has and everything that is put into it later, so that a reply of any size costs
 * no memory. After that it only tells how much was pending.
 *
 * After outbox_init it is empty; an idle one holds no memory beside its struct.
 */
#ifndef BROKER_PROTOCOL_OUTBOX_H
#define BROKER_PROTOCOL_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "storage/base/bytes.h"
#include "storage/base/slice.h"

struct chunk;
struct span;
struct outbox_pool;

struct outbox {
    /* Private. */
    char               *at;        /* where the next byte goes, in the last chunk */
    char               *end;       /* end of the last chunk */
    char               *open;      /* begin of the open span; at - open bytes are in it */
    struct chunk       *chunk;     /* the last chunk, or NULL */
    struct span        *spans;     /* closed spans */
    uint32_t            first;     /* spans before this one were sent */
    uint32_t            count;     /* closed spans, sent ones included */
    uint32_t            capacity;
    size_t              closed;    /* bytes in closed spans not sent yet */
    size_t              held;      /* bytes of chunks, and of shares not sent yet */
    size_t              most;      /* bytes that may be pending; SIZE_MAX: any */
    bool                choked;    /* it was more: what is put into it is dropped */
    struct outbox_pool *pool;
};

enum { OUTBOX_HOLE = 32 }; /* room for an aggregate's longest header, or a cursor as a bulk */

/* Chunks shared by all outboxes of a thread. */
struct outbox_pool *outbox_pool_new(void);
void outbox_pool_free(struct outbox_pool *pool);

void outbox_init(struct outbox *outbox, struct outbox_pool *pool);

/* Sets how much may be pending; 0 is no limit. It is looked at where more memory is needed. */
void outbox_limit(struct outbox *outbox, size_t most);

/* Drops everything and gives the memory back; the outbox is empty and usable. */
void outbox_clear(struct outbox *outbox);

/* The part of outbox_reserve that finds a further chunk; only that calls it. */
char *outbox_reserve_slow(struct outbox *outbox, size_t len);

/* Where `len` bytes may be written now; outbox_commit says how many were. */
static inline char *outbox_reserve(struct outbox *outbox, size_t len)
{
    if ((size_t)(outbox->end - outbox->at) >= len)
        return outbox->at;
    return outbox_reserve_slow(outbox, len);
}

static inline void outbox_commit(struct outbox *outbox, size_t used)
{
    outbox->at += used;
}

/* Copies bytes to the end. */
void outbox_put(struct outbox *outbox, struct slice bytes);

/* Puts a part of shared bytes at the end by reference, taking a share of its own. */
void outbox_share(struct outbox *outbox, struct bytes *bytes, struct slice part);

/* A hole, to be filled once with the header that belongs there. */
struct outbox_hole {
    uint32_t span; /* Private. */
    char    *edge; /* Private: the first byte behind the hole */
};
struct outbox_hole outbox_open_hole(struct outbox *outbox);
void outbox_fill_hole(struct outbox *outbox, struct outbox_hole hole, struct slice header);

/* Where the outbox ends now; rewinding drops what was put since. */
struct outbox_mark {
    uint32_t      count;
    size_t        closed;
    struct chunk *chunk;
    char         *at;
    char         *open;
};
struct outbox_mark outbox_mark(const struct outbox *outbox);
void outbox_rewind(struct outbox *outbox, struct outbox_mark mark);

/* Bytes not sent yet. */
static inline size_t outbox_pending(const struct outbox *outbox)
{
    return outbox->closed + (size_t)(outbox->at - outbox->open);
}

/*
 * Bytes of memory held: chunks, spans, and shares as if each were a copy. O(1).
 * That is what a reader who does not read is answerable for.
 */
size_t outbox_memory(const struct outbox *outbox);

/* The part of it that only says where the pending bytes lie. O(1). */
size_t outbox_memory_of_list(const struct outbox *outbox);

/* The same for sums: of what is shared by n holders an n-th. O(spans). */
size_t outbox_memory_own(const struct outbox *outbox);

/* Chunks that outboxes took from the heap and gave back to it, not those kept for later. */
struct outbox_pool_counts {
    uint64_t taken;
    uint64_t given_back;
};
struct outbox_pool_counts *outbox_pool_counts(struct outbox_pool *pool);

/* Gives back what the pool keeps for later. */
void outbox_pool_trim(struct outbox_pool *pool);

/* Bytes kept for later by the pool. */
size_t outbox_pool_memory(const struct outbox_pool *pool);

/* Fills at most `most` vectors with what is to be sent; returns how many. */
int outbox_vectors(struct outbox *outbox, struct iovec *vectors, int most);

/* Says that the first `len` pending bytes were sent. Empty outboxes give their chunks back. */
void outbox_sent(struct outbox *outbox, size_t len);

/* Copies all pending bytes behind the end of a buffer, for readers within the house. */
struct buffer;
void outbox_copy_to(struct outbox *outbox, struct buffer *buffer);

#endif

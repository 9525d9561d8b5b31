/*
 * Chunks, spans and holes.
 *
 * What always holds:
 *   (1) Pending bytes are the closed spans from `first` on, then open..at.
 *   (2) A chunk belongs to the last span that lies in it, and goes back to the
 *       pool when that span was sent; `chunk` belongs to the open span.
 *   (3) open <= at <= end, all three in `chunk`, or all three NULL.
 *   (4) A choked outbox has no spans; its only chunk is written over again and again.
 *   (5) `held` is the size of all chunks of the outbox and the pending length of all shares.
 */
#include "broker/protocol/outbox.h"

#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

enum {
    SMALL_CHUNK = 4 * 1024,  /* holds a turn's replies of most sessions */
    LARGE_CHUNK = 64 * 1024, /* for those who have much to hear */
    KEPT_SMALL = 256,        /* chunks in the pool */
    KEPT_LARGE = 16
};

struct chunk {
    struct chunk *next; /* in the pool */
    size_t        size; /* of the bytes that follow */
    char          bytes[];
};

/* Closed bytes, and what is let go once they are sent: a chunk, shared bytes or nothing. */
struct span {
    const char   *at;
    size_t        len;
    struct chunk *chunk;
    struct bytes *bytes;
};

struct shelf {
    struct chunk *chunks;
    int           count;
};

struct outbox_pool {
    struct shelf small;
    struct shelf large;
    struct outbox_pool_counts counts;
};

struct outbox_pool *outbox_pool_new(void)
{
    return memory_new_zeroed(1, sizeof(struct outbox_pool));
}

static void empty_shelf(struct shelf *shelf)
{
    while (shelf->chunks != NULL) {
        struct chunk *chunk = shelf->chunks;

        shelf->chunks = chunk->next;
        memory_free(chunk);
    }
    shelf->count = 0;
}

struct outbox_pool_counts *outbox_pool_counts(struct outbox_pool *pool)
{
    return &pool->counts;
}

void outbox_pool_trim(struct outbox_pool *pool)
{
    pool->counts.given_back += (uint64_t)(pool->small.count + pool->large.count);
    empty_shelf(&pool->small);
    empty_shelf(&pool->large);
}

void outbox_pool_free(struct outbox_pool *pool)
{
    if (pool == NULL)
        return;
    empty_shelf(&pool->small);
    empty_shelf(&pool->large);
    memory_free(pool);
}

static struct chunk *pool_take(struct outbox_pool *pool, size_t at_least, bool large)
{
    size_t size = large ? LARGE_CHUNK : SMALL_CHUNK;
    struct shelf *shelf = large ? &pool->large : &pool->small;
    struct chunk *chunk = shelf->chunks;

    if (at_least > size - sizeof(struct chunk)) {
        if (!large)
            return pool_take(pool, at_least, true);
        size = at_least + sizeof(struct chunk);
    } else if (chunk != NULL) {
        shelf->chunks = chunk->next;
        shelf->count--;
        return chunk;
    }
    pool->counts.taken++;
    chunk = memory_new(size);
    chunk->size = size - sizeof(struct chunk);
    return chunk;
}

static size_t chunk_memory(const struct chunk *chunk)
{
    return chunk->size + sizeof(*chunk);
}

static void chunk_return(struct outbox *outbox, struct chunk *chunk)
{
    struct outbox_pool *pool = outbox->pool;
    struct shelf *shelf = NULL;
    int most = KEPT_SMALL;

    outbox->held -= chunk_memory(chunk);

    if (chunk->size == SMALL_CHUNK - sizeof(struct chunk)) {
        shelf = &pool->small;
    } else if (chunk->size == LARGE_CHUNK - sizeof(struct chunk)) {
        shelf = &pool->large;
        most = KEPT_LARGE;
    }
    if (shelf == NULL || shelf->count >= most) {
        pool->counts.given_back++;
        memory_free(chunk);
        return;
    }
    chunk->next = shelf->chunks;
    shelf->chunks = chunk;
    shelf->count++;
}

void outbox_init(struct outbox *outbox, struct outbox_pool *pool)
{
    *outbox = (struct outbox){ .pool = pool, .most = SIZE_MAX };
}

void outbox_limit(struct outbox *outbox, size_t most)
{
    outbox->most = most > 0 ? most : SIZE_MAX;
}

static void span_let_go(struct outbox *outbox, const struct span *span)
{
    if (span->chunk != NULL)
        chunk_return(outbox, span->chunk);
    if (span->bytes != NULL) {
        outbox->held -= span->len;
        bytes_drop(span->bytes);
    }
}

static void drop_open_chunk(struct outbox *outbox)
{
    if (outbox->chunk != NULL)
        chunk_return(outbox, outbox->chunk);
    outbox->chunk = NULL;
    outbox->at = outbox->end = outbox->open = NULL;
}

void outbox_clear(struct outbox *outbox)
{
    for (uint32_t i = outbox->first; i < outbox->count; i++)
        span_let_go(outbox, &outbox->spans[i]);
    drop_open_chunk(outbox);
    memory_free(outbox->spans);
    *outbox = (struct outbox){ .pool = outbox->pool, .most = outbox->most };
}

/* Lets everything go, and remembers only how much that was. */
static void choke(struct outbox *outbox)
{
    size_t pending = outbox_pending(outbox);

    outbox_clear(outbox);
    outbox->choked = true;
    outbox->closed = pending;
}

/* Where bytes go that nobody will see: the same place again and again. */
static char *swallow(struct outbox *outbox, size_t len)
{
    if (outbox->chunk == NULL || outbox->chunk->size < len) {
        drop_open_chunk(outbox);
        outbox->chunk = pool_take(outbox->pool, len, false);
        outbox->held += chunk_memory(outbox->chunk);
        outbox->end = outbox->chunk->bytes + outbox->chunk->size;
    }
    outbox->at = outbox->open = outbox->chunk->bytes;
    return outbox->at;
}

static struct span *add_span(struct outbox *outbox)
{
    if (outbox->count == outbox->capacity) {
        uint32_t sent = outbox->first;

        /* Holes name spans by index, but none is open while spans are being sent. */
        if (sent > 0 && sent >= outbox->capacity / 2) {
            memmove(outbox->spans, outbox->spans + sent,
                    (outbox->count - sent) * sizeof(struct span));
            outbox->count -= sent;
            outbox->first = 0;
        } else {
            outbox->capacity = outbox->capacity == 0 ? 4 : outbox->capacity * 2;
            outbox->spans = memory_resize(outbox->spans, outbox->capacity * sizeof(struct span));
        }
    }
    return &outbox->spans[outbox->count++];
}

/* Closes the open span; with `last` the chunk goes with it. */
static void close_span(struct outbox *outbox, bool last)
{
    size_t len = (size_t)(outbox->at - outbox->open);

    if (len == 0 && !(last && outbox->chunk != NULL))
        return;
    *add_span(outbox) = (struct span){ outbox->open, len, last ? outbox->chunk : NULL, NULL };
    outbox->closed += len;
    outbox->open = outbox->at;
    if (last) {
        outbox->chunk = NULL;
        outbox->at = outbox->end = outbox->open = NULL;
    }
}

char *outbox_reserve_slow(struct outbox *outbox, size_t len)
{
    bool large = outbox_pending(outbox) >= LARGE_CHUNK / 2;

    if (UNLIKELY(!outbox->choked && outbox_pending(outbox) > outbox->most))
        choke(outbox);
    if (UNLIKELY(outbox->choked))
        return swallow(outbox, len);
    close_span(outbox, true);
    outbox->chunk = pool_take(outbox->pool, len, large);
    outbox->held += chunk_memory(outbox->chunk);
    outbox->at = outbox->open = outbox->chunk->bytes;
    outbox->end = outbox->at + outbox->chunk->size;
    return outbox->at;
}

void outbox_put(struct outbox *outbox, struct slice bytes)
{
    while (bytes.len > 0) {
        size_t room = (size_t)(outbox->end - outbox->at);
        size_t part = bytes.len < room ? bytes.len : room;

        if (part == 0) {
            outbox_reserve_slow(outbox, 1);
            continue;
        }
        memcpy(outbox->at, bytes.at, part);
        outbox->at += part;
        bytes = slice_after(bytes, part);
    }
}

/* A part that follows what is last in the list needs no span of its own. */
static bool lengthen_last(struct outbox *outbox, const struct bytes *bytes, struct slice part)
{
    struct span *last;

    if (outbox->at != outbox->open || outbox->count == outbox->first)
        return false;
    last = &outbox->spans[outbox->count - 1];
    if (last->bytes != bytes || last->at + last->len != part.at)
        return false;
    last->len += part.len;
    return true;
}

void outbox_share(struct outbox *outbox, struct bytes *bytes, struct slice part)
{
    if (UNLIKELY(!outbox->choked && outbox_pending(outbox) > outbox->most))
        choke(outbox);
    if (UNLIKELY(outbox->choked))
        return;
    close_span(outbox, false);
    if (!lengthen_last(outbox, bytes, part))
        *add_span(outbox) = (struct span){ part.at, part.len, NULL, bytes_share(bytes) };
    outbox->closed += part.len;
    outbox->held += part.len;
}

struct outbox_hole outbox_open_hole(struct outbox *outbox)
{
    outbox_reserve(outbox, OUTBOX_HOLE);
    if (LIKELY(!outbox->choked))
        close_span(outbox, false);
    outbox->at += OUTBOX_HOLE;
    return (struct outbox_hole){ outbox->count, outbox->at };
}

void outbox_fill_hole(struct outbox *outbox, struct outbox_hole hole, struct slice header)
{
    char *begin = hole.edge - header.len;
    size_t unused = OUTBOX_HOLE - header.len;

    must(header.len <= OUTBOX_HOLE);
    if (UNLIKELY(outbox->choked))
        return;
    memcpy(begin, header.at, header.len);
    if (hole.span == outbox->count) {
        outbox->open = begin;
        return;
    }
    outbox->spans[hole.span].at = begin;
    outbox->spans[hole.span].len -= unused;
    outbox->closed -= unused;
}

struct outbox_mark outbox_mark(const struct outbox *outbox)
{
    return (struct outbox_mark){ outbox->count, outbox->closed, outbox->chunk, outbox->at,
                                 outbox->open };
}

void outbox_rewind(struct outbox *outbox, struct outbox_mark mark)
{
    bool kept = outbox->chunk == mark.chunk;

    if (UNLIKELY(outbox->choked))
        return;
    if (!kept)
        drop_open_chunk(outbox);
    for (uint32_t i = mark.count; i < outbox->count; i++) {
        struct span *span = &outbox->spans[i];

        if (span->chunk == mark.chunk && mark.chunk != NULL)
            span->chunk = NULL;
        span_let_go(outbox, span);
    }
    outbox->count = mark.count;
    outbox->closed = mark.closed;
    outbox->chunk = mark.chunk;
    outbox->at = mark.at;
    outbox->open = mark.open;
    outbox->end = mark.chunk == NULL ? NULL : mark.chunk->bytes + mark.chunk->size;
}

size_t outbox_memory_of_list(const struct outbox *outbox)
{
    return outbox->capacity * sizeof(struct span);
}

size_t outbox_memory(const struct outbox *outbox)
{
    return outbox->held + outbox_memory_of_list(outbox);
}

size_t outbox_memory_own(const struct outbox *outbox)
{
    size_t total = outbox_memory(outbox);

    for (uint32_t i = outbox->first; i < outbox->count; i++) {
        const struct span *span = &outbox->spans[i];

        if (span->bytes != NULL)
            total -= span->len - span->len / bytes_shares(span->bytes);
    }
    return total;
}

static size_t shelf_memory(const struct shelf *shelf)
{
    return shelf->chunks == NULL ? 0 : (size_t)shelf->count * chunk_memory(shelf->chunks);
}

size_t outbox_pool_memory(const struct outbox_pool *pool)
{
    return memory_usable(pool) + shelf_memory(&pool->small) + shelf_memory(&pool->large);
}

int outbox_vectors(struct outbox *outbox, struct iovec *vectors, int most)
{
    int count = 0;

    for (uint32_t i = outbox->first; i < outbox->count && count < most; i++) {
        const struct span *span = &outbox->spans[i];

        if (span->len > 0)
            vectors[count++] = (struct iovec){ (void *)(uintptr_t)span->at, span->len };
    }
    if (count < most && outbox->at > outbox->open)
        vectors[count++] = (struct iovec){ outbox->open, (size_t)(outbox->at - outbox->open) };
    return count;
}

/* Once all is sent the chunk goes back, so that an idle session holds nothing. */
static void settle(struct outbox *outbox)
{
    outbox->first = outbox->count = 0;
    drop_open_chunk(outbox);
    if (outbox->capacity > 16) {
        memory_free(outbox->spans);
        outbox->spans = NULL;
        outbox->capacity = 0;
    }
}

void outbox_sent(struct outbox *outbox, size_t len)
{
    while (outbox->first < outbox->count) {
        struct span *span = &outbox->spans[outbox->first];

        if (len < span->len) {
            span->at += len;
            span->len -= len;
            outbox->closed -= len;
            outbox->held -= span->bytes != NULL ? len : 0;
            return;
        }
        len -= span->len;
        outbox->closed -= span->len;
        span_let_go(outbox, span);
        outbox->first++;
    }
    outbox->open += len;
    must(outbox->open <= outbox->at);
    if (outbox->open == outbox->at)
        settle(outbox);
}

void outbox_copy_to(struct outbox *outbox, struct buffer *buffer)
{
    for (uint32_t i = outbox->first; i < outbox->count; i++)
        buffer_add(buffer, slice_of(outbox->spans[i].at, outbox->spans[i].len));
    if (outbox->at > outbox->open)
        buffer_add(buffer, slice_of(outbox->open, (size_t)(outbox->at - outbox->open)));
}

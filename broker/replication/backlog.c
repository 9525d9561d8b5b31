/*
 * Blocks in a ring.
 *
 * What always holds:
 *   (1) Blocks follow each other without a gap: the offset of each is that of the
 *       one before plus its bytes in use.
 *   (2) Only the last block grows; what was written in a block never changes, so
 *       outboxes may share it while it grows.
 *   (3) The first block goes only in backlog_trim, if what is left is at least `size`
 *       and nobody else has a share in it.
 *   (4) Only the last block may be empty; `next` is the offset behind the last byte.
 *   (5) `memory` is the sum of what the blocks were made with.
 */
#include "broker/replication/backlog.h"

#include "broker/protocol/outbox.h"
#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

enum {
    BLOCK = 16 * 1024 - BYTES_HEAD, /* bytes in a block */
    RING_LEAST = 16
};

struct block {
    struct bytes *bytes; /* as long as there is room */
    size_t        used;
    int64_t       first; /* offset of the first byte */
};

struct backlog {
    struct block *ring; /* `room` of them, a power of two */
    size_t        room;
    size_t        head; /* where the first is */
    size_t        count;
    size_t        size;
    size_t        memory;
    int64_t       next;
};

struct backlog *backlog_new(int64_t next, size_t size)
{
    struct backlog *backlog = memory_new_zeroed(1, sizeof(*backlog));

    backlog->next = next;
    backlog->size = size;
    return backlog;
}

static struct block *block_at(const struct backlog *backlog, size_t index)
{
    return &backlog->ring[(backlog->head + index) & (backlog->room - 1)];
}

static size_t block_memory(const struct block *block)
{
    return BYTES_HEAD + bytes_len(block->bytes);
}

static void drop_first(struct backlog *backlog)
{
    struct block *block = block_at(backlog, 0);

    backlog->memory -= block_memory(block);
    bytes_drop(block->bytes);
    backlog->head = (backlog->head + 1) & (backlog->room - 1);
    backlog->count--;
}

void backlog_free(struct backlog *backlog)
{
    if (backlog == NULL)
        return;
    while (backlog->count > 0)
        drop_first(backlog);
    memory_free(backlog->ring);
    memory_free(backlog);
}

void backlog_resize(struct backlog *backlog, size_t size)
{
    backlog->size = size;
    backlog_trim(backlog);
}

int64_t backlog_first(const struct backlog *backlog)
{
    return backlog->count > 0 ? block_at(backlog, 0)->first : backlog->next;
}

int64_t backlog_next(const struct backlog *backlog)
{
    return backlog->next;
}

int64_t backlog_length(const struct backlog *backlog)
{
    return backlog->next - backlog_first(backlog);
}

bool backlog_has(const struct backlog *backlog, int64_t offset)
{
    return offset >= backlog_first(backlog) && offset <= backlog->next;
}

void backlog_trim(struct backlog *backlog)
{
    while (backlog->count > 1) {
        const struct block *first = block_at(backlog, 0);

        if ((size_t)backlog_length(backlog) - first->used < backlog->size ||
            !bytes_sole(first->bytes))
            return;
        drop_first(backlog);
    }
}

static void widen(struct backlog *backlog)
{
    size_t room = backlog->room == 0 ? RING_LEAST : backlog->room * 2;
    struct block *ring = memory_new(room * sizeof(*ring));

    for (size_t i = 0; i < backlog->count; i++)
        ring[i] = *block_at(backlog, i);
    memory_free(backlog->ring);
    backlog->ring = ring;
    backlog->room = room;
    backlog->head = 0;
}

static struct block *add_block(struct backlog *backlog)
{
    struct block *block;

    if (backlog->count == backlog->room)
        widen(backlog);
    block = block_at(backlog, backlog->count++);
    *block = (struct block){ bytes_new(BLOCK), 0, backlog->next };
    backlog->memory += block_memory(block);
    return block;
}

void backlog_append(struct backlog *backlog, struct slice bytes)
{
    struct block *last = backlog->count > 0 ? block_at(backlog, backlog->count - 1) : NULL;

    while (bytes.len > 0) {
        size_t room = last == NULL ? 0 : bytes_len(last->bytes) - last->used;
        size_t part = bytes.len < room ? bytes.len : room;

        if (part == 0) {
            last = add_block(backlog);
            continue;
        }
        memcpy(last->bytes->at + last->used, bytes.at, part);
        last->used += part;
        backlog->next += (int64_t)part;
        bytes = slice_after(bytes, part);
    }
}

/* Which block has an offset; for the next one, the last block. There is one. */
static size_t find(const struct backlog *backlog, int64_t offset)
{
    size_t low = 0;
    size_t high = backlog->count - 1;

    must(backlog_has(backlog, offset));
    while (low < high) {
        size_t middle = (low + high + 1) / 2;

        if (block_at(backlog, middle)->first <= offset)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* The bytes of a block from an offset on. */
static struct slice rest_of(const struct block *block, int64_t offset)
{
    size_t skipped = offset > block->first ? (size_t)(offset - block->first) : 0;

    return slice_of(block->bytes->at + skipped, block->used - skipped);
}

void backlog_share(const struct backlog *backlog, int64_t offset, struct outbox *to)
{
    if (offset == backlog->next)
        return;
    for (size_t i = find(backlog, offset); i < backlog->count; i++) {
        const struct block *block = block_at(backlog, i);

        outbox_share(to, block->bytes, rest_of(block, offset));
    }
}

struct bytes *backlog_hold(struct backlog *backlog, int64_t offset)
{
    if (backlog->count == 0)
        (void)add_block(backlog);
    return bytes_share(block_at(backlog, find(backlog, offset))->bytes);
}

void backlog_copy_to(const struct backlog *backlog, int64_t offset, struct buffer *to)
{
    if (offset == backlog->next)
        return;
    for (size_t i = find(backlog, offset); i < backlog->count; i++)
        buffer_add(to, rest_of(block_at(backlog, i), offset));
}

size_t backlog_memory(const struct backlog *backlog)
{
    return backlog->memory + backlog->room * sizeof(struct block) + sizeof(*backlog);
}

void backlog_check(const struct backlog *backlog)
{
    int64_t offset = backlog_first(backlog);
    size_t memory = 0;

    for (size_t i = 0; i < backlog->count; i++) {
        const struct block *block = block_at(backlog, i);

        must(block->first == offset);
        must(block->used <= bytes_len(block->bytes));
        must(i + 1 == backlog->count || block->used == bytes_len(block->bytes));
        offset += (int64_t)block->used;
        memory += block_memory(block);
    }
    must(offset == backlog->next && memory == backlog->memory);
}

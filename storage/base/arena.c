/*
 * Memory for the length of one call.
 *
 * Blocks hang in a list in the order they are filled. Those behind the current
 * one are empty and wait for the next call.
 *
 *     first ──► block ──► block ──► block ──► NULL
 *               full      current   kept
 *
 * What always holds:
 *   (1) Blocks before the current one have given all they will; those behind
 *       it have given nothing.
 *   (2) current is NULL exactly when first is NULL or nothing was taken.
 *   (3) used <= the size of the current block, and is a multiple of 8.
 *
 * Under the address sanitizer what was not taken is poisoned, so that a piece
 * used after its arena was rewound is found out.
 */
#include "storage/base/arena.h"

#include <stdint.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

#include "storage/base/memory.h"
#include "storage/base/must.h"

enum { ARENA_BLOCK_FIRST = 4 * 1024, ARENA_BLOCK_MOST = 32 * 1024, ARENA_KEEP = 64 * 1024 };

struct block {
    struct block *next;
    size_t size; /* bytes behind this header */
    char at[];
};

struct arena {
    struct block *first;
    struct block *current;
    size_t used; /* bytes taken from the current block */
};

struct arena *arena_new(void)
{
    return memory_new_zeroed(1, sizeof(struct arena));
}

static void free_block(struct block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->at, block->size);
    memory_free_sized(block, sizeof(*block) + block->size);
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    while (arena->first != NULL) {
        struct block *block = arena->first;

        arena->first = block->next;
        free_block(block);
    }
    memory_free_sized(arena, sizeof(*arena));
}

/* A fresh block for at least `size` bytes, each twice the one before up to a limit. */
static struct block *new_block(const struct arena *arena, size_t size)
{
    size_t whole = ARENA_BLOCK_FIRST;
    struct block *block;

    if (arena->current != NULL)
        whole = (arena->current->size + sizeof(*block)) * 2;
    if (whole > ARENA_BLOCK_MOST)
        whole = ARENA_BLOCK_MOST;
    if (whole < size + sizeof(*block))
        whole = memory_good_size(size + sizeof(*block));
    block = memory_new(whole);
    block->next = NULL;
    block->size = whole - sizeof(*block);
    ASAN_POISON_MEMORY_REGION(block->at, block->size);
    return block;
}

/* Moves on to a block that has room: the next one kept, or a new one in its place. */
static void next_block(struct arena *arena, size_t size)
{
    struct block **link = arena->current == NULL ? &arena->first : &arena->current->next;

    if (*link == NULL || (*link)->size < size) {
        struct block *block = new_block(arena, size);

        block->next = *link;
        *link = block;
    }
    arena->current = *link;
    arena->used = 0;
}

void *arena_take(struct arena *arena, size_t size)
{
    size_t rounded = (size + 7) & ~(size_t)7;
    char *piece;

    must(rounded >= size);
    if (UNLIKELY(arena->current == NULL || arena->current->size - arena->used < rounded))
        next_block(arena, rounded);
    piece = arena->current->at + arena->used;
    arena->used += rounded;
    ASAN_UNPOISON_MEMORY_REGION(piece, size);
    return piece;
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    char *copy = arena_take(arena, bytes.len);

    if (bytes.len > 0)
        memcpy(copy, bytes.at, bytes.len);
    return (struct slice){ copy, bytes.len };
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){ arena->current, arena->used };
}

/* Keeps blocks up to ARENA_KEEP bytes in all and frees the others behind `link`. */
static void shed(struct arena *arena, struct block **link)
{
    size_t kept = 0;

    for (const struct block *block = arena->first; block != *link; block = block->next)
        kept += block->size;
    while (*link != NULL) {
        struct block *block = *link;

        if (kept + block->size <= ARENA_KEEP) {
            kept += block->size;
            ASAN_POISON_MEMORY_REGION(block->at, block->size);
            link = &block->next;
        } else {
            *link = block->next;
            free_block(block);
        }
    }
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    struct block *to = mark.block;
    bool moved_on = arena->current != to;

    arena->current = to;
    arena->used = mark.used;
    if (to != NULL)
        ASAN_POISON_MEMORY_REGION(to->at + mark.used, to->size - mark.used);
    if (moved_on)
        shed(arena, to == NULL ? &arena->first : &to->next);
}

void arena_empty(struct arena *arena)
{
    /* The usual call: all it took fits the first block, which stays as it is. */
    if (arena->current != NULL && arena->current == arena->first &&
        arena->first->size <= ARENA_BLOCK_FIRST) {
        arena->used = 0;
        ASAN_POISON_MEMORY_REGION(arena->first->at, arena->first->size);
        return;
    }
    arena_rewind(arena, (struct arena_mark){ NULL, 0 });
}

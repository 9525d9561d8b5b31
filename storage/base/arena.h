/*
 * Memory for the length of one call: taken piece by piece, given back at once.
 *
 * Blocks are kept from one call to the next, so that a busy server's arena
 * stops allocating. Pieces are aligned to 8 bytes.
 */
#ifndef STORAGE_BASE_ARENA_H
#define STORAGE_BASE_ARENA_H

#include "storage/base/slice.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* A piece of memory, not cleared, valid until the arena is rewound. */
void *arena_take(struct arena *arena, size_t size);

/* A copy of the bytes, valid until the arena is rewound. */
struct slice arena_copy(struct arena *arena, struct slice bytes);

/* How far the arena is filled now, to come back to with arena_rewind. */
struct arena_mark {
    void  *block;
    size_t used;
};
struct arena_mark arena_mark(const struct arena *arena);

/* Gives back all that was taken since the mark; blocks past 64 KiB are freed. */
void arena_rewind(struct arena *arena, struct arena_mark mark);

/* Gives everything back. */
void arena_empty(struct arena *arena);

#endif

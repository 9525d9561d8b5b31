/*
 * The allocator of the whole house, over jemalloc.
 *
 * There is no NULL to check: a request that cannot be met ends the program
 * with a report, because sizes that a client names are bounded before anything
 * is allocated. Totals cost nothing: jemalloc keeps exact counters for every
 * thread, and each thread that allocates registers once.
 *
 * In sanitizer builds (MILLRACE_LIBC_MALLOC) libc's malloc stands in.
 */
#ifndef STORAGE_BASE_MEMORY_H
#define STORAGE_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* A block of at least `size` bytes, not cleared. A size of 0 gives a block too. */
void *memory_new(size_t size) __attribute__((malloc, returns_nonnull));

/* A block of `count` times `size` bytes, all zero. Dies on overflow. */
void *memory_new_zeroed(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* A block of `size` bytes, all zero, at a multiple of `alignment`, which is a power of two. */
void *memory_new_aligned(size_t alignment, size_t size) __attribute__((malloc, returns_nonnull));

/* Changes a block's size, moving it if it must; `block` may be NULL. */
void *memory_resize(void *block, size_t size) __attribute__((returns_nonnull));

/* Gives a block back. NULL is fine. */
void memory_free(void *block);

/* The same, faster, by a caller that knows the size it asked for. Not NULL. */
void memory_free_sized(void *block, size_t size);

/* The bytes a request of `size` really takes (its size class). */
size_t memory_good_size(size_t size);

/* The bytes a block really has, all of which may be used. NULL has 0. */
size_t memory_usable(const void *block);

/*
 * Counts the calling thread's allocations in memory_used from now on. Each
 * thread calls it once, before it allocates for others or frees what others
 * made; memory_thread_end when it is done.
 */
void memory_thread_begin(void);
void memory_thread_end(void);

/* Bytes allocated and not freed, by all registered threads. */
size_t memory_used(void);

/* What the allocator says of itself, in bytes. */
struct memory_figures {
    size_t allocated; /* handed out */
    size_t active;    /* in pages that hold something */
    size_t resident;  /* mapped and touched, the allocator's own included */
    size_t retained;  /* kept for later, given back to the kernel meanwhile */
};
void memory_figures(struct memory_figures *figures);

/*
 * The same as it was when memory_figures last asked for it, by whomever. To count anew, jemalloc
 * walks through all its arenas, which takes it 0.1 ms.
 */
void memory_figures_last(struct memory_figures *figures);

/*
 * Has unused pages given back to the kernel by a thread of the allocator's own
 * from now on. Otherwise whoever frees does that, now and then for many pages at
 * once, which was seen to take 20 ms while a gigabyte was evicted.
 */
void memory_purge_in_background(void);

/*
 * To be called around freeing very much, by any thread; such pairs may overlap. In between,
 * slabs that become free go back to the kernel one by one, at a few microseconds each.
 * Otherwise the allocator keeps them for a while and then joins them all at once, under a
 * lock that everybody who needs a slab waits for: 100 to 400 ms were seen after a gigabyte
 * was freed. Neither does anything before memory_purge_in_background.
 */
void memory_free_much_begin(void);
void memory_free_much_end(void);

/* Asks the allocator to hand unused pages back to the kernel. */
void memory_purge(void);

/* Shows, piece by piece, what the allocator has to tell of itself, for people. */
void memory_describe(void (*show)(void *who, const char *text), void *who);

/*
 * Whether a small block lies among so many free ones of its size that it had better
 * move: not in the slab that is being filled, and in one at least about as empty as
 * those of its size are on average. Never for large blocks, nor with libc. O(1).
 */
bool memory_lies_thin(const void *block);

/*
 * A block of the same size and alignment elsewhere, with the same content: where the
 * allocator fills slabs up, past what threads keep for themselves. Whoever has
 * pointers to the old one mends them, then gives it back with memory_leave.
 */
void *memory_move(const void *block) __attribute__((returns_nonnull));
void memory_leave(void *block);

/*
 * One figure or knob of the allocator by its own name, for tests: reads it as a
 * number, or has it done where there is nothing to read. False if there is none.
 */
bool memory_control(const char *name, size_t *figure);

/* "jemalloc-5.3.0" or "libc". */
const char *memory_allocator(void);

#endif

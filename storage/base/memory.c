/*
 * Memory over jemalloc, or over libc where a sanitizer brings its own.
 *
 * jemalloc keeps, for every thread, two running sums: bytes ever allocated and
 * bytes ever freed. A thread that registers hands over the addresses of both,
 * and memory_used adds them up: nothing is counted on the way of an
 * allocation, and memory that one thread made and another freed comes out right.
 *
 * What always holds:
 *   (1) A place in `registry` is taken by at most one thread; `allocated` and
 *       `freed` point at that thread's own counters, which live as long as it.
 *   (2) `past` holds the balance of threads that ended, before their places
 *       are given back.
 *   (3) Only places below `places` were ever taken.
 */
#include "storage/base/memory.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifndef MILLRACE_LIBC_MALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "storage/base/must.h"
#include "storage/base/panic.h"

enum { MEMORY_THREADS_MAX = 256 };

/* One registered thread's sums. The addresses are read by others, hence atomic. */
struct place {
    _Atomic(const uint64_t *) allocated;
    _Atomic(const uint64_t *) freed;
    atomic_bool taken;
};

/* The allocator is one for the process, and so is the list of who uses it. */
static struct {
    struct place place[MEMORY_THREADS_MAX];
    atomic_size_t places;
    _Atomic uint64_t past;
    atomic_uint arena;    /* plus 1, of whoever holds most: the thread that said how to purge */
    atomic_uint much;     /* how many are freeing very much */
} memory_registry;

/* This thread's place, from 1; 0 before it registered. */
static _Thread_local size_t memory_place;

_Noreturn static void out_of_memory(size_t size)
{
    panic("out of memory: %zu bytes were wanted, %zu are in use", size, memory_used());
}

/*
 * Blocks whose size is a whole number of cache lines may have been asked for on one. More
 * alignment than the size has would make another size class of it.
 */
static size_t move_alignment(size_t size)
{
    size_t natural = size & (~size + 1);

    return natural > 64 ? 64 : natural < sizeof(void *) ? sizeof(void *) : natural;
}

#ifdef MILLRACE_LIBC_MALLOC

static _Thread_local uint64_t memory_thread_allocated;
static _Thread_local uint64_t memory_thread_freed;

void *memory_new(size_t size)
{
    void *block = malloc(size | !size);

    if (UNLIKELY(block == NULL))
        out_of_memory(size);
    memory_thread_allocated += malloc_usable_size(block);
    return block;
}

void *memory_new_zeroed(size_t count, size_t size)
{
    void *block = calloc(count | !count, size | !size);

    if (UNLIKELY(block == NULL))
        out_of_memory(size);
    memory_thread_allocated += malloc_usable_size(block);
    return block;
}

void *memory_new_aligned(size_t alignment, size_t size)
{
    void *block = NULL;

    if (UNLIKELY(posix_memalign(&block, alignment, size | !size) != 0))
        out_of_memory(size);
    memory_thread_allocated += malloc_usable_size(block);
    return memset(block, 0, size);
}

void *memory_resize(void *block, size_t size)
{
    size_t had = memory_usable(block);
    void *moved = realloc(block, size | !size);

    if (UNLIKELY(moved == NULL))
        out_of_memory(size);
    memory_thread_freed += had;
    memory_thread_allocated += malloc_usable_size(moved);
    return moved;
}

void memory_free(void *block)
{
    memory_thread_freed += memory_usable(block);
    free(block);
}

void memory_free_sized(void *block, size_t size)
{
    must_dear(memory_usable(block) >= size);
    memory_free(block);
}

size_t memory_good_size(size_t size)
{
    /* Sanitizers watch the exact size, so there is no slack to promise. */
    return size | !size;
}

size_t memory_usable(const void *block)
{
    return block == NULL ? 0 : malloc_usable_size((void *)(uintptr_t)block);
}

static void find_counters(const uint64_t **allocated, const uint64_t **freed)
{
    *allocated = &memory_thread_allocated;
    *freed = &memory_thread_freed;
}

void memory_figures(struct memory_figures *figures)
{
    size_t used = memory_used();

    *figures = (struct memory_figures){ used, used, used, 0 };
}

void memory_figures_last(struct memory_figures *figures)
{
    memory_figures(figures);
}

void memory_purge(void)
{
    malloc_trim(0);
}

void memory_free_much_begin(void)
{
}

void memory_free_much_end(void)
{
}

void memory_purge_in_background(void)
{
    /* libc's malloc has nobody for that. */
}

void memory_describe(void (*show)(void *who, const char *text), void *who)
{
    show(who, "Stats not supported for the current allocator");
}

bool memory_lies_thin(const void *block)
{
    (void)block;
    return false;
}

void *memory_move(const void *block)
{
    size_t size = memory_usable(block);
    void *moved = NULL;

    if (UNLIKELY(posix_memalign(&moved, move_alignment(size), size) != 0))
        out_of_memory(size);
    memory_thread_allocated += malloc_usable_size(moved);
    return memcpy(moved, block, size);
}

void memory_leave(void *block)
{
    memory_free(block);
}

bool memory_control(const char *name, size_t *figure)
{
    (void)name;
    (void)figure;
    return false;
}

const char *memory_allocator(void)
{
    return "libc";
}

#else

void *memory_new(size_t size)
{
    void *block = malloc(size);

    if (UNLIKELY(block == NULL))
        out_of_memory(size);
    return block;
}

void *memory_new_zeroed(size_t count, size_t size)
{
    void *block = calloc(count, size);

    if (UNLIKELY(block == NULL))
        out_of_memory(size);
    return block;
}

void *memory_new_aligned(size_t alignment, size_t size)
{
    /* Fresh pages are known to be zero and are not touched here. */
    void *block = mallocx(size | !size, MALLOCX_ALIGN(alignment) | MALLOCX_ZERO);

    if (UNLIKELY(block == NULL))
        out_of_memory(size);
    return block;
}

void *memory_resize(void *block, size_t size)
{
    /* realloc to nothing would free the block, and callers are promised one. */
    void *moved = realloc(block, size | !size);

    if (UNLIKELY(moved == NULL))
        out_of_memory(size);
    return moved;
}

void memory_free(void *block)
{
    free(block);
}

void memory_free_sized(void *block, size_t size)
{
    sdallocx(block, size | !size, 0);
}

size_t memory_good_size(size_t size)
{
    size_t good = nallocx(size | !size, 0);

    if (UNLIKELY(good == 0))
        out_of_memory(size);
    return good;
}

size_t memory_usable(const void *block)
{
    return block == NULL ? 0 : sallocx(block, 0);
}

static void find_counters(const uint64_t **allocated, const uint64_t **freed)
{
    size_t size = sizeof(*allocated);

    if (mallctl("thread.allocatedp", allocated, &size, NULL, 0) != 0 ||
        mallctl("thread.deallocatedp", freed, &size, NULL, 0) != 0)
        panic("jemalloc was built without statistics, and memory could not be counted");
}

static size_t read_figure(const char *name)
{
    size_t figure = 0;
    size_t size = sizeof(figure);

    (void)mallctl(name, &figure, &size, NULL, 0);
    return figure;
}

void memory_figures_last(struct memory_figures *figures)
{
    figures->allocated = read_figure("stats.allocated");
    figures->active = read_figure("stats.active");
    figures->resident = read_figure("stats.resident");
    figures->retained = read_figure("stats.retained");
}

void memory_figures(struct memory_figures *figures)
{
    uint64_t epoch = 1;

    /* Figures stand still until the epoch is moved. */
    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
    memory_figures_last(figures);
}

void memory_purge(void)
{
    /* 4096 stands for all arenas (MALLCTL_ARENAS_ALL). */
    (void)mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    (void)mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
}

/* Sets for how many milliseconds the arena keeps free slabs. */
static void keep_free_slabs(unsigned arena, ssize_t decay_ms)
{
    size_t name[3];
    size_t length = sizeof(name) / sizeof(name[0]);

    if (mallctlnametomib("arena.0.dirty_decay_ms", name, &length) != 0)
        return;
    name[1] = arena - 1;
    (void)mallctlbymib(name, length, NULL, NULL, &decay_ms, sizeof(decay_ms));
}

void memory_free_much_begin(void)
{
    unsigned arena = atomic_load(&memory_registry.arena);

    if (arena != 0 && atomic_fetch_add(&memory_registry.much, 1) == 0)
        keep_free_slabs(arena, 0);
}

void memory_free_much_end(void)
{
    unsigned arena = atomic_load(&memory_registry.arena);
    ssize_t usual;
    size_t size = sizeof(usual);

    if (arena == 0 || atomic_fetch_sub(&memory_registry.much, 1) != 1)
        return;
    /* Ours was made with what all arenas are made with. */
    if (mallctl("arenas.dirty_decay_ms", &usual, &size, NULL, 0) == 0)
        keep_free_slabs(arena, usual);
}

void memory_purge_in_background(void)
{
    bool on = true;
    unsigned arena = 0;
    size_t size = sizeof(arena);

    if (mallctl("thread.arena", &arena, &size, NULL, 0) == 0)
        atomic_store(&memory_registry.arena, arena + 1);
    (void)mallctl("background_thread", NULL, NULL, &on, sizeof(on));
}

void memory_describe(void (*show)(void *who, const char *text), void *who)
{
    malloc_stats_print(show, who, NULL);
}

/* What the allocator tells of the slab a block is in, and of all slabs for its size. */
struct slab_use {
    const void *filling; /* the slab that new blocks come from */
    size_t      free;
    size_t      places;
    size_t      size; /* bytes of the slab */
    size_t      free_in_all;
    size_t      places_in_all;
};

/* A slab nearly full is left as it is: less than one in so many places is free. */
enum { THIN_LEAST = 16 };

bool memory_lies_thin(const void *block)
{
    static const char name[] = "experimental.utilization.query";
    struct slab_use use;
    size_t size = sizeof(use);
    uintptr_t begin;

    if (mallctl(name, &use, &size, &block, sizeof(block)) != 0 || size != sizeof(use))
        return false;
    begin = (uintptr_t)use.filling;
    if (use.places <= 1 || use.free * THIN_LEAST < use.places)
        return false;
    if (begin != 0 && (uintptr_t)block - begin < use.size)
        return false;
    /* A little below the average counts too, or slabs that are all alike would stay. */
    return use.free * use.places_in_all * 9 >= use.free_in_all * use.places * 8;
}

void *memory_move(const void *block)
{
    size_t size = sallocx(block, 0);
    void *moved = mallocx(size, MALLOCX_ALIGN(move_alignment(size)) | MALLOCX_TCACHE_NONE);

    if (UNLIKELY(moved == NULL))
        out_of_memory(size);
    return memcpy(moved, block, size);
}

void memory_leave(void *block)
{
    dallocx(block, MALLOCX_TCACHE_NONE);
}

bool memory_control(const char *name, size_t *figure)
{
    size_t size = sizeof(*figure);

    *figure = 0;
    if (mallctl(name, figure, &size, NULL, 0) == 0)
        return true;
    return mallctl(name, NULL, NULL, NULL, 0) == 0;
}

#define TEXT_OF(number)          TEXT_OF_EXPANDED(number)
#define TEXT_OF_EXPANDED(number) #number

const char *memory_allocator(void)
{
    return "jemalloc-" TEXT_OF(JEMALLOC_VERSION_MAJOR) "." TEXT_OF(
        JEMALLOC_VERSION_MINOR) "." TEXT_OF(JEMALLOC_VERSION_BUGFIX);
}

#endif

void memory_thread_begin(void)
{
    const uint64_t *allocated = NULL;
    const uint64_t *freed = NULL;
    size_t at = 0;
    size_t places;

    if (memory_place != 0)
        return;
    find_counters(&allocated, &freed);
    while (at < MEMORY_THREADS_MAX && atomic_exchange(&memory_registry.place[at].taken, true))
        at++;
    must(at < MEMORY_THREADS_MAX);
    atomic_store(&memory_registry.place[at].freed, freed);
    atomic_store(&memory_registry.place[at].allocated, allocated);
    memory_place = at + 1;

    places = atomic_load(&memory_registry.places);
    while (places <= at && !atomic_compare_exchange_weak(&memory_registry.places, &places, at + 1))
        continue;
}

void memory_thread_end(void)
{
    struct place *mine;
    uint64_t balance;

    if (memory_place == 0)
        return;
    mine = &memory_registry.place[memory_place - 1];
    balance = *atomic_load(&mine->allocated) - *atomic_load(&mine->freed);
    atomic_store(&mine->allocated, NULL);
    atomic_store(&mine->freed, NULL);
    atomic_fetch_add(&memory_registry.past, balance);
    atomic_store(&mine->taken, false);
    memory_place = 0;
}

size_t memory_used(void)
{
    uint64_t used = atomic_load_explicit(&memory_registry.past, memory_order_relaxed);
    size_t places = atomic_load_explicit(&memory_registry.places, memory_order_acquire);

    for (size_t i = 0; i < places; i++) {
        const struct place *place = &memory_registry.place[i];
        const uint64_t *allocated = atomic_load_explicit(&place->allocated, memory_order_relaxed);
        const uint64_t *freed = atomic_load_explicit(&place->freed, memory_order_relaxed);

        /* Sums may wrap: one thread frees what another made. The total does not. */
        if (allocated != NULL)
            used += __atomic_load_n(allocated, __ATOMIC_RELAXED);
        if (freed != NULL)
            used -= __atomic_load_n(freed, __ATOMIC_RELAXED);
    }
    /* Others go on while we add, so a total near nothing may come out below it. */
    return (int64_t)used < 0 ? 0 : (size_t)used;
}

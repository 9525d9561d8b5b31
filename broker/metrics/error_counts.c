/*
 * A small open-addressed table, always there, never resized.
 *
 * What always holds:
 *   (1) A slot with count 0 is free and ends every search.
 *   (2) At most ERROR_COUNTS_CODES + 1 of the 256 slots are taken (the one more
 *       is the overflow), so a search ends.
 */
#include "broker/metrics/error_counts.h"

#include <stdlib.h>

#include "storage/base/memory.h"

enum { SLOTS = 256 };

struct slot {
    uint64_t count;
    uint8_t len;
    char code[ERROR_COUNTS_CODE_MAX];
};

struct error_counts {
    struct slot slots[SLOTS];
    size_t used;
};

struct error_counts *error_counts_new(void)
{
    return memory_new_zeroed(1, sizeof(struct error_counts));
}

void error_counts_free(struct error_counts *counts)
{
    memory_free(counts);
}

/* FNV-1a (Fowler, Noll, Vo): short keys, nothing to gain by colliding among 129. */
static size_t slot_for(struct slice code)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < code.len; i++)
        hash = (hash ^ (unsigned char)code.at[i]) * 16777619u;
    return (hash ^ (hash >> 15)) % SLOTS;
}

/* The slot that holds the code, or the free one where it belongs. */
static size_t find(const struct error_counts *counts, struct slice code)
{
    size_t index = slot_for(code);

    for (;;) {
        const struct slot *slot = &counts->slots[index];

        if (slot->count == 0 || slice_equal(slice_of(slot->code, slot->len), code))
            return index;
        index = (index + 1) % SLOTS;
    }
}

static struct slice code_of(struct slice line)
{
    const char *blank = line.len > 0 ? memchr(line.at, ' ', line.len) : NULL;
    size_t len = blank != NULL ? (size_t)(blank - line.at) : line.len;

    return slice_of(line.at, len < ERROR_COUNTS_CODE_MAX ? len : ERROR_COUNTS_CODE_MAX);
}

void error_counts_add(struct error_counts *counts, struct slice line)
{
    struct slice code = code_of(line);
    size_t index = find(counts, code);

    if (counts->slots[index].count == 0) {
        if (counts->used >= ERROR_COUNTS_CODES) {
            code = SLICE("ERRORSTATS_OVERFLOW");
            index = find(counts, code);
        }
        if (counts->slots[index].count == 0) {
            memcpy(counts->slots[index].code, code.at, code.len);
            counts->slots[index].len = (uint8_t)code.len;
            counts->used++;
        }
    }
    counts->slots[index].count++;
}

uint64_t error_counts_of(const struct error_counts *counts, struct slice code)
{
    return counts->slots[find(counts, code)].count;
}

uint64_t error_counts_total(const struct error_counts *counts)
{
    uint64_t total = 0;

    for (size_t i = 0; i < SLOTS; i++)
        total += counts->slots[i].count;
    return total;
}

static int by_code(const void *a, const void *b)
{
    const struct slot *x = *(const struct slot *const *)a;
    const struct slot *y = *(const struct slot *const *)b;

    return slice_compare(slice_of(x->code, x->len), slice_of(y->code, y->len));
}

void error_counts_print(const struct error_counts *counts, struct buffer *to)
{
    const struct slot *taken[SLOTS];
    size_t count = 0;

    for (size_t i = 0; i < SLOTS; i++) {
        if (counts->slots[i].count > 0)
            taken[count++] = &counts->slots[i];
    }
    qsort(taken, count, sizeof(taken[0]), by_code);
    for (size_t i = 0; i < count; i++) {
        buffer_add(to, SLICE("errorstat_"));
        /* A code of a script may hold anything; INFO's own signs must not be among it. */
        for (size_t j = 0; j < taken[i]->len; j++) {
            char byte = taken[i]->code[j];
            bool unsafe = byte == '=' || byte == ':' || byte == ',' || byte == '\r' || byte == '\n';

            buffer_add_byte(to, unsafe ? '_' : byte);
        }
        buffer_print(to, ":count=%llu\r\n", (unsigned long long)taken[i]->count);
    }
}

void error_counts_reset(struct error_counts *counts)
{
    *counts = (struct error_counts){ 0 };
}

/*
 * The block of a packed list, for packed.c and packed_*.c alone.
 */
#ifndef STORAGE_INDEX_PACKED_PRIVATE_H
#define STORAGE_INDEX_PACKED_PRIVATE_H

#include "storage/index/packed.h"
#include "storage/index/packed_entry.h"

enum { PACKED_UNCOUNTED = 65535, PACKED_END = 0xFF };

struct packed {
    unsigned char total[4];
    unsigned char count[2];
    unsigned char entries[];
};

static inline unsigned char *packed_byte(const struct packed *packed, size_t place)
{
    return (unsigned char *)(uintptr_t)packed + place;
}

static inline void packed_store32(unsigned char *at, uint32_t number)
{
    at[0] = (unsigned char)number;
    at[1] = (unsigned char)(number >> 8);
    at[2] = (unsigned char)(number >> 16);
    at[3] = (unsigned char)(number >> 24);
}

static inline size_t packed_total(const struct packed *packed)
{
    return packed_load32(packed->total);
}

static inline size_t packed_noted_count(const struct packed *packed)
{
    return packed->count[0] | (size_t)packed->count[1] << 8;
}

#endif

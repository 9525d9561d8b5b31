/* What adding to a HyperLogLog shares with estimating from it. */
#ifndef STORAGE_VALUES_HYPERLOG_PRIVATE_H
#define STORAGE_VALUES_HYPERLOG_PRIVATE_H

#include "storage/values/hyperlog.h"

/* Equal registers of a sparse log that stand next to each other. */
struct hyperlog_run {
    unsigned length; /* registers */
    uint8_t  size;   /* bytes */
    uint8_t  value;
};

/* Reads the run at a place; false at the end of the log, also if it cuts the run. */
MUST_USE static inline bool hyperlog_run_read(struct slice log, size_t at,
                                              struct hyperlog_run *run)
{
    unsigned byte;

    if (at >= log.len)
        return false;
    byte = (unsigned char)log.at[at];
    run->size = 1;
    run->value = 0;
    if ((byte & 0x80) != 0) {
        run->value = (uint8_t)((byte >> 2 & 0x1F) + 1);
        run->length = (byte & 3) + 1;
    } else if ((byte & 0x40) == 0) {
        run->length = byte + 1;
    } else {
        if (at + 1 >= log.len)
            return false;
        run->size = 2;
        run->length = ((byte & 0x3F) << 8 | (unsigned char)log.at[at + 1]) + 1;
    }
    return true;
}

static inline uint64_t little_endian(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

/* A register of a dense log. The last one ends with its byte, so no byte behind it is read. */
static inline uint8_t hyperlog_register(const char *log, unsigned index)
{
    const unsigned char *at = (const unsigned char *)log + HYPERLOG_HEAD + index * 6 / 8;
    unsigned shift = index * 6 % 8;
    unsigned bits = shift > 2 ? at[0] | (unsigned)at[1] << 8 : at[0];

    return (uint8_t)(bits >> shift & 0x3F);
}

/* Raises a register of a dense log; false if it was as high already. */
static inline bool hyperlog_raise_register(char *log, unsigned index, uint8_t value)
{
    unsigned char *at = (unsigned char *)log + HYPERLOG_HEAD + index * 6 / 8;
    unsigned shift = index * 6 % 8;

    if (hyperlog_register(log, index) >= value)
        return false;
    at[0] = (unsigned char)((at[0] & ~(0x3Fu << shift)) | (unsigned)value << shift);
    if (shift > 2)
        at[1] = (unsigned char)((at[1] & ~(0x3Fu >> (8 - shift))) | (unsigned)value >> (8 - shift));
    return true;
}

#endif

/*
 * The elements of a block that some version of Redis wrote, one by one.
 *
 *   packed    total u32 | count u16 | entry ... | FF        (index/packed.h)
 *   ziplist   total u32 | last u32 | count u16 | entry ... | FF
 *             entry: length of the one before | encoding | content
 *   zipmap    count u8 | length, field, length, free u8, value, free bytes ... | FF
 *
 * A ziplist's length of the entry before is one byte up to 253, or FE and four
 * bytes. Encodings (first byte, in bits):
 *
 *   00xxxxxx             string of up to 63 bytes
 *   01xxxxxx +1          up to 16,383 bytes, the highest byte first
 *   80 +4                longer, the highest byte first
 *   C0 +2, D0 +4, E0 +8  integer of 16, 32, 64 bits, signed
 *   F0 +3, FE +1         integer of 24 and 8 bits, signed
 *   F1 to FD             integer 0 to 12
 *
 * Numbers are little-endian where nothing else is said. The count of a ziplist
 * is 65,535 when it does not fit; a zipmap's is 254 or more then. A length in a
 * zipmap is one byte up to 253, or FE and four bytes. Format source: the public
 * description of RDB files (rdbtools wiki) and files that old servers wrote.
 */
#ifndef STORAGE_VALUES_ELEMENTS_H
#define STORAGE_VALUES_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/number.h"
#include "storage/base/slice.h"

enum elements_kind { ELEMENTS_PACKED, ELEMENTS_ZIPLIST, ELEMENTS_ZIPMAP };

/* Lives on the stack; owns nothing. */
struct elements {
    /* Private. */
    enum elements_kind   kind;
    struct slice         block;
    size_t               at;    /* of the next entry; 0 in a packed block: at the end */
    size_t               count;
    size_t               spare; /* bytes of a zipmap that follow the value before */
    bool                 is_value; /* of a zipmap: a value comes next */
    char                 digits[4][NUMBER_INTEGER_MAX]; /* of the last elements */
    unsigned             turn;
};

/* Begins in front of the first element. False if the block is not whole, to its last byte. O(n). */
MUST_USE bool elements_begin(struct elements *elements, enum elements_kind kind,
                             struct slice block);

/* How many there are. */
size_t elements_count(const struct elements *elements);

/*
 * The next element, borrowed from the block or, for three steps more, from
 * `elements`. False behind the last.
 */
MUST_USE bool elements_next(struct elements *elements, struct slice *element);

#endif

/*
 * An item: a key and its value, in one block.
 *
 *   header 8 | [due 8] | [payload 8] | [key length 4] | key ... | [text ...]
 *
 *   header    access clock 32 bits, kind 4 and form 4 bits, flags, key length
 *             (or 0 with a long key), text length
 *   due       when it expires, milliseconds since 1970; present if ITEM_EXPIRES
 *   payload   a pointer or a 64-bit integer; absent if the form is ITEM_TEXT
 *   text      a short string value, inside the block
 *
 * Finding and reading a small string therefore costs one miss beside the
 * table's. A block moves when its value outgrows it or an expiry is added:
 * the keyspace hands out the new address, nobody else keeps one.
 */
#ifndef STORAGE_KEYSPACE_ITEM_H
#define STORAGE_KEYSPACE_ITEM_H

#include <stdint.h>

#include "storage/base/bytes.h"
#include "storage/base/clock.h"
#include "storage/base/number.h"
#include "storage/values/value.h"

/* How an item holds its value. */
enum item_form {
    ITEM_TEXT,    /* a string of at most ITEM_TEXT_MAX bytes, in the block */
    ITEM_INTEGER, /* a string that is a canonical integer, as 64 bits */
    ITEM_BYTES,   /* a longer string, shared by reference */
    ITEM_VALUE    /* a list, set, zset, hash or stream */
};

enum item_flags {
    ITEM_EXPIRES  = 1 << 0,
    ITEM_LONG_KEY = 1 << 1,
    ITEM_RAW      = 1 << 2, /* a string that was edited in place: OBJECT ENCODING says raw */
};

enum { ITEM_TEXT_MAX = UINT8_MAX };

struct item {
    /* Private. */
    uint32_t clock;      /* when last used, or how often: storage/keyspace/eviction */
    uint32_t kind : 4;   /* enum value_kind */
    uint32_t form : 4;   /* enum item_form */
    uint8_t  flags;      /* enum item_flags */
    uint8_t  key_len;    /* unless ITEM_LONG_KEY */
    uint8_t  text_len;   /* of ITEM_TEXT */
    uint64_t body[];
};

_Static_assert(sizeof(struct item) == 8, "the header of an item is one word");

static inline enum value_kind item_kind(const struct item *item)
{
    return (enum value_kind)item->kind;
}

static inline bool item_expires(const struct item *item)
{
    return (item->flags & ITEM_EXPIRES) != 0;
}

/* When the item expires, or -1 if it does not. */
static inline millis item_due(const struct item *item)
{
    return item_expires(item) ? (millis)item->body[0] : -1;
}

/* The key, borrowed until the item goes or moves. */
struct slice item_key(const struct item *item);

/* The value of a list, set, zset, hash or stream; NULL for a string. */
static inline struct value *item_value(const struct item *item)
{
    uintptr_t payload;

    if (item->form != ITEM_VALUE)
        return NULL;
    payload = (uintptr_t)item->body[item_expires(item) ? 1 : 0];
    return (struct value *)payload;
}

/* Room for the digits of an integer value, handed in by whoever reads a string. */
struct item_digits {
    char at[NUMBER_INTEGER_MAX];
};

/*
 * The bytes of a string value, borrowed until the item changes; digits of an
 * integer are written to `digits`. Must be a string.
 */
struct slice item_string(const struct item *item, struct item_digits *digits);

/* The shared bytes of a long string, borrowed; NULL for every other form. */
struct bytes *item_bytes(const struct item *item);

/* The integer of an ITEM_INTEGER string; false for every other item. */
bool item_integer(const struct item *item, int64_t *value);

/* What OBJECT ENCODING says. */
const char *item_encoding(const struct item *item, const struct value_types *types);

/* Bytes of memory, the table's share not counted. */
size_t item_measure(const struct item *item, const struct value_types *types, size_t samples);

#endif

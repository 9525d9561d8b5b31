/*
 * Making and rebuilding the blocks of items: for storage/keyspace only.
 */
#ifndef STORAGE_KEYSPACE_ITEM_PRIVATE_H
#define STORAGE_KEYSPACE_ITEM_PRIVATE_H

#include "storage/keyspace/item.h"

/* What a new item holds. */
struct item_content {
    enum value_kind kind;
    enum item_form  form;
    struct slice    text;    /* ITEM_TEXT: the bytes; `at` NULL leaves them unwritten */
    int64_t         integer; /* ITEM_INTEGER */
    struct bytes   *bytes;   /* ITEM_BYTES: one share, given */
    struct value   *value;   /* ITEM_VALUE: given */
    bool            raw;     /* marked ITEM_RAW */
};

/* A new block for a key, with room for an expiry if `due` is not -1. */
struct item *item_new(struct slice key, const struct item_content *content, millis due);

/* What an item holds, borrowed from it, so that it can be put into another block. */
struct item_content item_content(const struct item *item);

/* Frees the block only; what its payload points at is somebody else's by now. */
void item_free_block(struct item *item);

/* Whether a string of this length can be written into the block as it is. */
bool item_fits_text(const struct item *item, size_t len);

/* Where the bytes of an ITEM_TEXT are, to be written. */
char *item_text(struct item *item);

/* Where the payload is. */
static inline uint64_t *item_payload(struct item *item)
{
    return &item->body[item_expires(item) ? 1 : 0];
}

/* The key, for searches: as item_key, inline. */
static inline struct slice item_key_of(const void *of)
{
    const struct item *item = of;
    size_t words = (item_expires(item) ? 1u : 0u) + (item->form == ITEM_TEXT ? 0u : 1u);
    const char *at = (const char *)&item->body[words];
    uint32_t len = item->key_len;

    if (__builtin_expect((item->flags & ITEM_LONG_KEY) != 0, 0)) {
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
    }
    return (struct slice){ at, len };
}

#endif

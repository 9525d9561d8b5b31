/*
 * Blocks of items. The size is never stored: the header tells it, and a block
 * is given back with the size it was asked for with, or another of its class.
 */
#include "storage/keyspace/item.h"

#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/panic.h"
#include "storage/keyspace/item_private.h"

enum { SHORT_KEY_MAX = 255, EMBSTR_MAX = 44 };

static size_t block_size(bool expires, enum item_form form, size_t key_len, size_t text_len)
{
    size_t size = sizeof(struct item) + key_len;

    if (expires)
        size += sizeof(uint64_t);
    if (form == ITEM_TEXT)
        size += text_len;
    else
        size += sizeof(uint64_t);
    if (key_len > SHORT_KEY_MAX)
        size += sizeof(uint32_t);
    return size;
}

struct slice item_key(const struct item *item)
{
    return item_key_of(item);
}

/* Bytes that the block was asked for with. */
static size_t block_size_of(const struct item *item)
{
    return block_size(item_expires(item), (enum item_form)item->form, item_key_of(item).len,
                      item->text_len);
}

bool item_fits_text(const struct item *item, size_t len)
{
    size_t with = block_size(item_expires(item), ITEM_TEXT, item_key_of(item).len, len);

    return item->form == ITEM_TEXT &&
           memory_good_size(with) == memory_good_size(block_size_of(item));
}

char *item_text(struct item *item)
{
    struct slice key = item_key_of(item);

    return (char *)(uintptr_t)(key.at + key.len);
}

static void write_payload(struct item *item, const struct item_content *content)
{
    switch (content->form) {
    case ITEM_TEXT:
        item->text_len = (uint8_t)content->text.len;
        if (content->text.at != NULL && content->text.len > 0)
            memcpy(item_text(item), content->text.at, content->text.len);
        break;
    case ITEM_INTEGER:
        *item_payload(item) = (uint64_t)content->integer;
        break;
    case ITEM_BYTES:
        *item_payload(item) = (uintptr_t)content->bytes;
        break;
    case ITEM_VALUE:
        *item_payload(item) = (uintptr_t)content->value;
        break;
    }
}

struct item *item_new(struct slice key, const struct item_content *content, millis due)
{
    struct item *item =
        memory_new(block_size(due >= 0, content->form, key.len, content->text.len));
    char *at;

    item->clock = 0;
    item->kind = content->kind & 0xf;
    item->form = content->form & 0xf;
    item->flags = (uint8_t)((due >= 0 ? ITEM_EXPIRES : 0) | (content->raw ? ITEM_RAW : 0));
    item->key_len = 0;
    item->text_len = 0;
    if (due >= 0)
        item->body[0] = (uint64_t)due;
    at = (char *)&item->body[(due >= 0 ? 1 : 0) + (content->form == ITEM_TEXT ? 0 : 1)];
    if (key.len > SHORT_KEY_MAX) {
        uint32_t len = (uint32_t)key.len;

        item->flags |= ITEM_LONG_KEY;
        memcpy(at, &len, sizeof(len));
        at += sizeof(len);
    } else {
        item->key_len = (uint8_t)key.len;
    }
    if (key.len > 0)
        memcpy(at, key.at, key.len);
    write_payload(item, content);
    return item;
}

struct item_content item_content(const struct item *item)
{
    struct item_content content = { .kind = item_kind(item), .form = (enum item_form)item->form,
                                    .raw = (item->flags & ITEM_RAW) != 0 };
    uint64_t payload;

    if (item->form == ITEM_TEXT) {
        struct slice key = item_key_of(item);

        content.text = slice_of(key.at + key.len, item->text_len);
        return content;
    }
    payload = item->body[item_expires(item) ? 1 : 0];
    if (item->form == ITEM_INTEGER)
        content.integer = (int64_t)payload;
    else if (item->form == ITEM_BYTES)
        content.bytes = (struct bytes *)(uintptr_t)payload;
    else
        content.value = (struct value *)(uintptr_t)payload;
    return content;
}

void item_free_block(struct item *item)
{
    memory_free_sized(item, block_size_of(item));
}

struct slice item_string(const struct item *item, struct item_digits *digits)
{
    struct item_content content;

    must(item->kind == VALUE_STRING);
    content = item_content(item);
    switch (content.form) {
    case ITEM_TEXT:
        return content.text;
    case ITEM_INTEGER:
        return slice_of(digits->at, number_put(digits->at, content.integer));
    case ITEM_BYTES:
        return bytes_slice(content.bytes);
    case ITEM_VALUE:
        break;
    }
    panic("an item of type string holds none");
}

struct bytes *item_bytes(const struct item *item)
{
    return item->form == ITEM_BYTES ? item_content(item).bytes : NULL;
}

bool item_integer(const struct item *item, int64_t *value)
{
    if (item->form != ITEM_INTEGER)
        return false;
    *value = item_content(item).integer;
    return true;
}

const char *item_encoding(const struct item *item, const struct value_types *types)
{
    if (item->form == ITEM_VALUE)
        return types->of[item->kind]->encoding(item_value(item));
    if (item->form == ITEM_INTEGER)
        return "int";
    if (item->form == ITEM_TEXT && item->text_len <= EMBSTR_MAX && (item->flags & ITEM_RAW) == 0)
        return "embstr";
    return "raw";
}

size_t item_measure(const struct item *item, const struct value_types *types, size_t samples)
{
    size_t total = memory_usable(item);

    if (item->form == ITEM_VALUE)
        total += types->of[item->kind]->measure(item_value(item), samples);
    else if (item->form == ITEM_BYTES)
        total += memory_usable(bytes_block(item_bytes(item)));
    return total;
}

/* Strings are written here, because items keep them; all else by its own type. */
#include "storage/persist/rdb_content.h"

#include "storage/base/buffer.h"
#include "storage/values/hash.h"

/* The kind of value a type of the format is; VALUE_KINDS for what we have no use for. */
static enum value_kind kind_of(unsigned type)
{
    static const uint8_t kinds[RDB_TYPES] = {
        [RDB_STRING] = VALUE_STRING,
        [RDB_LIST] = VALUE_LIST,
        [RDB_SET] = VALUE_SET,
        [RDB_ZSET] = VALUE_ZSET,
        [RDB_HASH] = VALUE_HASH,
        [RDB_ZSET_2] = VALUE_ZSET,
        [RDB_MODULE] = VALUE_KINDS,
        [RDB_MODULE_2] = VALUE_KINDS,
        [8] = VALUE_KINDS,
        [RDB_HASH_ZIPMAP] = VALUE_HASH,
        [RDB_LIST_ZIPLIST] = VALUE_LIST,
        [RDB_SET_INTS] = VALUE_SET,
        [RDB_ZSET_ZIPLIST] = VALUE_ZSET,
        [RDB_HASH_ZIPLIST] = VALUE_HASH,
        [RDB_LIST_QUICKLIST] = VALUE_LIST,
        [RDB_STREAM] = VALUE_STREAM,
        [RDB_HASH_PACKED] = VALUE_HASH,
        [RDB_ZSET_PACKED] = VALUE_ZSET,
        [RDB_LIST_QUICKLIST_2] = VALUE_LIST,
        [RDB_STREAM_2] = VALUE_STREAM,
        [RDB_SET_PACKED] = VALUE_SET,
        [RDB_STREAM_3] = VALUE_STREAM,
        [RDB_HASH_EXPIRY_EARLY] = VALUE_HASH,
        [RDB_HASH_PACKED_EXPIRY_EARLY] = VALUE_HASH,
        [RDB_HASH_EXPIRY] = VALUE_HASH,
        [RDB_HASH_PACKED_EXPIRY] = VALUE_HASH,
    };

    return type < RDB_TYPES ? (enum value_kind)kinds[type] : VALUE_KINDS;
}

bool rdb_content_is_type(unsigned type)
{
    return kind_of(type) != VALUE_KINDS;
}

int rdb_content_type(const struct item *item, const struct value_types *types)
{
    if (item_kind(item) == VALUE_STRING)
        return RDB_STRING;
    return types->of[item_kind(item)]->rdb_type(item_value(item));
}

void rdb_content_put(const struct item *item, const struct value_types *types,
                     struct rdb_writer *to)
{
    struct item_digits digits;
    int64_t integer;

    if (item_kind(item) != VALUE_STRING)
        types->of[item_kind(item)]->save(item_value(item), to);
    else if (item_integer(item, &integer))
        rdb_put_integer(to, integer);
    else
        rdb_put_string(to, item_string(item, &digits));
}

bool rdb_content_get(struct rdb_reader *from, unsigned type, const struct value_types *types,
                     const struct value_limits *limits, struct rdb_content *content)
{
    *content = (struct rdb_content){ .kind = kind_of(type) };
    from->reason = NULL;
    from->empty = false;
    switch (content->kind) {
    case VALUE_KINDS:
        return rdb_refuse(from, type == RDB_MODULE || type == RDB_MODULE_2
                                    ? "it is a value of a module"
                                    : "its type is not known");
    case VALUE_STRING:
        return rdb_get_value(from, 0, &content->is_integer, &content->integer, &content->text);
    case VALUE_LIST:
    case VALUE_SET:
    case VALUE_ZSET:
    case VALUE_HASH:
    case VALUE_STREAM:
        break;
    }
    if (types->of[content->kind] == NULL)
        return rdb_refuse(from, "nobody here knows its type");
    content->value = types->of[content->kind]->load(from, (int)type, limits);
    return content->value != NULL;
}

void rdb_content_put_rest(const struct item *item, const struct value_types *types,
                          struct rdb_writer *to)
{
    const struct value_type *type =
        item_kind(item) == VALUE_STRING ? NULL : types->of[item_kind(item)];
    struct buffer rest = { 0 };
    struct rdb_writer writer;
    struct writer *bytes;

    if (type == NULL || type->has_rest == NULL || !type->has_rest(item_value(item)))
        return;
    bytes = writer_new_memory(&rest);
    rdb_writer_init(&writer, bytes, false);
    type->save_rest(item_value(item), &writer);
    rdb_writer_clear(&writer);
    writer_free(bytes);
    rdb_put_byte(to, RDB_AUX);
    rdb_put_string(to, RDB_REST);
    rdb_put_string(to, buffer_slice(&rest));
    buffer_clear(&rest);
}

bool rdb_content_get_rest(struct value *value, enum value_kind kind,
                          const struct value_types *types, struct slice rest)
{
    const struct value_type *type = kind == VALUE_STRING ? NULL : types->of[kind];
    struct rdb_reader reader;
    struct reader *bytes;
    bool fine;

    if (type == NULL || type->load_rest == NULL)
        return true;
    bytes = reader_new_memory(rest);
    rdb_reader_init(&reader, bytes, rest.len);
    fine = type->load_rest(value, &reader);
    rdb_reader_clear(&reader);
    reader_free(bytes);
    return fine;
}

struct item *rdb_content_place(struct keyspace *keys, struct slice key,
                               struct rdb_content *content)
{
    struct value *value = content->value;
    struct item *item;

    if (content->kind == VALUE_STRING && !content->is_integer)
        return keyspace_put_string(keys, key, content->text, false);
    if (content->kind == VALUE_STRING) {
        char digits[NUMBER_INTEGER_MAX];

        return keyspace_put_string(keys, key,
                                   slice_of(digits, number_put(digits, content->integer)), false);
    }
    item = keyspace_put_value(keys, key, &content->value);
    if (content->kind == VALUE_HASH)
        keyspace_follow_fields(keys, key, (struct hash *)(void *)value);
    return item;
}

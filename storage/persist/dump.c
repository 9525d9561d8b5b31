/* The value is what a snapshot has; here it has a version and a sum of its own. */
#include "storage/persist/dump.h"

#include "storage/base/digest.h"
#include "storage/values/value.h"

enum { FOOTER = 10, VERSION_BYTES = 2 };

static uint64_t load_little(const char *at, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++)
        number |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return number;
}

static void add_little(struct buffer *to, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buffer_add_byte(to, (char)(unsigned char)(number >> (8 * i)));
}

void dump_put(const struct item *item, const struct value_types *types, struct buffer *to)
{
    size_t began = to->len;
    struct writer *bytes = writer_new_memory(to);
    struct rdb_writer writer;
    int type = rdb_content_type(item, types);

    rdb_writer_init(&writer, bytes, true);
    rdb_put_byte(&writer, (unsigned)type);
    rdb_content_put(item, types, &writer);
    rdb_content_put_rest(item, types, &writer);
    rdb_writer_clear(&writer);
    writer_free(bytes);
    add_little(to, type > RDB_STREAM_2 ? RDB_VERSION_DATED : RDB_VERSION, VERSION_BYTES);
    add_little(to, digest_crc64(0, slice_after(buffer_slice(to), began)), 8);
}

bool dump_is_whole(struct slice payload, bool trusting)
{
    const char *footer = payload.at + payload.len - FOOTER;

    if (payload.len < FOOTER || load_little(footer, VERSION_BYTES) > RDB_VERSION_NEWEST)
        return false;
    return trusting || digest_crc64(0, slice_of(payload.at, payload.len - 8)) ==
                           load_little(footer + VERSION_BYTES, 8);
}

/* What may follow the value: a field with what it has besides. */
static bool read_rest(struct rdb_reader *from, const struct value_types *types,
                      const struct rdb_content *content)
{
    struct slice name, rest;
    unsigned mark;

    if (rdb_left(from) == 0)
        return true;
    if (content->value == NULL || !rdb_get_byte(from, &mark) || mark != RDB_AUX ||
        !rdb_get_string(from, 0, &name) || !slice_equal(name, RDB_REST) ||
        !rdb_get_string(from, 1, &rest) || rdb_left(from) != 0)
        return rdb_refuse(from, "bytes follow the value");
    return rdb_content_get_rest(content->value, content->kind, types, rest) ||
           rdb_refuse(from, "what stands behind the value is damaged");
}

bool dump_begin(struct dump *dump, struct slice payload, const struct value_types *types,
                const struct value_limits *limits, struct rdb_content *content)
{
    size_t len = payload.len - FOOTER;
    unsigned type;

    *content = (struct rdb_content){ .kind = VALUE_KINDS };
    dump->bytes = reader_new_memory(slice_of(payload.at, len));
    rdb_reader_init(&dump->reader, dump->bytes, len);
    if (!rdb_get_byte(&dump->reader, &type) ||
        !rdb_content_get(&dump->reader, type, types, limits, content))
        return false;
    if (read_rest(&dump->reader, types, content))
        return true;
    if (content->value != NULL)
        types->of[content->kind]->free(content->value);
    content->value = NULL;
    return false;
}

void dump_end(struct dump *dump)
{
    rdb_reader_clear(&dump->reader);
    reader_free(dump->bytes);
}

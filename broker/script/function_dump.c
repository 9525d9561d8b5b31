/* Texts are read one behind the other into one buffer, and loaded when all are there. */
#include "broker/script/function_dump.h"

#include "storage/base/digest.h"
#include "storage/base/memory.h"
#include "storage/format/rdb_format.h"
#include "storage/persist/dump.h"
#include "storage/persist/rdb_save.h"

enum { VERSION_BYTES = 2, SUM_BYTES = 8, FOOTER = VERSION_BYTES + SUM_BYTES };

/* The texts read so far. */
struct texts {
    struct buffer bytes;
    size_t       *lengths;
    size_t        count;
    size_t        capacity;
};

static void put_text(void *who, struct slice text)
{
    struct rdb_writer *writer = who;

    rdb_put_byte(writer, RDB_FUNCTION);
    rdb_put_string(writer, text);
}

static void add_little(struct buffer *to, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buffer_add_byte(to, (char)(unsigned char)(number >> (8 * i)));
}

void function_dump_put(struct functions *functions, struct buffer *to)
{
    struct rdb_functions all = functions_for_snapshots(functions);
    size_t began = to->len;
    struct writer *bytes = writer_new_memory(to);
    struct rdb_writer writer;

    rdb_writer_init(&writer, bytes, true);
    all.each(all.who, put_text, &writer);
    rdb_writer_clear(&writer);
    writer_free(bytes);
    add_little(to, RDB_VERSION, VERSION_BYTES);
    add_little(to, digest_crc64(0, slice_after(buffer_slice(to), began)), SUM_BYTES);
}

/* Reads one text; false and why not. */
static bool read_text(struct rdb_reader *reader, struct texts *texts, struct buffer *why)
{
    struct slice text;
    unsigned opcode;

    if (!rdb_get_byte(reader, &opcode) || opcode != RDB_FUNCTION) {
        buffer_add(why, SLICE("ERR given type is not a function"));
        return false;
    }
    if (!rdb_get_string(reader, 0, &text)) {
        buffer_add(why, SLICE("ERR Failed loading library payload"));
        return false;
    }
    if (texts->count == texts->capacity) {
        texts->capacity = texts->capacity * 2 + 8;
        texts->lengths = memory_resize(texts->lengths, texts->capacity * sizeof(size_t));
    }
    texts->lengths[texts->count++] = text.len;
    buffer_add(&texts->bytes, text);
    return true;
}

static bool load(struct functions *functions, const struct texts *texts,
                 enum function_policy policy, struct buffer *why)
{
    struct slice *slices = memory_new_zeroed(texts->count + 1, sizeof(struct slice));
    size_t at = 0;
    bool fine;

    for (size_t i = 0; i < texts->count; i++) {
        slices[i] = slice_of(texts->bytes.at + at, texts->lengths[i]);
        at += texts->lengths[i];
    }
    fine = functions_restore(functions, slices, texts->count, policy, why);
    memory_free(slices);
    return fine;
}

bool function_dump_restore(struct functions *functions, struct slice payload,
                           enum function_policy policy, struct buffer *why)
{
    struct texts texts = { .count = 0 };
    struct rdb_reader reader;
    struct reader *bytes;
    bool fine = true;

    if (!dump_is_whole(payload, false)) {
        buffer_add(why, SLICE("ERR DUMP payload version or checksum are wrong"));
        return false;
    }
    payload.len -= FOOTER;
    bytes = reader_new_memory(payload);
    rdb_reader_init(&reader, bytes, payload.len);
    while (fine && rdb_left(&reader) > 0)
        fine = read_text(&reader, &texts, why);
    rdb_reader_clear(&reader);
    reader_free(bytes);
    fine = fine && load(functions, &texts, policy, why);
    buffer_clear(&texts.bytes);
    memory_free(texts.lengths);
    return fine;
}

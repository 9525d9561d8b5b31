/*
 * Fuzzes what is read of the RDB format. The first byte of an input says what
 * the rest is: a value as RESTORE takes it, or what stands between head and end
 * of a snapshot, whose checksum is then made right. What is taken must hold its
 * type's invariants, and be the same after it was written and read again.
 */
#include <stdint.h>

#include "storage/base/digest.h"
#include "storage/base/io.h"
#include "storage/base/must.h"
#include "storage/base/trouble.h"
#include "storage/persist/dump.h"
#include "storage/persist/rdb_load.h"
#include "storage/values/hash.h"
#include "storage/values/list.h"
#include "storage/values/set.h"
#include "storage/values/zset.h"
#include "streams/stream.h"
#include "streams/stream_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = {
    .of = { [VALUE_STRING] = &string_type,
            [VALUE_LIST] = &list_type,
            [VALUE_SET] = &set_type,
            [VALUE_ZSET] = &zset_type,
            [VALUE_HASH] = &hash_type,
            [VALUE_STREAM] = &stream_value_type },
};

static struct keyspaces *new_keyspaces(void)
{
    struct keyspaces_setup setup = { .count = 4, .types = &types,
                                     .secret = value_limits_default.secret };

    return keyspaces_new(&setup);
}

static bool check_item(void *who, struct item *item)
{
    const void *value = item_value(item);

    (void)who;
    switch (item_kind(item)) {
    case VALUE_LIST:
        list_check(value);
        break;
    case VALUE_SET:
        set_check(value);
        break;
    case VALUE_ZSET:
        zset_check(value);
        break;
    case VALUE_HASH:
        hash_check(value);
        break;
    case VALUE_STREAM:
        stream_check(value);
        break;
    case VALUE_STRING:
    case VALUE_KINDS:
        break;
    }
    return true;
}

static struct fingerprint digest_of(struct keyspaces *all)
{
    struct fingerprint whole = { { 0 } };

    for (uint32_t db = 0; db < keyspaces_count(all); db++) {
        keyspace_check(keyspaces_at(all, db));
        keyspace_each(keyspaces_at(all, db), check_item, NULL);
        keyspace_digest(keyspaces_at(all, db), &whole);
    }
    return whole;
}

static bool load_all(struct keyspaces *all, struct slice bytes)
{
    struct rdb_load_setup setup = { .keyspaces = all, .limits = &value_limits_default,
                                    .keep_expired = true };
    struct reader *reader = reader_new_memory(bytes);
    struct rdb_load_result result;
    struct trouble trouble;
    bool fine = rdb_load(&setup, reader, bytes.len, &result, &trouble);

    reader_free(reader);
    return fine;
}

static void try_snapshot(const uint8_t *data, size_t size)
{
    struct keyspaces *all = new_keyspaces();
    struct keyspaces *again = new_keyspaces();
    struct buffer bytes = { 0 };
    uint64_t sum;

    buffer_add(&bytes, SLICE("REDIS0012"));
    buffer_add(&bytes, slice_of(data, size));
    buffer_add_byte(&bytes, (char)(unsigned char)RDB_END);
    sum = digest_crc64(0, buffer_slice(&bytes));
    buffer_add(&bytes, slice_of(&sum, sizeof(sum)));
    if (load_all(all, buffer_slice(&bytes))) {
        struct rdb_save_setup setup = { .keyspaces = all, .compress = true, .checksum = true };
        struct fingerprint before = digest_of(all);
        struct fingerprint after;
        struct writer *writer;

        buffer_rewind(&bytes);
        writer = writer_new_memory(&bytes);
        rdb_save(&setup, writer);
        writer_free(writer);
        must(load_all(again, buffer_slice(&bytes)));
        after = digest_of(again);
        must(memcmp(&before, &after, sizeof(before)) == 0);
    }
    buffer_clear(&bytes);
    keyspaces_free(all);
    keyspaces_free(again);
}

static bool restore(struct keyspace *keys, struct slice payload, struct item **item)
{
    struct rdb_content content;
    struct dump dump;
    bool fine = dump_begin(&dump, payload, &types, &value_limits_default, &content);

    if (fine)
        *item = rdb_content_place(keys, SLICE("k"), &content);
    dump_end(&dump);
    return fine;
}

static void try_value(const uint8_t *data, size_t size)
{
    struct keyspaces *all = new_keyspaces();
    struct buffer payload = { 0 };
    struct item *item;

    buffer_add(&payload, slice_of(data, size));
    buffer_add(&payload, slice_of("0123456789", 10)); /* where version and sum would be */
    if (restore(keyspaces_at(all, 0), buffer_slice(&payload), &item)) {
        struct fingerprint before = digest_of(all);
        struct fingerprint after;

        buffer_rewind(&payload);
        dump_put(item, &types, &payload);
        must(dump_is_whole(buffer_slice(&payload), false));
        must(restore(keyspaces_at(all, 0), buffer_slice(&payload), &item));
        after = digest_of(all);
        must(memcmp(&before, &after, sizeof(before)) == 0);
    }
    buffer_clear(&payload);
    keyspaces_free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        try_value(data + 1, size - 1);
    else
        try_snapshot(data + 1, size - 1);
    return 0;
}

/*
 * One loop over opcodes. What stands in front of a key (when it expires, how it
 * was used) is kept until the key comes.
 */
#include "storage/persist/rdb_load.h"

#include <inttypes.h>
#include <stdio.h>

#include "storage/base/log.h"
#include "storage/base/trouble.h"
#include "storage/persist/rdb_content.h"

enum {
    TELL_EVERY = 65536, /* bytes */
    KEY_SHOWN = 64,
    KEY_BYTES_LEAST = 3, /* type, key, value */
    MODULE_END = 0,
    MODULE_NUMBER = 1,
    MODULE_NUMBER_2 = 2,
    MODULE_FLOAT = 3,
    MODULE_DOUBLE = 4,
    MODULE_STRING = 5
};

struct loading {
    const struct rdb_load_setup *setup;
    struct rdb_load_result      *result;
    const struct value_types    *types;
    struct rdb_reader            from;
    struct keyspace             *keys;
    uint32_t                     db;
    millis                       due;  /* of the key that comes; -1: it does not expire */
    int64_t                      idle; /* seconds; -1: not told */
    int                          frequency;
    uint64_t                     told;
    uint64_t                     tell_every;
    struct buffer                key;
    bool                         has_key; /* a key is under way */
};

/* ---- What stands between keys ---- */

static bool read_head(struct loading *now, struct trouble *trouble)
{
    char head[RDB_HEAD_LEN];
    int version;

    if (!rdb_get_raw(&now->from, head, sizeof(head)) || !rdb_begins(slice_of(head, sizeof(head))))
        return trouble_set(trouble, "Wrong signature trying to load DB from file");
    version = rdb_version_of(slice_of(head, sizeof(head)));
    if (version < 0)
        return trouble_set(trouble, "Can't handle RDB format version %.4s", head + RDB_SIGN_LEN);
    if (version < 1 || version > RDB_VERSION_NEWEST)
        return trouble_set(trouble, "Can't handle RDB format version %d", version);
    now->result->version = (unsigned)version;
    return true;
}

static int64_t number_of(struct slice text)
{
    int64_t number;

    return number_read(text, &number) && number >= 0 ? number : 0;
}

/* What the value of the key before has besides. It is read even where nothing is kept. */
static bool read_rest(struct loading *now, struct slice rest)
{
    struct item *item = now->setup->count_only
                            ? NULL
                            : keyspace_find(now->keys, buffer_slice(&now->key), LOOK_QUIET);

    return item == NULL || item_kind(item) == VALUE_STRING ||
           rdb_content_get_rest(item_value(item), item_kind(item), now->types, rest) ||
           rdb_refuse(&now->from, "what stands behind a value is damaged");
}

/* Where in a stream the writer stood. */
static void read_stream_fact(struct rdb_stream *stream, struct slice name, struct slice value)
{
    int64_t number;
    bool numeric = number_read(value, &number) && number >= 0;

    if (slice_equal(name, SLICE("repl-id"))) {
        if (value.len == sizeof(stream->id) - 1)
            memcpy(stream->id, value.at, value.len);
    } else if (slice_equal(name, SLICE("repl-offset")) && numeric) {
        stream->offset = number;
    } else if (slice_equal(name, SLICE("repl-stream-db")) && numeric) {
        stream->db = number;
    }
}

static bool read_fact(struct loading *now)
{
    struct rdb_load_result *result = now->result;
    struct slice name, value;

    if (!rdb_get_string(&now->from, 0, &name) || !rdb_get_string(&now->from, 1, &value))
        return false;
    if (slice_equal(name, RDB_REST))
        return read_rest(now, value);
    if (slice_equal(name, SLICE("redis-ver")))
        (void)snprintf(result->writer, sizeof(result->writer), "%.*s",
                       (int)(value.len < sizeof(result->writer) ? value.len : 16), value.at);
    else if (slice_equal(name, SLICE("ctime")))
        result->created = number_of(value);
    else if (slice_equal(name, SLICE("used-mem")))
        result->memory = (uint64_t)number_of(value);
    else if (slice_equal(name, SLICE("aof-base")) || slice_equal(name, SLICE("aof-preamble")))
        result->is_base = number_of(value) == 1;
    else if (name.len > 5 && memcmp(name.at, "repl-", 5) == 0)
        read_stream_fact(&result->stream, name, value);
    else if (name.len > 0 && name.at[0] == '%')
        log_line(now->setup->log, LOG_NOTICE, "RDB '%.*s': %.*s",
                 (int)(name.len < KEY_SHOWN ? name.len : KEY_SHOWN), name.at,
                 (int)(value.len < KEY_SHOWN ? value.len : KEY_SHOWN), value.at);
    return true;
}

static bool read_function(struct loading *now)
{
    const struct rdb_functions *functions = now->setup->functions;
    struct trouble trouble = { .text = "" };
    struct slice code;

    if (!rdb_get_string(&now->from, 0, &code))
        return false;
    now->result->functions++;
    if (functions == NULL || now->setup->count_only)
        return true;
    if (functions->take(functions->who, code, now->setup->merge, &trouble))
        return true;
    log_line(now->setup->log, LOG_WARNING, "Failed creating the library: %s", trouble.text);
    return rdb_refuse(&now->from, "a library of functions cannot be loaded");
}

static bool read_select(struct loading *now)
{
    uint64_t db;

    if (!rdb_get_length(&now->from, &db))
        return false;
    if (db >= keyspaces_count(now->setup->keyspaces))
        return rdb_refuse(&now->from, "Data file was created with a Redis server configured to "
                                      "handle more databases than there are here");
    now->db = (uint32_t)db;
    now->keys = keyspaces_at(now->setup->keyspaces, (uint32_t)db);
    return true;
}

/* What a module left beside the keys: nobody here wants it, but it can be stepped over. */
static bool skip_module(struct loading *now)
{
    struct rdb_reader *from = &now->from;
    uint64_t word;
    char bytes[8];

    if (!rdb_get_length(from, &word) || !rdb_get_length(from, &word) ||
        !rdb_get_length(from, &word))
        return false;
    for (;;) {
        if (!rdb_get_length(from, &word))
            return false;
        switch (word) {
        case MODULE_END:
            return true;
        case MODULE_NUMBER:
        case MODULE_NUMBER_2:
            if (!rdb_get_length(from, &word))
                return false;
            break;
        case MODULE_FLOAT:
        case MODULE_DOUBLE:
            if (!rdb_get_raw(from, bytes, word == MODULE_FLOAT ? 4 : 8))
                return false;
            break;
        case MODULE_STRING:
            if (!rdb_skip_string(from))
                return false;
            break;
        default:
            return rdb_refuse(from, "data of a module is damaged");
        }
    }
}

static bool read_due_seconds(struct loading *now)
{
    unsigned char bytes[4];

    if (!rdb_get_raw(&now->from, bytes, sizeof(bytes)))
        return false;
    now->due = (millis)((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                        (uint32_t)bytes[3] << 24) *
               1000;
    return true;
}

static bool read_due(struct loading *now)
{
    if (!rdb_get_millis(&now->from, &now->due))
        return false;
    return now->due >= 0 || rdb_refuse(&now->from, "a key expires before time began");
}

static bool read_use(struct loading *now, unsigned opcode)
{
    uint64_t idle;
    unsigned byte;

    if (opcode == RDB_FREQUENCY) {
        if (!rdb_get_byte(&now->from, &byte))
            return false;
        now->frequency = (int)byte;
        return true;
    }
    if (!rdb_get_length(&now->from, &idle))
        return false;
    now->idle = idle > INT32_MAX ? INT32_MAX : (int64_t)idle;
    return true;
}

/* Makes room for the keys of a database, as far as their bytes can really be there. */
static bool read_sizes(struct loading *now)
{
    uint64_t keys, expiring;

    if (!rdb_get_length(&now->from, &keys) || !rdb_get_length(&now->from, &expiring))
        return false;
    if (!now->setup->count_only && keys <= rdb_left(&now->from) / KEY_BYTES_LEAST)
        keyspace_reserve(now->keys, keyspace_count(now->keys) + (size_t)keys);
    return true;
}

static bool read_lengths(struct loading *now, unsigned count)
{
    uint64_t unheeded;

    while (count-- > 0) {
        if (!rdb_get_length(&now->from, &unheeded))
            return false;
    }
    return true;
}

/* ---- Keys ---- */

static bool place(struct loading *now, struct rdb_content *content)
{
    struct slice key = buffer_slice(&now->key);
    size_t before = keyspace_count(now->keys);
    struct item *item = rdb_content_place(now->keys, key, content);

    /* Looking first would cost as much again; what is refused is thrown away as a whole. */
    if (keyspace_count(now->keys) == before && !now->setup->merge)
        return rdb_refuse(&now->from, "the key is there twice");
    if (now->due >= 0)
        item = keyspace_expire_at(now->keys, item, now->due);
    keyspaces_set_use(now->setup->keyspaces, item, now->idle < 0 ? -1 : now->idle * 1000,
                      now->frequency);
    return true;
}

static bool keep(struct loading *now, struct rdb_content *content, uint64_t began)
{
    const struct rdb_load_setup *setup = now->setup;
    uint64_t bytes = reader_position(now->from.from) - began;

    if (setup->key != NULL)
        setup->key(setup->who, now->db, buffer_slice(&now->key), content, bytes, now->due);
    if (now->due >= 0 && now->due < keyspaces_now(setup->keyspaces) && !setup->keep_expired) {
        now->result->expired++;
        if (setup->expired != NULL)
            setup->expired(setup->who, now->db, buffer_slice(&now->key));
    } else if (setup->count_only) {
        now->result->loaded++;
    } else if (place(now, content)) {
        now->result->loaded++;
        now->result->expires += now->due >= 0;
        return true;
    } else {
        return false;
    }
    if (content->value != NULL)
        now->types->of[content->kind]->free(content->value);
    return true;
}

static bool read_key(struct loading *now, unsigned type)
{
    uint64_t began = reader_position(now->from.from);
    struct rdb_content content;
    struct slice key;
    bool fine;

    buffer_rewind(&now->key);
    (void)buffer_reserve(&now->key, 1);
    if (!rdb_content_is_type(type))
        return rdb_refuse(&now->from, type == RDB_MODULE || type == RDB_MODULE_2
                                          ? "it holds a value of a module, which cannot be read"
                                          : "there is no such type");
    if (!rdb_get_string(&now->from, 0, &key))
        return false;
    buffer_add(&now->key, key);
    now->has_key = true;
    if (rdb_content_get(&now->from, type, now->types, now->setup->limits, &content)) {
        fine = keep(now, &content, began);
    } else if (now->from.empty) {
        now->result->empty++;
        log_line(now->setup->log, LOG_NOTICE,
                 "The RDB file holds a value without elements, skipping empty key: %.*s",
                 (int)(key.len < KEY_SHOWN ? now->key.len : KEY_SHOWN), now->key.at);
        now->from.empty = false;
        fine = true;
    } else {
        fine = false;
    }
    now->due = -1;
    now->idle = -1;
    now->frequency = -1;
    if (fine)
        now->has_key = false;
    return fine;
}

/* ---- All ---- */

/* What follows an opcode: a fact, or a key of the type that stands in its place. */
static bool read_part(struct loading *now, unsigned opcode)
{
    switch (opcode) {
    case RDB_AUX:
        return read_fact(now);
    case RDB_SELECT:
        return read_select(now);
    case RDB_RESIZE:
        return read_sizes(now);
    case RDB_SLOT_INFO:
        return read_lengths(now, 3);
    case RDB_FUNCTION:
        return read_function(now);
    case RDB_FUNCTION_EARLY:
        return rdb_refuse(&now->from, "Pre-release function format not supported.");
    case RDB_MODULE_AUX:
        return skip_module(now);
    case RDB_EXPIRY_MS:
        return read_due(now);
    case RDB_EXPIRY:
        return read_due_seconds(now);
    case RDB_IDLE:
    case RDB_FREQUENCY:
        return read_use(now, opcode);
    default:
        return read_key(now, opcode);
    }
}

/* Everything up to the opcode of the end. */
static bool read_all(struct loading *now)
{
    for (;;) {
        uint64_t at = reader_position(now->from.from);
        unsigned opcode;

        if (at - now->told >= now->tell_every && now->setup->progress != NULL) {
            now->told = at;
            if (!now->setup->progress(now->setup->who, at))
                return rdb_refuse(&now->from, "the load was ended");
        }
        if (!rdb_get_byte(&now->from, &opcode))
            return false;
        if (opcode == RDB_END)
            return true;
        if (!read_part(now, opcode))
            return false;
    }
}

/* The sum at the end; no sum, no check. */
static bool check_sum(struct loading *now, struct trouble *trouble)
{
    uint64_t computed = reader_checksum(now->from.from);
    millis noted;

    if (now->result->version < RDB_VERSION_SUMMED) {
        now->result->unsummed = true;
        return true;
    }
    if (!rdb_get_millis(&now->from, &noted))
        return trouble_set(trouble, "Unexpected EOF reading RDB file: its checksum is missing");
    now->result->unsummed = noted == 0;
    if (noted == 0 || (uint64_t)noted == computed)
        return true;
    return trouble_set(trouble,
                       "RDB CRC error: Wrong RDB checksum expected: (%" PRIx64 ") but got (%" PRIx64
                       "): bytes of it were changed",
                       (uint64_t)noted, computed);
}

/* The beginning of a key for a line of the log: other bytes than visible ones are dots. */
static const char *show_key(struct slice key, char shown[KEY_SHOWN + 1])
{
    size_t len = key.len < KEY_SHOWN ? key.len : KEY_SHOWN;

    for (size_t i = 0; i < len; i++)
        shown[i] = key.at[i] >= ' ' && key.at[i] <= '~' ? key.at[i] : '.';
    shown[len] = '\0';
    return shown;
}

/* Says where it went wrong. */
static bool tell_trouble(struct loading *now, struct trouble *trouble)
{
    unsigned long long at = (unsigned long long)reader_position(now->from.from);
    const char *reason = now->from.reason != NULL ? now->from.reason : "it is no snapshot";
    char shown[KEY_SHOWN + 1];

    if (reader_failed(now->from.from, trouble))
        return trouble_wrap(trouble, "at offset %llu", at);
    if (now->has_key)
        return trouble_set(trouble, "%s, at offset %llu, in key '%s' of database %u", reason, at,
                           show_key(buffer_slice(&now->key), shown), now->db);
    return trouble_set(trouble, "%s, at offset %llu", reason, at);
}

bool rdb_load(const struct rdb_load_setup *setup, struct reader *from, uint64_t end,
              struct rdb_load_result *result, struct trouble *trouble)
{
    struct loading now = { .setup = setup,
                           .result = result,
                           .types = keyspaces_types(setup->keyspaces),
                           .keys = keyspaces_at(setup->keyspaces, 0),
                           .tell_every = setup->progress_every > 0 ? setup->progress_every
                                                                   : TELL_EVERY,
                           .due = -1,
                           .idle = -1,
                           .frequency = -1 };
    bool fine;

    *result = (struct rdb_load_result){ .stream = { .offset = -1, .db = -1 } };
    rdb_reader_init(&now.from, from, end);
    reader_checksum_begin(from);
    fine = read_head(&now, trouble) &&
           (read_all(&now) || tell_trouble(&now, trouble)) && check_sum(&now, trouble);
    rdb_reader_clear(&now.from);
    buffer_clear(&now.key);
    return fine;
}

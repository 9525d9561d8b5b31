/*
 * Fields and values, packed or in a table.
 *
 * What always holds:
 *   (1) No two fields are equal.
 *   (2) A packed hash has an even number of entries; its block may be missing
 *       while it is empty.
 *   (3) A table stays a table.
 *   (4) What hash_expiry.c says of fields that expire.
 */
#include "storage/values/hash.h"

#include "storage/base/memory.h"
#include "storage/values/counted.h"
#include "storage/values/hash_expiry.h"
#include "storage/values/hash_private.h"

/* -- Entries of a table. */

static struct slice entry_field(const void *entry)
{
    return counted_text(entry);
}

static struct slice entry_value(const void *entry)
{
    struct slice field = counted_text(entry);

    return counted_text((const unsigned char *)field.at + field.len);
}

static const struct table_kind entries = { entry_field };

static size_t entry_size(const void *entry)
{
    return counted_size(entry_field(entry).len) + counted_size(entry_value(entry).len);
}

static void *entry_new(struct slice field, struct slice value)
{
    unsigned char *entry = memory_new(counted_size(field.len) + counted_size(value.len));

    (void)counted_put(counted_put(entry, field), value);
    return entry;
}

static void entry_free(void *entry)
{
    memory_free_sized(entry, entry_size(entry));
}

static void free_item(void *who, void *entry)
{
    (void)who;
    entry_free(entry);
}

/* Puts another value into the entry of a slot, in another block if its size class changes. */
static void entry_change(void **slot, struct slice value)
{
    unsigned char *entry = *slot;
    struct slice field = entry_field(entry);
    size_t size = counted_size(field.len) + counted_size(value.len);
    size_t old = entry_size(entry);

    if (size == old || memory_good_size(size) == memory_good_size(old)) {
        (void)counted_put(entry + counted_size(field.len), value);
        return;
    }
    *slot = entry_new(field, value);
    memory_free_sized(entry, old);
}

/* -- The whole. */

struct hash *hash_new(void)
{
    struct hash *hash = memory_new(sizeof(*hash));

    *hash = (struct hash){ .value = { .kind = VALUE_HASH, } };
    return hash;
}

void hash_free(struct hash *hash)
{
    if (hash == NULL)
        return;
    if (hash_expires(hash))
        hash_end_expiring(hash);
    if (hash_in_table(hash))
        table_free(hash_body(hash)->table, free_item, NULL);
    else if (hash_body(hash)->packed != NULL)
        packed_free(hash_body(hash)->packed);
    memory_free_sized(hash, sizeof(*hash));
}

/* A copy of all fields, none of which expires. */
static struct hash *copy_body(const struct hash *hash)
{
    struct hash *copy = hash_new();
    union hash_body *body = hash_body(hash);
    struct table_walk walk;

    copy->value.form = hash->value.form & HASH_TABLE;
    if (!hash_in_table(hash)) {
        if (body->packed != NULL)
            copy->of.body.packed = packed_copy(packed_slice(body->packed));
        return copy;
    }
    copy->of.body.table = table_new(&entries, body->table->key);
    table_reserve(copy->of.body.table, table_count(body->table));
    for (void *entry = table_walk_begin(&walk, body->table); entry != NULL;
         entry = table_walk_next(&walk)) {
        struct slice field = entry_field(entry);

        table_add(copy->of.body.table, entry_new(field, entry_value(entry)),
                  table_hash(copy->of.body.table, field));
    }
    table_walk_end(&walk);
    return copy;
}

static void copy_due(void *who, struct slice field, millis due)
{
    hash_expire_at(who, NULL, field, due);
}

struct hash *hash_copy(const struct hash *hash)
{
    struct hash *copy = copy_body(hash);

    if (hash_expiring(hash) > 0) {
        hash_begin_expiring(copy, hash->of.expiring->fields.key);
        hash_each_due(hash, copy_due, copy);
    }
    return copy;
}

size_t hash_length(const struct hash *hash)
{
    if (hash_in_table(hash))
        return table_count(hash_body(hash)->table);
    return hash_body(hash)->packed != NULL ? packed_count(hash_body(hash)->packed) / 2 : 0;
}

/* The place of a field in a packed hash, or 0. */
static size_t find_packed(const struct hash *hash, struct slice field)
{
    if (hash_body(hash)->packed == NULL)
        return 0;
    return packed_find(hash_body(hash)->packed, packed_first(hash_body(hash)->packed), field, 1);
}

static void **find_slot(const struct hash *hash, struct slice field, uint64_t digest)
{
    return table_find_slot_by(hash_body(hash)->table, field, digest, entry_field);
}

bool hash_get(const struct hash *hash, struct slice field, struct hash_room *room,
              struct slice *value)
{
    if (hash_in_table(hash)) {
        void **slot = find_slot(hash, field, table_hash(hash_body(hash)->table, field));

        if (slot == NULL)
            return false;
        *value = entry_value(*slot);
    } else {
        size_t place = find_packed(hash, field);

        if (place == 0)
            return false;
        place = packed_next(hash_body(hash)->packed, place);
        *value = packed_print(packed_get(hash_body(hash)->packed, place), room->value);
    }
    return true;
}

bool hash_has(const struct hash *hash, struct slice field)
{
    if (!hash_in_table(hash))
        return find_packed(hash, field) != 0;
    return find_slot(hash, field, table_hash(hash_body(hash)->table, field)) != NULL;
}

/* Makes a packed hash a table with room for `count` fields. */
static void become_table(struct hash *hash, const struct value_limits *limits, size_t count)
{
    struct packed *packed = hash_body(hash)->packed;
    struct table *table = table_new(&entries, limits->secret);
    struct hash_walk walk;
    struct slice field, value;

    table_reserve(table, count);
    hash_walk_begin(&walk, hash);
    while (hash_walk_next(&walk, &field, &value))
        table_add(table, entry_new(field, value), table_hash(table, field));
    hash_walk_end(&walk);
    if (packed != NULL)
        packed_free(packed);
    hash->value.form |= HASH_TABLE;
    hash_body(hash)->table = table;
}

static bool put_in_table(struct hash *hash, struct slice field, struct slice value)
{
    uint64_t digest = table_hash(hash_body(hash)->table, field);
    void **slot = find_slot(hash, field, digest);

    if (slot != NULL) {
        entry_change(slot, value);
        return false;
    }
    table_add(hash_body(hash)->table, entry_new(field, value), digest);
    return true;
}

bool hash_put(struct hash *hash, const struct value_limits *limits, struct slice field,
              struct slice value)
{
    if (hash_expires(hash))
        hash_forget_due(hash, field);
    return hash_change(hash, limits, field, value);
}

bool hash_change(struct hash *hash, const struct value_limits *limits, struct slice field,
                 struct slice value)
{
    size_t place;

    if (hash_in_table(hash))
        return put_in_table(hash, field, value);
    if (field.len > limits->hash_value || value.len > limits->hash_value ||
        (hash_body(hash)->packed != NULL &&
         !packed_fits(hash_body(hash)->packed, field.len + value.len + 32, 2))) {
        become_table(hash, limits, hash_length(hash) + 1);
        return put_in_table(hash, field, value);
    }
    place = find_packed(hash, field);
    if (place != 0) {
        place = packed_next(hash_body(hash)->packed, place);
        hash_body(hash)->packed = packed_replace(hash_body(hash)->packed, place, packed_text(value));
        return false;
    }
    if (hash_length(hash) >= limits->hash_entries) {
        become_table(hash, limits, hash_length(hash) + 1);
        return put_in_table(hash, field, value);
    }
    hash_body(hash)->packed = packed_insert_pair(hash_body(hash)->packed, 0, packed_text(field),
                                                 packed_text(value));
    return true;
}

/* Bytes that a packed word takes at the least: just as many for most, and no digits are read. */
static size_t least_bytes(struct slice word)
{
    static const uint8_t of_integer[] = { 2, 2, 2, 2, 3, 4, 5, 5, 6, 6, 6 };

    if (word.len > 0 && word.len <= NUMBER_INTEGER_MAX && (unsigned char)word.at[0] <= '9') {
        if (word.len < sizeof(of_integer))
            return of_integer[word.len] + (word.len == 3 && word.at[0] > '1' ? 1u : 0u);
        return 10;
    }
    return word.len + (word.len < 64 ? 2 : 3);
}

void hash_reserve(struct hash *hash, const struct value_limits *limits, const struct slice *words,
                  size_t count)
{
    size_t fields = count / 2;
    size_t bytes = PACKED_EMPTY;

    if (hash_in_table(hash) || hash_body(hash)->packed != NULL)
        return;
    if (fields > limits->hash_entries)
        return; /* It will soon be a table, or not, if some of the fields are the same. */
    for (size_t i = 0; i < 2 * fields; i++) {
        if (words[i].len > limits->hash_value)
            return;
        bytes += least_bytes(words[i]);
    }
    hash_body(hash)->packed = packed_new(bytes);
}

void hash_ask_ahead(struct hash *hash, const struct slice *words, size_t count, size_t coming)
{
    struct table *table;

    if (!hash_in_table(hash))
        return;
    table = hash_body(hash)->table;
    if (table_ask_ahead(table, words, 2, count) <= count / 2)
        table_reserve(table, table_count(table) + coming);
}

void hash_take_block(struct hash *hash, struct packed **taken)
{
    must(!hash_in_table(hash) && hash_body(hash)->packed == NULL);
    hash_body(hash)->packed = *taken;
    *taken = NULL;
}

void hash_begin_table(struct hash *hash, const struct value_limits *limits, size_t fields)
{
    must(!hash_in_table(hash) && hash_length(hash) == 0);
    become_table(hash, limits, fields);
}

static bool remove_from_body(struct hash *hash, struct slice field)
{
    if (hash_in_table(hash)) {
        uint64_t digest = table_hash(hash_body(hash)->table, field);
        void *entry = table_remove(hash_body(hash)->table, field, digest);

        if (entry != NULL)
            entry_free(entry);
        return entry != NULL;
    }
    size_t place = find_packed(hash, field);

    if (place == 0)
        return false;
    hash_body(hash)->packed = packed_delete_range(hash_body(hash)->packed, &place, 2);
    return true;
}

bool hash_remove(struct hash *hash, struct slice field)
{
    bool removed = remove_from_body(hash, field);

    if (removed && hash_expires(hash))
        hash_forget_due(hash, field);
    return removed;
}

/* -- Walking. */

void hash_walk_begin(struct hash_walk *walk, const struct hash *hash)
{
    walk->entry = NULL;
    walk->packed = NULL;
    walk->place = 0;
    walk->hiding = NULL;
    if (hash_in_table(hash)) {
        walk->entry = table_walk_begin(&walk->table, hash_body(hash)->table);
    } else {
        walk->table.table = NULL;
        walk->packed = hash_body(hash)->packed;
        if (walk->packed != NULL)
            walk->place = packed_first(walk->packed);
    }
}

void hash_walk_begin_at(struct hash_walk *walk, const struct hash *hash, millis now)
{
    hash_walk_begin(walk, hash);
    if (UNLIKELY(hash_past(hash, now) > 0)) {
        walk->hiding = hash;
        walk->now = now;
    }
}

/* The next field, past its time or not. */
static bool next_of_all(struct hash_walk *walk, struct slice *field, struct slice *value)
{
    size_t at;

    if (walk->entry != NULL) {
        *field = entry_field(walk->entry);
        *value = entry_value(walk->entry);
        walk->entry = table_walk_next(&walk->table);
        return true;
    }
    if (walk->place == 0)
        return false;
    at = packed_next(walk->packed, walk->place);
    *field = packed_print(packed_get(walk->packed, walk->place), walk->room.field);
    *value = packed_print(packed_get(walk->packed, at), walk->room.value);
    walk->place = packed_next(walk->packed, at);
    return true;
}

bool hash_walk_next(struct hash_walk *walk, struct slice *field, struct slice *value)
{
    while (next_of_all(walk, field, value)) {
        millis due = walk->hiding != NULL ? hash_due(walk->hiding, *field) : -1;

        if (LIKELY(due < 0) || due > walk->now)
            return true;
    }
    return false;
}

void hash_walk_end(struct hash_walk *walk)
{
    if (walk->table.table != NULL)
        table_walk_end(&walk->table);
}

struct shown {
    hash_visitor *visit;
    void         *who;
};

static void show_entry(void *who, void *entry)
{
    const struct shown *shown = who;

    shown->visit(shown->who, entry_field(entry), entry_value(entry));
}

uint64_t hash_scan(const struct hash *hash, uint64_t cursor, hash_visitor *visit, void *who)
{
    struct shown shown = { visit, who };
    struct hash_walk walk;
    struct slice field, value;

    if (hash_in_table(hash))
        return table_scan(hash_body(hash)->table, cursor, show_entry, &shown);
    hash_walk_begin(&walk, hash);
    while (hash_walk_next(&walk, &field, &value))
        visit(who, field, value);
    hash_walk_end(&walk);
    return 0;
}

void hash_random(const struct hash *hash, struct random *random, struct hash_room *room,
                 struct slice *field, struct slice *value)
{
    if (hash_in_table(hash)) {
        const void *entry = table_random(hash_body(hash)->table, random);

        *field = entry_field(entry);
        *value = entry_value(entry);
    } else {
        int64_t index = (int64_t)random_below(random, hash_length(hash)) * 2;
        size_t place = packed_at(hash_body(hash)->packed, index);

        *field = packed_print(packed_get(hash_body(hash)->packed, place), room->field);
        place = packed_next(hash_body(hash)->packed, place);
        *value = packed_print(packed_get(hash_body(hash)->packed, place), room->value);
    }
}

bool hash_is_table(const struct hash *hash)
{
    return hash_in_table(hash);
}

size_t hash_bytes(const struct hash *hash, size_t samples)
{
    size_t bytes = memory_good_size(sizeof(*hash)) + hash_expiring_bytes(hash);
    size_t entry_bytes = 0;
    size_t looked = 0;
    struct table_walk walk;

    if (!hash_in_table(hash))
        return bytes + (hash_body(hash)->packed != NULL ? packed_memory(hash_body(hash)->packed) : 0);
    for (void *entry = table_walk_begin(&walk, hash_body(hash)->table); entry != NULL;
         entry = table_walk_next(&walk)) {
        entry_bytes += memory_good_size(entry_size(entry));
        if (++looked == samples)
            break;
    }
    table_walk_end(&walk);
    if (looked > 0)
        bytes += (size_t)((double)entry_bytes / (double)looked *
                          (double)table_count(hash_body(hash)->table));
    return bytes + table_memory(hash_body(hash)->table);
}

const struct packed *hash_packed(const struct hash *hash)
{
    return !hash_in_table(hash) ? hash_body(hash)->packed : NULL;
}

void hash_check(const struct hash *hash)
{
    struct hash_walk walk;
    struct slice field, value;
    size_t count = 0;

    must(hash->value.kind == VALUE_HASH);
    if (hash_in_table(hash))
        table_check(hash_body(hash)->table);
    else if (hash_body(hash)->packed != NULL)
        packed_check(hash_body(hash)->packed);
    hash_walk_begin(&walk, hash);
    while (hash_walk_next(&walk, &field, &value)) {
        struct hash_room room;
        struct slice found;

        /* Were the field there twice, a search would find the first one's value for both. */
        must(hash_get(hash, field, &room, &found));
        must(slice_equal(found, value));
        must(hash_in_table(hash) || found.at == room.value || found.at == value.at);
        count++;
    }
    hash_walk_end(&walk);
    must(count == hash_length(hash));
    hash_check_expiring(hash);
}

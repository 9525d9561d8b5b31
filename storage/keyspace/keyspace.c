/*
 * Find, put, remove. One search serves a whole command where it can: functions
 * that put look for the slot once and rebuild the block behind it.
 */
#include "storage/keyspace/keyspace.h"

#include "storage/base/memory.h"
#include "storage/keyspace/keyspace_private.h"

enum {
    EDIT_SPARE_MAX = 1024 * 1024,
    EDIT_HEAD = BYTES_LONG_HEAD - BYTES_HEAD /* what room to spare costs, taken from it */
};

static struct slice key_of_item(const void *item)
{
    return item_key_of(item);
}

static const struct table_kind item_kind_of_table = { .key = key_of_item };

void keyspace_begin(struct keyspace *keys, struct keyspaces *all, uint32_t db)
{
    keys->all = all;
    keys->db = db;
    table_init(&keys->items, &item_kind_of_table, all->secret);
    keys->dues = ordered_new(&due_kind, NULL);
    keys->fields = ordered_new(&due_kind, NULL);
}

uint32_t keyspace_db(const struct keyspace *keys)
{
    return keys->db;
}

size_t keyspace_count(const struct keyspace *keys)
{
    return table_count(&keys->items);
}

size_t keyspace_expiring(const struct keyspace *keys)
{
    return ordered_count(keys->dues);
}

uint64_t keyspace_hash(const struct keyspace *keys, struct slice key)
{
    const struct keyspaces *all = keys->all;

    if (key.at == all->hinted.at && key.len == all->hinted.len && key.at != NULL)
        return all->hint;
    return table_hash(&keys->items, key);
}

bool keyspace_is_past(const struct keyspace *keys, const struct item *item)
{
    return item_expires(item) && item_due(item) <= keys->all->now && !keys->all->keep_expired;
}

/* The slot of a key, after letting the item go if it is past its time. */
static inline void **find_slot(struct keyspace *keys, struct slice key, uint64_t hash)
{
    void **slot = table_find_slot_by(&keys->items, key, hash, item_key_of);

    if (slot != NULL && UNLIKELY(keyspace_is_past(keys, *slot))) {
        keyspace_let_expire(keys, *slot, hash);
        return NULL;
    }
    return slot;
}

/* The same while nothing may go: it is only not found. */
static void **find_slot_held(struct keyspace *keys, struct slice key, uint64_t hash)
{
    void **slot = table_find_slot_by(&keys->items, key, hash, item_key_of);

    return slot != NULL && keyspace_is_past(keys, *slot) ? NULL : slot;
}

struct item *keyspace_find(struct keyspace *keys, struct slice key, enum look why)
{
    struct keyspaces *all = keys->all;
    uint64_t hash = keyspace_hash(keys, key);
    void **slot = LIKELY(!all->held || why == LOOK_WRITE) ? find_slot(keys, key, hash)
                                                          : find_slot_held(keys, key, hash);

    if (UNLIKELY(slot == NULL)) {
        if (why != LOOK_WRITE && why != LOOK_QUIET) {
            all->counts.misses++;
            if (why != LOOK_INSPECT)
                keyspace_tell(keys, key, CHANGE_MISSED);
        }
        return NULL;
    }
    if (((const struct item *)*slot)->form == ITEM_VALUE)
        weight_look(keys, *slot);
    if (why == LOOK_READ) {
        all->counts.hits++;
        item_mark_read(all, *slot);
    } else if (why == LOOK_WRITE) {
        item_mark_written(all, *slot);
    } else if (why != LOOK_QUIET) {
        all->counts.hits++;
    }
    return *slot;
}

/* Keeps the sums of what queues weigh. */
static inline void enters(struct keyspace *keys, const struct item *item)
{
    if (item->form == ITEM_VALUE)
        weight_enter(keys, item);
}

static inline void leaves(struct keyspace *keys, const struct item *item)
{
    if (item->form == ITEM_VALUE)
        weight_leave(keys, item);
}

/* Makes the item at a slot another block with the same key; both indexes are mended. */
static struct item *rebuild_item(struct keyspace *keys, void **slot, const struct item_content *content,
                              millis due)
{
    struct item *old = *slot;
    struct item *item = item_new(item_key_of(old), content, due);

    item->clock = old->clock;
    if (item_expires(old))
        due_remove(keys, old);
    fields_remove(keys, old);
    leaves(keys, old);
    *slot = item;
    if (due >= 0)
        due_add(keys, item);
    fields_add(keys, item);
    enters(keys, item);
    item_free_block(old);
    return item;
}

/* At the limit of memory a larger table would have others evicted for its sake. */
static void stay_within_room(struct keyspace *keys)
{
    table_set_cramped(&keys->items, table_next_bytes(&keys->items) > keys->all->room);
}

/* What becomes of what the key held. */
enum putting {
    REPLACES = 0,
    KEEPS_EXPIRY = 1 << 0,
    EDITS = 1 << 1 /* it is the same value still, somewhat changed: nobody is told */
};

/* Tells that an item's content gives way to another of some kind. */
static void tell_overwritten(const struct keyspace *keys, struct slice key,
                             const struct item *item, uint8_t kind)
{
    uint8_t before = item->kind;

    keyspace_tell(keys, key, CHANGE_OVERWRITTEN);
    if (before != kind)
        keyspace_tell(keys, key, CHANGE_RETYPED);
}

/* Makes a key hold some content, which is then the item's; `how` is of enum putting. */
static struct item *put_content(struct keyspace *keys, struct slice key,
                                const struct item_content *content, unsigned how)
{
    uint64_t hash = keyspace_hash(keys, key);
    void **slot = find_slot(keys, key, hash);
    struct item_content old;
    struct item *item;
    millis due;

    if (slot == NULL) {
        if (UNLIKELY(keys->all->room != SIZE_MAX))
            stay_within_room(keys);
        item = item_new(key, content, -1);
        item->clock = item_clock_at_first(keys->all);
        table_add(&keys->items, item, hash);
        fields_add(keys, item);
        enters(keys, item);
        keyspace_tell(keys, key, CHANGE_CREATED);
        return item;
    }
    item = *slot;
    item_mark_put(keys->all, item);
    if ((how & EDITS) == 0)
        tell_overwritten(keys, key, item, (uint8_t)content->kind);
    due = (how & KEEPS_EXPIRY) != 0 ? item_due(item) : -1;
    if (content->form == ITEM_TEXT && item_fits_text(item, content->text.len) &&
        due == item_due(item)) {
        memmove(item_text(item), content->text.at, content->text.len);
        item->text_len = (uint8_t)content->text.len;
        item->flags &= (uint8_t)~ITEM_RAW;
        return item;
    }
    if (content->form == ITEM_INTEGER && item->form == ITEM_INTEGER && due == item_due(item)) {
        *item_payload(item) = (uint64_t)content->integer;
        return item;
    }
    old = item_content(item);
    item = rebuild_item(keys, slot, content, due);
    reclaim_content(keys->all, &old, true);
    return item;
}

struct item *keyspace_put_integer(struct keyspace *keys, struct slice key, int64_t value)
{
    struct item_content content = { .kind = VALUE_STRING, .form = ITEM_INTEGER, .integer = value };

    return put_content(keys, key, &content, KEEPS_EXPIRY | EDITS);
}

/* Short text goes into the item, long text beside it. */
static struct item *put_text(struct keyspace *keys, struct slice key, struct slice bytes,
                             unsigned how)
{
    struct item_content content = { .kind = VALUE_STRING };

    if (bytes.len <= ITEM_TEXT_MAX) {
        content.form = ITEM_TEXT;
        content.text = bytes;
    } else {
        content.form = ITEM_BYTES;
        content.bytes = bytes_copy(bytes);
    }
    return put_content(keys, key, &content, how);
}

static struct item *put_string(struct keyspace *keys, struct slice key, struct slice bytes,
                               unsigned how)
{
    struct item_content content = { .kind = VALUE_STRING, .form = ITEM_INTEGER };

    if (bytes.len <= NUMBER_INTEGER_MAX && number_read(bytes, &content.integer))
        return put_content(keys, key, &content, how);
    return put_text(keys, key, bytes, how);
}

struct item *keyspace_put_string(struct keyspace *keys, struct slice key, struct slice bytes,
                                 bool keep_expiry)
{
    return put_string(keys, key, bytes, keep_expiry ? KEEPS_EXPIRY : REPLACES);
}

struct item *keyspace_revise_string(struct keyspace *keys, struct slice key, struct slice bytes)
{
    return put_string(keys, key, bytes, KEEPS_EXPIRY | EDITS);
}

struct item *keyspace_put_text(struct keyspace *keys, struct slice key, struct slice bytes)
{
    return put_text(keys, key, bytes, KEEPS_EXPIRY | EDITS);
}

struct item *keyspace_put_bytes(struct keyspace *keys, struct slice key, struct bytes **taken,
                                bool keep_expiry)
{
    struct item_content content = { .kind = VALUE_STRING, .form = ITEM_BYTES, .bytes = *taken };

    *taken = NULL;
    return put_content(keys, key, &content, keep_expiry ? KEEPS_EXPIRY : REPLACES);
}

struct item *keyspace_put_value(struct keyspace *keys, struct slice key, struct value **taken)
{
    struct item_content content = { .kind = (enum value_kind)(*taken)->kind, .form = ITEM_VALUE,
                                    .value = *taken };

    *taken = NULL;
    return put_content(keys, key, &content, REPLACES);
}

/* Bytes of the given length that begin with what there was, with room to grow. */
static struct bytes *grown_bytes(struct slice old, size_t len)
{
    size_t spare = old.len == 0 ? 0 : len < EDIT_SPARE_MAX ? len - EDIT_HEAD : EDIT_SPARE_MAX;
    size_t kept = old.len < len ? old.len : len;
    bool sparse = len - kept >= EDIT_SPARE_MAX;
    struct bytes *bytes = spare > 0 ? bytes_new_spare(len, spare, sparse)
                          : sparse  ? bytes_new_zeroed(len)
                                    : bytes_new(len);

    if (kept > 0)
        memcpy(bytes->at, old.at, kept);
    if (!sparse)
        memset(bytes->at + kept, 0, len - kept);
    return bytes;
}

char *keyspace_edit_string(struct keyspace *keys, struct slice key, struct item *item, size_t len)
{
    struct item_content content = { .kind = VALUE_STRING, .form = ITEM_TEXT };
    char short_text[ITEM_TEXT_MAX];
    struct item_digits digits;
    struct slice old = item != NULL ? item_string(item, &digits) : SLICE("");

    if (len < old.len)
        len = old.len;
    if (item != NULL && item->form == ITEM_BYTES && bytes_sole(item_bytes(item)) &&
        bytes_grow(item_bytes(item), len))
        return item_bytes(item)->at;
    if (item != NULL && item->form == ITEM_TEXT && len == old.len) {
        item->flags |= ITEM_RAW;
        return item_text(item);
    }
    if (len <= ITEM_TEXT_MAX) {
        if (old.len > 0)
            memcpy(short_text, old.at, old.len);
        memset(short_text + old.len, 0, len - old.len);
        content.text = slice_of(short_text, len);
    } else {
        content.form = ITEM_BYTES;
        content.bytes = grown_bytes(old, len);
    }
    item = put_content(keys, key, &content, KEEPS_EXPIRY | EDITS);
    item->flags |= ITEM_RAW;
    return content.form == ITEM_TEXT ? item_text(item) : content.bytes->at;
}

void keyspace_drop(struct keyspace *keys, struct item *item, uint64_t hash, bool lazily)
{
    struct item_content content = item_content(item);

    if (item_expires(item))
        due_remove(keys, item);
    fields_remove(keys, item);
    leaves(keys, item);
    must(table_remove_item(&keys->items, item, hash));
    item_free_block(item);
    reclaim_content(keys->all, &content, lazily);
}

bool keyspace_remove(struct keyspace *keys, struct slice key, bool lazily)
{
    uint64_t hash = keyspace_hash(keys, key);
    void **slot = find_slot(keys, key, hash);

    if (slot == NULL)
        return false;
    keyspace_drop(keys, *slot, hash, lazily);
    return true;
}

struct value *keyspace_take_value(struct keyspace *keys, struct slice key)
{
    uint64_t hash = keyspace_hash(keys, key);
    void **slot = find_slot(keys, key, hash);
    struct item *item;
    struct value *value;

    if (slot == NULL)
        return NULL;
    item = *slot;
    value = item_value(item);
    if (item_expires(item))
        due_remove(keys, item);
    fields_remove(keys, item);
    leaves(keys, item);
    must(table_remove_item(&keys->items, item, hash));
    item_free_block(item);
    return value;
}

struct item *keyspace_expire_at(struct keyspace *keys, struct item *item, millis due)
{
    struct slice key = item_key_of(item);
    struct item_content content;
    void **slot;

    if (due < 0 && !item_expires(item))
        return item;
    if (UNLIKELY((keys->all->held & HOLD_FOLLOWS) != 0) && due >= 0 && !keys->all->keep_expired &&
        !keys->all->hushed)
        own_expiry_note(keys->all, keys->db, key);
    if (due >= 0 && item_expires(item)) {
        due_remove(keys, item);
        item->body[0] = (uint64_t)due;
        due_add(keys, item);
        return item;
    }
    content = item_content(item);
    slot = table_find_slot_by(&keys->items, key, keyspace_hash(keys, key), item_key_of);
    must(slot != NULL && *slot == item);
    return rebuild_item(keys, slot, &content, due);
}

/* Puts a new block into a database in place of whatever its key held. */
static struct item *put_item(struct keyspace *keys, struct item *item)
{
    struct slice key = item_key_of(item);
    uint64_t hash = keyspace_hash(keys, key);
    void **slot = find_slot(keys, key, hash);

    if (slot != NULL) {
        tell_overwritten(keys, key, *slot, item->kind);
        keyspace_drop(keys, *slot, hash, true);
    }
    table_add(&keys->items, item, hash);
    if (item_expires(item))
        due_add(keys, item);
    fields_add(keys, item);
    enters(keys, item);
    keyspace_tell(keys, key, CHANGE_CREATED);
    return item;
}

struct item *keyspace_move(struct keyspace *from, struct item *item, struct keyspace *to,
                           struct slice key)
{
    struct item_content content = item_content(item);
    struct item *moved = item_new(key, &content, item_due(item));
    struct slice old_key = item_key_of(item);

    moved->clock = item->clock;
    if (item_expires(item))
        due_remove(from, item);
    fields_remove(from, item);
    leaves(from, item);
    must(table_remove_item(&from->items, item, keyspace_hash(from, old_key)));
    put_item(to, moved);
    item_free_block(item);
    return moved;
}

struct item *keyspace_copy(struct keyspace *from, const struct item *item, struct keyspace *to,
                           struct slice key)
{
    struct item_content content = item_content(item);
    struct item *copy;

    if (content.form == ITEM_VALUE)
        content.value = from->all->types->of[content.kind]->copy(content.value);
    else if (content.form == ITEM_BYTES)
        content.bytes = bytes_copy(bytes_slice(content.bytes));
    copy = item_new(key, &content, item_due(item));
    copy->clock = item_clock_at_first(to->all);
    return put_item(to, copy);
}

size_t keyspace_flush(struct keyspace *keys, bool lazily)
{
    struct keyspace emptied = *keys;
    size_t count = keyspace_count(keys);

    if (count == 0)
        return 0;
    weights_forget(keys);
    keyspace_begin(keys, keys->all, keys->db);
    reclaim_keyspace(keys->all, &emptied, lazily);
    return count;
}

void keyspace_step(struct keyspace *keys, size_t buckets)
{
    if (table_is_resizing(&keys->items))
        (void)table_resize_step(&keys->items, buckets);
}

size_t keyspace_overhead_of_expiry(const struct keyspace *keys)
{
    return ordered_memory(keys->dues) + ordered_memory(keys->fields);
}

size_t keyspace_overhead(const struct keyspace *keys)
{
    return table_memory(&keys->items) + keyspace_overhead_of_expiry(keys);
}

/*
 * Fields that expire, by name and by time.
 *
 * What always holds of a hash that has the form HASH_EXPIRING:
 *   (1) Every record of `dues` points at an item of `fields` with the same
 *       time, and there are as many of the one as of the other.
 *   (2) Every one of them is a field of the body.
 */
#include "storage/values/hash_expiry.h"

#include "storage/base/memory.h"
#include "storage/values/counted.h"
#include "storage/values/hash_private.h"

static struct slice field_name(const void *field)
{
    return counted_text(((const struct hash_field *)field)->name);
}

static const struct table_kind fields_by_name = { field_name };

static int compare_dues(const void *a, const void *b, void *who)
{
    const struct hash_due *x = a;
    const struct hash_due *y = b;

    (void)who;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return ((uintptr_t)x->field > (uintptr_t)y->field) -
           ((uintptr_t)x->field < (uintptr_t)y->field);
}

static const struct ordered_kind dues_by_time = {
    .record_size = sizeof(struct hash_due),
    .lead = ORDERED_LEAD_SIGNED,
    .compare = compare_dues,
};

static size_t field_size(const struct hash_field *field)
{
    return sizeof(*field) + counted_size(field_name(field).len);
}

static void free_field(void *who, void *field)
{
    (void)who;
    memory_free_sized(field, field_size(field));
}

void hash_begin_expiring(struct hash *hash, const struct hash_key *secret)
{
    struct hash_expiring *expiring = memory_new(sizeof(*expiring));

    must(!hash_expires(hash));
    expiring->body = hash->of.body;
    expiring->noted = -1;
    expiring->dues = ordered_new(&dues_by_time, NULL);
    table_init(&expiring->fields, &fields_by_name, secret);
    hash->of.expiring = expiring;
    hash->value.form |= HASH_EXPIRING;
}

void hash_end_expiring(struct hash *hash)
{
    struct hash_expiring *expiring = hash->of.expiring;

    must(hash_expires(hash));
    hash->of.body = expiring->body;
    hash->value.form &= (uint8_t)~HASH_EXPIRING;
    ordered_free(expiring->dues);
    table_clear(&expiring->fields, free_field, NULL);
    memory_free_sized(expiring, sizeof(*expiring));
}

size_t hash_expiring(const struct hash *hash)
{
    return hash_expires(hash) ? table_count(&hash->of.expiring->fields) : 0;
}

static struct hash_field *find_field(const struct hash *hash, struct slice name)
{
    const struct table *fields;

    if (hash_expiring(hash) == 0)
        return NULL;
    fields = &hash->of.expiring->fields;
    return table_find(fields, name, table_hash(fields, name));
}

millis hash_due(const struct hash *hash, struct slice field)
{
    const struct hash_field *found = find_field(hash, field);

    return found != NULL ? found->due : -1;
}

void hash_forget_due(struct hash *hash, struct slice field)
{
    struct hash_field *found = find_field(hash, field);
    struct hash_expiring *expiring = hash->of.expiring;

    if (found == NULL)
        return;
    must(ordered_remove(expiring->dues, &(struct hash_due){ found->due, found }, NULL));
    must(table_remove_item(&expiring->fields, found, table_hash(&expiring->fields, field)));
    free_field(NULL, found);
}

void hash_expire_at(struct hash *hash, const struct value_limits *limits, struct slice field,
                    millis due)
{
    struct hash_field *found = find_field(hash, field);
    struct hash_expiring *expiring;

    if (due < 0) {
        hash_forget_due(hash, field);
        return;
    }
    if (!hash_expires(hash))
        hash_begin_expiring(hash, limits->secret);
    expiring = hash->of.expiring;
    if (found != NULL) {
        must(ordered_remove(expiring->dues, &(struct hash_due){ found->due, found }, NULL));
    } else {
        found = memory_new(sizeof(*found) + counted_size(field.len));
        (void)counted_put(found->name, field);
        table_add(&expiring->fields, found, table_hash(&expiring->fields, field));
    }
    found->due = due;
    must(ordered_insert(expiring->dues, &(struct hash_due){ due, found }));
}

bool hash_next_field(const struct hash *hash, struct slice *field, millis *due)
{
    const struct hash_due *first;

    if (!hash_expires(hash))
        return false;
    first = ordered_first(hash->of.expiring->dues).record;
    if (first == NULL)
        return false;
    *field = field_name(first->field);
    *due = first->at;
    return true;
}

millis hash_next_due(const struct hash *hash)
{
    struct slice field;
    millis due;

    return hash_next_field(hash, &field, &due) ? due : -1;
}

static bool is_later(const void *record, void *who)
{
    const millis *now = who;

    return ((const struct hash_due *)record)->at > *now;
}

size_t hash_past(const struct hash *hash, millis now)
{
    size_t rank = 0;

    if (hash_expiring(hash) > 0)
        (void)ordered_partition(hash->of.expiring->dues, is_later, &now, &rank);
    return rank;
}

void hash_each_due(const struct hash *hash, void (*show)(void *who, struct slice field, millis due),
                   void *who)
{
    struct ordered_cursor at;

    if (!hash_expires(hash))
        return;
    for (at = ordered_first(hash->of.expiring->dues); at.record != NULL;
         at = ordered_next(hash->of.expiring->dues, at)) {
        const struct hash_due *due = at.record;

        show(who, field_name(due->field), due->at);
    }
}

millis hash_noted_due(const struct hash *hash)
{
    return hash_expires(hash) ? hash->of.expiring->noted : -1;
}

void hash_note_due(struct hash *hash, millis due)
{
    if (hash_expires(hash))
        hash->of.expiring->noted = due;
}

size_t hash_expiring_bytes(const struct hash *hash)
{
    const struct hash_expiring *expiring = hash->of.expiring;
    const struct hash_due *first;
    size_t each = 0;

    if (!hash_expires(hash))
        return 0;
    first = ordered_first(expiring->dues).record;
    if (first != NULL)
        each = memory_good_size(field_size(first->field));
    return memory_good_size(sizeof(*expiring)) + ordered_memory(expiring->dues) +
           table_memory(&expiring->fields) - sizeof(expiring->fields) +
           table_count(&expiring->fields) * each;
}

/* What fields are moved with. */
struct field_move {
    struct mover   *mover;
    struct ordered *dues;
};

/* Equal times are told apart by address, so a field that moves gets another record. */
static void move_field(void *who, void **slot)
{
    const struct field_move *move = who;
    struct hash_field *field = *slot;
    struct hash_field *moved = mover_copy(move->mover, field);

    if (moved == NULL)
        return;
    must(ordered_remove(move->dues, &(struct hash_due){ field->due, field }, NULL));
    must(ordered_insert(move->dues, &(struct hash_due){ field->due, moved }));
    *slot = moved;
    mover_leave(move->mover, field);
}

/* Places: of the table first, then, with this bit, ranks of the tree. */
#define IN_TREE (UINT64_C(1) << 40)

uint64_t hash_move_expiring(struct hash *hash, struct mover *mover, uint64_t at)
{
    struct hash_expiring *expiring;
    struct field_move move = { .mover = mover };

    if (!hash_expires(hash))
        return 0;
    if (at == 0) {
        (void)mover_move(mover, &hash->of.expiring);
        (void)mover_move(mover, &hash->of.expiring->dues);
    }
    expiring = hash->of.expiring;
    move.dues = expiring->dues;
    if ((at & IN_TREE) == 0) {
        at = table_move(&expiring->fields, mover, at, move_field, &move);
        return at > 0 ? at : IN_TREE;
    }
    at = ordered_move(expiring->dues, mover, at & ~IN_TREE, NULL, NULL);
    return at > 0 ? at | IN_TREE : 0;
}

static void check_due(void *who, struct slice field, millis due)
{
    const struct hash *hash = who;

    must(due >= 0 && hash_due(hash, field) == due);
    must(hash_has(hash, field));
}

void hash_check_expiring(const struct hash *hash)
{
    const struct hash_expiring *expiring = hash->of.expiring;

    if (!hash_expires(hash))
        return;
    ordered_check(expiring->dues);
    table_check(&expiring->fields);
    must(ordered_count(expiring->dues) == table_count(&expiring->fields));
    hash_each_due(hash, check_due, (void *)(uintptr_t)hash);
}

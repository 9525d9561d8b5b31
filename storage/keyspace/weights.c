/*
 * What queues weigh: the bytes of all lists and streams, kept while they change.
 *
 * Nobody who changes a queue tells of it. But whoever does so has searched for it,
 * so a search notes what the queue weighed, and when the call is over it is
 * weighed again. A weight is a function of the value alone, hence the sums are
 * those of all weights whenever nothing is noted.
 *
 * What always holds:
 *   (1) The sum of a database is that of the weights of its queues, where a queue
 *       that is noted counts with the weight noted.
 */
#include "storage/base/memory.h"
#include "storage/keyspace/keyspace_private.h"

enum { NOTES_MOST = 256 };

static size_t weigh(const struct keyspaces *all, const struct value *value)
{
    return all->types->of[value->kind]->weigh(value);
}

static void add_weight(struct keyspace *keys, int kind, size_t now, size_t before)
{
    keys->weight[kind] += now - before;
    keys->all->weight[kind] += now - before;
}

/* The note about a value, or NULL; the latest are looked at first. */
static struct weight_note *find_note(struct keyspaces *all, const struct value *value)
{
    for (size_t i = all->note_count; i > 0; i--) {
        if (all->notes[i - 1].value == value)
            return &all->notes[i - 1];
    }
    return NULL;
}

static void note(struct keyspace *keys, const struct value *value, size_t before)
{
    struct keyspaces *all = keys->all;

    /* While data is loaded nobody else settles. */
    if (UNLIKELY(all->note_count >= NOTES_MOST))
        keyspaces_settle(all);
    if (all->note_count == all->note_capacity) {
        all->note_capacity = all->note_capacity == 0 ? 8 : all->note_capacity * 2;
        all->notes = memory_resize(all->notes, all->note_capacity * sizeof(struct weight_note));
    }
    all->notes[all->note_count++] = (struct weight_note){ keys, value, before };
}

void weight_look(struct keyspace *keys, const struct item *item)
{
    const struct value *value = item_value(item);

    if (keys->all->types->of[value->kind]->weigh != NULL &&
        find_note(keys->all, value) == NULL)
        note(keys, value, weigh(keys->all, value));
}

void weight_enter(struct keyspace *keys, const struct item *item)
{
    const struct value *value = item_value(item);

    if (keys->all->types->of[value->kind]->weigh != NULL)
        note(keys, value, 0);
}

void weight_leave(struct keyspace *keys, const struct item *item)
{
    struct keyspaces *all = keys->all;
    const struct value *value = item_value(item);
    struct weight_note *noted;

    if (all->types->of[value->kind]->weigh == NULL)
        return;
    noted = find_note(all, value);
    add_weight(keys, value->kind, 0, noted != NULL ? noted->before : weigh(all, value));
    if (noted != NULL)
        *noted = all->notes[--all->note_count];
}

void keyspaces_settle(struct keyspaces *all)
{
    while (all->note_count > 0) {
        const struct weight_note *noted = &all->notes[--all->note_count];

        add_weight(noted->keys, noted->value->kind, weigh(all, noted->value), noted->before);
    }
}

size_t keyspaces_weight(const struct keyspaces *all, enum value_kind kind)
{
    return all->weight[kind];
}

size_t keyspace_weight(const struct keyspace *keys, enum value_kind kind)
{
    return keys->weight[kind];
}

void weights_forget(struct keyspace *keys)
{
    keyspaces_settle(keys->all);
    for (int kind = 0; kind < VALUE_KINDS; kind++)
        add_weight(keys, kind, 0, keys->weight[kind]);
}

void weights_swap(struct keyspace *one, struct keyspace *two)
{
    keyspaces_settle(one->all);
    for (int kind = 0; kind < VALUE_KINDS; kind++) {
        size_t kept = one->weight[kind];

        one->weight[kind] = two->weight[kind];
        two->weight[kind] = kept;
    }
}

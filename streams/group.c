/*
 * A consumer group.
 *
 * What always holds:
 *   (1) by_number[number] is the consumer of that number; by_number[0] is NULL.
 *   (2) A number is in use or among the spare ones, never both.
 *   (3) A consumer's `pending` is how many deliveries name its number; all others
 *       nobody holds.
 */
#include "streams/group.h"

#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/index/ordered.h"
#include "streams/discard.h"
#include "streams/stream.h"

enum { FORGOTTEN_ONE_BY_ONE = 64 };

struct group {
    struct entry_id   last_id;
    int64_t           entries_read;
    millis            seen_at;
    struct pending   *pending;      /* NULL until something was delivered */
    struct ordered   *consumers;    /* struct named_consumer; NULL until there is one */
    struct consumer **by_number;
    uint32_t         *spare;        /* numbers given back, the last first to be used again */
    uint32_t          numbers;      /* how many numbers there ever were, with 0 */
    uint32_t          spare_count;
    uint32_t          capacity;     /* of both arrays */
    uint32_t          name_len;
    char              name[];
};

struct named_consumer {
    struct slice     name;
    struct consumer *consumer;
};

static int compare_names(const void *a, const void *b, void *who)
{
    const struct named_consumer *one = a, *other = b;

    (void)who;
    return slice_compare(one->name, other->name);
}

static const struct ordered_kind consumer_kind = {
    .record_size = sizeof(struct named_consumer),
    .lead = ORDERED_LEAD_NONE,
    .compare = compare_names,
};

struct group *group_new(struct slice name, struct entry_id last_id, int64_t entries_read)
{
    struct group *group = memory_new(sizeof(*group) + name.len);

    *group = (struct group){ .last_id = last_id,
                             .entries_read = entries_read,
                             .numbers = 1,
                             .name_len = (uint32_t)name.len };
    if (name.len > 0)
        memcpy(group->name, name.at, name.len);
    return group;
}

struct group *group_copy(const struct group *group)
{
    struct group *copy = memory_new(sizeof(*copy) + group->name_len);
    size_t capacity = group->capacity;

    memcpy(copy, group, sizeof(*copy) + group->name_len);
    copy->pending = pending_copy(group->pending);
    if (capacity == 0)
        return copy;
    copy->consumers = ordered_new(&consumer_kind, NULL);
    copy->by_number = memory_new_zeroed(capacity, sizeof(struct consumer *));
    copy->spare = memory_new(capacity * sizeof(uint32_t));
    if (group->spare_count > 0)
        memcpy(copy->spare, group->spare, group->spare_count * sizeof(uint32_t));
    for (uint32_t number = 1; number < group->numbers; number++) {
        const struct consumer *consumer = group->by_number[number];
        struct named_consumer named;

        if (consumer == NULL)
            continue;
        named.consumer = consumer_copy(consumer);
        named.name = consumer_name(named.consumer);
        must(ordered_insert(copy->consumers, &named));
        copy->by_number[number] = named.consumer;
    }
    return copy;
}

void group_free(struct group *group)
{
    if (group == NULL)
        return;
    for (uint32_t i = 1; i < group->numbers; i++)
        consumer_free(group->by_number[i]);
    pending_free(group->pending);
    ordered_free(group->consumers);
    memory_free(group->by_number);
    memory_free(group->spare);
    memory_free(group);
}

struct slice group_name(const struct group *group)
{
    return slice_of(group->name, group->name_len);
}

struct entry_id group_last_id(const struct group *group)
{
    return group->last_id;
}

millis group_seen_at(const struct group *group)
{
    return group->seen_at;
}

void group_touch(struct group *group, millis now)
{
    group->seen_at = now;
}

int64_t group_entries_read(const struct group *group)
{
    return group->entries_read;
}

void group_set(struct group *group, struct entry_id last_id, int64_t entries_read)
{
    group->last_id = last_id;
    group->entries_read = entries_read;
}

/* -- How far it has read. */

/* Whether an entry at or behind this ID was deleted, as far as the greatest one deleted tells. */
static bool has_holes_from(const struct stream *stream, struct entry_id from)
{
    struct entry_id deleted = stream_max_deleted(stream);

    if (stream_length(stream) == 0 || entry_id_is_zero(deleted) ||
        entry_id_compare(from, deleted) > 0)
        return false;
    /* In front of the first entry there is nothing to be a hole in. */
    return entry_id_compare(stream_first_id(stream), deleted) <= 0;
}

int64_t group_reckon_read(const struct stream *stream, struct entry_id id)
{
    uint64_t added = stream_entries_added(stream);
    struct entry_id last = stream_last_id(stream);
    struct entry_id deleted, first;

    if (added == 0)
        return 0;
    if (stream_length(stream) == 0 && entry_id_compare(id, last) <= 0)
        return (int64_t)added;
    if (entry_id_compare(id, last) > 0)
        return GROUP_READ_UNKNOWN;
    if (entry_id_equal(id, last))
        return (int64_t)added;
    first = stream_first_id(stream);
    deleted = stream_max_deleted(stream);
    /* Without holes behind the first entry, those that are there were the last ones added. */
    if (entry_id_is_zero(deleted) || entry_id_compare(deleted, first) < 0) {
        int order = entry_id_compare(id, first);

        if (order < 0)
            return (int64_t)(added - stream_length(stream));
        if (order == 0)
            return (int64_t)(added - stream_length(stream) + 1);
    }
    return GROUP_READ_UNKNOWN;
}

void group_advance(struct group *group, const struct stream *stream, struct entry_id id)
{
    /* Nothing may have gone between the last entry read and this one, or it is not the next. */
    if (group->entries_read != GROUP_READ_UNKNOWN &&
        entry_id_compare(group->last_id, stream_first_id(stream)) >= 0 &&
        !has_holes_from(stream, group->last_id))
        group->entries_read++;
    else if (stream_entries_added(stream) > 0)
        group->entries_read = group_reckon_read(stream, id);
    group->last_id = id;
}

bool group_lag_reckoned(const struct group *group, const struct stream *stream, int64_t *lag)
{
    uint64_t added = stream_entries_added(stream);
    int64_t read = group->entries_read;

    if (added == 0 || stream_length(stream) == 0) {
        *lag = 0;
        return true;
    }
    /* With all of its entries before it, and no hole among them, it has just these to read. */
    if (stream_length(stream) > 0 &&
        entry_id_compare(group->last_id, stream_first_id(stream)) < 0 &&
        !has_holes_from(stream, group->last_id)) {
        *lag = (int64_t)stream_length(stream);
        return true;
    }
    if (read == GROUP_READ_UNKNOWN || has_holes_from(stream, group->last_id))
        read = group_reckon_read(stream, group->last_id);
    if (read == GROUP_READ_UNKNOWN)
        return false;
    /* Below 0 if the group was said to have read more than there ever was. */
    *lag = (int64_t)(added - (uint64_t)read);
    return true;
}

uint64_t group_lag_exact(const struct group *group, const struct stream *stream)
{
    struct entry_id next = group->last_id;

    return entry_id_step(&next) ? stream_count(stream, next, ENTRY_ID_MAX) : 0;
}

/* -- Consumers. */

size_t group_consumers(const struct group *group)
{
    return group->consumers != NULL ? ordered_count(group->consumers) : 0;
}

struct consumer *group_find_consumer(const struct group *group, struct slice name)
{
    const struct named_consumer *found;

    if (group->consumers == NULL)
        return NULL;
    found = ordered_find(group->consumers, &name);
    return found != NULL ? found->consumer : NULL;
}

/* A number that no consumer has. Low ones first: they are kept in fewer bits. */
static uint32_t take_number(struct group *group)
{
    if (group->spare_count > 0)
        return group->spare[--group->spare_count];
    if (group->numbers >= group->capacity) {
        group->capacity = group->capacity == 0 ? 4 : 2 * group->capacity;
        group->by_number =
            memory_resize(group->by_number, group->capacity * sizeof(struct consumer *));
        group->spare = memory_resize(group->spare, group->capacity * sizeof(uint32_t));
        group->by_number[0] = NULL;
    }
    must(group->numbers < PENDING_ANYBODY);
    return group->numbers++;
}

struct consumer *group_add_consumer(struct group *group, struct slice name, millis now)
{
    uint32_t number = take_number(group);
    struct consumer *consumer = consumer_new(name, number, now);
    struct named_consumer named = { consumer_name(consumer), consumer };

    if (group->consumers == NULL)
        group->consumers = ordered_new(&consumer_kind, NULL);
    must(ordered_insert(group->consumers, &named));
    group->by_number[number] = consumer;
    return consumer;
}

/* Forgets what a consumer holds, one by one. */
static uint64_t forget_few(struct group *group, const struct consumer *consumer)
{
    struct pending_filter filter = { consumer->number, PENDING_TIME_MAX };
    struct delivery delivery = { .id = ENTRY_ID_MIN };
    uint64_t held = 0;

    while (held < consumer->pending &&
           pending_seek(group->pending, delivery.id, filter, &delivery)) {
        must(pending_remove(group->pending, delivery.id, &delivery));
        held++;
    }
    return held;
}

uint64_t group_remove_consumer(struct group *group, struct consumer *consumer,
                               struct discard *discard)
{
    struct slice name = consumer_name(consumer);
    uint64_t held;

    if (consumer->pending < FORGOTTEN_ONE_BY_ONE) {
        held = forget_few(group, consumer);
    } else if (consumer->pending < pending_count(group->pending) || discard == NULL) {
        held = pending_remove_holder(group->pending, consumer->number);
    } else {
        held = consumer->pending;
        discard_pending(discard, group->pending);
        group->pending = NULL;
    }
    must(held == consumer->pending);
    must(ordered_remove(group->consumers, &name, NULL));
    group->by_number[consumer->number] = NULL;
    group->spare[group->spare_count++] = consumer->number;
    consumer_free(consumer);
    return held;
}

struct consumer_walk group_walk_consumers(const struct group *group)
{
    struct consumer_walk walk = { .tree = group->consumers };

    if (walk.tree != NULL)
        walk.at = ordered_first(walk.tree);
    return walk;
}

struct consumer *group_next_consumer(struct consumer_walk *walk)
{
    const struct named_consumer *named = walk->at.record;

    if (named == NULL)
        return NULL;
    walk->at = ordered_next(walk->tree, walk->at);
    return named->consumer;
}

struct consumer *group_consumer(const struct group *group, uint32_t number)
{
    return number < group->numbers && number != 0 ? group->by_number[number] : NULL;
}

/* -- Pending entries. */

const struct pending *group_pending(const struct group *group)
{
    return group->pending;
}

/* Records a delivery; whoever held the entry holds it no more. True if it was pending. */
static bool record(struct group *group, const struct delivery *fresh)
{
    struct delivery old;
    struct consumer *from;

    if (UNLIKELY(group->pending == NULL))
        group->pending = pending_new();
    if (!pending_put(group->pending, fresh, &old))
        return false;
    from = group_consumer(group, old.holder);
    if (from != NULL)
        from->pending--;
    return true;
}

void group_deliver(struct group *group, struct consumer *to, struct entry_id id, millis now,
                   uint64_t times)
{
    struct delivery fresh = { .id = id,
                              .holder = to->number,
                              .delivered_at = now,
                              .times = times };

    (void)record(group, &fresh);
    to->pending++;
}

bool group_release(struct group *group, struct entry_id id, uint64_t times)
{
    return record(group, &(struct delivery){ .id = id, .times = times });
}

bool group_acknowledge(struct group *group, struct entry_id id)
{
    struct delivery old;
    struct consumer *holder;

    if (!pending_remove(group->pending, id, &old))
        return false;
    holder = group_consumer(group, old.holder);
    if (holder != NULL)
        holder->pending--;
    return true;
}

static void hold_one_more(void *who, const struct delivery *delivery)
{
    struct consumer *holder = group_consumer(who, delivery->holder);

    if (holder != NULL)
        holder->pending++;
}

static void hold_no_more(void *who, const struct delivery *delivery)
{
    struct consumer *holder = group_consumer(who, delivery->holder);

    if (holder != NULL)
        holder->pending--;
}

uint64_t group_forget_range(struct group *group, struct entry_id from, struct entry_id to,
                            struct discard *discard)
{
    struct delivery delivery;
    uint64_t forgotten = 0;

    if (discard != NULL && pending_first(group->pending, &delivery) &&
        entry_id_compare(delivery.id, from) >= 0 &&
        pending_count_until(group->pending, to) >= FORGOTTEN_ONE_BY_ONE) {
        struct pending *taken = pending_take_until(group->pending, to);

        forgotten = pending_count(taken);
        if (forgotten <= pending_count(group->pending)) {
            pending_visit(taken, hold_no_more, group);
        } else {
            for (uint32_t i = 1; i < group->numbers; i++) {
                if (group->by_number[i] != NULL)
                    group->by_number[i]->pending = 0;
            }
            pending_visit(group->pending, hold_one_more, group);
        }
        discard_pending(discard, taken);
        return forgotten;
    }

    while (pending_seek(group->pending, from, PENDING_ALL, &delivery) &&
           entry_id_compare(delivery.id, to) <= 0) {
        must(group_acknowledge(group, delivery.id));
        forgotten++;
    }
    return forgotten;
}

size_t group_memory(const struct group *group)
{
    size_t bytes = memory_usable(group) + pending_memory(group->pending);

    bytes += memory_usable(group->by_number) + memory_usable(group->spare);
    if (group->consumers != NULL)
        bytes += ordered_memory(group->consumers);
    for (uint32_t i = 1; i < group->numbers; i++)
        bytes += memory_usable(group->by_number[i]);
    return bytes;
}

/* Moves the consumer of a record; its number leads to the other pointer. */
struct consumer_move {
    struct group *group;
    struct mover *mover;
};

static void move_consumer(void *who, void *record)
{
    const struct consumer_move *move = who;
    struct named_consumer *named = record;
    struct consumer *consumer = named->consumer;

    if (!mover_move(move->mover, &consumer))
        return;
    move->group->by_number[consumer->number] = consumer;
    *named = (struct named_consumer){ consumer_name(consumer), consumer };
}

void group_move(struct group **moving, struct mover *mover)
{
    struct consumer_move move = { .mover = mover };
    struct group *group;
    size_t at = 0;

    (void)mover_move(mover, moving);
    group = move.group = *moving;
    (void)mover_move(mover, &group->by_number);
    (void)mover_move(mover, &group->spare);
    (void)mover_move(mover, &group->consumers);
    while (group->consumers != NULL) {
        at = ordered_move(group->consumers, mover, at, move_consumer, &move);
        if (at == 0)
            break;
    }
}

uint64_t group_move_pending(struct group *group, struct mover *mover, uint64_t at)
{
    return pending_move(&group->pending, mover, at);
}

void group_check(const struct group *group)
{
    struct delivery delivery = { .id = ENTRY_ID_MIN };
    uint64_t held = 0;
    size_t consumers = 0;

    pending_check(group->pending);
    for (uint32_t i = 1; i < group->numbers; i++) {
        const struct consumer *consumer = group->by_number[i];
        struct pending_filter filter = { i, PENDING_TIME_MAX };
        uint64_t own = 0;

        if (consumer == NULL)
            continue;
        must(consumer->number == i);
        must(group_find_consumer(group, consumer_name(consumer)) == consumer);
        delivery.id = ENTRY_ID_MIN;
        while (pending_seek(group->pending, delivery.id, filter, &delivery)) {
            own++;
            if (!entry_id_step(&delivery.id))
                break;
        }
        must(own == consumer->pending);
        held += own;
        consumers++;
    }
    must(held + pending_released(group->pending) == pending_count(group->pending));
    must(consumers == group_consumers(group));
    must(consumers + group->spare_count + 1 == group->numbers);
}

/* The picture itself, and whether the stream is as it has it. */
#include "tests/unit/streams/picture.h"

#include <stdio.h>

#include "streams/cursor.h"

const char *const picture_groups[GROUPS] = { "g0", "g1", "g2" };
const char *const picture_consumers[CONSUMERS] = { "alice", "bob", "carol" };

uint64_t picture_below(struct picture *picture, uint64_t n)
{
    return random_below(&picture->random, n);
}

void picture_differ(struct picture *picture, const char *what)
{
    if (picture->failures++ < 5)
        printf("differs: %s\n", what);
}

struct group *picture_group(const struct picture *picture, int g)
{
    return stream_find_group(picture->stream, slice_text(picture_groups[g]));
}

struct consumer *picture_consumer(const struct picture *picture, int g, int c)
{
    return group_find_consumer(picture_group(picture, g), slice_text(picture_consumers[c]));
}

/* Which consumer of the picture has a number; -1 for nobody. */
static int index_of(const struct picture *picture, int g, uint32_t number)
{
    const struct consumer *consumer = group_consumer(picture_group(picture, g), number);

    for (int c = 0; consumer != NULL && c < CONSUMERS; c++) {
        if (slice_equal(consumer_name(consumer), slice_text(picture_consumers[c])))
            return c;
    }
    return -1;
}

bool picture_is_unread(const struct picture *picture, int g, const struct pictured *entry)
{
    return entry_id_compare(entry->id, picture->groups[g].last) > 0;
}

struct pictured *picture_some_entry(struct picture *picture)
{
    return picture->count > 0 ? &picture->entries[picture_below(picture, picture->count)] : NULL;
}

int picture_some_group(struct picture *picture)
{
    int g = (int)picture_below(picture, GROUPS);

    return picture->groups[g].exists ? g : -1;
}

int picture_some_consumer(struct picture *picture, int g)
{
    int c = (int)picture_below(picture, CONSUMERS);

    if (!picture->groups[g].consumers[c]) {
        (void)group_add_consumer(picture_group(picture, g), slice_text(picture_consumers[c]),
                                 picture->now);
        picture->groups[g].consumers[c] = true;
    }
    return c;
}

size_t picture_alive(const struct picture *picture)
{
    size_t count = 0;

    for (size_t i = 0; i < picture->count; i++)
        count += picture->entries[i].there;
    return count;
}

void picture_tidy(struct picture *picture)
{
    size_t kept = 0;

    for (size_t i = 0; i < picture->count; i++) {
        struct pictured *entry = &picture->entries[i];
        bool needed = entry->there;

        for (int g = 0; g < GROUPS; g++)
            needed = needed || entry->to[g].pending;
        if (needed)
            picture->entries[kept++] = *entry;
    }
    picture->count = kept;
}

void picture_use(struct picture *picture, int g)
{
    group_touch(picture_group(picture, g), picture->now);
    picture->groups[g].used = picture->now;
}

bool picture_is_spare(const struct picture *picture, const struct pictured *entry)
{
    bool some_lives = false;

    for (int g = 0; g < GROUPS; g++) {
        const struct pictured_group *group = &picture->groups[g];

        if (!group->exists || group->used < picture->now - TTL)
            continue;
        some_lives = true;
        if (entry->to[g].pending || picture_is_unread(picture, g, entry))
            return false;
    }
    return some_lives;
}

/* ---- Whether the stream is as the picture has it ---- */

static void compare_entries(struct picture *picture)
{
    struct entry_id from = { picture_below(picture, 400), 0 },
                    to = { picture_below(picture, 400), 0 };
    struct cursor cursor;
    struct entry entry;
    uint64_t in_range = 0;

    if (picture->count > 0) {
        from.ms += picture->entries[0].id.ms - picture_below(picture, 20);
        to.ms += picture->entries[0].id.ms;
    }
    SAME(stream_length(picture->stream), picture_alive(picture));
    cursor_begin(&cursor, picture->stream, ENTRY_ID_MIN, ENTRY_ID_MAX);
    for (size_t i = 0; i < picture->count; i++) {
        const struct pictured *wanted = &picture->entries[i];

        if (!wanted->there)
            continue;
        if (!cursor_next(&cursor, &entry) || !entry_id_equal(entry.id, wanted->id)) {
            picture_differ(picture, "the entries");
            return;
        }
        in_range +=
            entry_id_compare(wanted->id, from) >= 0 && entry_id_compare(wanted->id, to) <= 0;
    }
    if (cursor_next(&cursor, &entry))
        picture_differ(picture, "there are more entries");
    SAME(stream_count(picture->stream, from, to), in_range);
}

static void compare_group(struct picture *picture, int g)
{
    const struct pending *pending = group_pending(picture_group(picture, g));
    struct delivery delivery = { .id = ENTRY_ID_MIN };
    uint64_t held[CONSUMERS] = { 0 };
    uint64_t unread = 0, released = 0;
    size_t count = 0;

    for (size_t i = 0; i < picture->count; i++) {
        const struct pictured *entry = &picture->entries[i];
        const struct place *place = &entry->to[g];

        unread += entry->there && picture_is_unread(picture, g, entry);
        if (!place->pending)
            continue;
        count++;
        if (place->holder >= 0)
            held[place->holder]++;
        else
            released++;
        if (!pending_seek(pending, delivery.id, PENDING_ALL, &delivery) ||
            !entry_id_equal(delivery.id, entry->id) || delivery.times != place->times ||
            index_of(picture, g, delivery.holder) != place->holder ||
            (place->holder >= 0 && delivery.delivered_at != place->at)) {
            picture_differ(picture, "a delivery");
            return;
        }
        must(entry_id_step(&delivery.id));
    }
    SAME(pending_count(pending), count);
    SAME(pending_released(pending), released);
    SAME(group_lag_exact(picture_group(picture, g), picture->stream), unread);
    for (int c = 0; c < CONSUMERS; c++) {
        const struct consumer *consumer = picture_consumer(picture, g, c);

        SAME(consumer != NULL, picture->groups[g].consumers[c]);
        if (consumer != NULL)
            SAME(consumer->pending, held[c]);
    }
}

int picture_first_due(const struct picture *picture, int g, const bool *seen)
{
    int best = -1;

    for (size_t i = 0; i < picture->count; i++) {
        const struct place *place = &picture->entries[i].to[g], *than;

        if (!place->pending || (seen != NULL && seen[i]))
            continue;
        than = best >= 0 ? &picture->entries[best].to[g] : NULL;
        if (than == NULL || (place->holder < 0 && than->holder >= 0) ||
            (place->holder < 0 && place->turn < than->turn) ||
            (place->holder >= 0 && than->holder >= 0 && place->at < than->at))
            best = (int)i;
    }
    return best;
}

static void compare_views(struct picture *picture, int g)
{
    const struct pending *pending = group_pending(picture_group(picture, g));
    int c = (int)picture_below(picture, CONSUMERS);
    const struct consumer *consumer = picture_consumer(picture, g, c);
    struct pending_filter filter = { PENDING_ANYBODY,
                                     picture->now - (millis)picture_below(picture, 300) };
    int first = picture_first_due(picture, g, NULL);
    struct delivery delivery;
    size_t i = 0;

    SAME(pending_longest(pending, &delivery), first >= 0);
    if (first >= 0)
        SAME(entry_id_equal(delivery.id, picture->entries[first].id), true);
    if (consumer == NULL)
        return;
    filter.holder = consumer->number;
    while (i < picture->count &&
           !(picture->entries[i].to[g].pending && picture->entries[i].to[g].holder == c &&
             picture->entries[i].to[g].at <= filter.delivered_until))
        i++;
    SAME(pending_seek(pending, ENTRY_ID_MIN, filter, &delivery), i < picture->count);
    if (i < picture->count)
        SAME(entry_id_equal(delivery.id, picture->entries[i].id), true);
}

void picture_compare(struct picture *picture)
{
    compare_entries(picture);
    for (int g = 0; g < GROUPS; g++) {
        SAME(picture_group(picture, g) != NULL, picture->groups[g].exists);
        if (!picture->groups[g].exists)
            continue;
        compare_group(picture, g);
        compare_views(picture, g);
    }
}

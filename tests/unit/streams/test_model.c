/*
 * A model checker of streams: a plain picture of what every entry is to every
 * group, and a long random walk of all that can be done to a stream. After each
 * step the stream must be as the picture has it.
 *
 *   to a group an entry is   unread      its ID is above the group's place
 *                            pending     at one holder, or at nobody who handed it back
 *                            done        neither: acknowledged, or passed over
 *   to the stream it is      there, or deleted; what is deleted may still be pending
 *
 * A million steps; MODEL_STEPS in the environment says otherwise. With LONG=1 the
 * stream checks itself after each, not only after some of them.
 */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/base/io.h"
#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/base/random.h"
#include "storage/values/fingerprint.h"
#include "streams/claim.h"
#include "streams/cursor.h"
#include "streams/deliver.h"
#include "streams/reference.h"
#include "streams/retention.h"
#include "streams/stream_codec.h"
#include "streams/stream_value.h"
#include "streams/trim.h"

void suite_model(void);

enum {
    ENTRIES = 96,      /* the picture's room: entries that are there or pending */
    ALIVE_USUAL = 24,  /* above that, more is taken than added */
    GROUPS = 3,
    CONSUMERS = 3,
    STEPS_USUAL = 1000000,
    CHECK_EVERY = 64,
    MOVE_EVERY = 5,
    TTL = 400
};

/* What an entry is to a group. */
struct place {
    bool     pending;
    int      holder; /* index of a consumer, -1: nobody */
    millis   at;
    uint64_t times;
    uint64_t turn;
};

struct pictured {
    struct entry_id id;
    bool            there;
    struct place    to[GROUPS];
};

struct pictured_group {
    bool            exists;
    struct entry_id last;
    millis          used;
    bool            consumers[CONSUMERS];
};

struct world {
    struct stream        *stream;
    struct value_limits   limits;
    struct random         random;
    millis                now;
    uint64_t              turns;
    struct pictured       entries[ENTRIES]; /* IDs rise */
    size_t                count;
    struct pictured_group groups[GROUPS];
    uint64_t              failures;
};

static const char *const group_names[GROUPS] = { "g0", "g1", "g2" };
static const char *const consumer_names[CONSUMERS] = { "alice", "bob", "carol" };

static uint64_t below(struct world *world, uint64_t n)
{
    return random_below(&world->random, n);
}

/* Says the first few things that differ. */
static void differ(struct world *world, const char *what)
{
    if (world->failures++ < 5)
        printf("differs: %s\n", what);
}

#define SAME(a, b) ((a) == (b) ? (void)0 : differ(world, #a " is not " #b))

static struct group *group_at(const struct world *world, int g)
{
    return stream_find_group(world->stream, slice_text(group_names[g]));
}

static struct consumer *consumer_at(const struct world *world, int g, int c)
{
    return group_find_consumer(group_at(world, g), slice_text(consumer_names[c]));
}

/* Which consumer of the picture has a number; -1 for nobody. */
static int index_of(const struct world *world, int g, uint32_t number)
{
    const struct consumer *consumer = group_consumer(group_at(world, g), number);

    for (int c = 0; consumer != NULL && c < CONSUMERS; c++) {
        if (slice_equal(consumer_name(consumer), slice_text(consumer_names[c])))
            return c;
    }
    return -1;
}

static bool is_unread(const struct world *world, int g, const struct pictured *entry)
{
    return entry_id_compare(entry->id, world->groups[g].last) > 0;
}

static struct pictured *some_entry(struct world *world)
{
    return world->count > 0 ? &world->entries[below(world, world->count)] : NULL;
}

static int some_group(struct world *world)
{
    int g = (int)below(world, GROUPS);

    return world->groups[g].exists ? g : -1;
}

static int some_consumer(struct world *world, int g)
{
    int c = (int)below(world, CONSUMERS);

    if (!world->groups[g].consumers[c]) {
        (void)group_add_consumer(group_at(world, g), slice_text(consumer_names[c]), world->now);
        world->groups[g].consumers[c] = true;
    }
    return c;
}

static size_t alive(const struct world *world)
{
    size_t count = 0;

    for (size_t i = 0; i < world->count; i++)
        count += world->entries[i].there;
    return count;
}

/* Entries that are neither there nor pending anywhere are out of the picture. */
static void tidy(struct world *world)
{
    size_t kept = 0;

    for (size_t i = 0; i < world->count; i++) {
        struct pictured *entry = &world->entries[i];
        bool needed = entry->there;

        for (int g = 0; g < GROUPS; g++)
            needed = needed || entry->to[g].pending;
        if (needed)
            world->entries[kept++] = *entry;
    }
    world->count = kept;
}

static void use(struct world *world, int g)
{
    group_touch(group_at(world, g), world->now);
    world->groups[g].used = world->now;
}

/* ---- Whether the stream is as the picture has it ---- */

static void compare_entries(struct world *world)
{
    struct entry_id from = { below(world, 400), 0 }, to = { below(world, 400), 0 };
    struct cursor cursor;
    struct entry entry;
    uint64_t in_range = 0;

    if (world->count > 0) {
        from.ms += world->entries[0].id.ms - below(world, 20);
        to.ms += world->entries[0].id.ms;
    }
    SAME(stream_length(world->stream), alive(world));
    cursor_begin(&cursor, world->stream, ENTRY_ID_MIN, ENTRY_ID_MAX);
    for (size_t i = 0; i < world->count; i++) {
        const struct pictured *wanted = &world->entries[i];

        if (!wanted->there)
            continue;
        if (!cursor_next(&cursor, &entry) || !entry_id_equal(entry.id, wanted->id)) {
            differ(world, "the entries");
            return;
        }
        in_range += entry_id_compare(wanted->id, from) >= 0 &&
                    entry_id_compare(wanted->id, to) <= 0;
    }
    if (cursor_next(&cursor, &entry))
        differ(world, "there are more entries");
    SAME(stream_count(world->stream, from, to), in_range);
}

static void compare_group(struct world *world, int g)
{
    const struct pending *pending = group_pending(group_at(world, g));
    struct delivery delivery = { .id = ENTRY_ID_MIN };
    uint64_t held[CONSUMERS] = { 0 };
    uint64_t unread = 0, released = 0;
    size_t count = 0;

    for (size_t i = 0; i < world->count; i++) {
        const struct pictured *entry = &world->entries[i];
        const struct place *place = &entry->to[g];

        unread += entry->there && is_unread(world, g, entry);
        if (!place->pending)
            continue;
        count++;
        if (place->holder >= 0)
            held[place->holder]++;
        else
            released++;
        if (!pending_seek(pending, delivery.id, PENDING_ALL, &delivery) ||
            !entry_id_equal(delivery.id, entry->id) || delivery.times != place->times ||
            index_of(world, g, delivery.holder) != place->holder ||
            (place->holder >= 0 && delivery.delivered_at != place->at)) {
            differ(world, "a delivery");
            return;
        }
        must(entry_id_step(&delivery.id));
    }
    SAME(pending_count(pending), count);
    SAME(pending_released(pending), released);
    SAME(group_lag_exact(group_at(world, g), world->stream), unread);
    for (int c = 0; c < CONSUMERS; c++) {
        const struct consumer *consumer = consumer_at(world, g, c);

        SAME(consumer != NULL, world->groups[g].consumers[c]);
        if (consumer != NULL)
            SAME(consumer->pending, held[c]);
    }
}

/* The one that is claimed first: handed back earliest, else idle for longest. -1 if none. */
static int first_due(const struct world *world, int g, const bool *seen)
{
    int best = -1;

    for (size_t i = 0; i < world->count; i++) {
        const struct place *place = &world->entries[i].to[g], *than;

        if (!place->pending || (seen != NULL && seen[i]))
            continue;
        than = best >= 0 ? &world->entries[best].to[g] : NULL;
        if (than == NULL || (place->holder < 0 && than->holder >= 0) ||
            (place->holder < 0 && place->turn < than->turn) ||
            (place->holder >= 0 && than->holder >= 0 && place->at < than->at))
            best = (int)i;
    }
    return best;
}

static void compare_views(struct world *world, int g)
{
    const struct pending *pending = group_pending(group_at(world, g));
    int c = (int)below(world, CONSUMERS);
    const struct consumer *consumer = consumer_at(world, g, c);
    struct pending_filter filter = { PENDING_ANYBODY, world->now - (millis)below(world, 300) };
    int first = first_due(world, g, NULL);
    struct delivery delivery;
    size_t i = 0;

    SAME(pending_longest(pending, &delivery), first >= 0);
    if (first >= 0)
        SAME(entry_id_equal(delivery.id, world->entries[first].id), true);
    if (consumer == NULL)
        return;
    filter.holder = consumer->number;
    while (i < world->count &&
           !(world->entries[i].to[g].pending && world->entries[i].to[g].holder == c &&
             world->entries[i].to[g].at <= filter.delivered_until))
        i++;
    SAME(pending_seek(pending, ENTRY_ID_MIN, filter, &delivery), i < world->count);
    if (i < world->count)
        SAME(entry_id_equal(delivery.id, world->entries[i].id), true);
}

static void compare(struct world *world)
{
    compare_entries(world);
    for (int g = 0; g < GROUPS; g++) {
        SAME(group_at(world, g) != NULL, world->groups[g].exists);
        if (!world->groups[g].exists)
            continue;
        compare_group(world, g);
        compare_views(world, g);
    }
}

/* ---- Steps ---- */

static void add(struct world *world)
{
    struct entry_id last = stream_last_id(world->stream);
    struct entry_id id = { last.ms + below(world, 3), 0 };
    struct slice fields[] = { SLICE("f"), SLICE("v"), SLICE("g"), SLICE("17") };
    struct pictured *entry;

    if (world->count == ENTRIES)
        return;
    id.seq = id.ms == last.ms ? last.seq + 1 + below(world, 2) : below(world, 2);
    stream_append(world->stream, id, fields, 1 + below(world, 2), &world->limits);
    entry = &world->entries[world->count++];
    *entry = (struct pictured){ .id = id, .there = true };
}

static void is_given(struct world *world, struct pictured *entry, int g, int c, uint64_t times)
{
    entry->to[g] = (struct place){ true, c, world->now, times, 0 };
}

static void read_new(struct world *world)
{
    int g = some_group(world);
    struct deliver_setup setup = { .stream = world->stream, .now = world->now,
                                   .count = below(world, 4), .no_ack = below(world, 8) == 0 };
    struct deliver deliver;
    struct entry entry;
    uint64_t left = setup.count == 0 ? UINT64_MAX : setup.count;
    int c;

    if (g < 0)
        return;
    c = some_consumer(world, g);
    setup.group = group_at(world, g);
    setup.consumer = consumer_at(world, g, c);
    use(world, g);
    (void)deliver_begin(&deliver, &setup);
    for (size_t i = 0; i < world->count && left > 0; i++) {
        struct pictured *next = &world->entries[i];

        if (!next->there || !is_unread(world, g, next))
            continue;
        if (!deliver_next(&deliver, &entry) || !entry_id_equal(entry.id, next->id)) {
            differ(world, "what is delivered");
            return;
        }
        world->groups[g].last = next->id;
        left--;
        if (!setup.no_ack)
            is_given(world, next, g, c, 1);
    }
    if (left > 0 && deliver_next(&deliver, &entry))
        differ(world, "more is delivered");
}

static void read_history(struct world *world)
{
    int g = some_group(world);
    struct deliver_setup setup = { .stream = world->stream, .now = world->now, .count = 2 };
    struct deliver deliver;
    struct deliver_past past;
    uint64_t left = setup.count;
    int c;

    if (g < 0)
        return;
    c = some_consumer(world, g);
    setup.group = group_at(world, g);
    setup.consumer = consumer_at(world, g, c);
    deliver_history_begin(&deliver, &setup, ENTRY_ID_MIN);
    for (size_t i = 0; i < world->count && left > 0; i++) {
        struct pictured *next = &world->entries[i];

        if (!next->to[g].pending || next->to[g].holder != c)
            continue;
        left--;
        if (!deliver_history_next(&deliver, &past) || past.exists != next->there ||
            !entry_id_equal(past.delivery.id, next->id)) {
            differ(world, "the history");
            return;
        }
        if (next->there)
            is_given(world, next, g, c, next->to[g].times + 1);
    }
}

/* An entry of a work queue goes when nobody needs it. */
static bool is_spare(const struct world *world, const struct pictured *entry)
{
    bool some_lives = false;

    for (int g = 0; g < GROUPS; g++) {
        const struct pictured_group *group = &world->groups[g];

        if (!group->exists || group->used < world->now - TTL)
            continue;
        some_lives = true;
        if (entry->to[g].pending || is_unread(world, g, entry))
            return false;
    }
    return some_lives;
}

static void acknowledge(struct world *world)
{
    int g = some_group(world);
    struct pictured *entry = some_entry(world);

    if (g < 0 || entry == NULL)
        return;
    use(world, g);
    SAME(group_acknowledge(group_at(world, g), entry->id), entry->to[g].pending);
    entry->to[g].pending = false;
    if (entry->there && stream_settings(world->stream)->work_queue) {
        bool spare = is_spare(world, entry);

        SAME(retention_is_spare(world->stream, entry->id, world->now), spare);
        if (spare)
            SAME(stream_delete(world->stream, entry->id), true);
        entry->there = !spare;
    }
}

static struct claim some_claim(struct world *world, int g, int c)
{
    return (struct claim){ .stream = world->stream,
                           .group = group_at(world, g),
                           .name = slice_text(consumer_names[c]),
                           .now = world->now,
                           .min_idle = (millis)below(world, 60),
                           .delivered_at = world->now,
                           .force = below(world, 4) == 0,
                           .count = true };
}

static bool is_idle(const struct world *world, const struct place *place, millis min_idle)
{
    return place->holder < 0 || world->now - place->at >= min_idle;
}

static void claim_named(struct world *world)
{
    int g = some_group(world);
    struct pictured *entry = some_entry(world);
    enum claim_answer answer, wanted = CLAIM_REFUSED;
    struct claim claim;
    struct delivery delivery;
    struct entry found;
    int c;

    if (g < 0 || entry == NULL)
        return;
    c = some_consumer(world, g);
    claim = some_claim(world, g, c);
    answer = claim_one(&claim, entry->id, &delivery, &found);
    if (entry->to[g].pending)
        wanted = !entry->there                                       ? CLAIM_GONE
                 : is_idle(world, &entry->to[g], claim.min_idle) ? CLAIM_TAKEN
                                                                     : CLAIM_REFUSED;
    else if (claim.force && entry->there)
        wanted = CLAIM_TAKEN;
    SAME(answer, wanted);
    if (wanted == CLAIM_TAKEN)
        is_given(world, entry, g, c, entry->to[g].pending ? entry->to[g].times + 1 : 2);
    else if (wanted == CLAIM_GONE)
        entry->to[g].pending = false;
}

static void claim_by_scan(struct world *world)
{
    int g = some_group(world);
    uint64_t left = 1 + below(world, 4);
    struct claim_scan scan;
    struct claim claim;
    struct delivery delivery;
    struct entry found;
    int c;

    if (g < 0)
        return;
    c = some_consumer(world, g);
    claim = some_claim(world, g, c);
    claim.force = false;
    claim_scan_begin(&scan, &claim, ENTRY_ID_MIN, UINT64_MAX);
    for (size_t i = 0; i < world->count && left > 0; i++) {
        struct pictured *entry = &world->entries[i];
        enum claim_answer wanted;

        if (!entry->to[g].pending ||
            (entry->there && !is_idle(world, &entry->to[g], claim.min_idle)))
            continue;
        wanted = entry->there ? CLAIM_TAKEN : CLAIM_GONE;
        left--;
        if (claim_scan_next(&scan, &delivery, &found) != wanted ||
            !entry_id_equal(delivery.id, entry->id)) {
            differ(world, "what a scan claims");
            return;
        }
        if (wanted == CLAIM_TAKEN)
            is_given(world, entry, g, c, entry->to[g].times + 1);
        else
            entry->to[g].pending = false;
    }
    if (left > 0 && claim_scan_next(&scan, &delivery, &found) != CLAIM_REFUSED)
        differ(world, "a scan claims more");
}

static void claim_idle(struct world *world)
{
    int g = some_group(world);
    bool seen[ENTRIES] = { false };
    uint64_t left = 1 + below(world, 4);
    struct claim_idle idle;
    struct claim claim;
    struct delivery delivery;
    struct entry found;
    int c, i;

    if (g < 0)
        return;
    c = some_consumer(world, g);
    claim = some_claim(world, g, c);
    claim_idle_begin(&idle, &claim);
    while (left > 0 && (i = first_due(world, g, seen)) >= 0 &&
           is_idle(world, &world->entries[i].to[g], claim.min_idle)) {
        struct pictured *entry = &world->entries[i];
        enum claim_answer wanted = entry->there ? CLAIM_TAKEN : CLAIM_GONE;

        if (claim_idle_next(&idle, &delivery, &found) != wanted ||
            !entry_id_equal(delivery.id, entry->id)) {
            differ(world, "what is idle for longest");
            break;
        }
        seen[i] = true;
        if (wanted == CLAIM_GONE) {
            entry->to[g].pending = false;
            continue;
        }
        claim_idle_take(&idle, &delivery);
        is_given(world, entry, g, c, entry->to[g].times + 1);
        left--;
    }
    claim_idle_end(&idle);
}

static void hand_back(struct world *world)
{
    int g = some_group(world);
    struct pictured *entry = some_entry(world);

    if (g < 0 || entry == NULL || !entry->to[g].pending)
        return;
    SAME(group_release(group_at(world, g), entry->id, entry->to[g].times), true);
    entry->to[g].holder = -1;
    entry->to[g].turn = ++world->turns;
}

/* Whether any group refers to an entry, dead ones included. */
static bool is_referred_to(const struct world *world, const struct pictured *entry)
{
    for (int g = 0; g < GROUPS; g++) {
        if (world->groups[g].exists && (entry->to[g].pending || is_unread(world, g, entry)))
            return true;
    }
    return false;
}

static void drop_references(struct pictured *entry)
{
    for (int g = 0; g < GROUPS; g++)
        entry->to[g].pending = false;
}

static void delete_one(struct world *world)
{
    struct pictured *entry = some_entry(world);
    enum reference_rule rule = (enum reference_rule)below(world, 3);
    enum reference_answer wanted;
    struct reference_view view;
    uint64_t dropped = 0;

    if (entry == NULL)
        return;
    wanted = !entry->there                                             ? REFERENCE_MISSING
             : rule == REFERENCE_NONE && is_referred_to(world, entry) ? REFERENCE_REFUSED
                                                                       : REFERENCE_DELETED;
    reference_view_begin(&view, world->stream, 0);
    SAME(reference_delete(world->stream, entry->id, rule, &view, &dropped), wanted);
    reference_view_end(&view);
    if (rule == REFERENCE_DROP)
        drop_references(entry);
    if (wanted == REFERENCE_DELETED)
        entry->there = false;
}

static void trim_exactly(struct world *world)
{
    struct trim trim = { .rule = below(world, 2) ? TRIM_MAXLEN : TRIM_MINID,
                         .references = (enum reference_rule)below(world, 3) };
    struct discard discard = DISCARD_NONE;
    size_t left = alive(world);
    size_t most = left < 4 || below(world, 20) == 0 ? left : 4;
    uint64_t gone = 0;

    trim.max_length = left - (left > 0 ? below(world, most) : 0);
    if (world->count > 0)
        trim.min_id = world->entries[below(world, world->count < 6 ? world->count : 6)].id;
    if (stream_groups(world->stream) == 0 && trim.references == REFERENCE_NONE)
        trim.references = REFERENCE_KEEP;
    for (size_t i = 0; i < world->count; i++) {
        struct pictured *entry = &world->entries[i];

        if (!entry->there)
            continue;
        if (trim.rule == TRIM_MAXLEN ? left <= trim.max_length
                                     : entry_id_compare(entry->id, trim.min_id) >= 0)
            break;
        if (trim.references == REFERENCE_NONE && is_referred_to(world, entry))
            continue;
        entry->there = false;
        left--;
        gone++;
    }
    /* What was trimmed before is not pending any more either, as far as the new front. */
    if (below(world, 2))
        trim.discard = &discard;
    SAME(trim_apply(world->stream, &trim), gone);
    discard_clear(&discard);
    if (trim.references == REFERENCE_DROP && gone > 0) {
        for (size_t i = 0; i < world->count; i++) {
            struct delivery delivery;

            for (int g = 0; g < GROUPS; g++) {
                struct place *place = &world->entries[i].to[g];

                if (!world->entries[i].there && place->pending &&
                    !pending_find(group_pending(group_at(world, g)), world->entries[i].id,
                                  &delivery))
                    place->pending = false;
            }
        }
    }
}

/* Whole segments go: what is left is what the stream says, from the front on. */
static void trim_roughly(struct world *world)
{
    size_t before = alive(world);
    struct trim trim = { .rule = TRIM_MAXLEN, .approximate = true,
                         .max_length = before / 2 + below(world, 8) };
    uint64_t gone = trim_apply(world->stream, &trim);

    if (before - gone < (trim.max_length < before ? trim.max_length : before))
        differ(world, "a rough trim goes too far");
    for (size_t i = 0; i < world->count && gone > 0; i++) {
        gone -= world->entries[i].there;
        world->entries[i].there = false;
    }
}

static void set_place(struct world *world)
{
    int g = some_group(world);
    struct pictured *entry = some_entry(world);
    struct entry_id id = entry != NULL && below(world, 4) > 0 ? entry->id : ENTRY_ID_MIN;

    if (g < 0)
        return;
    if (below(world, 4) == 0)
        id = stream_last_id(world->stream);
    group_set(group_at(world, g), id, GROUP_READ_UNKNOWN);
    world->groups[g].last = id;
}

static void end_group(struct world *world)
{
    int g = (int)below(world, GROUPS);

    if (world->groups[g].exists) {
        stream_remove_group(world->stream, group_at(world, g));
        for (size_t i = 0; i < world->count; i++)
            world->entries[i].to[g].pending = false;
        world->groups[g] = (struct pictured_group){ .exists = false };
    } else {
        world->groups[g] = (struct pictured_group){ .exists = true };
        (void)stream_add_group(world->stream, slice_text(group_names[g]), ENTRY_ID_MIN, 0);
        use(world, g);
    }
}

static void end_consumer(struct world *world)
{
    int g = some_group(world);
    int c = (int)below(world, CONSUMERS);
    uint64_t held = 0;

    if (g < 0 || !world->groups[g].consumers[c])
        return;
    for (size_t i = 0; i < world->count; i++) {
        struct place *place = &world->entries[i].to[g];

        if (place->pending && place->holder == c) {
            place->pending = false;
            held++;
        }
    }
    SAME(group_remove_consumer(group_at(world, g), consumer_at(world, g, c), NULL), held);
    world->groups[g].consumers[c] = false;
}

/* A work queue is looked through to its end, in steps of a few entries. */
static void let_leave(struct world *world)
{
    struct discard discard = DISCARD_NONE;
    struct stream_settings settings = *stream_settings(world->stream);

    settings.work_queue = below(world, 2);
    settings.group_ttl = TTL;
    stream_set(world->stream, &settings);
    if (!settings.work_queue)
        return;
    retention_drain(world->stream, ENTRY_ID_MIN);
    do {
        struct retention_step step = { .discard = &discard, .budget = 5 };

        retention_step(world->stream, world->now, &step);
        buffer_clear(&step.spare);
    } while (retention_due(world->stream, world->now) == 0);
    discard_clear(&discard);
    for (size_t i = 0; i < world->count; i++) {
        if (world->entries[i].there && is_spare(world, &world->entries[i]))
            world->entries[i].there = false;
    }
}

static uint64_t digest_of(struct stream *stream)
{
    struct fingerprint print = { 0 };
    char text[41];

    stream_value_type.digest((const struct value *)(const void *)stream, &print);
    fingerprint_print(&print, text);
    return digest_xxh3(slice_of(text, 40));
}

/* What a snapshot keeps, and what a copy is. */
static void start_again(struct world *world)
{
    struct value *value = (struct value *)(void *)world->stream, *loaded = NULL;
    uint64_t digest = digest_of(world->stream);
    struct buffer bytes = { 0 };

    if (below(world, 2)) {
        loaded = stream_value_type.copy(value);
    } else {
        struct writer *to = writer_new_memory(&bytes);
        struct rdb_writer writer;
        struct reader *from;
        struct rdb_reader reader;

        rdb_writer_init(&writer, to, false);
        stream_codec_save(value, &writer);
        stream_codec_save_rest(value, &writer);
        rdb_writer_clear(&writer);
        writer_free(to);
        from = reader_new_memory(buffer_slice(&bytes));
        rdb_reader_init(&reader, from, bytes.len);
        loaded = stream_codec_load(&reader, stream_codec_type(value), &world->limits);
        if (loaded == NULL || !stream_codec_load_rest(loaded, &reader))
            differ(world, "a snapshot cannot be read");
        rdb_reader_clear(&reader);
        reader_free(from);
        buffer_clear(&bytes);
    }
    if (loaded == NULL)
        return;
    stream_free(world->stream);
    world->stream = (struct stream *)(void *)loaded;
    SAME(digest_of(world->stream), digest);
}

static void step(struct world *world)
{
    static const struct {
        void   (*run)(struct world *world);
        unsigned weight;
    } steps[] = {
        { add, 34 },          { read_new, 18 },   { read_history, 4 }, { acknowledge, 24 },
        { claim_named, 6 },   { claim_by_scan, 4 }, { claim_idle, 6 }, { hand_back, 6 },
        { delete_one, 8 },    { trim_exactly, 2 }, { trim_roughly, 1 }, { set_place, 1 },
        { end_group, 1 },     { end_consumer, 1 }, { let_leave, 2 },   { start_again, 1 },
    };
    uint64_t all = 0, at;
    size_t i = 0;

    for (size_t j = 0; j < sizeof(steps) / sizeof(*steps); j++)
        all += steps[j].weight;
    for (at = below(world, all); at >= steps[i].weight; i++)
        at -= steps[i].weight;
    world->now += (millis)below(world, 4);
    if (steps[i].run == add && alive(world) > ALIVE_USUAL && below(world, 4) > 0)
        trim_exactly(world);
    else
        steps[i].run(world);
    tidy(world);
}

static void walk(uint64_t steps, uint32_t node_entries, uint64_t seed)
{
    struct world *world = memory_new_zeroed(1, sizeof(*world));
    struct mover mover = { .wanted = NULL };
    uint64_t moved_to = 0;
    uint64_t check_every = getenv("LONG") != NULL ? 1 : CHECK_EVERY;

    random_seed(&world->random, seed);
    world->stream = stream_new();
    world->limits = value_limits_default;
    world->limits.stream_node_entries = node_entries;
    world->now = 1000000;
    for (uint64_t i = 0; i < steps && world->failures == 0; i++) {
        step(world);
        /* Whatever is done, its blocks move about meanwhile, all of them in the end. */
        if (i % MOVE_EVERY == 0)
            moved_to = stream_move(&world->stream, &mover, moved_to);
        compare(world);
        if (i % check_every == 0)
            stream_check(world->stream);
        if (world->failures > 0)
            printf("at step %llu of seed %llu\n", (unsigned long long)i,
                   (unsigned long long)seed);
    }
    CU_ASSERT_EQUAL(world->failures, 0);
    stream_free(world->stream);
    memory_free(world);
}

static uint64_t steps_wanted(void)
{
    const char *wanted = getenv("MODEL_STEPS");
    int64_t steps = 0;

    if (wanted == NULL || !number_read(slice_text(wanted), &steps) || steps <= 0)
        return STEPS_USUAL;
    return (uint64_t)steps;
}

static void every_entry_is_what_the_picture_has_it(void)
{
    uint64_t steps = steps_wanted() / 4;

    walk(steps, 1, 1);
    walk(steps, 3, 2);
    walk(steps, 8, 3);
    walk(steps, 100, 4);
}

void suite_model(void)
{
    CU_pSuite suite = CU_add_suite("streams: model", NULL, NULL);

    CU_add_test(suite, "every entry is what the picture has it",
                every_entry_is_what_the_picture_has_it);
}

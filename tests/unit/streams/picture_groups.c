/* Steps: what is done to groups, their consumers and what is pending in them. */
#include "streams/claim.h"
#include "streams/deliver.h"
#include "streams/retention.h"
#include "tests/unit/streams/picture.h"

static void is_given(struct picture *picture, struct pictured *entry, int g, int c, uint64_t times)
{
    entry->to[g] = (struct place){ true, c, picture->now, times, 0 };
}

void picture_read_new(struct picture *picture)
{
    int g = picture_some_group(picture);
    struct deliver_setup setup = { .stream = picture->stream,
                                   .now = picture->now,
                                   .count = picture_below(picture, 4),
                                   .no_ack = picture_below(picture, 8) == 0 };
    struct deliver deliver;
    struct entry entry;
    uint64_t left = setup.count == 0 ? UINT64_MAX : setup.count;
    int c;

    if (g < 0)
        return;
    c = picture_some_consumer(picture, g);
    setup.group = picture_group(picture, g);
    setup.consumer = picture_consumer(picture, g, c);
    picture_use(picture, g);
    (void)deliver_begin(&deliver, &setup);
    for (size_t i = 0; i < picture->count && left > 0; i++) {
        struct pictured *next = &picture->entries[i];

        if (!next->there || !picture_is_unread(picture, g, next))
            continue;
        if (!deliver_next(&deliver, &entry) || !entry_id_equal(entry.id, next->id)) {
            picture_differ(picture, "what is delivered");
            return;
        }
        picture->groups[g].last = next->id;
        left--;
        if (!setup.no_ack)
            is_given(picture, next, g, c, 1);
    }
    if (left > 0 && deliver_next(&deliver, &entry))
        picture_differ(picture, "more is delivered");
}

void picture_read_history(struct picture *picture)
{
    int g = picture_some_group(picture);
    struct deliver_setup setup = { .stream = picture->stream, .now = picture->now, .count = 2 };
    struct deliver deliver;
    struct deliver_past past;
    uint64_t left = setup.count;
    int c;

    if (g < 0)
        return;
    c = picture_some_consumer(picture, g);
    setup.group = picture_group(picture, g);
    setup.consumer = picture_consumer(picture, g, c);
    deliver_history_begin(&deliver, &setup, ENTRY_ID_MIN);
    for (size_t i = 0; i < picture->count && left > 0; i++) {
        struct pictured *next = &picture->entries[i];

        if (!next->to[g].pending || next->to[g].holder != c)
            continue;
        left--;
        if (!deliver_history_next(&deliver, &past) || past.exists != next->there ||
            !entry_id_equal(past.delivery.id, next->id)) {
            picture_differ(picture, "the history");
            return;
        }
        if (next->there)
            is_given(picture, next, g, c, next->to[g].times + 1);
    }
}

void picture_acknowledge(struct picture *picture)
{
    int g = picture_some_group(picture);
    struct pictured *entry = picture_some_entry(picture);

    if (g < 0 || entry == NULL)
        return;
    picture_use(picture, g);
    SAME(group_acknowledge(picture_group(picture, g), entry->id), entry->to[g].pending);
    entry->to[g].pending = false;
    if (entry->there && stream_settings(picture->stream)->work_queue) {
        bool spare = picture_is_spare(picture, entry);

        SAME(retention_is_spare(picture->stream, entry->id, picture->now), spare);
        if (spare)
            SAME(stream_delete(picture->stream, entry->id), true);
        entry->there = !spare;
    }
}

static struct claim some_claim(struct picture *picture, int g, int c)
{
    return (struct claim){ .stream = picture->stream,
                           .group = picture_group(picture, g),
                           .name = slice_text(picture_consumers[c]),
                           .now = picture->now,
                           .min_idle = (millis)picture_below(picture, 60),
                           .delivered_at = picture->now,
                           .force = picture_below(picture, 4) == 0,
                           .count = true };
}

static bool is_idle(const struct picture *picture, const struct place *place, millis min_idle)
{
    return place->holder < 0 || picture->now - place->at >= min_idle;
}

void picture_claim_named(struct picture *picture)
{
    int g = picture_some_group(picture);
    struct pictured *entry = picture_some_entry(picture);
    enum claim_answer answer, wanted = CLAIM_REFUSED;
    struct claim claim;
    struct delivery delivery;
    struct entry found;
    int c;

    if (g < 0 || entry == NULL)
        return;
    c = picture_some_consumer(picture, g);
    claim = some_claim(picture, g, c);
    answer = claim_one(&claim, entry->id, &delivery, &found);
    if (entry->to[g].pending)
        wanted = !entry->there                                     ? CLAIM_GONE
                 : is_idle(picture, &entry->to[g], claim.min_idle) ? CLAIM_TAKEN
                                                                   : CLAIM_REFUSED;
    else if (claim.force && entry->there)
        wanted = CLAIM_TAKEN;
    SAME(answer, wanted);
    if (wanted == CLAIM_TAKEN)
        is_given(picture, entry, g, c, entry->to[g].pending ? entry->to[g].times + 1 : 2);
    else if (wanted == CLAIM_GONE)
        entry->to[g].pending = false;
}

void picture_claim_by_scan(struct picture *picture)
{
    int g = picture_some_group(picture);
    uint64_t left = 1 + picture_below(picture, 4);
    struct claim_scan scan;
    struct claim claim;
    struct delivery delivery;
    struct entry found;
    int c;

    if (g < 0)
        return;
    c = picture_some_consumer(picture, g);
    claim = some_claim(picture, g, c);
    claim.force = false;
    claim_scan_begin(&scan, &claim, ENTRY_ID_MIN, UINT64_MAX);
    for (size_t i = 0; i < picture->count && left > 0; i++) {
        struct pictured *entry = &picture->entries[i];
        enum claim_answer wanted;

        if (!entry->to[g].pending ||
            (entry->there && !is_idle(picture, &entry->to[g], claim.min_idle)))
            continue;
        wanted = entry->there ? CLAIM_TAKEN : CLAIM_GONE;
        left--;
        if (claim_scan_next(&scan, &delivery, &found) != wanted ||
            !entry_id_equal(delivery.id, entry->id)) {
            picture_differ(picture, "what a scan claims");
            return;
        }
        if (wanted == CLAIM_TAKEN)
            is_given(picture, entry, g, c, entry->to[g].times + 1);
        else
            entry->to[g].pending = false;
    }
    if (left > 0 && claim_scan_next(&scan, &delivery, &found) != CLAIM_REFUSED)
        picture_differ(picture, "a scan claims more");
}

void picture_claim_idle(struct picture *picture)
{
    int g = picture_some_group(picture);
    bool seen[ENTRIES] = { false };
    uint64_t left = 1 + picture_below(picture, 4);
    struct claim_idle idle;
    struct claim claim;
    struct delivery delivery;
    struct entry found;
    int c, i;

    if (g < 0)
        return;
    c = picture_some_consumer(picture, g);
    claim = some_claim(picture, g, c);
    claim_idle_begin(&idle, &claim);
    while (left > 0 && (i = picture_first_due(picture, g, seen)) >= 0 &&
           is_idle(picture, &picture->entries[i].to[g], claim.min_idle)) {
        struct pictured *entry = &picture->entries[i];
        enum claim_answer wanted = entry->there ? CLAIM_TAKEN : CLAIM_GONE;

        if (claim_idle_next(&idle, &delivery, &found) != wanted ||
            !entry_id_equal(delivery.id, entry->id)) {
            picture_differ(picture, "what is idle for longest");
            break;
        }
        seen[i] = true;
        if (wanted == CLAIM_GONE) {
            entry->to[g].pending = false;
            continue;
        }
        claim_idle_take(&idle, &delivery);
        is_given(picture, entry, g, c, entry->to[g].times + 1);
        left--;
    }
    claim_idle_end(&idle);
}

void picture_hand_back(struct picture *picture)
{
    int g = picture_some_group(picture);
    struct pictured *entry = picture_some_entry(picture);

    if (g < 0 || entry == NULL || !entry->to[g].pending)
        return;
    SAME(group_release(picture_group(picture, g), entry->id, entry->to[g].times), true);
    entry->to[g].holder = -1;
    entry->to[g].turn = ++picture->turns;
}

void picture_set_place(struct picture *picture)
{
    int g = picture_some_group(picture);
    struct pictured *entry = picture_some_entry(picture);
    struct entry_id id = entry != NULL && picture_below(picture, 4) > 0 ? entry->id : ENTRY_ID_MIN;

    if (g < 0)
        return;
    if (picture_below(picture, 4) == 0)
        id = stream_last_id(picture->stream);
    group_set(picture_group(picture, g), id, GROUP_READ_UNKNOWN);
    picture->groups[g].last = id;
}

void picture_end_group(struct picture *picture)
{
    int g = (int)picture_below(picture, GROUPS);

    if (picture->groups[g].exists) {
        stream_remove_group(picture->stream, picture_group(picture, g));
        for (size_t i = 0; i < picture->count; i++)
            picture->entries[i].to[g].pending = false;
        picture->groups[g] = (struct pictured_group){ .exists = false };
    } else {
        picture->groups[g] = (struct pictured_group){ .exists = true };
        (void)stream_add_group(picture->stream, slice_text(picture_groups[g]), ENTRY_ID_MIN, 0);
        picture_use(picture, g);
    }
}

void picture_end_consumer(struct picture *picture)
{
    int g = picture_some_group(picture);
    int c = (int)picture_below(picture, CONSUMERS);
    uint64_t held = 0;

    if (g < 0 || !picture->groups[g].consumers[c])
        return;
    for (size_t i = 0; i < picture->count; i++) {
        struct place *place = &picture->entries[i].to[g];

        if (place->pending && place->holder == c) {
            place->pending = false;
            held++;
        }
    }
    SAME(group_remove_consumer(picture_group(picture, g), picture_consumer(picture, g, c), NULL),
         held);
    picture->groups[g].consumers[c] = false;
}

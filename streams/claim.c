/* Taking over deliveries, named ones and whatever is idle. */
#include "streams/claim.h"

/* Whether an entry may be taken, and what is recorded of it so far. */
static enum claim_answer judge(const struct claim *claim, struct entry_id id,
                               struct delivery *delivery, struct entry *entry)
{
    bool is_pending = pending_find(group_pending(claim->group), id, delivery);

    if (!is_pending && !claim->force)
        return CLAIM_REFUSED;
    entry->id = id;
    /* What is deleted can never be processed, whoever holds it. */
    if (!claim->blind && !stream_find(claim->stream, id, entry))
        return is_pending ? CLAIM_GONE : CLAIM_REFUSED;
    if (!is_pending) {
        *delivery = (struct delivery){ .id = id, .times = 1 };
        return CLAIM_TAKEN;
    }
    /* What nobody holds has been idle for ever. */
    if (delivery->holder == 0 || claim->now - delivery->delivered_at >= claim->min_idle)
        return CLAIM_TAKEN;
    return CLAIM_REFUSED;
}

static void take(struct claim *claim, struct entry_id id, struct delivery *delivery)
{
    if (claim->consumer == NULL) {
        claim->consumer = group_find_consumer(claim->group, claim->name);
        if (claim->consumer == NULL)
            claim->consumer = group_add_consumer(claim->group, claim->name, claim->now);
    }
    claim->consumer->seen_at = claim->seen_at > 0 ? claim->seen_at : claim->now;
    if (claim->sets_times)
        delivery->times = claim->times;
    else if (claim->count && delivery->times < INT64_MAX)
        delivery->times++;
    delivery->holder = claim->consumer->number;
    delivery->delivered_at = claim->delivered_at;
    delivery->turn = 0;
    group_deliver(claim->group, claim->consumer, id, claim->delivered_at, delivery->times);
    claim->consumer->active_at = claim->consumer->seen_at;
}

enum claim_answer claim_one(struct claim *claim, struct entry_id id, struct delivery *delivery,
                            struct entry *entry)
{
    enum claim_answer answer = judge(claim, id, delivery, entry);

    if (answer == CLAIM_TAKEN)
        take(claim, id, delivery);
    else if (answer == CLAIM_GONE)
        group_acknowledge(claim->group, id);
    return answer;
}

void claim_scan_begin(struct claim_scan *scan, struct claim *claim, struct entry_id from,
                      uint64_t looks)
{
    scan->claim = claim;
    scan->from = from;
    scan->looks = looks;
    scan->done = false;
    scan->sound = stream_sound_from(claim->stream);
}

/* The next pending entry that must be looked at. */
static bool seek(struct claim_scan *scan, struct delivery *delivery)
{
    const struct claim *claim = scan->claim;
    const struct pending *pending = group_pending(claim->group);
    struct pending_filter filter = PENDING_ALL;

    if (entry_id_compare(scan->from, scan->sound) >= 0)
        filter.delivered_until = claim->now - claim->min_idle;
    if (!pending_seek(pending, scan->from, filter, delivery))
        return false;
    if (entry_id_compare(scan->from, scan->sound) >= 0 ||
        entry_id_compare(delivery->id, scan->sound) < 0)
        return true;
    /* The first that cannot be gone: from here on only idle ones count. */
    filter.delivered_until = claim->now - claim->min_idle;
    return pending_seek(pending, delivery->id, filter, delivery);
}

enum claim_answer claim_scan_next(struct claim_scan *scan, struct delivery *delivery,
                                  struct entry *entry)
{
    enum claim_answer answer = CLAIM_REFUSED;

    while (!scan->done && answer == CLAIM_REFUSED) {
        if (scan->looks == 0)
            return CLAIM_REFUSED;
        scan->looks--;
        if (!seek(scan, delivery)) {
            scan->done = true;
            return CLAIM_REFUSED;
        }
        scan->from = delivery->id;
        scan->done = !entry_id_step(&scan->from);
        answer = claim_one(scan->claim, delivery->id, delivery, entry);
    }
    return answer;
}

struct entry_id claim_scan_place(const struct claim_scan *scan)
{
    struct delivery delivery;

    if (scan->done || !pending_seek(group_pending(scan->claim->group), scan->from, PENDING_ALL,
                                    &delivery))
        return ENTRY_ID_MIN;
    return delivery.id;
}

void claim_idle_begin(struct claim_idle *idle, struct claim *claim)
{
    *idle = (struct claim_idle){ .claim = claim };
    /* Nothing was delivered before 0: below it there is only what nobody holds. */
    idle->until = claim->min_idle > claim->now ? -1 : claim->now - claim->min_idle;
}

enum claim_answer claim_idle_next(struct claim_idle *idle, struct delivery *delivery,
                                  struct entry *entry)
{
    struct claim *claim = idle->claim;

    if (!pending_longest(group_pending(claim->group), delivery) ||
        (delivery->holder != 0 && delivery->delivered_at > idle->until))
        return CLAIM_REFUSED;
    if (stream_find(claim->stream, delivery->id, entry))
        return CLAIM_TAKEN;
    group_acknowledge(claim->group, delivery->id);
    return CLAIM_GONE;
}

void claim_idle_take(struct claim_idle *idle, struct delivery *delivery)
{
    struct claim *claim = idle->claim;
    millis delivered_at = claim->delivered_at;
    struct entry_id id = delivery->id;

    /* It would be found again: its time is recorded at the end, and it waits behind all others. */
    if (delivered_at <= idle->until) {
        claim->delivered_at = PENDING_TIME_MAX;
        buffer_add(&idle->taken, slice_of(delivery, sizeof(*delivery)));
    }
    take(claim, id, delivery);
    claim->delivered_at = delivered_at;
    delivery->delivered_at = delivered_at;
}

void claim_idle_end(struct claim_idle *idle)
{
    const struct claim *claim = idle->claim;
    const struct delivery *taken = (const struct delivery *)(const void *)idle->taken.at;
    struct delivery now;

    for (size_t i = 0; i < idle->taken.len / sizeof(*taken); i++) {
        if (pending_find(group_pending(claim->group), taken[i].id, &now))
            group_deliver(claim->group, claim->consumer, now.id, claim->delivered_at, now.times);
    }
    buffer_clear(&idle->taken);
}

millis claim_idle_due(const struct group *group, millis min_idle)
{
    struct delivery longest;

    if (!pending_longest(group_pending(group), &longest))
        return -1;
    if (longest.holder == 0)
        return 0;
    return min_idle > INT64_MAX - longest.delivered_at ? INT64_MAX
                                                       : longest.delivered_at + min_idle;
}

/* Taking over deliveries, named ones and whatever is idle. */
#include "streams/claim.h"

enum claim_answer claim_ask(const struct claim *claim, struct entry_id id,
                            struct delivery *delivery, struct entry *entry)
{
    bool is_pending = pending_find(group_pending(claim->group), id, delivery);

    /* What is deleted can never be processed, whoever holds it. */
    if (!stream_find(claim->stream, id, entry))
        return is_pending ? CLAIM_GONE : CLAIM_REFUSED;
    if (is_pending)
        return claim->now - delivery->delivered_at >= claim->min_idle ? CLAIM_TAKEN
                                                                      : CLAIM_REFUSED;
    if (!claim->force)
        return CLAIM_REFUSED;
    *delivery = (struct delivery){ .id = id };
    return CLAIM_TAKEN;
}

enum claim_answer claim_one(const struct claim *claim, struct entry_id id,
                            struct delivery *delivery, struct entry *entry)
{
    enum claim_answer answer = claim_ask(claim, id, delivery, entry);

    switch (answer) {
    case CLAIM_REFUSED:
        break;
    case CLAIM_GONE:
        group_acknowledge(claim->group, id);
        break;
    case CLAIM_TAKEN:
        if (claim->sets_times)
            delivery->times = claim->times;
        else if (claim->count)
            delivery->times++;
        delivery->holder = claim->consumer->number;
        delivery->delivered_at = claim->delivered_at;
        group_deliver(claim->group, claim->consumer, id, claim->delivered_at, delivery->times);
        claim->consumer->active_at = claim->now;
        break;
    }
    return answer;
}

void claim_scan_begin(struct claim_scan *scan, const struct claim *claim, struct entry_id from)
{
    scan->claim = *claim;
    scan->from = from;
    scan->done = false;
}

enum claim_answer claim_scan_next(struct claim_scan *scan, struct delivery *delivery,
                                  struct entry *entry)
{
    const struct claim *claim = &scan->claim;
    struct pending_filter idle = { PENDING_ANYBODY, claim->now - claim->min_idle };

    if (scan->done || !pending_seek(group_pending(claim->group), scan->from, idle, delivery)) {
        scan->done = true;
        return CLAIM_REFUSED;
    }
    scan->from = delivery->id;
    scan->done = !entry_id_step(&scan->from);
    return claim_one(claim, delivery->id, delivery, entry);
}

struct entry_id claim_scan_place(const struct claim_scan *scan)
{
    struct delivery delivery;

    if (scan->done ||
        !pending_seek(group_pending(scan->claim.group), scan->from, PENDING_ALL, &delivery))
        return ENTRY_ID_MIN;
    return delivery.id;
}

/* Reading as a consumer: the heart of the queue. */
#include "streams/deliver.h"

static void prepare(struct deliver *deliver, const struct deliver_setup *setup)
{
    deliver->setup = *setup;
    deliver->left = setup->count == 0 ? UINT64_MAX : setup->count;
    deliver->ready = false;
}

bool deliver_begin(struct deliver *deliver, const struct deliver_setup *setup)
{
    struct entry_id from = group_last_id(setup->group);

    prepare(deliver, setup);
    if (entry_id_compare(stream_last_id(setup->stream), from) <= 0 || !entry_id_step(&from))
        return false;
    /* The last ID may be above all entries that are left, so one is looked for. */
    cursor_begin(&deliver->cursor, setup->stream, from, ENTRY_ID_MAX);
    deliver->ready = cursor_next(&deliver->cursor, &deliver->next);
    return deliver->ready;
}

bool deliver_next(struct deliver *deliver, struct entry *entry)
{
    const struct deliver_setup *setup = &deliver->setup;

    if (!deliver->ready)
        return false;
    *entry = deliver->next;
    deliver->left--;
    deliver->ready = deliver->left > 0 && cursor_next(&deliver->cursor, &deliver->next);
    group_advance(setup->group, setup->stream, entry->id);
    /* An entry may be pending already if the group was set back: it has a new holder now. */
    if (!setup->no_ack)
        group_deliver(setup->group, setup->consumer, entry->id, setup->now, 1);
    setup->consumer->active_at = setup->now;
    return true;
}

void deliver_history_begin(struct deliver *deliver, const struct deliver_setup *setup,
                           struct entry_id after)
{
    prepare(deliver, setup);
    deliver->after = after;
}

const struct entry *deliver_peek(const struct deliver *deliver)
{
    return deliver->ready ? &deliver->next : NULL;
}

bool deliver_history_peek(const struct deliver *deliver, struct deliver_past *past)
{
    const struct deliver_setup *setup = &deliver->setup;
    struct pending_filter own = { setup->consumer->number, PENDING_TIME_MAX };
    struct entry_id from = deliver->after;

    if (deliver->left == 0 || !entry_id_step(&from) ||
        !pending_seek(group_pending(setup->group), from, own, &past->delivery))
        return false;
    past->exists = stream_find(setup->stream, past->delivery.id, &past->entry);
    return true;
}

void deliver_history_take(struct deliver *deliver, struct deliver_past *past)
{
    const struct deliver_setup *setup = &deliver->setup;

    deliver->left--;
    deliver->after = past->delivery.id;
    if (!past->exists)
        return;
    past->delivery.delivered_at = setup->now;
    if (past->delivery.times < INT64_MAX)
        past->delivery.times++;
    group_deliver(setup->group, setup->consumer, deliver->after, setup->now,
                  past->delivery.times);
}

bool deliver_history_next(struct deliver *deliver, struct deliver_past *past)
{
    if (!deliver_history_peek(deliver, past))
        return false;
    deliver_history_take(deliver, past);
    return true;
}

/*
 * The pending list: 24 bytes a record, in a counted tree.
 *
 *   id 128 | delivered_at 42 | holder 14 | times 8
 *
 * A delivery with a consumer's number or a count that does not fit says 255
 * times, and the whole of it is in a second tree, which most groups never have.
 *
 * What always holds:
 *   (1) A record says 255 times if, and only if, the second tree has its ID.
 *   (2) The holder in a record is the low 14 bits of the consumer's number.
 *   (3) A node's summary has the earliest time and, by the number's low six bits,
 *       a bit for every holder below it.
 */
#include "streams/pending.h"

#include "storage/base/memory.h"
#include "storage/index/ordered.h"

enum { HOLDER_BITS = 14, TIMES_BITS = 8, TIMES_WIDE = 255 };

struct record {
    struct entry_id id;
    uint64_t        packed; /* delivered_at | holder | times */
};

struct wide {
    struct entry_id id;
    uint64_t        holder;
    uint64_t        times;
};

struct summary {
    uint64_t earliest;
    uint64_t holders;
};

struct pending {
    struct ordered *records;
    struct ordered *wide; /* NULL until there is one */
};

static inline uint64_t record_time(const struct record *record)
{
    return record->packed >> (HOLDER_BITS + TIMES_BITS);
}

static inline uint32_t record_holder(const struct record *record)
{
    return (uint32_t)(record->packed >> TIMES_BITS) & ((1u << HOLDER_BITS) - 1);
}

static inline uint32_t record_times(const struct record *record)
{
    return (uint32_t)record->packed & ((1u << TIMES_BITS) - 1);
}

static int compare_ids(const void *a, const void *b, void *who)
{
    const struct entry_id *one = a, *other = b;

    (void)who;
    return entry_id_compare(*one, *other);
}

static void summarise(void *summary, const void *record)
{
    struct summary *to = summary;

    to->earliest = record_time(record);
    to->holders = UINT64_C(1) << (record_holder(record) & 63);
}

static void combine(void *summary, const void *other)
{
    struct summary *to = summary;
    const struct summary *from = other;

    if (from->earliest < to->earliest)
        to->earliest = from->earliest;
    to->holders |= from->holders;
}

static const struct ordered_kind record_kind = {
    .record_size = sizeof(struct record),
    .summary_size = sizeof(struct summary),
    .lead = ORDERED_LEAD_ID,
    .compare = compare_ids,
    .summarise = summarise,
    .combine = combine,
};

static const struct ordered_kind wide_kind = {
    .record_size = sizeof(struct wide),
    .lead = ORDERED_LEAD_ID,
    .compare = compare_ids,
};

struct pending *pending_new(void)
{
    struct pending *pending = memory_new(sizeof(*pending));

    pending->records = ordered_new(&record_kind, NULL);
    pending->wide = NULL;
    return pending;
}

void pending_free(struct pending *pending)
{
    if (pending == NULL)
        return;
    ordered_free(pending->records);
    ordered_free(pending->wide);
    memory_free(pending);
}

size_t pending_count(const struct pending *pending)
{
    return ordered_count(pending->records);
}

static void unpack(const struct pending *pending, const struct record *record,
                   struct delivery *delivery)
{
    delivery->id = record->id;
    delivery->delivered_at = (millis)record_time(record);
    delivery->holder = record_holder(record);
    delivery->times = record_times(record);
    if (UNLIKELY(delivery->times == TIMES_WIDE)) {
        const struct wide *wide = ordered_find(pending->wide, &record->id);

        must(wide != NULL);
        delivery->holder = (uint32_t)wide->holder;
        delivery->times = wide->times;
    }
}

bool pending_find(const struct pending *pending, struct entry_id id, struct delivery *delivery)
{
    const struct record *record = ordered_find(pending->records, &id);

    if (record == NULL)
        return false;
    unpack(pending, record, delivery);
    return true;
}

/* Notes in the second tree what the record has no room for. */
static void put_wide(struct pending *pending, const struct delivery *delivery)
{
    struct wide wide = { delivery->id, delivery->holder, delivery->times };

    if (pending->wide == NULL)
        pending->wide = ordered_new(&wide_kind, NULL);
    must(ordered_insert(pending->wide, &wide));
}

static void drop_wide(struct pending *pending, struct entry_id id)
{
    if (pending->wide != NULL)
        (void)ordered_remove(pending->wide, &id, NULL);
}

bool pending_put(struct pending *pending, const struct delivery *delivery,
                 struct delivery *replaced)
{
    bool is_wide = delivery->holder >> HOLDER_BITS != 0 || delivery->times >= TIMES_WIDE;
    uint64_t times = is_wide ? TIMES_WIDE : delivery->times;
    uint64_t holder = delivery->holder & ((1u << HOLDER_BITS) - 1);
    millis at = delivery->delivered_at;
    struct record record = { .id = delivery->id };
    bool was_pending;

    at = at < 0 ? 0 : at > PENDING_TIME_MAX ? PENDING_TIME_MAX : at;
    record.packed = (uint64_t)at << (HOLDER_BITS + TIMES_BITS) | holder << TIMES_BITS | times;
    /* Most entries are delivered once, and need one search only. */
    was_pending = !ordered_insert(pending->records, &record);
    if (was_pending) {
        must(pending_find(pending, delivery->id, replaced));
        must(ordered_replace(pending->records, &record));
        drop_wide(pending, delivery->id);
    }
    if (UNLIKELY(is_wide))
        put_wide(pending, delivery);
    return was_pending;
}

bool pending_remove(struct pending *pending, struct entry_id id, struct delivery *removed)
{
    struct record record;

    if (!ordered_remove(pending->records, &id, &record))
        return false;
    unpack(pending, &record, removed);
    if (UNLIKELY(record_times(&record) == TIMES_WIDE))
        drop_wide(pending, id);
    return true;
}

bool pending_first(const struct pending *pending, struct delivery *delivery)
{
    const struct record *record = ordered_first(pending->records).record;

    if (record != NULL)
        unpack(pending, record, delivery);
    return record != NULL;
}

bool pending_last(const struct pending *pending, struct delivery *delivery)
{
    const struct record *record = ordered_last(pending->records).record;

    if (record != NULL)
        unpack(pending, record, delivery);
    return record != NULL;
}

/* What a summary must show for something below to be meant. */
struct sought {
    uint64_t until;
    uint64_t holders;
};

static bool is_sought(const void *summary, void *who)
{
    const struct summary *below = summary;
    const struct sought *sought = who;

    return below->earliest <= sought->until && (below->holders & sought->holders) != 0;
}

bool pending_seek(const struct pending *pending, struct entry_id from,
                  struct pending_filter filter, struct delivery *delivery)
{
    bool anybody = filter.holder == PENDING_ANYBODY;
    struct sought sought = {
        .until = (uint64_t)filter.delivered_until,
        .holders = anybody ? UINT64_MAX : UINT64_C(1) << (filter.holder & 63),
    };

    if (filter.delivered_until < 0)
        return false;
    for (;;) {
        struct ordered_cursor at = ordered_seek(pending->records, &from, is_sought, &sought);

        if (at.record == NULL)
            return false;
        unpack(pending, at.record, delivery);
        if (anybody || delivery->holder == filter.holder)
            return true;
        /* Another consumer with the same bit. */
        from = delivery->id;
        if (!entry_id_step(&from))
            return false;
    }
}

bool pending_longest(const struct pending *pending, struct delivery *delivery)
{
    struct summary all;

    if (ordered_fold_before(pending->records, NULL, &all) == 0)
        return false;
    return pending_seek(pending, ENTRY_ID_MIN,
                        (struct pending_filter){ PENDING_ANYBODY, (millis)all.earliest },
                        delivery);
}

size_t pending_memory(const struct pending *pending)
{
    return memory_usable(pending) + ordered_memory(pending->records) +
           (pending->wide != NULL ? ordered_memory(pending->wide) : 0);
}

void pending_check(const struct pending *pending)
{
    struct ordered_cursor at = ordered_first(pending->records);
    size_t wide_records = 0;

    ordered_check(pending->records);
    for (; at.record != NULL; at = ordered_next(pending->records, at)) {
        const struct record *record = at.record;
        const struct wide *wide;

        if (record_times(record) != TIMES_WIDE)
            continue;
        wide_records++;
        must(pending->wide != NULL);
        wide = ordered_find(pending->wide, &record->id);
        must(wide != NULL);
        must((wide->holder & ((1u << HOLDER_BITS) - 1)) == record_holder(record));
    }
    must(wide_records == (pending->wide != NULL ? ordered_count(pending->wide) : 0));
}

/*
 * The pending list: 24 bytes a record, in a counted tree.
 *
 *   id 128 | delivered_at 42 | holder 14 | times 8
 *
 * A delivery with a consumer's number or a count that does not fit says 255
 * times, and the whole of it is in a second tree, which most groups never have.
 * What nobody holds has no time; in its place stands its turn, so that those
 * handed back first are found first, and before everything that is held.
 *
 * What always holds:
 *   (1) A record says 255 times if, and only if, the second tree has its ID.
 *   (2) The holder in a record is 0 for nobody, else the consumer's number, those
 *       that do not fit wrapped to 1 and on.
 *   (3) A node's summary has the earliest time or turn and, by the holder's low
 *       six bits, a bit for every holder below it.
 *   (4) `released` is how many records nobody holds; each has a turn of its own.
 */
#include "streams/pending.h"

#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/index/ordered.h"

enum { HOLDER_BITS = 14, TIMES_BITS = 8, TIMES_WIDE = 255 };
enum { HOLDER_MOST = (1 << HOLDER_BITS) - 1 };

/* In a summary: above every turn, below every time of what is held. */
#define SUMMARY_HELD (UINT64_C(1) << 42)

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
    size_t          released;
    uint64_t        turns; /* given to those released so far */
};

static inline uint64_t record_time(const struct record *record)
{
    return record->packed >> (HOLDER_BITS + TIMES_BITS);
}

static inline uint32_t record_holder(const struct record *record)
{
    return (uint32_t)(record->packed >> TIMES_BITS) & ((1u << HOLDER_BITS) - 1);
}

/* How a consumer's number stands in a record. */
static inline uint32_t holder_of(uint32_t number)
{
    return number <= HOLDER_MOST ? number : (number - 1) % HOLDER_MOST + 1;
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

    to->earliest = record_time(record) | (record_holder(record) != 0 ? SUMMARY_HELD : 0);
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
    struct pending *pending = memory_new_zeroed(1, sizeof(*pending));

    pending->records = ordered_new(&record_kind, NULL);
    return pending;
}

static struct ordered *copy_tree(const struct ordered *tree, const struct ordered_kind *kind)
{
    struct ordered *copy = ordered_new(kind, NULL);
    struct ordered_cursor at = ordered_first(tree);

    for (; at.record != NULL; at = ordered_next(tree, at))
        must(ordered_insert(copy, at.record));
    return copy;
}

struct pending *pending_copy(const struct pending *pending)
{
    struct pending *copy;

    if (pending == NULL)
        return NULL;
    copy = memory_new(sizeof(*copy));
    *copy = *pending;
    copy->records = copy_tree(pending->records, &record_kind);
    if (pending->wide != NULL)
        copy->wide = copy_tree(pending->wide, &wide_kind);
    return copy;
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
    return pending != NULL ? ordered_count(pending->records) : 0;
}

size_t pending_released(const struct pending *pending)
{
    return pending != NULL ? pending->released : 0;
}

static void unpack(const struct pending *pending, const struct record *record,
                   struct delivery *delivery)
{
    bool held = record_holder(record) != 0;

    delivery->id = record->id;
    delivery->delivered_at = held ? (millis)record_time(record) : 0;
    delivery->turn = held ? 0 : record_time(record);
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
    const struct record *record =
        pending != NULL ? ordered_find(pending->records, &id) : NULL;

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

/* What a record has to say of when: the time, or the turn of what nobody holds. */
static uint64_t time_or_turn(struct pending *pending, const struct delivery *delivery)
{
    millis at = delivery->delivered_at;

    if (delivery->holder == 0) {
        if (pending->released == 0)
            pending->turns = 0;
        return ++pending->turns;
    }
    return (uint64_t)(at < 0 ? 0 : at > PENDING_TIME_MAX ? PENDING_TIME_MAX : at);
}

bool pending_put(struct pending *pending, const struct delivery *delivery,
                 struct delivery *replaced)
{
    bool is_wide = delivery->holder > HOLDER_MOST || delivery->times >= TIMES_WIDE;
    uint64_t times = is_wide ? TIMES_WIDE : delivery->times;
    uint64_t holder = holder_of(delivery->holder);
    struct record record = { .id = delivery->id };
    bool was_pending;

    record.packed = time_or_turn(pending, delivery) << (HOLDER_BITS + TIMES_BITS) |
                    holder << TIMES_BITS | times;
    /* Most entries are delivered once, and need one search only. */
    was_pending = !ordered_insert(pending->records, &record);
    if (was_pending) {
        must(pending_find(pending, delivery->id, replaced));
        must(ordered_replace(pending->records, &record));
        drop_wide(pending, delivery->id);
        pending->released -= replaced->holder == 0;
    }
    pending->released += delivery->holder == 0;
    if (UNLIKELY(is_wide))
        put_wide(pending, delivery);
    return was_pending;
}

bool pending_remove(struct pending *pending, struct entry_id id, struct delivery *removed)
{
    struct record record;

    if (pending == NULL || !ordered_remove(pending->records, &id, &record))
        return false;
    unpack(pending, &record, removed);
    pending->released -= removed->holder == 0;
    if (UNLIKELY(record_times(&record) == TIMES_WIDE))
        drop_wide(pending, id);
    return true;
}

/* How many of a tree's records are not above an ID. */
static size_t count_until(const struct ordered *tree, struct entry_id last)
{
    return entry_id_step(&last) ? ordered_rank(tree, &last) : ordered_count(tree);
}

size_t pending_count_until(const struct pending *pending, struct entry_id last)
{
    return pending != NULL ? count_until(pending->records, last) : 0;
}

struct pending *pending_take_until(struct pending *pending, struct entry_id last)
{
    struct pending *taken = memory_new(sizeof(*taken));
    struct ordered_cursor at;

    *taken = (struct pending){ .turns = pending->turns };
    if (pending->wide != NULL)
        taken->wide = ordered_take_front(pending->wide, count_until(pending->wide, last));
    taken->records = ordered_take_front(pending->records, count_until(pending->records, last));
    at = ordered_first(taken->records);
    for (; pending->released > 0 && at.record != NULL; at = ordered_next(taken->records, at))
        taken->released += record_holder(at.record) == 0;
    pending->released -= taken->released;
    return taken;
}

/* Whose records are removed. */
struct leaving {
    struct pending *pending;
    uint32_t        number;
    uint32_t        holder; /* as it stands in a record */
};

static bool may_hold(const void *summary, void *who)
{
    const struct summary *below = summary;
    const struct leaving *leaving = who;

    return (below->holders & UINT64_C(1) << (leaving->holder & 63)) != 0;
}

static bool leaves(void *who, const void *what)
{
    const struct leaving *leaving = who;
    const struct record *record = what;
    struct delivery delivery;

    if (LIKELY(record_times(record) != TIMES_WIDE && leaving->number <= HOLDER_MOST))
        return record_holder(record) == leaving->holder;
    if (record_holder(record) != leaving->holder || record_times(record) != TIMES_WIDE)
        return false;
    unpack(leaving->pending, record, &delivery);
    if (delivery.holder != leaving->number)
        return false;
    drop_wide(leaving->pending, delivery.id);
    return true;
}

size_t pending_remove_holder(struct pending *pending, uint32_t holder)
{
    struct leaving leaving = { pending, holder, holder_of(holder) };

    must(holder != 0);
    return pending == NULL ? 0 : ordered_remove_where(pending->records, may_hold, leaves, &leaving);
}

void pending_visit(const struct pending *pending,
                   void (*visit)(void *who, const struct delivery *delivery), void *who)
{
    struct ordered_cursor at;

    if (pending == NULL)
        return;
    for (at = ordered_first(pending->records); at.record != NULL;
         at = ordered_next(pending->records, at)) {
        struct delivery delivery;

        unpack(pending, at.record, &delivery);
        visit(who, &delivery);
    }
}

bool pending_first(const struct pending *pending, struct delivery *delivery)
{
    const struct record *record =
        pending != NULL ? ordered_first(pending->records).record : NULL;

    if (record != NULL)
        unpack(pending, record, delivery);
    return record != NULL;
}

bool pending_last(const struct pending *pending, struct delivery *delivery)
{
    const struct record *record =
        pending != NULL ? ordered_last(pending->records).record : NULL;

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

/* The first not below `from` of one holder or of anybody, as early as a summary must say. */
static bool seek(const struct pending *pending, struct entry_id from, uint32_t holder,
                 uint64_t until, struct delivery *delivery)
{
    bool anybody = holder == PENDING_ANYBODY;
    struct sought sought = {
        .until = until,
        .holders = anybody ? UINT64_MAX : UINT64_C(1) << (holder_of(holder) & 63),
    };

    for (;;) {
        struct ordered_cursor at = ordered_seek(pending->records, &from, is_sought, &sought);

        if (at.record == NULL)
            return false;
        unpack(pending, at.record, delivery);
        if (anybody || delivery->holder == holder)
            return true;
        /* Another consumer with the same bit. */
        from = delivery->id;
        if (!entry_id_step(&from))
            return false;
    }
}

bool pending_seek(const struct pending *pending, struct entry_id from,
                  struct pending_filter filter, struct delivery *delivery)
{
    /* What nobody holds has been idle for ever. */
    uint64_t until = filter.delivered_until < 0
                         ? SUMMARY_HELD - 1
                         : SUMMARY_HELD | (uint64_t)filter.delivered_until;

    return pending != NULL && seek(pending, from, filter.holder, until, delivery);
}

bool pending_longest(const struct pending *pending, struct delivery *delivery)
{
    struct summary all;

    if (pending == NULL || ordered_fold_before(pending->records, NULL, &all) == 0)
        return false;
    return seek(pending, ENTRY_ID_MIN, PENDING_ANYBODY, all.earliest, delivery);
}

size_t pending_memory(const struct pending *pending)
{
    if (pending == NULL)
        return 0;
    return memory_usable(pending) + ordered_memory(pending->records) +
           (pending->wide != NULL ? ordered_memory(pending->wide) : 0);
}

/* Places: ranks of the records, then, with this bit, of the wide ones. */
#define AMONG_WIDE (UINT64_C(1) << 39)

uint64_t pending_move(struct pending **moving, struct mover *mover, uint64_t at)
{
    struct pending *pending;

    if (*moving == NULL)
        return 0;
    if (at == 0)
        (void)mover_move(mover, moving);
    pending = *moving;
    if (at == 0) {
        (void)mover_move(mover, &pending->records);
        (void)mover_move(mover, &pending->wide);
    }
    if ((at & AMONG_WIDE) == 0) {
        at = ordered_move(pending->records, mover, at, NULL, NULL);
        if (at > 0 || pending->wide == NULL)
            return at;
    }
    at = pending->wide != NULL
             ? ordered_move(pending->wide, mover, at & ~AMONG_WIDE, NULL, NULL)
             : 0;
    return at > 0 ? at | AMONG_WIDE : 0;
}

void pending_check(const struct pending *pending)
{
    struct ordered_cursor at;
    size_t wide_records = 0;
    size_t released = 0;

    if (pending == NULL)
        return;
    ordered_check(pending->records);
    for (at = ordered_first(pending->records); at.record != NULL;
         at = ordered_next(pending->records, at)) {
        const struct record *record = at.record;
        const struct wide *wide;

        if (record_holder(record) == 0) {
            must(record_time(record) > 0 && record_time(record) <= pending->turns);
            released++;
        }
        if (record_times(record) != TIMES_WIDE)
            continue;
        wide_records++;
        must(pending->wide != NULL);
        wide = ordered_find(pending->wide, &record->id);
        must(wide != NULL);
        must(holder_of((uint32_t)wide->holder) == record_holder(record));
    }
    must(released == pending->released);
    must(wide_records == (pending->wide != NULL ? ordered_count(pending->wide) : 0));
}

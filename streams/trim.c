/*
 * Trimming: whole segments first, then, if exactness is wanted, entries of the
 * next one.
 */
#include "streams/trim.h"

#include "streams/cursor.h"
#include "streams/stream_private.h"

enum { LIMIT_LEAST = 10000, LIMIT_MOST = 1000000, JUDGED_ONE_BY_ONE = 16 };

uint64_t trim_usual_limit(const struct value_limits *limits)
{
    uint64_t limit = 100 * (uint64_t)limits->stream_node_entries;

    if (limit == 0)
        return LIMIT_LEAST;
    return limit < LIMIT_MOST ? limit : LIMIT_MOST;
}

/* How much there would be if some had gone. */
struct left {
    uint64_t length;
    uint64_t bytes;
};

/* Whether the first segment may go whole, of which `behind` is what begins the next one. */
static bool is_dispensable(const struct trim *trim, const struct segment *segment, uint32_t live,
                           const struct entry_id *behind, struct left left)
{
    switch (trim->rule) {
    case TRIM_NOTHING:
        return false;
    case TRIM_MAXLEN:
        return left.length >= trim->max_length + live;
    case TRIM_MINID:
        /* Mostly the next segment tells, and this one need not be fetched. */
        return (behind != NULL && entry_id_compare(*behind, trim->min_id) <= 0) ||
               entry_id_compare(segment->last, trim->min_id) < 0;
    case TRIM_MAXBYTES:
        return behind != NULL && left.bytes > trim->max_bytes;
    }
    return false;
}

/* What may become of a sealed segment if all before it go. */
enum dropping { DROP_IT, DROP_NO_MORE, DROP_LIMIT_REACHED };

static enum dropping judge(const struct stream *stream, const struct trim *trim,
                           struct ordered_cursor at, struct left left)
{
    const struct sealed *sealed = at.record;
    const struct sealed *next = ordered_next(stream->sealed, at).record;
    struct entry_id behind = stream->tail != NULL ? stream->tail->base : ENTRY_ID_MIN;
    bool is_last = next == NULL && stream->tail == NULL;

    if (next != NULL)
        behind = next->first;
    else if (!is_last)
        must(entry_id_step(&behind));
    if (!is_dispensable(trim, sealed->segment, sealed->live, is_last ? NULL : &behind, left))
        return DROP_NO_MORE;
    return trim->limit == 0 || stream->length - left.length + sealed->live <= trim->limit
               ? DROP_IT
               : DROP_LIMIT_REACHED;
}

/* What would be left if all before a place went. */
static struct left left_from(const struct stream *stream, struct ordered_cursor at)
{
    struct sealed_sum sum;

    (void)ordered_fold_before(stream->sealed, at.record, &sum);
    return (struct left){ stream->length - sum.live, stream->bytes - sum.bytes };
}

/*
 * How many sealed segments may go, and how the first that stays was judged.
 * Mostly few go, so the first ones are judged one by one; of many the first
 * that stays is found by halving, since none behind it may go.
 */
static size_t count_droppable(const struct stream *stream, const struct trim *trim,
                              enum dropping *why)
{
    struct ordered_cursor at = ordered_first(stream->sealed);
    struct left left = { stream->length, stream->bytes };
    size_t low = 0;
    size_t high = ordered_count(stream->sealed);

    *why = DROP_NO_MORE;
    for (; low < high && low < JUDGED_ONE_BY_ONE; low++) {
        const struct sealed *sealed = at.record;

        *why = judge(stream, trim, at, left);
        if (*why != DROP_IT)
            return low;
        left.length -= sealed->live;
        left.bytes -= sealed->bytes;
        at = ordered_next(stream->sealed, at);
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        enum dropping judged;

        at = ordered_at(stream->sealed, middle);
        judged = judge(stream, trim, at, left_from(stream, at));
        if (judged == DROP_IT) {
            low = middle + 1;
        } else {
            high = middle;
            *why = judged;
        }
    }
    return low;
}

/* Drops whole segments. False if the limit was reached. */
static bool drop_segments(struct stream *stream, const struct trim *trim)
{
    const struct segment *tail = stream->tail;
    uint64_t before = stream->length;
    size_t sealed = stream->sealed != NULL ? ordered_count(stream->sealed) : 0;
    enum dropping why = DROP_NO_MORE;
    size_t count = sealed > 0 ? count_droppable(stream, trim, &why) : 0;

    stream_drop_sealed(stream, count, trim->discard);
    if (count < sealed)
        return why != DROP_LIMIT_REACHED;
    if (tail == NULL || !is_dispensable(trim, tail, tail->live, NULL,
                                        (struct left){ stream->length, stream->bytes }))
        return true;
    if (trim->limit > 0 && before - stream->length + tail->live > trim->limit)
        return false;
    stream_drop_tail(stream);
    return true;
}

/* Whether the first entry there is, or one that is looked at, must go. */
static bool must_go(const struct trim *trim, uint64_t length, struct entry_id id)
{
    return trim->rule == TRIM_MAXLEN ? length > trim->max_length
                                     : entry_id_compare(id, trim->min_id) < 0;
}

static void drop_entries(struct stream *stream, const struct trim *trim)
{
    while (stream->length > 0 &&
           must_go(trim, stream->length,
                   trim->rule == TRIM_MAXLEN ? ENTRY_ID_MIN : stream_first_id(stream)))
        stream_drop_first_entry(stream);
}

/* -- Where what something refers to stays. */

/*
 * A search for entries that may go, segment by segment from the front on. Runs
 * of segments that nothing refers to go at once, those of which every entry is
 * pending are passed over; only the entries of others are looked at.
 */
struct picking {
    struct stream     *stream;
    const struct trim *trim;
    struct reference_view view;
    size_t             rank; /* the sealed segment to be looked at; behind the last, the tail */
    uint64_t           most; /* so many may still go */
};

/* How many there are too many. */
static uint64_t too_many(const struct picking *picking)
{
    uint64_t length = picking->stream->length;
    uint64_t most = picking->trim->max_length;

    if (picking->trim->rule != TRIM_MAXLEN)
        return UINT64_MAX;
    return length > most ? length - most : 0;
}

/* How many may go from here on, whatever refers to them. */
static uint64_t may_still_go(const struct picking *picking)
{
    uint64_t most = too_many(picking);

    return most < picking->most ? most : picking->most;
}

/* The first ID not below one that has to stay. */
static struct entry_id first_to_stay(const struct picking *picking, struct entry_id from)
{
    struct entry_id stays = reference_view_first(&picking->view, from);

    if (picking->trim->rule == TRIM_MINID && entry_id_compare(picking->trim->min_id, stays) < 0)
        return picking->trim->min_id;
    return stays;
}

/* How many of the sealed segments from `rank` up to `end` have no more live entries than that. */
static size_t segments_within(const struct stream *stream, size_t rank, size_t end, uint64_t most)
{
    struct sealed_sum before, sum;
    size_t low = rank;

    (void)ordered_fold_before(stream->sealed, ordered_at(stream->sealed, rank).record, &before);
    while (low < end) {
        size_t middle = low + (end - low) / 2;

        (void)ordered_fold_before(stream->sealed, ordered_at(stream->sealed, middle + 1).record,
                                  &sum);
        if (sum.live - before.live <= most)
            low = middle + 1;
        else
            end = middle;
    }
    return low - rank;
}

/* Drops segments from here on that may go whole. False if this one may not. */
static bool drop_run(struct picking *picking, struct entry_id stays)
{
    struct stream *stream = picking->stream;
    size_t end = ordered_rank(stream->sealed, &stays);
    uint64_t length = stream->length;
    size_t run;

    if (end > 0) {
        const struct sealed *last = ordered_at(stream->sealed, end - 1).record;

        end -= entry_id_compare(last->segment->last, stays) >= 0;
    }
    if (end <= picking->rank)
        return false;
    run = segments_within(stream, picking->rank, end, may_still_go(picking));
    if (run == 0)
        return false;
    if (picking->rank == 0)
        stream_drop_sealed(stream, run, picking->trim->discard);
    else
        stream_delete_sealed(stream, picking->rank, run, picking->trim->discard);
    picking->most -= length - stream->length;
    return true;
}

/* Deletes those entries of a segment that may go. False if none behind them may. */
static bool delete_some(struct picking *picking, const struct segment *segment)
{
    const struct trim *trim = picking->trim;
    uint64_t most = may_still_go(picking);
    struct buffer ids = { 0 };
    struct segment_walk walk;
    struct entry entry;
    bool goes_on = true;

    /* Approximately, the entries of a segment go only where all of them might. */
    if (trim->approximate &&
        (trim->rule == TRIM_MAXLEN ? segment->live > too_many(picking)
                                   : entry_id_compare(segment->last, trim->min_id) >= 0))
        return false;
    segment_walk_begin(&walk, segment);
    while (goes_on && segment_walk_next(&walk, &entry)) {
        goes_on = ids.len / sizeof(entry.id) < most &&
                  entry_id_compare(entry.id, picking->view.read_by_all) <= 0 &&
                  (trim->rule != TRIM_MINID || entry_id_compare(entry.id, trim->min_id) < 0);
        if (goes_on && !reference_view_is_pending(&picking->view, entry.id))
            buffer_add(&ids, slice_of(&entry.id, sizeof(entry.id)));
    }
    for (size_t i = 0; i < ids.len / sizeof(entry.id); i++) {
        memcpy(&entry.id, ids.at + i * sizeof(entry.id), sizeof(entry.id));
        if (entry_id_equal(entry.id, stream_first_id(picking->stream)))
            stream_drop_first_entry(picking->stream);
        else
            must(stream_delete(picking->stream, entry.id));
        picking->most--;
    }
    buffer_clear(&ids);
    return goes_on;
}

/* How many sealed segments from here on have only entries that are pending. Where entries were
 * deleted nobody knows whose deliveries are counted, so there the answer is 0. */
static size_t pending_run(const struct picking *picking)
{
    const struct ordered *tree = picking->stream->sealed;
    const struct sealed *from = ordered_at(tree, picking->rank).record;
    struct sealed_sum before, sum;
    size_t low = picking->rank;
    size_t high = ordered_count(tree);

    if (entry_id_compare(from->first, stream_sound_from(picking->stream)) < 0)
        return 0;
    (void)ordered_fold_before(tree, from, &before);
    /* Mostly there is one that is not, soon. */
    for (size_t step = 1; low < high; step *= 2) {
        size_t middle = low + step <= high ? low + step - 1 : low + (high - low) / 2;
        const struct sealed *to = ordered_at(tree, middle).record;

        (void)ordered_fold_before(tree, to, &sum);
        if (reference_view_covers(&picking->view, from->first, to->segment->last,
                                  sum.live + to->live - before.live)) {
            low = middle + 1;
        } else {
            high = middle;
            step = 1;
        }
    }
    return low - picking->rank;
}

static void drop_unreferenced(struct stream *stream, const struct trim *trim)
{
    struct picking picking = { .stream = stream,
                               .trim = trim,
                               .most = trim->limit > 0 ? trim->limit : UINT64_MAX };
    bool goes_on = trim->rule != TRIM_MAXBYTES;

    reference_view_begin(&picking.view, stream, trim->dead_before);
    while (goes_on && stream->sealed != NULL && picking.rank < ordered_count(stream->sealed)) {
        const struct sealed *sealed = ordered_at(stream->sealed, picking.rank).record;
        size_t segments = ordered_count(stream->sealed);
        size_t run;

        if (drop_run(&picking, first_to_stay(&picking, sealed->first)))
            continue;
        goes_on = may_still_go(&picking) > 0 &&
                  (trim->rule != TRIM_MINID ||
                   entry_id_compare(sealed->first, trim->min_id) < 0);
        run = goes_on ? pending_run(&picking) : 0;
        picking.rank += run;
        if (goes_on && run == 0) {
            goes_on = delete_some(&picking, sealed->segment);
            /* It may be gone, if what was pending in it had been deleted before. */
            picking.rank += ordered_count(stream->sealed) == segments;
        }
    }
    if (goes_on && stream->tail != NULL)
        (void)delete_some(&picking, stream->tail);
    reference_view_end(&picking.view);
}

/* Forgets what was pending of trimmed entries. */
static void drop_references(struct stream *stream, struct entry_id from, struct discard *discard)
{
    struct entry_id to = stream->length > 0 ? stream_first_id(stream) : stream->last_id;
    struct reference_view view;

    if (stream->length > 0 && !entry_id_step_back(&to))
        return;
    reference_view_begin(&view, stream, 0);
    (void)reference_view_drop(&view, from, to, discard);
    reference_view_end(&view);
}

uint64_t trim_apply(struct stream *stream, const struct trim *trim)
{
    uint64_t before = stream->length;
    struct entry_id first;

    if (trim->rule == TRIM_NOTHING || before == 0 ||
        (trim->rule == TRIM_MAXLEN && before <= trim->max_length))
        return 0;
    if (trim->references == REFERENCE_NONE && stream_groups(stream) > 0) {
        drop_unreferenced(stream, trim);
        return before - stream->length;
    }
    first = trim->references == REFERENCE_DROP ? stream_first_id(stream) : ENTRY_ID_MIN;
    if (drop_segments(stream, trim) && !trim->approximate && trim->rule != TRIM_MAXBYTES)
        drop_entries(stream, trim);
    if (trim->references == REFERENCE_DROP && stream->length < before)
        drop_references(stream, first, trim->discard);
    return before - stream->length;
}

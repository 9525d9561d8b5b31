/*
 * A segment packs neighbouring entries of a stream into one block.
 *
 * Most entries of a stream have the same fields in the same order, so the
 * segment names the fields once, in its head, and an entry that agrees keeps
 * values only. Neighbours were mostly made in the same or the next
 * milliseconds, so an ID is kept as the difference from the one before, often
 * in no byte at all.
 *
 *   data    name ... name | entry ... entry
 *   name    length | bytes
 *   entry   flags u8 | length of what follows | [ms] | [seq] | body
 *   body    value ... value               the fields are those of the head
 *           pairs | name value ...        it has its own (ENTRY_OWN_NAMES)
 *
 *   flags   ENTRY_DELETED    skipped by walks, gone when the segment is rewritten
 *           ENTRY_OWN_NAMES  fields differ from the head's
 *           ENTRY_MS         ms follows: how much later than the one before
 *           ENTRY_SEQ        seq follows: in a new ms the number itself, in the
 *                            same ms how many numbers were left out
 *
 * Lengths, counts, ms and seq have seven bits a byte, the least first, bit 7 for
 * "more follows" (segment_private.h, also for values).
 *
 * The length lets a search step over an entry without looking into it. There
 * are no lengths for walking backwards: a cursor that does so remembers where
 * entries begin (cursor.c).
 *
 * What always holds:
 *   (1) IDs rise strictly, and all are greater than `base`.
 *   (2) The entry at `begin` is live, unless live == 0.
 *   (3) `entries` is the number of entries from `begin` on, `live` of them live.
 *   (4) `last` is the ID of the last entry, deleted or not.
 *   (5) head <= begin <= used <= room.
 *   (6) The last entry begins at `final`, if there is any from `begin` on.
 */
#include "streams/segment.h"

#include "storage/base/memory.h"
#include "streams/segment_private.h"

enum entry_flags {
    ENTRY_DELETED = 1 << 0,
    ENTRY_OWN_NAMES = 1 << 1,
    ENTRY_MS = 1 << 2,
    ENTRY_SEQ = 1 << 3,
};

enum {
    ENTRY_HEAD_MAX = 1 + 5 + 2 * VARINT_MAX,
    SEGMENT_USUAL_ROOM = 4096 - (int)sizeof(struct segment)
};

void entry_pairs_begin(struct entry_pairs *pairs, const struct entry *entry)
{
    pairs->names = entry->names;
    pairs->values = entry->values;
    pairs->left = entry->pairs;
}

bool entry_pairs_next(struct entry_pairs *pairs, struct slice *field, struct slice *value)
{
    if (pairs->left == 0)
        return false;
    pairs->left--;
    if (LIKELY(pairs->names != NULL))
        pairs->names = get_name(pairs->names, field);
    else
        pairs->values = get_name(pairs->values, field);
    pairs->values = get_value(pairs->values, value, pairs->number);
    return true;
}

void entry_words(const struct entry *entry, struct slice *words, char *numbers)
{
    struct entry_pairs pairs;
    struct slice field, value;

    entry_pairs_begin(&pairs, entry);
    while (entry_pairs_next(&pairs, &field, &value)) {
        *words++ = field;
        if (value.at == pairs.number) {
            memcpy(numbers, value.at, value.len);
            value.at = numbers;
            numbers += NUMBER_INTEGER_MAX;
        }
        *words++ = value;
    }
}

/* -- The block. */

static struct segment *segment_resize(struct segment *segment, size_t room)
{
    size_t size = memory_good_size(sizeof(struct segment) + room);

    segment = memory_resize(segment, size);
    segment->room = (uint32_t)(size - sizeof(struct segment));
    return segment;
}

struct segment *segment_new(struct entry_id first, const struct slice *fields, size_t pairs,
                            size_t expected)
{
    size_t names = 0;
    struct segment *segment;
    char *to;

    for (size_t i = 0; i < pairs; i++)
        names += varint_width(fields[2 * i].len) + fields[2 * i].len;
    segment = segment_resize(NULL, names + expected);
    to = segment->data;
    for (size_t i = 0; i < pairs; i++)
        to = put_name(to, fields[2 * i]);

    segment->base = first;
    must(entry_id_step_back(&segment->base));
    segment->last = segment->base;
    segment->head = segment->begin = segment->used = (uint32_t)(to - segment->data);
    segment->final = segment->begin;
    segment->live = segment->entries = 0;
    segment->fields = (uint32_t)pairs;
    segment->written = 0;
    return segment;
}

struct segment *segment_copy(const struct segment *segment)
{
    struct segment *copy = segment_resize(NULL, segment->used);
    uint32_t room = copy->room;

    memcpy(copy, segment, sizeof(*segment) + segment->used);
    copy->room = room;
    return copy;
}

void segment_free(struct segment *segment)
{
    memory_free(segment);
}

size_t segment_entry_bytes(const struct slice *fields, size_t pairs)
{
    size_t bytes = ENTRY_HEAD_MAX + VARINT_MAX;

    for (size_t i = 0; i < 2 * pairs; i++)
        bytes += value_bytes(fields[i].len);
    return bytes;
}

/* Whether an entry's fields are those of the head, in the same order. */
static bool agrees(const struct segment *segment, const struct slice *fields, size_t pairs)
{
    const char *at = segment->data;
    struct slice name;

    if (pairs != segment->fields)
        return false;
    for (size_t i = 0; i < pairs; i++) {
        at = get_name(at, &name);
        if (!slice_equal(name, fields[2 * i]))
            return false;
    }
    return true;
}

/*
 * Room for so many bytes more. Small blocks double, so that a short stream stays short, but not
 * beyond what segments usually come to.
 */
static struct segment *segment_reserve(struct segment *segment, size_t more)
{
    size_t wanted = segment->used + more;
    size_t room = 2 * (size_t)segment->room;

    must(wanted <= SEGMENT_BYTES_MAX);
    if (wanted <= segment->room)
        return segment;
    if (room > SEGMENT_USUAL_ROOM)
        room = SEGMENT_USUAL_ROOM;
    return segment_resize(segment, wanted < room ? room : wanted);
}

/* Writes what tells `id` from the one before; returns the end and the flags it needs. */
static inline char *put_id(char *to, struct entry_id before, struct entry_id id, uint8_t *flags)
{
    uint64_t seq = id.seq;

    if (id.ms != before.ms) {
        *flags |= ENTRY_MS;
        to = put_varint(to, id.ms - before.ms);
    } else {
        seq -= before.seq + 1;
    }
    if (seq != 0) {
        *flags |= ENTRY_SEQ;
        to = put_varint(to, seq);
    }
    return to;
}

struct segment *segment_append(struct segment *segment, struct entry_id id,
                               const struct slice *fields, size_t pairs)
{
    bool same = agrees(segment, fields, pairs);
    uint8_t flags = same ? 0 : ENTRY_OWN_NAMES;
    size_t most = 2 * VARINT_MAX + (same ? 0 : VARINT_MAX);
    char *entry, *body, *to;
    unsigned width;

    for (size_t i = 0; i < pairs; i++) {
        most += value_bytes(fields[2 * i + 1].len);
        if (!same)
            most += 5 + fields[2 * i].len;
    }
    segment = segment_reserve(segment, 6 + most);
    entry = segment->data + segment->used;
    width = varint_width(most);
    body = to = entry + 1 + width;
    to = put_id(to, segment->last, id, &flags);
    if (!same)
        to = put_varint(to, pairs);
    for (size_t i = 0; i < pairs; i++) {
        if (!same)
            to = put_name(to, fields[2 * i]);
        to = put_value(to, fields[2 * i + 1]);
    }
    must(segment->written < SEGMENT_ENTRIES_MAX);
    *entry = (char)flags;
    put_varint_wide(entry + 1, (uint64_t)(to - body), width);

    segment->final = segment->used;
    segment->used = (uint32_t)(to - segment->data);
    segment->last = id;
    segment->live++;
    segment->entries++;
    segment->written++;
    return segment;
}

struct segment *segment_seal(struct segment *segment)
{
    size_t size = sizeof(struct segment) + segment->used;

    if (memory_good_size(size) >= sizeof(struct segment) + segment->room)
        return segment;
    return segment_resize(segment, segment->used);
}

/* -- Walking. */

void segment_walk_begin(struct segment_walk *walk, const struct segment *segment)
{
    walk->segment = segment;
    walk->at = segment->begin;
    walk->id = segment->base;
}

/* One entry's head, deleted or not: moves `id` on and tells where the body is and where it ends. */
static inline const char *step(const char *at, struct entry_id *id, const char **end)
{
    uint8_t flags = (uint8_t)*at++;
    uint64_t length;
    uint64_t number = 0;

    at = get_varint(at, &length);
    *end = at + length;
    if (flags & ENTRY_MS) {
        at = get_varint(at, &number);
        id->ms += number;
        id->seq = 0;
    } else {
        id->seq++;
    }
    if (flags & ENTRY_SEQ) {
        at = get_varint(at, &number);
        id->seq += number;
    }
    return at;
}

void segment_walk_seek(struct segment_walk *walk, const struct segment *segment,
                       struct entry_id id)
{
    const char *at = segment->data + segment->begin;
    const char *limit = segment->data + segment->used;
    struct entry_id before = segment->base;

    walk->segment = segment;
    while (at < limit) {
        struct entry_id here = before;
        const char *end;

        step(at, &here, &end);
        if (entry_id_compare(here, id) >= 0)
            break;
        before = here;
        at = end;
    }
    walk->at = (uint32_t)(at - segment->data);
    walk->id = before;
}

/* The fields and values of an entry whose body begins at `at`. */
static inline void read_body(const struct segment *segment, uint8_t flags, const char *at,
                             struct entry *entry)
{
    entry->names = segment->data;
    entry->pairs = segment->fields;
    if (UNLIKELY(flags & ENTRY_OWN_NAMES)) {
        uint64_t pairs;

        at = get_varint(at, &pairs);
        entry->pairs = (uint32_t)pairs;
        entry->names = NULL;
    }
    entry->values = at;
}

bool segment_last(const struct segment *segment, struct entry *entry)
{
    const char *at = segment->data + segment->final;
    uint8_t flags = (uint8_t)*at;
    struct entry_id ignored = ENTRY_ID_MIN;
    const char *end;

    if (segment->live == 0 || (flags & ENTRY_DELETED))
        return false;
    entry->id = segment->last;
    read_body(segment, flags, step(at, &ignored, &end), entry);
    return true;
}

bool segment_walk_next(struct segment_walk *walk, struct entry *entry)
{
    const struct segment *segment = walk->segment;

    while (walk->at < segment->used) {
        const char *at = segment->data + walk->at;
        uint8_t flags = (uint8_t)*at;
        const char *end;

        at = step(at, &walk->id, &end);
        walk->at = (uint32_t)(end - segment->data);
        if (UNLIKELY(flags & ENTRY_DELETED))
            continue;
        entry->id = walk->id;
        read_body(segment, flags, at, entry);
        return true;
    }
    return false;
}

uint32_t segment_count_below(const struct segment *segment, struct entry_id id)
{
    const char *at = segment->data + segment->begin;
    const char *limit = segment->data + segment->used;
    struct entry_id here = segment->base;
    uint32_t count = 0;

    if (entry_id_compare(segment->last, id) < 0)
        return segment->live;
    while (at < limit) {
        uint8_t flags = (uint8_t)*at;

        step(at, &here, &at);
        if (entry_id_compare(here, id) >= 0)
            break;
        count += !(flags & ENTRY_DELETED);
    }
    return count;
}

/* -- Deleting. */

/* Moves `begin` behind the deleted entries it stands at: invariant (2). */
static void skip_deleted(struct segment *segment)
{
    while (segment->begin < segment->used && (segment->data[segment->begin] & ENTRY_DELETED)) {
        const char *end;

        step(segment->data + segment->begin, &segment->base, &end);
        segment->begin = (uint32_t)(end - segment->data);
        segment->entries--;
    }
}

bool segment_delete(struct segment *segment, struct entry_id id)
{
    struct segment_walk walk;
    const char *end;
    struct entry_id here;

    segment_walk_seek(&walk, segment, id);
    if (walk.at >= segment->used || (segment->data[walk.at] & ENTRY_DELETED))
        return false;
    here = walk.id;
    step(segment->data + walk.at, &here, &end);
    if (!entry_id_equal(here, id))
        return false;
    segment->data[walk.at] |= ENTRY_DELETED;
    segment->live--;
    if (walk.at == segment->begin)
        skip_deleted(segment);
    return true;
}

void segment_delete_first(struct segment *segment)
{
    must(segment->live > 0);
    segment->data[segment->begin] |= ENTRY_DELETED;
    segment->live--;
    skip_deleted(segment);
}

bool segment_is_sparse(const struct segment *segment)
{
    return 2 * segment->live <= segment->entries ||
           2 * (uint64_t)(segment->begin - segment->head) > segment->used - segment->head;
}

struct segment *segment_compact(struct segment *segment)
{
    size_t most = segment->used - (segment->begin - segment->head) +
                  (size_t)segment->live * (ENTRY_HEAD_MAX + 1);
    struct segment *fresh = segment_resize(NULL, most);
    const char *at = segment->data + segment->begin;
    const char *limit = segment->data + segment->used;
    struct entry_id here = segment->base;
    struct entry_id before = here;
    size_t room = fresh->room;
    char *to;

    *fresh = *segment;
    fresh->room = (uint32_t)room;
    memcpy(fresh->data, segment->data, segment->head);
    to = fresh->data + segment->head;
    while (at < limit) {
        uint8_t flags = (uint8_t)*at;
        const char *end;
        const char *body = step(at, &here, &end);

        at = end;
        if (flags & ENTRY_DELETED)
            continue;

        char id[2 * VARINT_MAX];
        uint8_t kept = flags & ENTRY_OWN_NAMES;
        size_t id_bytes = (size_t)(put_id(id, before, here, &kept) - id);
        size_t body_bytes = (size_t)(end - body);

        fresh->final = (uint32_t)(to - fresh->data);
        *to++ = (char)kept;
        to = put_varint(to, id_bytes + body_bytes);
        memcpy(to, id, id_bytes);
        memcpy(to + id_bytes, body, body_bytes);
        to += id_bytes + body_bytes;
        before = here;
    }
    /* What follows is told from the last entry that is left. */
    fresh->last = before;
    fresh->begin = segment->head;
    fresh->used = (uint32_t)(to - fresh->data);
    fresh->entries = segment->live;
    segment_free(segment);
    return segment_seal(fresh);
}

size_t segment_memory(const struct segment *segment)
{
    return memory_usable(segment);
}

void segment_check(const struct segment *segment)
{
    const char *at = segment->data + segment->begin;
    const char *limit = segment->data + segment->used;
    const char *final = NULL;
    struct entry_id here = segment->base;
    uint32_t live = 0;
    uint32_t entries = 0;

    must(segment->head <= segment->begin && segment->begin <= segment->used);
    must(segment->used <= segment->room);
    must(segment->live == 0 || !(segment->data[segment->begin] & ENTRY_DELETED));
    while (at < limit) {
        struct entry_id before = here;
        uint8_t flags = (uint8_t)*at;

        final = at;
        step(at, &here, &at);
        must(entry_id_compare(before, here) < 0);
        live += !(flags & ENTRY_DELETED);
        entries++;
    }
    must(at == limit);
    must(final == NULL || final == segment->data + segment->final);
    must(entry_id_equal(here, segment->last));
    must(live == segment->live);
    must(entries == segment->entries);
}

/* Asking all groups of a stream about an entry. */
#include "streams/reference.h"

bool reference_is_dead(const struct group *group, millis dead_before)
{
    return group_seen_at(group) > 0 && group_seen_at(group) < dead_before;
}

/* Whether an ID is pending in some group. */
static bool is_pending(const struct stream *stream, struct entry_id id, millis dead_before)
{
    struct delivery delivery;
    struct group_walk groups = stream_walk_groups(stream);

    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;) {
        if (pending_count(group_pending(group)) > 0 && !reference_is_dead(group, dead_before) &&
            pending_find(group_pending(group), id, &delivery))
            return true;
    }
    return false;
}

/* The last ID that all groups have read; the greatest there is if there are no groups. */
static struct entry_id read_by_all(const struct stream *stream, millis dead_before)
{
    struct entry_id least = ENTRY_ID_MAX;
    struct group_walk groups = stream_walk_groups(stream);

    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;) {
        struct entry_id read = group_last_id(group);

        if (entry_id_compare(read, least) < 0 && !reference_is_dead(group, dead_before))
            least = read;
    }
    return least;
}

bool reference_exists(const struct stream *stream, struct entry_id id, millis dead_before)
{
    return entry_id_compare(id, read_by_all(stream, dead_before)) > 0 ||
           is_pending(stream, id, dead_before);
}

void reference_view_begin(struct reference_view *view, const struct stream *stream,
                          millis dead_before)
{
    struct group_walk groups = stream_walk_groups(stream);

    *view = (struct reference_view){ .stream = stream,
                                     .dead_before = dead_before,
                                     .read_by_all = ENTRY_ID_MAX };
    for (struct group *group; (group = stream_next_group(&groups)) != NULL;) {
        if (pending_count(group_pending(group)) > 0)
            buffer_add(&view->groups, slice_of(&group, sizeof(group)));
        if (entry_id_compare(group_last_id(group), view->read_by_all) < 0 &&
            !reference_is_dead(group, dead_before))
            view->read_by_all = group_last_id(group);
    }
}

void reference_view_end(struct reference_view *view)
{
    buffer_clear(&view->groups);
}

/* The groups of a view. */
static struct group *const *groups_of(const struct reference_view *view, size_t *count)
{
    *count = view->groups.len / sizeof(struct group *);
    return (struct group *const *)(const void *)view->groups.at;
}

bool reference_view_is_pending(const struct reference_view *view, struct entry_id id)
{
    struct delivery delivery;
    size_t count;
    struct group *const *groups = groups_of(view, &count);

    for (size_t i = 0; i < count; i++) {
        if (!reference_is_dead(groups[i], view->dead_before) &&
            pending_find(group_pending(groups[i]), id, &delivery))
            return true;
    }
    return false;
}

struct entry_id reference_view_first(const struct reference_view *view, struct entry_id from)
{
    struct entry_id first = view->read_by_all;
    struct delivery delivery;
    size_t count;
    struct group *const *groups = groups_of(view, &count);

    if (!entry_id_step(&first))
        first = ENTRY_ID_MAX;
    if (entry_id_compare(first, from) < 0)
        first = from;
    for (size_t i = 0; i < count; i++) {
        if (!reference_is_dead(groups[i], view->dead_before) &&
            pending_seek(group_pending(groups[i]), from, PENDING_ALL, &delivery) &&
            entry_id_compare(delivery.id, first) < 0)
            first = delivery.id;
    }
    return first;
}

bool reference_view_covers(const struct reference_view *view, struct entry_id from,
                           struct entry_id to, uint64_t wanted)
{
    size_t count;
    struct group *const *groups = groups_of(view, &count);

    if (!entry_id_step_back(&from))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct pending *pending = group_pending(groups[i]);

        if (!reference_is_dead(groups[i], view->dead_before) &&
            pending_count_until(pending, to) - pending_count_until(pending, from) >= wanted)
            return true;
    }
    return false;
}

uint64_t reference_view_drop(const struct reference_view *view, struct entry_id from,
                             struct entry_id to, struct discard *discard)
{
    uint64_t dropped = 0;
    size_t count;
    struct group *const *groups = groups_of(view, &count);

    for (size_t i = 0; i < count; i++)
        dropped += group_forget_range(groups[i], from, to, discard);
    return dropped;
}

/* Whether something refers to an ID. */
static bool is_referred_to(const struct reference_view *view, struct entry_id id)
{
    return entry_id_compare(id, view->read_by_all) > 0 || reference_view_is_pending(view, id);
}

enum reference_answer reference_delete(struct stream *stream, struct entry_id id,
                                       enum reference_rule rule, const struct reference_view *view,
                                       uint64_t *dropped)
{
    struct entry entry;

    if (rule == REFERENCE_DROP)
        *dropped += reference_view_drop(view, id, id, NULL);
    if (rule == REFERENCE_NONE && stream_find(stream, id, &entry) && is_referred_to(view, id))
        return REFERENCE_REFUSED;
    return stream_delete(stream, id) ? REFERENCE_DELETED : REFERENCE_MISSING;
}

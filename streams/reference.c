/* Asking all groups of a stream about an entry. */
#include "streams/reference.h"

bool reference_is_dead(const struct group *group, millis dead_before)
{
    return group_seen_at(group) > 0 && group_seen_at(group) < dead_before;
}

bool reference_is_pending(const struct stream *stream, struct entry_id id, millis dead_before)
{
    struct delivery delivery;

    for (const struct group *group = stream_group_after(stream, NULL); group != NULL;
         group = stream_group_after(stream, group)) {
        if (pending_count(group_pending(group)) > 0 && !reference_is_dead(group, dead_before) &&
            pending_find(group_pending(group), id, &delivery))
            return true;
    }
    return false;
}

bool reference_exists(const struct stream *stream, struct entry_id id, millis dead_before)
{
    return entry_id_compare(id, reference_read_by_all(stream, dead_before)) > 0 ||
           reference_is_pending(stream, id, dead_before);
}

struct entry_id reference_read_by_all(const struct stream *stream, millis dead_before)
{
    struct entry_id least = ENTRY_ID_MAX;

    for (const struct group *group = stream_group_after(stream, NULL); group != NULL;
         group = stream_group_after(stream, group)) {
        struct entry_id read = group_last_id(group);

        if (entry_id_compare(read, least) < 0 && !reference_is_dead(group, dead_before))
            least = read;
    }
    return least;
}

uint64_t reference_drop(const struct stream *stream, struct entry_id from, struct entry_id to)
{
    uint64_t dropped = 0;

    for (struct group *group = stream_group_after(stream, NULL); group != NULL;
         group = stream_group_after(stream, group))
        dropped += group_forget_range(group, from, to);
    return dropped;
}

enum reference_answer reference_delete(struct stream *stream, struct entry_id id,
                                       enum reference_rule rule, uint64_t *dropped)
{
    struct entry entry;

    if (rule == REFERENCE_DROP)
        *dropped += reference_drop(stream, id, id);
    if (rule == REFERENCE_NONE && stream_find(stream, id, &entry) &&
        reference_exists(stream, id, 0))
        return REFERENCE_REFUSED;
    return stream_delete(stream, id) ? REFERENCE_DELETED : REFERENCE_MISSING;
}

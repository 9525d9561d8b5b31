/*
 * The groups of a stream, by name in a tree; and what a stream weighs, most of
 * which, where groups have much to do, is theirs.
 */
#include "storage/base/memory.h"
#include "streams/group.h"
#include "streams/producers.h"
#include "streams/stream_private.h"

static int compare_names(const void *a, const void *b, void *who)
{
    const struct named_group *one = a, *other = b;

    (void)who;
    return slice_compare(one->name, other->name);
}

static const struct ordered_kind group_kind = {
    .record_size = sizeof(struct named_group),
    .lead = ORDERED_LEAD_NONE,
    .compare = compare_names,
};

size_t stream_groups(const struct stream *stream)
{
    return stream->groups != NULL ? ordered_count(stream->groups) : 0;
}

struct group *stream_find_group(const struct stream *stream, struct slice name)
{
    const struct named_group *found;

    if (stream->groups == NULL)
        return NULL;
    found = ordered_find(stream->groups, &name);
    return found != NULL ? found->group : NULL;
}

struct group_walk stream_walk_groups(const struct stream *stream)
{
    struct group_walk walk = { .tree = stream->groups };

    if (walk.tree != NULL)
        walk.at = ordered_first(walk.tree);
    return walk;
}

struct group *stream_next_group(struct group_walk *walk)
{
    const struct named_group *named = walk->at.record;

    if (named == NULL)
        return NULL;
    walk->at = ordered_next(walk->tree, walk->at);
    return named->group;
}

struct group *stream_add_group(struct stream *stream, struct slice name, struct entry_id last_id,
                               int64_t entries_read)
{
    struct group *group = group_new(name, last_id, entries_read);
    struct named_group named = { .name = group_name(group), .group = group };

    if (stream->groups == NULL)
        stream->groups = ordered_new(&group_kind, NULL);
    must(ordered_insert(stream->groups, &named));
    return group;
}

void stream_remove_group(struct stream *stream, struct group *group)
{
    stream_take_group(stream, group);
    group_free(group);
}

void stream_take_group(struct stream *stream, struct group *group)
{
    struct slice name = group_name(group);

    must(ordered_remove(stream->groups, &name, NULL));
}

void stream_copy_groups(struct stream *copy, const struct stream *stream)
{
    struct group_walk groups = stream_walk_groups(stream);

    for (struct group *group; (group = stream_next_group(&groups)) != NULL;) {
        struct group *twin = group_copy(group);
        struct named_group named = { .name = group_name(twin), .group = twin };

        if (copy->groups == NULL)
            copy->groups = ordered_new(&group_kind, NULL);
        must(ordered_insert(copy->groups, &named));
    }
}

void stream_free_groups(struct stream *stream)
{
    struct ordered_cursor at;

    if (stream->groups == NULL)
        return;
    for (at = ordered_first(stream->groups); at.record != NULL;
         at = ordered_next(stream->groups, at))
        group_free(((const struct named_group *)at.record)->group);
    ordered_free(stream->groups);
}

/* -- What it weighs. */

size_t stream_weight(const struct stream *stream, size_t groups)
{
    size_t bytes = sizeof(*stream) + stream->bytes;
    size_t counted = 0;
    size_t group_bytes = 0;
    struct group_walk walk = stream_walk_groups(stream);

    for (const struct group *group;
         counted < groups && (group = stream_next_group(&walk)) != NULL;) {
        group_bytes += sizeof(void *) * 16 + pending_memory(group_pending(group));
        counted++;
    }
    if (counted > 0)
        bytes += (size_t)((double)group_bytes * (double)stream_groups(stream) / (double)counted);
    return bytes;
}

size_t stream_memory(const struct stream *stream, size_t samples)
{
    size_t bytes = memory_usable(stream);
    size_t counted = 0;
    size_t group_bytes = 0;

    if (stream->tail != NULL)
        bytes += segment_memory(stream->tail);
    if (stream->sealed != NULL) {
        struct ordered_cursor at = ordered_first(stream->sealed);
        size_t segments = ordered_count(stream->sealed);
        size_t segment_bytes = 0;

        for (; at.record != NULL && (samples == 0 || counted < samples); counted++) {
            segment_bytes += segment_memory(((const struct sealed *)at.record)->segment);
            at = ordered_next(stream->sealed, at);
        }
        if (counted > 0)
            bytes += (size_t)((double)segment_bytes * (double)segments / (double)counted);
        bytes += ordered_memory(stream->sealed);
    }
    if (stream->groups != NULL) {
        struct group_walk groups = stream_walk_groups(stream);

        bytes += ordered_memory(stream->groups);
        counted = 0;
        for (const struct group *group; (samples == 0 || counted < samples) &&
                                        (group = stream_next_group(&groups)) != NULL;) {
            group_bytes += group_memory(group);
            counted++;
        }
        if (counted > 0)
            bytes += (size_t)((double)group_bytes * (double)stream_groups(stream) /
                              (double)counted);
    }
    if (stream->extra != NULL)
        bytes += memory_usable(stream->extra);
    if (stream_producers(stream) != NULL)
        bytes += producers_memory(stream_producers(stream));
    return bytes;
}

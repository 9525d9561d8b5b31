/* Bytes and age trim at the front; a work queue is looked through for what nobody needs. */
#include "streams/retention.h"

#include "streams/cursor.h"
#include "streams/group.h"
#include "streams/reference.h"
#include "streams/stream_private.h"
#include "streams/trim.h"

bool retention_is_set(const struct stream *stream)
{
    const struct stream_settings *settings = stream_settings(stream);

    return settings->max_bytes > 0 || settings->max_age > 0 || settings->work_queue;
}

millis retention_watched_at(const struct stream *stream)
{
    return stream->extra != NULL ? stream->extra->watched_at : 0;
}

void retention_set_watched(struct stream *stream, millis at)
{
    stream_extra(stream)->watched_at = at;
}

millis retention_looked_at(const struct stream *stream)
{
    return stream->extra != NULL ? stream->extra->looked_at : 0;
}

/* Groups that nobody used since then are dead; 0 if none can be. */
static millis dead_before(const struct stream *stream, millis now)
{
    millis ttl = stream_settings(stream)->group_ttl;

    return ttl > 0 && ttl < now ? now - ttl : 0;
}

bool retention_is_dead(const struct stream *stream, const struct group *group, millis now)
{
    return reference_is_dead(group, dead_before(stream, now));
}

/* A queue that only dead groups read keeps what it has. */
static bool some_group_lives(const struct stream *stream, millis now)
{
    struct group_walk groups = stream_walk_groups(stream);

    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;) {
        if (!retention_is_dead(stream, group, now))
            return true;
    }
    return false;
}

bool retention_is_spare(const struct stream *stream, struct entry_id id, millis now)
{
    return stream_settings(stream)->work_queue &&
           !reference_exists(stream, id, dead_before(stream, now));
}

void retention_drain(struct stream *stream, struct entry_id from)
{
    struct stream_extra *extra = stream_extra(stream);

    if (!extra->drains || entry_id_compare(from, extra->drain_from) < 0)
        extra->drain_from = from;
    extra->drains = true;
}

static void trim_front(struct stream *stream, millis now, struct retention_step *step)
{
    const struct stream_settings *settings = stream_settings(stream);
    struct trim trim = { .rule = TRIM_MAXBYTES,
                         .max_bytes = settings->max_bytes,
                         .discard = step->discard };

    if (settings->max_bytes > 0)
        step->left += trim_apply(stream, &trim);
    if (settings->max_age > 0 && settings->max_age <= now) {
        trim.rule = TRIM_MINID;
        trim.min_id = (struct entry_id){ (uint64_t)(now - settings->max_age) + 1, 0 };
        step->left += trim_apply(stream, &trim);
    }
}

/* A group that died since the last look may have been the last to refer to anything. */
static void look_for_dead(struct stream *stream, millis now)
{
    struct stream_extra *extra = stream->extra;
    millis before = dead_before(stream, extra->looked_at);
    millis dead = dead_before(stream, now);
    struct group_walk groups = stream_walk_groups(stream);

    extra->looked_at = now;
    for (const struct group *group; dead > 0 && (group = stream_next_group(&groups)) != NULL;) {
        if (reference_is_dead(group, dead) && !reference_is_dead(group, before)) {
            retention_drain(stream, ENTRY_ID_MIN);
            return;
        }
    }
}

/* Looks through entries for spare ones, as many as the budget allows. */
static void find_spare(struct stream *stream, millis now, struct retention_step *step)
{
    struct stream_extra *extra = stream->extra;
    millis dead = dead_before(stream, now);
    struct reference_view view;
    struct cursor cursor;
    struct entry entry;

    reference_view_begin(&view, stream, dead);
    cursor_begin(&cursor, stream, extra->drain_from, view.read_by_all);
    extra->drains = false;
    for (; cursor_next(&cursor, &entry); step->looked++) {
        if (step->looked == step->budget) {
            extra->drains = true;
            extra->drain_from = entry.id;
            break;
        }
        if (!reference_view_is_pending(&view, entry.id))
            buffer_add(&step->spare, slice_of(&entry.id, sizeof(entry.id)));
    }
    reference_view_end(&view);
}

static void drain(struct stream *stream, millis now, struct retention_step *step)
{
    const struct entry_id *spare;

    if (step->budget == 0)
        return;
    look_for_dead(stream, now);
    if (!stream->extra->drains)
        return;
    if (!some_group_lives(stream, now)) {
        stream->extra->drains = false;
        return;
    }
    find_spare(stream, now, step);
    spare = (const struct entry_id *)(const void *)step->spare.at;
    for (size_t i = 0; i < step->spare.len / sizeof(*spare); i++)
        must(stream_delete(stream, spare[i]));
}

void retention_step(struct stream *stream, millis now, struct retention_step *step)
{
    step->left = step->looked = 0;
    if (!retention_is_set(stream))
        return;
    trim_front(stream, now, step);
    if (stream_settings(stream)->work_queue)
        drain(stream, now, step);
}

/* When the next group dies, -1 if none will. */
static millis next_death(const struct stream *stream, millis now)
{
    millis ttl = stream_settings(stream)->group_ttl;
    millis next = -1;
    struct group_walk groups = stream_walk_groups(stream);

    if (ttl == 0)
        return -1;
    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;) {
        millis seen = group_seen_at(group);
        millis dies = seen > INT64_MAX - 1 - ttl ? INT64_MAX : seen + ttl + 1;

        if (seen > 0 && dies > now && (next < 0 || dies < next))
            next = dies;
    }
    return next;
}

millis retention_due(const struct stream *stream, millis now)
{
    const struct stream_settings *settings = stream_settings(stream);
    millis due = -1;

    if (settings->work_queue) {
        if (stream->extra->drains)
            return 0;
        due = next_death(stream, now);
    }
    if (settings->max_age > 0 && stream_length(stream) > 0) {
        uint64_t first = stream_first_id(stream).ms;
        millis leaves = first > (uint64_t)(INT64_MAX - settings->max_age)
                            ? INT64_MAX
                            : (millis)first + settings->max_age;

        if (due < 0 || leaves < due)
            due = leaves;
    }
    return due;
}

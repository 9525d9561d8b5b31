/*
 * What a stream has that Redis 7.0's format has no place for; in a snapshot it
 * stands behind the stream, where that server passes over it.
 *
 *   1 | duration | maxsize | max bytes | max age | work queue | group TTL
 *   messages recorded | duplicates
 *   count of messages, for each: producer | message | ID
 *   count of groups, for each:
 *       name | used at
 *       count of consumers, for each: name | active at + 1
 *       count of entries that were handed back, the first first: ID | times
 *
 * Numbers are lengths, IDs two of them. Groups, consumers and messages that the
 * stream does not know are passed over.
 */
#include <stdlib.h>

#include "storage/base/buffer.h"
#include "streams/group.h"
#include "streams/producers.h"
#include "streams/stream.h"
#include "streams/stream_codec.h"

enum { REST_VERSION = 1, MAXSIZE_MOST = 10000, DURATION_MOST = 86400 };

/* ---- Writing ---- */

static void put_id(struct rdb_writer *to, struct entry_id id)
{
    rdb_put_length(to, id.ms);
    rdb_put_length(to, id.seq);
}

static void put_message(void *who, struct slice producer, struct slice message,
                        struct entry_id id)
{
    struct rdb_writer *to = who;

    rdb_put_string(to, producer);
    rdb_put_string(to, message);
    put_id(to, id);
}

static void put_producers(struct rdb_writer *to, const struct producers *producers)
{
    struct producers_counts counts = { .messages = 0 };

    if (producers != NULL)
        counts = producers_counts(producers);
    rdb_put_length(to, counts.recorded);
    rdb_put_length(to, counts.duplicates);
    rdb_put_length(to, counts.messages);
    if (producers != NULL)
        producers_visit(producers, put_message, to);
}

static int compare_turns(const void *a, const void *b)
{
    const struct delivery *one = a, *other = b;

    return (one->turn > other->turn) - (one->turn < other->turn);
}

static void put_released(struct rdb_writer *to, const struct group *group)
{
    struct pending_filter nobody = { 0, PENDING_TIME_MAX };
    struct delivery delivery = { .id = ENTRY_ID_MIN };
    struct buffer released = { 0 };
    struct delivery *all;
    size_t count;

    while (pending_released(group_pending(group)) > 0 &&
           pending_seek(group_pending(group), delivery.id, nobody, &delivery)) {
        buffer_add(&released, slice_of(&delivery, sizeof(delivery)));
        if (!entry_id_step(&delivery.id))
            break;
    }
    all = (struct delivery *)(void *)released.at;
    count = released.len / sizeof(*all);
    if (count > 0)
        qsort(all, count, sizeof(*all), compare_turns);
    rdb_put_length(to, count);
    for (size_t i = 0; i < count; i++) {
        put_id(to, all[i].id);
        rdb_put_length(to, all[i].times);
    }
    buffer_clear(&released);
}

static void put_group(struct rdb_writer *to, const struct group *group)
{
    struct consumer_walk consumers = group_walk_consumers(group);

    rdb_put_string(to, group_name(group));
    rdb_put_length(to, (uint64_t)group_seen_at(group));
    rdb_put_length(to, group_consumers(group));
    for (const struct consumer *consumer; (consumer = group_next_consumer(&consumers)) != NULL;) {
        rdb_put_string(to, consumer_name(consumer));
        rdb_put_length(to, (uint64_t)(consumer->active_at + 1));
    }
    put_released(to, group);
}

bool stream_codec_has_rest(const struct value *value)
{
    const struct stream *stream = (const struct stream *)(const void *)value;

    return stream_groups(stream) > 0 || stream_producers(stream) != NULL ||
           stream_settings(stream)->idmp_duration > 0 ||
           stream_settings(stream)->idmp_maxsize > 0 || stream_settings(stream)->max_bytes > 0 ||
           stream_settings(stream)->max_age > 0 || stream_settings(stream)->work_queue ||
           stream_settings(stream)->group_ttl > 0;
}

void stream_codec_save_rest(const struct value *value, struct rdb_writer *to)
{
    const struct stream *stream = (const struct stream *)(const void *)value;
    const struct stream_settings *settings = stream_settings(stream);
    struct group_walk groups = stream_walk_groups(stream);

    rdb_put_length(to, REST_VERSION);
    rdb_put_length(to, settings->idmp_duration);
    rdb_put_length(to, settings->idmp_maxsize);
    rdb_put_length(to, settings->max_bytes);
    rdb_put_length(to, (uint64_t)settings->max_age);
    rdb_put_length(to, settings->work_queue);
    rdb_put_length(to, (uint64_t)settings->group_ttl);
    put_producers(to, stream_producers(stream));
    rdb_put_length(to, stream_groups(stream));
    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;)
        put_group(to, group);
}

/* ---- Reading ---- */

static bool get_id(struct rdb_reader *from, struct entry_id *id)
{
    return rdb_get_length(from, &id->ms) && rdb_get_length(from, &id->seq);
}

static bool get_bounded(struct rdb_reader *from, uint64_t most, uint64_t *number)
{
    return rdb_get_length(from, number) &&
           (*number <= most || rdb_refuse(from, "a stream is set to what cannot be"));
}

static bool read_settings(struct rdb_reader *from, struct stream *stream)
{
    struct stream_settings settings = { .max_bytes = 0 };
    uint64_t duration, maxsize, age, queue, ttl;

    if (!get_bounded(from, DURATION_MOST, &duration) ||
        !get_bounded(from, MAXSIZE_MOST, &maxsize) ||
        !get_bounded(from, INT64_MAX, &settings.max_bytes) ||
        !get_bounded(from, INT64_MAX, &age) || !get_bounded(from, 1, &queue) ||
        !get_bounded(from, INT64_MAX, &ttl))
        return false;
    settings.idmp_duration = (uint32_t)duration;
    settings.idmp_maxsize = (uint32_t)maxsize;
    settings.max_age = (millis)age;
    settings.work_queue = queue == 1;
    settings.group_ttl = (millis)ttl;
    if (duration + maxsize + settings.max_bytes + age + queue + ttl > 0)
        stream_set(stream, &settings);
    return true;
}

static bool read_producers(struct rdb_reader *from, struct stream *stream)
{
    uint64_t recorded, duplicates, count;

    if (!rdb_get_length(from, &recorded) || !rdb_get_length(from, &duplicates) ||
        !rdb_get_count(from, 4, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct slice producer, message;
        struct entry_id id;

        if (!rdb_get_string(from, 0, &producer) || !rdb_get_string(from, 1, &message) ||
            !get_id(from, &id))
            return false;
        producers_record(stream_make_producers(stream), producer, message, id, MAXSIZE_MOST);
    }
    if (recorded > 0)
        producers_set_counts(stream_make_producers(stream), recorded, duplicates);
    return true;
}

static bool read_consumers(struct rdb_reader *from, struct group *group)
{
    uint64_t count, active;
    struct slice name;

    if (!rdb_get_count(from, 2, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct consumer *consumer;

        if (!rdb_get_string(from, 0, &name) || !get_bounded(from, INT64_MAX, &active))
            return false;
        consumer = group != NULL ? group_find_consumer(group, name) : NULL;
        if (consumer != NULL)
            consumer->active_at = (millis)active - 1;
    }
    return true;
}

static bool read_released(struct rdb_reader *from, struct group *group)
{
    struct delivery held;
    struct entry_id id;
    uint64_t count, times;

    if (!rdb_get_count(from, 3, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!get_id(from, &id) || !get_bounded(from, INT64_MAX, &times))
            return false;
        if (group != NULL && !pending_find(group_pending(group), id, &held))
            (void)group_release(group, id, times);
    }
    return true;
}

static bool read_groups(struct rdb_reader *from, struct stream *stream)
{
    uint64_t count, used;
    struct slice name;

    if (!rdb_get_count(from, 4, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct group *group;

        if (!rdb_get_string(from, 0, &name))
            return false;
        group = stream_find_group(stream, name);
        if (!get_bounded(from, INT64_MAX, &used))
            return false;
        if (group != NULL)
            group_touch(group, (millis)used);
        if (!read_consumers(from, group) || !read_released(from, group))
            return false;
    }
    return true;
}

bool stream_codec_load_rest(struct value *value, struct rdb_reader *from)
{
    struct stream *stream = (struct stream *)(void *)value;
    uint64_t version;

    if (!rdb_get_length(from, &version))
        return false;
    /* A later version has more to say than is understood here. */
    if (version != REST_VERSION)
        return true;
    return read_settings(from, stream) && read_producers(from, stream) &&
           read_groups(from, stream);
}

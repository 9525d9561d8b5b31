/* Looking at streams: XINFO. */
#include "handlers.h"

#include "broker/commands/do_stream_private.h"
#include "streams/cursor.h"
#include "streams/producers.h"

enum { FULL_SHOWN_USUALLY = 10 };

static void reply_key(struct reply *reply, const char *name)
{
    reply_bulk(reply, slice_text(name));
}

static void reply_count(struct reply *reply, const char *name, uint64_t count)
{
    reply_key(reply, name);
    reply_integer(reply, (int64_t)count);
}

static void reply_named_id(struct reply *reply, const char *name, struct entry_id id)
{
    reply_key(reply, name);
    reply_entry_id(reply, id);
}

static void reply_entries_read(struct reply *reply, const struct group *group)
{
    int64_t read = group_entries_read(group);

    reply_key(reply, "entries-read");
    if (read == GROUP_READ_UNKNOWN)
        reply_nil(reply);
    else
        reply_integer(reply, read);
}

/* How much a group has still to read as far as counters tell: what XINFO STREAM FULL shows is the
 * books, as Redis keeps them. XINFO GROUPS counts. */
static void reply_lag_reckoned(struct reply *reply, const struct stream *stream,
                               const struct group *group)
{
    int64_t lag;

    reply_key(reply, "lag");
    if (group_lag_reckoned(group, stream, &lag))
        reply_integer(reply, lag);
    else
        reply_nil(reply);
}

/* Finds the stream that XINFO is asked about: VERDICT_DONE, or it has refused. */
static enum verdict find_for_xinfo(struct call *call, struct slice key, struct stream **stream)
{
    enum refusal refusal = find_stream(call, key, LOOK_READ, stream);

    if (refusal == REFUSAL_NONE && *stream == NULL)
        refusal = REFUSAL_NO_SUCH_KEY;
    return refusal == REFUSAL_NONE ? VERDICT_DONE : call_refuse(call, refusal);
}

/* XINFO GROUPS key */
enum verdict do_xinfo_groups(struct call *call)
{
    struct slice key = args_next(call->args);
    struct stream *stream;
    enum verdict verdict = find_for_xinfo(call, key, &stream);
    millis idle;
    bool mortal;
    struct group_walk groups;

    if (verdict != VERDICT_DONE)
        return verdict;

    mortal = stream_settings(stream)->group_ttl > 0;
    groups = stream_walk_groups(stream);
    reply_array(call->reply, stream_groups(stream));
    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;) {
        reply_map(call->reply, mortal ? 8 : 6);
        reply_key(call->reply, "name");
        reply_bulk(call->reply, group_name(group));
        reply_count(call->reply, "consumers", group_consumers(group));
        reply_count(call->reply, "pending", pending_count(group_pending(group)));
        reply_named_id(call->reply, "last-delivered-id", group_last_id(group));
        reply_entries_read(call->reply, group);
        reply_count(call->reply, "lag", group_lag_exact(group, stream));
        if (mortal) {
            idle = call->now - group_seen_at(group);
            reply_count(call->reply, "idle", idle > 0 ? (uint64_t)idle : 0);
            reply_count(call->reply, "dead", retention_is_dead(stream, group, call->now));
        }
    }
    return VERDICT_DONE;
}

/* XINFO CONSUMERS key group */
enum verdict do_xinfo_consumers(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct stream *stream;
    const struct group *group;
    enum verdict verdict = find_for_xinfo(call, key, &stream);
    struct consumer_walk consumers;

    if (verdict != VERDICT_DONE)
        return verdict;
    group = stream_find_group(stream, name);
    if (group == NULL)
        return refuse_no_group_of_key(call, key, name);

    consumers = group_walk_consumers(group);
    reply_array(call->reply, group_consumers(group));
    for (const struct consumer *consumer; (consumer = group_next_consumer(&consumers)) != NULL;) {
        millis idle = call->now - consumer->seen_at;
        millis inactive = call->now - consumer->active_at;

        reply_map(call->reply, 4);
        reply_key(call->reply, "name");
        reply_bulk(call->reply, consumer_name(consumer));
        reply_count(call->reply, "pending", consumer->pending);
        reply_count(call->reply, "idle", idle > 0 ? (uint64_t)idle : 0);
        reply_key(call->reply, "inactive");
        reply_integer(call->reply, consumer->active_at < 0 ? -1 : inactive > 0 ? inactive : 0);
    }
    return VERDICT_DONE;
}

/* ---- XINFO STREAM ---- */

/* Whether duplicates were ever asked about, or XCFGSET spoke of them. */
static bool knows_duplicates(const struct stream *stream)
{
    const struct stream_settings *settings = stream_settings(stream);

    return stream_producers(stream) != NULL || settings->idmp_duration > 0 ||
           settings->idmp_maxsize > 0;
}

/* What both forms begin with. */
static void reply_counters(struct call *call, const struct stream *stream, bool with_duplicates)
{
    size_t segments = stream_segments(stream);
    struct producers_counts counts = { .producers = 0 };
    struct reply *reply = call->reply;

    reply_count(reply, "length", stream_length(stream));
    reply_count(reply, "radix-tree-keys", segments);
    reply_count(reply, "radix-tree-nodes", segments + 1);
    reply_named_id(reply, "last-generated-id", stream_last_id(stream));
    reply_named_id(reply, "max-deleted-entry-id", stream_max_deleted(stream));
    reply_count(reply, "entries-added", stream_entries_added(stream));
    reply_named_id(reply, "recorded-first-entry-id", stream_first_id(stream));
    if (!with_duplicates)
        return;
    reply_count(reply, "idmp-duration", idmp_duration(call, stream));
    reply_count(reply, "idmp-maxsize", idmp_maxsize(call, stream));
    if (stream_producers(stream) != NULL) {
        producers_forget(stream_producers(stream),
                         call->now - 1000 * (millis)idmp_duration(call, stream));
        counts = producers_counts(stream_producers(stream));
    }
    reply_count(reply, "pids-tracked", counts.producers);
    reply_count(reply, "iids-tracked", counts.messages);
    reply_count(reply, "iids-added", counts.recorded);
    reply_count(reply, "iids-duplicates", counts.duplicates);
}

enum { COUNTERS = 7, DUPLICATES_FIELDS = 6, RETENTION_FIELDS = 6, GROUP_RETENTION_FIELDS = 2 };

/* How many pairs there are beside entries and groups. */
static size_t counted_fields(const struct stream *stream, bool with_duplicates)
{
    return COUNTERS + (with_duplicates ? (size_t)DUPLICATES_FIELDS : 0) +
           (retention_is_set(stream) ? (size_t)RETENTION_FIELDS : 0);
}

/* What is set for entries to leave by themselves; said only where something is. */
static void reply_retention(struct call *call, const struct stream *stream)
{
    const struct stream_settings *settings = stream_settings(stream);
    uint64_t dead = 0;
    struct group_walk groups = stream_walk_groups(stream);

    if (!retention_is_set(stream))
        return;
    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;)
        dead += retention_is_dead(stream, group, call->now);
    reply_count(call->reply, "bytes", stream_bytes(stream));
    reply_count(call->reply, "max-bytes", settings->max_bytes);
    reply_count(call->reply, "max-age", (uint64_t)settings->max_age);
    reply_count(call->reply, "work-queue", settings->work_queue);
    reply_count(call->reply, "group-ttl", (uint64_t)settings->group_ttl);
    reply_count(call->reply, "dead-groups", dead);
}

static void reply_in_short(struct call *call, const struct stream *stream)
{
    struct reply *reply = call->reply;
    struct entry entry;

    reply_map(reply, 3 + counted_fields(stream, true));
    reply_counters(call, stream, true);
    reply_count(reply, "groups", stream_groups(stream));
    reply_key(reply, "first-entry");
    if (stream_first(stream, &entry))
        reply_entry(reply, &entry);
    else
        reply_nil(reply);
    reply_key(reply, "last-entry");
    if (stream_last(stream, &entry))
        reply_entry(reply, &entry);
    else
        reply_nil(reply);
    reply_retention(call, stream);
}

/* Up to `most` pending entries of a group, or of one consumer, whose name then goes unsaid. */
static void reply_full_pending(struct reply *reply, const struct group *group,
                               const struct consumer *only, uint64_t most)
{
    struct pending_filter filter = PENDING_ALL;
    struct delivery delivery = { .id = ENTRY_ID_MIN };
    struct outbox_hole hole;
    size_t shown = 0;

    if (only != NULL)
        filter.holder = only->number;
    reply_key(reply, "pending");
    hole = reply_open(reply);
    while (shown < most &&
           pending_seek(group_pending(group), delivery.id, filter, &delivery)) {
        const struct consumer *holder = group_consumer(group, delivery.holder);

        reply_array(reply, only != NULL ? 3 : 4);
        reply_entry_id(reply, delivery.id);
        if (only == NULL)
            reply_bulk(reply, holder != NULL ? consumer_name(holder) : SLICE(""));
        reply_integer(reply, delivery.delivered_at);
        reply_integer(reply, (int64_t)delivery.times);
        shown++;
        if (!entry_id_step(&delivery.id))
            break;
    }
    reply_close_array(reply, hole, shown);
}

static void reply_full_consumer(struct reply *reply, const struct group *group,
                                const struct consumer *consumer, uint64_t most)
{
    reply_map(reply, 5);
    reply_key(reply, "name");
    reply_bulk(reply, consumer_name(consumer));
    reply_count(reply, "seen-time", (uint64_t)consumer->seen_at);
    reply_key(reply, "active-time");
    reply_integer(reply, consumer->active_at);
    reply_count(reply, "pel-count", consumer->pending);
    reply_full_pending(reply, group, consumer, most);
}

static void reply_full_group(struct reply *reply, const struct stream *stream,
                             const struct group *group, uint64_t most)
{
    struct consumer_walk consumers = group_walk_consumers(group);

    reply_map(reply, 8);
    reply_key(reply, "name");
    reply_bulk(reply, group_name(group));
    reply_named_id(reply, "last-delivered-id", group_last_id(group));
    reply_entries_read(reply, group);
    reply_lag_reckoned(reply, stream, group);
    reply_count(reply, "pel-count", pending_count(group_pending(group)));
    reply_count(reply, "nacked-count", pending_released(group_pending(group)));
    reply_full_pending(reply, group, NULL, most);
    reply_key(reply, "consumers");
    reply_array(reply, group_consumers(group));
    for (const struct consumer *consumer; (consumer = group_next_consumer(&consumers)) != NULL;)
        reply_full_consumer(reply, group, consumer, most);
}

static void reply_in_full(struct call *call, const struct stream *stream, uint64_t count)
{
    uint64_t most = count == 0 ? UINT64_MAX : count;
    struct reply *reply = call->reply;
    struct group_walk groups = stream_walk_groups(stream);
    /* Programs that count the fields of this form are as old as it is. */
    bool with_duplicates = knows_duplicates(stream);

    reply_map(reply, 2 + counted_fields(stream, with_duplicates));
    reply_counters(call, stream, with_duplicates);
    reply_key(reply, "entries");
    reply_entries(reply, stream, ENTRY_ID_MIN, ENTRY_ID_MAX, count, false);
    reply_key(reply, "groups");
    reply_array(reply, stream_groups(stream));
    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;)
        reply_full_group(reply, stream, group, most);
    reply_retention(call, stream);
}

/* XINFO STREAM key [FULL [COUNT n]] */
enum verdict do_xinfo_stream(struct call *call)
{
    struct slice key = args_next(call->args);
    int64_t count = FULL_SHOWN_USUALLY;
    bool in_full = args_more(call->args);
    struct stream *stream;
    enum verdict verdict = find_for_xinfo(call, key, &stream);

    if (verdict != VERDICT_DONE)
        return verdict;
    if (in_full && !args_take(call->args, SLICE("full")))
        return call_refuse_subcommand(call);
    if (args_more(call->args)) {
        if (args_left(call->args) != 2 || !args_take(call->args, SLICE("count")))
            return call_refuse_subcommand(call);
        if (!args_next_integer(call->args, &count))
            return call_refuse(call, REFUSAL_NOT_INTEGER);
        if (count < 0)
            count = FULL_SHOWN_USUALLY;
    }

    if (in_full)
        reply_in_full(call, stream, (uint64_t)count);
    else
        reply_in_short(call, stream);
    return VERDICT_DONE;
}

/* XINFO HELP */
enum verdict do_xinfo_help(struct call *call)
{
    static const char *const lines[] = {
        "CONSUMERS <key> <groupname>",
        "    Lists the consumers of a group.",
        "GROUPS <key>",
        "    Lists the groups of a stream.",
        "STREAM <key> [FULL [COUNT <count>]]",
        "    Describes a stream; FULL shows entries, groups and consumers too.",
        NULL,
    };

    return call_help(call, lines);
}

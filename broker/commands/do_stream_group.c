/* Groups of consumers: XGROUP, XACK, XPENDING. */
#include "handlers.h"

#include "broker/commands/do_stream_private.h"

/* ---- XGROUP ---- */

/* Finds the stream that XGROUP needs, and its group. VERDICT_DONE, or it has refused. */
static enum verdict find_for_xgroup(struct call *call, struct slice key, struct slice name,
                                    struct stream **stream, struct group **group)
{
    enum refusal refusal = find_stream(call, key, LOOK_WRITE, stream);

    if (refusal == REFUSAL_NONE && *stream == NULL)
        refusal = REFUSAL_GROUP_NO_KEY;
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    *group = stream_find_group(*stream, name);
    return *group != NULL ? VERDICT_DONE : refuse_no_group_of_key(call, key, name);
}

/* Takes what may follow the ID of XGROUP CREATE and SETID. VERDICT_DONE, or it has refused. */
static enum verdict next_group_options(struct call *call, bool creates, bool *makes_stream,
                                       int64_t *entries_read)
{
    while (args_more(call->args)) {
        if (creates && args_take(call->args, SLICE("mkstream"))) {
            *makes_stream = true;
        } else if (args_left(call->args) > 1 && args_take(call->args, SLICE("entriesread"))) {
            if (!args_next_integer(call->args, entries_read))
                return call_refuse(call, REFUSAL_NOT_INTEGER);
            if (*entries_read < 0 && *entries_read != GROUP_READ_UNKNOWN)
                return call_refuse(call, REFUSAL_GROUP_ENTRIES_READ);
        } else {
            return call_refuse_subcommand(call);
        }
    }
    return VERDICT_DONE;
}

/* Reads the ID from which a group is to read on; "-" and "+" are the ends of all IDs. */
static bool read_group_place(struct slice word, const struct stream *stream, struct entry_id *id)
{
    if (slice_equal(word, SLICE("-")) || slice_equal(word, SLICE("+"))) {
        *id = word.at[0] == '-' ? ENTRY_ID_MIN : ENTRY_ID_MAX;
        return true;
    }
    if (!slice_equal(word, SLICE("$")))
        return entry_id_read(word, 0, id);
    *id = stream != NULL ? stream_last_id(stream) : ENTRY_ID_MIN;
    return true;
}

/* Nobody has read more than was added. */
static int64_t sound_entries_read(const struct stream *stream, int64_t entries_read)
{
    int64_t added = (int64_t)stream_entries_added(stream);

    return entries_read > added ? added : entries_read;
}

/* XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD n] */
enum verdict do_xgroup_create(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct slice place = args_next(call->args);
    int64_t entries_read = GROUP_READ_UNKNOWN;
    bool makes_stream = false;
    struct stream *stream;
    struct entry_id id;
    enum refusal refusal;
    bool too_many = args_left(call->args) > 3;
    enum verdict verdict = next_group_options(call, true, &makes_stream, &entries_read);

    if (verdict != VERDICT_DONE)
        return verdict;
    refusal = find_stream(call, key, LOOK_WRITE, &stream);
    if (refusal == REFUSAL_NONE && stream == NULL && !makes_stream)
        refusal = REFUSAL_GROUP_NO_KEY;
    if (refusal == REFUSAL_NONE && too_many)
        return call_refuse_subcommand(call);
    if (refusal == REFUSAL_NONE && !read_group_place(place, stream, &id))
        refusal = REFUSAL_STREAM_BAD_ID;
    if (refusal == REFUSAL_NONE && stream != NULL && stream_find_group(stream, name) != NULL)
        refusal = REFUSAL_GROUP_BUSY;
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    if (stream == NULL) {
        stream = create_stream(call, key);
        ledger_changed(call->ledger, key, EVENT_STREAM, "xgroup-create");
    } else {
        note_beside_entries(call, key, "xgroup-create");
    }
    entries_read = sound_entries_read(stream, entries_read);
    group_touch(stream_add_group(stream, name, id, entries_read), call->now);
    watch_retention(call, key, stream);

    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* XGROUP SETID key group id|$ [ENTRIESREAD n] */
enum verdict do_xgroup_setid(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct slice place = args_next(call->args);
    int64_t entries_read = GROUP_READ_UNKNOWN;
    bool makes_stream = false;
    struct stream *stream;
    struct group *group;
    struct entry_id id;
    bool too_many = args_left(call->args) > 2;
    enum verdict verdict = next_group_options(call, false, &makes_stream, &entries_read);

    if (verdict == VERDICT_DONE)
        verdict = find_for_xgroup(call, key, name, &stream, &group);
    if (verdict == VERDICT_DONE && too_many)
        verdict = call_refuse_subcommand(call);
    if (verdict != VERDICT_DONE)
        return verdict;
    if (!read_group_place(place, stream, &id))
        return call_refuse(call, REFUSAL_STREAM_BAD_ID);

    group_set(group, id, sound_entries_read(stream, entries_read));
    group_touch(group, call->now);
    entries_may_be_spare(call, key, stream, ENTRY_ID_MIN);

    note_beside_entries(call, key, "xgroup-setid");
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* XGROUP DESTROY key group */
enum verdict do_xgroup_destroy(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct discard discard = DISCARD_NONE;
    struct stream *stream;
    struct group *group;
    enum refusal refusal = find_stream(call, key, LOOK_WRITE, &stream);

    if (refusal == REFUSAL_NONE && stream == NULL)
        refusal = REFUSAL_GROUP_NO_KEY;
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    group = stream_find_group(stream, name);
    if (group != NULL) {
        stream_take_group(stream, group);
        discard_group(&discard, group);
        free_discarded(call, &discard);
        entries_may_be_spare(call, key, stream, ENTRY_ID_MIN);
        /* Whoever waits in this group runs again, and is told that it is gone. */
        ledger_changed(call->ledger, key, EVENT_STREAM, "xgroup-destroy");
    }
    reply_integer(call->reply, group != NULL);
    return VERDICT_DONE;
}

/* XGROUP CREATECONSUMER key group consumer */
enum verdict do_xgroup_createconsumer(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct slice consumer = args_next(call->args);
    struct stream *stream;
    struct group *group;
    enum verdict verdict = find_for_xgroup(call, key, name, &stream, &group);
    bool is_new;

    if (verdict != VERDICT_DONE)
        return verdict;

    is_new = group_find_consumer(group, consumer) == NULL;
    if (is_new) {
        group_add_consumer(group, consumer, call->now);
        note_beside_entries(call, key, "xgroup-createconsumer");
    }
    reply_integer(call->reply, is_new);
    return VERDICT_DONE;
}

/* XGROUP DELCONSUMER key group consumer: how many entries it held */
enum verdict do_xgroup_delconsumer(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct slice consumer_name_word = args_next(call->args);
    struct discard discard = DISCARD_NONE;
    struct stream *stream;
    struct group *group;
    struct consumer *consumer;
    uint64_t held = 0;
    enum verdict verdict = find_for_xgroup(call, key, name, &stream, &group);

    if (verdict != VERDICT_DONE)
        return verdict;

    consumer = group_find_consumer(group, consumer_name_word);
    if (consumer != NULL) {
        held = group_remove_consumer(group, consumer, &discard);
        free_discarded(call, &discard);
        if (held > 0)
            entries_may_be_spare(call, key, stream, ENTRY_ID_MIN);
        note_beside_entries(call, key, "xgroup-delconsumer");
    }
    reply_integer(call->reply, (int64_t)held);
    return VERDICT_DONE;
}

/* XGROUP HELP */
enum verdict do_xgroup_help(struct call *call)
{
    static const char *const lines[] = {
        "CREATE <key> <groupname> <id|$> [MKSTREAM] [ENTRIESREAD <n>]",
        "    Makes a group that reads on behind an ID; $ is the last one there is.",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Adds a consumer to a group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Removes a consumer and forgets the entries it holds.",
        "DESTROY <key> <groupname>",
        "    Removes a group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD <n>]",
        "    Moves the place from where a group reads on.",
        NULL,
    };

    return call_help(call, lines);
}

/* ---- XACK ---- */

/* XACK key group id [id ...]: how many entries were pending and now are not. */
enum verdict do_xack(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    size_t first_id = args_position(call->args);
    struct stream *stream;
    struct group *group;
    struct retention_step step = { .left = 0 };
    struct entry_id id;
    uint64_t acknowledged = 0;
    enum refusal refusal = find_group(call, key, name, LOOK_READ, &stream, &group);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (group == NULL) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    /* Every ID is read before any is acknowledged: a bad one changes nothing. */
    while (args_more(call->args)) {
        if (!next_entry_id(call->args, &id))
            return call_refuse(call, REFUSAL_STREAM_BAD_ID);
    }

    group_touch(group, call->now);
    args_rewind(call->args, first_id);
    while (args_more(call->args)) {
        if (!next_entry_id(call->args, &id) || !group_acknowledge(group, id))
            continue;
        acknowledged++;
        entry_leaves_if_spare(call, stream, id, &step);
    }

    /* It is told, but there is no event, and it fails no WATCH: the entries are as they were. */
    ledger_count(call->ledger, acknowledged);
    if (step.spare.len > 0) {
        say_request_words(call);
        entries_tell_left(call, key, stream, &step);
    }
    reply_integer(call->reply, (int64_t)acknowledged);
    return VERDICT_DONE;
}

/* ---- XPENDING ---- */

/* How many are pending, the first and the last of them, and how many each consumer holds. */
static void reply_summary(struct reply *reply, const struct group *group)
{
    const struct pending *pending = group_pending(group);
    struct delivery first, last;
    struct outbox_hole hole;
    size_t holders = 0;
    struct consumer_walk consumers = group_walk_consumers(group);

    reply_array(reply, 4);
    reply_integer(reply, (int64_t)pending_count(pending));
    if (!pending_first(pending, &first) || !pending_last(pending, &last)) {
        reply_nil(reply);
        reply_nil(reply);
        reply_nil_array(reply);
        return;
    }
    reply_entry_id(reply, first.id);
    reply_entry_id(reply, last.id);
    hole = reply_open(reply);
    for (const struct consumer *consumer; (consumer = group_next_consumer(&consumers)) != NULL;) {
        if (consumer->pending == 0)
            continue;
        reply_array(reply, 2);
        reply_bulk(reply, consumer_name(consumer));
        reply_bulk_integer(reply, (int64_t)consumer->pending);
        holders++;
    }
    reply_close_array(reply, hole, holders);
}

/* What XPENDING is to show at length. */
struct pending_words {
    struct entry_id from;
    struct entry_id to;
    int64_t         count;
    int64_t         min_idle;
    bool            names_consumer;
    struct slice    consumer;
};

static enum refusal read_pending_words(struct args *args, struct pending_words *words)
{
    enum refusal refusal;
    size_t ends_at;

    if (args->count < 6 || args->count > 9)
        return REFUSAL_SYNTAX;
    if (args_take(args, SLICE("idle"))) {
        if (!args_next_integer(args, &words->min_idle))
            return REFUSAL_NOT_INTEGER;
        if (args_left(args) < 3)
            return REFUSAL_SYNTAX;
    }
    /* The count is read first, since an error in it is told first. */
    ends_at = args_position(args);
    args_rewind(args, ends_at + 2);
    if (!args_next_integer(args, &words->count))
        return REFUSAL_NOT_INTEGER;
    args_rewind(args, ends_at);
    refusal = next_range_start(args, &words->from);
    if (refusal == REFUSAL_NONE)
        refusal = next_range_end(args, &words->to);
    args_rewind(args, ends_at + 3);
    words->names_consumer = args_more(args);
    if (words->names_consumer)
        words->consumer = args_next(args);
    return refusal;
}

static void reply_pending(struct call *call, const struct group *group,
                          const struct pending_words *words)
{
    struct pending_filter filter = PENDING_ALL;
    struct delivery delivery = { .id = words->from };
    struct outbox_hole hole;
    int64_t shown = 0;

    if (words->min_idle > 0)
        filter.delivered_until = call->now - words->min_idle;
    if (words->names_consumer) {
        const struct consumer *consumer = group_find_consumer(group, words->consumer);

        if (consumer == NULL) {
            reply_array(call->reply, 0);
            return;
        }
        filter.holder = consumer->number;
    }
    hole = reply_open(call->reply);
    while (shown < words->count &&
           pending_seek(group_pending(group), delivery.id, filter, &delivery) &&
           entry_id_compare(delivery.id, words->to) <= 0) {
        const struct consumer *holder = group_consumer(group, delivery.holder);
        millis idle = call->now - delivery.delivered_at;

        reply_array(call->reply, 4);
        reply_entry_id(call->reply, delivery.id);
        reply_bulk(call->reply, holder != NULL ? consumer_name(holder) : SLICE(""));
        reply_integer(call->reply, holder == NULL ? -1 : idle > 0 ? idle : 0);
        reply_integer(call->reply, (int64_t)delivery.times);
        shown++;
        if (!entry_id_step(&delivery.id))
            break;
    }
    reply_close_array(call->reply, hole, (size_t)shown);
}

/* XPENDING key group [[IDLE min-idle] start end count [consumer]] */
enum verdict do_xpending(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    bool at_length = args_more(call->args);
    struct pending_words words = { .min_idle = 0 };
    struct stream *stream;
    struct group *group;
    enum refusal refusal = at_length ? read_pending_words(call->args, &words) : REFUSAL_NONE;

    if (refusal == REFUSAL_NONE)
        refusal = find_group(call, key, name, LOOK_READ, &stream, &group);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (group == NULL)
        return refuse_no_group(call, key, name, "");

    if (at_length)
        reply_pending(call, group, &words);
    else
        reply_summary(call->reply, group);
    return VERDICT_DONE;
}

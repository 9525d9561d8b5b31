/*
 * What is set for a stream, and what it knows of its producers' messages:
 * XCFGSET, XIDMPRECORD.
 */
#include "handlers.h"

#include "broker/commands/do_stream_private.h"
#include "broker/config/options.h"
#include "streams/producers.h"

enum { DURATION_MOST = 86400, MAXSIZE_MOST = 10000 };

uint32_t idmp_duration(const struct call *call, const struct stream *stream)
{
    uint32_t own = stream_settings(stream)->idmp_duration;

    return own > 0 ? own : (uint32_t)call->options->stream_idmp_duration;
}

uint32_t idmp_maxsize(const struct call *call, const struct stream *stream)
{
    uint32_t own = stream_settings(stream)->idmp_maxsize;

    return own > 0 ? own : (uint32_t)call->options->stream_idmp_maxsize;
}

/* Takes the value of an option of bytes, milliseconds, or 0 and 1. */
static enum refusal next_amount(struct args *args, int64_t most, int64_t *value)
{
    if (!args_next_integer(args, value))
        return REFUSAL_NOT_INTEGER;
    return *value < 0 || *value > most ? REFUSAL_STREAM_RETENTION : REFUSAL_NONE;
}

/* Takes one option with its value. */
static enum refusal next_setting(struct args *args, struct stream_settings *settings)
{
    enum refusal refusal;
    int64_t value;

    if (args_left(args) < 2)
        return REFUSAL_SYNTAX;
    if (args_take(args, SLICE("idmp-duration"))) {
        if (!args_next_integer(args, &value))
            return REFUSAL_NOT_INTEGER;
        if (value < 1 || value > DURATION_MOST)
            return REFUSAL_STREAM_IDMP_DURATION;
        settings->idmp_duration = (uint32_t)value;
        return REFUSAL_NONE;
    }
    if (args_take(args, SLICE("idmp-maxsize"))) {
        if (!args_next_integer(args, &value))
            return REFUSAL_NOT_INTEGER;
        if (value < 1 || value > MAXSIZE_MOST)
            return REFUSAL_STREAM_IDMP_MAXSIZE;
        settings->idmp_maxsize = (uint32_t)value;
        return REFUSAL_NONE;
    }
    if (args_take(args, SLICE("maxbytes"))) {
        refusal = next_amount(args, INT64_MAX, &value);
        settings->max_bytes = (uint64_t)value;
    } else if (args_take(args, SLICE("maxage"))) {
        refusal = next_amount(args, INT64_MAX, &settings->max_age);
    } else if (args_take(args, SLICE("workqueue"))) {
        refusal = next_amount(args, 1, &value);
        settings->work_queue = value == 1;
    } else if (args_take(args, SLICE("group-ttl"))) {
        refusal = next_amount(args, INT64_MAX, &settings->group_ttl);
    } else {
        refusal = REFUSAL_SYNTAX;
    }
    return refusal;
}

/* XCFGSET key [IDMP-DURATION s] [IDMP-MAXSIZE n] [MAXBYTES n] [MAXAGE ms] [WORKQUEUE 0|1]
   [GROUP-TTL ms] */
enum verdict do_xcfgset(struct call *call)
{
    struct slice key = args_next(call->args);
    struct discard discard = DISCARD_NONE;
    struct retention_step step = { .discard = &discard };
    struct stream_settings settings;
    struct stream *stream;
    uint32_t duration, maxsize;
    enum refusal refusal = find_stream(call, key, LOOK_WRITE, &stream);

    if (refusal == REFUSAL_NONE && stream == NULL)
        refusal = REFUSAL_NO_SUCH_KEY;
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (!args_more(call->args))
        return call_refuse(call, REFUSAL_STREAM_NO_SETTING);
    settings = *stream_settings(stream);
    while (refusal == REFUSAL_NONE && args_more(call->args))
        refusal = next_setting(call->args, &settings);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    duration = idmp_duration(call, stream);
    maxsize = idmp_maxsize(call, stream);
    stream_set(stream, &settings);
    /* What was known by other rules is known no more. */
    if (stream_producers(stream) != NULL &&
        (duration != idmp_duration(call, stream) || maxsize != idmp_maxsize(call, stream)))
        producers_clear(stream_producers(stream));

    note_beside_entries(call, key, "xcfgset");
    if (retention_is_set(stream)) {
        say_request_words(call);
        entries_may_be_spare(call, key, stream, ENTRY_ID_MIN);
        entries_leave(call, stream, &step);
        entries_tell_left(call, key, stream, &step);
        free_discarded(call, &discard);
    }
    reply_ok(call->reply);
    return VERDICT_DONE;
}

/* Whether a message may be recorded. A log tells what was, wherever the entry is by now: deleted,
 * or trimmed with the very command that added it. */
static enum refusal check_record(const struct call *call, const struct stream *stream,
                                 struct slice producer, struct slice message, struct entry_id id)
{
    struct producers *producers = stream_producers(stream);
    struct entry entry;
    struct entry_id known;

    if (entry_id_compare(id, stream_last_id(stream)) > 0)
        return REFUSAL_STREAM_NO_ENTRY;
    if (!entries_leave_here(call))
        return REFUSAL_NONE;
    if (producer.len == 0)
        return REFUSAL_STREAM_IDMP_NO_PRODUCER;
    if (message.len == 0)
        return REFUSAL_STREAM_IDMP_NO_MESSAGE;
    if (!stream_find(stream, id, &entry))
        return REFUSAL_STREAM_NO_ENTRY;
    if (producers != NULL && producers_know(producers, producer, message,
                       call->now - 1000 * (millis)idmp_duration(call, stream), &known) &&
        !entry_id_equal(known, id))
        return REFUSAL_STREAM_IDMP_OTHER_ENTRY;
    return REFUSAL_NONE;
}

/* XIDMPRECORD key pid iid id */
enum verdict do_xidmprecord(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice producer = args_next(call->args);
    struct slice message = args_next(call->args);
    struct stream *stream;
    struct entry_id id;
    enum refusal refusal = find_stream(call, key, LOOK_WRITE, &stream);

    if (refusal == REFUSAL_NONE && stream == NULL)
        refusal = REFUSAL_NO_SUCH_KEY;
    if (refusal == REFUSAL_NONE && !next_entry_id(call->args, &id))
        refusal = REFUSAL_STREAM_BAD_ID;
    if (refusal == REFUSAL_NONE)
        refusal = check_record(call, stream, producer, message, id);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);

    producers_record(stream_make_producers(stream), producer, message, id,
                     idmp_maxsize(call, stream));
    ledger_count(call->ledger, 1);
    reply_ok(call->reply);
    return VERDICT_DONE;
}

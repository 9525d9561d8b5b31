/*
 * Taking over entries that a consumer left idle: XCLAIM, XAUTOCLAIM.
 *
 * XCLAIM is also how replicas and the AOF hear of everything a consumer comes
 * to hold (do_stream_private.h), hence its options to set what is recorded.
 */
#include "handlers.h"

#include "broker/commands/do_stream_private.h"
#include "storage/base/buffer.h"
#include "streams/claim.h"

/* XAUTOCLAIM looks at so many entries for each that it may take. */
enum { LOOKS_EACH = 10 };

/* What XCLAIM is told behind the IDs. */
struct claim_options {
    millis          delivered_at;
    int64_t         times; /* -1: as they come */
    bool            dated; /* TIME or IDLE was given */
    bool            force;
    bool            just_id;
    bool            sets_last;
    struct entry_id last_id;
};

/* Takes the value of an option as an integer; refuses by the option's name. */
static enum verdict next_option_value(struct call *call, const char *name, int64_t *value)
{
    if (args_next_integer(call->args, value))
        return VERDICT_DONE;
    return call_refuse_with(call, "ERR Invalid %s option argument for XCLAIM", name);
}

/* Takes one option. VERDICT_DONE, or it has refused. */
static enum verdict next_claim_option(struct call *call, struct claim_options *options)
{
    struct args *args = call->args;
    struct slice word;
    enum verdict verdict;
    int64_t value;

    if (args_take(args, SLICE("force"))) {
        options->force = true;
        return VERDICT_DONE;
    }
    if (args_take(args, SLICE("justid"))) {
        options->just_id = true;
        return VERDICT_DONE;
    }
    if (args_left(args) > 1) {
        if (args_take(args, SLICE("idle"))) {
            verdict = next_option_value(call, "IDLE", &value);
            options->delivered_at = verdict == VERDICT_DONE ? call->now - value : 0;
            options->dated = true;
            return verdict;
        }
        if (args_take(args, SLICE("time"))) {
            options->dated = true;
            return next_option_value(call, "TIME", &options->delivered_at);
        }
        if (args_take(args, SLICE("retrycount")))
            return next_option_value(call, "RETRYCOUNT", &options->times);
        if (args_take(args, SLICE("lastid"))) {
            options->sets_last = true;
            return next_entry_id(args, &options->last_id)
                       ? VERDICT_DONE
                       : call_refuse(call, REFUSAL_STREAM_BAD_ID);
        }
    }
    word = args_next(args);
    return call_refuse_with(call, "ERR Unrecognized XCLAIM option '%.*s'",
                            (int)(word.len < 128 ? word.len : 128), word.at);
}

/*
 * Whether the words are those in which a reading of new entries is told: then
 * the group moves on with each entry, as it did where they were read.
 */
static bool tells_a_reading(const struct call *call, const struct claim_options *options,
                            size_t last_at, const struct group *group)
{
    struct entry_id id;

    return options->force && options->just_id && options->dated && options->times >= 0 &&
           options->sets_last && entry_id_read(call->args->words[last_at], 0, &id) &&
           entry_id_equal(id, options->last_id) &&
           entry_id_compare(id, group_last_id(group)) > 0;
}

/*
 * Whether the words only tell when a consumer was seen and when it was active,
 * as stream_value.c has it: 0-0 is no entry, and others find nothing to do.
 */
static bool tells_times(const struct call *call, const struct claim_options *options, size_t first,
                        size_t end)
{
    struct entry_id id;

    return end == first + 1 && options->dated && options->times >= 0 && !options->force &&
           entry_id_read(call->args->words[first], 0, &id) && entry_id_is_zero(id);
}

static void reply_claimed(struct call *call, const struct entry *entry, bool just_id)
{
    if (just_id)
        reply_entry_id(call->reply, entry->id);
    else
        reply_entry(call->reply, entry);
}

/* What was claimed must be told, and counts as a change. */
static void note_claim(struct call *call, struct slice key, struct group *group,
                       enum claim_answer answer, const struct delivery *delivery,
                       struct claim_words *said)
{
    if (answer == CLAIM_REFUSED)
        return;
    ledger_count(call->ledger, 1);
    if (answer == CLAIM_TAKEN)
        say_claim(said, delivery);
    else
        say_acknowledged(call, key, group, delivery->id);
}

/* Claims the entries of the words from `first` to `end`, and answers with them; how many. */
static size_t claim_named(struct call *call, struct claim *claim,
                          const struct claim_options *options, size_t first, size_t end)
{
    struct slice key = call->args->words[1];
    struct outbox_hole hole = reply_open(call->reply);
    bool moves_on = tells_a_reading(call, options, end - 1, claim->group);
    struct claim_words said;
    size_t taken = 0;

    if (!moves_on && options->sets_last &&
        entry_id_compare(options->last_id, group_last_id(claim->group)) > 0) {
        group_set(claim->group, options->last_id, group_entries_read(claim->group));
        ledger_count(call->ledger, 1);
        say_group_place(call, key, claim->group);
    }
    say_claims_begin(&said, call, key, claim->group, claim->name, end - first);
    for (size_t i = first; i < end; i++) {
        struct delivery delivery;
        struct entry entry;
        struct entry_id id;
        enum claim_answer answer;

        must(entry_id_read(call->args->words[i], 0, &id));
        if (moves_on && entry_id_compare(id, group_last_id(claim->group)) > 0)
            group_advance(claim->group, claim->stream, id);
        answer = claim_one(claim, id, &delivery, &entry);
        note_claim(call, key, claim->group, answer, &delivery, &said);
        if (answer == CLAIM_TAKEN) {
            reply_claimed(call, &entry, options->just_id);
            taken++;
        }
    }
    say_claims_end(&said);
    reply_close_array(call->reply, hole, taken);
    return taken;
}

/* Reads the IDs, which are the words from `first` to `end`, and the options behind them. */
static enum verdict read_claim(struct call *call, struct claim_options *options, size_t *first,
                               size_t *end)
{
    struct entry_id id;
    enum verdict verdict = VERDICT_DONE;

    *first = *end = args_position(call->args);
    while (args_more(call->args) && entry_id_read(args_peek(call->args), 0, &id)) {
        (void)args_next(call->args);
        ++*end;
    }
    while (args_more(call->args) && verdict == VERDICT_DONE)
        verdict = next_claim_option(call, options);
    /* A time to come would make entries idle for less than nothing. */
    if (options->delivered_at < 0 || options->delivered_at > call->now)
        options->delivered_at = call->now;
    return verdict;
}

/* What the options make of a claim. */
static void apply_options(const struct call *call, const struct claim_options *options,
                          struct claim *claim)
{
    claim->delivered_at = options->delivered_at;
    claim->force = options->force;
    claim->count = !options->just_id;
    claim->sets_times = options->times >= 0;
    claim->times = (uint64_t)options->times;
    claim->min_idle = claim->min_idle < 0 ? 0 : claim->min_idle;
    /* A log says what was, and when. */
    claim->blind = !entries_leave_here(call);
    claim->seen_at = claim->blind && options->dated ? options->delivered_at : 0;
}

/* XCLAIM key group consumer min-idle id [id ...] [IDLE ms] [TIME ms] [RETRYCOUNT n] [FORCE]
   [JUSTID] [LASTID id] */
enum verdict do_xclaim(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct claim claim = { .name = args_next(call->args), .now = call->now };
    struct claim_options options = { .delivered_at = call->now, .times = -1 };
    struct stream *stream;
    size_t first, end;
    bool is_new;
    enum refusal refusal = find_group(call, key, name, LOOK_READ, &stream, &claim.group);
    enum verdict verdict;

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (claim.group == NULL)
        return refuse_no_group(call, key, name, "");
    if (!args_next_integer(call->args, &claim.min_idle))
        return call_refuse_with(call, "ERR Invalid min-idle-time argument for XCLAIM");
    verdict = read_claim(call, &options, &first, &end);
    if (verdict != VERDICT_DONE)
        return verdict;

    claim.stream = stream;
    apply_options(call, &options, &claim);
    claim.consumer = meet_consumer(call, key, claim.group, claim.name, &is_new);
    if (claim.blind && tells_times(call, &options, first, end)) {
        claim.consumer->seen_at = options.delivered_at;
        claim.consumer->active_at = options.times - 1;
        reply_array(call->reply, 0);
        return VERDICT_DONE;
    }
    if (claim_named(call, &claim, &options, first, end) == 0 && is_new)
        say_consumer(call, key, claim.group, claim.consumer);
    group_touch(claim.group, call->now);
    call_due_earlier(call, key);
    return VERDICT_DONE;
}

/* What XAUTOCLAIM is told. */
struct scan_words {
    struct entry_id start;
    int64_t         count;
    bool            just_id;
};

/* VERDICT_DONE, or it has refused. */
static enum verdict read_scan_words(struct call *call, struct claim *claim,
                                    struct scan_words *words)
{
    struct args *args = call->args;
    enum refusal refusal;

    if (!args_next_integer(args, &claim->min_idle))
        return call_refuse_with(call, "ERR Invalid min-idle-time argument for XAUTOCLAIM");
    claim->min_idle = claim->min_idle < 0 ? 0 : claim->min_idle;
    refusal = next_range_start(args, &words->start);
    while (refusal == REFUSAL_NONE && args_more(args)) {
        if (args_left(args) > 1 && args_take(args, SLICE("count"))) {
            if (!args_next_integer(args, &words->count) || words->count <= 0 ||
                words->count > INT64_MAX / LOOKS_EACH / 16)
                refusal = REFUSAL_CLAIM_COUNT;
        } else if (args_take(args, SLICE("justid"))) {
            words->just_id = true;
        } else {
            refusal = REFUSAL_SYNTAX;
        }
    }
    return refusal == REFUSAL_NONE ? VERDICT_DONE : call_refuse(call, refusal);
}

/* What a search for idle entries found, to be answered behind the place where it stopped. */
struct scan_found {
    struct buffer   taken; /* struct entry */
    struct buffer   gone;  /* struct entry_id */
    struct entry_id place;
};

static void scan_idle(struct call *call, struct slice key, struct claim *claim,
                      const struct scan_words *words, struct scan_found *found)
{
    struct claim_scan scan;
    struct claim_words said;

    say_claims_begin(&said, call, key, claim->group, claim->name, (uint64_t)words->count);
    claim_scan_begin(&scan, claim, words->start, (uint64_t)words->count * LOOKS_EACH);
    for (int64_t i = 0; i < words->count; i++) {
        struct delivery delivery;
        struct entry entry;
        enum claim_answer answer = claim_scan_next(&scan, &delivery, &entry);

        if (answer == CLAIM_REFUSED)
            break;
        note_claim(call, key, claim->group, answer, &delivery, &said);
        if (answer == CLAIM_TAKEN)
            buffer_add(&found->taken, slice_of(&entry, sizeof(entry)));
        else
            buffer_add(&found->gone, slice_of(&delivery.id, sizeof(delivery.id)));
    }
    say_claims_end(&said);
    found->place = claim_scan_place(&scan);
}

static void reply_found(struct call *call, const struct scan_found *found, bool just_id)
{
    const struct entry *taken = (const struct entry *)(const void *)found->taken.at;
    const struct entry_id *gone = (const struct entry_id *)(const void *)found->gone.at;
    size_t taken_count = found->taken.len / sizeof(*taken);
    size_t gone_count = found->gone.len / sizeof(*gone);

    reply_array(call->reply, 3);
    reply_entry_id(call->reply, found->place);
    reply_array(call->reply, taken_count);
    for (size_t i = 0; i < taken_count; i++)
        reply_claimed(call, &taken[i], just_id);
    reply_array(call->reply, gone_count);
    for (size_t i = 0; i < gone_count; i++)
        reply_entry_id(call->reply, gone[i]);
}

/* XAUTOCLAIM key group consumer min-idle start [COUNT n] [JUSTID] */
enum verdict do_xautoclaim(struct call *call)
{
    struct slice key = args_next(call->args);
    struct slice name = args_next(call->args);
    struct claim claim = { .name = args_next(call->args),
                           .now = call->now,
                           .delivered_at = call->now };
    struct scan_words words = { .count = 100 };
    struct scan_found found = { .place = ENTRY_ID_MIN };
    struct stream *stream;
    bool is_new;
    enum refusal refusal;
    enum verdict verdict = read_scan_words(call, &claim, &words);

    if (verdict != VERDICT_DONE)
        return verdict;
    refusal = find_group(call, key, name, LOOK_READ, &stream, &claim.group);
    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (claim.group == NULL)
        return refuse_no_group(call, key, name, "");

    claim.stream = stream;
    claim.count = !words.just_id;
    claim.consumer = meet_consumer(call, key, claim.group, claim.name, &is_new);
    scan_idle(call, key, &claim, &words, &found);
    if (is_new && found.taken.len == 0)
        say_consumer(call, key, claim.group, claim.consumer);
    group_touch(claim.group, call->now);
    call_due_earlier(call, key);
    reply_found(call, &found, words.just_id);
    buffer_clear(&found.taken);
    buffer_clear(&found.gone);
    return VERDICT_DONE;
}

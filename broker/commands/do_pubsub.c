/*
 * Channels, patterns and shard channels.
 *
 * The answer to SUBSCRIBE and its kin is not a reply but a message for each
 * name, which RESP3 pushes; they count what the session is subscribed to after
 * each step, channels and patterns together, shard channels by themselves.
 */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/effects/notice.h"
#include "broker/metrics/metrics.h"
#include "broker/session/subscription.h"
#include "storage/base/glob.h"

/* What a session hears in one world: shard channels, or channels and patterns. */
static int64_t heard(const struct session *session, enum topic_kind kind)
{
    return kind == TOPIC_SHARD ? session->shards : (int64_t)session->channels + session->patterns;
}

/* One message of the answer; name is NULL where there was nothing to leave. */
static void tell(struct call *call, struct slice word, const struct slice *name,
                 enum topic_kind kind)
{
    reply_push(call->reply, 3);
    reply_bulk(call->reply, word);
    if (name != NULL)
        reply_bulk(call->reply, *name);
    else
        reply_nil(call->reply);
    reply_integer(call->reply, heard(call->session, kind));
}

static enum verdict join(struct call *call, struct slice word, enum topic_kind kind)
{
    notice_catch_up(call->broker->notice);
    while (args_more(call->args)) {
        struct slice name = args_next(call->args);

        subscription_join(call->session, call->broker->hub, kind, name);
        tell(call, word, &name, kind);
    }
    return VERDICT_DONE;
}

static enum verdict leave(struct call *call, struct slice word, enum topic_kind kind)
{
    struct slice name;

    notice_catch_up(call->broker->notice);
    if (!args_more(call->args) && subscription_count(call->session, kind) == 0)
        tell(call, word, NULL, kind);
    else if (!args_more(call->args)) {
        while (subscription_any(call->session, kind, &name)) {
            /* The name may go with its last subscriber, so it is kept for the answer. */
            name = arena_copy(call->arena, name);
            subscription_leave(call->session, kind, name);
            tell(call, word, &name, kind);
        }
    }
    while (args_more(call->args)) {
        name = args_next(call->args);
        subscription_leave(call->session, kind, name);
        tell(call, word, &name, kind);
    }
    return VERDICT_DONE;
}

/* SUBSCRIBE channel [channel ...] */
enum verdict do_subscribe(struct call *call)
{
    return join(call, SLICE("subscribe"), TOPIC_CHANNEL);
}

/* PSUBSCRIBE pattern [pattern ...] */
enum verdict do_psubscribe(struct call *call)
{
    return join(call, SLICE("psubscribe"), TOPIC_PATTERN);
}

/* SSUBSCRIBE shardchannel [shardchannel ...] */
enum verdict do_ssubscribe(struct call *call)
{
    /* SUBSCRIBE may be queued, since it always could. */
    if (call->queued)
        return call_refuse_with(call,
                                "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
    return join(call, SLICE("ssubscribe"), TOPIC_SHARD);
}

/* UNSUBSCRIBE [channel ...]: these, or all. */
enum verdict do_unsubscribe(struct call *call)
{
    return leave(call, SLICE("unsubscribe"), TOPIC_CHANNEL);
}

/* PUNSUBSCRIBE [pattern ...]: these, or all. */
enum verdict do_punsubscribe(struct call *call)
{
    return leave(call, SLICE("punsubscribe"), TOPIC_PATTERN);
}

/* SUNSUBSCRIBE [shardchannel ...]: these, or all. */
enum verdict do_sunsubscribe(struct call *call)
{
    return leave(call, SLICE("sunsubscribe"), TOPIC_SHARD);
}

static enum verdict publish(struct call *call, enum topic_kind kind)
{
    struct slice channel = args_next(call->args);
    struct slice payload = args_next(call->args);
    size_t receivers;

    notice_catch_up(call->broker->notice);
    receivers = hub_publish(call->broker->hub, kind, channel, payload);
    ledger_say_to_replicas(call->ledger, call->args->words, call->args->count);
    call->broker->metrics->published_messages++;
    call->broker->metrics->delivered_messages += receivers;
    reply_integer(call->reply, (int64_t)receivers);
    return VERDICT_DONE;
}

/* PUBLISH channel message: how many heard it. */
enum verdict do_publish(struct call *call)
{
    return publish(call, TOPIC_CHANNEL);
}

/* SPUBLISH shardchannel message: how many heard it. */
enum verdict do_spublish(struct call *call)
{
    return publish(call, TOPIC_SHARD);
}

/* The names that are listed, and how many they are. */
struct listing {
    struct reply *reply;
    const struct slice *pattern; /* NULL: all */
    size_t count;
};

static void list_name(void *who, struct slice name)
{
    struct listing *listing = who;

    if (listing->pattern != NULL && !glob_match(*listing->pattern, name))
        return;
    reply_bulk(listing->reply, name);
    listing->count++;
}

static enum verdict list_channels(struct call *call, enum topic_kind kind)
{
    struct listing listing = { .reply = call->reply };
    struct outbox_hole hole;
    struct slice pattern;

    if (args_more(call->args)) {
        pattern = args_next(call->args);
        listing.pattern = &pattern;
    }
    if (args_more(call->args))
        return call_refuse_subcommand(call);

    hole = reply_open(call->reply);
    hub_visit(call->broker->hub, kind, list_name, &listing);
    reply_close_array(call->reply, hole, listing.count);
    return VERDICT_DONE;
}

/* PUBSUB CHANNELS [pattern] */
enum verdict do_pubsub_channels(struct call *call)
{
    return list_channels(call, TOPIC_CHANNEL);
}

/* PUBSUB SHARDCHANNELS [pattern] */
enum verdict do_pubsub_shardchannels(struct call *call)
{
    return list_channels(call, TOPIC_SHARD);
}

static enum verdict count_hearers(struct call *call, enum topic_kind kind)
{
    reply_array(call->reply, args_left(call->args) * 2);
    while (args_more(call->args)) {
        struct slice name = args_next(call->args);

        reply_bulk(call->reply, name);
        reply_integer(call->reply, (int64_t)hub_hearers(call->broker->hub, kind, name));
    }
    return VERDICT_DONE;
}

/* PUBSUB NUMSUB [channel ...] */
enum verdict do_pubsub_numsub(struct call *call)
{
    return count_hearers(call, TOPIC_CHANNEL);
}

/* PUBSUB SHARDNUMSUB [shardchannel ...] */
enum verdict do_pubsub_shardnumsub(struct call *call)
{
    return count_hearers(call, TOPIC_SHARD);
}

/* PUBSUB NUMPAT: how many different patterns are subscribed to. */
enum verdict do_pubsub_numpat(struct call *call)
{
    reply_integer(call->reply, (int64_t)hub_topics(call->broker->hub, TOPIC_PATTERN));
    return VERDICT_DONE;
}

/* PUBSUB HELP */
enum verdict do_pubsub_help(struct call *call)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    List the channels that are subscribed to, or those of them that match.",
        "NUMPAT",
        "    Count the patterns that are subscribed to.",
        "NUMSUB [<channel> ...]",
        "    Count who is subscribed to each channel by its name.",
        "SHARDCHANNELS [<pattern>]",
        "    List the shard channels that are subscribed to, or those of them that match.",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Count who is subscribed to each shard channel.",
        NULL,
    };

    return call_help(call, lines);
}

/*
 * What always holds:
 *   (1) Messages in `waiting` are in the order of coming, but for OVERFLOW_LATEST,
 *       where a message takes the place of the one before it of its channel.
 *   (2) `bytes` is the sum of their weights, and at most `most` unless one alone is more.
 *   (3) `newest` has all of them under OVERFLOW_LATEST, by head and channel, else none.
 */
#include "broker/session/overflow.h"

#include <inttypes.h>

#include "broker/config/options.h"
#include "broker/metrics/metrics.h"
#include "broker/session/limits.h"
#include "pubsub/sink.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/index/table.h"

enum {
    WINDOW = 128 * 1024,       /* bytes in the outbox from which on messages wait */
    MOST_BYTES = 8 * 1024 * 1024 /* in the queue, where no limit says otherwise */
};

/* A message that waits. */
struct late_message {
    struct chain  link;
    struct bytes *body;
    uint32_t      head_len;
    uint32_t      key_len;  /* of the head, and the channel if the latest counts */
    char          key[];
};

struct overflow {
    enum overflow_mode mode;
    size_t             most;   /* bytes asked for, 0: follows the limits */
    size_t             bytes;
    size_t             count;
    uint64_t           dropped;
    uint64_t           told;   /* of these */
    bool               warned;
    struct metrics    *metrics;
    struct chain       waiting;
    struct table       newest;
    struct hash_key    secret; /* names of channels are anybody's, but few wait at a time */
};

static struct slice key_of(const void *item)
{
    const struct late_message *late = item;

    return slice_of(late->key, late->key_len);
}

static const struct table_kind by_channel = { .key = key_of };

const char *overflow_mode_name(enum overflow_mode mode)
{
    static const char *const names[OVERFLOW_MODES] = { "disconnect", "drop-oldest", "drop-newest",
                                                       "latest" };

    return names[mode];
}

static size_t weight_of(const struct late_message *late)
{
    return sizeof(*late) + late->key_len + bytes_len(late->body);
}

static void let_go(struct overflow *overflow, struct late_message *late)
{
    if (overflow->mode == OVERFLOW_LATEST)
        must(table_remove_item(&overflow->newest, late,
                               table_hash(&overflow->newest, key_of(late))));
    chain_leave(&late->link);
    overflow->bytes -= weight_of(late);
    overflow->count--;
    bytes_drop(late->body);
    memory_free(late);
}

static struct late_message *first_of(const struct overflow *overflow)
{
    struct chain *first = overflow->waiting.next;

    return first == &overflow->waiting ? NULL : CHAIN_OWNER(first, struct late_message, link);
}

static void let_all_go(struct overflow *overflow)
{
    struct late_message *late;

    while ((late = first_of(overflow)) != NULL)
        let_go(overflow, late);
}

void overflow_set(struct session *session, enum overflow_mode mode, size_t most,
                  struct metrics *metrics)
{
    struct overflow *overflow = session->overflow;

    if (overflow == NULL) {
        overflow = session->overflow = memory_new_zeroed(1, sizeof(*overflow));
        chain_init(&overflow->waiting);
        table_init(&overflow->newest, &by_channel, &overflow->secret);
        overflow->metrics = metrics;
    }
    if (mode != overflow->mode) {
        /* What waits is dropped with the mode it waits under. */
        overflow->dropped += overflow->count;
        metrics->dropped_messages += overflow->count;
        let_all_go(overflow);
    }
    overflow->mode = mode;
    overflow->most = most;
}

enum overflow_mode overflow_mode_of(const struct session *session)
{
    return session->overflow != NULL ? session->overflow->mode : OVERFLOW_DISCONNECT;
}

uint64_t overflow_dropped(const struct session *session)
{
    return session->overflow != NULL ? session->overflow->dropped : 0;
}

static void drop_one(struct overflow *overflow)
{
    overflow->dropped++;
    overflow->metrics->dropped_messages++;
}

static void add(struct overflow *overflow, const struct message *message)
{
    bool latest = overflow->mode == OVERFLOW_LATEST;
    size_t len = message->head.len + (latest ? message->channel : 0);
    struct late_message *late = memory_new(sizeof(*late) + len);

    late->body = bytes_share(message->body);
    late->head_len = (uint32_t)message->head.len;
    late->key_len = (uint32_t)len;
    memcpy(late->key, message->head.at, message->head.len);
    if (latest) {
        memcpy(late->key + late->head_len, message->body->at, message->channel);
        table_add(&overflow->newest, late, table_hash(&overflow->newest, key_of(late)));
    }
    chain_put_last(&overflow->waiting, &late->link);
    overflow->bytes += weight_of(late);
    overflow->count++;
}

/* Puts a message in the place of the one before it of its channel; false if none waits. */
static bool replace(struct overflow *overflow, const struct message *message)
{
    char key[512];
    struct late_message *late;
    struct slice wanted = slice_of(key, message->head.len + message->channel);

    if (wanted.len > sizeof(key))
        return false;
    memcpy(key, message->head.at, message->head.len);
    memcpy(key + message->head.len, message->body->at, message->channel);
    late = table_find(&overflow->newest, wanted, table_hash(&overflow->newest, wanted));
    if (late == NULL)
        return false;
    overflow->bytes -= weight_of(late);
    bytes_drop(late->body);
    late->body = bytes_share(message->body);
    overflow->bytes += weight_of(late);
    drop_one(overflow);
    return true;
}

static size_t most_of(const struct session *session, const struct options *options)
{
    size_t soft = limits_soft(session, options);
    size_t hard = limits_hard(session, options);

    if (session->overflow->most > 0)
        return session->overflow->most;
    return soft > 0 ? soft : hard > 0 ? hard / 2 : MOST_BYTES;
}

bool overflow_takes(struct session *session, const struct message *message,
                    const struct options *options)
{
    struct overflow *overflow = session->overflow;
    size_t wanted = sizeof(struct late_message) + message->head.len + bytes_len(message->body);
    size_t most;

    if (LIKELY(overflow == NULL) || overflow->mode == OVERFLOW_DISCONNECT)
        return false;
    if (overflow->count == 0 && outbox_pending(session->reply.out) < WINDOW)
        return false;
    if (overflow->mode == OVERFLOW_LATEST && replace(overflow, message))
        return true;
    most = most_of(session, options);
    if (overflow->mode == OVERFLOW_DROP_NEWEST) {
        if (overflow->bytes + wanted > most)
            drop_one(overflow);
        else
            add(overflow, message);
        return true;
    }
    add(overflow, message);
    while (overflow->bytes > most && overflow->count > 1) {
        let_go(overflow, first_of(overflow));
        drop_one(overflow);
    }
    return true;
}

/* Puts a push of the house: ["overflow", what, numbers ...]. */
static void push(struct session *session, struct slice what, size_t count, const uint64_t *numbers)
{
    reply_push(&session->reply, 2 + count);
    reply_bulk(&session->reply, SLICE("overflow"));
    reply_bulk(&session->reply, what);
    for (size_t i = 0; i < count; i++)
        reply_integer(&session->reply, (int64_t)numbers[i]);
}

void overflow_go_on(struct session *session)
{
    struct overflow *overflow = session->overflow;
    struct outbox *out = session->reply.out;
    struct late_message *late;

    if (overflow == NULL)
        return;
    overflow->warned = false;
    if (overflow->told < overflow->dropped && session->reply.resp3) {
        uint64_t missed = overflow->dropped - overflow->told;

        push(session, SLICE("dropped"), 1, &missed);
        session_wants_send(session);
    }
    overflow->told = overflow->dropped;
    while (outbox_pending(out) < WINDOW && (late = first_of(overflow)) != NULL) {
        outbox_put(out, session->reply.resp3 ? SLICE(">") : SLICE("*"));
        outbox_put(out, slice_of(late->key, late->head_len));
        outbox_share(out, late->body, bytes_slice(late->body));
        let_go(overflow, late);
        session_wants_send(session);
    }
}

void overflow_warn(struct session *session, size_t pending, size_t soft)
{
    const uint64_t numbers[2] = { pending, soft };

    if (session->overflow == NULL || session->overflow->warned || session->in_call)
        return;
    session->overflow->warned = true;
    if (session->reply.resp3)
        push(session, SLICE("warning"), 2, numbers);
}

void overflow_end(struct session *session)
{
    struct overflow *overflow = session->overflow;

    if (overflow == NULL)
        return;
    let_all_go(overflow);
    table_clear(&overflow->newest, NULL, NULL);
    memory_free(overflow);
    session->overflow = NULL;
}

size_t overflow_memory(const struct session *session)
{
    return session->overflow != NULL ? sizeof(*session->overflow) + session->overflow->bytes : 0;
}

size_t overflow_memory_own(const struct session *session)
{
    const struct overflow *overflow = session->overflow;
    size_t total = overflow_memory(session);

    if (overflow == NULL)
        return 0;
    for (const struct chain *link = overflow->waiting.next; link != &overflow->waiting;
         link = link->next) {
        const struct late_message *late =
            CHAIN_OWNER((struct chain *)(uintptr_t)link, struct late_message, link);

        total -= bytes_len(late->body) - bytes_len(late->body) / bytes_shares(late->body);
    }
    return total;
}

/*
 * Trees by name, and chains by age.
 *
 * What always holds:
 *   (1) A message is in the tree and in the chain of its producer once.
 *   (2) A producer is in the tree and in the chain of producers once, and has a message.
 *   (3) Chains are in the order of recording. IDs rise with it, unless somebody who restores
 *       a stream recorded them in another; then some are forgotten late, but never found.
 *   (4) counts.messages is the number of messages of all producers together.
 */
#include "streams/producers.h"

#include <assert.h>

#include "storage/base/chain.h"
#include "storage/base/digest.h"
#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/index/ordered.h"

static_assert((int)DIGEST_SHA256_SIZE <= (int)PRODUCERS_NAME_MAX, "a digest is a short name");

struct message {
    struct chain    link; /* of its producer, the oldest first */
    struct entry_id id;
    uint8_t         len;
    char            name[];
};

struct producer {
    struct chain    link; /* of all, the one that is silent for longest first */
    struct chain    messages;
    struct ordered *by_name; /* struct named_message */
    uint8_t         len;
    char            name[];
};

struct producers {
    struct chain            all;
    struct ordered         *by_name; /* struct named_producer */
    struct producers_counts counts;
    size_t                  bytes;   /* of messages and producers, without the trees */
};

struct named_message {
    struct slice    name;
    struct message *message;
};

struct named_producer {
    struct slice     name;
    struct producer *producer;
};

/* Both kinds of records begin with their name. */
static int compare_names(const void *a, const void *b, void *who)
{
    const struct slice *one = a, *other = b;

    (void)who;
    return slice_compare(*one, *other);
}

static const struct ordered_kind message_kind = {
    .record_size = sizeof(struct named_message),
    .lead = ORDERED_LEAD_NONE,
    .compare = compare_names,
};

static const struct ordered_kind producer_kind = {
    .record_size = sizeof(struct named_producer),
    .lead = ORDERED_LEAD_NONE,
    .compare = compare_names,
};

/* A name as it is kept: itself, or its digest in `room`. */
struct name_room {
    unsigned char bytes[DIGEST_SHA256_SIZE];
};

static struct slice kept_name(struct slice name, struct name_room *room)
{
    if (name.len <= PRODUCERS_NAME_MAX)
        return name;
    digest_sha256(name, room->bytes);
    return slice_of((const char *)room->bytes, sizeof(room->bytes));
}

struct producers *producers_new(void)
{
    struct producers *producers = memory_new_zeroed(1, sizeof(*producers));

    chain_init(&producers->all);
    producers->by_name = ordered_new(&producer_kind, NULL);
    return producers;
}

static struct slice message_name(const struct message *message)
{
    return slice_of(message->name, message->len);
}

static struct slice producer_name(const struct producer *producer)
{
    return slice_of(producer->name, producer->len);
}

static struct message *first_message(const struct producer *producer)
{
    return CHAIN_OWNER(producer->messages.next, struct message, link);
}

static struct message *last_message(const struct producer *producer)
{
    return CHAIN_OWNER(producer->messages.prev, struct message, link);
}

static struct producer *find_producer(const struct producers *producers, struct slice name)
{
    const struct named_producer *found = ordered_find(producers->by_name, &name);

    return found != NULL ? found->producer : NULL;
}

static struct message *find_message(const struct producer *producer, struct slice name)
{
    const struct named_message *found = ordered_find(producer->by_name, &name);

    return found != NULL ? found->message : NULL;
}

static void forget_message(struct producers *producers, struct producer *producer,
                           struct message *message)
{
    struct slice name = message_name(message);

    must(ordered_remove(producer->by_name, &name, NULL));
    chain_leave(&message->link);
    producers->counts.messages--;
    producers->bytes -= memory_usable(message);
    memory_free(message);
}

static void forget_producer(struct producers *producers, struct producer *producer)
{
    struct slice name = producer_name(producer);

    while (!chain_is_empty(&producer->messages))
        forget_message(producers, producer, first_message(producer));
    must(ordered_remove(producers->by_name, &name, NULL));
    chain_leave(&producer->link);
    ordered_free(producer->by_name);
    producers->counts.producers--;
    producers->bytes -= memory_usable(producer);
    memory_free(producer);
}

static struct producer *add_producer(struct producers *producers, struct slice name)
{
    struct producer *producer = memory_new(sizeof(*producer) + name.len);
    struct named_producer named;

    chain_init(&producer->messages);
    chain_put_last(&producers->all, &producer->link);
    producer->by_name = ordered_new(&message_kind, NULL);
    producer->len = (uint8_t)name.len;
    if (name.len > 0)
        memcpy(producer->name, name.at, name.len);
    named = (struct named_producer){ producer_name(producer), producer };
    must(ordered_insert(producers->by_name, &named));
    producers->counts.producers++;
    producers->bytes += memory_usable(producer);
    return producer;
}

static void add_message(struct producers *producers, struct producer *producer, struct slice name,
                        struct entry_id id)
{
    struct message *message = memory_new(sizeof(*message) + name.len);
    struct named_message named;

    message->id = id;
    message->len = (uint8_t)name.len;
    if (name.len > 0)
        memcpy(message->name, name.at, name.len);
    chain_put_last(&producer->messages, &message->link);
    named = (struct named_message){ message_name(message), message };
    must(ordered_insert(producer->by_name, &named));
    producers->counts.messages++;
    producers->bytes += memory_usable(message);
}

void producers_record(struct producers *producers, struct slice producer, struct slice message,
                      struct entry_id id, uint64_t most)
{
    struct name_room producer_room, message_room;
    struct slice who = kept_name(producer, &producer_room);
    struct slice what = kept_name(message, &message_room);
    struct producer *of = find_producer(producers, who);
    struct message *known;

    if (of == NULL) {
        of = add_producer(producers, who);
    } else {
        chain_leave(&of->link);
        chain_put_last(&producers->all, &of->link);
    }
    known = find_message(of, what);
    if (known != NULL)
        forget_message(producers, of, known);
    add_message(producers, of, what, id);
    while (ordered_count(of->by_name) > most && ordered_count(of->by_name) > 1)
        forget_message(producers, of, first_message(of));
    producers->counts.recorded++;
}

static bool is_old(struct entry_id id, millis since)
{
    return since >= 0 && id.ms <= (uint64_t)since;
}

bool producers_find(struct producers *producers, struct slice producer, struct slice message,
                    millis since, struct entry_id *id)
{
    struct name_room producer_room, message_room;
    struct producer *of;
    const struct message *known;

    producers_forget(producers, since);
    of = find_producer(producers, kept_name(producer, &producer_room));
    if (of == NULL)
        return false;
    while (!chain_is_empty(&of->messages) && is_old(first_message(of)->id, since))
        forget_message(producers, of, first_message(of));
    if (chain_is_empty(&of->messages)) {
        forget_producer(producers, of);
        return false;
    }
    known = find_message(of, kept_name(message, &message_room));
    if (known == NULL || is_old(known->id, since))
        return false;
    producers->counts.duplicates++;
    *id = known->id;
    return true;
}

bool producers_know(const struct producers *producers, struct slice producer,
                    struct slice message, millis since, struct entry_id *id)
{
    struct name_room producer_room, message_room;
    const struct producer *of = find_producer(producers, kept_name(producer, &producer_room));
    const struct message *known =
        of != NULL ? find_message(of, kept_name(message, &message_room)) : NULL;

    if (known == NULL || is_old(known->id, since))
        return false;
    *id = known->id;
    return true;
}

void producers_forget(struct producers *producers, millis since)
{
    while (!chain_is_empty(&producers->all)) {
        struct producer *oldest = CHAIN_OWNER(producers->all.next, struct producer, link);

        if (!is_old(last_message(oldest)->id, since))
            return;
        forget_producer(producers, oldest);
    }
}

void producers_clear(struct producers *producers)
{
    while (!chain_is_empty(&producers->all))
        forget_producer(producers, CHAIN_OWNER(producers->all.next, struct producer, link));
}

void producers_free(struct producers *producers)
{
    if (producers == NULL)
        return;
    producers_clear(producers);
    ordered_free(producers->by_name);
    memory_free(producers);
}

struct producers_counts producers_counts(const struct producers *producers)
{
    return producers->counts;
}

void producers_set_counts(struct producers *producers, uint64_t recorded, uint64_t duplicates)
{
    producers->counts.recorded = recorded;
    producers->counts.duplicates = duplicates;
}

void producers_visit(const struct producers *producers,
                     void (*visit)(void *who, struct slice producer, struct slice message,
                                   struct entry_id id),
                     void *who)
{
    for (struct chain *link = producers->all.next; link != &producers->all; link = link->next) {
        const struct producer *of = CHAIN_OWNER(link, struct producer, link);

        for (struct chain *each = of->messages.next; each != &of->messages; each = each->next) {
            const struct message *message = CHAIN_OWNER(each, struct message, link);

            visit(who, producer_name(of), message_name(message), message->id);
        }
    }
}

static void copy_one(void *who, struct slice producer, struct slice message, struct entry_id id)
{
    producers_record(who, producer, message, id, UINT64_MAX);
}

struct producers *producers_copy(const struct producers *producers)
{
    struct producers *copy = producers_new();

    producers_visit(producers, copy_one, copy);
    copy->counts = producers->counts;
    return copy;
}

size_t producers_memory(const struct producers *producers)
{
    return sizeof(*producers) + producers->bytes + ordered_memory(producers->by_name) +
           producers->counts.messages * sizeof(struct named_message);
}

static void move_message(void *who, void *record)
{
    struct mover *mover = who;
    struct named_message *named = record;
    struct message *message = named->message;
    struct message *moved = mover_copy(mover, message);

    if (moved == NULL)
        return;
    chain_moved(&moved->link, &message->link);
    *named = (struct named_message){ message_name(moved), moved };
    mover_leave(mover, message);
}

static void move_producer(void *who, void *record)
{
    struct mover *mover = who;
    struct named_producer *named = record;
    struct producer *producer = named->producer;
    struct producer *moved = mover_copy(mover, producer);
    size_t at = 0;

    if (moved != NULL) {
        chain_moved(&moved->link, &producer->link);
        chain_moved(&moved->messages, &producer->messages);
        *named = (struct named_producer){ producer_name(moved), moved };
        mover_leave(mover, producer);
        producer = moved;
    }
    (void)mover_move(mover, &producer->by_name);
    do
        at = ordered_move(producer->by_name, mover, at, move_message, mover);
    while (at > 0);
}

uint64_t producers_move(struct producers **moving, struct mover *mover, uint64_t at)
{
    struct producers *moved = at == 0 ? mover_copy(mover, *moving) : NULL;

    if (moved != NULL) {
        chain_moved(&moved->all, &(*moving)->all);
        mover_leave(mover, *moving);
        *moving = moved;
    }
    if (at == 0)
        (void)mover_move(mover, &(*moving)->by_name);
    return ordered_move((*moving)->by_name, mover, at, move_producer, mover);
}

void producers_check(const struct producers *producers)
{
    uint64_t messages = 0;
    uint64_t count = 0;

    for (struct chain *link = producers->all.next; link != &producers->all; link = link->next) {
        const struct producer *of = CHAIN_OWNER(link, struct producer, link);
        uint64_t own = 0;

        must(find_producer(producers, producer_name(of)) == of);
        must(!chain_is_empty(&of->messages));
        for (struct chain *each = of->messages.next; each != &of->messages; each = each->next) {
            const struct message *message = CHAIN_OWNER(each, struct message, link);

            must(find_message(of, message_name(message)) == message);
            own++;
        }
        must(own == ordered_count(of->by_name));
        messages += own;
        count++;
    }
    must(count == ordered_count(producers->by_name) && count == producers->counts.producers);
    must(messages == producers->counts.messages);
}

/*
 * What always holds:
 *   (1) An entry is acknowledged only after its handler returned true, or in the
 *       same transaction that puts it into the dead-letter stream.
 *   (2) An acknowledgement is sent as soon as its entry is handled, but its reply
 *       is heard later: 'unheard' of them are under way, and are heard before
 *       anything else is asked on the link.
 *   (3) 'cursor' is where the next XAUTOCLAIM goes on; "0-0" begins a new round.
 */
#include "clients/lib/mr_consumer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BATCH_DEFAULT = 16,
    BLOCK_MS_DEFAULT = 2000,
    CLAIM_IDLE_MS_DEFAULT = 30000,
    CLAIM_EVERY_MS_DEFAULT = 1000,
    DELIVERIES_DEFAULT = 5,
    PATIENCE_MS = 10000, /* how much longer than asked a blocking read may take */
    PAUSE_FIRST_MS = 100,
    PAUSE_LONGEST_MS = 5000,
    ID_BYTES = 48
};

struct mr_consumer {
    struct mr_link           *link;
    struct mr_consumer_setup  setup;
    struct mr_consumer_tally  tally;
    long long                 claim_at;
    size_t                    unheard; /* acknowledgements sent, replies not yet heard */
    bool                      refused; /* the broker said no; trouble has its words */
    char                      cursor[ID_BYTES];
    char                      trouble[256];
    char                      batch[16];
    char                      block[16];
    char                      idle[16];
};

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_for(int milliseconds)
{
    struct timespec pause = {.tv_sec = milliseconds / 1000,
                             .tv_nsec = (long)(milliseconds % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

/* Copies a text of the setup; NULL stays NULL. False without memory. */
static bool own(const char **text)
{
    if (*text == NULL)
        return true;
    *text = strdup(*text);
    return *text != NULL;
}

static void disown(const char *text)
{
    char *copy;

    /* The setup's fields are const for those who fill it; these copies are ours. */
    memcpy(&copy, &text, sizeof copy);
    free(copy);
}

static int or_else(int value, int otherwise)
{
    return value > 0 ? value : otherwise;
}

static bool copy_setup(struct mr_consumer *consumer, const struct mr_consumer_setup *setup)
{
    struct mr_consumer_setup *mine = &consumer->setup;
    bool fine = true;

    *mine = *setup;
    fine = own(&mine->stream) && fine;
    fine = own(&mine->group) && fine;
    fine = own(&mine->name) && fine;
    fine = own(&mine->dead_letter) && fine;
    mine->batch = or_else(setup->batch, BATCH_DEFAULT);
    mine->block_ms = or_else(setup->block_ms, BLOCK_MS_DEFAULT);
    mine->claim_idle_ms = or_else(setup->claim_idle_ms, CLAIM_IDLE_MS_DEFAULT);
    mine->claim_every_ms = or_else(setup->claim_every_ms, CLAIM_EVERY_MS_DEFAULT);
    mine->deliveries = or_else(setup->deliveries, DELIVERIES_DEFAULT);
    snprintf(consumer->batch, sizeof consumer->batch, "%d", mine->batch);
    snprintf(consumer->block, sizeof consumer->block, "%d", mine->block_ms);
    snprintf(consumer->idle, sizeof consumer->idle, "%d", mine->claim_idle_ms);
    snprintf(consumer->cursor, sizeof consumer->cursor, "0-0");
    return fine;
}

/* Remembers why a turn failed; a refusal will not go away by itself. */
static enum mr_outcome fail(struct mr_consumer *consumer, const struct mr_reply *reply)
{
    consumer->refused = reply != NULL;
    snprintf(consumer->trouble, sizeof consumer->trouble, "%s",
             reply != NULL && reply->text != NULL ? reply->text : mr_link_trouble(consumer->link));
    return MR_GONE;
}

static bool make_group(struct mr_consumer *consumer)
{
    struct mr_reply *reply =
        mr_link_ask_words(consumer->link, "XGROUP", "CREATE", consumer->setup.stream,
                          consumer->setup.group, "0", "MKSTREAM", (char *)NULL);
    bool fine = reply != NULL && (reply->type != MR_ERROR ||
                                  strncmp(reply->text, "BUSYGROUP", strlen("BUSYGROUP")) == 0);

    if (!fine)
        fail(consumer, reply);
    mr_reply_free(reply);
    return fine;
}

struct mr_consumer *mr_consumer_new(struct mr_link *link, const struct mr_consumer_setup *setup,
                                    struct mr_trouble *trouble)
{
    struct mr_consumer *consumer = calloc(1, sizeof *consumer);

    if (consumer == NULL) {
        snprintf(trouble->text, sizeof trouble->text, "out of memory");
        return NULL;
    }
    consumer->link = link;
    if (!copy_setup(consumer, setup))
        snprintf(trouble->text, sizeof trouble->text, "out of memory");
    else if (!make_group(consumer))
        snprintf(trouble->text, sizeof trouble->text, "making group: %.200s", consumer->trouble);
    else
        return consumer;
    mr_consumer_free(consumer);
    return NULL;
}

void mr_consumer_free(struct mr_consumer *consumer)
{
    if (consumer == NULL)
        return;
    disown(consumer->setup.stream);
    disown(consumer->setup.group);
    disown(consumer->setup.name);
    disown(consumer->setup.dead_letter);
    free(consumer);
}

const struct mr_consumer_tally *mr_consumer_counts(const struct mr_consumer *consumer)
{
    return &consumer->tally;
}

const char *mr_consumer_trouble(const struct mr_consumer *consumer)
{
    return consumer->trouble;
}

/* True if a reply is an entry as streams write it: [id, [name, value ...]]. */
static bool is_entry(const struct mr_reply *reply)
{
    return reply->type == MR_ARRAY && reply->count == 2 && reply->children[0].text != NULL &&
           reply->children[1].type == MR_ARRAY;
}

/* Sends an acknowledgement without waiting for its reply. */
static bool acknowledge(struct mr_consumer *consumer, const char *id)
{
    if (!mr_link_say_words(consumer->link, "XACK", consumer->setup.stream, consumer->setup.group,
                           id, (char *)NULL) ||
        !mr_link_flush(consumer->link)) {
        fail(consumer, NULL);
        return false;
    }
    consumer->unheard++;
    return true;
}

/* Hears the replies to all acknowledgements under way. False: link or broker failed. */
static bool settle(struct mr_consumer *consumer)
{
    bool fine = true;

    while (consumer->unheard > 0) {
        struct mr_reply *reply;

        if (mr_link_hear(consumer->link, -1, &reply) != MR_HEARD) {
            fail(consumer, NULL);
            return false;
        }
        consumer->unheard--;
        if (reply->type == MR_ERROR) {
            fail(consumer, reply);
            fine = false;
        }
        mr_reply_free(reply);
    }
    return fine;
}

/* Has one entry handled, and acknowledges it if that went well. False: link or broker failed. */
static bool handle(struct mr_consumer *consumer, const struct mr_reply *entry, int64_t deliveries,
                   bool claimed)
{
    struct mr_entry seen = {.id = entry->children[0].text,
                            .fields = &entry->children[1],
                            .deliveries = deliveries,
                            .claimed = claimed};

    if (!consumer->setup.handle(consumer->setup.owner, &seen)) {
        consumer->tally.failed++;
        return true;
    }
    consumer->tally.handled++;
    return acknowledge(consumer, seen.id);
}

/* Says the XADD that carries an entry over; the fields are its own and our three. */
static bool say_dead(struct mr_consumer *consumer, const struct mr_reply *entry,
                     int64_t deliveries)
{
    const struct mr_reply *fields = &entry->children[1];
    size_t total = 3 + fields->count + 6;
    const char **words = calloc(total, sizeof *words);
    size_t *lengths = calloc(total, sizeof *lengths);
    char times[24];
    size_t count = 3;
    bool said = false;

    snprintf(times, sizeof times, "%" PRId64, deliveries);
    if (words != NULL && lengths != NULL) {
        const char *ours[6] = {"dead-stream", consumer->setup.stream,
                               "dead-id",     entry->children[0].text,
                               "dead-deliveries", times};

        words[0] = "XADD";
        words[1] = consumer->setup.dead_letter;
        words[2] = "*";
        for (size_t i = 0; i < 3; i++)
            lengths[i] = strlen(words[i]);
        for (size_t i = 0; i < fields->count; i++, count++) {
            words[count] = fields->children[i].text != NULL ? fields->children[i].text : "";
            lengths[count] = fields->children[i].length;
        }
        for (size_t i = 0; i < 6; i++, count++) {
            words[count] = ours[i];
            lengths[count] = strlen(ours[i]);
        }
        said = mr_link_say(consumer->link, count, words, lengths);
    }
    free(words);
    free(lengths);
    return said;
}

/* Moves an entry to the dead-letter stream and acknowledges it, both or neither. */
static bool bury(struct mr_consumer *consumer, const struct mr_reply *entry, int64_t deliveries)
{
    struct mr_link *link = consumer->link;
    bool fine = mr_link_say_words(link, "MULTI", (char *)NULL) &&
                say_dead(consumer, entry, deliveries) &&
                mr_link_say_words(link, "XACK", consumer->setup.stream, consumer->setup.group,
                                  entry->children[0].text, (char *)NULL) &&
                mr_link_say_words(link, "EXEC", (char *)NULL);

    if (!fine) {
        fail(consumer, NULL);
        return false;
    }
    /* MULTI, two QUEUED and what EXEC says; the last tells whether it was done. */
    for (int i = 0; i < 4; i++) {
        struct mr_reply *reply;

        if (mr_link_hear(link, -1, &reply) != MR_HEARD) {
            fail(consumer, NULL);
            return false;
        }
        if (i == 3 && (reply->type != MR_ARRAY || reply->count != 2 ||
                       reply->children[0].type == MR_ERROR)) {
            fail(consumer, reply->type == MR_ARRAY && reply->count > 0 ? &reply->children[0]
                                                                       : reply);
            fine = false;
        }
        mr_reply_free(reply);
    }
    consumer->tally.dead += fine;
    return fine;
}

/* How often an entry of ours was delivered; 0 if it is not pending, -1 if the link is gone. */
static int64_t deliveries_of(struct mr_consumer *consumer, const char *id)
{
    struct mr_reply *reply =
        mr_link_ask_words(consumer->link, "XPENDING", consumer->setup.stream,
                          consumer->setup.group, id, id, "1", (char *)NULL);
    int64_t times = 0;

    if (reply == NULL || reply->type == MR_ERROR) {
        fail(consumer, reply);
        times = -1;
    } else if (reply->count == 1 && reply->children[0].count == 4) {
        times = reply->children[0].children[3].integer;
    }
    mr_reply_free(reply);
    return times;
}

/* Handles or buries one entry that was just claimed. False: link or broker failed. */
static bool take_over(struct mr_consumer *consumer, const struct mr_reply *entry)
{
    int64_t times = settle(consumer) ? deliveries_of(consumer, entry->children[0].text) : -1;

    if (times < 0)
        return false;
    if (times == 0)
        return true;
    consumer->tally.claimed++;
    if (consumer->setup.dead_letter != NULL && times > consumer->setup.deliveries)
        return bury(consumer, entry, times);
    return handle(consumer, entry, times, true);
}

/* Claims a batch of what has been idle too long. False: link or broker failed. */
static bool claim(struct mr_consumer *consumer)
{
    struct mr_reply *reply = mr_link_ask_words(
        consumer->link, "XAUTOCLAIM", consumer->setup.stream, consumer->setup.group,
        consumer->setup.name, consumer->idle, consumer->cursor, "COUNT", consumer->batch,
        (char *)NULL);
    bool fine = reply != NULL && reply->type == MR_ARRAY && reply->count >= 2 &&
                reply->children[0].text != NULL;

    if (!fine) {
        fail(consumer, reply);
        mr_reply_free(reply);
        return false;
    }
    snprintf(consumer->cursor, sizeof consumer->cursor, "%s", reply->children[0].text);
    /* A round that is not over goes on in the next turn, not after a rest. */
    if (strcmp(consumer->cursor, "0-0") == 0)
        consumer->claim_at = now_ms() + consumer->setup.claim_every_ms;
    for (size_t i = 0; i < reply->children[1].count && fine; i++) {
        const struct mr_reply *entry = &reply->children[1].children[i];

        if (is_entry(entry))
            fine = take_over(consumer, entry);
    }
    mr_reply_free(reply);
    return fine && settle(consumer);
}

/* The entries in what XREADGROUP said: [[stream, entries]] or, in RESP3, {stream: entries}. */
static const struct mr_reply *entries_of(const struct mr_reply *reply)
{
    if (reply->type == MR_MAP && reply->count == 2)
        return &reply->children[1];
    if (reply->type == MR_ARRAY && reply->count == 1 && reply->children[0].count == 2)
        return &reply->children[0].children[1];
    return NULL;
}

/* Reads new entries, waiting if there are none, and handles them. */
static enum mr_outcome read_new(struct mr_consumer *consumer)
{
    struct mr_reply *reply = NULL;
    bool said = mr_link_say_words(consumer->link, "XREADGROUP", "GROUP", consumer->setup.group,
                                  consumer->setup.name, "COUNT", consumer->batch, "BLOCK",
                                  consumer->block, "STREAMS", consumer->setup.stream, ">",
                                  (char *)NULL);
    enum mr_outcome outcome = MR_GONE;

    if (said)
        outcome = mr_link_hear(consumer->link, consumer->setup.block_ms + PATIENCE_MS, &reply);
    if (outcome != MR_HEARD) {
        snprintf(consumer->trouble, sizeof consumer->trouble, "%s",
                 outcome == MR_LATE ? "the broker does not answer"
                                    : mr_link_trouble(consumer->link));
        return MR_GONE;
    }
    if (reply->type == MR_ERROR) {
        outcome = fail(consumer, reply);
    } else {
        const struct mr_reply *entries = entries_of(reply);

        outcome = entries != NULL ? MR_HEARD : MR_LATE;
        for (size_t i = 0; entries != NULL && i < entries->count; i++) {
            const struct mr_reply *entry = &entries->children[i];

            if (is_entry(entry) && !handle(consumer, entry, 1, false)) {
                outcome = MR_GONE;
                break;
            }
        }
    }
    mr_reply_free(reply);
    return settle(consumer) ? outcome : MR_GONE;
}

enum mr_outcome mr_consumer_turn(struct mr_consumer *consumer)
{
    consumer->trouble[0] = '\0';
    consumer->refused = false;
    consumer->unheard = 0;
    if (now_ms() >= consumer->claim_at && !claim(consumer))
        return MR_GONE;
    return read_new(consumer);
}

bool mr_consumer_run(struct mr_consumer *consumer, const volatile bool *stop)
{
    int pause_ms = PAUSE_FIRST_MS;

    while (!*stop) {
        struct mr_trouble trouble;

        if (mr_consumer_turn(consumer) != MR_GONE) {
            pause_ms = PAUSE_FIRST_MS;
            continue;
        }
        if (consumer->refused)
            return false;
        pause_for(pause_ms);
        pause_ms = pause_ms * 2 < PAUSE_LONGEST_MS ? pause_ms * 2 : PAUSE_LONGEST_MS;
        if (*stop)
            break;
        /* The group may have gone with the broker's memory; it is made again. */
        if (mr_link_reopen(consumer->link, &trouble) && !make_group(consumer) &&
            consumer->refused)
            return false;
    }
    return true;
}

/*
 * One table at the end names every workload; above it is what their roles say.
 *
 * Keys: bench:0000000042 (sixteen bytes) in the key space; bench:list,
 * bench:queue, bench:stream and bench:channel for the others; bench:done:N
 * is where worker N moves its jobs.
 */
#include "clients/bench/bench_workloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_LENGTH = 16,
    BATCH = 100, /* keys in one MSET or UNLINK, elements in one RPUSH */
    LIST_FILL_MAX = 1000000
};

/* A word that ends with a zero, as its bytes and their number. */
#define WORD(text) (text), (sizeof(text) - 1)

static uint64_t roll(uint64_t *state)
{
    uint64_t bits = *state;
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    return *state = bits;
}

static void write_key(char key[KEY_LENGTH], uint64_t number)
{
    memcpy(key, "bench:", 6);
    for (int i = KEY_LENGTH - 1; i >= 6; i--) {
        key[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

static unsigned one(bool written)
{
    return written ? 1 : 0;
}

static unsigned say_get(struct bench_turn *turn)
{
    char key[KEY_LENGTH];
    const char *words[] = { "GET", key };
    const size_t lengths[] = { 3, KEY_LENGTH };

    write_key(key, roll(&turn->random) % turn->options->keyspace);
    return one(mr_writer_add(turn->writer, 2, words, lengths));
}

static unsigned say_set(struct bench_turn *turn)
{
    char key[KEY_LENGTH];
    const char *words[] = { "SET", key, turn->payload };
    const size_t lengths[] = { 3, KEY_LENGTH, turn->payload_length };

    write_key(key, roll(&turn->random) % turn->options->keyspace);
    return one(mr_writer_add(turn->writer, 3, words, lengths));
}

static unsigned say_with_payload(struct bench_turn *turn, const char *command,
                                 size_t command_length, const char *key, size_t key_length)
{
    const char *words[] = { command, key, turn->payload };
    const size_t lengths[] = { command_length, key_length, turn->payload_length };
    return one(mr_writer_add(turn->writer, 3, words, lengths));
}

static unsigned say_lpush(struct bench_turn *turn)
{
    return say_with_payload(turn, WORD("LPUSH"), WORD("bench:list"));
}

static unsigned say_rpop(struct bench_turn *turn)
{
    const char *words[] = { "RPOP", "bench:list" };
    return one(mr_writer_add(turn->writer, 2, words, NULL));
}

static unsigned say_job(struct bench_turn *turn)
{
    return say_with_payload(turn, WORD("LPUSH"), WORD("bench:queue"));
}

static unsigned say_brpop(struct bench_turn *turn)
{
    const char *words[] = { "BRPOP", "bench:queue", "0" };
    return one(mr_writer_add(turn->writer, 3, words, NULL));
}

/* Drops the job that was moved before, as a worker that has done it would. */
static unsigned say_blmove(struct bench_turn *turn)
{
    char done[32];
    const char *move[] = { "BLMOVE", "bench:queue", done, "RIGHT", "LEFT", "0" };
    const char *drop[] = { "DEL", done };

    snprintf(done, sizeof done, "bench:done:%u", turn->number);
    return mr_writer_add(turn->writer, 2, drop, NULL) && mr_writer_add(turn->writer, 6, move, NULL)
               ? 2
               : 0;
}

static unsigned say_xadd(struct bench_turn *turn)
{
    const char *words[] = { "XADD", "bench:stream", "MAXLEN",     "~", "1000000",
                            "*",    "job",          turn->payload };
    const size_t lengths[] = { 4, 12, 6, 1, 7, 1, 3, turn->payload_length };
    return one(mr_writer_add(turn->writer, 8, words, lengths));
}

static bool say_xack(struct bench_turn *turn)
{
    const char *words[3 + BATCH] = { "XACK", "bench:stream", "bench" };
    size_t lengths[3 + BATCH] = { 4, 12, 5 };
    size_t count = turn->id_count < BATCH ? turn->id_count : BATCH;

    for (size_t i = 0; i < count; i++) {
        words[3 + i] = turn->ids[i].text;
        lengths[3 + i] = turn->ids[i].length;
    }
    turn->ids += count;
    turn->id_count -= count;
    return mr_writer_add(turn->writer, 3 + count, words, lengths);
}

static unsigned say_xreadgroup(struct bench_turn *turn)
{
    char name[32], count[16];
    const char *words[] = { "XREADGROUP", "GROUP", "bench",   name,           "COUNT", count,
                            "BLOCK",      "0",     "STREAMS", "bench:stream", ">" };
    unsigned said = 1;

    while (turn->id_count > 0) {
        if (!say_xack(turn))
            return 0;
        said++;
    }
    snprintf(name, sizeof name, "worker%u", turn->number);
    snprintf(count, sizeof count, "%u", turn->options->group_count);
    return mr_writer_add(turn->writer, 11, words, NULL) ? said : 0;
}

static unsigned say_publish(struct bench_turn *turn)
{
    return say_with_payload(turn, WORD("PUBLISH"), WORD("bench:channel"));
}

static unsigned say_subscribe(struct bench_turn *turn)
{
    const char *words[] = { "SUBSCRIBE", "bench:channel" };
    return one(mr_writer_add(turn->writer, 2, words, NULL));
}

/* Sends what was said and hears its one reply; false if the link is gone or it is an error. */
static bool hear_fine(struct mr_link *link, struct mr_trouble *trouble)
{
    struct mr_reply *reply = NULL;

    bool heard = mr_link_flush(link) && mr_link_hear(link, -1, &reply) == MR_HEARD;
    bool fine = heard && reply->type != MR_ERROR;
    if (!heard)
        snprintf(trouble->text, sizeof trouble->text, "%s", mr_link_trouble(link));
    else if (!fine)
        snprintf(trouble->text, sizeof trouble->text, "the server answers: %.200s", reply->text);
    mr_reply_free(reply);
    return fine;
}

/*
 * Says a command with BATCH words that the key space fills, over and over: first
 * the command's name, then for every key the key and, if there is one, a value.
 */
static bool over_keys(struct mr_link *link, uint64_t keys, const char *command, const char *value,
                      size_t value_length, struct mr_trouble *trouble)
{
    char names[BATCH][KEY_LENGTH];
    const char *words[1 + 2 * BATCH] = { command };
    size_t lengths[1 + 2 * BATCH] = { strlen(command) };

    for (uint64_t key = 0; key < keys;) {
        size_t count = 1;
        for (size_t i = 0; i < BATCH && key < keys; i++, key++) {
            write_key(names[i], key);
            words[count] = names[i];
            lengths[count++] = KEY_LENGTH;
            if (value == NULL)
                continue;
            words[count] = value;
            lengths[count++] = value_length;
        }
        if (!mr_link_say(link, count, words, lengths) || !hear_fine(link, trouble))
            return false;
    }
    return true;
}

/* A value of the size that was asked for; the caller frees it. NULL without memory. */
static char *value_new(const struct bench_options *options)
{
    char *value = malloc(options->size);
    if (value != NULL)
        memset(value, 'v', options->size);
    return value;
}

static bool prepare_keys(struct mr_link *link, const struct bench_options *options,
                         struct mr_trouble *trouble)
{
    char *value = value_new(options);
    bool fine =
        value != NULL && over_keys(link, options->keyspace, "MSET", value, options->size, trouble);
    free(value);
    return fine;
}

static bool prepare_list(struct mr_link *link, const struct bench_options *options,
                         struct mr_trouble *trouble)
{
    const char *words[2 + BATCH] = { "RPUSH", "bench:list" };
    size_t lengths[2 + BATCH] = { 5, 10 };
    uint64_t left = options->requests < LIST_FILL_MAX ? options->requests : LIST_FILL_MAX;
    char *value = value_new(options);
    bool fine = value != NULL;

    for (size_t i = 0; i < BATCH; i++) {
        words[2 + i] = value;
        lengths[2 + i] = options->size;
    }
    while (fine && left > 0) {
        size_t count = left < BATCH ? (size_t)left : BATCH;
        fine = mr_link_say(link, 2 + count, words, lengths) && hear_fine(link, trouble);
        left -= count;
    }
    free(value);
    return fine;
}

static bool prepare_group(struct mr_link *link, const struct bench_options *options,
                          struct mr_trouble *trouble)
{
    (void)options;
    return mr_link_say_words(link, "XGROUP", "CREATE", "bench:stream", "bench", "$", "MKSTREAM",
                             (const char *)NULL) &&
           hear_fine(link, trouble);
}

static const struct bench_workload workloads[] = {
    { .name = "set",
      .summary = "SET of keys by chance",
      .asks = { "request", BENCH_ASKS, BENCH_CONNECTIONS, false, say_set } },
    { .name = "get",
      .summary = "GET of keys by chance, all of which are there",
      .asks = { "request", BENCH_ASKS, BENCH_CONNECTIONS, false, say_get },
      .prepare = prepare_keys },
    { .name = "lpush",
      .summary = "LPUSH onto one list",
      .key = "bench:list",
      .asks = { "request", BENCH_ASKS, BENCH_CONNECTIONS, false, say_lpush } },
    { .name = "rpop",
      .summary = "RPOP from one list, filled before with -n elements, a million at most",
      .key = "bench:list",
      .asks = { "request", BENCH_ASKS, BENCH_CONNECTIONS, false, say_rpop },
      .prepare = prepare_list },
    { .name = "queue",
      .summary = "producers LPUSH, workers wait in BRPOP",
      .key = "bench:queue",
      .asks = { "push", BENCH_ASKS, BENCH_PRODUCERS, true, say_job },
      .hears = { "end to end", BENCH_WORKS, BENCH_WORKERS, false, say_brpop } },
    { .name = "move",
      .summary = "the same with BLMOVE to the worker's own list, and DEL when done",
      .key = "bench:queue",
      .asks = { "push", BENCH_ASKS, BENCH_PRODUCERS, true, say_job },
      .hears = { "end to end", BENCH_WORKS, BENCH_WORKERS, false, say_blmove } },
    { .name = "xadd",
      .summary = "XADD to one stream of a million entries at most",
      .key = "bench:stream",
      .asks = { "request", BENCH_ASKS, BENCH_CONNECTIONS, false, say_xadd } },
    { .name = "group",
      .summary = "producers XADD, workers XREADGROUP and XACK",
      .key = "bench:stream",
      .asks = { "add", BENCH_ASKS, BENCH_PRODUCERS, true, say_xadd },
      .hears = { "end to end", BENCH_WORKS, BENCH_WORKERS, false, say_xreadgroup },
      .prepare = prepare_group },
    { .name = "publish",
      .summary = "producers PUBLISH, every subscriber hears each message",
      .key = "bench:channel",
      .asks = { "publish", BENCH_ASKS, BENCH_PRODUCERS, true, say_publish },
      .hears = { "delivery", BENCH_LISTENS, BENCH_SUBSCRIBERS, false, say_subscribe } },
};

const struct bench_workload *bench_workloads_all(size_t *count)
{
    *count = sizeof workloads / sizeof workloads[0];
    return workloads;
}

const struct bench_workload *bench_workloads_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        if (strlen(workloads[i].name) == length && memcmp(workloads[i].name, name, length) == 0)
            return &workloads[i];
    }
    return NULL;
}

unsigned bench_workloads_crowd(const struct bench_role *role, const struct bench_options *options)
{
    if (role->measure == NULL)
        return 0;
    switch (role->crowd) {
    case BENCH_CONNECTIONS:
        return options->connections;
    case BENCH_PRODUCERS:
        return options->producers;
    case BENCH_WORKERS:
        return options->workers;
    case BENCH_SUBSCRIBERS:
        return options->subscribers;
    }
    return 0;
}

uint64_t bench_workloads_fan(const struct bench_workload *workload,
                             const struct bench_options *options)
{
    if (workload->hears.measure == NULL)
        return 0;
    return workload->hears.manner == BENCH_LISTENS ? options->subscribers : 1;
}

bool bench_workloads_tidy(const struct bench_workload *workload, struct mr_link *link,
                          const struct bench_options *options, struct mr_trouble *trouble)
{
    if (workload->key == NULL)
        return over_keys(link, options->keyspace, "UNLINK", NULL, 0, trouble);
    if (!mr_link_say_words(link, "UNLINK", workload->key, (const char *)NULL) ||
        !hear_fine(link, trouble))
        return false;
    for (unsigned i = 0; workload->hears.manner == BENCH_WORKS && i < options->workers; i++) {
        char done[32];
        snprintf(done, sizeof done, "bench:done:%u", i);
        if (!mr_link_say_words(link, "UNLINK", done, (const char *)NULL) ||
            !hear_fine(link, trouble))
            return false;
    }
    return true;
}

bool bench_workloads_prepare(const struct bench_workload *workload, struct mr_link *link,
                             const struct bench_options *options, struct mr_trouble *trouble)
{
    snprintf(trouble->text, sizeof trouble->text, "no memory");
    return bench_workloads_tidy(workload, link, options, trouble) &&
           (workload->prepare == NULL || workload->prepare(link, options, trouble));
}

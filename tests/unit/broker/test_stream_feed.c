/*
 * What is told of streams is enough to rebuild them: random commands run on one
 * broker, what its ledger says runs on a second, and what a rewrite says of the
 * first on a third. All three then have the same fingerprint.
 */
#include <CUnit/Basic.h>
#include <stdio.h>

#include "broker/dispatch/caller.h"
#include "broker/dispatch/ledger.h"
#include "broker/dispatch/replay.h"
#include "broker/protocol/request.h"
#include "broker/session/sessions.h"
#include "storage/base/random.h"
#include "storage/keyspace/keyspace.h"
#include "streams/group.h"
#include "streams/stream.h"
#include "streams/stream_value.h"
#include "tests/unit/broker/house.h"

void suite_stream_feed(void);

enum { WORDS_MOST = 24, WORD_ROOM = 40 };

/* A broker, and what runs statements on it. */
struct stage {
    struct house   house;
    struct replay *replay;
};

static void stage_init(struct stage *stage)
{
    house_open(&stage->house);
    stage->replay = replay_new(stage->house.broker.caller, stage->house.broker.sessions);
}

static void stage_clear(struct stage *stage)
{
    replay_free(stage->replay);
    house_close(&stage->house);
}

static struct fingerprint digest_of(const struct stage *stage)
{
    struct fingerprint fingerprint = { { 0 } };

    keyspace_digest(keyspaces_at(stage->house.broker.keyspaces, 0), &fingerprint);
    return fingerprint;
}

/* Whether a walk came to something: a stream with a group that has pending entries. */
static bool has_deliveries(const struct stage *stage)
{
    struct item *item =
        keyspace_find(keyspaces_at(stage->house.broker.keyspaces, 0), SLICE("s"), LOOK_QUIET);
    const struct stream *stream =
        item != NULL ? (const struct stream *)(const void *)item_value(item) : NULL;
    const struct group *group;
    struct group_walk groups;

    if (stream == NULL)
        return false;
    groups = stream_walk_groups(stream);
    group = stream_next_group(&groups);
    return group != NULL && stream_length(stream) > 10 && pending_count(group_pending(group)) > 0;
}

static bool same_data(const struct stage *one, const struct stage *other)
{
    struct fingerprint a = digest_of(one), b = digest_of(other);

    return memcmp(&a, &b, sizeof(a)) == 0;
}

/* A request under way. */
struct request_words {
    struct slice words[WORDS_MOST];
    char         room[WORDS_MOST][WORD_ROOM];
    size_t       count;
};

static void say(struct request_words *request, const char *word)
{
    char *room = request->room[request->count];
    int len = snprintf(room, WORD_ROOM, "%s", word);

    request->words[request->count++] = slice_of(room, (size_t)len);
}

static const char *one_of(struct random *random, const char *const *choices, size_t count)
{
    return choices[random_below(random, count)];
}

#define ONE_OF(random, ...) \
    one_of(random, (const char *const[]){ __VA_ARGS__ }, \
           sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static void say_id(struct request_words *request, struct random *random, uint64_t last)
{
    char id[WORD_ROOM];

    snprintf(id, sizeof(id), "%llu-%llu", (unsigned long long)random_below(random, last + 2),
             (unsigned long long)random_below(random, 3));
    say(request, id);
}

static void say_ids(struct request_words *request, struct random *random, uint64_t last)
{
    for (uint64_t i = random_below(random, 4) + 1; i > 0; i--)
        say_id(request, random, last);
}

static void say_number(struct request_words *request, struct random *random, uint64_t below)
{
    char number[WORD_ROOM];

    snprintf(number, sizeof(number), "%llu", (unsigned long long)random_below(random, below));
    say(request, number);
}

static void make_xadd(struct request_words *request, struct random *random, uint64_t *last)
{
    char id[WORD_ROOM];

    *last += random_below(random, 3);
    say(request, "XADD");
    say(request, ONE_OF(random, "s", "s", "t"));
    if (random_below(random, 10) == 0) {
        say(request, "MAXLEN");
        say(request, ONE_OF(random, "~", "=", "~"));
        say_number(request, random, 50);
    } else if (random_below(random, 10) == 0) {
        say(request, "MINID");
        say(request, ONE_OF(random, "~", "="));
        say_id(request, random, *last);
    }
    snprintf(id, sizeof(id), "%llu-*", (unsigned long long)*last);
    say(request, id);
    say(request, ONE_OF(random, "f", "f", "g"));
    say_number(request, random, 100000);
}

static void make_reading(struct request_words *request, struct random *random, uint64_t last)
{
    say(request, "XREADGROUP");
    say(request, "GROUP");
    say(request, ONE_OF(random, "g", "h"));
    say(request, ONE_OF(random, "alice", "bob", "carol"));
    if (random_below(random, 4) != 0) {
        say(request, "COUNT");
        say_number(request, random, 5);
    }
    if (random_below(random, 8) == 0)
        say(request, "NOACK");
    say(request, "STREAMS");
    say(request, ONE_OF(random, "s", "s", "t"));
    if (random_below(random, 4) == 0)
        say_id(request, random, last);
    else
        say(request, ">");
}

static void make_claim(struct request_words *request, struct random *random, uint64_t last)
{
    say(request, ONE_OF(random, "XCLAIM", "XAUTOCLAIM"));
    say(request, ONE_OF(random, "s", "t"));
    say(request, ONE_OF(random, "g", "h"));
    say(request, ONE_OF(random, "alice", "bob", "dave"));
    say(request, ONE_OF(random, "0", "0", "50"));
    if (request->words[0].len > 6) {
        say_id(request, random, last);
        say(request, "COUNT");
        say_number(request, random, 6);
        return;
    }
    say_ids(request, random, last);
    if (random_below(random, 2) == 0) {
        say(request, ONE_OF(random, "IDLE", "RETRYCOUNT", "TIME"));
        say_number(request, random, 400);
    }
    if (random_below(random, 2) == 0)
        say(request, ONE_OF(random, "FORCE", "JUSTID"));
    if (random_below(random, 4) == 0) {
        say(request, "LASTID");
        say_id(request, random, last);
    }
}

static void make_group(struct request_words *request, struct random *random, uint64_t last)
{
    say(request, "XGROUP");
    say(request, ONE_OF(random, "CREATE", "CREATE", "SETID", "CREATECONSUMER", "DELCONSUMER",
                        "CREATE", "DESTROY"));
    say(request, ONE_OF(random, "s", "t"));
    say(request, ONE_OF(random, "g", "h"));
    switch (request->words[1].at[0] == 'C' ? request->words[1].len : 0) {
    case 0:
        if (request->words[1].at[0] == 'S')
            say_id(request, random, last);
        else if (request->words[1].at[3] == 'C')
            say(request, ONE_OF(random, "alice", "bob"));
        break;
    case 6:
        say(request, ONE_OF(random, "0", "$", "5-0"));
        say(request, "MKSTREAM");
        break;
    default:
        say(request, ONE_OF(random, "alice", "erin"));
        break;
    }
}

static void make_request(struct request_words *request, struct random *random, uint64_t *last)
{
    request->count = 0;
    switch (random_below(random, 16)) {
    case 0:
        say(request, "XDEL");
        say(request, ONE_OF(random, "s", "t"));
        say_ids(request, random, *last);
        break;
    case 1:
        say(request, "XTRIM");
        say(request, ONE_OF(random, "s", "t"));
        say(request, "MINID");
        say(request, ONE_OF(random, "~", "="));
        say_number(request, random, *last / 2 + 1);
        break;
    case 2:
    case 3:
        say(request, "XACK");
        say(request, ONE_OF(random, "s", "t"));
        say(request, ONE_OF(random, "g", "h"));
        say_ids(request, random, *last);
        break;
    case 4:
        make_group(request, random, *last);
        break;
    case 5:
    case 6:
        make_claim(request, random, *last);
        break;
    case 7:
    case 8:
    case 9:
        make_reading(request, random, *last);
        break;
    default:
        make_xadd(request, random, last);
        break;
    }
}

/* Runs a request. It may be refused, which is as good. */
static void try_it(struct stage *stage, const struct request_words *request)
{
    struct trouble trouble = { 0 };
    bool done = replay_statement(stage->replay, request->words, request->count, &trouble) ==
                REPLAYED;

    CU_ASSERT_TRUE(done || trouble.text[0] != '\0');
}

/* Runs what a ledger said on another stage. */
static void follow(struct stage *from, struct stage *to)
{
    const struct request_limits limits = { 1 << 20, 1 << 20, true };
    struct buffer *feed = ledger_feed(from->house.broker.ledger);
    struct slice rest = buffer_slice(feed);
    struct trouble trouble = { 0 };
    struct request request;

    request_init(&request);
    while (rest.len > 0) {
        CU_ASSERT_EQUAL_FATAL(request_parse(&request, rest, &limits), REQUEST_READY);
        CU_ASSERT_TRUE_FATAL(
            replay_statement(to->replay, request.words, request.count, &trouble) == REPLAYED);
        rest = slice_after(rest, request.length);
        request_reset(&request);
    }
    request_clear(&request);
    buffer_rewind(feed);
    buffer_rewind(ledger_feed(to->house.broker.ledger));
}

static void a_walk_is_followed(uint64_t seed)
{
    struct stage one, other;
    struct random random;
    uint64_t last = 1;
    bool came_to_something = false;

    random_seed(&random, seed);
    stage_init(&one);
    stage_init(&other);
    ledger_listen(one.house.broker.ledger, LISTENER_FEED, true);
    for (int step = 0; step < 3000; step++) {
        struct request_words request;

        clock_move(one.house.clock, 7000);
        clock_move(other.house.clock, 9000);
        caller_begin(one.house.broker.caller);
        caller_begin(other.house.broker.caller);
        make_request(&request, &random, &last);
        try_it(&one, &request);
        follow(&one, &other);
        if (step % 20 != 0)
            continue;
        came_to_something |= has_deliveries(&one);
        if (!same_data(&one, &other)) {
            for (size_t i = 0; i < request.count; i++)
                printf(" %s", request.room[i]);
            printf(" (seed %d, step %d)\n", (int)seed, step);
            CU_FAIL_FATAL("the second broker has other data");
        }
    }
    CU_ASSERT_TRUE(same_data(&one, &other));
    CU_ASSERT_TRUE(came_to_something);
    stage_clear(&one);
    stage_clear(&other);
}

static void what_is_told_makes_the_same_streams(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        a_walk_is_followed(seed);
}

static void run_statement(void *who, const struct slice *words, size_t count)
{
    struct stage *stage = who;
    struct trouble trouble = { 0 };

    CU_ASSERT_TRUE(replay_statement(stage->replay, words, count, &trouble) == REPLAYED);
}

static void what_a_rewrite_says_makes_the_same_streams(void)
{
    struct statement_sink sink = { .say = run_statement };

    for (uint64_t seed = 11; seed < 13; seed++) {
        struct stage one, other;
        struct random random;
        uint64_t last = 1;

        random_seed(&random, seed);
        stage_init(&one);
        stage_init(&other);
        for (int step = 0; step < 500; step++) {
            struct request_words request;

            clock_move(one.house.clock, 7000);
            clock_move(other.house.clock, 9000);
            caller_begin(one.house.broker.caller);
            caller_begin(other.house.broker.caller);
            do
                make_request(&request, &random, &last);
            /* What is pending of entries that are gone is not told: it could not be claimed. */
            while (slice_equal(request.words[0], SLICE("XDEL")) ||
                   slice_equal(request.words[0], SLICE("XTRIM")) ||
                   slice_equal(request.words[2], SLICE("MAXLEN")) ||
                   slice_equal(request.words[2], SLICE("MINID")));
            try_it(&one, &request);
        }
        sink.who = &other;
        for (const char *key = "s"; key != NULL; key = *key == 's' ? "t" : NULL) {
            struct item *item = keyspace_find(keyspaces_at(one.house.broker.keyspaces, 0),
                                              slice_of(key, 1), LOOK_QUIET);

            if (item != NULL)
                stream_value_type.rewrite(item_value(item), slice_of(key, 1), &sink);
        }
        CU_ASSERT_TRUE(same_data(&one, &other));
        CU_ASSERT_TRUE(has_deliveries(&one));
        stage_clear(&one);
        stage_clear(&other);
    }
}

void suite_stream_feed(void)
{
    CU_pSuite suite = CU_add_suite("stream feed", NULL, NULL);

    CU_add_test(suite, "what is told makes the same streams", what_is_told_makes_the_same_streams);
    CU_add_test(suite, "what a rewrite says makes the same streams",
                what_a_rewrite_says_makes_the_same_streams);
}

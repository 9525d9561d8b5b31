#include <CUnit/CUnit.h>
#include <stdio.h>

#include "pubsub/hub.h"
#include "pubsub/subscriber.h"
#include "storage/base/buffer.h"
#include "storage/base/glob.h"
#include "storage/base/memory.h"
#include "storage/base/random.h"

void suite_hub(void);

static const struct hash_key key = { { 1, 2 } };

/* A sink that keeps what it hears as RESP2 and counts it. */
struct ear {
    struct sink sink;
    struct buffer heard;
    size_t count;
    struct bytes *last;
};

static void hear(struct sink *sink, const struct message *message)
{
    struct ear *ear = (struct ear *)(void *)sink;

    buffer_add_byte(&ear->heard, '*');
    buffer_add(&ear->heard, message->head);
    buffer_add(&ear->heard, bytes_slice(message->body));
    ear->last = message->body;
    ear->count++;
}

static uint64_t identity(const struct sink *sink)
{
    return (uint64_t)(uintptr_t)sink;
}

static struct ear ear_new(void)
{
    return (struct ear){ .sink = { .receive = hear, .identity = identity } };
}

static bool heard(const struct ear *ear, const char *text)
{
    return slice_equal(buffer_slice(&ear->heard), slice_text(text));
}

static void a_message_goes_to_the_channel_and_to_matching_patterns(void)
{
    struct hub *hub = hub_new(&key);
    struct ear named = ear_new();
    struct ear globbed = ear_new();
    struct subscriber *a = subscriber_new(hub, &named.sink);
    struct subscriber *b = subscriber_new(hub, &globbed.sink);

    CU_ASSERT_TRUE(hub_is_empty(hub));
    CU_ASSERT_EQUAL(hub_publish(hub, TOPIC_CHANNEL, SLICE("news"), SLICE("x")), 0);
    CU_ASSERT_TRUE(subscriber_join(a, TOPIC_CHANNEL, SLICE("news")));
    CU_ASSERT_FALSE(subscriber_join(a, TOPIC_CHANNEL, SLICE("news")));
    CU_ASSERT_TRUE(subscriber_join(b, TOPIC_PATTERN, SLICE("n?ws")));
    CU_ASSERT_TRUE(subscriber_join(b, TOPIC_PATTERN, SLICE("other*")));
    hub_check(hub);

    CU_ASSERT_EQUAL(hub_publish(hub, TOPIC_CHANNEL, SLICE("news"), SLICE("hello")), 2);
    CU_ASSERT_TRUE(heard(&named, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n"));
    CU_ASSERT_TRUE(
        heard(&globbed, "*4\r\n$8\r\npmessage\r\n$4\r\nn?ws\r\n$4\r\nnews\r\n$5\r\nhello\r\n"));
    CU_ASSERT_PTR_EQUAL(named.last, globbed.last);
    CU_ASSERT_EQUAL(hub_published(hub), 2);
    CU_ASSERT_EQUAL(hub_delivered(hub), 2);

    subscriber_free(a);
    hub_check(hub);
    subscriber_free(b);
    CU_ASSERT_TRUE(hub_is_empty(hub));
    CU_ASSERT_EQUAL(hub_topics(hub, TOPIC_PATTERN), 0);
    hub_free(hub);
    buffer_clear(&named.heard);
    buffer_clear(&globbed.heard);
}

static void shard_channels_are_a_world_of_their_own(void)
{
    struct hub *hub = hub_new(&key);
    struct ear ear = ear_new();
    struct subscriber *one = subscriber_new(hub, &ear.sink);

    subscriber_join(one, TOPIC_CHANNEL, SLICE("c"));
    subscriber_join(one, TOPIC_PATTERN, SLICE("*"));
    CU_ASSERT_EQUAL(hub_publish(hub, TOPIC_SHARD, SLICE("c"), SLICE("m")), 0);
    subscriber_join(one, TOPIC_SHARD, SLICE("c"));
    CU_ASSERT_EQUAL(hub_publish(hub, TOPIC_SHARD, SLICE("c"), SLICE("")), 1);
    CU_ASSERT_TRUE(heard(&ear, "*3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$0\r\n\r\n"));
    CU_ASSERT_EQUAL(hub_hearers(hub, TOPIC_SHARD, SLICE("c")), 1);
    CU_ASSERT_EQUAL(hub_hearers(hub, TOPIC_CHANNEL, SLICE("d")), 0);
    CU_ASSERT_EQUAL(hub_publish(hub, TOPIC_CHANNEL, SLICE("c"), SLICE("m")), 2);
    subscriber_free(one);
    hub_free(hub);
    buffer_clear(&ear.heard);
}

static void an_empty_name_is_a_name_like_any_other(void)
{
    struct hub *hub = hub_new(&key);
    struct ear ear = ear_new();
    struct subscriber *one = subscriber_new(hub, &ear.sink);

    subscriber_join(one, TOPIC_CHANNEL, SLICE(""));
    subscriber_join(one, TOPIC_PATTERN, SLICE(""));
    hub_check(hub);
    CU_ASSERT_EQUAL(hub_publish(hub, TOPIC_CHANNEL, SLICE(""), SLICE("x")), 2);
    CU_ASSERT_EQUAL(hub_publish(hub, TOPIC_CHANNEL, SLICE("a"), SLICE("x")), 0);
    CU_ASSERT_TRUE(subscriber_leave(one, TOPIC_PATTERN, SLICE("")));
    CU_ASSERT_FALSE(subscriber_leave(one, TOPIC_PATTERN, SLICE("")));
    subscriber_free(one);
    hub_free(hub);
    buffer_clear(&ear.heard);
}

enum { EARS = 12, DRAWS = 60, STEPS = 4000 };

/* Short names over a small alphabet, so that many begin with one another. */
static struct slice make_name(struct random *random, char *to, bool glob)
{
    static const char letters[] = "ab";
    static const char signs[] = "*?";
    size_t len = random_below(random, 5);

    for (size_t i = 0; i < len; i++)
        to[i] = glob && random_below(random, 3) == 0 ? signs[random_below(random, 2)]
                                                     : letters[random_below(random, 2)];
    return slice_of(to, len);
}

/* A hub, and beside it the plain list of who listens to what. */
struct walk {
    struct hub *hub;
    struct random random;
    struct ear ears[EARS];
    struct subscriber *subscribers[EARS];
    char letters[TOPIC_KINDS][DRAWS][8];
    struct slice names[TOPIC_KINDS][DRAWS];
    size_t count[TOPIC_KINDS]; /* of different names */
    bool joined[EARS][TOPIC_KINDS][DRAWS];
};

/* Draws so many names; those drawn before are dropped, so that each stands for its own topic. */
static void name_topics(struct walk *walk, enum topic_kind kind)
{
    size_t *count = &walk->count[kind];

    for (int draw = 0; draw < DRAWS; draw++) {
        struct slice name =
            make_name(&walk->random, walk->letters[kind][*count], kind == TOPIC_PATTERN);
        bool fresh = true;

        for (size_t i = 0; i < *count; i++)
            fresh = fresh && !slice_equal(name, walk->names[kind][i]);
        if (fresh)
            walk->names[kind][(*count)++] = name;
    }
}

static void walk_begin(struct walk *walk)
{
    walk->hub = hub_new(&key);
    random_seed(&walk->random, 7);
    for (int i = 0; i < EARS; i++) {
        walk->ears[i] = ear_new();
        walk->subscribers[i] = subscriber_new(walk->hub, &walk->ears[i].sink);
    }
    for (unsigned kind = 0; kind < TOPIC_KINDS; kind++)
        name_topics(walk, (enum topic_kind)kind);
}

/* Somebody joins or leaves a topic, or, now and then, goes away and comes back. */
static void walk_step(struct walk *walk)
{
    size_t who = random_below(&walk->random, EARS);
    enum topic_kind kind = (enum topic_kind)random_below(&walk->random, TOPIC_KINDS);
    size_t name = random_below(&walk->random, walk->count[kind]);
    bool *joined = &walk->joined[who][kind][name];

    if (random_below(&walk->random, 200) == 0) {
        subscriber_free(walk->subscribers[who]);
        walk->subscribers[who] = subscriber_new(walk->hub, &walk->ears[who].sink);
        memset(walk->joined[who], 0, sizeof(walk->joined[who]));
    } else if (random_below(&walk->random, 2) == 0) {
        CU_ASSERT_EQUAL(subscriber_join(walk->subscribers[who], kind, walk->names[kind][name]),
                        !*joined);
        *joined = true;
    } else {
        CU_ASSERT_EQUAL(subscriber_leave(walk->subscribers[who], kind, walk->names[kind][name]),
                        *joined);
        *joined = false;
    }
    hub_check(walk->hub);
}

/* How often one of them is to hear a message, by the plain list. */
static size_t times_heard(const struct walk *walk, size_t who, struct slice channel)
{
    size_t times = 0;

    for (size_t i = 0; i < walk->count[TOPIC_CHANNEL]; i++)
        times += walk->joined[who][TOPIC_CHANNEL][i] &&
                 slice_equal(walk->names[TOPIC_CHANNEL][i], channel);
    for (size_t i = 0; i < walk->count[TOPIC_PATTERN]; i++)
        times += walk->joined[who][TOPIC_PATTERN][i] &&
                 glob_match(walk->names[TOPIC_PATTERN][i], channel);
    return times;
}

/* Publishes to a random channel: each hears it as often as the list says. */
static void walk_publish(struct walk *walk)
{
    char room[8];
    struct slice channel = make_name(&walk->random, room, false);
    size_t wanted[EARS];
    size_t all = 0;

    for (size_t i = 0; i < EARS; i++) {
        size_t times = times_heard(walk, i, channel);

        wanted[i] = walk->ears[i].count + times;
        all += times;
    }
    CU_ASSERT_EQUAL(hub_publish(walk->hub, TOPIC_CHANNEL, channel, SLICE("m")), all);
    for (int i = 0; i < EARS; i++) {
        CU_ASSERT_EQUAL(walk->ears[i].count, wanted[i]);
        buffer_rewind(&walk->ears[i].heard);
    }
}

static void a_random_walk_agrees_with_a_plain_list_of_subscriptions(void)
{
    struct walk *walk = memory_new_zeroed(1, sizeof(*walk));

    walk_begin(walk);
    for (int step = 0; step < STEPS; step++) {
        walk_step(walk);
        walk_publish(walk);
    }
    for (int i = 0; i < EARS; i++) {
        subscriber_free(walk->subscribers[i]);
        hub_check(walk->hub);
        buffer_clear(&walk->ears[i].heard);
    }
    CU_ASSERT_TRUE(hub_is_empty(walk->hub));
    hub_free(walk->hub);
    memory_free(walk);
}

static void collect(void *who, struct slice name)
{
    buffer_add((struct buffer *)who, name);
}

static void topics_can_be_visited_and_a_subscribers_names_read(void)
{
    struct hub *hub = hub_new(&key);
    struct ear ear = ear_new();
    struct subscriber *one = subscriber_new(hub, &ear.sink);
    struct buffer names = { 0 };

    subscriber_join(one, TOPIC_CHANNEL, SLICE("a"));
    subscriber_join(one, TOPIC_CHANNEL, SLICE("a1"));
    hub_visit(hub, TOPIC_CHANNEL, collect, &names);
    CU_ASSERT_EQUAL(names.len, 3);
    CU_ASSERT_EQUAL(subscriber_count(one, TOPIC_CHANNEL), 2);
    CU_ASSERT_TRUE(slice_equal(subscriber_at(one, TOPIC_CHANNEL, 1), SLICE("a1")));
    CU_ASSERT_TRUE(subscriber_memory(one) > 0);
    subscriber_free(one);
    hub_free(hub);
    buffer_clear(&names);
}

void suite_hub(void)
{
    CU_pSuite suite = CU_add_suite("hub", NULL, NULL);

    CU_add_test(suite, "a message goes to the channel and to matching patterns",
                a_message_goes_to_the_channel_and_to_matching_patterns);
    CU_add_test(suite, "shard channels are a world of their own",
                shard_channels_are_a_world_of_their_own);
    CU_add_test(suite, "an empty name is a name like any other",
                an_empty_name_is_a_name_like_any_other);
    CU_add_test(suite, "topics can be visited, and a subscriber's names read",
                topics_can_be_visited_and_a_subscribers_names_read);
    CU_add_test(suite, "a random walk agrees with a plain list of subscriptions",
                a_random_walk_agrees_with_a_plain_list_of_subscriptions);
}

/* Groups: consumers, reading, acknowledging, claiming, lag. */
#include <CUnit/Basic.h>
#include <stdio.h>

#include "storage/base/random.h"
#include "streams/claim.h"
#include "streams/deliver.h"
#include "streams/trim.h"

void suite_group(void);

static struct stream *stream_of(uint64_t entries)
{
    struct stream *stream = stream_new();
    struct slice fields[] = { SLICE("f"), SLICE("v") };

    for (uint64_t i = 1; i <= entries; i++)
        stream_append(stream, (struct entry_id){ i, 0 }, fields, 1, &value_limits_default);
    return stream;
}

static uint64_t read_new(struct stream *stream, struct group *group, struct consumer *consumer,
                         millis now, uint64_t count)
{
    struct deliver_setup setup = { stream, group, consumer, now, count, false };
    struct deliver deliver;
    struct entry entry;
    uint64_t read = 0;

    (void)deliver_begin(&deliver, &setup);
    while (deliver_next(&deliver, &entry))
        read++;
    return read;
}

static void new_entries_go_to_one_consumer_each(void)
{
    struct stream *stream = stream_of(10);
    struct group *group = stream_add_group(stream, SLICE("g"), ENTRY_ID_MIN, 0);
    struct consumer *alice = group_add_consumer(group, SLICE("alice"), 5);
    struct consumer *bob = group_add_consumer(group, SLICE("bob"), 5);

    CU_ASSERT_EQUAL(read_new(stream, group, alice, 10, 4), 4);
    CU_ASSERT_EQUAL(read_new(stream, group, bob, 20, 0), 6);
    CU_ASSERT_EQUAL(read_new(stream, group, bob, 30, 0), 0);
    CU_ASSERT_EQUAL(alice->pending, 4);
    CU_ASSERT_EQUAL(bob->pending, 6);
    CU_ASSERT_EQUAL(group_entries_read(group), 10);
    CU_ASSERT_TRUE(group_acknowledge(group, (struct entry_id){ 2, 0 }));
    CU_ASSERT_FALSE(group_acknowledge(group, (struct entry_id){ 2, 0 }));
    CU_ASSERT_EQUAL(alice->pending, 3);
    stream_check(stream);
    CU_ASSERT_EQUAL(group_remove_consumer(group, bob, NULL), 6);
    CU_ASSERT_EQUAL(pending_count(group_pending(group)), 3);
    stream_check(stream);
    stream_free(stream);
}

static void an_entry_rewound_goes_to_its_new_reader(void)
{
    struct stream *stream = stream_of(3);
    struct group *group = stream_add_group(stream, SLICE("g"), ENTRY_ID_MIN, 0);
    struct consumer *alice = group_add_consumer(group, SLICE("alice"), 5);
    struct consumer *bob = group_add_consumer(group, SLICE("bob"), 5);
    struct delivery delivery;

    read_new(stream, group, alice, 10, 0);
    group_set(group, ENTRY_ID_MIN, 0);
    CU_ASSERT_EQUAL(read_new(stream, group, bob, 20, 2), 2);
    CU_ASSERT_EQUAL(alice->pending, 1);
    CU_ASSERT_EQUAL(bob->pending, 2);
    CU_ASSERT_TRUE(pending_find(group_pending(group), (struct entry_id){ 1, 0 }, &delivery));
    CU_ASSERT_EQUAL(delivery.times, 1);
    CU_ASSERT_PTR_EQUAL(group_consumer(group, delivery.holder), bob);
    stream_check(stream);
    stream_free(stream);
}

static void history_shows_what_is_held_and_what_is_gone(void)
{
    struct stream *stream = stream_of(4);
    struct group *group = stream_add_group(stream, SLICE("g"), ENTRY_ID_MIN, 0);
    struct consumer *alice = group_add_consumer(group, SLICE("alice"), 5);
    struct deliver_setup setup = { stream, group, alice, 50, 0, false };
    struct deliver deliver;
    struct deliver_past past;

    read_new(stream, group, alice, 10, 0);
    CU_ASSERT_TRUE(stream_delete(stream, (struct entry_id){ 3, 0 }));
    deliver_history_begin(&deliver, &setup, (struct entry_id){ 1, 0 });
    CU_ASSERT_TRUE(deliver_history_next(&deliver, &past) && past.exists);
    CU_ASSERT_EQUAL(past.entry.id.ms, 2);
    CU_ASSERT_EQUAL(past.delivery.times, 2);
    CU_ASSERT_EQUAL(past.delivery.delivered_at, 50);
    CU_ASSERT_TRUE(deliver_history_next(&deliver, &past) && !past.exists);
    CU_ASSERT_EQUAL(past.delivery.id.ms, 3);
    CU_ASSERT_EQUAL(past.delivery.times, 1);
    CU_ASSERT_TRUE(deliver_history_next(&deliver, &past) && past.exists);
    CU_ASSERT_FALSE(deliver_history_next(&deliver, &past));
    stream_check(stream);
    stream_free(stream);
}

static void idle_entries_are_claimed_and_gone_ones_forgotten(void)
{
    struct stream *stream = stream_of(6);
    struct group *group = stream_add_group(stream, SLICE("g"), ENTRY_ID_MIN, 0);
    struct consumer *alice = group_add_consumer(group, SLICE("alice"), 5);
    struct consumer *bob = group_add_consumer(group, SLICE("bob"), 5);
    struct claim claim = { .stream = stream, .group = group, .name = SLICE("bob"), .now = 100,
                           .min_idle = 50, .delivered_at = 100, .count = true };
    struct claim_scan scan;
    struct delivery delivery;
    struct entry entry;

    read_new(stream, group, alice, 10, 3);
    read_new(stream, group, alice, 90, 2);
    CU_ASSERT_TRUE(stream_delete(stream, (struct entry_id){ 2, 0 }));
    CU_ASSERT_EQUAL(claim_one(&claim, (struct entry_id){ 4, 0 }, &delivery, &entry),
                    CLAIM_REFUSED);
    CU_ASSERT_EQUAL(claim_one(&claim, (struct entry_id){ 6, 0 }, &delivery, &entry),
                    CLAIM_REFUSED);
    claim_scan_begin(&scan, &claim, ENTRY_ID_MIN, 100);
    CU_ASSERT_EQUAL(claim_scan_next(&scan, &delivery, &entry), CLAIM_TAKEN);
    CU_ASSERT_TRUE(entry.id.ms == 1 && delivery.times == 2);
    CU_ASSERT_EQUAL(claim_scan_place(&scan).ms, 2);
    CU_ASSERT_EQUAL(claim_scan_next(&scan, &delivery, &entry), CLAIM_GONE);
    CU_ASSERT_EQUAL(delivery.id.ms, 2);
    CU_ASSERT_EQUAL(claim_scan_next(&scan, &delivery, &entry), CLAIM_TAKEN);
    CU_ASSERT_EQUAL(claim_scan_place(&scan).ms, 4);
    CU_ASSERT_EQUAL(claim_scan_next(&scan, &delivery, &entry), CLAIM_REFUSED);
    CU_ASSERT_TRUE(entry_id_is_zero(claim_scan_place(&scan)));
    CU_ASSERT_EQUAL(bob->pending, 2);
    CU_ASSERT_EQUAL(alice->pending, 2);
    claim.force = true;
    CU_ASSERT_EQUAL(claim_one(&claim, (struct entry_id){ 6, 0 }, &delivery, &entry), CLAIM_TAKEN);
    CU_ASSERT_EQUAL(delivery.times, 2);
    CU_ASSERT_EQUAL(claim_one(&claim, (struct entry_id){ 7, 0 }, &delivery, &entry),
                    CLAIM_REFUSED);
    stream_check(stream);
    stream_free(stream);
}

static void lag_is_exact_where_counters_do_not_tell(void)
{
    struct stream *stream = stream_of(10);
    struct group *group = stream_add_group(stream, SLICE("g"), (struct entry_id){ 4, 0 },
                                           GROUP_READ_UNKNOWN);
    int64_t lag = 0;

    CU_ASSERT_FALSE(group_lag_reckoned(group, stream, &lag));
    CU_ASSERT_EQUAL(group_lag_exact(group, stream), 6);
    CU_ASSERT_TRUE(stream_delete(stream, (struct entry_id){ 7, 0 }));
    CU_ASSERT_EQUAL(group_lag_exact(group, stream), 5);
    group_set(group, ENTRY_ID_MIN, 0);
    CU_ASSERT_EQUAL(group_lag_exact(group, stream), 9);
    stream_free(stream);
}

static void consumers_and_groups_are_walked_in_the_order_of_their_names(void)
{
    struct stream *stream = stream_new();
    struct group_walk groups = stream_walk_groups(stream);
    struct consumer_walk consumers;
    struct consumer *consumer;
    struct group *group = NULL;
    char name[16];

    CU_ASSERT_PTR_NULL(stream_next_group(&groups));
    for (int i = 0; i < 300; i++) {
        int len = snprintf(name, sizeof(name), "%03d", i * 7 % 300);

        stream_add_group(stream, slice_of(name, (size_t)len), ENTRY_ID_MIN, 0);
    }
    groups = stream_walk_groups(stream);
    for (int i = 0; i < 300; i++) {
        group = stream_next_group(&groups);
        snprintf(name, sizeof(name), "%03d", i);
        CU_ASSERT_TRUE(group != NULL && slice_equal(group_name(group), slice_text(name)));
    }
    CU_ASSERT_PTR_NULL(stream_next_group(&groups));
    CU_ASSERT_PTR_NULL(stream_next_group(&groups));
    consumers = group_walk_consumers(group);
    CU_ASSERT_PTR_NULL(group_next_consumer(&consumers));
    for (int i = 0; i < 300; i++) {
        int len = snprintf(name, sizeof(name), "%03d", i * 7 % 300);

        group_add_consumer(group, slice_of(name, (size_t)len), 0);
    }
    for (int i = 0; i < 300; i += 2) {
        snprintf(name, sizeof(name), "%03d", i);
        group_remove_consumer(group, group_find_consumer(group, slice_text(name)), NULL);
    }
    group_check(group);
    group_add_consumer(group, SLICE("zoe"), 0);
    consumers = group_walk_consumers(group);
    for (int i = 1; i < 300; i += 2) {
        consumer = group_next_consumer(&consumers);
        snprintf(name, sizeof(name), "%03d", i);
        CU_ASSERT_TRUE(slice_equal(consumer_name(consumer), slice_text(name)));
    }
    consumer = group_next_consumer(&consumers);
    CU_ASSERT_TRUE(slice_equal(consumer_name(consumer), SLICE("zoe")));
    CU_ASSERT_PTR_NULL(group_next_consumer(&consumers));
    stream_remove_group(stream, stream_find_group(stream, SLICE("007")));
    CU_ASSERT_PTR_NULL(stream_find_group(stream, SLICE("007")));
    CU_ASSERT_EQUAL(stream_groups(stream), 299);
    stream_check(stream);
    stream_free(stream);
}

enum { MANY = 5000, HOLDERS = 7 };

/* Many entries, held by several, some handed back, some delivered very often. */
static struct group *group_with_much(struct stream *stream, struct random *random)
{
    struct group *group = stream_add_group(stream, SLICE("g"), ENTRY_ID_MIN, 0);
    struct consumer *holders[HOLDERS];
    char name[] = "c0";

    for (int i = 0; i < HOLDERS; i++, name[1]++)
        holders[i] = group_add_consumer(group, slice_text(name), 0);
    for (uint64_t i = 1; i <= MANY; i++) {
        struct consumer *holder = holders[random_below(random, HOLDERS)];
        uint64_t times = random_below(random, 50) == 0 ? 1000 : 1;

        group_deliver(group, holder, (struct entry_id){ i, 0 }, 5, times);
        if (random_below(random, 40) == 0)
            (void)group_release(group, (struct entry_id){ i, 0 }, times);
    }
    return group;
}

/* How many entries of a range one consumer holds, or anybody and nobody. */
static uint64_t held_by(const struct group *group, uint32_t holder, uint64_t from, uint64_t to)
{
    struct pending_filter filter = { holder, PENDING_TIME_MAX };
    struct delivery delivery = { .id = { from, 0 } };
    uint64_t held = 0;

    for (; pending_seek(group_pending(group), delivery.id, filter, &delivery) &&
           delivery.id.ms <= to;
         delivery.id.ms++)
        held++;
    return held;
}

static void much_is_forgotten_at_once(void)
{
    struct random random;

    random_seed(&random, 11);
    for (int round = 0; round < 40; round++) {
        struct stream *stream = stream_of(MANY);
        struct group *group = group_with_much(stream, &random);
        uint64_t from = round % 3 == 0 ? 1 + random_below(&random, 20) : 1;
        uint64_t to = random_below(&random, MANY + 10);
        uint64_t held = held_by(group, PENDING_ANYBODY, from, to);
        struct discard discard = DISCARD_NONE;

        CU_ASSERT_EQUAL(group_forget_range(group, (struct entry_id){ from, 0 },
                                           (struct entry_id){ to, 9 }, &discard),
                        held);
        group_check(group);
        CU_ASSERT_EQUAL(pending_count(group_pending(group)), MANY - held);
        while (group_consumers(group) > 0) {
            struct consumer_walk consumers = group_walk_consumers(group);
            struct consumer *consumer = group_next_consumer(&consumers);

            held = held_by(group, consumer->number, 0, MANY);
            CU_ASSERT_EQUAL(group_remove_consumer(group, consumer,
                                                  round % 2 == 0 ? &discard : NULL),
                            held);
            group_check(group);
        }
        CU_ASSERT_EQUAL(pending_released(group_pending(group)),
                        pending_count(group_pending(group)));
        discard_clear(&discard);
        stream_free(stream);
    }
}

static void one_that_holds_all_leaves_nothing(void)
{
    struct stream *stream = stream_of(MANY);
    struct group *group = stream_add_group(stream, SLICE("g"), ENTRY_ID_MIN, 0);
    struct consumer *alice = group_add_consumer(group, SLICE("alice"), 5);
    struct discard discard = DISCARD_NONE;

    group_add_consumer(group, SLICE("bob"), 5);
    CU_ASSERT_EQUAL(read_new(stream, group, alice, 10, 0), MANY);
    CU_ASSERT_EQUAL(group_remove_consumer(group, alice, &discard), MANY);
    CU_ASSERT_EQUAL(pending_count(group_pending(group)), 0);
    CU_ASSERT_TRUE(discard.effort > 0);
    stream_check(stream);
    discard_clear(&discard);
    stream_free(stream);
}

enum { STATES = 400, CONSUMERS = 5 };

/* What each entry is to one group; a plain picture of it all. */
struct picture {
    struct stream      *stream;
    struct group       *group;
    struct consumer    *consumers[CONSUMERS];
    struct value_limits limits;
    struct random       random;
    uint64_t            last;     /* the entries 1 to last were added */
    uint64_t            position; /* where the group stands */
    bool                exists[STATES + 1];
    uint32_t            holder[STATES + 1]; /* 0: not pending */
    uint64_t            times[STATES + 1];
    millis              at[STATES + 1];
};

static struct entry_id id_of(uint64_t number)
{
    return (struct entry_id){ number, 0 };
}

static void add_one(struct picture *picture)
{
    struct slice fields[] = { SLICE("f"), SLICE("v") };

    if (picture->last == STATES)
        return;
    picture->last++;
    stream_append(picture->stream, id_of(picture->last), fields, 1, &picture->limits);
    picture->exists[picture->last] = true;
}

static void read_some(struct picture *picture, struct consumer *who, millis now, uint64_t count)
{
    struct deliver_setup setup = { picture->stream, picture->group, who, now, count, false };
    struct deliver deliver;
    struct entry entry;

    (void)deliver_begin(&deliver, &setup);
    while (deliver_next(&deliver, &entry)) {
        uint64_t id = picture->position;

        do
            id++;
        while (!picture->exists[id]);
        CU_ASSERT_EQUAL(entry.id.ms, id);
        picture->position = id;
        picture->holder[id] = who->number;
        picture->times[id] = 1;
        picture->at[id] = now;
    }
}

static void claim_some(struct picture *picture, struct consumer *who, millis now, uint64_t id)
{
    struct claim claim = { .stream = picture->stream, .group = picture->group,
                           .name = consumer_name(who), .now = now,
                           .min_idle = (millis)random_below(&picture->random, 200),
                           .delivered_at = now, .count = true };
    struct claim_scan scan;
    struct delivery delivery;
    struct entry entry;

    claim_scan_begin(&scan, &claim, id_of(id), 100000);
    for (int i = 0; i < 3; i++, id++) {
        enum claim_answer answer = claim_scan_next(&scan, &delivery, &entry);

        while (id <= STATES &&
               (picture->holder[id] == 0 ||
                (picture->exists[id] && now - picture->at[id] < claim.min_idle)))
            id++;
        if (id > STATES) {
            CU_ASSERT_EQUAL(answer, CLAIM_REFUSED);
            return;
        }
        CU_ASSERT_EQUAL(delivery.id.ms, id);
        CU_ASSERT_EQUAL(answer, picture->exists[id] ? CLAIM_TAKEN : CLAIM_GONE);
        picture->holder[id] = picture->exists[id] ? who->number : 0;
        picture->times[id]++;
        picture->at[id] = now;
    }
}

static void compare_all(const struct picture *picture)
{
    uint64_t unread = 0;

    for (uint64_t i = picture->position + 1; i <= picture->last; i++)
        unread += picture->exists[i];
    CU_ASSERT_EQUAL(group_lag_exact(picture->group, picture->stream), unread);
    for (uint64_t i = 1; i <= picture->last; i++) {
        struct delivery delivery;
        bool is_pending = pending_find(group_pending(picture->group), id_of(i), &delivery);

        CU_ASSERT_EQUAL(is_pending, picture->holder[i] != 0);
        CU_ASSERT_TRUE(!is_pending || (delivery.holder == picture->holder[i] &&
                                       delivery.times == picture->times[i] &&
                                       delivery.delivered_at == picture->at[i]));
    }
    stream_check(picture->stream);
}

static void step(struct picture *picture, millis now)
{
    struct consumer *who = picture->consumers[random_below(&picture->random, CONSUMERS)];
    uint64_t id = 1 + random_below(&picture->random, STATES);

    switch (random_below(&picture->random, 8)) {
    case 0:
    case 1:
        add_one(picture);
        break;
    case 2:
        read_some(picture, who, now, 1 + id % 5);
        break;
    case 3:
        CU_ASSERT_EQUAL(group_acknowledge(picture->group, id_of(id)), picture->holder[id] != 0);
        picture->holder[id] = 0;
        break;
    case 4:
        CU_ASSERT_EQUAL(stream_delete(picture->stream, id_of(id)), picture->exists[id]);
        picture->exists[id] = false;
        break;
    case 5:
        claim_some(picture, who, now, id);
        break;
    case 6:
        if (random_below(&picture->random, 30) == 0 && picture->position > 0) {
            picture->position -= random_below(&picture->random, picture->position);
            group_set(picture->group, id_of(picture->position), GROUP_READ_UNKNOWN);
        }
        break;
    default:
        compare_all(picture);
        break;
    }
}

static void every_delivery_is_where_the_picture_has_it(void)
{
    static struct picture picture;

    picture.stream = stream_new();
    picture.limits = value_limits_default;
    picture.limits.stream_node_entries = 10;
    picture.group = stream_add_group(picture.stream, SLICE("g"), ENTRY_ID_MIN, 0);
    random_seed(&picture.random, 3);
    for (int i = 0; i < CONSUMERS; i++)
        picture.consumers[i] = group_add_consumer(picture.group, slice_of(&"abcde"[i], 1), 0);
    for (millis now = 1; now < 6000; now++)
        step(&picture, now);
    stream_free(picture.stream);
}

/* Its name, where it is, and nothing for entries that nobody was given. */
static void a_group_that_read_nothing_is_one_block(void)
{
    struct stream *stream = stream_new();
    struct group *group = stream_add_group(stream, SLICE("group12345"), ENTRY_ID_MIN, 0);
    struct delivery delivery;
    struct discard discard = DISCARD_NONE;
    struct consumer *consumer;

    CU_ASSERT_TRUE(group_memory(group) <= 96);
    CU_ASSERT_EQUAL(pending_count(group_pending(group)), 0);
    CU_ASSERT_EQUAL(pending_released(group_pending(group)), 0);
    CU_ASSERT_EQUAL(pending_count_until(group_pending(group), ENTRY_ID_MAX), 0);
    CU_ASSERT_FALSE(pending_first(group_pending(group), &delivery));
    CU_ASSERT_FALSE(pending_last(group_pending(group), &delivery));
    CU_ASSERT_FALSE(pending_longest(group_pending(group), &delivery));
    CU_ASSERT_FALSE(pending_find(group_pending(group), ENTRY_ID_MAX, &delivery));
    CU_ASSERT_FALSE(pending_seek(group_pending(group), ENTRY_ID_MIN, PENDING_ALL, &delivery));
    CU_ASSERT_FALSE(group_acknowledge(group, ENTRY_ID_MAX));
    CU_ASSERT_EQUAL(group_forget_range(group, ENTRY_ID_MIN, ENTRY_ID_MAX, &discard), 0);
    consumer = group_add_consumer(group, SLICE("consumer"), 1);
    CU_ASSERT_EQUAL(group_remove_consumer(group, consumer, &discard), 0);
    group_check(group);
    discard_clear(&discard);
    stream_free(stream);
}

void suite_group(void)
{
    CU_pSuite suite = CU_add_suite("group", NULL, NULL);

    CU_add_test(suite, "new entries go to one consumer each", new_entries_go_to_one_consumer_each);
    CU_add_test(suite, "an entry rewound goes to its new reader",
                an_entry_rewound_goes_to_its_new_reader);
    CU_add_test(suite, "history shows what is held and what is gone",
                history_shows_what_is_held_and_what_is_gone);
    CU_add_test(suite, "idle entries are claimed and gone ones forgotten",
                idle_entries_are_claimed_and_gone_ones_forgotten);
    CU_add_test(suite, "lag is exact where counters do not tell",
                lag_is_exact_where_counters_do_not_tell);
    CU_add_test(suite, "consumers and groups are walked in the order of their names",
                consumers_and_groups_are_walked_in_the_order_of_their_names);
    CU_add_test(suite, "every delivery is where the picture has it",
                every_delivery_is_where_the_picture_has_it);
    CU_add_test(suite, "much is forgotten at once", much_is_forgotten_at_once);
    CU_add_test(suite, "a group that read nothing is one block",
                a_group_that_read_nothing_is_one_block);
    CU_add_test(suite, "one that holds all leaves nothing", one_that_holds_all_leaves_nothing);
}

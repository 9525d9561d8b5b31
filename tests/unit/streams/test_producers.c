/* What producers have published lately. */
#include <CUnit/Basic.h>
#include <stdio.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "streams/producers.h"

void suite_producers(void);

static struct entry_id id_of(uint64_t ms)
{
    return (struct entry_id){ ms, 0 };
}

static void a_message_is_found_by_producer_and_name(void)
{
    struct producers *producers = producers_new();
    struct producers_counts counts;
    struct entry_id id;

    producers_record(producers, SLICE("p"), SLICE("m"), id_of(5), 10);
    producers_record(producers, SLICE("q"), SLICE("m"), id_of(6), 10);
    CU_ASSERT_TRUE(producers_find(producers, SLICE("p"), SLICE("m"), -1, &id) && id.ms == 5);
    CU_ASSERT_TRUE(producers_find(producers, SLICE("q"), SLICE("m"), -1, &id) && id.ms == 6);
    CU_ASSERT_FALSE(producers_find(producers, SLICE("p"), SLICE("n"), -1, &id));
    CU_ASSERT_FALSE(producers_find(producers, SLICE(""), SLICE("m"), -1, &id));
    counts = producers_counts(producers);
    CU_ASSERT_EQUAL(counts.producers, 2);
    CU_ASSERT_EQUAL(counts.messages, 2);
    CU_ASSERT_EQUAL(counts.recorded, 2);
    CU_ASSERT_EQUAL(counts.duplicates, 2);
    producers_check(producers);
    producers_free(producers);
}

static void long_names_take_no_more_room_than_short_ones(void)
{
    struct producers *producers = producers_new();
    size_t len = 1 << 20;
    char *text = memory_new(len);
    struct entry_id id;

    memset(text, 'x', len);
    for (uint64_t i = 1; i <= 100; i++) {
        text[len - 1] = (char)i;
        producers_record(producers, slice_of(text, len), slice_of(text, len), id_of(i), 100);
        CU_ASSERT_TRUE(producers_find(producers, slice_of(text, len), slice_of(text, len), -1,
                                      &id) && id.ms == i);
    }
    CU_ASSERT_EQUAL(producers_counts(producers).producers, 100);
    CU_ASSERT_TRUE(producers_memory(producers) < 64 * 1024);
    producers_check(producers);
    memory_free(text);
    producers_free(producers);
}

enum { PRODUCERS = 4, MESSAGES = 12, MOST = 5, STEPS = 40000 };

/* The naive picture: when each message of each producer was recorded, 0 for never. */
struct picture {
    uint64_t at[PRODUCERS][MESSAGES];
};

static size_t known(const struct picture *picture, size_t p, uint64_t since)
{
    size_t count = 0;

    for (size_t m = 0; m < MESSAGES; m++)
        count += picture->at[p][m] > since;
    return count;
}

static size_t oldest(const struct picture *picture, size_t p)
{
    size_t best = MESSAGES;

    for (size_t m = 0; m < MESSAGES; m++) {
        if (picture->at[p][m] > 0 && (best == MESSAGES || picture->at[p][m] < picture->at[p][best]))
            best = m;
    }
    return best;
}

static void names_go_by_age_and_by_number(void)
{
    struct producers *producers = producers_new();
    struct picture picture = { 0 };
    struct random random;
    uint64_t now = 100;

    random_seed(&random, 7);
    for (int i = 0; i < STEPS; i++) {
        size_t p = random_below(&random, PRODUCERS), m = random_below(&random, MESSAGES);
        uint64_t since = now - 40;
        char producer[8], message[8];
        struct entry_id id;
        bool found;

        now += random_below(&random, 6);
        since = now - 40;
        (void)snprintf(producer, sizeof(producer), "p%zu", p);
        (void)snprintf(message, sizeof(message), "m%zu", m);
        found = producers_find(producers, slice_text(producer), slice_text(message),
                               (millis)since, &id);
        CU_ASSERT_EQUAL(found, picture.at[p][m] > since);
        CU_ASSERT_TRUE(!found || id.ms == picture.at[p][m]);
        if (!found) {
            now++;
            producers_record(producers, slice_text(producer), slice_text(message), id_of(now),
                             MOST);
            picture.at[p][m] = now;
            while (known(&picture, p, 0) > MOST)
                picture.at[p][oldest(&picture, p)] = 0;
        }
        if (i % 100 == 0) {
            struct producers *copy = producers_copy(producers);

            producers_check(copy);
            producers_free(producers);
            producers = copy;
        }
    }
    producers_forget(producers, (millis)now);
    CU_ASSERT_EQUAL(producers_counts(producers).messages, 0);
    producers_check(producers);
    producers_free(producers);
}

void suite_producers(void)
{
    CU_pSuite suite = CU_add_suite("streams: producers", NULL, NULL);

    CU_add_test(suite, "a message is found by producer and name",
                a_message_is_found_by_producer_and_name);
    CU_add_test(suite, "long names take no more room than short ones",
                long_names_take_no_more_room_than_short_ones);
    CU_add_test(suite, "names go by age and by number", names_go_by_age_and_by_number);
}

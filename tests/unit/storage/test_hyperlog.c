/*
 * HyperLogLog: the sparse encoding against the dense one, what is known of
 * others' implementation, and strings that only look like one.
 */
#include <CUnit/CUnit.h>
#include <stdlib.h>

#include "storage/base/number.h"
#include "storage/base/random.h"
#include "storage/values/hyperlog.h"

void suite_hyperlog(void);

static struct buffer fresh(void)
{
    struct buffer log = { 0 };

    hyperlog_begin(buffer_reserve(&log, HYPERLOG_EMPTY));
    buffer_commit(&log, HYPERLOG_EMPTY);
    return log;
}

static struct slice number_of(struct random *random, uint64_t below, char *digits)
{
    return slice_of(digits, number_put(digits, (int64_t)random_below(random, below)));
}

/* Both hold the same, however they say it. */
static void must_agree(const struct buffer *log, const struct buffer *dense)
{
    struct hyperlog_registers registers = { { 0 } };
    struct hyperlog_registers expected = { { 0 } };
    uint64_t count;
    uint64_t other;

    must(hyperlog_is(buffer_slice(log)) && hyperlog_is(buffer_slice(dense)));
    must(hyperlog_gather(buffer_slice(log), &registers));
    must(hyperlog_gather(buffer_slice(dense), &expected));
    must(memcmp(&registers, &expected, sizeof(registers)) == 0);
    must(hyperlog_estimate(buffer_slice(log), &count));
    must(hyperlog_estimate(buffer_slice(dense), &other));
    must(count == other && count == hyperlog_estimate_registers(&registers));
}

static void walk(uint64_t seed, size_t sparse_most, uint64_t below)
{
    struct random random;
    struct buffer log = fresh();
    struct buffer dense = fresh();
    char digits[NUMBER_INTEGER_MAX];

    random_seed(&random, seed);
    must(hyperlog_make_dense(&dense));
    for (unsigned step = 0; step < 4000; step++) {
        struct slice element = number_of(&random, below, digits);
        bool raised = hyperlog_would_raise(dense.at, element);

        must(hyperlog_add_dense(dense.at, element) == raised);
        must(hyperlog_add(&log, sparse_most, element) ==
             (raised ? HYPERLOG_CHANGED : HYPERLOG_SAME));
        must(hyperlog_is_dense(buffer_slice(&log)) || log.len <= sparse_most);
        if (step % 64 == 0)
            must_agree(&log, &dense);
    }
    must_agree(&log, &dense);
    buffer_clear(&log);
    buffer_clear(&dense);
}

static void encodings_agree(void)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        walk(seed, 3000, 100000);
        walk(seed, 300, 1000);
        walk(seed, 20000, UINT64_C(1) << 62);
        walk(seed, 0, 10);
    }
    CU_PASS("sparse and dense agree");
}

static void unions_agree(void)
{
    struct random random;
    char digits[NUMBER_INTEGER_MAX];

    random_seed(&random, 99);
    for (unsigned round = 0; round < 60; round++) {
        struct hyperlog_registers registers = { { 0 } };
        struct buffer parts[3] = { fresh(), fresh(), fresh() };
        struct buffer all = fresh();

        for (unsigned step = 0; step < 600; step++) {
            struct slice element = number_of(&random, 5000, digits);

            (void)hyperlog_add(&parts[step % 3], round % 2 == 0 ? 3000 : 500, element);
            (void)hyperlog_add(&all, 100000, element);
        }
        for (unsigned i = 0; i < 3; i++)
            must(hyperlog_gather(buffer_slice(&parts[i]), &registers));
        must(hyperlog_raise(&parts[0], 2500, &registers) == HYPERLOG_CHANGED);
        must(hyperlog_raise(&parts[0], 2500, &registers) == HYPERLOG_SAME);
        must_agree(&parts[0], &all);
        for (unsigned i = 0; i < 3; i++)
            buffer_clear(&parts[i]);
        buffer_clear(&all);
    }
    CU_PASS("a union is what adding all would have made");
}

/* What redis-server 7.0.15 makes of the same. */
static void others_read_it(void)
{
    struct buffer log = fresh();
    struct buffer text = { 0 };
    char digits[NUMBER_INTEGER_MAX];
    uint64_t count;

    (void)hyperlog_add(&log, 3000, SLICE("a"));
    (void)hyperlog_add(&log, 3000, SLICE("b"));
    (void)hyperlog_add(&log, 3000, SLICE("c"));
    hyperlog_describe(buffer_slice(&log), &text);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&text),
                               SLICE("Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603")));
    CU_ASSERT_TRUE(hyperlog_known(buffer_slice(&log), &count) && count == 0);
    hyperlog_forget(log.at);
    CU_ASSERT_FALSE(hyperlog_known(buffer_slice(&log), &count));
    hyperlog_remember(log.at, 3);
    CU_ASSERT_TRUE(slice_equal(slice_of(log.at, HYPERLOG_HEAD),
                               SLICE("HYLL\1\0\0\0\3\0\0\0\0\0\0\0")));
    for (int64_t i = 0; i < 100000; i++)
        (void)hyperlog_add(&log, 3000, slice_of(digits, number_put(digits, i)));
    CU_ASSERT_TRUE(hyperlog_estimate(buffer_slice(&log), &count));
    CU_ASSERT_EQUAL(count, 99565);
    CU_ASSERT_EQUAL(log.len, HYPERLOG_DENSE);
    buffer_clear(&log);
    buffer_clear(&text);
}

/* Damages a log; whatever comes of it, nothing outside of it is touched. */
static void try_damaged(struct random *random, const struct buffer *whole)
{
    struct hyperlog_registers registers = { { 0 } };
    struct buffer log = { 0 };
    struct buffer text = { 0 };
    char digits[NUMBER_INTEGER_MAX];
    uint64_t count;
    bool fine;

    /* An exact allocation, so that a sanitizer sees the first byte behind it. */
    buffer_add(&log, slice_of(whole->at, whole->len - random_below(random, whole->len - 16)));
    for (unsigned i = 0; i < 4; i++)
        log.at[16 + random_below(random, log.len - 16 + (log.len == 16)) % log.len] =
            (char)random_next(random);
    if (!hyperlog_is(buffer_slice(&log))) {
        buffer_clear(&log);
        return;
    }
    fine = hyperlog_estimate(buffer_slice(&log), &count);
    must(hyperlog_gather(buffer_slice(&log), &registers) == fine);
    hyperlog_describe(buffer_slice(&log), &text);
    for (unsigned i = 0; i < 20; i++) {
        struct slice element = number_of(random, 1 << 30, digits);
        enum hyperlog_outcome outcome = hyperlog_add(&log, 3000, element);

        must(!fine || outcome != HYPERLOG_BROKEN);
    }
    must(hyperlog_raise(&log, 3000, &registers) != HYPERLOG_BROKEN || !fine);
    buffer_clear(&log);
    buffer_clear(&text);
}

static void damage_is_survived(void)
{
    struct random random;
    struct buffer log = fresh();
    char digits[NUMBER_INTEGER_MAX];

    random_seed(&random, 7);
    for (unsigned round = 0; round < 20000; round++) {
        if (round % 40 == 0)
            (void)hyperlog_add(&log, 20000, number_of(&random, 1 << 30, digits));
        try_damaged(&random, &log);
    }
    buffer_clear(&log);
    CU_ASSERT_FALSE(hyperlog_is(SLICE("")));
    CU_ASSERT_FALSE(hyperlog_is(SLICE("HYLL")));
    CU_ASSERT_FALSE(hyperlog_is(SLICE("HYLL\2\0\0\0\0\0\0\0\0\0\0\0")));
    CU_ASSERT_FALSE(hyperlog_is(SLICE("HYLL\0\0\0\0\0\0\0\0\0\0\0\0")));
}

static void it_tests_itself(void)
{
    CU_ASSERT_PTR_NULL(hyperlog_self_test());
}

void suite_hyperlog(void)
{
    CU_pSuite suite = CU_add_suite("hyperlog", NULL, NULL);

    CU_add_test(suite, "sparse and dense registers agree", encodings_agree);
    CU_add_test(suite, "a union is what adding all would have made", unions_agree);
    CU_add_test(suite, "its bytes and estimates are Redis's", others_read_it);
    CU_add_test(suite, "damaged strings are refused or served", damage_is_survived);
    CU_add_test(suite, "the self-test passes", it_tests_itself);
}

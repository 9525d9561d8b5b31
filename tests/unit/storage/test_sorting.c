/* What SORT needs to know: parts of the order against the whole, weights, patterns. */
#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/values/sorting.h"

void suite_sorting(void);

enum { MOST = 400 };

static void is_like(struct slice is, const char *expected)
{
    CU_ASSERT_TRUE(slice_equal(is, slice_text(expected)));
}

/* How many of all come before one: its place. */
static size_t place_of(const struct sorting_element *all, size_t count,
                       const struct sorting_element *one, unsigned order)
{
    size_t before = 0;

    for (size_t i = 0; i < count; i++)
        before += sorting_before(&all[i], one, order);
    return before;
}

static void fill(struct random *random, struct sorting_element *all, size_t count, bool text)
{
    static const char letters[] = "abcabdabcdef";

    for (size_t i = 0; i < count; i++) {
        struct slice bytes = slice_of(letters + random_below(random, 6), random_below(random, 4));

        all[i] = (struct sorting_element){ .bytes = bytes, .turn = i };
        if (!text)
            all[i].weight.number = (double)random_below(random, 20) - 10;
        else
            all[i].weight.text = random_below(random, 5) == 0 ? slice_of(NULL, 0) : bytes;
    }
}

static void parts_are_of_the_whole(void)
{
    struct sorting_element all[MOST], part[MOST];
    struct random random;

    random_seed(&random, 3);
    for (unsigned round = 0; round < 400; round++) {
        size_t count = random_below(&random, MOST + 1);
        size_t to = random_below(&random, count + 1);
        size_t from = random_below(&random, to + 1);
        unsigned order = round % 4;
        uint64_t turns = 0;

        fill(&random, all, count, order & SORTING_TEXT);
        memcpy(part, all, sizeof all);
        sorting_place(part, count, from, to, order);
        for (size_t place = from; place < to; place++)
            CU_ASSERT_EQUAL(place_of(all, count, &part[place], order), place);
        for (size_t i = 0; i < count; i++)
            turns += part[i].turn;
        CU_ASSERT_EQUAL(turns, count * (count - (count > 0)) / 2);
    }
}

static void weights(void)
{
    double number;

    CU_ASSERT_TRUE(sorting_read_number(SLICE(""), &number) && number == 0);
    CU_ASSERT_TRUE(sorting_read_number(SLICE("\0x"), &number) && number == 0);
    CU_ASSERT_TRUE(sorting_read_number(SLICE(" \t12"), &number) && number == 12);
    CU_ASSERT_TRUE(sorting_read_number(SLICE("1.5\0x"), &number) && number == 1.5);
    CU_ASSERT_TRUE(sorting_read_number(SLICE("0x10"), &number) && number == 16);
    CU_ASSERT_FALSE(sorting_read_number(SLICE("12 "), &number));
    CU_ASSERT_FALSE(sorting_read_number(SLICE(" "), &number));
    CU_ASSERT_FALSE(sorting_read_number(SLICE("nan"), &number));
    CU_ASSERT_FALSE(sorting_read_number(SLICE("a"), &number));
    CU_ASSERT_FALSE(sorting_read_number(SLICE("1e999"), &number));
}

static void patterns(void)
{
    struct sorting_pattern pattern = sorting_read_pattern(SLICE("a*b*->f->*"));
    char key[16];

    is_like(pattern.before, "a");
    is_like(pattern.behind, "b*");
    is_like(pattern.field, "f->*");
    CU_ASSERT_EQUAL_FATAL(sorting_key_length(&pattern, SLICE("xyz")), 6);
    sorting_put_key(key, &pattern, SLICE("xyz"));
    is_like(slice_of(key, 6), "axyzb*");

    pattern = sorting_read_pattern(SLICE("*->"));
    is_like(pattern.behind, "->");
    CU_ASSERT_EQUAL(pattern.field.len, 0);
    pattern = sorting_read_pattern(SLICE("a->*"));
    is_like(pattern.before, "a->");
    CU_ASSERT_EQUAL(pattern.behind.len, 0);
    CU_ASSERT_TRUE(sorting_read_pattern(SLICE("")).fixed);
    CU_ASSERT_TRUE(sorting_read_pattern(SLICE("nosort")).fixed);
    CU_ASSERT_TRUE(sorting_read_pattern(SLICE("#")).itself);
    CU_ASSERT_FALSE(sorting_read_pattern(SLICE("#*")).itself);
}

void suite_sorting(void)
{
    CU_pSuite suite = CU_add_suite("sorting", NULL, NULL);

    CU_add_test(suite, "a part of the order is a part of the whole order", parts_are_of_the_whole);
    CU_add_test(suite, "text is a weight where strtod takes it", weights);
    CU_add_test(suite, "a pattern names a key or a field of a hash", patterns);
}

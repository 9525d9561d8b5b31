/* IDs of entries: text, order, the choice of the next. */
#include <CUnit/Basic.h>

#include "streams/entry_id.h"

void suite_entry_id(void);

static bool reads_as(struct slice text, uint64_t missing, uint64_t ms, uint64_t seq)
{
    struct entry_id id;

    return entry_id_read(text, missing, &id) && id.ms == ms && id.seq == seq;
}

static void an_id_is_printed_and_read_back(void)
{
    struct entry_id ids[] = { { 0, 0 }, { 1, 2 }, { UINT64_MAX, UINT64_MAX }, { 1699, 0 } };

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        char text[ENTRY_ID_TEXT_MAX];
        size_t len = entry_id_print(ids[i], text);

        CU_ASSERT_TRUE(reads_as(slice_of(text, len), 7, ids[i].ms, ids[i].seq));
    }
    CU_ASSERT_TRUE(reads_as(SLICE("12"), 7, 12, 7));
    CU_ASSERT_TRUE(reads_as(SLICE("0012-0000000000000000000000007"), 0, 12, 7));
    CU_ASSERT_TRUE(reads_as(SLICE("+12-+7"), 0, 12, 7));
    CU_ASSERT_TRUE(reads_as(SLICE("12"), UINT64_MAX, 12, UINT64_MAX));
}

static void what_is_no_id_is_refused(void)
{
    const char *bad[] = { "", "-", "1-", "-1", "a", "1-a", "1-2-3", "18446744073709551616", "1 ",
                          "1-18446744073709551616", "+", "*", "$" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct entry_id id = { 5, 5 };

        CU_ASSERT_FALSE(entry_id_read(slice_text(bad[i]), 0, &id));
        CU_ASSERT_EQUAL(id.ms, 5);
    }
}

static void the_next_and_the_one_before_carry_over(void)
{
    struct entry_id id = { 1, UINT64_MAX };

    CU_ASSERT_TRUE(entry_id_step(&id) && id.ms == 2 && id.seq == 0);
    CU_ASSERT_TRUE(entry_id_step_back(&id) && id.ms == 1 && id.seq == UINT64_MAX);
    id = ENTRY_ID_MAX;
    CU_ASSERT_FALSE(entry_id_step(&id));
    id = ENTRY_ID_MIN;
    CU_ASSERT_FALSE(entry_id_step_back(&id));
}

static bool chosen(const char *wish_text, struct entry_id last, uint64_t now, uint64_t ms,
                   uint64_t seq)
{
    enum entry_id_wish wish;
    struct entry_id wished, id;

    return entry_id_read_wish(slice_text(wish_text), &wish, &wished) &&
           entry_id_choose(wish, wished, last, now, &id) && id.ms == ms && id.seq == seq;
}

static void a_star_takes_the_clock_unless_it_went_back(void)
{
    CU_ASSERT_TRUE(chosen("*", (struct entry_id){ 5, 3 }, 9, 9, 0));
    CU_ASSERT_TRUE(chosen("*", (struct entry_id){ 9, 3 }, 9, 9, 4));
    CU_ASSERT_TRUE(chosen("*", (struct entry_id){ 10, UINT64_MAX }, 9, 11, 0));
    CU_ASSERT_FALSE(chosen("*", ENTRY_ID_MAX, 9, 0, 0));
}

static void a_star_behind_the_time_takes_the_next_number(void)
{
    CU_ASSERT_TRUE(chosen("5-*", (struct entry_id){ 5, 3 }, 9, 5, 4));
    CU_ASSERT_TRUE(chosen("6-*", (struct entry_id){ 5, 3 }, 9, 6, 0));
    CU_ASSERT_TRUE(chosen("0-*", ENTRY_ID_MIN, 9, 0, 1));
    CU_ASSERT_FALSE(chosen("4-*", (struct entry_id){ 5, 3 }, 9, 0, 0));
    CU_ASSERT_FALSE(chosen("5-*", (struct entry_id){ 5, UINT64_MAX }, 9, 0, 0));
}

static void an_exact_wish_must_rise(void)
{
    CU_ASSERT_TRUE(chosen("5-4", (struct entry_id){ 5, 3 }, 9, 5, 4));
    CU_ASSERT_FALSE(chosen("5-3", (struct entry_id){ 5, 3 }, 9, 5, 3));
    CU_ASSERT_FALSE(chosen("0-0", ENTRY_ID_MIN, 9, 0, 0));
    CU_ASSERT_FALSE(chosen("x-*", ENTRY_ID_MIN, 9, 0, 0));
}

void suite_entry_id(void)
{
    CU_pSuite suite = CU_add_suite("entry_id", NULL, NULL);

    CU_add_test(suite, "an ID is printed and read back", an_id_is_printed_and_read_back);
    CU_add_test(suite, "what is no ID is refused", what_is_no_id_is_refused);
    CU_add_test(suite, "the next and the one before carry over",
                the_next_and_the_one_before_carry_over);
    CU_add_test(suite, "a star takes the clock unless it went back",
                a_star_takes_the_clock_unless_it_went_back);
    CU_add_test(suite, "a star behind the time takes the next number",
                a_star_behind_the_time_takes_the_next_number);
    CU_add_test(suite, "an exact wish must rise", an_exact_wish_must_rise);
}

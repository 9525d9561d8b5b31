/*
 * The list: against a naive model, with nodes of several sizes.
 */
#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/values/list.h"
#include "tests/unit/storage/walk.h"

void suite_list(void);

enum { MODEL_MAX = 3000, TEXT_MAX = 10000 };

/* What the list should hold: elements by number, see text_of. */
struct model {
    unsigned at[MODEL_MAX];
    size_t   count;
};

/* The element of a number: integers of all widths, short texts, a few long ones. */
static struct slice text_of(unsigned number, char *room)
{
    size_t len = 0;

    switch (number % 8) {
    case 0:
    case 1:
        return slice_of(room, number_put(room, (int64_t)number - 5));
    case 2:
        return slice_of(room, number_put(room, -((int64_t)number << (number % 50))));
    case 3:
        return slice_of(room, 0);
    case 4:
        len = 70 + number % 100;
        break;
    case 5:
        len = number % 40 == 5 ? 4090 + number % 16 : 500;
        break;
    case 6:
        len = number % 80 == 6 ? 9000 : 3;
        break;
    default:
        len = 12;
    }
    memset(room, 'a' + (int)(number % 26), len);
    return slice_of(room, len);
}

static bool same_as(struct slice element, unsigned number)
{
    static _Thread_local char room[TEXT_MAX];

    return slice_equal(element, text_of(number, room));
}

static void model_insert(struct model *model, size_t at, unsigned number)
{
    memmove(model->at + at + 1, model->at + at, (model->count - at) * sizeof(model->at[0]));
    model->at[at] = number;
    model->count++;
}

static void model_delete(struct model *model, size_t at, size_t count)
{
    model->count -= count;
    memmove(model->at + at, model->at + at + count, (model->count - at) * sizeof(model->at[0]));
}

/* Different numbers may have the same text: 3 and 11 are both empty. */
static bool twins(unsigned a, unsigned b)
{
    char one[TEXT_MAX], two[TEXT_MAX];

    return slice_equal(text_of(a, one), text_of(b, two));
}

static void compare(const struct list *list, const struct model *model)
{
    struct list_walk walk;
    struct slice element;
    size_t i = 0;

    list_check(list);
    must(list_length(list) == model->count);
    list_walk_begin(&walk, list, 0, LIST_BACK);
    while (list_walk_next(&walk, &element)) {
        must(i < model->count && same_as(element, model->at[i]));
        i++;
    }
    must(i == model->count);
    list_walk_begin(&walk, list, i - 1, LIST_FRONT);
    while (list_walk_next(&walk, &element)) {
        must(i > 0 && same_as(element, model->at[i - 1]));
        i--;
    }
    must(i == 0);
}

static void step_ends(struct list *list, struct model *model, struct random *random,
                      unsigned number)
{
    enum list_end end = random_below(random, 2) == 0 ? LIST_FRONT : LIST_BACK;
    char room[TEXT_MAX];
    struct list_room digits;
    struct slice element;
    size_t count = random_below(random, 300) == 0 ? random_below(random, 900) : 1;

    if (random_below(random, 100) < 57 && model->count < MODEL_MAX) {
        list_push(list, end, text_of(number, room));
        model_insert(model, end == LIST_FRONT ? 0 : model->count, number);
        return;
    }
    if (!list_peek(list, end, &digits, &element)) {
        must(model->count == 0);
        return;
    }
    must(same_as(element, model->at[end == LIST_FRONT ? 0 : model->count - 1]));
    list_drop(list, end, count);
    if (count > model->count)
        count = model->count;
    model_delete(model, end == LIST_FRONT ? 0 : model->count - count, count);
}

static void step_remove(struct list *list, struct model *model, struct random *random,
                        unsigned number)
{
    bool front = random_below(random, 2) == 0;
    size_t most = random_below(random, 3) == 0 ? SIZE_MAX : random_below(random, 5);
    size_t removed = 0;
    char room[TEXT_MAX];
    size_t got = list_remove(list, front ? LIST_FRONT : LIST_BACK, text_of(number, room), most);

    for (size_t i = 0; i < model->count && removed < most;) {
        size_t at = front ? i : model->count - 1 - i;

        if (twins(model->at[at], number)) {
            model_delete(model, at, 1);
            removed++;
        } else {
            i++;
        }
    }
    must(got == removed);
}

static void step_search(struct list *list, struct model *model, struct random *random,
                        unsigned number)
{
    bool front = random_below(random, 2) == 0;
    size_t most = random_below(random, 3) == 0 ? random_below(random, 100) : model->count + 1;
    struct list_search search;
    char room[TEXT_MAX];
    size_t index;

    list_search_begin(&search, list, front ? LIST_FRONT : LIST_BACK, text_of(number, room), most);
    for (size_t i = 0; i < model->count && i < most; i++) {
        size_t at = front ? i : model->count - 1 - i;

        if (twins(model->at[at], number))
            must(list_search_next(&search, &index) && index == at);
    }
    must(!list_search_next(&search, &index));
}

static void step_inside(struct list *list, struct model *model, struct random *random,
                        unsigned number)
{
    size_t at = random_below(random, model->count + 1);
    char room[TEXT_MAX], pivot[TEXT_MAX];
    struct list_room digits;
    struct slice element;

    if (at == model->count) {
        must(!list_at(list, at, &digits, &element));
        return;
    }
    must(list_at(list, at, &digits, &element));
    must(same_as(element, model->at[at]));
    if (random_below(random, 2) == 0) {
        list_set(list, at, text_of(number, room));
        model->at[at] = number;
    } else if (model->count < MODEL_MAX) {
        bool after = random_below(random, 2) == 0;
        size_t first = 0;

        while (!twins(model->at[first], model->at[at]))
            first++;
        must(list_insert(list, text_of(model->at[at], pivot), after, text_of(number, room)));
        model_insert(model, first + after, number);
    }
}

static void walk_randomly(int32_t node_size, uint32_t depth, size_t steps, uint64_t seed)
{
    struct value_limits limits = value_limits_default;
    struct model *model = memory_new_zeroed(1, sizeof(*model));
    struct random random;
    struct list *list;

    limits.list_node_size = node_size;
    limits.list_compress_depth = depth;
    list = list_new(&limits);
    random_seed(&random, seed);
    for (size_t i = 0; i < steps; i++) {
        unsigned number = (unsigned)random_below(&random, 400);
        uint64_t choice = random_below(&random, 100);

        if (choice < 60) {
            step_ends(list, model, &random, number);
        } else if (choice < 90) {
            step_inside(list, model, &random, number);
        } else if (choice < 93) {
            step_remove(list, model, &random, number);
        } else if (choice < 98) {
            step_search(list, model, &random, number);
        } else if (random_below(&random, 20) == 0) {
            size_t first = random_below(&random, model->count + 1);
            size_t count = random_below(&random, model->count + 1);

            list_trim(list, first, count);
            model_delete(model, 0, first);
            if (count < model->count)
                model_delete(model, count, model->count - count);
        }
        if (i % 32 == 0 || model->count < 40)
            compare(list, model);
    }
    list_free(list);
    memory_free(model);
}

static void it_agrees_with_a_naive_model(void)
{
    static const int32_t sizes[] = { -2, -1, -5, 1, 3, 128, 0 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        walk_randomly(sizes[i], 0, walk_steps(4000), 100 + i);
    CU_PASS("every step agreed");
}

static void a_list_that_packs_agrees_too(void)
{
    static const int32_t sizes[] = { -1, 1, 5, 16 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint32_t depth = 1; depth <= 3; depth++)
            walk_randomly(sizes[i], depth, walk_steps(2000), 200 + 10 * i + depth);
    }
    CU_PASS("every step agreed");
}

static size_t packed_bytes(const struct list *list)
{
    uint64_t whole, kept;

    list_run_bytes(list, &whole, &kept);
    must(kept <= whole);
    return (size_t)kept;
}

static void cold_nodes_are_packed_and_stay_so_when_read(void)
{
    struct value_limits limits = value_limits_default;
    struct list_walk walk;
    struct list_room room;
    struct slice element;
    struct list *list;
    char text[120];
    size_t packed;

    limits.list_compress_depth = 1;
    list = list_new(&limits);
    for (unsigned i = 0; i < 20000; i++) {
        memset(text, 'a' + (int)(i % 7), sizeof(text));
        list_push(list, LIST_BACK, slice_of(text, sizeof(text)));
    }
    packed = packed_bytes(list);
    CU_ASSERT(packed < 20000 * sizeof(text) / 10);
    CU_ASSERT(list_type.measure((const struct value *)(const void *)list, 0) < 400000);
    list_walk_begin(&walk, list, 0, LIST_BACK);
    while (list_walk_next(&walk, &element))
        must(element.len == sizeof(text) && element.at[0] == element.at[119]);
    for (size_t i = 0; i < 20000; i += 77)
        must(list_at(list, i, &room, &element) && element.at[5] == (char)('a' + i % 7));
    /* But for the one that was read last, all are as they were. */
    CU_ASSERT(packed_bytes(list) < packed + 10000);
    list_check(list);
    list_drop(list, LIST_FRONT, 19990);
    CU_ASSERT_EQUAL(packed_bytes(list), 10 * (sizeof(text) + 3));
    list_check(list);
    list_free(list);
}

static void a_queue_keeps_its_order_and_its_size(void)
{
    struct list *list = list_new(&value_limits_default);
    struct list_room room;
    struct slice element;
    char digits[NUMBER_INTEGER_MAX];
    int64_t oldest = 0;

    for (int64_t i = 0; i < 200000; i++) {
        int64_t number;

        list_push(list, LIST_FRONT, slice_of(digits, number_put(digits, i)));
        if (i < 100)
            continue;
        must(list_peek(list, LIST_BACK, &room, &element));
        must(number_read(element, &number) && number == oldest);
        list_drop(list, LIST_BACK, 1);
        oldest++;
    }
    list_check(list);
    CU_ASSERT_EQUAL(list_length(list), 100);
    CU_ASSERT(list_type.measure((const struct value *)(const void *)list, 0) < 16384);
    list_free(list);
}

static void equal_lists_have_equal_fingerprints_in_any_form(void)
{
    struct value_limits narrow = value_limits_default;
    struct fingerprint a = { { 0 } }, b = { { 0 } }, c = { { 0 } };
    struct list *one, *two, *three;
    char room[TEXT_MAX];

    narrow.list_node_size = 2;
    one = list_new(&value_limits_default);
    two = list_new(&narrow);
    for (unsigned i = 0; i < 500; i++) {
        list_push(one, LIST_BACK, text_of(i, room));
        list_push(two, LIST_FRONT, text_of(499 - i, room));
    }
    three = list_copy(two);
    list_check(three);
    list_type.digest((const struct value *)(const void *)one, &a);
    list_type.digest((const struct value *)(const void *)two, &b);
    list_type.digest((const struct value *)(const void *)three, &c);
    CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
    CU_ASSERT_EQUAL(memcmp(&a, &c, sizeof(a)), 0);
    CU_ASSERT(list_nodes(two) > list_nodes(one));
    list_free(one);
    list_free(two);
    list_free(three);
}

/* Runs the statements that rebuild a list. */
static void run_push(void *who, const struct slice *words, size_t count)
{
    must(slice_equal(words[0], SLICE("RPUSH")) && slice_equal(words[1], SLICE("key")));
    must(count > 2 && count <= 2 + 64);
    for (size_t i = 2; i < count; i++)
        list_push(who, LIST_BACK, words[i]);
}

static void statements_rebuild_it(void)
{
    struct list *list = list_new(&value_limits_default);
    struct list *again = list_new(&value_limits_default);
    struct fingerprint a = { { 0 } }, b = { { 0 } };
    struct statement_sink sink = { run_push, again };
    char room[TEXT_MAX];

    for (unsigned i = 0; i < 1000; i++)
        list_push(list, LIST_BACK, text_of(i, room));
    list_type.rewrite((const struct value *)(const void *)list, SLICE("key"), &sink);
    CU_ASSERT_EQUAL(list_length(again), 1000);
    list_type.digest((const struct value *)(const void *)list, &a);
    list_type.digest((const struct value *)(const void *)again, &b);
    CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof(a)), 0);
    list_free(list);
    list_free(again);
}

static void a_small_list_costs_a_header_and_a_block(void)
{
    struct list *list = list_new(&value_limits_default);

    list_push(list, LIST_BACK, SLICE("hello"));
    CU_ASSERT(list_type.measure((const struct value *)(const void *)list, 0) <= 40);
    list_free(list);
}

/* Bytes of the runs of a list, and of the blocks that they are in. */
static void count_bytes(const struct list *list, uint64_t *runs, uint64_t *blocks)
{
    *runs = *blocks = 0;
    for (size_t i = 0; i < list_nodes(list); i++) {
        *runs += memory_good_size(list_node_used(list_nodes_at(list, i)));
        *blocks += list_block_bytes(list, i);
    }
}

/*
 * Judged after each push and pop: whoever measures a list does so whenever he likes. A small
 * block may be half as large again as 208 bytes, also where the allocator knows no classes.
 */
static void a_list_hardly_has_more_room_than_elements(void)
{
    static const size_t lengths[] = { 10, 32, 100 };
    char text[100];
    uint64_t runs, blocks;

    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (int end = LIST_FRONT; end <= LIST_BACK; end++) {
            struct list *list = list_new(&value_limits_default);

            for (int n = 0; n < 3000; n++) {
                list_push(list, (enum list_end)end, slice_of(text, lengths[i]));
                count_bytes(list, &runs, &blocks);
                CU_ASSERT_TRUE(blocks <= runs + runs / 100 + 208 / 2);
            }
            list_check(list);
            while (list_length(list) > 0) {
                list_drop(list, (enum list_end)end, 1);
                count_bytes(list, &runs, &blocks);
                CU_ASSERT_TRUE(blocks <= 2 * runs + 256);
            }
            list_free(list);
        }
    }
}

void suite_list(void)
{
    CU_pSuite suite = CU_add_suite("list", NULL, NULL);

    CU_add_test(suite, "it agrees with a naive model", it_agrees_with_a_naive_model);
    CU_add_test(suite, "a list that packs agrees too", a_list_that_packs_agrees_too);
    CU_add_test(suite, "cold nodes are packed, and stay so when read",
                cold_nodes_are_packed_and_stay_so_when_read);
    CU_add_test(suite, "a queue keeps its order and its size",
                a_queue_keeps_its_order_and_its_size);
    CU_add_test(suite, "equal lists have equal fingerprints in any form",
                equal_lists_have_equal_fingerprints_in_any_form);
    CU_add_test(suite, "statements rebuild it", statements_rebuild_it);
    CU_add_test(suite, "a list hardly has more room than elements",
                a_list_hardly_has_more_room_than_elements);
    CU_add_test(suite, "a small list costs a header and a block",
                a_small_list_costs_a_header_and_a_block);
}

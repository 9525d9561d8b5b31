/*
 * The packed list: each encoding byte by byte, changes against a naive model,
 * and bytes from outside.
 */
#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/base/random.h"
#include "storage/index/packed.h"
#include "tests/unit/storage/walk.h"

void suite_packed(void);

static void an_empty_list_is_seven_bytes(void)
{
    struct packed *packed = packed_new(0);
    size_t place = 0;

    CU_ASSERT(slice_equal(packed_slice(packed), SLICE("\7\0\0\0\0\0\377")));
    CU_ASSERT_EQUAL(packed_count(packed), 0);
    CU_ASSERT_EQUAL(packed_first(packed), 0);
    CU_ASSERT_EQUAL(packed_last(packed), 0);
    CU_ASSERT_EQUAL(packed_at(packed, 0), 0);
    CU_ASSERT_EQUAL(packed_at(packed, -1), 0);
    CU_ASSERT_EQUAL(packed_find(packed, place, SLICE("a"), 0), 0);
    packed_check(packed);
    packed_free(packed);
}

/* The bytes are those that redis-server 7.0.15 shows in DUMP. */
static const struct {
    const char *text;
    struct slice entry;
} encodings[] = {
    { "0", { "\0\1", 2 } },
    { "127", { "\x7f\1", 2 } },
    { "128", { "\xc0\x80\2", 3 } },
    { "-1", { "\xdf\xff\2", 3 } },
    { "-4096", { "\xd0\0\2", 3 } },
    { "4095", { "\xcf\xff\2", 3 } },
    { "4096", { "\xf1\0\x10\3", 4 } },
    { "-4097", { "\xf1\xff\xef\3", 4 } },
    { "32767", { "\xf1\xff\x7f\3", 4 } },
    { "-32768", { "\xf1\0\x80\3", 4 } },
    { "32768", { "\xf2\0\x80\0\4", 5 } },
    { "8388607", { "\xf2\xff\xff\x7f\4", 5 } },
    { "-8388608", { "\xf2\0\0\x80\4", 5 } },
    { "8388608", { "\xf3\0\0\x80\0\5", 6 } },
    { "2147483647", { "\xf3\xff\xff\xff\x7f\5", 6 } },
    { "2147483648", { "\xf4\0\0\0\x80\0\0\0\0\x09", 10 } },
    { "-9223372036854775808", { "\xf4\0\0\0\0\0\0\0\x80\x09", 10 } },
    { "9223372036854775807", { "\xf4\xff\xff\xff\xff\xff\xff\xff\x7f\x09", 10 } },
    { "", { "\x80\1", 2 } },
    { "00", { "\x82\x30\x30\3", 4 } },
    { "-0", { "\x82\x2d\x30\3", 4 } },
    { "hello", { "\x85hello\6", 7 } },
};

static void each_encoding_is_that_of_redis(void)
{
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        struct slice text = slice_text(encodings[i].text);
        struct packed *packed = packed_append(packed_new(0), text);
        struct slice whole = packed_slice(packed);
        char room[PACKED_TEXT_MAX];

        CU_ASSERT_EQUAL(whole.len, PACKED_EMPTY + encodings[i].entry.len);
        CU_ASSERT(memcmp(whole.at + PACKED_HEADER, encodings[i].entry.at, encodings[i].entry.len) ==
                  0);
        CU_ASSERT(slice_equal(packed_print(packed_get(packed, packed_first(packed)), room), text));
        CU_ASSERT(packed_is(packed, packed_first(packed), text));
        packed_check(packed);
        packed_free(packed);
    }
}

/* The length behind an entry grows by a byte one step earlier than it must. */
static const struct {
    size_t body;
    struct slice back;
} lengths[] = {
    { 127, { "\x7f", 1 } },
    { 128, { "\1\x80", 2 } },
    { 16382, { "\x7f\xfe", 2 } },
    { 16383, { "\0\xff\xff", 3 } },
    { 16384, { "\1\x80\x80", 3 } },
    { 2097150, { "\x7f\xff\xfe", 3 } },
    { 2097151, { "\0\xff\xff\xff", 4 } },
    { 2097152, { "\1\x80\x80\x80", 4 } },
};

static void each_length_is_that_of_redis(void)
{
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t head = lengths[i].body < 4098 ? 2 : 5;
        struct slice text = { memory_new_zeroed(lengths[i].body, 1), lengths[i].body - head };
        struct packed *packed = packed_append(packed_new(0), text);
        struct slice whole = packed_slice(packed);
        struct slice back = lengths[i].back;

        CU_ASSERT_EQUAL(whole.len, PACKED_EMPTY + lengths[i].body + back.len);
        CU_ASSERT(memcmp(whole.at + whole.len - 1 - back.len, back.at, back.len) == 0);
        packed = packed_append(packed, SLICE("x"));
        packed_check(packed);
        CU_ASSERT_EQUAL(packed_previous(packed, packed_last(packed)), PACKED_HEADER);
        packed_free(packed);
        memory_free((void *)(uintptr_t)text.at);
    }
}

/* -- The model: an array of texts, each a slice of its own memory. */

enum { MODEL_MAX = 300 };

struct model {
    struct slice text[MODEL_MAX];
    size_t count;
};

static struct slice any_text(struct random *random)
{
    char *room = memory_new(5000);
    size_t len;

    switch (random_below(random, 4)) {
    case 0:
        len = number_put(room, (int64_t)(random_next(random) >> random_below(random, 64)));
        break;
    case 1:
        len = number_put(room, -(int64_t)(random_next(random) >> random_below(random, 63) >> 1));
        break;
    case 2:
        len = random_below(random, random_below(random, 50) == 0 ? 5000 : 200);
        break;
    default:
        len = random_below(random, 10);
    }
    if (random_below(random, 4) > 1 && len < 5000)
        memset(room, 'a' + (int)random_below(random, 26), len);
    return slice_of(room, len);
}

static void model_insert(struct model *model, size_t index, struct slice text)
{
    memmove(&model->text[index + 1], &model->text[index],
            (model->count - index) * sizeof(struct slice));
    model->text[index] = text;
    model->count++;
}

static void model_delete(struct model *model, size_t index, size_t count)
{
    for (size_t i = index; i < index + count; i++)
        memory_free((void *)(uintptr_t)model->text[i].at);
    memmove(&model->text[index], &model->text[index + count],
            (model->count - index - count) * sizeof(struct slice));
    model->count -= count;
}

static void compare(const struct packed *packed, const struct model *model)
{
    size_t place = packed_first(packed);
    char room[PACKED_TEXT_MAX];

    packed_check(packed);
    CU_ASSERT_EQUAL_FATAL(packed_count(packed), model->count);
    for (size_t i = 0; i < model->count; i++) {
        CU_ASSERT_NOT_EQUAL_FATAL(place, 0);
        CU_ASSERT(slice_equal(packed_print(packed_get(packed, place), room), model->text[i]));
        place = packed_next(packed, place);
    }
    CU_ASSERT_EQUAL(place, 0);
}

static struct packed *insert(struct packed *packed, struct model *model, struct random *random)
{
    struct slice text = any_text(random);
    size_t index = random_below(random, model->count + 1);
    size_t place = packed_at(packed, (int64_t)index);

    if (index == model->count) {
        packed = packed_append(packed, text);
    } else if (index == 0) {
        packed = packed_prepend(packed, text);
    } else if (random_below(random, 2) == 0) {
        packed = packed_insert_before(packed, &place, packed_text(text));
        CU_ASSERT_EQUAL(place, packed_at(packed, (int64_t)index));
    } else {
        place = packed_at(packed, (int64_t)index - 1);
        packed = packed_insert_after(packed, &place, packed_text(text));
        CU_ASSERT_EQUAL(place, packed_at(packed, (int64_t)index - (int64_t)model->count - 1));
    }
    model_insert(model, index, text);
    return packed;
}

static struct packed *change(struct packed *packed, struct model *model, struct random *random)
{
    size_t index = random_below(random, model->count);
    size_t place = packed_at(packed, (int64_t)index);
    size_t count = 1 + random_below(random, 3);

    CU_ASSERT_EQUAL(place, packed_at(packed, (int64_t)index - (int64_t)model->count));
    if (random_below(random, 2) == 0) {
        struct slice text = any_text(random);

        packed = packed_replace(packed, place, packed_text(text));
        CU_ASSERT(packed_is(packed, place, text));
        memory_free((void *)(uintptr_t)model->text[index].at);
        model->text[index] = text;
        return packed;
    }
    packed = packed_delete_range(packed, &place, count);
    model_delete(model, index, count < model->count - index ? count : model->count - index);
    CU_ASSERT_EQUAL(place, packed_at(packed, (int64_t)index));
    return packed;
}

static void it_agrees_with_a_naive_model(void)
{
    struct packed *packed = packed_new(0);
    struct model model = { .count = 0 };
    size_t steps = walk_steps(3000);
    struct random random;

    random_seed(&random, 3);
    for (size_t step = 0; step < steps; step++) {
        bool grows = step / 400 % 2 == 0;

        if (model.count == 0 ||
            (model.count < MODEL_MAX && random_below(&random, 4) < (grows ? 3 : 1)))
            packed = insert(packed, &model, &random);
        else
            packed = change(packed, &model, &random);
        compare(packed, &model);
    }
    model_delete(&model, 0, model.count);
    packed_free(packed);
}

static void finding_looks_at_every_second_entry_if_told_so(void)
{
    struct packed *packed = packed_new(0);
    size_t place;

    packed = packed_append(packed, SLICE("field"));
    packed = packed_append(packed, SLICE("7"));
    packed = packed_append(packed, SLICE("7"));
    packed = packed_append(packed, SLICE("field"));
    packed = packed_append(packed, SLICE("12345678901234567890"));
    place = packed_first(packed);
    CU_ASSERT_EQUAL(packed_find(packed, place, SLICE("7"), 0), packed_at(packed, 1));
    CU_ASSERT_EQUAL(packed_find(packed, place, SLICE("7"), 1), packed_at(packed, 2));
    CU_ASSERT_EQUAL(packed_find(packed, place, SLICE("field"), 1), place);
    CU_ASSERT_EQUAL(packed_find(packed, packed_at(packed, 1), SLICE("field"), 0),
                    packed_at(packed, 3));
    CU_ASSERT_EQUAL(packed_find(packed, place, SLICE("12345678901234567890"), 0),
                    packed_at(packed, 4));
    CU_ASSERT_EQUAL(packed_find(packed, place, SLICE("07"), 0), 0);
    CU_ASSERT_EQUAL(packed_find(packed, place, SLICE("fiel"), 0), 0);
    packed_free(packed);
}

static void more_entries_than_the_header_can_count_are_counted(void)
{
    struct packed *packed = packed_new(200000);
    size_t place;

    for (size_t i = 0; i < 66000; i++)
        packed = packed_append_integer(packed, (int64_t)i % 100);
    CU_ASSERT_EQUAL(packed_count(packed), 66000);
    CU_ASSERT_EQUAL(packed_get(packed, packed_at(packed, 65999)).integer, 99);
    CU_ASSERT_EQUAL(packed_get(packed, packed_at(packed, -66000)).integer, 0);
    CU_ASSERT_EQUAL(packed_at(packed, -66001), 0);
    CU_ASSERT_EQUAL(packed_at(packed, 66000), 0);
    packed_check(packed);
    place = packed_first(packed);
    packed = packed_delete_range(packed, &place, 65000);
    CU_ASSERT_EQUAL(packed_count(packed), 1000);
    packed_check(packed);
    packed_free(packed);
}

static void merging_appends_all(void)
{
    struct packed *left = packed_append(packed_new(0), SLICE("a"));
    struct packed *right = packed_append(packed_append(packed_new(100), SLICE("b")), SLICE("3"));

    left = packed_merge(left, right);
    CU_ASSERT_EQUAL(packed_count(left), 3);
    CU_ASSERT(packed_is(left, packed_at(left, 1), SLICE("b")));
    CU_ASSERT_EQUAL(packed_get(left, packed_at(left, 2)).integer, 3);
    packed_check(left);
    right = packed_trim(right);
    packed_check(right);
    packed_free(left);
    packed_free(right);
}

static void a_size_no_list_may_have_does_not_fit(void)
{
    struct packed *packed = packed_new(0);

    CU_ASSERT(packed_fits(packed, 1000, 3));
    CU_ASSERT(packed_fits(packed, PACKED_BYTES_MAX - 100, 1));
    CU_ASSERT(!packed_fits(packed, PACKED_BYTES_MAX - 10, 1));
    CU_ASSERT(!packed_fits(packed, SIZE_MAX, 1));
    CU_ASSERT(!packed_fits(packed, 0, SIZE_MAX));
    packed_free(packed);
}

/* Whatever is done to the bytes: what is still approved of can be walked and changed. */
static void broken_bytes_are_refused_or_harmless(void)
{
    size_t steps = walk_steps(20000);
    struct random random;
    size_t refused = 0;

    random_seed(&random, 4);
    for (size_t step = 0; step < steps; step++) {
        struct packed *packed = packed_new(0);
        struct slice whole;
        char *bytes;

        for (size_t left = random_below(&random, 6); left > 0; left--) {
            struct slice text = any_text(&random);

            packed = packed_append(packed, slice_of(text.at, text.len % 100));
            memory_free((void *)(uintptr_t)text.at);
        }
        whole = packed_slice(packed);
        CU_ASSERT(packed_valid(whole, true));
        bytes = memory_new(whole.len);
        memcpy(bytes, whole.at, whole.len);
        bytes[random_below(&random, whole.len)] = (char)random_next(&random);
        if (packed_valid(slice_of(bytes, whole.len), true)) {
            struct packed *copy = packed_copy(slice_of(bytes, whole.len));
            char room[PACKED_TEXT_MAX];

            for (size_t at = packed_first(copy); at != 0; at = packed_next(copy, at))
                (void)packed_print(packed_get(copy, at), room);
            for (size_t at = packed_last(copy); at != 0; at = packed_previous(copy, at))
                (void)packed_print(packed_get(copy, at), room);
            packed_free(copy);
        } else {
            refused++;
        }
        CU_ASSERT(!packed_valid(slice_of(whole.at, whole.len - 1), true));
        memory_free(bytes);
        packed_free(packed);
    }
    CU_ASSERT(refused > steps / 4);
}

/* Whether packed_find finds an entry again behind itself. */
static bool naively_distinct(const struct packed *packed, size_t skip)
{
    char room[PACKED_TEXT_MAX];

    for (size_t at = packed_first(packed); at != 0;) {
        struct slice text = packed_print(packed_get(packed, at), room);

        for (size_t left = skip + 1; left > 0 && at != 0; left--)
            at = packed_next(packed, at);
        if (at != 0 && packed_find(packed, at, text, skip) != 0)
            return false;
    }
    return true;
}

static void equal_entries_are_found_however_many_there_are(void)
{
    const struct hash_key key = { { 1, 2 } };
    struct random random;
    size_t distinct = 0;

    random_seed(&random, 9);
    for (unsigned round = 0; round < 2000; round++) {
        size_t skip = random_below(&random, 3);
        size_t count = (skip + 1) * random_below(&random, round % 50 == 0 ? 900 : 60);
        struct packed *packed = packed_new(0);

        for (size_t i = 0; i < count; i++) {
            uint64_t number = random_below(&random, count * count * 2);

            packed = number % 2 == 0 ? packed_append_integer(packed, (int64_t)number - 50)
                                     : packed_append(packed, slice_of(&number, 1 + number % 8));
        }
        distinct += packed_distinct(packed, skip, &key);
        CU_ASSERT_EQUAL(packed_distinct(packed, skip, &key), naively_distinct(packed, skip));
        packed_free(packed);
    }
    CU_ASSERT(distinct > 100 && distinct < 1900);
}

static void a_pair_goes_in_as_two_entries_would(void)
{
    struct packed *one = packed_insert_pair(NULL, 0, packed_text(SLICE("field")),
                                            packed_text(SLICE("1234")));
    struct packed *other = packed_new(0);
    size_t place;

    CU_ASSERT_EQUAL(packed_memory(one), memory_good_size(packed_bytes(one)));
    one = packed_insert_pair(one, 0, packed_text(SLICE("last")), packed_integer(-1));
    one = packed_insert_pair(one, packed_first(one), packed_text(SLICE("")), packed_integer(7));
    one = packed_insert_pair(one, packed_at(one, 2), packed_integer(5), packed_text(SLICE("five")));
    packed_check(one);
    other = packed_append(other, SLICE(""));
    other = packed_append_integer(other, 7);
    other = packed_append_integer(other, 5);
    other = packed_append(other, SLICE("five"));
    other = packed_append(other, SLICE("field"));
    other = packed_append(other, SLICE("1234"));
    other = packed_append(other, SLICE("last"));
    other = packed_append_integer(other, -1);
    CU_ASSERT_TRUE(slice_equal(packed_slice(one), packed_slice(other)));
    place = packed_first(one);
    CU_ASSERT_EQUAL(packed_find(one, place, SLICE("last"), 1), packed_at(one, 6));
    packed_free(one);
    packed_free(other);
}

/* Whether the block is no larger than the list needs, and a little more. */
static bool is_tight(const struct packed *packed)
{
    size_t bytes = packed_bytes(packed);

    return packed_memory(packed) <= 64 ||
           packed_memory(packed) <= memory_good_size(bytes + bytes / 4);
}

static void what_lies_idle_is_given_back(void)
{
    struct packed *packed = packed_new(0);
    char text[60];
    size_t place;

    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 200; i++)
        packed = packed_append(packed, slice_of(text, sizeof(text)));
    for (int i = 0; i < 100; i++) {
        place = packed_at(packed, 2 * i);
        packed = packed_replace(packed, place, packed_text(SLICE("short")));
        CU_ASSERT_TRUE(is_tight(packed));
    }
    while ((place = packed_first(packed)) != 0) {
        packed = packed_delete(packed, &place);
        CU_ASSERT_TRUE(is_tight(packed));
    }
    packed_check(packed);
    packed_free(packed);
}

void suite_packed(void)
{
    CU_pSuite suite = CU_add_suite("packed", NULL, NULL);

    CU_add_test(suite, "an empty list is seven bytes", an_empty_list_is_seven_bytes);
    CU_add_test(suite, "a pair goes in as two entries would", a_pair_goes_in_as_two_entries_would);
    CU_add_test(suite, "what lies idle is given back", what_lies_idle_is_given_back);
    CU_add_test(suite, "each encoding is that of Redis", each_encoding_is_that_of_redis);
    CU_add_test(suite, "each length is that of Redis", each_length_is_that_of_redis);
    CU_add_test(suite, "it agrees with a naive model", it_agrees_with_a_naive_model);
    CU_add_test(suite, "finding looks at every second entry if told so",
                finding_looks_at_every_second_entry_if_told_so);
    CU_add_test(suite, "more entries than the header can count are counted",
                more_entries_than_the_header_can_count_are_counted);
    CU_add_test(suite, "merging appends all", merging_appends_all);
    CU_add_test(suite, "a size no list may have does not fit",
                a_size_no_list_may_have_does_not_fit);
    CU_add_test(suite, "broken bytes are refused or harmless",
                broken_bytes_are_refused_or_harmless);
    CU_add_test(suite, "equal entries are found, however many there are",
                equal_entries_are_found_however_many_there_are);
}

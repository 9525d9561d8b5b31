/* Streams: random walks beside a plain array, which can do everything slowly. */
#include <CUnit/Basic.h>
#include <stdio.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "streams/cursor.h"
#include "streams/segment.h"
#include "streams/stream.h"
#include "streams/stream_private.h"
#include "streams/stream_value.h"
#include "streams/trim.h"

void suite_stream(void);

enum { MODEL_MAX = 20000, PAIRS_MAX = 4, TEXT_MAX = 80 };

struct model_entry {
    struct entry_id id;
    size_t          pairs;
    uint64_t        seed; /* of which fields and values are made again */
};

struct model {
    struct stream      *stream;
    struct value_limits limits;
    struct random       random;
    struct model_entry *entries; /* the live ones, in order */
    size_t              count;
    uint64_t            added;
    struct entry_id     last;
    struct entry_id     max_deleted;
    char                room[2 * PAIRS_MAX][TEXT_MAX];
    struct slice        fields[2 * PAIRS_MAX];
};

/* Makes the fields of an entry from its seed, always the same ones. */
static void make_fields(struct model *model, const struct model_entry *entry)
{
    struct random random;

    random_seed(&random, entry->seed);
    for (size_t i = 0; i < 2 * entry->pairs; i++) {
        char *to = model->room[i];
        int len;

        if (i % 2 == 0)
            len = snprintf(to, TEXT_MAX, "field%u",
                           (unsigned)(i + (random_below(&random, 20) == 0)));
        else if (random_below(&random, 2) == 0)
            len = snprintf(to, TEXT_MAX, "%lld",
                           (long long)((int64_t)random_next(&random) >> random_below(&random, 64)));
        else
            len = snprintf(to, TEXT_MAX, "%.*s", (int)random_below(&random, 70),
                           "some text of any length, up to seventy bytes, that is not a number 12");
        model->fields[i] = slice_of(to, (size_t)len);
    }
}

static bool agrees(struct model *model, const struct entry *entry, const struct model_entry *wanted)
{
    struct slice words[2 * PAIRS_MAX];
    char numbers[PAIRS_MAX * NUMBER_INTEGER_MAX];

    if (!entry_id_equal(entry->id, wanted->id) || entry->pairs != wanted->pairs)
        return false;
    make_fields(model, wanted);
    entry_words(entry, words, numbers);
    for (size_t i = 0; i < 2 * wanted->pairs; i++) {
        if (!slice_equal(words[i], model->fields[i]))
            return false;
    }
    return true;
}

static size_t first_not_below(const struct model *model, struct entry_id id)
{
    size_t low = 0, high = model->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (entry_id_compare(model->entries[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void append_one(struct model *model)
{
    struct model_entry *entry = &model->entries[model->count];

    entry->id = model->last;
    switch (random_below(&model->random, 4)) {
    case 0:
        entry->id.ms += 1 + random_below(&model->random, 3);
        entry->id.seq = 0;
        break;
    case 1:
        entry->id.ms += 1 + random_below(&model->random, 300);
        entry->id.seq = random_below(&model->random, 1000);
        break;
    default:
        entry->id.seq += 1 + random_below(&model->random, 2);
        break;
    }
    entry->pairs = random_below(&model->random, 8) == 0
                       ? 1 + (size_t)random_below(&model->random, PAIRS_MAX)
                       : 2;
    entry->seed = random_next(&model->random);
    make_fields(model, entry);
    CU_ASSERT_TRUE(stream_fits(model->fields, entry->pairs));
    stream_append(model->stream, entry->id, model->fields, entry->pairs, &model->limits);
    model->last = entry->id;
    model->count++;
    model->added++;
}

/* An ID of an entry, or near one, or anywhere. */
static struct entry_id some_id(struct model *model)
{
    struct entry_id id = { random_below(&model->random, model->last.ms + 2),
                           random_below(&model->random, 1000) };

    if (model->count > 0 && random_below(&model->random, 5) != 0) {
        id = model->entries[random_below(&model->random, model->count)].id;
        if (random_below(&model->random, 4) == 0)
            id.seq++;
    }
    return id;
}

static void delete_one(struct model *model)
{
    struct entry_id id = some_id(model);
    size_t at = first_not_below(model, id);
    bool there = at < model->count && entry_id_equal(model->entries[at].id, id);

    CU_ASSERT_EQUAL(stream_delete(model->stream, id), there);
    if (!there)
        return;
    model->count--;
    memmove(&model->entries[at], &model->entries[at + 1],
            (model->count - at) * sizeof(struct model_entry));
    if (entry_id_compare(id, model->max_deleted) > 0)
        model->max_deleted = id;
}

static void trim_some(struct model *model)
{
    struct trim trim = { .rule = TRIM_MAXLEN, .approximate = random_below(&model->random, 2) == 0 };
    size_t wanted, gone;

    if (random_below(&model->random, 2) == 0) {
        trim.max_length = model->count - random_below(&model->random, model->count / 4 + 1);
        wanted = model->count - trim.max_length;
    } else {
        trim.rule = TRIM_MINID;
        trim.min_id = model->count > 0 ? model->entries[model->count / 5].id : ENTRY_ID_MIN;
        wanted = first_not_below(model, trim.min_id);
    }
    gone = trim_apply(model->stream, &trim);
    CU_ASSERT_TRUE(trim.approximate ? gone <= wanted : gone == wanted);
    model->count -= gone;
    memmove(model->entries, model->entries + gone, model->count * sizeof(struct model_entry));
}

static void read_a_range(struct model *model)
{
    struct entry_id from = some_id(model), to = some_id(model);
    bool reverse = random_below(&model->random, 2) == 0;
    size_t first, end;
    struct cursor cursor;
    struct entry entry;

    if (random_below(&model->random, 4) == 0)
        from = ENTRY_ID_MIN;
    if (random_below(&model->random, 4) == 0)
        to = ENTRY_ID_MAX;
    first = first_not_below(model, from);
    end = first_not_below(model, to);
    if (end < model->count && entry_id_equal(model->entries[end].id, to))
        end++;
    if (first > end)
        end = first;
    CU_ASSERT_EQUAL(stream_count(model->stream, from, to), end - first);
    if (reverse)
        cursor_begin_reverse(&cursor, model->stream, from, to);
    else
        cursor_begin(&cursor, model->stream, from, to);
    for (size_t i = first; i < end; i++) {
        size_t at = reverse ? end - 1 - (i - first) : i;

        CU_ASSERT_TRUE_FATAL(cursor_next(&cursor, &entry));
        CU_ASSERT_TRUE_FATAL(agrees(model, &entry, &model->entries[at]));
    }
    CU_ASSERT_FALSE(cursor_next(&cursor, &entry));
}

static void look_at_it(struct model *model)
{
    struct entry_id id = some_id(model);
    size_t at = first_not_below(model, id);
    bool there = at < model->count && entry_id_equal(model->entries[at].id, id);
    struct entry entry;

    CU_ASSERT_EQUAL(stream_length(model->stream), model->count);
    CU_ASSERT_EQUAL(stream_entries_added(model->stream), model->added);
    CU_ASSERT_TRUE(entry_id_equal(stream_last_id(model->stream), model->last));
    CU_ASSERT_TRUE(entry_id_equal(stream_max_deleted(model->stream), model->max_deleted));
    CU_ASSERT_EQUAL(stream_find(model->stream, id, &entry), there);
    if (there)
        CU_ASSERT_TRUE(agrees(model, &entry, &model->entries[at]));
    CU_ASSERT_EQUAL(stream_first(model->stream, &entry), model->count > 0);
    if (model->count > 0)
        CU_ASSERT_TRUE(agrees(model, &entry, &model->entries[0]));
    CU_ASSERT_EQUAL(stream_last(model->stream, &entry), model->count > 0);
    if (model->count > 0)
        CU_ASSERT_TRUE(agrees(model, &entry, &model->entries[model->count - 1]));
}

static void walk(uint32_t node_entries, uint32_t node_bytes, int steps, uint64_t seed)
{
    struct model *model = memory_new_zeroed(1, sizeof(*model));
    struct fingerprint one = { 0 }, other = { 0 };
    struct stream *copy;

    model->stream = stream_new();
    model->limits = value_limits_default;
    model->limits.stream_node_entries = node_entries;
    model->limits.stream_node_bytes = node_bytes;
    model->entries = memory_new(MODEL_MAX * sizeof(struct model_entry));
    random_seed(&model->random, seed);
    for (int step = 0; step < steps; step++) {
        /* Long spells of growing and of shrinking. */
        bool grows = step / 400 % 2 == 0;
        uint64_t choice = random_below(&model->random, 20);

        if (choice < (grows ? 15u : 4u) && model->count < MODEL_MAX - 1)
            append_one(model);
        else if (choice < 17)
            delete_one(model);
        else if (choice == 17 && random_below(&model->random, 10) == 0)
            trim_some(model);
        else
            read_a_range(model);
        if (step % 5 == 0)
            look_at_it(model);
        if (step % 50 == 0)
            stream_check(model->stream);
    }
    copy = stream_copy(model->stream);
    stream_check(copy);
    stream_value_type.digest((struct value *)(void *)model->stream, &one);
    stream_value_type.digest((struct value *)(void *)copy, &other);
    CU_ASSERT_EQUAL(memcmp(&one, &other, sizeof(one)), 0);
    stream_free(copy);
    stream_free(model->stream);
    memory_free(model->entries);
    memory_free(model);
}

static void a_random_walk_with_short_segments_agrees_with_an_array(void)
{
    walk(5, 4096, 20000, 1);
    walk(1, 4096, 3000, 2);
}

static void a_random_walk_with_usual_segments_agrees_with_an_array(void)
{
    walk(100, 4096, 20000, 3);
}

static void a_random_walk_with_long_segments_agrees_with_an_array(void)
{
    walk(0, 0, 20000, 4);
}

static void an_approximate_trim_takes_whole_segments(void)
{
    struct stream *stream = stream_new();
    struct value_limits limits = value_limits_default;
    struct slice fields[] = { SLICE("f"), SLICE("v") };
    struct trim trim = { .rule = TRIM_MAXLEN, .approximate = true, .max_length = 55 };

    limits.stream_node_entries = 10;
    for (uint64_t i = 1; i <= 100; i++)
        stream_append(stream, (struct entry_id){ i, 0 }, fields, 1, &limits);
    CU_ASSERT_EQUAL(stream_segments(stream), 10);
    trim.limit = 30;
    CU_ASSERT_EQUAL(trim_apply(stream, &trim), 30);
    trim.limit = 0;
    CU_ASSERT_EQUAL(trim_apply(stream, &trim), 10);
    CU_ASSERT_EQUAL(stream_length(stream), 60);
    trim.approximate = false;
    CU_ASSERT_EQUAL(trim_apply(stream, &trim), 5);
    trim.max_length = 0;
    CU_ASSERT_EQUAL(trim_apply(stream, &trim), 55);
    CU_ASSERT_EQUAL(stream_segments(stream), 0);
    stream_check(stream);
    CU_ASSERT_EQUAL(trim_usual_limit(&limits), 1000);
    stream_free(stream);
}

static void the_space_of_deleted_entries_comes_back(void)
{
    struct stream *stream = stream_new();
    struct slice fields[] = { SLICE("field"), SLICE("a value of thirty-two characters") };
    size_t full;

    for (uint64_t i = 1; i <= 10000; i++)
        stream_append(stream, (struct entry_id){ i, 0 }, fields, 1, &value_limits_default);
    full = stream_memory(stream, 0);
    for (uint64_t i = 1; i <= 10000; i++) {
        if (i % 4 != 0)
            CU_ASSERT_TRUE(stream_delete(stream, (struct entry_id){ i, 0 }));
    }
    stream_check(stream);
    CU_ASSERT_TRUE(stream_memory(stream, 0) < full * 3 / 5);
    CU_ASSERT_EQUAL(stream_count(stream, (struct entry_id){ 101, 0 }, (struct entry_id){ 200, 0 }),
                    25);
    stream_free(stream);
}

/* A block just above four kilobytes would take five. */
static void usual_segments_fit_their_size_class(void)
{
    struct stream *stream = stream_new();
    char text[100];

    memset(text, 'x', sizeof(text));
    for (uint64_t i = 1; i <= 1200; i++) {
        struct slice value = slice_of(text, i % 80 + 20);
        struct slice fields[] = { SLICE("one"), value, SLICE("two"), value, SLICE("three"), value };

        stream_append(stream, (struct entry_id){ i, 0 }, fields, 3, &value_limits_default);
        CU_ASSERT_TRUE(segment_memory(stream->tail) <= memory_good_size(4096));
    }
    stream_check(stream);
    stream_free(stream);
}

void suite_stream(void)
{
    CU_pSuite suite = CU_add_suite("stream", NULL, NULL);

    CU_add_test(suite, "a random walk with short segments agrees with an array",
                a_random_walk_with_short_segments_agrees_with_an_array);
    CU_add_test(suite, "a random walk with usual segments agrees with an array",
                a_random_walk_with_usual_segments_agrees_with_an_array);
    CU_add_test(suite, "a random walk with long segments agrees with an array",
                a_random_walk_with_long_segments_agrees_with_an_array);
    CU_add_test(suite, "usual segments fit their size class", usual_segments_fit_their_size_class);
    CU_add_test(suite, "an approximate trim takes whole segments",
                an_approximate_trim_takes_whole_segments);
    CU_add_test(suite, "the space of deleted entries comes back",
                the_space_of_deleted_entries_comes_back);
}

/* Trimming large streams at once, beside what counting says must be left. */
#include <CUnit/Basic.h>

#include "storage/base/random.h"
#include "streams/stream.h"
#include "streams/trim.h"

void suite_trim(void);

enum { ENTRIES = 3000, HOLES = 300 };

/* Segments of a few entries each, some of which are deleted. */
static struct stream *stream_with_holes(struct random *random)
{
    struct value_limits limits = value_limits_default;
    struct slice fields[] = { SLICE("f"), SLICE("some value") };
    struct stream *stream = stream_new();

    limits.stream_node_entries = 1 + (uint32_t)random_below(random, 9);
    for (uint64_t i = 1; i <= ENTRIES; i++)
        stream_append(stream, (struct entry_id){ i, 0 }, fields, 1, &limits);
    for (int holes = 0; holes < HOLES;)
        holes += stream_delete(stream, (struct entry_id){ 1 + random_below(random, ENTRIES), 0 });
    return stream;
}

static struct trim some_trim(struct random *random, const struct stream *stream)
{
    struct trim trim = { .rule = (enum trim_rule)(TRIM_MAXLEN + random_below(random, 3)),
                         .approximate = random_below(random, 2) == 0,
                         .max_length = random_below(random, ENTRIES + 100),
                         .min_id = { random_below(random, ENTRIES + 100), 0 },
                         .max_bytes = random_below(random, stream_bytes(stream) + 1000) };

    if (trim.rule == TRIM_MAXBYTES)
        trim.approximate = true;
    if (trim.approximate && random_below(random, 2) == 0)
        trim.limit = 1 + random_below(random, ENTRIES);
    return trim;
}

/* How many must have gone if nothing but whole entries counts. */
static uint64_t wanted(const struct trim *trim, const struct stream *stream)
{
    struct entry_id below = trim->min_id;
    uint64_t length = stream_length(stream);

    if (trim->rule == TRIM_MAXLEN)
        return length > trim->max_length ? length - trim->max_length : 0;
    return entry_id_step_back(&below) ? stream_count(stream, ENTRY_ID_MIN, below) : 0;
}

static void what_goes_at_once_is_what_goes_one_by_one(void)
{
    struct random random;

    random_seed(&random, 5);
    for (int round = 0; round < 300; round++) {
        struct stream *stream = stream_with_holes(&random);
        struct stream *other = stream_copy(stream);
        struct trim trim = some_trim(&random, stream);
        struct discard discard = DISCARD_NONE;
        uint64_t most = trim.rule != TRIM_MAXBYTES ? wanted(&trim, stream) : ENTRIES;
        uint64_t gone = trim_apply(other, &trim);

        /* Into a discard many segments go in one piece. */
        trim.discard = &discard;
        CU_ASSERT_EQUAL(trim_apply(stream, &trim), gone);
        stream_check(stream);
        stream_check(other);
        CU_ASSERT_EQUAL(stream_length(stream), stream_length(other));
        CU_ASSERT_EQUAL(stream_bytes(stream), stream_bytes(other));
        CU_ASSERT_TRUE(entry_id_equal(stream_first_id(stream), stream_first_id(other)));
        CU_ASSERT_TRUE(gone <= most && (trim.limit == 0 || gone <= trim.limit));
        CU_ASSERT_TRUE(trim.approximate || gone == most);
        CU_ASSERT_TRUE(!trim.approximate || trim.limit > 0 || gone + 9 > most ||
                       trim.rule == TRIM_MAXBYTES);
        CU_ASSERT_TRUE(trim.rule != TRIM_MAXBYTES || trim.limit > 0 ||
                       stream_bytes(stream) <= trim.max_bytes || stream_segments(stream) == 1);
        discard_clear(&discard);
        stream_free(stream);
        stream_free(other);
    }
}

/* Two groups that have read and acknowledged most of what there is, in long runs. */
static void let_groups_read(struct stream *stream, struct random *random)
{
    static const char *const names[] = { "g", "h" };

    for (int g = 0; g < 2; g++) {
        struct entry_id last = { ENTRIES / 2 + random_below(random, ENTRIES), 0 };
        struct group *group = stream_add_group(stream, slice_text(names[g]), last, -1);
        struct consumer *consumer = group_add_consumer(group, SLICE("c"), 0);
        uint64_t begin = random_below(random, ENTRIES / 2);
        uint64_t end = begin + random_below(random, ENTRIES / 3);

        for (uint64_t i = 1; i <= last.ms && i <= ENTRIES; i++) {
            if ((i >= begin && i < end) || random_below(random, 200) == 0)
                group_deliver(group, consumer, (struct entry_id){ i, 0 }, 5, 1);
        }
    }
}

static void what_something_refers_to_stays(void)
{
    struct random random;

    random_seed(&random, 6);
    for (int round = 0; round < 200; round++) {
        struct stream *stream = stream_with_holes(&random);
        struct trim trim = some_trim(&random, stream);
        struct discard discard = DISCARD_NONE;
        uint64_t length = stream_length(stream);
        struct stream *before;
        uint64_t gone = 0;

        trim.approximate = false;
        trim.limit = 0;
        trim.references = REFERENCE_NONE;
        trim.discard = round % 2 == 0 ? &discard : NULL;
        if (trim.rule == TRIM_MAXBYTES)
            trim.rule = TRIM_MAXLEN;
        let_groups_read(stream, &random);
        before = stream_copy(stream);
        (void)trim_apply(stream, &trim);
        stream_check(stream);
        for (uint64_t i = 1; i <= ENTRIES; i++) {
            struct entry_id id = { i, 0 };
            struct entry entry;
            bool goes;

            if (!stream_find(before, id, &entry))
                continue;
            goes = !reference_exists(before, id, 0) &&
                   (trim.rule == TRIM_MAXLEN ? length - gone > trim.max_length
                                             : entry_id_compare(id, trim.min_id) < 0);
            CU_ASSERT_EQUAL(stream_find(stream, id, &entry), !goes);
            gone += goes;
        }
        discard_clear(&discard);
        stream_free(before);
        stream_free(stream);
    }
}

void suite_trim(void)
{
    CU_pSuite suite = CU_add_suite("trim", NULL, NULL);

    CU_add_test(suite, "what goes at once is what goes one by one",
                what_goes_at_once_is_what_goes_one_by_one);
    CU_add_test(suite, "what something refers to stays", what_something_refers_to_stays);
}

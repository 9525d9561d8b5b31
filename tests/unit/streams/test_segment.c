/* Segments: what goes in comes out, byte for byte. */
#include <CUnit/Basic.h>
#include <stdlib.h>

#include "storage/base/memory.h"
#include "streams/segment.h"

void suite_segment(void);

static bool holds(const struct entry *entry, const struct slice *fields, size_t pairs)
{
    struct entry_pairs walk;
    struct slice field, value;

    if (entry->pairs != pairs)
        return false;
    entry_pairs_begin(&walk, entry);
    for (size_t i = 0; i < pairs; i++) {
        if (!entry_pairs_next(&walk, &field, &value) || !slice_equal(field, fields[2 * i]) ||
            !slice_equal(value, fields[2 * i + 1]))
            return false;
    }
    return !entry_pairs_next(&walk, &field, &value);
}

static void every_kind_of_value_comes_back(void)
{
    static const char *texts[] = {
        "", "a", "0", "127", "128", "-1", "4095", "4096", "-4096", "-4097", "32767", "-32768",
        "32768", "8388607", "8388608", "-8388608", "-8388609", "2147483647", "2147483648",
        "-2147483649", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
        "007", "-0", "+1", "1.5", " 1", "-", "12345678901234567890123",
        "sixty-three bytes are the most that one byte of length can tell",
        "and this text has a few more than sixty-three bytes, so it needs two for its length",
    };
    size_t count = sizeof(texts) / sizeof(*texts);
    char *large = memory_new(70000);
    struct segment *segment = NULL;
    struct segment_walk walk;
    struct entry entry;

    memset(large, 'x', 70000);
    for (size_t i = 0; i < count + 2; i++) {
        struct slice value = i < count ? slice_text(texts[i])
                                       : slice_of(large, i == count ? 4095 : 70000);
        struct slice fields[] = { SLICE("name"), value, SLICE("n"), SLICE("1") };
        struct entry_id id = { 1000, i };

        if (segment == NULL)
            segment = segment_new(id, fields, 2, 0);
        segment = segment_append(segment, id, fields, 2);
        segment_check(segment);
    }
    segment = segment_seal(segment);
    segment_walk_begin(&walk, segment);
    for (size_t i = 0; i < count + 2; i++) {
        struct slice value = i < count ? slice_text(texts[i])
                                       : slice_of(large, i == count ? 4095 : 70000);
        struct slice fields[] = { SLICE("name"), value, SLICE("n"), SLICE("1") };

        CU_ASSERT_TRUE(segment_walk_next(&walk, &entry));
        CU_ASSERT_EQUAL(entry.id.seq, i);
        CU_ASSERT_TRUE(holds(&entry, fields, 2));
    }
    CU_ASSERT_FALSE(segment_walk_next(&walk, &entry));
    segment_free(segment);
    memory_free(large);
}

static void an_entry_may_have_fields_of_its_own(void)
{
    struct slice usual[] = { SLICE("a"), SLICE("1"), SLICE("b"), SLICE("2") };
    struct slice fewer[] = { SLICE("a"), SLICE("1") };
    struct slice swapped[] = { SLICE("b"), SLICE("1"), SLICE("a"), SLICE("x") };
    struct segment *segment = segment_new((struct entry_id){ 0, 1 }, usual, 2, 0);
    struct segment_walk walk;
    struct entry entry;

    segment = segment_append(segment, (struct entry_id){ 0, 1 }, usual, 2);
    segment = segment_append(segment, (struct entry_id){ 0, 2 }, fewer, 1);
    segment = segment_append(segment, (struct entry_id){ 7, 5 }, swapped, 2);
    segment_check(segment);
    segment_walk_begin(&walk, segment);
    CU_ASSERT_TRUE(segment_walk_next(&walk, &entry) && holds(&entry, usual, 2));
    CU_ASSERT_TRUE(segment_walk_next(&walk, &entry) && holds(&entry, fewer, 1));
    CU_ASSERT_TRUE(segment_walk_next(&walk, &entry) && holds(&entry, swapped, 2));
    CU_ASSERT_TRUE(entry.id.ms == 7 && entry.id.seq == 5);
    CU_ASSERT_FALSE(segment_walk_next(&walk, &entry));
    segment_free(segment);
}

static void ids_at_the_ends_of_the_range_are_kept(void)
{
    struct slice fields[] = { SLICE("f"), SLICE("v") };
    struct entry_id ids[] = { { 0, 1 }, { 0, UINT64_MAX }, { 1, 0 }, { UINT64_MAX, 0 },
                              { UINT64_MAX, UINT64_MAX } };
    struct segment *segment = segment_new(ids[0], fields, 1, 0);
    struct segment_walk walk;
    struct entry entry;

    for (size_t i = 0; i < 5; i++)
        segment = segment_append(segment, ids[i], fields, 1);
    segment_check(segment);
    segment_walk_begin(&walk, segment);
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT_TRUE(segment_walk_next(&walk, &entry) && entry_id_equal(entry.id, ids[i]));
    CU_ASSERT_TRUE(segment_delete(segment, ids[1]));
    CU_ASSERT_TRUE(segment_delete(segment, ids[2]));
    CU_ASSERT_FALSE(segment_delete(segment, ids[2]));
    CU_ASSERT_TRUE(segment_delete(segment, ids[0]));
    segment_check(segment);
    segment = segment_compact(segment);
    segment_check(segment);
    segment_walk_begin(&walk, segment);
    CU_ASSERT_TRUE(segment_walk_next(&walk, &entry) && entry_id_equal(entry.id, ids[3]));
    CU_ASSERT_TRUE(segment_walk_next(&walk, &entry) && entry_id_equal(entry.id, ids[4]));
    segment_free(segment);
}

void suite_segment(void)
{
    CU_pSuite suite = CU_add_suite("segment", NULL, NULL);

    CU_add_test(suite, "every kind of value comes back", every_kind_of_value_comes_back);
    CU_add_test(suite, "an entry may have fields of its own", an_entry_may_have_fields_of_its_own);
    CU_add_test(suite, "IDs at the ends of the range are kept",
                ids_at_the_ends_of_the_range_are_kept);
}

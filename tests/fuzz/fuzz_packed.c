/*
 * Fuzzes the judge of packed lists and of packed integers: whatever it approves
 * of must be walked both ways, searched and changed without leaving the block.
 */
#include <stdint.h>

#include "storage/index/packed.h"
#include "storage/index/packed_ints.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_list(struct slice bytes)
{
    struct packed *packed = packed_copy(bytes);
    size_t count = packed_count(packed);
    size_t walked = 0;
    size_t place;
    char room[PACKED_TEXT_MAX];

    for (place = packed_first(packed); place != 0; place = packed_next(packed, place)) {
        struct slice text = packed_print(packed_get(packed, place), room);

        must(packed_is(packed, place, text));
        must(packed_find(packed, place, text, 0) == place);
        walked++;
    }
    must(walked == count);
    for (place = packed_last(packed); place != 0; place = packed_previous(packed, place))
        walked--;
    must(walked == 0);
    packed = packed_prepend(packed, slice_of("front", 5));
    packed = packed_append_integer(packed, INT64_MIN);
    must(packed_count(packed) == count + 2);
    place = packed_at(packed, (int64_t)count / 2);
    packed = packed_replace(packed, place, packed_text(slice_of("in the middle", 13)));
    must(packed_is(packed, packed_at(packed, (int64_t)count / 2), SLICE("in the middle")));
    packed = packed_delete_range(packed, &place, count);
    must(packed_valid(packed_slice(packed), true));
    packed_free(packed);
}

static void try_integers(struct slice bytes)
{
    struct packed_ints *ints = packed_ints_copy(bytes);
    bool changed;

    for (size_t i = 0; i < packed_ints_count(ints); i++)
        must(packed_ints_has(ints, packed_ints_at(ints, i)));
    ints = packed_ints_remove(ints, 3, NULL);
    ints = packed_ints_add(ints, 3, &changed);
    must(changed);
    packed_ints_check(ints);
    packed_ints_free(ints);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of(data, size);

    if (packed_valid(bytes, true))
        try_list(bytes);
    if (packed_ints_valid(bytes, true))
        try_integers(bytes);
    return 0;
}

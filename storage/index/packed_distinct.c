/*
 * Whether the entries of a packed list differ. Comparing each with all others
 * would take as long as the square of their number, and whoever sends a list
 * chooses that; so each is looked for in a small table of places.
 */
#include "storage/base/memory.h"
#include "storage/index/packed_private.h"

enum { DISTINCT_ON_STACK = 128 };

static struct slice body_at(const struct packed *packed, size_t place)
{
    const unsigned char *at = packed_byte(packed, place);

    return slice_of(at, packed_entry_body(at));
}

/* Puts a place into the table, unless an equal entry is there already. */
static bool put_place(const struct packed *packed, uint32_t *places, size_t mask, size_t place,
                      const struct hash_key *key)
{
    struct slice body = body_at(packed, place);
    size_t at = digest_sip(body, key) & mask;

    for (; places[at] != 0; at = (at + 1) & mask) {
        if (slice_equal(body_at(packed, places[at]), body))
            return false;
    }
    places[at] = (uint32_t)place;
    return true;
}

bool packed_distinct(const struct packed *packed, size_t skip, const struct hash_key *key)
{
    uint32_t few[DISTINCT_ON_STACK] = { 0 };
    uint32_t *places = few;
    size_t room = DISTINCT_ON_STACK;
    size_t place = packed_first(packed);
    bool distinct = true;

    while (room < 2 * (packed_count(packed) / (skip + 1)))
        room *= 2;
    if (room > DISTINCT_ON_STACK)
        places = memory_new_zeroed(room, sizeof(*places));
    while (place != 0 && distinct) {
        distinct = put_place(packed, places, room - 1, place, key);
        place = packed_next(packed, place);
        for (size_t left = skip; left > 0 && place != 0; left--)
            place = packed_next(packed, place);
    }
    if (places != few)
        memory_free(places);
    return distinct;
}

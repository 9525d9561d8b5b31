/* Places as scores: known ones, round trips, and searches against asking every member. */
#include <CUnit/CUnit.h>
#include <math.h>
#include <stdio.h>

#include "storage/base/random.h"
#include "storage/values/geo.h"

void suite_geo(void);

enum { PLACES = 2000 };

static const struct geo_point palermo = { 13.361389, 38.115556 };
static const struct geo_point catania = { 15.087269, 37.502669 };

static void known_places(void)
{
    char text[GEO_TEXT];

    CU_ASSERT_EQUAL(geo_encode(palermo), 3479099956230698.0);
    CU_ASSERT_EQUAL(geo_encode(catania), 3479447370796909.0);
    geo_put_text(text, geo_encode(palermo));
    CU_ASSERT_EQUAL(memcmp(text, "sqc8b49rny0", GEO_TEXT), 0);
    CU_ASSERT_DOUBLE_EQUAL(geo_distance(palermo, catania), 166274.15, 1);
    CU_ASSERT_EQUAL(geo_distance(palermo, palermo), 0);
    CU_ASSERT_FALSE(geo_is_place((struct geo_point){ 180.1, 0 }));
    CU_ASSERT_FALSE(geo_is_place((struct geo_point){ 0, -86 }));
    CU_ASSERT_TRUE(geo_is_place((struct geo_point){ -180, 85.05112878 }));
    CU_ASSERT_FALSE(geo_is_place((struct geo_point){ (double)NAN, 0 }));
}

static struct geo_point some_place(struct random *random)
{
    return (struct geo_point){ random_fraction(random) * 360 - 180,
                               (random_fraction(random) * 2 - 1) * 85.05112878 };
}

static void round_trips(void)
{
    struct random random;

    random_seed(&random, 1);
    for (unsigned i = 0; i < 20000; i++) {
        struct geo_point place = some_place(&random);
        struct geo_point back = geo_decode(geo_encode(place));

        CU_ASSERT_EQUAL(geo_encode(back), geo_encode(place));
        CU_ASSERT_TRUE(geo_distance(place, back) < 0.61);
    }
}

static void any_score(void)
{
    static const double scores[] = { -1, 1e300, -1e300, 1e19, 9.3e18, -9.3e18, 0.5, 1e17 };
    char text[GEO_TEXT];

    for (unsigned i = 0; i < sizeof scores / sizeof *scores; i++) {
        CU_ASSERT_TRUE(geo_is_place(geo_decode(scores[i])));
        geo_put_text(text, scores[i]);
        geo_put_text(text, scores[i] > 0 ? (double)INFINITY : -(double)INFINITY);
    }
}

struct found {
    unsigned times[PLACES];
    size_t   count;
    size_t   most;
};

static bool note(void *who, struct slice member, double score, double distance)
{
    struct found *found = who;
    char name[8] = { 0 };
    unsigned index;

    (void)score, (void)distance;
    memcpy(name, member.at, member.len < 7 ? member.len : 7);
    CU_ASSERT_EQUAL_FATAL(sscanf(name, "%u", &index), 1);
    found->times[index]++;
    return ++found->count < found->most;
}

static struct zset *many_places(struct random *random, struct geo_point *places)
{
    struct zset *zset = zset_new();
    char name[8];

    for (unsigned i = 0; i < PLACES; i++) {
        struct geo_point place = some_place(random);
        int len = snprintf(name, sizeof name, "%u", i);

        places[i] = geo_decode(geo_encode(place));
        (void)zset_add(zset, &value_limits_default, slice_of(name, (size_t)len),
                       geo_encode(place), 0, NULL);
    }
    return zset;
}

/* Circles, away from the poles and the line where longitude begins again. */
static void finds_what_is_inside(void)
{
    struct geo_point places[PLACES];
    struct random random;

    random_seed(&random, 2);
    struct zset *zset = many_places(&random, places);
    for (unsigned round = 0; round < 300; round++) {
        struct geo_area area = {
            .centre = { random_fraction(&random) * 200 - 100, random_fraction(&random) * 80 - 40 },
            .radius = random_fraction(&random) * 2000000
        };
        struct found found = { .most = SIZE_MAX };

        geo_search(zset, &area, note, &found);
        for (unsigned i = 0; i < PLACES; i++)
            CU_ASSERT_EQUAL(found.times[i], geo_distance(area.centre, places[i]) <= area.radius);
        if (found.count > 3) {
            struct found few = { .most = 3 };

            geo_search(zset, &area, note, &few);
            CU_ASSERT_EQUAL(few.count, 3);
        }
    }
    zset_free(zset);
}

static void finds_none_twice(void)
{
    static const double sizes[] = { 0, 1, 1e3, 1e6, 5e6, 1e7, 3e7, 1e12, 1e308 };
    struct geo_point places[PLACES];
    struct random random;

    random_seed(&random, 3);
    struct zset *zset = many_places(&random, places);
    for (unsigned round = 0; round < 300; round++) {
        double size = sizes[round % 9];
        struct geo_area area = { .centre = some_place(&random), .box = round % 2, .radius = size,
                                 .width = size, .height = size };
        struct found found = { .most = SIZE_MAX };

        geo_search(zset, &area, note, &found);
        for (unsigned i = 0; i < PLACES; i++)
            CU_ASSERT_TRUE(found.times[i] <= 1);
    }
    zset_free(zset);
}

void suite_geo(void)
{
    CU_pSuite suite = CU_add_suite("geo", NULL, NULL);

    CU_add_test(suite, "known places have known scores", known_places);
    CU_add_test(suite, "a place comes back within half a meter", round_trips);
    CU_add_test(suite, "any score is some place", any_score);
    CU_add_test(suite, "a search finds what is inside, and nothing else", finds_what_is_inside);
    CU_add_test(suite, "a search finds no member twice", finds_none_twice);
}

/*
 * A model checker of streams: a long random walk of all that can be done to a stream, beside
 * a plain picture of it. After each step the stream must be as the picture has it.
 *
 * A million steps; MODEL_STEPS in the environment says otherwise. With LONG=1 the
 * stream checks itself after each, not only after some of them.
 */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "tests/unit/streams/picture.h"

void suite_model(void);

enum {
    ALIVE_USUAL = 24, /* entries; above that, more is taken than added */
    STEPS_USUAL = 1000000,
    CHECK_EVERY = 64,
    MOVE_EVERY = 5
};

static void step(struct picture *picture)
{
    static const struct {
        void (*run)(struct picture *picture);
        unsigned weight;
    } steps[] = {
        { picture_add, 34 },              { picture_delete_one, 8 },
        { picture_read_new, 18 },         { picture_trim_exactly, 2 },
        { picture_read_history, 4 },      { picture_trim_roughly, 1 },
        { picture_acknowledge, 24 },      { picture_set_place, 1 },
        { picture_claim_named, 6 },       { picture_end_group, 1 },
        { picture_claim_by_scan, 4 },     { picture_end_consumer, 1 },
        { picture_claim_idle, 6 },        { picture_let_leave, 2 },
        { picture_hand_back, 6 },         { picture_start_again, 1 },
    };
    uint64_t all = 0, at;
    size_t i = 0;

    for (size_t j = 0; j < sizeof(steps) / sizeof(*steps); j++)
        all += steps[j].weight;
    for (at = picture_below(picture, all); at >= steps[i].weight; i++)
        at -= steps[i].weight;
    picture->now += (millis)picture_below(picture, 4);
    if (steps[i].run == picture_add && picture_alive(picture) > ALIVE_USUAL &&
        picture_below(picture, 4) > 0)
        picture_trim_exactly(picture);
    else
        steps[i].run(picture);
    picture_tidy(picture);
}

static void walk(uint64_t steps, uint32_t node_entries, uint64_t seed)
{
    struct picture *picture = memory_new_zeroed(1, sizeof(*picture));
    struct mover mover = { .wanted = NULL };
    uint64_t moved_to = 0;
    uint64_t check_every = getenv("LONG") != NULL ? 1 : CHECK_EVERY;

    random_seed(&picture->random, seed);
    picture->stream = stream_new();
    picture->limits = value_limits_default;
    picture->limits.stream_node_entries = node_entries;
    picture->now = 1000000;
    for (uint64_t i = 0; i < steps && picture->failures == 0; i++) {
        step(picture);
        /* Whatever is done, its blocks move about meanwhile, all of them in the end. */
        if (i % MOVE_EVERY == 0)
            moved_to = stream_move(&picture->stream, &mover, moved_to);
        picture_compare(picture);
        if (i % check_every == 0)
            stream_check(picture->stream);
        if (picture->failures > 0)
            printf("at step %llu of seed %llu\n", (unsigned long long)i,
                   (unsigned long long)seed);
    }
    CU_ASSERT_EQUAL(picture->failures, 0);
    stream_free(picture->stream);
    memory_free(picture);
}

static uint64_t steps_wanted(void)
{
    const char *wanted = getenv("MODEL_STEPS");
    int64_t steps = 0;

    if (wanted == NULL || !number_read(slice_text(wanted), &steps) || steps <= 0)
        return STEPS_USUAL;
    return (uint64_t)steps;
}

static void every_entry_is_what_the_picture_has_it(void)
{
    uint64_t steps = steps_wanted() / 4;

    walk(steps, 1, 1);
    walk(steps, 3, 2);
    walk(steps, 8, 3);
    walk(steps, 100, 4);
}

void suite_model(void)
{
    CU_pSuite suite = CU_add_suite("streams: model", NULL, NULL);

    CU_add_test(suite, "every entry is what the picture has it",
                every_entry_is_what_the_picture_has_it);
}

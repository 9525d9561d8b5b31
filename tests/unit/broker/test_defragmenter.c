/*
 * activedefrag: when a pass begins, at which pace it goes on, and when it ends. How much is
 * lost is what this process has lost: limits are set so that it is too much, or never is.
 */
#include "broker/upkeep/defragmenter.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "broker/config/options.h"
#include "broker/net/loop.h"
#include "storage/base/memory.h"
#include "storage/keyspace/keyspace.h"

void suite_defragmenter(void);

enum { SECOND = 1000000 };

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = { .of = { [VALUE_STRING] = &string_type } };
static const struct hash_key secret = { { 5, 6 } };

struct stage {
    struct loop         *loop;
    struct clock        *clock;
    struct keyspaces    *keyspaces;
    struct options       options;
    struct defragmenter *defragmenter;
    size_t               slices; /* that somebody was told of */
    size_t               looked; /* times the room was asked to move its blocks */
};

static void note(void *who, const char *event, micros took)
{
    struct stage *stage = who;

    CU_ASSERT_STRING_EQUAL(event, "active-defrag-cycle");
    CU_ASSERT(took >= 0);
    stage->slices++;
}

/* A room with nothing to move. */
static uint64_t look(void *who, struct mover *mover, uint64_t at)
{
    struct stage *stage = who;

    (void)mover;
    (void)at;
    stage->looked++;
    return 0;
}

static void begin(struct stage *stage)
{
    *stage = (struct stage){ .options = { .activedefrag = true } };
    stage->options.active_defrag_ignore_bytes = 1;
    stage->options.active_defrag_cycle_min = 7;
    stage->options.active_defrag_cycle_max = 90;
    stage->options.active_defrag_max_scan_fields = 1000;
    stage->loop = loop_new();
    stage->clock = clock_new_settable(INT64_C(1700000000000000));
    clock_move(stage->clock, SECOND);
    stage->keyspaces = keyspaces_new(
        &(struct keyspaces_setup){ .count = 1, .types = &types, .secret = &secret });
    stage->defragmenter = defragmenter_new(&(struct defragmenter_setup){
        .loop = stage->loop,
        .keyspaces = stage->keyspaces,
        .clock = stage->clock,
        .options = &stage->options,
        .note = note,
        .note_who = stage,
    });
    defragmenter_add(stage->defragmenter, (struct defrag_room){ look, stage });
}

static void end(struct stage *stage)
{
    defragmenter_free(stage->defragmenter);
    keyspaces_free(stage->keyspaces);
    clock_free(stage->clock);
    loop_free(stage->loop);
}

/* Nothing is ever lost with an allocator that does not tell: the sanitizers'. */
static bool allocator_tells(void)
{
    struct memory_figures now;

    memory_figures(&now);
    return now.active > now.allocated;
}

/* The percentage of the time that goes there. */
static int running(const struct stage *stage)
{
    struct buffer lines = { 0 };
    int share;

    defragmenter_print_running(stage->defragmenter, &lines);
    buffer_add_byte(&lines, '\0');
    share = (int)strtol(strchr(lines.at, ':') + 1, NULL, 10);
    buffer_clear(&lines);
    return share;
}

static void tick_after(struct stage *stage, micros later)
{
    clock_move(stage->clock, later);
    defragmenter_tick(stage->defragmenter);
}

static void nothing_happens_unless_it_is_wanted_and_worth_it(void)
{
    struct stage stage;

    begin(&stage);
    stage.options.activedefrag = false;
    tick_after(&stage, SECOND);
    defragmenter_meanwhile(stage.defragmenter);
    CU_ASSERT_EQUAL(running(&stage), 0);
    stage.options.activedefrag = true;
    stage.options.active_defrag_ignore_bytes = INT64_MAX;
    tick_after(&stage, SECOND);
    CU_ASSERT_EQUAL(running(&stage), 0);
    stage.options.active_defrag_ignore_bytes = 1;
    stage.options.active_defrag_threshold_lower = 1000000;
    tick_after(&stage, SECOND);
    defragmenter_meanwhile(stage.defragmenter);
    CU_ASSERT_EQUAL(running(&stage), 0);
    CU_ASSERT_EQUAL(stage.slices, 0);
    end(&stage);
}

static void the_more_is_lost_the_more_of_the_time_goes_there(void)
{
    struct stage stage;

    if (!allocator_tells())
        return;
    begin(&stage);
    stage.options.active_defrag_threshold_upper = INT32_MAX;
    tick_after(&stage, SECOND);
    CU_ASSERT_EQUAL(running(&stage), 7);
    /* What is lost is more than all there may be: as fast as it may. */
    stage.options.active_defrag_threshold_upper = 0;
    tick_after(&stage, SECOND);
    CU_ASSERT_EQUAL(running(&stage), 90);
    /* Until the pass is over it does not slow down. */
    stage.options.active_defrag_threshold_upper = INT32_MAX;
    tick_after(&stage, SECOND);
    CU_ASSERT_EQUAL(running(&stage), 90);
    end(&stage);
}

static void the_allocator_is_asked_once_a_second(void)
{
    struct stage stage;

    if (!allocator_tells())
        return;
    begin(&stage);
    stage.options.active_defrag_ignore_bytes = INT64_MAX;
    tick_after(&stage, SECOND);
    stage.options.active_defrag_ignore_bytes = 1;
    tick_after(&stage, SECOND - 1);
    CU_ASSERT_EQUAL(running(&stage), 0);
    tick_after(&stage, 1);
    CU_ASSERT_EQUAL(running(&stage), 90);
    end(&stage);
}

static void who_switches_it_off_has_it_rest(void)
{
    struct stage stage;

    if (!allocator_tells())
        return;
    begin(&stage);
    tick_after(&stage, SECOND);
    CU_ASSERT_EQUAL(running(&stage), 90);
    stage.options.activedefrag = false;
    tick_after(&stage, 1);
    CU_ASSERT_EQUAL(running(&stage), 0);
    end(&stage);
}

static void a_pass_that_moves_nothing_is_followed_by_a_longer_rest(void)
{
    struct stage stage;

    if (!allocator_tells())
        return;
    begin(&stage);
    clock_move(stage.clock, SECOND);
    defragmenter_meanwhile(stage.defragmenter);
    CU_ASSERT_EQUAL(stage.slices, 1);
    CU_ASSERT_EQUAL(stage.looked, 1);
    CU_ASSERT_EQUAL(running(&stage), 0);
    tick_after(&stage, 9 * SECOND);
    CU_ASSERT_EQUAL(running(&stage), 0);
    tick_after(&stage, SECOND);
    CU_ASSERT_EQUAL(running(&stage), 90);
    end(&stage);
}

static void time_spent_is_told_until_it_is_reset(void)
{
    struct stage stage;
    struct buffer lines = { 0 };

    if (!allocator_tells())
        return;
    begin(&stage);
    tick_after(&stage, SECOND);
    clock_move(stage.clock, 250000);
    defragmenter_print(stage.defragmenter, &lines);
    buffer_add_byte(&lines, '\0');
    CU_ASSERT_PTR_NOT_NULL(strstr(lines.at, "\r\ntotal_active_defrag_time:250\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(lines.at, "\r\ncurrent_active_defrag_time:250\r\n"));
    stage.options.activedefrag = false;
    tick_after(&stage, 1);
    defragmenter_reset(stage.defragmenter);
    buffer_rewind(&lines);
    defragmenter_print(stage.defragmenter, &lines);
    buffer_add_byte(&lines, '\0');
    CU_ASSERT_PTR_NOT_NULL(strstr(lines.at, "\r\ntotal_active_defrag_time:0\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(lines.at, "\r\ncurrent_active_defrag_time:0\r\n"));
    buffer_clear(&lines);
    end(&stage);
}

void suite_defragmenter(void)
{
    CU_pSuite suite = CU_add_suite("upkeep: defragmenter", NULL, NULL);

    CU_add_test(suite, "nothing happens unless it is wanted and worth it",
                nothing_happens_unless_it_is_wanted_and_worth_it);
    CU_add_test(suite, "the more is lost, the more of the time goes there",
                the_more_is_lost_the_more_of_the_time_goes_there);
    CU_add_test(suite, "the allocator is asked once a second",
                the_allocator_is_asked_once_a_second);
    CU_add_test(suite, "who switches it off has it rest", who_switches_it_off_has_it_rest);
    CU_add_test(suite, "a pass that moves nothing is followed by a longer rest",
                a_pass_that_moves_nothing_is_followed_by_a_longer_rest);
    CU_add_test(suite, "time spent is told until it is reset",
                time_spent_is_told_until_it_is_reset);
}

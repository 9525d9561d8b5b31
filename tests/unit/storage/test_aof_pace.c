/*
 * The pace of the log, in a small world with a clock of its own: writers who say again as
 * soon as they are answered, a loop that reads and answers one after the other, and a disk.
 */
#include <CUnit/Basic.h>
#include <stdint.h>
#include <stdlib.h>

#include "storage/persist/aof_pace.h"

void suite_aof_pace(void);

enum {
    MOST = 64,
    SECOND = 1000000,
    STATEMENT = 65, /* bytes */
    READS = 6,      /* microseconds: the loop takes a statement */
    SENDS = 4,      /* and answers one */
    ASKS = 5,       /* the writers, on one core, ask again */
    WAKES = 30      /* a thread is woken */
};

enum place { WITH_WRITER, GATHERED, AT_THE_DISK, KEPT };

struct world {
    int         writers;
    micros      disk;
    micros      think;  /* on the average, before who is answered asks again */
    bool        patient; /* whether the pace is heeded */
    struct pace pace;
    micros      now;
    micros      client_free;
    enum place  where[MOST];
    micros      asks_at[MOST];
    micros      asked_at[MOST];
    size_t      gathered;  /* statements */
    bool        syncing;
    bool        waits;     /* the scribe, for more */
    micros      began;
    micros      scribe_at; /* when it looks again, or the disk is done */
    uint64_t    batches, served, waited;
    uint32_t    chance;
};

static micros some(struct world *world, micros most)
{
    world->chance = world->chance * 1664525 + 1013904223;
    return most == 0 ? 0 : (micros)(world->chance >> 8) % most;
}

static size_t move(struct world *world, enum place from, enum place to)
{
    size_t moved = 0;

    for (int i = 0; i < world->writers; i++) {
        if (world->where[i] == from) {
            world->where[i] = to;
            moved++;
        }
    }
    return moved;
}

static void end_sync(struct world *world)
{
    size_t batch = move(world, AT_THE_DISK, KEPT);

    world->syncing = false;
    pace_keep(&world->pace, world->began, world->scribe_at, batch * STATEMENT,
              world->gathered * STATEMENT);
    world->batches++;
    world->served += batch;
}

static void begin_sync(struct world *world)
{
    (void)move(world, GATHERED, AT_THE_DISK);
    world->gathered = 0;
    world->waits = false;
    world->syncing = true;
    world->began = world->scribe_at;
    world->scribe_at += world->disk + some(world, world->disk / 10);
}

/* What the scribe does up to now. */
static void run_scribe(struct world *world)
{
    while ((world->syncing || world->gathered > 0) && world->scribe_at <= world->now) {
        micros until;

        if (world->syncing) {
            end_sync(world);
            continue;
        }
        until = world->waits || !world->patient
                    ? 0
                    : pace_waits_until(&world->pace, world->gathered * STATEMENT,
                                       world->scribe_at);
        if (until == 0) {
            begin_sync(world);
        } else {
            world->waits = true;
            world->scribe_at = until;
        }
    }
}

/* The loop reads who has asked. */
static bool read_all(struct world *world)
{
    bool idle = !world->syncing && world->gathered == 0;
    size_t read = 0;

    for (int i = 0; i < world->writers; i++) {
        if (world->where[i] == WITH_WRITER && world->asks_at[i] <= world->now) {
            world->where[i] = GATHERED;
            world->asked_at[i] = world->asks_at[i];
            read++;
        }
    }
    if (read == 0)
        return false;
    world->now += (micros)read * READS;
    world->gathered += read;
    if (pace_say(&world->pace, read * STATEMENT))
        pace_return(&world->pace, world->now);
    if (idle || (world->waits && world->gathered * STATEMENT >= world->pace.wanted))
        world->scribe_at = world->now + WAKES;
    return true;
}

/* The loop answers whose statements are kept; they ask again. */
static bool answer_all(struct world *world)
{
    bool did = false;

    for (int i = 0; i < world->writers; i++) {
        if (world->where[i] != KEPT)
            continue;
        did = true;
        world->now += SENDS;
        world->waited += (uint64_t)(world->now - world->asked_at[i]);
        if (world->client_free < world->now)
            world->client_free = world->now;
        world->client_free += ASKS;
        world->where[i] = WITH_WRITER;
        world->asks_at[i] = world->client_free + some(world, 2 * world->think);
    }
    return did;
}

static micros next_event(const struct world *world, micros end)
{
    micros next = end;

    for (int i = 0; i < world->writers; i++) {
        if (world->where[i] == WITH_WRITER && world->asks_at[i] < next)
            next = world->asks_at[i];
    }
    if (world->syncing && world->scribe_at + WAKES < next)
        next = world->scribe_at + WAKES;
    if (!world->syncing && world->gathered > 0 && world->scribe_at < next)
        next = world->scribe_at;
    return next > world->now ? next : world->now + 1;
}

/* Runs for so many seconds; returns writers per fsync, and how long a writer waits at `wait`. */
static double run(struct world *world, int seconds, double *wait)
{
    micros end = world->now + seconds * (micros)SECOND;

    world->batches = world->served = world->waited = 0;
    while (world->now < end) {
        bool did;

        run_scribe(world);
        did = read_all(world);
        did |= answer_all(world);
        if (!did)
            world->now = next_event(world, end);
    }
    *wait = (double)world->waited / (double)(world->served > 0 ? world->served : 1);
    return (double)world->served / (double)(world->batches > 0 ? world->batches : 1);
}

static void begin(struct world *world, int writers, micros disk, micros think)
{
    *world = (struct world){ .writers = writers, .disk = disk, .think = think, .patient = true,
                             .now = SECOND };
    pace_begin(&world->pace);
    for (int i = 0; i < writers; i++)
        world->asks_at[i] = world->now + i;
}

static void each_fsync_serves_nearly_all_writers(void)
{
    static const micros disks[] = { 700, 1200, 2300, 8600, 30000 };
    static const int crowds[] = { 1, 2, 5, 20, 50 };

    for (size_t d = 0; d < sizeof(disks) / sizeof(disks[0]); d++) {
        for (size_t c = 0; c < sizeof(crowds) / sizeof(crowds[0]); c++) {
            struct world world;
            double wait;

            begin(&world, crowds[c], disks[d], 0);
            (void)run(&world, 3, &wait);
            CU_ASSERT(run(&world, 3, &wait) > 0.9 * crowds[c]);
            CU_ASSERT(wait < 2. * (double)disks[d]);
        }
    }
}

static void it_finds_that_state_again_after_others_came_and_went(void)
{
    struct world world;
    double wait;

    begin(&world, 50, 2300, 0);
    (void)run(&world, 1, &wait);
    world.think = 20000;
    (void)run(&world, 3, &wait);
    world.writers = 3;
    (void)run(&world, 3, &wait);
    world.writers = 50;
    world.think = 0;
    (void)run(&world, 1, &wait);
    CU_ASSERT(run(&world, 1, &wait) > 45);
}

static void who_thinks_for_long_is_not_waited_for(void)
{
    static const int crowds[] = { 1, 2, 5, 20, 50 };
    static const micros thinks[] = { 300, 3000, 20000 };
    static const micros disks[] = { 300, 700, 2300, 8600 };

    for (size_t c = 0; c < sizeof(crowds) / sizeof(crowds[0]); c++) {
        for (size_t t = 0; t < sizeof(thinks) / sizeof(thinks[0]); t++) {
            for (size_t d = 0; d < sizeof(disks) / sizeof(disks[0]); d++) {
                struct world world;
                double wait, alone;

                begin(&world, crowds[c], disks[d], thinks[t]);
                world.patient = false;
                (void)run(&world, 5, &alone);
                begin(&world, crowds[c], disks[d], thinks[t]);
                (void)run(&world, 5, &wait);
                CU_ASSERT(wait < 1.15 * alone);
            }
        }
    }
}

static void statements_of_all_sizes_hold_a_single_writer_up_for_little(void)
{
    struct pace pace;
    micros now = SECOND, waited = 0;

    pace_begin(&pace);
    for (int i = 0; i < 1000; i++) {
        size_t bytes = i % 2 == 0 ? 100 : 10000;
        micros until;

        now += 50;
        if (pace_say(&pace, bytes))
            pace_return(&pace, now);
        until = pace_waits_until(&pace, bytes, now);
        waited += until > now ? until - now : 0;
        now = until > now ? until : now;
        pace_keep(&pace, now, now + 2000, bytes, 0);
        now += 2000;
    }
    CU_ASSERT(waited < 1000 * 100);
}

static void keep(struct pace *pace, micros *now, micros took)
{
    pace_keep(pace, *now, *now + took, STATEMENT, 0);
    *now += took;
}

static void a_quick_disk_is_trusted_after_some_quick_ones(void)
{
    struct pace pace;
    micros now = SECOND;
    int tries = 0;

    pace_begin(&pace);
    CU_ASSERT_FALSE(pace_is_quick(&pace, now));
    while (!pace_is_quick(&pace, now) && ++tries < 100)
        keep(&pace, &now, 130);
    CU_ASSERT(tries > 8 && tries < 40);
    for (int i = 0; i < 100; i++)
        keep(&pace, &now, 400);
    CU_ASSERT_FALSE(pace_is_quick(&pace, now));
}

static void a_slow_one_ends_the_trust_for_a_second_and_then_for_longer(void)
{
    struct pace pace;
    micros now = SECOND, ended;

    pace_begin(&pace);
    for (int i = 0; i < 100; i++)
        keep(&pace, &now, 130);
    for (int round = 0; round < 10; round++) {
        micros least = (micros)SECOND << (round < 4 ? round : 4);

        keep(&pace, &now, 6000);
        ended = now;
        CU_ASSERT_FALSE(pace_is_quick(&pace, now));
        while (!pace_is_quick(&pace, now) && now - ended < 100 * (micros)SECOND)
            keep(&pace, &now, 130);
        CU_ASSERT(now - ended >= least);
        CU_ASSERT(now - ended < least + SECOND / 100);
    }
    for (micros until = now + 300 * (micros)SECOND; now < until;)
        keep(&pace, &now, 130);
    keep(&pace, &now, 6000);
    ended = now;
    while (!pace_is_quick(&pace, now))
        keep(&pace, &now, 130);
    CU_ASSERT(now - ended < 2 * (micros)SECOND);
}

void suite_aof_pace(void)
{
    CU_pSuite suite = CU_add_suite("aof pace", NULL, NULL);

    CU_add_test(suite, "each fsync serves nearly all writers",
                each_fsync_serves_nearly_all_writers);
    CU_add_test(suite, "it finds that state again after others came and went",
                it_finds_that_state_again_after_others_came_and_went);
    CU_add_test(suite, "who thinks for long is not waited for",
                who_thinks_for_long_is_not_waited_for);
    CU_add_test(suite, "statements of all sizes hold a single writer up for little",
                statements_of_all_sizes_hold_a_single_writer_up_for_little);
    CU_add_test(suite, "a quick disk is trusted after some quick ones",
                a_quick_disk_is_trusted_after_some_quick_ones);
    CU_add_test(suite, "a slow one ends the trust for a second and then for longer",
                a_slow_one_ends_the_trust_for_a_second_and_then_for_longer);
}

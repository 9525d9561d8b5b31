/* The two averages, and what follows from them. */
#include "storage/persist/aof_pace.h"

#include "storage/base/must.h"

enum {
    SECOND = 1000000,
    UNKNOWN = 2000,       /* microseconds that a disk takes which nobody has tried yet */
    LEAST = 30,           /* less than that is not waited */
    LATE = 4,             /* times sync_takes: who has not come again */
    QUICK = 250,          /* on the average; more is left to the thread */
    SLOW = 5000,          /* a single one that ends the trust */
    DISTRUST_MOST = 16 * SECOND
};

void pace_begin(struct pace *pace)
{
    *pace = (struct pace){ .sync_takes = UNKNOWN };
}

/* An average of about the last eight. */
static micros blend(micros average, micros seen)
{
    return (7 * average + seen) / 8;
}

bool pace_say(struct pace *pace, size_t bytes)
{
    pace->came += bytes;
    return !pace->returned && pace->came >= pace->owed / 10 * 9;
}

void pace_return(struct pace *pace, micros now)
{
    micros took = now - pace->ended_at;

    pace->returned = true;
    /* They are answered one after the other: when all are in one batch it takes so much longer. */
    if (pace->owed > 0)
        took = took * (micros)pace->all / (micros)pace->owed;
    if (took > LATE * pace->sync_takes)
        took = LATE * pace->sync_takes;
    pace->return_takes = blend(pace->return_takes, took);
}

/* One that took long: for a while nobody trusts it, and longer if that was not long ago. */
static void doubt(struct pace *pace, micros now)
{
    bool again = now - pace->quick_from < 16 * pace->distrust;

    if (now < pace->quick_from)
        return;
    pace->distrust = !again ? SECOND
                     : pace->distrust < DISTRUST_MOST ? 2 * pace->distrust : DISTRUST_MOST;
    pace->quick_from = now + pace->distrust;
}

void pace_keep(struct pace *pace, micros began, micros now, size_t batch, size_t gathered)
{
    if (pace->owed > 0 && !pace->returned)
        pace->return_takes = blend(pace->return_takes, LATE * pace->sync_takes);
    pace->sync_takes = blend(pace->sync_takes, now - began);
    if (now - began >= SLOW)
        doubt(pace, now);
    pace->ended_at = now;
    pace->owed = batch;
    pace->came = 0;
    pace->returned = batch == 0;
    pace->all = batch + gathered;
    pace->wanted = pace->all / 10 * 9;
    pace->crowd -= pace->crowd / 16;
    if (batch > pace->crowd)
        pace->crowd = batch;
}

micros pace_waits_until(const struct pace *pace, size_t gathered, micros now)
{
    micros most = 2 * pace->return_takes + LEAST;
    micros until;

    if (gathered >= pace->wanted || pace->return_takes > pace->sync_takes)
        return 0;
    until = pace->ended_at + (most < pace->sync_takes ? most : pace->sync_takes);
    return until - now < LEAST ? 0 : until;
}

bool pace_has_all(const struct pace *pace, size_t gathered)
{
    return gathered >= pace->crowd;
}

bool pace_is_quick(const struct pace *pace, micros now)
{
    return pace->sync_takes <= QUICK && now >= pace->quick_from;
}

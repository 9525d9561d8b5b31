/*
 * activedefrag: when memory is defragmented, and for how long.
 *
 * Once a second the allocator is asked how much of the memory it holds pages for is
 * not in use. Where that is more than active-defrag-ignore-bytes and a share of
 * active-defrag-threshold-lower, a pass begins (storage/keyspace/defrag.h): a slice of
 * half a millisecond or less, again and again, so that active-defrag-cycle-min to -max
 * percent of the time go there, more the more is lost. At the end of a pass the
 * question is asked anew.
 *
 *     RESTING ──too much is lost──► RUNNING ──end of a pass, little is lost──► RESTING
 *                                      └──a pass that moved next to nothing──► RESTING, longer
 */
#ifndef BROKER_UPKEEP_DEFRAGMENTER_H
#define BROKER_UPKEEP_DEFRAGMENTER_H

#include "storage/base/buffer.h"
#include "storage/base/clock.h"
#include "storage/keyspace/defrag.h"

struct clock;
struct defragmenter;
struct loop;
struct options;

/* Pointers are borrowed. */
struct defragmenter_setup {
    struct loop          *loop;
    struct keyspaces     *keyspaces;
    struct clock         *clock;
    const struct options *options;

    /* Told how long a slice took: "active-defrag-cycle". */
    void (*note)(void *who, const char *event, micros took);
    void *note_who;
};

struct defragmenter *defragmenter_new(const struct defragmenter_setup *setup);
void defragmenter_free(struct defragmenter *defragmenter);

/* Has somebody else's blocks moved too, in every pass. */
void defragmenter_add(struct defragmenter *defragmenter, struct defrag_room room);

/* Asks whether to begin, or to end: at every tick of upkeep. */
void defragmenter_tick(void *defragmenter);

/*
 * Does what is due while the loop does not run, since data is loaded: between two
 * statements. Cheap when nothing is.
 */
void defragmenter_meanwhile(struct defragmenter *defragmenter);

/* The fields of INFO memory and stats; and RESETSTAT. */
void defragmenter_print_running(const struct defragmenter *defragmenter, struct buffer *to);
void defragmenter_print(const struct defragmenter *defragmenter, struct buffer *to);
void defragmenter_reset(struct defragmenter *defragmenter);

#endif

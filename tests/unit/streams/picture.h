/*
 * A plain picture of what every entry of a stream is to every group, which a test keeps
 * beside a stream and changes by the same steps.
 *
 *   to a group an entry is   unread      its ID is above the group's place
 *                            pending     at one holder, or at nobody who handed it back
 *                            done        neither: acknowledged, or passed over
 *   to the stream it is      there, or deleted; what is deleted may still be pending
 */
#ifndef TESTS_UNIT_STREAMS_PICTURE_H
#define TESTS_UNIT_STREAMS_PICTURE_H

#include "storage/base/random.h"
#include "streams/group.h"
#include "streams/stream.h"

enum {
    ENTRIES = 96, /* the picture's room: entries that are there or pending */
    GROUPS = 3,
    CONSUMERS = 3,
    TTL = 400     /* of groups nobody uses, in milliseconds */
};

/* What an entry is to a group. */
struct place {
    bool     pending;
    int      holder; /* index of a consumer, -1: nobody */
    millis   at;
    uint64_t times;
    uint64_t turn;
};

struct pictured {
    struct entry_id id;
    bool            there;
    struct place    to[GROUPS];
};

struct pictured_group {
    bool            exists;
    struct entry_id last;
    millis          used;
    bool            consumers[CONSUMERS];
};

struct picture {
    struct stream        *stream;
    struct value_limits   limits;
    struct random         random;
    millis                now;
    uint64_t              turns;
    struct pictured       entries[ENTRIES]; /* IDs rise */
    size_t                count;
    struct pictured_group groups[GROUPS];
    uint64_t              failures;
};

/* Says the first few things in which the stream is not as the picture has it. */
#define SAME(a, b) ((a) == (b) ? (void)0 : picture_differ(picture, #a " is not " #b))
void picture_differ(struct picture *picture, const char *what);

/* Asserts by the same means that all of the stream is as the picture has it. */
void picture_compare(struct picture *picture);

/* A number below another, by chance. */
uint64_t picture_below(struct picture *picture, uint64_t n);

/* Some entry or NULL, some group or -1, some consumer of a group, made if need be. */
struct pictured *picture_some_entry(struct picture *picture);
int picture_some_group(struct picture *picture);
int picture_some_consumer(struct picture *picture, int g);

/* The names of groups and consumers, and what of the stream has them; NULL if nothing does. */
extern const char *const picture_groups[GROUPS];
extern const char *const picture_consumers[CONSUMERS];
struct group *picture_group(const struct picture *picture, int g);
struct consumer *picture_consumer(const struct picture *picture, int g, int c);

/* Whether an entry is unread in a group; whether a work queue need not keep it any longer. */
bool picture_is_unread(const struct picture *picture, int g, const struct pictured *entry);
bool picture_is_spare(const struct picture *picture, const struct pictured *entry);

/* The one that is claimed first: handed back earliest, else idle for longest. -1 if none. */
int picture_first_due(const struct picture *picture, int g, const bool *seen);

/* How many entries are there. */
size_t picture_alive(const struct picture *picture);

/* A group is used now. */
void picture_use(struct picture *picture, int g);

/* Entries that are neither there nor pending anywhere go out of the picture. */
void picture_tidy(struct picture *picture);

/* ---- Steps ---- */

/* Entries come and go; and the stream becomes what it was copied to or saved as. */
void picture_add(struct picture *picture);
void picture_delete_one(struct picture *picture);
void picture_trim_exactly(struct picture *picture);
void picture_trim_roughly(struct picture *picture);
void picture_let_leave(struct picture *picture);
void picture_start_again(struct picture *picture);

/* What is done to groups, their consumers and what is pending in them. */
void picture_read_new(struct picture *picture);
void picture_read_history(struct picture *picture);
void picture_acknowledge(struct picture *picture);
void picture_claim_named(struct picture *picture);
void picture_claim_by_scan(struct picture *picture);
void picture_claim_idle(struct picture *picture);
void picture_hand_back(struct picture *picture);
void picture_set_place(struct picture *picture);
void picture_end_group(struct picture *picture);
void picture_end_consumer(struct picture *picture);

#endif

/*
 * Reading as a consumer of a group.
 *
 * New entries: the group moves on, each entry is recorded as held by the
 * consumer, and handed out.
 *
 *     struct deliver deliver;
 *     if (deliver_begin(&deliver, &setup)) {
 *         while (deliver_next(&deliver, &entry))
 *             ...
 *     }
 *
 * History: what the consumer already holds, in the order of IDs, once more.
 */
#ifndef STREAMS_DELIVER_H
#define STREAMS_DELIVER_H

#include "streams/cursor.h"
#include "streams/group.h"
#include "streams/stream.h"

/* Who reads what. */
struct deliver_setup {
    const struct stream *stream;
    struct group        *group;
    struct consumer     *consumer;
    millis               now;
    uint64_t             count;  /* the most entries wanted; 0 is all */
    bool                 no_ack; /* nothing is recorded: delivered is acknowledged */
};

struct deliver {
    /* Private; shown so that it can live on the stack. */
    struct deliver_setup setup;
    uint64_t             left;
    struct entry_id      after; /* history: what was handed out last */
    bool                 ready; /* the next entry was found already */
    struct entry         next;
    struct cursor        cursor;
};

/* Whether there are entries that the group has not read; nothing is changed yet. O(log n). */
bool deliver_begin(struct deliver *deliver, const struct deliver_setup *setup);

/*
 * Delivers the next new entry and shows it; false if there is none, or the
 * count is reached. The entry is borrowed until the stream is changed. O(log n).
 */
bool deliver_next(struct deliver *deliver, struct entry *entry);

/* The entry that deliver_next would deliver, borrowed likewise; NULL if there is none. O(1). */
const struct entry *deliver_peek(const struct deliver *deliver);

/* One entry out of a consumer's history. */
struct deliver_past {
    struct delivery delivery; /* as it is recorded now */
    bool            exists;   /* false: the entry was deleted meanwhile, and nothing was changed */
    struct entry    entry;    /* if it exists */
};

/* Begins behind an ID. */
void deliver_history_begin(struct deliver *deliver, const struct deliver_setup *setup,
                           struct entry_id after);

/* Delivers the next entry that the consumer holds once more, and records the time and one delivery
 * more. O(log n). */
bool deliver_history_next(struct deliver *deliver, struct deliver_past *past);

/* The same in two steps: shows what would be delivered, and delivers what was shown last. */
bool deliver_history_peek(const struct deliver *deliver, struct deliver_past *past);
void deliver_history_take(struct deliver *deliver, struct deliver_past *past);

#endif

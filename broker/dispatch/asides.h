/*
 * Asides: where replicas are told something else than the log. Messages that were
 * published go to replicas only; a script may choose (redis.set_repl).
 *
 * The feed is what the log takes. An aside is a place in it where text is put in
 * for replicas, or where they skip some. Nearly always there are none.
 */
#ifndef BROKER_DISPATCH_ASIDES_H
#define BROKER_DISPATCH_ASIDES_H

#include "storage/base/buffer.h"

struct asides {
    struct buffer places; /* Private: struct place, in order */
    struct buffer text;   /* Private: what is put in, in order */
};

/* Whether there are none. */
static inline bool asides_are_none(const struct asides *asides)
{
    return asides->places.len == 0;
}

/* Forgets all and gives the memory back. */
void asides_clear(struct asides *asides);

/* Replicas skip `len` bytes of the feed from `at` on. Places are told in order. */
void asides_skip(struct asides *asides, size_t at, size_t len);

/*
 * Replicas hear what the caller appends to the buffer now, in front of the byte
 * `at`; asides_end says that it is complete.
 */
struct buffer *asides_begin(struct asides *asides, size_t at);
void asides_end(struct asides *asides);

/* So many bytes were put in the feed in front of all places from `from` on. */
void asides_shift(struct asides *asides, size_t from, size_t len);

/* Forgets places from `from` on: that part of the feed was taken back. */
void asides_cut(struct asides *asides, size_t from);

/* Forgets places in front of the byte `upto`, which replicas were told; moves the others by `upto`
 * towards the front. */
void asides_drop_front(struct asides *asides, size_t upto);

/* Appends the first `len` bytes of a feed as replicas hear them. */
void asides_tell(const struct asides *asides, const struct buffer *feed, size_t len,
                 struct buffer *to);

#endif

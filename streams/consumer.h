/* A consumer: a name in a group, when it was last seen, and when it last got something. */
#ifndef STREAMS_CONSUMER_H
#define STREAMS_CONSUMER_H

#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/slice.h"

struct consumer {
    uint32_t number;     /* by which its pending entries name it; never 0 */
    uint32_t name_len;   /* Private. */
    uint64_t pending;    /* how many entries it holds */
    millis   seen_at;    /* when it last spoke to its group */
    millis   active_at;  /* when it last got entries, -1 if it never did */
    char     name[];     /* Private. */
};

/* A new consumer that holds nothing; its name is copied. */
struct consumer *consumer_new(struct slice name, uint32_t number, millis now);

/* The same consumer once more. */
struct consumer *consumer_copy(const struct consumer *consumer);

/* NULL is fine. */
void consumer_free(struct consumer *consumer);

static inline struct slice consumer_name(const struct consumer *consumer)
{
    return (struct slice){ consumer->name, consumer->name_len };
}

#endif

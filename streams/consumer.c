/* A consumer: one block with its name behind. */
#include "streams/consumer.h"

#include "storage/base/memory.h"

struct consumer *consumer_new(struct slice name, uint32_t number, millis now)
{
    struct consumer *consumer = memory_new(sizeof(*consumer) + name.len);

    *consumer = (struct consumer){ .number = number,
                                   .name_len = (uint32_t)name.len,
                                   .seen_at = now,
                                   .active_at = -1 };
    if (name.len > 0)
        memcpy(consumer->name, name.at, name.len);
    return consumer;
}

void consumer_free(struct consumer *consumer)
{
    memory_free(consumer);
}

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

struct consumer *consumer_copy(const struct consumer *consumer)
{
    size_t size = sizeof(*consumer) + consumer->name_len;
    struct consumer *copy = memory_new(size);

    memcpy(copy, consumer, size);
    return copy;
}

void consumer_free(struct consumer *consumer)
{
    memory_free(consumer);
}

/* Remembering what was drawn. */
#include "broker/commands/sampling.h"

#include "storage/values/set.h"

enum { SAMPLING_REPEATS_MAX = 1 << 28 };

enum refusal sampling_next_count(struct call *call, int64_t *count)
{
    if (!args_next_integer(call->args, count))
        return REFUSAL_NOT_INTEGER;
    if (*count == INT64_MIN)
        return REFUSAL_NOT_SYMMETRIC;
    return REFUSAL_NONE;
}

bool sampling_is_too_much(const struct call *call, int64_t count)
{
    return count < -SAMPLING_REPEATS_MAX && call->reply->out->most == SIZE_MAX;
}

void sampling_seen_begin(struct sampling_seen *seen, struct call *call, size_t count)
{
    *seen = (struct sampling_seen){ .call = call, .names = set_new() };
    set_reserve(seen->names, call->limits, count);
}

bool sampling_is_new(struct sampling_seen *seen, struct slice name)
{
    bool added = set_add(seen->names, seen->call->limits, name);

    seen->count += added;
    return added;
}

void sampling_seen_end(struct sampling_seen *seen)
{
    set_free(seen->names);
}

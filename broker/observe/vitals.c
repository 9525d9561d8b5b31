#include "broker/observe/vitals.h"

#include <unistd.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"

enum { LOOK_EVERY = 95 * 1000 }; /* microseconds */

struct vitals *vitals_new(micros now)
{
    struct vitals *vitals = memory_new_zeroed(1, sizeof(*vitals));
    ssize_t len = readlink("/proc/self/exe", vitals->executable, sizeof(vitals->executable) - 1);

    if (len < 0)
        vitals->executable[0] = '\0';
    random_run_id(vitals->run_id);
    random_run_id(vitals->replication_id);
    vitals->started = now;
    return vitals;
}

void vitals_begin(struct vitals *vitals)
{
    vitals->memory_at_start = memory_used();
    vitals->memory_peak = vitals->memory_at_start;
}

void vitals_free(struct vitals *vitals)
{
    memory_free(vitals);
}

size_t vitals_memory(struct vitals *vitals)
{
    size_t used = memory_used();

    if (used > vitals->memory_peak)
        vitals->memory_peak = used;
    return used;
}

void vitals_look(struct vitals *vitals, const struct metrics *metrics, micros monotonic)
{
    /* However often we are called: a rate is the mean of about one and a half seconds. */
    if (monotonic - vitals->commands.looked < LOOK_EVERY)
        return;
    rate_look(&vitals->commands, metrics->commands_processed, monotonic);
    rate_look(&vitals->input, metrics->net_input_bytes, monotonic);
    rate_look(&vitals->output, metrics->net_output_bytes, monotonic);
    rate_look(&vitals->turns, metrics->turns, monotonic);
    rate_look(&vitals->turns_took, metrics->turns_took, monotonic);
    vitals_memory(vitals);
}

void vitals_reset(struct vitals *vitals)
{
    vitals->commands = (struct rate){ 0 };
    vitals->input = (struct rate){ 0 };
    vitals->output = (struct rate){ 0 };
    vitals->turns = (struct rate){ 0 };
    vitals->turns_took = (struct rate){ 0 };
    vitals->memory_peak = memory_used();
}

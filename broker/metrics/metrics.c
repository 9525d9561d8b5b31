#include "broker/metrics/metrics.h"

#include <string.h>

/* What is known of one field of struct metrics. */
struct metric {
    const char *section; /* of INFO */
    const char *field;   /* in that section */
    size_t offset;
    bool is_counter;
};

static const struct metric rows[] = {
#define COUNTER(name, section, field, help) \
    { section, field, offsetof(struct metrics, name), true },
#define GAUGE(name, section, field, help) { section, field, offsetof(struct metrics, name), false },
#include "broker/metrics/metrics.def"
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static uint64_t *value_of(const struct metrics *metrics, const struct metric *metric)
{
    return (uint64_t *)((uintptr_t)metrics + metric->offset);
}

void metrics_print(const struct metrics *metrics, const char *section, struct buffer *to)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].section, section) == 0)
            buffer_print(to, "%s:%llu\r\n", rows[i].field,
                         (unsigned long long)*value_of(metrics, &rows[i]));
    }
}

void metrics_reset(struct metrics *metrics)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].is_counter)
            *value_of(metrics, &rows[i]) = 0;
    }
}

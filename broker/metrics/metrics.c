#include "broker/metrics/metrics.h"

#include "storage/base/must.h"

static const struct metric rows[] = {
#define COUNTER(name, section, field, help) \
    { #name, section, field, help, offsetof(struct metrics, name), true },
#define GAUGE(name, section, field, help) \
    { #name, section, field, help, offsetof(struct metrics, name), false },
#include "broker/metrics/metrics.def"
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct metric *metrics_at(size_t index)
{
    must(index < ROWS);
    return &rows[index];
}

size_t metrics_count(void)
{
    return ROWS;
}

static uint64_t *value_of(struct metrics *metrics, const struct metric *metric)
{
    return (uint64_t *)(void *)((char *)metrics + metric->offset);
}

uint64_t metrics_value(const struct metrics *metrics, const struct metric *metric)
{
    return *(const uint64_t *)(const void *)((const char *)metrics + metric->offset);
}

void metrics_print(const struct metrics *metrics, const char *section, struct buffer *to)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].section, section) == 0)
            buffer_print(to, "%s:%llu\r\n", rows[i].field,
                         (unsigned long long)metrics_value(metrics, &rows[i]));
    }
}

void metrics_reset(struct metrics *metrics)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].is_counter)
            *value_of(metrics, &rows[i]) = 0;
    }
}

/*
 * Wall and monotonic time, handed in: whoever needs time is given a clock, and
 * a test gives one that stands still until it is moved.
 */
#ifndef STORAGE_BASE_CLOCK_H
#define STORAGE_BASE_CLOCK_H

#include <stdint.h>

typedef int64_t millis; /* milliseconds; as a date, since 1970 */
typedef int64_t micros; /* microseconds; as a date, since 1970 */

struct clock;

/* The machine's clock. */
struct clock *clock_new(void);

/* A clock that shows `start` (wall, microseconds since 1970) until it is moved. */
struct clock *clock_new_settable(micros start);
void clock_move(struct clock *clock, micros forward);

void clock_free(struct clock *clock);

/*
 * Monotonic microseconds since some moment in the past. Reads the clock anew
 * (about 20 ns), never goes back.
 */
micros clock_monotonic(struct clock *clock);

/* Wall time in microseconds since 1970, read anew. */
micros clock_wall(struct clock *clock);

#endif

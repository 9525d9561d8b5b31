/*
 * Fuzzes what a primary says to its replica: the greeting, line by line, then the
 * arrival of all data. The first byte says into what pieces the rest is cut; the
 * outcome, and the bytes shown as data, must be those of the whole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "broker/replication/arrival.h"
#include "broker/replication/greeting.h"
#include "storage/base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came out of it. */
struct tale {
    struct greeting greeting;
    enum greeting_outcome outcome;
    struct arrival arrival;
    struct buffer said;
    struct buffer shown;
    size_t taken;
};

static void show(void *who, struct slice bytes)
{
    buffer_add(who, bytes);
}

/* Lines of the greeting that are whole; returns how many bytes they had. */
static size_t greet(struct tale *tale, struct slice bytes)
{
    size_t taken = 0;
    const char *end;

    while (tale->outcome == GREETING_MORE && bytes.len > taken &&
           (end = memchr(bytes.at + taken, '\n', bytes.len - taken)) != NULL) {
        size_t len = (size_t)(end - (bytes.at + taken));
        struct slice line = slice_of(bytes.at + taken, len);

        taken += len + 1;
        if (len > GREETING_LINE_MOST)
            tale->outcome = GREETING_FAILED;
        else if (line.len > 0 && line.at[line.len - 1] == '\r')
            tale->outcome = greeting_hear(&tale->greeting, slice_of(line.at, len - 1),
                                          &tale->said);
        else
            tale->outcome = greeting_hear(&tale->greeting, line, &tale->said);
    }
    return taken;
}

static void hear(struct tale *tale, struct slice all, size_t piece)
{
    struct greeting_facts facts = { .port = 6379, .password = SLICE("secret"), .next = 1 };

    greeting_begin(&tale->greeting, &facts, NULL, &tale->said);
    arrival_begin(&tale->arrival);
    for (size_t came = 0; came < all.len;) {
        came = came + piece < all.len ? came + piece : all.len;
        tale->taken += greet(tale, slice_of(all.at + tale->taken, came - tale->taken));
        if (tale->outcome != GREETING_WHOLE)
            continue;
        if (tale->arrival.state == ARRIVAL_AWAITED)
            tale->taken += arrival_head(&tale->arrival,
                                        slice_of(all.at + tale->taken, came - tale->taken));
        tale->taken += arrival_take(&tale->arrival,
                                    slice_of(all.at + tale->taken, came - tale->taken), show,
                                    &tale->shown);
        if (tale->taken > came)
            abort();
    }
}

static void forget(struct tale *tale)
{
    buffer_clear(&tale->said);
    buffer_clear(&tale->shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tale whole = { .outcome = GREETING_MORE };
    struct tale cut = { .outcome = GREETING_MORE };
    struct slice all;

    if (size < 2)
        return 0;
    all = slice_of((const char *)data + 1, size - 1);
    hear(&whole, all, all.len);
    hear(&cut, all, 1 + data[0] % 64);
    if (whole.outcome != cut.outcome || whole.arrival.state != cut.arrival.state ||
        !slice_equal(buffer_slice(&whole.said), buffer_slice(&cut.said)) ||
        !slice_equal(buffer_slice(&whole.shown), buffer_slice(&cut.shown)))
        abort();
    forget(&whole);
    forget(&cut);
    return 0;
}

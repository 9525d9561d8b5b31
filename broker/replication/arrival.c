/*
 * With a mark, the latest forty bytes are kept back until it is known that they
 * are not the mark, so that whoever is shown bytes never sees any of it.
 */
#include "broker/replication/arrival.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/number.h"

void arrival_begin(struct arrival *arrival)
{
    *arrival = (struct arrival){ .state = ARRIVAL_AWAITED };
}

static void break_off(struct arrival *arrival, const char *format, struct slice line)
{
    int len = (int)(line.len < 80 ? line.len : 80);

    arrival->state = ARRIVAL_BROKEN;
    (void)snprintf(arrival->reason, sizeof(arrival->reason), format, len, line.at);
}

static void read_head(struct arrival *arrival, struct slice line)
{
    int64_t size;

    if (line.at[0] == '-') {
        break_off(arrival, "MASTER aborted replication with an error: %.*s", slice_after(line, 1));
    } else if (line.at[0] != '$') {
        break_off(arrival,
                  "Bad protocol from MASTER, the first byte is not '$' (we received '%.*s')",
                  line);
    } else if (line.len == 5 + ARRIVAL_MARK && memcmp(line.at, "$EOF:", 5) == 0) {
        memcpy(arrival->mark, line.at + 5, ARRIVAL_MARK);
        arrival->marked = true;
        arrival->state = ARRIVAL_MARKED;
    } else if (number_read(slice_after(line, 1), &size) && size > 0) {
        arrival->size = (uint64_t)size;
        arrival->state = ARRIVAL_SIZED;
    } else {
        break_off(arrival, "Bad protocol from MASTER, no such length: '%.*s'", line);
    }
}

size_t arrival_head(struct arrival *arrival, struct slice bytes)
{
    size_t at = 0;

    while (arrival->state == ARRIVAL_AWAITED) {
        struct slice rest = slice_after(bytes, at);
        const char *end = rest.len > 0 ? memchr(rest.at, '\n', rest.len) : NULL;
        struct slice line;

        if (end == NULL) {
            if (rest.len > ARRIVAL_HEAD_MOST)
                break_off(arrival, "Bad protocol from MASTER, an endless line: '%.*s'", rest);
            return at;
        }
        line = slice_of(rest.at, (size_t)(end - rest.at));
        at += line.len + 1;
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        if (line.len > 0)
            read_head(arrival, line);
    }
    return at;
}

/* Shows bytes of the snapshot. */
static void pass_on(struct arrival *arrival, struct slice bytes,
                    void (*show)(void *who, struct slice bytes), void *who)
{
    if (bytes.len == 0)
        return;
    arrival->came += bytes.len;
    show(who, bytes);
}

static size_t take_sized(struct arrival *arrival, struct slice bytes,
                         void (*show)(void *who, struct slice bytes), void *who)
{
    uint64_t left = arrival->size - arrival->came;

    if (bytes.len > left)
        bytes.len = (size_t)left;
    pass_on(arrival, bytes, show, who);
    if (arrival->came == arrival->size)
        arrival->state = ARRIVAL_DONE;
    return bytes.len;
}

/* Where the mark ends in bytes that follow the tail; 0: it is not there. */
static size_t find_mark(const struct arrival *arrival, struct slice bytes)
{
    char joint[2 * ARRIVAL_MARK];
    size_t some = bytes.len < ARRIVAL_MARK ? bytes.len : ARRIVAL_MARK;
    const char *at;

    memcpy(joint, arrival->tail, arrival->tail_len);
    memcpy(joint + arrival->tail_len, bytes.at, some);
    at = memmem(joint, arrival->tail_len + some, arrival->mark, ARRIVAL_MARK);
    if (at != NULL)
        return (size_t)(at - joint) + ARRIVAL_MARK - arrival->tail_len;
    at = memmem(bytes.at, bytes.len, arrival->mark, ARRIVAL_MARK);
    return at != NULL ? (size_t)(at - bytes.at) + ARRIVAL_MARK : 0;
}

/* Shows what stands in front of the mark, which ends `end` bytes on. */
static void finish_marked(struct arrival *arrival, struct slice bytes, size_t end,
                          void (*show)(void *who, struct slice bytes), void *who)
{
    size_t before = arrival->tail_len + end - ARRIVAL_MARK;
    size_t old = before < arrival->tail_len ? before : arrival->tail_len;

    pass_on(arrival, slice_of(arrival->tail, old), show, who);
    pass_on(arrival, slice_of(bytes.at, before - old), show, who);
    arrival->state = ARRIVAL_DONE;
}

static size_t take_marked(struct arrival *arrival, struct slice bytes,
                          void (*show)(void *who, struct slice bytes), void *who)
{
    size_t fresh = bytes.len < ARRIVAL_MARK ? bytes.len : ARRIVAL_MARK;
    size_t end = find_mark(arrival, bytes);
    size_t over = arrival->tail_len + fresh > ARRIVAL_MARK
                      ? arrival->tail_len + fresh - ARRIVAL_MARK
                      : 0;

    if (end > 0) {
        finish_marked(arrival, bytes, end, show, who);
        return end;
    }

    /* What the latest bytes push out of the tail was no mark. */
    pass_on(arrival, slice_of(arrival->tail, over), show, who);
    memmove(arrival->tail, arrival->tail + over, arrival->tail_len - over);
    arrival->tail_len -= over;
    pass_on(arrival, slice_of(bytes.at, bytes.len - fresh), show, who);
    memcpy(arrival->tail + arrival->tail_len, bytes.at + bytes.len - fresh, fresh);
    arrival->tail_len += fresh;
    return bytes.len;
}

size_t arrival_take(struct arrival *arrival, struct slice bytes,
                    void (*show)(void *who, struct slice bytes), void *who)
{
    if (bytes.len == 0)
        return 0;
    if (arrival->state == ARRIVAL_SIZED)
        return take_sized(arrival, bytes, show, who);
    if (arrival->state == ARRIVAL_MARKED)
        return take_marked(arrival, bytes, show, who);
    return 0;
}

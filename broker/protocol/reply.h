/*
 * Replies in RESP2 or RESP3, written straight into an outbox in final form.
 *
 * A handler says what the answer is; how it looks in either protocol is
 * decided here. Aggregates are announced with their count, followed by that
 * many elements (a map of n: n keys, each followed by its value). When the
 * count is not known, open one and close it later.
 *
 * Source: the RESP specification, versions 2 and 3, of the Redis documentation.
 */
#ifndef BROKER_PROTOCOL_REPLY_H
#define BROKER_PROTOCOL_REPLY_H

#include "broker/protocol/outbox.h"

struct error_counts;

/* Why a request is refused; the sentences are in errors.def. */
enum refusal {
    REFUSAL_NONE,
#define REFUSAL(name, code, sentence) REFUSAL_##name,
#include "broker/protocol/errors.def"
#undef REFUSAL
    REFUSAL_COUNT
};

/* The whole line: "ERR syntax error". */
struct slice refusal_line(enum refusal refusal);

struct reply {
    struct outbox       *out;
    struct error_counts *counts; /* every error line is counted there, by its code; may be NULL */
    uint64_t             errors; /* error lines written so far; a call compares before and after */
    bool                 resp3;
    bool                 pushed; /* a push was written; CLIENT REPLY does not hold pushes back */
};

/* +text; no line ends inside. */
void reply_simple(struct reply *reply, struct slice text);
void reply_ok(struct reply *reply);

/* An error line without its minus; line ends inside become blanks. */
void reply_error(struct reply *reply, struct slice line);
void reply_refusal(struct reply *reply, enum refusal refusal);

/* A string of any bytes, which are copied. */
void reply_bulk(struct reply *reply, struct slice bytes);

/* The decimal digits of an integer, as a bulk. */
void reply_bulk_integer(struct reply *reply, int64_t value);

/* A bulk by reference if it is long enough to be worth it; takes a share of its own. */
void reply_bulk_shared(struct reply *reply, struct bytes *bytes);

/* :value */
void reply_integer(struct reply *reply, int64_t value);

/* A double: a bulk in RESP2, a `,` in RESP3. */
void reply_double(struct reply *reply, double value);

/* Nothing: a null bulk in RESP2, `_` in RESP3. */
void reply_nil(struct reply *reply);

/* Nothing where an array was expected: a null array in RESP2, `_` in RESP3. */
void reply_nil_array(struct reply *reply);

/* 1 and 0 in RESP2, #t and #f in RESP3. */
void reply_boolean(struct reply *reply, bool value);

/* Text for people, with its format: "txt" or "mkd". A bulk in RESP2. */
void reply_verbatim(struct reply *reply, struct slice text, const char format[3]);

/* A big number given in digits. A bulk in RESP2. */
void reply_big_number(struct reply *reply, struct slice digits);

/* Headers of aggregates: as many elements, or pairs of them, must follow. */
void reply_array(struct reply *reply, size_t count);
void reply_map(struct reply *reply, size_t pairs); /* an array of 2 * pairs in RESP2 */
void reply_set(struct reply *reply, size_t count); /* an array in RESP2 */
void reply_push(struct reply *reply, size_t count); /* an array in RESP2 */
void reply_attribute(struct reply *reply, size_t pairs); /* RESP3 only */

/* Begins an aggregate whose count is told when it is closed. Holes may nest. */
struct outbox_hole reply_open(struct reply *reply);
void reply_close_array(struct reply *reply, struct outbox_hole hole, size_t count);
void reply_close_map(struct reply *reply, struct outbox_hole hole, size_t pairs);
void reply_close_set(struct reply *reply, struct outbox_hole hole, size_t count);

/* Fills a hole with a number as a bulk: the cursor of a scan, known only at its end. */
void reply_close_cursor(struct reply *reply, struct outbox_hole hole, uint64_t cursor);

/* Whether the reply is too long already and will not be sent: a handler may stop writing it. */
bool reply_is_lost(const struct reply *reply);

/* Bytes that are a reply, or part of one, already. */
void reply_raw(struct reply *reply, struct slice bytes);

#endif

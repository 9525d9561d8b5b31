/*
 * One reply of a server as a tree, with every difference that the wire makes:
 * a simple string is not a bulk string, a RESP3 set is not an array, and the
 * three kinds of nothing are three kinds.
 *
 * Printed, a reply is the notation of talks (README.md of this folder). The
 * reader of clients/lib is not used here on purpose: it has one nil for all
 * three, and a judge should not share code with the judged.
 */
#ifndef TESTS_WIRE_TALK_REPLY_H
#define TESTS_WIRE_TALK_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/wire/talk_text.h"

enum reply_kind {
    REPLY_SIMPLE,
    REPLY_ERROR,
    REPLY_INTEGER,
    REPLY_BULK,
    REPLY_NIL,       /* RESP2: a bulk string that is not there */
    REPLY_NIL_ARRAY, /* RESP2: an array that is not there */
    REPLY_NULL,      /* RESP3 */
    REPLY_DOUBLE,
    REPLY_BOOLEAN,
    REPLY_BIG_NUMBER,
    REPLY_VERBATIM,
    REPLY_ARRAY,
    REPLY_MAP, /* its parts are key, value, key, value */
    REPLY_SET,
    REPLY_PUSH
};

struct talk_reply {
    enum reply_kind kind;
    struct text text; /* of a scalar, as it came; of a verbatim string with its "txt:" */
    struct talk_reply *parts;
    size_t count;
};

/* What reading made of the bytes so far. */
enum reply_state { REPLY_READY, REPLY_MORE, REPLY_BROKEN };

/*
 * Reads one reply from the front of the bytes.
 *
 * READY: `*reply` is filled, to be freed with talk_reply_clear, and `*used`
 * tells how many bytes it took. MORE: the bytes end before the reply does.
 * BROKEN: no reply begins like this. In both cases nothing is to be freed.
 */
enum reply_state talk_reply_read(struct talk_reply *reply, const char *bytes, size_t length,
                                 size_t *used);

/* Appends the reply in the notation of talks, on one line. */
void talk_reply_print(const struct talk_reply *reply, struct text *out);

/* The same, broken into lines indented by `indent` where it would pass 96 columns. */
void talk_reply_lay_out(const struct talk_reply *reply, struct text *out, size_t indent);

/* Whether replies of this kind hold others. */
bool talk_reply_is_container(enum reply_kind kind);

/* Whether a simple string may be written bare in the notation. */
bool talk_reply_is_bare_word(const char *text, size_t length);

/* Brings elements of an unordered reply into the order of their printed form. */
void talk_reply_sort(struct talk_reply *reply);

void talk_reply_clear(struct talk_reply *reply);

#endif

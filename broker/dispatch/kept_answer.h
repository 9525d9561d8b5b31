/*
 * The answer of one reader, for others who say the same words.
 *
 * While a lane of readers that do not compete is served, most of them want the
 * same entries from the same place. The first is answered as usual; those after
 * it with the same words get the same bytes, by reference if these are long or
 * the readers many. Data cannot change meanwhile, since only readers are served.
 */
#ifndef BROKER_DISPATCH_KEPT_ANSWER_H
#define BROKER_DISPATCH_KEPT_ANSWER_H

#include "broker/dispatch/call.h"
#include "storage/base/buffer.h"
#include "storage/base/bytes.h"

struct kept_answer {
    /* Private, all. */
    bool                  open;
    bool                  resp3;
    uint32_t              copies; /* of the bytes that are kept, so far */
    size_t                others_pending; /* bytes the reader under way had before */
    const struct command *command;
    struct buffer         words;
    struct bytes         *bytes; /* NULL: nothing is kept */
};

/* Begins to keep answers, or not: for one reader alone it is not worth while. */
void kept_answer_open(struct kept_answer *answer, bool open);

/* Says that the next reader is run, and how many bytes of earlier replies it has not been sent. */
void kept_answer_next(struct kept_answer *answer, size_t others_pending);

/* Answers as the reader before was answered, if the words are the same. O(bytes of the words), and
 * of a short answer. */
MUST_USE bool kept_answer_repeat(struct kept_answer *answer, struct call *call);

/* Keeps the answer that was just given. O(bytes). */
void kept_answer_keep(struct kept_answer *answer, struct call *call);

/* Forgets it. */
void kept_answer_close(struct kept_answer *answer);

#endif

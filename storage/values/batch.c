/* Collecting words into statements of a bounded length. */
#include "storage/values/batch.h"

enum { BATCH_HEAD = 2 }; /* the command and the key */

void batch_begin(struct batch *batch, const struct statement_sink *to, struct slice command,
                 struct slice key, size_t words_each)
{
    must(words_each == 1 || words_each == 2);
    batch->to = to;
    batch->words[0] = command;
    batch->words[1] = key;
    batch->count = BATCH_HEAD;
    batch->most = BATCH_HEAD + words_each * BATCH_ELEMENTS;
}

void batch_add(struct batch *batch, struct slice word)
{
    /* A short word may be an integer that was printed into room its giver will use again. */
    if (word.len > 0 && word.len <= NUMBER_INTEGER_MAX) {
        char *room = batch->room[batch->count];

        memcpy(room, word.at, word.len);
        word.at = room;
    }
    batch->words[batch->count++] = word;
    if (batch->count == batch->most) {
        batch->to->say(batch->to->who, batch->words, batch->count);
        batch->count = BATCH_HEAD;
    }
}

void batch_end(struct batch *batch)
{
    if (batch->count > BATCH_HEAD)
        batch->to->say(batch->to->who, batch->words, batch->count);
    batch->count = BATCH_HEAD;
}

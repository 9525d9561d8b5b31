/* Bytes of an answer, and the words it belongs to, each behind its length. */
#include "broker/dispatch/kept_answer.h"

#include <string.h>

/*
 * A short answer is copied, a long one shared. A short one too where many readers get it: all
 * outboxes of a turn are sent at its end, and by then each copy would hold a chunk of its own.
 */
enum {
    ANSWER_SHARED_FROM = 16 * 1024, /* bytes */
    COPIES_MOST = 24,
};

void kept_answer_open(struct kept_answer *answer, bool open)
{
    answer->open = open;
}

void kept_answer_next(struct kept_answer *answer, size_t others_pending)
{
    answer->others_pending = others_pending;
}

static bool says_the_same(const struct kept_answer *answer, const struct call *call)
{
    const char *at = answer->words.at;
    const char *end = at + answer->words.len;

    if (answer->bytes == NULL || answer->command != call->command ||
        answer->resp3 != call->reply->resp3)
        return false;
    for (size_t i = 0; i < call->args->count; i++) {
        struct slice word = call->args->words[i];
        size_t len;

        if ((size_t)(end - at) < sizeof(len))
            return false;
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        if (len != word.len || !slice_equal(slice_of(at, len), word))
            return false;
        at += len;
    }
    return at == end;
}

bool kept_answer_repeat(struct kept_answer *answer, struct call *call)
{
    if (!answer->open || !says_the_same(answer, call))
        return false;
    if (bytes_len(answer->bytes) < ANSWER_SHARED_FROM && answer->copies++ < COPIES_MOST)
        outbox_put(call->reply->out, bytes_slice(answer->bytes));
    else
        outbox_share(call->reply->out, answer->bytes, bytes_slice(answer->bytes));
    return true;
}

void kept_answer_keep(struct kept_answer *answer, struct call *call)
{
    struct buffer bytes = { 0 };

    /* Whoever has other bytes waiting is no model. */
    if (!answer->open || answer->others_pending != 0)
        return;
    outbox_copy_to(call->reply->out, &bytes);
    bytes_drop(answer->bytes);
    answer->bytes = bytes_copy(buffer_slice(&bytes));
    buffer_clear(&bytes);
    buffer_rewind(&answer->words);
    for (size_t i = 0; i < call->args->count; i++) {
        struct slice word = call->args->words[i];

        buffer_add(&answer->words, slice_of(&word.len, sizeof(word.len)));
        buffer_add(&answer->words, word);
    }
    answer->copies = 0;
    answer->command = call->command;
    answer->resp3 = call->reply->resp3;
}

void kept_answer_close(struct kept_answer *answer)
{
    bytes_drop(answer->bytes);
    buffer_clear(&answer->words);
    *answer = (struct kept_answer){ .open = false };
}

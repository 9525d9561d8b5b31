#include "broker/dispatch/kept_answer.h"

#include <CUnit/CUnit.h>

#include "broker/protocol/args.h"
#include "storage/base/memory.h"

void suite_kept_answer(void);

enum { LONG_ANSWER = 20000 };

/* A reader with an outbox of his own, and the words he says. */
struct reader {
    struct outbox_pool *pool;
    struct outbox       outbox;
    struct reply        reply;
    struct slice        words[2];
    struct args         args;
    struct call         call;
};

static void reader_begin(struct reader *reader, const struct command *command, const char *word,
                         bool resp3)
{
    *reader = (struct reader){ .pool = outbox_pool_new() };
    outbox_init(&reader->outbox, reader->pool);
    reader->reply = (struct reply){ .out = &reader->outbox, .resp3 = resp3 };
    reader->words[0] = SLICE("XREAD");
    reader->words[1] = slice_text(word);
    reader->args = (struct args){ .words = reader->words, .count = 2 };
    reader->call = (struct call){ .command = command, .args = &reader->args,
                                  .reply = &reader->reply };
}

static void reader_end(struct reader *reader)
{
    outbox_clear(&reader->outbox);
    outbox_pool_free(reader->pool);
}

/* Whether a reader who says this is answered from what is kept; then it must be so many bytes. */
static bool repeats(struct kept_answer *answer, const struct command *command,
                    const char *word, bool resp3, size_t bytes)
{
    struct reader reader;
    bool repeated;

    reader_begin(&reader, command, word, resp3);
    repeated = kept_answer_repeat(answer, &reader.call);
    CU_ASSERT_EQUAL(outbox_pending(&reader.outbox), repeated ? bytes : 0);
    reader_end(&reader);
    return repeated;
}

static void the_same_words_get_the_same_bytes(void)
{
    char text[LONG_ANSWER] = { 0 };
    const size_t lengths[] = { 5, LONG_ANSWER };
    /* Only their addresses count. */
    const struct command *one = (const void *)&lengths[0];
    const struct command *other = (const void *)&lengths[1];

    for (int i = 0; i < 2; i++) {
        struct kept_answer answer = { .open = false };
        struct reader first;

        reader_begin(&first, one, "s", false);
        kept_answer_open(&answer, true);
        kept_answer_next(&answer, 0);
        outbox_put(&first.outbox, slice_of(text, lengths[i]));
        kept_answer_keep(&answer, &first.call);
        CU_ASSERT(repeats(&answer, one, "s", false, lengths[i]));
        CU_ASSERT(repeats(&answer, one, "s", false, lengths[i]));
        CU_ASSERT(!repeats(&answer, one, "t", false, 0));
        CU_ASSERT(!repeats(&answer, one, "ss", false, 0));
        CU_ASSERT(!repeats(&answer, one, "s", true, 0));
        CU_ASSERT(!repeats(&answer, other, "s", false, 0));
        kept_answer_close(&answer);
        CU_ASSERT(!repeats(&answer, one, "s", false, 0));
        reader_end(&first);
    }
}

static void who_has_other_replies_waiting_is_no_model(void)
{
    struct kept_answer answer = { .open = false };
    const struct command *command = (const void *)&answer;
    struct reader reader;

    reader_begin(&reader, command, "s", false);
    outbox_put(&reader.outbox, SLICE("+before\r\n"));
    kept_answer_open(&answer, true);
    kept_answer_next(&answer, outbox_pending(&reader.outbox));
    outbox_put(&reader.outbox, SLICE("answer"));
    kept_answer_keep(&answer, &reader.call);
    CU_ASSERT(!repeats(&answer, command, "s", false, 0));
    kept_answer_close(&answer);
    reader_end(&reader);
}

static void nothing_is_kept_for_one_alone(void)
{
    struct kept_answer answer = { .open = false };
    const struct command *command = (const void *)&answer;
    struct reader reader;

    reader_begin(&reader, command, "s", false);
    kept_answer_open(&answer, false);
    kept_answer_next(&answer, 0);
    outbox_put(&reader.outbox, SLICE("answer"));
    kept_answer_keep(&answer, &reader.call);
    CU_ASSERT_PTR_NULL(answer.bytes);
    CU_ASSERT(!repeats(&answer, command, "s", false, 0));
    kept_answer_close(&answer);
    reader_end(&reader);
}

static void of_many_readers_most_share_one_copy(void)
{
    enum { READERS = 100 };
    struct kept_answer answer = { .open = false };
    const struct command *command = (const void *)&answer;
    struct reader first;
    struct reader others[READERS];

    reader_begin(&first, command, "s", false);
    kept_answer_open(&answer, true);
    kept_answer_next(&answer, 0);
    outbox_put(&first.outbox, SLICE("answer"));
    kept_answer_keep(&answer, &first.call);
    for (int i = 0; i < READERS; i++) {
        reader_begin(&others[i], command, "s", false);
        CU_ASSERT(kept_answer_repeat(&answer, &others[i].call));
        CU_ASSERT_EQUAL(outbox_pending(&others[i].outbox), 6);
    }
    CU_ASSERT(bytes_shares(answer.bytes) > READERS / 2);
    for (int i = 0; i < READERS; i++)
        reader_end(&others[i]);
    CU_ASSERT_EQUAL(bytes_shares(answer.bytes), 1);
    kept_answer_close(&answer);
    reader_end(&first);
}

void suite_kept_answer(void)
{
    CU_pSuite suite = CU_add_suite("dispatch: kept answer", NULL, NULL);

    CU_add_test(suite, "the same words get the same bytes", the_same_words_get_the_same_bytes);
    CU_add_test(suite, "who has other replies waiting is no model",
                who_has_other_replies_waiting_is_no_model);
    CU_add_test(suite, "of many readers most share one copy", of_many_readers_most_share_one_copy);
    CU_add_test(suite, "nothing is kept for one alone", nothing_is_kept_for_one_alone);
}

/* The queue is an array of blocks, one for each call: words and their bytes together. */
#include "broker/dispatch/transaction.h"

#include "broker/dispatch/caller.h"
#include "storage/base/memory.h"

struct queued {
    const struct command *command;
    struct slice         *words; /* the block: slices, then bytes */
    size_t                count;
};

struct transaction {
    struct queued *calls;
    size_t         count;
    size_t         capacity;
    uint32_t       flags; /* of all queued commands */
    uint32_t       lacks; /* flags that some queued command does not have */
    bool           broken;
    bool           adds; /* one of them adds to a list or stream */
};

void transaction_begin(struct session *session)
{
    must(session->transaction == NULL);
    session->transaction = memory_new_zeroed(1, sizeof(struct transaction));
    session->queued_bytes = sizeof(struct transaction);
    session->queued = 0;
}

static struct slice *copy_words(const struct args *args)
{
    size_t size = args->count * sizeof(struct slice);
    struct slice *words;
    char *text;

    for (size_t i = 0; i < args->count; i++)
        size += args->words[i].len;
    words = memory_new(size);
    text = (char *)&words[args->count];
    for (size_t i = 0; i < args->count; i++) {
        if (args->words[i].len > 0)
            memcpy(text, args->words[i].at, args->words[i].len);
        words[i] = slice_of(text, args->words[i].len);
        text += args->words[i].len;
    }
    return words;
}

void transaction_queue(struct session *session, const struct command *command, uint32_t flags,
                       const struct args *args)
{
    const uint64_t queues = UINT64_C(1) << CATEGORY_LIST | UINT64_C(1) << CATEGORY_STREAM;
    struct transaction *transaction = session->transaction;

    /* A broken one is never run: its calls need not be kept. */
    if (transaction->broken)
        return;
    if (transaction->count == transaction->capacity) {
        transaction->capacity = transaction->capacity == 0 ? 4 : transaction->capacity * 2;
        transaction->calls =
            memory_resize(transaction->calls, transaction->capacity * sizeof(struct queued));
        session->queued_bytes += (transaction->capacity - transaction->count) *
                                 sizeof(struct queued);
    }
    transaction->calls[transaction->count++] =
        (struct queued){ command, copy_words(args), args->count };
    session->queued_bytes += memory_usable(transaction->calls[transaction->count - 1].words);
    transaction->flags |= flags;
    transaction->lacks |= ~flags;
    if ((command->flags & COMMAND_DENYOOM) != 0 && (command->categories & queues) != 0)
        transaction->adds = true;
    session->queued = (int32_t)transaction->count;
}

void transaction_break(struct session *session)
{
    if (session->transaction != NULL)
        session->transaction->broken = true;
}

bool transaction_is_broken(const struct session *session)
{
    return session->transaction->broken;
}

bool transaction_lacks(const struct session *session, uint32_t flags)
{
    return (session->transaction->lacks & flags) != 0;
}

bool transaction_has(const struct session *session, uint32_t flags)
{
    return (session->transaction->flags & flags) != 0;
}

bool transaction_adds_to_queues(const struct session *session)
{
    return session->transaction->adds && !session->transaction->broken;
}

void transaction_end(struct session *session)
{
    struct transaction *transaction = session->transaction;

    session->transaction = NULL;
    session->queued = -1;
    session->queued_bytes = 0;
    if (transaction == NULL)
        return;
    for (size_t i = 0; i < transaction->count; i++)
        memory_free(transaction->calls[i].words);
    memory_free(transaction->calls);
    memory_free(transaction);
}

void transaction_run(struct call *call)
{
    struct session *session = call->session;
    struct transaction *transaction = session->transaction;

    /* The session is out of MULTI while its calls run, or they would be queued again. */
    session->transaction = NULL;
    reply_array(call->reply, transaction->count);
    for (size_t i = 0; i < transaction->count; i++)
        (void)caller_run_words(call->caller, session, transaction->calls[i].words,
                               transaction->calls[i].count);
    session->transaction = transaction;
    transaction_end(session);
}

void transaction_forget(void *nobody, struct session *session)
{
    (void)nobody;
    transaction_end(session);
}

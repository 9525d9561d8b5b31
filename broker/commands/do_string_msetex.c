/* MSETEX: several strings with one time limit, all of them or none. */
#include "handlers.h"

#include "broker/commands/do_expire_private.h"

struct mset {
    const struct slice *pairs; /* borrowed from the words */
    size_t              count;
    bool                none_there; /* NX */
    bool                all_there;  /* XX */
    bool                keep_expiry;
    struct expiry       expiry;
};

/* Reads the number of pairs and passes over them; answers if they are not there. */
static bool read_pairs(struct call *call, struct mset *mset)
{
    struct args *args = call->args;
    int64_t count;

    if (!args_next_integer(args, &count) || count < 1 || count > INT32_MAX) {
        (void)call_refuse_with(call, "ERR invalid numkeys value");
        return false;
    }
    if ((uint64_t)count > args_left(args) / 2) {
        (void)call_refuse_with(call, "ERR wrong number of key-value pairs");
        return false;
    }
    mset->pairs = args->words + args_position(args);
    mset->count = (size_t)count;
    args_rewind(args, args_position(args) + 2 * mset->count);
    return true;
}

static bool read_options(struct call *call, struct mset *mset)
{
    struct args *args = call->args;

    while (args_more(args)) {
        if (!mset->all_there && args_take(args, SLICE("nx")))
            mset->none_there = true;
        else if (!mset->none_there && args_take(args, SLICE("xx")))
            mset->all_there = true;
        else if (mset->expiry.unit == EXPIRY_NONE && args_take(args, SLICE("keepttl")))
            mset->keep_expiry = true;
        else if (mset->keep_expiry || !expiry_take_option(call, &mset->expiry))
            return call_refuse(call, REFUSAL_SYNTAX), false;
    }
    return expiry_settle(call, &mset->expiry);
}

static bool may_set(struct call *call, const struct mset *mset)
{
    if (!mset->none_there && !mset->all_there)
        return true;
    for (size_t i = 0; i < mset->count; i++) {
        bool there = keyspace_find(call->keys, mset->pairs[2 * i], LOOK_WRITE) != NULL;

        if (there == mset->none_there)
            return false;
    }
    return true;
}

/* Says the request with a date in place of the time limit, and without its condition. */
static void say_dated(struct call *call, const struct mset *mset)
{
    size_t count = 2 + 2 * mset->count + 2;
    struct slice *words = arena_take(call->arena, count * sizeof(*words));
    char digits[NUMBER_INTEGER_MAX];

    memcpy(words, call->args->words, (count - 2) * sizeof(*words));
    words[count - 2] = SLICE("PXAT");
    words[count - 1] = slice_of(digits, number_put(digits, mset->expiry.at));
    ledger_say(call->ledger, words, count);
}

/* MSETEX numkeys key value [key value ...] [NX|XX] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL] */
enum verdict do_msetex(struct call *call)
{
    struct mset mset = { .expiry = { .at = -1 } };
    bool dated;

    if (!read_pairs(call, &mset) || !read_options(call, &mset))
        return VERDICT_REFUSED;
    if (!may_set(call, &mset)) {
        reply_integer(call->reply, 0);
        return VERDICT_DONE;
    }
    dated = mset.expiry.unit != EXPIRY_NONE;
    for (size_t i = 0; i < mset.count; i++) {
        struct slice key = mset.pairs[2 * i];
        struct item *item =
            keyspace_put_string(call->keys, key, mset.pairs[2 * i + 1], mset.keep_expiry);

        ledger_changed(call->ledger, key, EVENT_STRING, "set");
        if (dated) {
            (void)keyspace_expire_at(call->keys, item, mset.expiry.at);
            ledger_followed(call->ledger, key, EVENT_GENERIC, "expire");
        }
    }
    if (dated)
        say_dated(call, &mset);
    reply_integer(call->reply, 1);
    return VERDICT_DONE;
}

/* Comparing a string with what is given, itself or its digest: DIGEST, DELEX, DELIFEQ, SET IF... */
#include "handlers.h"

#include "broker/commands/do_string_private.h"
#include "storage/base/digest.h"

enum { DIGEST_DIGITS = 16 };

bool comparison_take(struct args *args, struct comparison *comparison)
{
    static const struct {
        struct slice        word;
        enum comparison_how how;
    } options[] = {
        { { "ifeq", 4 }, COMPARE_EQUAL },
        { { "ifne", 4 }, COMPARE_OTHER },
        { { "ifdeq", 5 }, COMPARE_DIGEST_EQUAL },
        { { "ifdne", 5 }, COMPARE_DIGEST_OTHER },
    };

    if (args_left(args) < 2)
        return false;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (args_take(args, options[i].word)) {
            comparison->how = options[i].how;
            comparison->with = args_next(args);
            return true;
        }
    }
    return false;
}

/* Writes the digest of a string as 16 hexadecimal digits. */
static struct slice print_digest(struct slice text, char room[2 * sizeof(uint64_t) + 1])
{
    uint64_t digest = digest_xxh3(text);
    unsigned char bytes[sizeof(digest)];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(digest >> (8 * (sizeof(bytes) - 1 - i)));
    digest_hex(bytes, sizeof(bytes), room);
    return slice_of(room, DIGEST_DIGITS);
}

static bool is_digest(struct slice text)
{
    if (text.len != DIGEST_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i];

        if (!(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'f') &&
            !(byte >= 'A' && byte <= 'F'))
            return false;
    }
    return true;
}

bool comparison_settle(struct call *call, const struct comparison *comparison,
                       const struct item *item, bool *holds)
{
    bool wants_equal =
        comparison->how == COMPARE_EQUAL || comparison->how == COMPARE_DIGEST_EQUAL;
    char room[2 * sizeof(uint64_t) + 1];
    struct item_digits digits;
    struct slice text;

    *holds = !wants_equal;
    if (item == NULL)
        return true;
    if (item_kind(item) != VALUE_STRING) {
        (void)call_refuse(call, REFUSAL_WRONG_TYPE);
        return false;
    }
    text = item_string(item, &digits);
    if (comparison->how == COMPARE_EQUAL || comparison->how == COMPARE_OTHER) {
        *holds = slice_equal(text, comparison->with) == wants_equal;
        return true;
    }
    if (!is_digest(comparison->with)) {
        (void)call_refuse_with(call, "ERR must be exactly 16 hexadecimal characters");
        return false;
    }
    *holds = slice_equal_nocase(comparison->with, print_digest(text, room)) == wants_equal;
    return true;
}

/* DIGEST key: the XXH3 of a string. */
enum verdict do_digest(struct call *call)
{
    char room[2 * sizeof(uint64_t) + 1];
    struct item_digits digits;
    struct item *item;
    enum refusal refusal =
        call_find_string(call, args_next(call->args), LOOK_READ, &item);

    if (refusal != REFUSAL_NONE)
        return call_refuse(call, refusal);
    if (item == NULL)
        reply_nil(call->reply);
    else
        reply_bulk(call->reply, print_digest(item_string(item, &digits), room));
    return VERDICT_DONE;
}

/* Removes a key if the comparison holds, and replies whether it did. */
static enum verdict remove_compared(struct call *call, struct slice key,
                                    const struct comparison *comparison)
{
    struct slice words[2] = { SLICE("DEL"), key };
    struct item *item = keyspace_find(call->keys, key, LOOK_WRITE);
    bool holds = item != NULL;

    if (holds && comparison->how != COMPARE_NOTHING &&
        !comparison_settle(call, comparison, item, &holds))
        return VERDICT_REFUSED;
    reply_integer(call->reply, holds);
    if (!holds)
        return VERDICT_DONE;
    (void)keyspace_remove(call->keys, key, true);
    ledger_changed(call->ledger, key, EVENT_GENERIC, "del");
    ledger_say(call->ledger, words, 2);
    return VERDICT_DONE;
}

/* DELEX key [IFEQ value|IFNE value|IFDEQ digest|IFDNE digest]: 1 if the key is gone. */
enum verdict do_delex(struct call *call)
{
    struct slice key = args_next(call->args);
    struct comparison comparison = { COMPARE_NOTHING, { NULL, 0 } };
    const struct item *item;

    if (args_left(call->args) != 0 && args_left(call->args) != 2)
        return call_refuse_arity(call);
    /* What only strings can meet is refused before it is read. */
    item = args_more(call->args) ? keyspace_find(call->keys, key, LOOK_QUIET) : NULL;
    if (item != NULL && item_kind(item) != VALUE_STRING)
        return call_refuse_with(call,
                                "ERR Key should be of string type if conditions are specified");
    if (args_more(call->args) && !comparison_take(call->args, &comparison))
        return call_refuse_with(call, "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
    return remove_compared(call, key, &comparison);
}

/* DELIFEQ key value: 1 if the key held this value and is gone. */
enum verdict do_delifeq(struct call *call)
{
    struct slice key = args_next(call->args);
    struct comparison comparison = { COMPARE_EQUAL, args_next(call->args) };

    return remove_compared(call, key, &comparison);
}

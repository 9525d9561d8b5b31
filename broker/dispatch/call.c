/* What handlers ask of their call: refusing, finding, waiting. */
#include "broker/dispatch/call.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "broker/dispatch/waiting.h"

enum { LINE_MOST = 1024 };

enum verdict call_refuse(struct call *call, enum refusal refusal)
{
    reply_refusal(call->reply, refusal);
    return VERDICT_REFUSED;
}

enum verdict call_refuse_with(struct call *call, const char *format, ...)
{
    char brief[LINE_MOST];
    char *line = brief;
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(brief, sizeof(brief), format, arguments);
    va_end(arguments);
    if (len >= LINE_MOST) { /* it quotes something long */
        line = arena_take(call->arena, (size_t)len + 1);
        va_start(arguments, format);
        len = vsnprintf(line, (size_t)len + 1, format, arguments);
        va_end(arguments);
    }
    reply_error(call->reply, slice_of(line, (size_t)len));
    return VERDICT_REFUSED;
}

enum verdict call_refuse_arity(struct call *call)
{
    return call_refuse_with(call, "ERR wrong number of arguments for '%s' command",
                            call->command->full_name);
}

/* The name of a container in capitals, as its HELP calls it. */
static void print_family(const struct command *command, char *to, size_t size)
{
    const struct command *family = command->parent != NULL ? command->parent : command;
    size_t i = 0;

    for (; family->name[i] != '\0' && i + 1 < size; i++) {
        char byte = family->name[i];

        to[i] = byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
    }
    to[i] = '\0';
}

enum verdict call_refuse_subcommand(struct call *call)
{
    char family[32];
    struct slice word = call->args->words[call->args->count > 1 ? 1 : 0];

    print_family(call->command, family, sizeof(family));
    return call_refuse_with(call,
                            "ERR unknown subcommand or wrong number of arguments for '%.*s'. "
                            "Try %s HELP.",
                            (int)(word.len > 128 ? 128 : word.len), word.at, family);
}

bool call_take_flush_mode(struct call *call)
{
    if (!args_more(call->args))
        return true;
    return (args_take(call->args, SLICE("async")) || args_take(call->args, SLICE("sync"))) &&
           !args_more(call->args);
}

enum verdict call_help(struct call *call, const char *const *lines)
{
    char family[32];
    char heading[128];
    size_t count = 0;

    print_family(call->command, family, sizeof(family));
    snprintf(heading, sizeof(heading),
             "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", family);
    while (lines[count] != NULL)
        count++;
    reply_array(call->reply, count + 3);
    reply_simple(call->reply, slice_text(heading));
    for (size_t i = 0; i < count; i++)
        reply_simple(call->reply, slice_text(lines[i]));
    reply_simple(call->reply, SLICE("HELP"));
    reply_simple(call->reply, SLICE("    Prints this help."));
    return VERDICT_DONE;
}

enum refusal call_find(struct call *call, struct slice key, enum value_kind kind, enum look why,
                       struct value **value)
{
    struct item *item = keyspace_find(call->keys, key, why);

    *value = NULL;
    if (item == NULL)
        return REFUSAL_NONE;
    if (item_kind(item) != kind)
        return REFUSAL_WRONG_TYPE;
    *value = item_value(item);
    return REFUSAL_NONE;
}

enum refusal call_find_string(struct call *call, struct slice key, enum look why,
                              struct item **item)
{
    *item = keyspace_find(call->keys, key, why);
    if (*item != NULL && item_kind(*item) != VALUE_STRING)
        return REFUSAL_WRONG_TYPE;
    return REFUSAL_NONE;
}

void call_remove_empty(struct call *call, struct slice key)
{
    keyspace_remove(call->keys, key, true);
    ledger_followed(call->ledger, key, EVENT_GENERIC, "del");
}

enum refusal call_next_integer(struct call *call, int64_t least, int64_t most,
                               enum refusal otherwise, int64_t *value)
{
    if (!args_next_integer(call->args, value) || *value < least || *value > most)
        return otherwise;
    return REFUSAL_NONE;
}

enum verdict call_wait(struct call *call, const struct wait *wait)
{
    if (call->over || !call->may_wait) {
        if (wait->nil_array)
            reply_nil_array(call->reply);
        else
            reply_nil(call->reply);
        return VERDICT_DONE;
    }
    if (!call->again)
        waiting_add(call->waiting, call, wait);
    if (wait->wake_at > 0)
        waiting_wake_at(call->waiting, call->session,
                        wait->wake_at > call->now ? wait->wake_at : call->now + 1);
    return VERDICT_WAIT;
}

void call_due_earlier(struct call *call, struct slice key)
{
    if (!call->again)
        waiting_due_earlier(call->waiting, keyspace_db(call->keys), key);
}

bool call_repeat_answer(struct call *call)
{
    return call->again && waiting_repeat_answer(call->waiting, call);
}

void call_keep_answer(struct call *call)
{
    if (call->again)
        waiting_keep_answer(call->waiting, call);
}

void call_rewrite_word(struct call *call, size_t index, struct slice word)
{
    struct slice *words;

    if (call->again)
        return;
    if (call->rewritten == NULL) {
        words = arena_take(call->arena, call->args->count * sizeof(struct slice));
        memcpy(words, call->args->words, call->args->count * sizeof(struct slice));
        call->rewritten = words;
    }
    words = (struct slice *)(uintptr_t)call->rewritten;
    words[index] = arena_copy(call->arena, word);
}

enum refusal call_read_timeout(struct slice word, millis *timeout)
{
    const long double most = (long double)INT64_MAX;
    long double seconds;

    if (!number_read_long_double(word, &seconds))
        return REFUSAL_TIMEOUT_FLOAT;
    /* What is too many milliseconds is answered as Redis answers it, whose sum wraps; what rounds
     * up to 0 is for ever, and so is what is too far away for a date. */
    seconds = ceill(seconds * 1000);
    if (seconds < 0 || seconds >= most)
        return REFUSAL_TIMEOUT_NEGATIVE;
    *timeout = seconds < most / 2 ? (millis)seconds : 0;
    return REFUSAL_NONE;
}

void call_lets_go_apart(struct call *call)
{
    /* Within a transaction or a script they are part of it. */
    if (ledger_depth(call->ledger) == 1)
        ledger_say_apart(call->ledger);
}

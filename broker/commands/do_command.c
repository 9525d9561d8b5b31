/*
 * COMMAND: what the table says of its rows, to programs (INFO) and to people (DOCS).
 *
 * Everything here is read from the generated table, so what a client learns is
 * what lookup, guards and ACL go by. A history of each command is not kept, and
 * the notes on key rules are in the README of the specs instead.
 */
#include "handlers.h"

#include "broker/broker.h"
#include "broker/dispatch/command.h"
#include "broker/dispatch/naming.h"
#include "storage/base/glob.h"

/* The first word behind COMMAND and its subcommand. */
enum { FIRST_WORD = 2 };

static void reply_text(struct reply *reply, const char *text)
{
    reply_bulk(reply, slice_text(text));
}

static void reply_name(struct reply *reply, const char *name, int value)
{
    reply_text(reply, name);
    reply_integer(reply, value);
}

/* ---- COMMAND INFO ---- */

static size_t bits_in(uint64_t bits)
{
    size_t count = 0;

    for (; bits != 0; bits &= bits - 1)
        count++;
    return count;
}

/* Counts are told before the elements: a table of holes would be long for so many sets. */
static void reply_flags(struct reply *reply, const struct command *command)
{
    uint32_t shown = command->flags & ~(uint32_t)(COMMAND_MAY_REPLICATE | COMMAND_PROTECTED);

    reply_set(reply, bits_in(shown));
    for (uint32_t left = shown; left != 0; left &= left - 1)
        reply_simple(reply,
                     slice_text(command_flag_name((enum command_flags)(left & (~left + 1)))));
}

static void reply_categories(struct reply *reply, const struct command *command)
{
    reply_set(reply, bits_in(command->categories));
    for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
        char word[32] = "@";

        if ((command->categories & (uint64_t)1 << i) == 0)
            continue;
        struct slice name = slice_text(command_category_name((enum command_category)i));
        memcpy(word + 1, name.at, name.len);
        reply_simple(reply, slice_of(word, name.len + 1));
    }
}

static void reply_tips(struct reply *reply, const struct command *command)
{
    reply_set(reply, command->docs->tip_count);
    for (size_t i = 0; i < command->docs->tip_count; i++)
        reply_text(reply, command->docs->tips[i]);
}

static void reply_key_flags(struct reply *reply, uint32_t flags)
{
    reply_set(reply, bits_in(flags));
    for (uint32_t left = flags; left != 0; left &= left - 1)
        reply_simple(reply, slice_text(key_flag_name((enum key_flags)(left & (~left + 1)))));
}

/* The head of begin_search and find_keys: what kind it is, and how many numbers say more. */
static void reply_rule_part(struct reply *reply, const char *name, const char *type, size_t count)
{
    reply_text(reply, name);
    reply_map(reply, 2);
    reply_text(reply, "type");
    reply_text(reply, type);
    reply_text(reply, "spec");
    reply_map(reply, count);
}

static void reply_key_begin(struct reply *reply, const struct key_rule *rule)
{
    static const char name[] = "begin_search";

    switch ((enum key_begin)rule->begin) {
    case KEY_BEGIN_UNKNOWN:
        reply_rule_part(reply, name, "unknown", 0);
        break;
    case KEY_BEGIN_INDEX:
        reply_rule_part(reply, name, "index", 1);
        reply_name(reply, "index", rule->index);
        break;
    case KEY_BEGIN_KEYWORD:
        reply_rule_part(reply, name, "keyword", 2);
        reply_text(reply, "keyword");
        reply_text(reply, rule->keyword);
        reply_name(reply, "startfrom", rule->start_from);
        break;
    }
}

static void reply_key_find(struct reply *reply, const struct key_rule *rule)
{
    static const char name[] = "find_keys";

    switch ((enum key_find)rule->find) {
    case KEY_FIND_UNKNOWN:
        reply_rule_part(reply, name, "unknown", 0);
        break;
    case KEY_FIND_RANGE:
        reply_rule_part(reply, name, "range", 3);
        reply_name(reply, "lastkey", rule->last);
        reply_name(reply, "keystep", rule->step);
        reply_name(reply, "limit", rule->limit);
        break;
    case KEY_FIND_COUNT:
        reply_rule_part(reply, name, "keynum", 3);
        reply_name(reply, "keynumidx", rule->count_at);
        reply_name(reply, "firstkey", rule->first_at);
        reply_name(reply, "keystep", rule->step);
        break;
    }
}

/* All but the last of the ten elements that describe a row. */
static void reply_row_head(struct reply *reply, const struct command *command)
{
    struct key_range range = key_rule_range(command);

    reply_array(reply, 10);
    reply_bulk(reply, command_full_name(command));
    reply_integer(reply, command->arity);
    reply_flags(reply, command);
    reply_integer(reply, range.first);
    reply_integer(reply, range.last);
    reply_integer(reply, range.step);
    reply_categories(reply, command);
    reply_tips(reply, command);
    reply_set(reply, command->key_rule_count);
    for (size_t i = 0; i < command->key_rule_count; i++) {
        reply_map(reply, 3);
        reply_text(reply, "flags");
        reply_key_flags(reply, command->key_rules[i].flags);
        reply_key_begin(reply, &command->key_rules[i]);
        reply_key_find(reply, &command->key_rules[i]);
    }
}

/* Redis shows subcommands as an array, but none of them as an empty set. */
static void reply_row(struct reply *reply, const struct command *command)
{
    reply_row_head(reply, command);
    if (command->subcommand_count == 0) {
        reply_set(reply, 0);
        return;
    }
    reply_array(reply, command->subcommand_count);
    for (size_t i = 0; i < command->subcommand_count; i++) {
        reply_row_head(reply, &command->subcommands[i]);
        reply_set(reply, 0); /* a subcommand has none of its own */
    }
}

/* Whether nobody can ask for it. */
static bool is_hidden(const struct call *call, const struct command *command)
{
    return naming_hides(call->broker->naming, command);
}

static size_t count_rows(const struct call *call)
{
    size_t count = 0;

    for (size_t i = 0; i < command_top_count(); i++)
        count += !is_hidden(call, command_at(i));
    return count;
}

static void reply_all_rows(struct call *call)
{
    reply_array(call->reply, count_rows(call));
    for (size_t i = 0; i < command_top_count(); i++) {
        if (!is_hidden(call, command_at(i)))
            reply_row(call->reply, command_at(i));
    }
}

/* COMMAND: every command of the table. */
enum verdict do_command(struct call *call)
{
    reply_all_rows(call);
    return VERDICT_DONE;
}

/* COMMAND INFO [name ...]: nil for a name that is unknown. */
enum verdict do_command_info(struct call *call)
{
    const struct args *args = call->args;

    if (args->count == FIRST_WORD) {
        reply_all_rows(call);
        return VERDICT_DONE;
    }
    reply_array(call->reply, args->count - FIRST_WORD);
    for (size_t i = FIRST_WORD; i < args->count; i++) {
        const struct command *command = naming_find(call->broker->naming, args->words[i]);

        if (command != NULL)
            reply_row(call->reply, command);
        else
            reply_nil(call->reply);
    }
    return VERDICT_DONE;
}

/* COMMAND COUNT: subcommands are not counted. */
enum verdict do_command_count(struct call *call)
{
    reply_integer(call->reply, (int64_t)count_rows(call));
    return VERDICT_DONE;
}

/* ---- COMMAND LIST ---- */

enum list_filter { LIST_ALL, LIST_NONE, LIST_CATEGORY, LIST_PATTERN };

static bool is_listed(const struct command *command, enum list_filter filter,
                      enum command_category category, struct slice pattern)
{
    switch (filter) {
    case LIST_ALL:
        return true;
    case LIST_NONE:
        return false;
    case LIST_CATEGORY:
        return (command->categories & (uint64_t)1 << category) != 0;
    case LIST_PATTERN:
        return glob_match_nocase(pattern, command_full_name(command));
    }
    return false;
}

/* COMMAND LIST [FILTERBY MODULE|ACLCAT|PATTERN word]: names, those of subcommands too. */
enum verdict do_command_list(struct call *call)
{
    const struct args *args = call->args;
    enum list_filter filter = LIST_ALL;
    enum command_category category = CATEGORY_COUNT;
    struct slice word = SLICE("");
    size_t count = 0;

    if (args->count != FIRST_WORD) {
        if (args->count != FIRST_WORD + 3 ||
            !slice_equal_nocase(args->words[FIRST_WORD], SLICE("filterby")))
            return call_refuse(call, REFUSAL_SYNTAX);
        struct slice kind = args->words[FIRST_WORD + 1];
        word = args->words[FIRST_WORD + 2];
        if (slice_equal_nocase(kind, SLICE("aclcat")))
            filter = command_category_find(word, &category) ? LIST_CATEGORY : LIST_NONE;
        else if (slice_equal_nocase(kind, SLICE("pattern")))
            filter = LIST_PATTERN;
        else if (slice_equal_nocase(kind, SLICE("module")))
            filter = LIST_NONE; /* no command comes from a module */
        else
            return call_refuse(call, REFUSAL_SYNTAX);
    }

    struct outbox_hole hole = reply_open(call->reply);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *command = command_at(i);

        if (is_hidden(call, command) || !is_listed(command, filter, category, word))
            continue;
        reply_bulk(call->reply, command_full_name(command));
        count++;
    }
    reply_close_array(call->reply, hole, count);
    return VERDICT_DONE;
}

/* ---- COMMAND DOCS ---- */

static const char *argument_type_name(enum argument_type type)
{
    switch (type) {
    case ARGUMENT_STRING:
        return "string";
    case ARGUMENT_INTEGER:
        return "integer";
    case ARGUMENT_DOUBLE:
        return "double";
    case ARGUMENT_KEY:
        return "key";
    case ARGUMENT_PATTERN:
        return "pattern";
    case ARGUMENT_TIME:
        return "unix-time";
    case ARGUMENT_TOKEN:
        return "pure-token";
    case ARGUMENT_ONEOF:
        return "oneof";
    case ARGUMENT_BLOCK:
        return "block";
    }
    return "string";
}

/* A name with its text, if there is one. */
static void reply_pair(struct reply *reply, const char *name, const char *text)
{
    if (text == NULL)
        return;
    reply_text(reply, name);
    reply_text(reply, text);
}

static void reply_argument_flags(struct reply *reply, unsigned flags)
{
    static const char *const names[] = { "optional", "multiple", "multiple_token" };

    if (flags == 0)
        return;
    reply_text(reply, "flags");
    reply_set(reply, bits_in(flags));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (flags & 1u << i)
            reply_simple(reply, slice_text(names[i]));
    }
}

/* How many pairs reply_arguments writes for one argument: name and type always. */
static size_t argument_pairs(const struct command_argument *argument)
{
    return 2u + (argument->key_rule >= 0) + (argument->token != NULL) + (argument->since != NULL) +
           (argument->deprecated_since != NULL) + (argument->flags != 0) +
           (argument->part_count > 0);
}

/* The tree of arguments. It is as deep as the specs are nested, not as a client wishes. */
static void reply_arguments(struct reply *reply, const struct command_argument *list, size_t count)
{
    if (count == 0)
        return;
    reply_text(reply, "arguments");
    reply_array(reply, count);
    for (size_t i = 0; i < count; i++) {
        const struct command_argument *argument = &list[i];

        reply_map(reply, argument_pairs(argument));
        reply_pair(reply, "name", argument->name);
        reply_pair(reply, "type", argument_type_name((enum argument_type)argument->type));
        if (argument->key_rule >= 0)
            reply_name(reply, "key_spec_index", argument->key_rule);
        reply_pair(reply, "token", argument->token);
        reply_pair(reply, "since", argument->since);
        reply_pair(reply, "deprecated_since", argument->deprecated_since);
        reply_argument_flags(reply, argument->flags);
        reply_arguments(reply, argument->parts, argument->part_count);
    }
}

static void reply_docs_flags(struct reply *reply, unsigned flags)
{
    if (flags == 0)
        return;
    reply_text(reply, "doc_flags");
    reply_set(reply, bits_in(flags));
    if (flags & DOCS_DEPRECATED)
        reply_simple(reply, SLICE("deprecated"));
    if (flags & DOCS_SYSTEM)
        reply_simple(reply, SLICE("syscmd"));
}

/* How many pairs reply_docs writes: summary, since and group always. */
static size_t docs_pairs(const struct command *command)
{
    const struct command_docs *docs = command->docs;

    return 3u + (docs->complexity != NULL) + (docs->flags != 0) + (docs->deprecated_since != NULL) +
           (docs->replaced_by != NULL) + (docs->argument_count > 0) +
           (command->subcommand_count > 0);
}

/* The name of a row and what is to be known of it; subcommands come within their container. */
static void reply_docs(struct reply *reply, const struct command *command)
{
    const struct command_docs *docs = command->docs;

    reply_bulk(reply, command_full_name(command));
    reply_map(reply, docs_pairs(command));
    reply_pair(reply, "summary", docs->summary);
    reply_pair(reply, "since", docs->since);
    reply_pair(reply, "group", docs->group);
    reply_pair(reply, "complexity", docs->complexity);
    reply_docs_flags(reply, docs->flags);
    reply_pair(reply, "deprecated_since", docs->deprecated_since);
    reply_pair(reply, "replaced_by", docs->replaced_by);
    reply_arguments(reply, docs->arguments, docs->argument_count);
    if (command->subcommand_count == 0)
        return;
    reply_text(reply, "subcommands");
    reply_map(reply, command->subcommand_count);
    for (size_t i = 0; i < command->subcommand_count; i++)
        reply_docs(reply, &command->subcommands[i]);
}

/* COMMAND DOCS [name ...]: names that are unknown are left out. */
enum verdict do_command_docs(struct call *call)
{
    const struct args *args = call->args;
    size_t pairs = 0;

    struct outbox_hole hole = reply_open(call->reply);
    for (size_t i = FIRST_WORD; i < args->count; i++) {
        const struct command *command = naming_find(call->broker->naming, args->words[i]);

        if (command != NULL) {
            reply_docs(call->reply, command);
            pairs++;
        }
    }
    for (size_t i = 0; args->count == FIRST_WORD && i < command_top_count(); i++) {
        if (is_hidden(call, command_at(i)))
            continue;
        reply_docs(call->reply, command_at(i));
        pairs++;
    }
    reply_close_map(call->reply, hole, pairs);
    return VERDICT_DONE;
}

/* ---- COMMAND GETKEYS ---- */

static bool names_keys(const struct command *command)
{
    for (size_t i = 0; i < command->key_rule_count; i++) {
        if (!(command->key_rules[i].flags & KEY_NOT_KEY))
            return true;
    }
    return false;
}

/* Answers with the keys of the request that follows, or why it has none. */
static enum verdict answer_keys(struct call *call, bool with_flags)
{
    const struct slice *words = call->args->words + FIRST_WORD;
    size_t words_count = call->args->count - FIRST_WORD;
    const struct command *command =
        naming_find_words(call->broker->naming, words, words_count);
    struct key_walk walk;
    struct key_place place;
    size_t count = 0;

    if (command == NULL || command_lacks_subcommand(command, words_count))
        return call_refuse_with(call, "ERR Invalid command specified");
    if (!names_keys(command))
        return call_refuse_with(call, "ERR The command has no key arguments");
    if (!command_takes(command, words_count))
        return call_refuse_with(call, "ERR Invalid number of arguments specified for command");

    key_rule_begin(&walk, command, words, words_count, KEYS_ONLY);
    while (key_rule_next(&walk, &place))
        count++;
    if (key_rule_broken(&walk))
        count = 0;
    if (count == 0 && !(command->flags & COMMAND_NO_MANDATORY_KEYS))
        return call_refuse_with(call, "ERR Invalid arguments specified for command");

    reply_array(call->reply, count);
    key_rule_begin(&walk, command, words, words_count, KEYS_ONLY);
    while (count-- > 0 && key_rule_next(&walk, &place)) {
        if (with_flags)
            reply_array(call->reply, 2);
        reply_bulk(call->reply, words[place.word]);
        if (with_flags)
            reply_key_flags(call->reply, place.flags);
    }
    return VERDICT_DONE;
}

/* COMMAND GETKEYS command word ...: which of the words are keys. */
enum verdict do_command_getkeys(struct call *call)
{
    return answer_keys(call, false);
}

/* COMMAND GETKEYSANDFLAGS command word ...: and what becomes of each. */
enum verdict do_command_getkeysandflags(struct call *call)
{
    return answer_keys(call, true);
}

/* COMMAND HELP */
enum verdict do_command_help(struct call *call)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Describe every command.",
        "COUNT",
        "    Tell how many commands there are.",
        "DOCS [<command> ...]",
        "    Explain some commands, or all: summary, cost, arguments.",
        "GETKEYS <command> <argument> ...",
        "    Tell which words of a request are keys.",
        "GETKEYSANDFLAGS <command> <argument> ...",
        "    Tell which words of a request are keys, and what becomes of each.",
        "INFO [<command> ...]",
        "    Describe some commands, or all: arity, flags, categories, keys.",
        "LIST [FILTERBY MODULE <name>|ACLCAT <category>|PATTERN <pattern>]",
        "    List the names of commands.",
        NULL,
    };

    return call_help(call, lines);
}

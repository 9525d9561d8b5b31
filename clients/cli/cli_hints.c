#include "clients/cli/cli_hints.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clients/cli/cli_words.h"

struct cli_hints {
    struct cli_hint *hints;
    size_t           count;
    size_t           room;
};

/* --- the usage line out of the description of arguments --------------------- */

/* Whether an argument has a flag; flags are an array in RESP2, a set in RESP3. */
static bool has_flag(const struct mr_reply *argument, const char *flag)
{
    const struct mr_reply *flags = mr_reply_field(argument, "flags");

    for (size_t i = 0; flags != NULL && i < flags->count; i++) {
        if (mr_reply_is(&flags->children[i], flag))
            return true;
    }
    return false;
}

static bool is_type(const struct mr_reply *argument, const char *type)
{
    const struct mr_reply *found = mr_reply_field(argument, "type");

    return found != NULL && mr_reply_is(found, type);
}

static const char *text_of(const struct mr_reply *map, const char *field)
{
    const struct mr_reply *found = mr_reply_field(map, field);

    return found != NULL && found->text != NULL ? found->text : "";
}

static void write_arguments(FILE *out, const struct mr_reply *arguments, const char *between);

/* An argument without its token, brackets and repetition. */
static void write_bare(FILE *out, const struct mr_reply *argument)
{
    const struct mr_reply *inner = mr_reply_field(argument, "arguments");
    const char *shown = text_of(argument, "display_text");

    if (is_type(argument, "oneof") && inner != NULL)
        write_arguments(out, inner, "|");
    else if (is_type(argument, "block") && inner != NULL)
        write_arguments(out, inner, " ");
    else if (!is_type(argument, "pure-token"))
        fputs(*shown != '\0' ? shown : text_of(argument, "name"), out);
}

static void write_token(FILE *out, const struct mr_reply *argument)
{
    const char *token = text_of(argument, "token");

    if (mr_reply_field(argument, "token") == NULL)
        return;
    fputs(*token != '\0' ? token : "\"\"", out);
    if (!is_type(argument, "pure-token"))
        fputc(' ', out);
}

/* Calls itself through write_arguments; the reader bounds how deep a reply is. */
static void write_argument(FILE *out, const struct mr_reply *argument)
{
    bool optional = has_flag(argument, "optional");
    bool again_with_token = has_flag(argument, "multiple_token");

    if (optional)
        fputc('[', out);
    write_token(out, argument);
    write_bare(out, argument);
    if (has_flag(argument, "multiple") || again_with_token) {
        fputs(" [", out);
        if (again_with_token)
            write_token(out, argument);
        write_bare(out, argument);
        fputs(" ...]", out);
    }
    if (optional)
        fputc(']', out);
}

static void write_arguments(FILE *out, const struct mr_reply *arguments, const char *between)
{
    for (size_t i = 0; i < arguments->count; i++) {
        if (i > 0)
            fputs(between, out);
        write_argument(out, &arguments->children[i]);
    }
}

static char *usage_of(const struct mr_reply *description)
{
    const struct mr_reply *arguments = mr_reply_field(description, "arguments");
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (out == NULL)
        return cli_memory(NULL, 1);
    if (arguments != NULL)
        write_arguments(out, arguments, " ");
    fclose(out);
    return text;
}

/* --- the table -------------------------------------------------------------- */

static char *copy_of(const char *text)
{
    size_t length = strlen(text);
    char *copy = cli_memory(NULL, length + 1);

    memcpy(copy, text, length + 1);
    return copy;
}

/* "config|get" as "CONFIG GET". */
static char *name_of(const struct mr_reply *name)
{
    char *copy = copy_of(name->text);

    for (char *at = copy; *at != '\0'; at++)
        *at = *at == '|' ? ' ' : (char)toupper((unsigned char)*at);
    return copy;
}

static void add_hint(struct cli_hints *hints, const struct mr_reply *name,
                     const struct mr_reply *description)
{
    if (hints->count == hints->room) {
        hints->room = hints->room > 0 ? hints->room * 2 : 512;
        hints->hints = cli_memory(hints->hints, hints->room * sizeof *hints->hints);
    }
    hints->hints[hints->count++] = (struct cli_hint){.name = name_of(name),
                                                     .arguments = usage_of(description),
                                                     .summary = copy_of(text_of(description, "summary")),
                                                     .since = copy_of(text_of(description, "since")),
                                                     .group = copy_of(text_of(description, "group"))};
}

static void add_hints(struct cli_hints *hints, const struct mr_reply *docs)
{
    for (size_t i = 0; i + 1 < docs->count; i += 2) {
        const struct mr_reply *name = &docs->children[i];
        const struct mr_reply *description = &docs->children[i + 1];
        const struct mr_reply *inner = mr_reply_field(description, "subcommands");

        if (name->text == NULL)
            continue;
        if (inner == NULL || inner->count == 0) {
            add_hint(hints, name, description);
            continue;
        }
        /* A container by itself is no command; its parts are, one level down. */
        for (size_t j = 0; j + 1 < inner->count; j += 2) {
            if (inner->children[j].text != NULL)
                add_hint(hints, &inner->children[j], &inner->children[j + 1]);
        }
    }
}

static int by_name(const void *left, const void *right)
{
    const struct cli_hint *a = left;
    const struct cli_hint *b = right;

    return strcmp(a->name, b->name);
}

struct cli_hints *cli_hints_load(struct cli *cli)
{
    struct cli_hints *hints = cli_memory(NULL, sizeof *hints);
    struct mr_link_setup setup = cli_setup(cli);
    struct mr_trouble trouble;
    struct mr_link *link;

    memset(hints, 0, sizeof *hints);
    /* A link of its own: the question must not disturb a transaction. */
    setup.database = 0;
    link = mr_link_open(&setup, &trouble);
    if (link == NULL)
        return hints;

    struct mr_reply *docs = mr_link_ask_words(link, "COMMAND", "DOCS", (char *)NULL);

    if (docs != NULL)
        add_hints(hints, docs);
    mr_reply_free(docs);
    mr_link_free(link);
    if (hints->count > 0)
        qsort(hints->hints, hints->count, sizeof *hints->hints, by_name);
    return hints;
}

void cli_hints_free(struct cli_hints *hints)
{
    if (hints == NULL)
        return;
    for (size_t i = 0; i < hints->count; i++) {
        free(hints->hints[i].name);
        free(hints->hints[i].arguments);
        free(hints->hints[i].summary);
        free(hints->hints[i].since);
        free(hints->hints[i].group);
    }
    free(hints->hints);
    free(hints);
}

const struct cli_hint *cli_hints_all(const struct cli_hints *hints, size_t *count)
{
    *count = hints->count;
    return hints->hints;
}

/* --- finding ---------------------------------------------------------------- */

static const struct cli_hint *find_name(const struct cli_hints *hints, const char *name)
{
    for (size_t i = 0; i < hints->count; i++) {
        if (strcasecmp(hints->hints[i].name, name) == 0)
            return &hints->hints[i];
    }
    return NULL;
}

static const struct cli_hint *find_words(const struct cli_hints *hints,
                                         const struct cli_words *words, size_t *name_words)
{
    char name[128];
    const struct cli_hint *found = NULL;

    if (words->count > 1) {
        snprintf(name, sizeof name, "%s %s", words->words[0], words->words[1]);
        found = find_name(hints, name);
        *name_words = 2;
    }
    if (found == NULL && words->count > 0) {
        found = find_name(hints, words->words[0]);
        *name_words = 1;
    }
    return found;
}

const struct cli_hint *cli_hints_find(const struct cli_hints *hints, const char *line,
                                      size_t *name_words)
{
    struct cli_words words;
    const struct cli_hint *found;

    cli_words_init(&words);
    cli_words_split(&words, line);
    found = find_words(hints, &words, name_words);
    cli_words_clear(&words);
    return found;
}

/* Where the first unit of a usage line ends: a blank outside of all brackets. */
static const char *skip_unit(const char *at)
{
    int depth = 0;

    while (*at != '\0' && (*at != ' ' || depth > 0)) {
        depth += *at == '[' ? 1 : 0;
        depth -= *at == ']' ? 1 : 0;
        at++;
    }
    while (*at == ' ')
        at++;
    return at;
}

void cli_hints_rest(const struct cli_hints *hints, const char *line, char *text, size_t room)
{
    struct cli_words words;
    size_t name_words = 0;
    const struct cli_hint *found;

    text[0] = '\0';
    cli_words_init(&words);
    cli_words_split(&words, line);
    found = find_words(hints, &words, &name_words);
    if (found != NULL) {
        const char *at = found->arguments;

        /* What may be left out may also have been typed in any order: it stays. */
        for (size_t i = name_words; i < words.count && *at != '\0' && *at != '['; i++)
            at = skip_unit(at);
        snprintf(text, room, "%s", at);
    }
    cli_words_clear(&words);
}

/* --- help ------------------------------------------------------------------- */

static void print_hint(FILE *out, const struct cli_hint *hint, bool colours)
{
    fprintf(out, "\n  %s%s%s %s%s%s\n", colours ? "\x1b[1m" : "", hint->name,
            colours ? "\x1b[0m" : "", colours ? "\x1b[90m" : "", hint->arguments,
            colours ? "\x1b[0m" : "");
    fprintf(out, "  summary: %s\n", hint->summary);
    fprintf(out, "  since: %s\n", hint->since);
    fprintf(out, "  group: %s\n", hint->group);
}

static const char general[] =
    "To get help about commands type:\n"
    "      \"help <command>\" for one command\n"
    "      \"help @<group>\" for all of a group\n"
    "      \"help <tab>\" for a list of what there is help on\n"
    "      \"quit\" to exit\n"
    "\n"
    "Here there are also:\n"
    "      \"connect <host> <port>\" to speak to another broker\n"
    "      \"clear\" to clear the screen\n"
    "      \"<n> <command>\" to run a command n times\n"
    "      \":set hints\" and \":set nohints\"\n";

void cli_hints_help(const struct cli_hints *hints, FILE *out, const char *topic)
{
    bool colours = cli_on_terminal();
    bool found = false;
    size_t length = strlen(topic);

    if (length == 0) {
        fputs(general, out);
        return;
    }
    if (hints->count == 0) {
        fputs("The broker does not describe its commands.\n", out);
        return;
    }
    for (size_t i = 0; i < hints->count; i++) {
        const struct cli_hint *hint = &hints->hints[i];
        bool matches = topic[0] == '@' ? strcasecmp(hint->group, topic + 1) == 0
                                       : strncasecmp(hint->name, topic, length) == 0 &&
                                             (hint->name[length] == '\0' ||
                                              hint->name[length] == ' ');

        if (matches)
            print_hint(out, hint, colours);
        found = found || matches;
    }
    fputc('\n', out);
    if (!found)
        fprintf(out, "There is no help on '%s'.\n", topic);
}

/*
 * Makes the table of commands: reads the spec files and the handlers there are,
 * and writes one C source with nothing in it but constants.
 *
 *   tablegen broker/commands/spec/NAME.cmd ... broker/commands/do_NAME.c ... > commands.c
 *
 * The form of a spec file is told in broker/commands/spec/README.md. A command
 * is written only if a definition `enum verdict do_name(struct call *call)`
 * begins a line in one of the sources, so that what is not built yet is unknown
 * to those who ask for it. Every fact is checked as far as it can be: flags and
 * categories must exist, key arguments must have a rule, names must be unique.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/dispatch/command_private.h"
#include "broker/dispatch/tablegen_private.h"

_Noreturn void tablegen_fail(struct place place, const char *what, const char *detail)
{
    fprintf(stderr, "%s:%d: %s '%s'\n", place.file, place.line, what, detail);
    exit(1);
}

void *tablegen_keep(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        fprintf(stderr, "tablegen: out of memory\n");
        exit(1);
    }
    return memory;
}

char *tablegen_keep_text(const char *text, size_t length)
{
    char *copy = tablegen_keep(length + 1);

    memcpy(copy, text, length);
    return copy;
}

struct word_value {
    const char *word;
    uint64_t value;
};

#define FLAG_ROW(name, word)     { word, COMMAND_##name },
#define CATEGORY_ROW(name, word) { word, CATEGORY_##name },

static const struct word_value flag_words[] = { COMMAND_FLAG_WORDS(FLAG_ROW){ NULL, 0 } };
static const struct word_value category_words[] = { COMMAND_CATEGORY_WORDS(CATEGORY_ROW){ NULL,
                                                                                          0 } };
static const struct word_value key_words[] = {
    { "ro", KEY_RO },
    { "rw", KEY_RW },
    { "ow", KEY_OW },
    { "rm", KEY_RM },
    { "access", KEY_ACCESS },
    { "update", KEY_UPDATE },
    { "insert", KEY_INSERT },
    { "delete", KEY_DELETE },
    { "not_key", KEY_NOT_KEY },
    { "variable", KEY_VARIABLE },
    { "incomplete", KEY_INCOMPLETE },
    { NULL, 0 },
};
static const struct word_value reader_words[] = {
    { "sort", KEY_READER_SORT },
    { "migrate", KEY_READER_MIGRATE },
    { "set", KEY_READER_SET },
    { "delex", KEY_READER_DELEX },
    { "bitfield", KEY_READER_BITFIELD },
    { NULL, 0 },
};

static uint64_t value_of(struct place place, const struct word_value *words, const char *word)
{
    for (; words->word != NULL; words++) {
        if (strcmp(words->word, word) == 0)
            return words->value;
    }
    tablegen_fail(place, "no such word is known:", word);
}

/* Cuts the next word off a line; NULL at its end. */
static char *next_word(char **line)
{
    char *from = *line + strspn(*line, " ");

    if (*from == '\0')
        return NULL;
    *line = from + strcspn(from, " ");
    if (**line != '\0')
        *(*line)++ = '\0';
    return from;
}

static int number_of(struct place place, const char *word)
{
    char *end;
    long value = word == NULL ? 0 : strtol(word, &end, 10);

    if (word == NULL || *end != '\0' || value < -100 || value > 100)
        tablegen_fail(place, "a small number is missing at", word == NULL ? "the end" : word);
    return (int)value;
}

static void expect(struct place place, const char *word, const char *wanted)
{
    if (word == NULL || strcmp(word, wanted) != 0)
        tablegen_fail(place, "expected the word", wanted);
}

/*
 * `1`, `1..2`, `1..-1`, `1..-1 step 2`, `count at 2`, `after STREAMS from 1`,
 * the last with `to -1` and then `half` if wished, `unknown`; then the flags.
 * In `1..2` both are positions of words; a table keeps the distance.
 */
static void read_rule(struct place place, struct rule *rule, char *line)
{
    char *word = next_word(&line);

    rule->step = 1;
    if (word == NULL)
        tablegen_fail(place, "an empty key rule", "");
    if (strcmp(word, "count") == 0) {
        expect(place, next_word(&line), "at");
        rule->begin = KEY_BEGIN_INDEX;
        rule->find = KEY_FIND_COUNT;
        rule->index = number_of(place, next_word(&line));
        rule->first_at = 1;
    } else if (strcmp(word, "after") == 0) {
        rule->begin = KEY_BEGIN_KEYWORD;
        rule->find = KEY_FIND_RANGE;
        rule->keyword = next_word(&line);
        expect(place, next_word(&line), "from");
        rule->start_from = number_of(place, next_word(&line));
    } else if (strcmp(word, "unknown") != 0) {
        char *last = strstr(word, "..");

        rule->begin = KEY_BEGIN_INDEX;
        rule->find = KEY_FIND_RANGE;
        if (last != NULL) {
            *last = '\0';
            rule->last = number_of(place, last + 2);
        }
        rule->index = number_of(place, word);
        if (rule->last > 0)
            rule->last -= rule->index;
    }
    while ((word = next_word(&line)) != NULL) {
        if (strcmp(word, "step") == 0)
            rule->step = number_of(place, next_word(&line));
        else if (strcmp(word, "to") == 0)
            rule->last = number_of(place, next_word(&line));
        else if (strcmp(word, "half") == 0)
            rule->limit = 2;
        else
            rule->flags |= (uint32_t)value_of(place, key_words, word);
    }
}

/* What a spec file says of all its rows. */
struct family {
    const char *group;
    const char *handler; /* NULL: each row has its own */
};

/* "XGROUP CREATE" begins a row for xgroup|create, handled by do_xgroup_create. */
static struct row *begin_row(struct spec *spec, struct place place, char *line,
                             const struct family *family)
{
    char *kind = next_word(&line);
    char *first = next_word(&line);
    char *second = next_word(&line);

    if (spec->row_count == ROWS_MAX || first == NULL || next_word(&line) != NULL)
        tablegen_fail(place, "no row for", line);
    struct row *row = &spec->rows[spec->row_count++];
    size_t size = strlen(first) + (second == NULL ? 0 : strlen(second)) + 5;
    char *full = tablegen_keep(size);
    char *handler = tablegen_keep(size);
    snprintf(full, size, "%s%s%s", first, second == NULL ? "" : "|", second == NULL ? "" : second);
    for (char *at = full; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    snprintf(handler, size, "do_%s", full);
    for (char *at = handler; *at != '\0'; at++)
        *at = (char)(isalnum((unsigned char)*at) ? *at : '_');
    row->place = place;
    row->full_name = full;
    row->name = second == NULL ? full : full + strlen(first) + 1;
    row->handler = family->handler == NULL ? handler : family->handler;
    row->group = family->group;
    row->is_container = strcmp(kind, "container") == 0;
    for (struct row *other = spec->rows; other < row; other++) {
        if (strcmp(other->full_name, full) == 0)
            tablegen_fail(place, "written twice:", full);
    }
    if (strlen(row->name) > COMMAND_NAME_MAX)
        tablegen_fail(place, "too long a name:", full);
    return row;
}

static void read_words(struct row *row, const char *field, char *line)
{
    char *word;

    while ((word = next_word(&line)) != NULL) {
        if (strcmp(field, "acl") == 0)
            row->categories |= (uint64_t)1 << value_of(row->place, category_words, word);
        else if (strcmp(field, "reader") == 0)
            row->reader = (uint8_t)value_of(row->place, reader_words, word);
        else if (strcmp(word, "system") == 0)
            row->docs_flags |= DOCS_SYSTEM;
        else
            row->flags |= (uint32_t)value_of(row->place, flag_words, word);
    }
}

static void read_field(struct row *row, char *line)
{
    char *field = next_word(&line);
    char *rest = line + strspn(line, " ");

    if (strcmp(field, "summary") == 0) {
        row->summary = rest;
    } else if (strcmp(field, "cost") == 0) {
        row->cost = rest;
    } else if (strcmp(field, "since") == 0) {
        row->since = rest;
    } else if (strcmp(field, "group") == 0) {
        row->group = rest;
    } else if (strcmp(field, "arity") == 0) {
        row->arity = number_of(row->place, rest);
    } else if (strcmp(field, "usage") == 0) {
        row->arguments = tablegen_usage(row->place, rest);
    } else if (strcmp(field, "replaced") == 0) {
        row->docs_flags |= DOCS_DEPRECATED;
        row->deprecated_since = next_word(&rest);
        expect(row->place, next_word(&rest), "by");
        row->replaced_by = rest;
    } else if (strcmp(field, "tips") == 0) {
        char *word;
        while ((word = next_word(&rest)) != NULL && row->tip_count < TIPS_MAX - 1)
            row->tips[row->tip_count++] = word;
    } else if (strcmp(field, "keys") == 0) {
        if (row->rule_count == RULES_MAX)
            tablegen_fail(row->place, "too many key rules for", row->full_name);
        read_rule(row->place, &row->rules[row->rule_count++], rest);
    } else if (strcmp(field, "flags") == 0 || strcmp(field, "acl") == 0 ||
               strcmp(field, "reader") == 0) {
        read_words(row, field, rest);
    } else {
        tablegen_fail(row->place, "no such field:", field);
    }
}

/* Rules every row must keep, and what follows from the words that were written. */
static void finish_row(struct row *row)
{
    int words = row->name == row->full_name ? 1 : 2;

    if (row->summary == NULL || row->since == NULL || row->group == NULL)
        tablegen_fail(row->place, "summary, since or group is missing for", row->full_name);
    if (row->arity == 0)
        row->arity = row->is_container ? -2 : tablegen_arity(row->arguments, words);
    for (size_t i = 0; i < row->rule_count; i++) {
        if (row->rules[i].begin != KEY_BEGIN_INDEX || row->rules[i].find != KEY_FIND_RANGE)
            row->flags |= COMMAND_MOVABLE_KEYS;
    }
    const uint64_t one = 1;
    if (row->flags & COMMAND_WRITE)
        row->categories |= one << CATEGORY_WRITE;
    /* EVAL_RO and kin do not read themselves; their scripts do. */
    if ((row->flags & COMMAND_READONLY) && !(row->categories & one << CATEGORY_SCRIPTING))
        row->categories |= one << CATEGORY_READ;
    if (row->flags & COMMAND_ADMIN)
        row->categories |= one << CATEGORY_ADMIN | one << CATEGORY_DANGEROUS;
    if (row->flags & COMMAND_PUBSUB)
        row->categories |= one << CATEGORY_PUBSUB;
    if (row->flags & COMMAND_BLOCKING)
        row->categories |= one << CATEGORY_BLOCKING;
    row->categories |= one << (row->flags & COMMAND_FAST ? CATEGORY_FAST : CATEGORY_SLOW);
}

static void check_keys(const struct row *row, const struct node *list)
{
    for (; list != NULL; list = list->next) {
        if (list->key_rule >= (int)row->rule_count)
            tablegen_fail(row->place, "no key rule for argument", list->name);
        check_keys(row, list->parts);
    }
}

static char *read_file(const char *name)
{
    struct place place = { name, 0 };
    FILE *file = fopen(name, "r");
    size_t room = 1 << 16, length = 0;
    char *text = tablegen_keep(room);

    if (file == NULL)
        tablegen_fail(place, "cannot open", name);
    for (;;) {
        length += fread(text + length, 1, room - length - 1, file);
        if (length < room - 1)
            break;
        char *larger = tablegen_keep(room * 2);
        memcpy(larger, text, length);
        free(text);
        text = larger;
        room *= 2;
    }
    fclose(file);
    text[length] = '\0';
    return text;
}

/* Cuts the next line off a text, with the lines that continue it, indented further. */
static char *next_line(char **text, int *number)
{
    char *line = *text;

    if (*line == '\0')
        return NULL;
    for (;;) {
        char *end = line + strcspn(line, "\n");
        char *behind = *end == '\0' ? end : end + 1;

        *text = behind;
        ++*number;
        if (**text == '\0' || strspn(behind, " ") < 4) {
            *end = '\0';
            break;
        }
        *end = ' ';
        line = end;
    }
    return line;
}

static void read_spec(struct spec *spec, const char *name)
{
    struct place place = { name, 0 };
    char *text = read_file(name);
    struct family family = { NULL, NULL };
    struct row *row = NULL;

    for (;;) {
        char *line = text;
        if (next_line(&text, &place.line) == NULL)
            break;
        if (*line == '#' || *line == '\0')
            continue;
        if (*line != ' ' && row != NULL) {
            finish_row(row);
            check_keys(row, row->arguments);
            row = NULL;
        }
        if (strncmp(line, "group ", 6) == 0)
            family.group = line + 6;
        else if (strncmp(line, "handler ", 8) == 0)
            family.handler = line + 8;
        else if (strncmp(line, "command ", 8) == 0 || strncmp(line, "container ", 10) == 0)
            row = begin_row(spec, place, line, &family);
        else if (*line == ' ' && row != NULL) {
            row->place = place;
            read_field(row, line);
        } else
            tablegen_fail(place, "what is", line);
    }
    if (row != NULL) {
        finish_row(row);
        check_keys(row, row->arguments);
    }
}

/* Notes every handler a source defines, by the beginning of its line. */
static void read_handlers(struct spec *spec, const char *name)
{
    static const char head[] = "enum verdict do_";
    static const char tail[] = "(struct call *call)\n{";
    const char *text = read_file(name);

    for (const char *at = text; (at = strstr(at, head)) != NULL; at++) {
        const char *from = at + sizeof(head) - 1 - 3;
        size_t length = strcspn(from, "(");

        if ((at != text && at[-1] != '\n') || strncmp(from + length, tail, sizeof(tail) - 1) != 0)
            continue;
        if (spec->handler_count == HANDLERS_MAX)
            tablegen_fail((struct place){ name, 0 }, "too many handlers at", from);
        spec->handlers[spec->handler_count++] = tablegen_keep_text(from, length);
    }
}

/* Ties subcommands to their containers and handlers to their rows. */
static void tie(struct spec *spec)
{
    for (struct row *row = spec->rows; row < spec->rows + spec->row_count; row++) {
        for (size_t i = 0; i < spec->handler_count && !row->is_container; i++)
            row->has_handler |= strcmp(spec->handlers[i], row->handler) == 0;
        row->wanted |= row->has_handler;
        if (row->name == row->full_name)
            continue;
        for (struct row *other = spec->rows; other < spec->rows + spec->row_count; other++) {
            size_t length = strlen(other->full_name);
            if (strncmp(row->full_name, other->full_name, length) == 0 &&
                row->full_name[length] == '|')
                row->parent = other;
        }
        if (row->parent == NULL)
            tablegen_fail(row->place, "there is no container for", row->full_name);
        row->parent->wanted |= row->has_handler;
    }
}

int main(int argc, char **argv)
{
    struct spec *spec = tablegen_keep(sizeof(*spec));

    for (int i = 1; i < argc; i++) {
        size_t length = strlen(argv[i]);

        if (length > 4 && strcmp(argv[i] + length - 4, ".cmd") == 0)
            read_spec(spec, argv[i]);
        else
            read_handlers(spec, argv[i]);
    }
    tie(spec);
    tablegen_write(spec, stdout);
    return ferror(stdout) != 0 || fflush(stdout) != 0;
}

/*
 * Usage lines, from text to argument tree. The grammar, in its own terms:
 *
 *   list      element ...
 *   element   value | word | word value | word "(" group ")" | "(" group ")" | "[" group "]"
 *             each followed by marks
 *   group     [name ": "] list | name ": " element | element ...   ("|" between alternatives)
 *   value     "<" name [":" type] ["#" rule] ">"
 *   word      literal | name "=" literal
 *   marks     "@" version, since then; "!" version, advised against since then; "..." repeated
 *
 * A word directly in front of a value or of a "(" belongs to it; set apart in
 * parentheses it stands alone. A named group is a node, of alternatives if it has
 * a "|", else a block; a group without a name is the one element inside it.
 */
#include "broker/dispatch/tablegen_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "broker/dispatch/command.h"

struct text {
    struct place place;
    const char *at;
};

static struct node *read_element(struct text *text);

static void skip_blanks(struct text *text)
{
    while (*text->at == ' ')
        text->at++;
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("_.:/-", c) != NULL);
}

static struct node *node_new(enum argument_type type)
{
    struct node *node = tablegen_keep(sizeof(*node));

    node->type = (uint8_t)type;
    node->key_rule = -1;
    return node;
}

static const char *read_version(struct text *text)
{
    const char *from = ++text->at;

    while (isdigit((unsigned char)*text->at) ||
           (*text->at == '.' && isdigit((unsigned char)text->at[1])))
        text->at++;
    if (text->at == from)
        tablegen_fail(text->place, "a version should stand at", from);
    return tablegen_keep_text(from, (size_t)(text->at - from));
}

static void read_marks(struct text *text, struct node *node)
{
    for (;;) {
        if (*text->at == '@') {
            node->since = read_version(text);
        } else if (*text->at == '!') {
            node->deprecated_since = read_version(text);
        } else if (strncmp(text->at, "...", 3) == 0) {
            node->flags |= ARGUMENT_MULTIPLE;
            text->at += 3;
        } else {
            return;
        }
    }
}

static enum argument_type value_type(struct place place, const char *name)
{
    static const struct {
        const char *name;
        enum argument_type type;
    } types[] = {
        { "string", ARGUMENT_STRING }, { "int", ARGUMENT_INTEGER }, { "double", ARGUMENT_DOUBLE },
        { "key", ARGUMENT_KEY },       { "time", ARGUMENT_TIME },   { "pattern", ARGUMENT_PATTERN },
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(name, types[i].name) == 0)
            return types[i].type;
    }
    tablegen_fail(place, "no such type of value", name);
}

/* `<name:type#rule>`: the last colon parts name and type, so a name may have colons too. */
static struct node *read_value(struct text *text)
{
    const char *end = strchr(text->at, '>');
    struct node *node = node_new(ARGUMENT_STRING);

    if (end == NULL)
        tablegen_fail(text->place, "no > behind", text->at);
    char *inside = tablegen_keep_text(text->at + 1, (size_t)(end - text->at - 1));
    char *rule = strrchr(inside, '#');
    if (rule != NULL) {
        *rule = '\0';
        node->key_rule = (int)strtol(rule + 1, NULL, 10);
    }
    char *type = strrchr(inside, ':');
    if (type != NULL) {
        *type = '\0';
        node->type = (uint8_t)value_type(text->place, type + 1);
    }
    if (node->type == ARGUMENT_KEY && node->key_rule < 0)
        node->key_rule = 0;
    node->name = inside;
    text->at = end + 1;
    read_marks(text, node);
    return node;
}

/* A label is a name that ends in a colon with a blank behind it. */
static const char *read_label(struct text *text)
{
    const char *from = text->at;
    const char *end = from;

    while (is_name(*end))
        end++;
    if (end - from < 2 || end[-1] != ':' || *end != ' ')
        return NULL;
    text->at = end;
    return tablegen_keep_text(from, (size_t)(end - from - 1));
}

/* The inside of a bracket, up to its end; that is passed too. */
static struct node *read_group(struct text *text, char close)
{
    struct node *parts = NULL;
    struct node **last = &parts;
    bool alternatives = false;
    size_t count = 0;

    text->at++;
    skip_blanks(text);
    const char *label = read_label(text);
    for (;;) {
        skip_blanks(text);
        if (*text->at == close)
            break;
        if (*text->at == '|') {
            alternatives = true;
            text->at++;
            continue;
        }
        if (*text->at == '\0')
            tablegen_fail(text->place, "a bracket is not closed", "");
        *last = read_element(text);
        last = &(*last)->next;
        count++;
    }
    text->at++;
    if (label == NULL) {
        if (count != 1)
            tablegen_fail(text->place, "a group of several needs a name, before", text->at);
        return parts;
    }
    struct node *group = node_new(alternatives ? ARGUMENT_ONEOF : ARGUMENT_BLOCK);
    group->name = label;
    group->parts = parts;
    return group;
}

static struct node *word_node(struct place place, const char *word)
{
    struct node *node = node_new(ARGUMENT_TOKEN);
    const char *sign = strchr(word, '=');

    if (sign != NULL && sign != word && sign[1] != '\0') {
        node->name = tablegen_keep_text(word, (size_t)(sign - word));
        node->token = strcmp(sign + 1, "\"\"") == 0 ? "" : sign + 1;
        return node;
    }
    char *name = tablegen_keep_text(word, strlen(word));
    for (char *at = name; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    if (*name == '\0')
        tablegen_fail(place, "an empty word", "");
    node->name = name;
    node->token = word;
    return node;
}

static struct node *read_word(struct text *text)
{
    const char *from = text->at;

    while (*text->at != '\0' && strchr(" []()<>|@!", *text->at) == NULL &&
           strncmp(text->at, "...", 3) != 0)
        text->at++;
    const char *word = tablegen_keep_text(from, (size_t)(text->at - from));
    const char *behind = text->at;
    skip_blanks(text);
    if (behind != text->at && (*text->at == '<' || *text->at == '(')) {
        struct node *node = read_element(text);
        if (node->token != NULL)
            tablegen_fail(text->place, "two words for one argument", word);
        node->token = word;
        return node;
    }
    text->at = behind;
    struct node *node = word_node(text->place, word);
    read_marks(text, node);
    return node;
}

static struct node *read_element(struct text *text)
{
    if (*text->at == '<')
        return read_value(text);
    if (*text->at == '(') {
        struct node *node = read_group(text, ')');
        read_marks(text, node);
        return node;
    }
    if (*text->at == '[') {
        struct node *node = read_group(text, ']');
        uint8_t inside = node->flags;
        node->flags |= ARGUMENT_OPTIONAL;
        read_marks(text, node);
        /* Repeated from outside the bracket, the word is repeated with the value. */
        if ((node->flags & ARGUMENT_MULTIPLE) && !(inside & ARGUMENT_MULTIPLE) &&
            node->token != NULL && node->type != ARGUMENT_TOKEN)
            node->flags |= ARGUMENT_MULTIPLE_TOKEN;
        return node;
    }
    if (strchr("])>|@!", *text->at) != NULL)
        tablegen_fail(text->place, "an argument should begin at", text->at);
    return read_word(text);
}

struct node *tablegen_usage(struct place place, const char *usage)
{
    struct text text = { place, usage };
    struct node *list = NULL;
    struct node **last = &list;

    for (skip_blanks(&text); *text.at != '\0'; skip_blanks(&text)) {
        *last = read_element(&text);
        last = &(*last)->next;
    }
    return list;
}

/* The fewest words a list or choice takes; `varies` is set where it can take more. */
static int fewest_words(const struct node *list, bool choice, bool *varies)
{
    int total = 0;
    int least = -1;

    for (const struct node *node = list; node != NULL; node = node->next) {
        int words = 1;

        if (node->flags & (ARGUMENT_OPTIONAL | ARGUMENT_MULTIPLE))
            *varies = true;
        if (node->type == ARGUMENT_BLOCK || node->type == ARGUMENT_ONEOF)
            words = fewest_words(node->parts, node->type == ARGUMENT_ONEOF, varies);
        if (node->token != NULL && node->type != ARGUMENT_TOKEN)
            words++;
        if (node->flags & ARGUMENT_OPTIONAL)
            words = 0;
        if (choice && least >= 0 && words != least)
            *varies = true;
        if (least < 0 || words < least)
            least = words;
        total += words;
    }
    return choice && least >= 0 ? least : total;
}

int tablegen_arity(const struct node *arguments, int name_words)
{
    bool varies = false;
    int words = name_words + fewest_words(arguments, false, &varies);

    return varies ? -words : words;
}

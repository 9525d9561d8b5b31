/*
 * Values as text: how each kind of option is read, and how it is shown. What is
 * shown can be read again.
 */
#include <inttypes.h>

#include "broker/config/options_private.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* "slave" is what CONFIG GET has always said, and what tools look for. */
static const char *const class_names[OPTION_CLASSES] = { "normal", "slave", "pubsub" };

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

size_t options_split(struct slice text, struct slice *words, size_t most)
{
    size_t count = 0;
    size_t at = 0;

    for (;;) {
        while (at < text.len && is_blank(text.at[at]))
            at++;
        if (at == text.len)
            return count;

        size_t begin = at;

        while (at < text.len && !is_blank(text.at[at]))
            at++;
        if (count < most)
            words[count] = slice_of(text.at + begin, at - begin);
        count++;
    }
}

/* Says what the range of an option is. */
static bool out_of_range(const struct option *option, struct trouble *trouble)
{
    if (option->unit == OPTION_UNIT_OCTAL)
        return trouble_set(trouble,
                           "argument must be between %" PRIo64 " and %" PRIo64 " inclusive",
                           (uint64_t)option->least, (uint64_t)option->most);
    return trouble_set(trouble, "argument must be between %" PRId64 " and %" PRId64 " inclusive",
                       option->least, option->most);
}

/* Whether a number is within the option's range; else says what the range is. */
static bool in_range(const struct option *option, int64_t value, struct trouble *trouble)
{
    if (value >= option->least && value <= option->most)
        return true;
    return out_of_range(option, trouble);
}

/* Reads octal digits. */
static bool read_octal(struct slice text, int64_t *value)
{
    *value = 0;
    if (text.len == 0 || text.len > 12)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '7')
            return false;
        *value = *value * 8 + (text.at[i] - '0');
    }
    return true;
}

/* Reads an amount of memory; what is too large for the type is the largest there is. */
static bool read_memory(struct slice text, int64_t *value)
{
    uint64_t bytes;

    if (!number_read_size(text, &bytes))
        return false;
    *value = bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
    return true;
}

/* Reads an amount of memory, or a share of one: "10%", which becomes -10. */
static bool read_share(struct slice text, int64_t *value, struct trouble *trouble)
{
    int64_t percent;

    if (text.len > 1 && text.at[text.len - 1] == '%' &&
        number_read(slice_of(text.at, text.len - 1), &percent) && percent >= 0) {
        if (percent > 100)
            return trouble_set(trouble, "percentage argument must be less or equal to 100");
        *value = -percent;
        return true;
    }
    if (!read_memory(text, value))
        return trouble_set(trouble, "argument must be a memory or percent value");
    return true;
}

static bool parse_number(int64_t *field, const struct option *option, struct slice word,
                         struct trouble *trouble)
{
    uint64_t bytes;
    int64_t value;

    switch ((enum option_unit)option->unit) {
    case OPTION_UNIT_MEMORY:
        if (!number_read_size(word, &bytes))
            return trouble_set(trouble, "argument must be a memory value");
        if (bytes > INT64_MAX)
            return out_of_range(option, trouble);
        value = (int64_t)bytes;
        break;
    case OPTION_UNIT_SHARE:
        if (!read_share(word, &value, trouble))
            return false;
        break;
    case OPTION_UNIT_OCTAL:
        if (!read_octal(word, &value))
            return trouble_set(trouble, "argument couldn't be parsed as an octal number");
        break;
    case OPTION_UNIT_PLAIN:
    default:
        if (!number_read(word, &value))
            return trouble_set(trouble, "argument couldn't be parsed into an integer");
        break;
    }
    if (!in_range(option, value, trouble))
        return false;
    *field = value;
    return true;
}

static bool parse_bool(bool *field, struct slice word, struct trouble *trouble)
{
    bool yes = slice_equal_nocase(word, SLICE("yes"));

    if (!yes && !slice_equal_nocase(word, SLICE("no")))
        return trouble_set(trouble, "argument must be 'yes' or 'no'");
    *field = yes;
    return true;
}

static bool parse_choice(int *field, const struct option *option, struct slice word,
                         struct trouble *trouble)
{
    struct buffer list = { 0 };

    for (int i = 0; option->words[i] != NULL; i++) {
        if (slice_equal_nocase(word, slice_text(option->words[i]))) {
            *field = i;
            return true;
        }
    }
    for (int i = 0; option->words[i] != NULL; i++)
        buffer_print(&list, "%s%s", i > 0 ? ", " : "", option->words[i]);
    trouble_set(trouble, "argument(s) must be one of the following: %.*s", (int)list.len, list.at);
    buffer_clear(&list);
    return false;
}

static bool parse_text(char **field, const struct option *option, struct slice word,
                       struct trouble *trouble)
{
    if (word.len > 0 && memchr(word.at, '\0', word.len) != NULL)
        return trouble_set(trouble, "argument can't contain a NUL byte");
    if (option->kind == OPTION_KIND_NAME) {
        if (word.len == 0)
            return trouble_set(trouble, "%s can't be empty", option->name);
        if (memchr(word.at, '/', word.len) != NULL || slice_equal(word, SLICE(".")) ||
            slice_equal(word, SLICE("..")))
            return trouble_set(trouble, "%s can't be a path, just a %s", option->name,
                               option->words[0]);
    }
    memory_free(*field);
    *field = options_copy_text(word);
    return true;
}

static void parse_bytes(struct option_bytes *field, struct slice word)
{
    memory_free(field->at);
    *field = (struct option_bytes){ options_copy_text(word), word.len };
}

/* Whether a word of a list can be shown between blanks and be read again. */
static bool is_simple(struct slice word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] <= ' ' || word.at[i] > '~' || strchr("\"'\\", word.at[i]) != NULL)
            return false;
    }
    return word.len > 0;
}

static bool parse_words(struct option_words *field, const struct option *option,
                        const struct slice *words, size_t count, struct trouble *trouble)
{
    if (count > (size_t)option->most)
        return trouble_set(trouble, "Too many %s addresses specified.", option->name);
    for (size_t i = 0; i < count; i++) {
        if (!is_simple(words[i]))
            return trouble_set(trouble, "Invalid %s address", option->name);
    }
    options_set_words(field, words, count);
    return true;
}

/* Host and port; `no one`, or one empty word, is nobody. */
static bool parse_peer(struct option_words *field, const struct slice *words, size_t count,
                       struct trouble *trouble)
{
    int64_t port;

    if (count == 0 || (count == 2 && slice_equal_nocase(words[0], SLICE("no")) &&
                       slice_equal_nocase(words[1], SLICE("one")))) {
        options_set_words(field, words, 0);
        return true;
    }
    if (count != 2)
        return trouble_set(trouble, "wrong number of arguments");
    if (!number_read(words[1], &port) || port < 0 || port > 65535)
        return trouble_set(trouble, "Invalid master port");
    if (!is_simple(words[0]))
        return trouble_set(trouble, "Invalid master host");
    options_set_words(field, words, count);
    return true;
}

static int class_find(struct slice word)
{
    if (slice_equal_nocase(word, SLICE("replica")))
        return OPTION_CLASS_REPLICA;
    for (int i = 0; i < OPTION_CLASSES; i++) {
        if (slice_equal_nocase(word, slice_text(class_names[i])))
            return i;
    }
    return -1;
}

static bool parse_limits(struct option_limits *field, const struct slice *words, size_t count,
                         struct trouble *trouble)
{
    struct option_limits limits = *field;

    if (count % 4 != 0)
        return trouble_set(trouble, "Wrong number of arguments in buffer limit configuration.");
    for (size_t i = 0; i < count; i += 4) {
        int class = class_find(words[i]);

        if (class < 0)
            return trouble_set(trouble,
                               "Invalid client class specified in buffer limit configuration.");

        struct option_limit *limit = &limits.of[class];

        if (!read_memory(words[i + 1], &limit->hard) || !read_memory(words[i + 2], &limit->soft) ||
            !number_read(words[i + 3], &limit->soft_seconds) || limit->soft_seconds < 0)
            return trouble_set(trouble, "Error in hard, soft or soft_seconds setting in buffer "
                                        "limit configuration.");
    }
    *field = limits;
    return true;
}

static bool parse_percents(struct option_percents *field, const struct option *option,
                           const struct slice *words, size_t count, struct trouble *trouble)
{
    struct option_percents percents = { .count = count };

    if (count > OPTION_PERCENTS_MOST)
        return trouble_set(trouble, "Invalid %s parameters", option->name);
    for (size_t i = 0; i < count; i++) {
        if (!number_read_double(words[i], &percents.at[i]))
            return trouble_set(trouble, "Invalid %s parameters", option->name);
        if (!(percents.at[i] >= 0 && percents.at[i] <= 100))
            return trouble_set(trouble, "%s parameters should sit between [0.0,100.0]",
                               option->name);
    }
    *field = percents;
    return true;
}

static bool parse_saves(struct option_saves *field, const struct slice *words, size_t count,
                        struct trouble *trouble)
{
    struct option_saves saves = { .count = count / 2 };

    if (count % 2 != 0 || saves.count > OPTION_SAVES_MOST)
        return trouble_set(trouble, "Invalid save parameters");
    for (size_t i = 0; i < saves.count; i++) {
        if (!number_read(words[2 * i], &saves.at[i].seconds) || saves.at[i].seconds < 1 ||
            !number_read(words[2 * i + 1], &saves.at[i].changes) || saves.at[i].changes < 0)
            return trouble_set(trouble, "Invalid save parameters");
    }
    *field = saves;
    return true;
}

/* The first value of a FIXED option, which is the one it shows. */
static struct slice fixed_value(const struct option *option)
{
    return slice_of(option->usual, strcspn(option->usual, "|"));
}

/* Whether a value is among those of a FIXED option, which stand between strokes. */
static bool is_fixed_value(const struct option *option, struct slice value)
{
    for (const char *at = option->usual;; at++) {
        size_t len = strcspn(at, "|");

        if (slice_equal_nocase(value, slice_of(at, len)))
            return true;
        at += len;
        if (*at == '\0')
            return false;
    }
}

static bool parse_fixed(const struct option *option, const struct slice *words, size_t count,
                        struct trouble *trouble)
{
    struct buffer value = { 0 };
    bool fine;

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_add_byte(&value, ' ');
        buffer_add(&value, words[i]);
    }
    fine = is_fixed_value(option, buffer_slice(&value));
    if (!fine)
        trouble_set(trouble, "'%.*s' is not supported yet: %s",
                    (int)(value.len < 100 ? value.len : 100), value.len > 0 ? value.at : "",
                    option->sentence);
    buffer_clear(&value);
    return fine;
}

/* One word for several, as CONFIG SET says them: split at blanks. */
static bool parse_many(struct options *options, const struct option *option,
                       const struct slice *words, size_t count, struct trouble *trouble)
{
    struct slice parts[64];

    if (count == 1) {
        count = options_split(words[0], parts, COUNT_OF(parts));
        words = parts;
        if (count > COUNT_OF(parts))
            return trouble_set(trouble, "wrong number of arguments");
    }
    if (option->kind == OPTION_KIND_WORDS && option->unit == OPTION_UNIT_PEER)
        return parse_peer(options_field(options, option), words, count, trouble);
    if (option->kind == OPTION_KIND_WORDS)
        return parse_words(options_field(options, option), option, words, count, trouble);
    if (option->kind == OPTION_KIND_TYPES)
        return options_read_types(options_field(options, option), words, count, trouble);
    if (option->kind == OPTION_KIND_ENDS)
        return options_read_ends(options_field(options, option), words, count, trouble);
    if (option->kind == OPTION_KIND_SAVES)
        return parse_saves(options_field(options, option), words, count, trouble);
    if (option->kind == OPTION_KIND_PERCENTS)
        return parse_percents(options_field(options, option), option, words, count, trouble);
    return parse_limits(options_field(options, option), words, count, trouble);
}

bool options_parse(struct options *options, const struct option *option, const struct slice *words,
                   size_t count, struct trouble *trouble)
{
    enum option_kind kind = option->kind;
    void *field = options_field(options, option);
    bool takes_many =
        kind == OPTION_KIND_WORDS || kind == OPTION_KIND_LIMITS || kind == OPTION_KIND_PERCENTS ||
        kind == OPTION_KIND_TYPES || kind == OPTION_KIND_SAVES || kind == OPTION_KIND_ENDS ||
        kind == OPTION_KIND_FIXED;

    if (!takes_many && count != 1)
        return trouble_set(trouble, "wrong number of arguments");

    switch (kind) {
    case OPTION_KIND_BOOL:
        return parse_bool(field, words[0], trouble);
    case OPTION_KIND_NUMBER:
        if (!parse_number(field, option, words[0], trouble))
            return false;
        /* Redis takes any frequency and keeps to what makes sense. */
        options->hz = options->hz < 1 ? 1 : options->hz > 500 ? 500 : options->hz;
        return true;
    case OPTION_KIND_CHOICE:
        return parse_choice(field, option, words[0], trouble);
    case OPTION_KIND_TEXT:
    case OPTION_KIND_NAME:
        return parse_text(field, option, words[0], trouble);
    case OPTION_KIND_BYTES:
        parse_bytes(field, words[0]);
        return true;
    case OPTION_KIND_NOTICES:
        if (options_read_notices(words[0], field))
            return true;
        return trouble_set(trouble, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    case OPTION_KIND_WORDS:
    case OPTION_KIND_LIMITS:
    case OPTION_KIND_PERCENTS:
    case OPTION_KIND_TYPES:
    case OPTION_KIND_SAVES:
    case OPTION_KIND_ENDS:
        return parse_many(options, option, words, count, trouble);
    case OPTION_KIND_FIXED:
        return parse_fixed(option, words, count, trouble);
    }
    return false;
}

static void print_limits(const struct option_limits *limits, struct buffer *to)
{
    for (int i = 0; i < OPTION_CLASSES; i++) {
        const struct option_limit *limit = &limits->of[i];

        buffer_print(to, "%s%s %" PRId64 " %" PRId64 " %" PRId64, i > 0 ? " " : "", class_names[i],
                     limit->hard, limit->soft, limit->soft_seconds);
    }
}

static void print_percents(const struct option_percents *percents, struct buffer *to)
{
    for (size_t i = 0; i < percents->count; i++)
        buffer_print(to, "%s%.12g", i > 0 ? " " : "", percents->at[i]);
}

static void print_saves(const struct option_saves *saves, struct buffer *to)
{
    for (size_t i = 0; i < saves->count; i++)
        buffer_print(to, "%s%" PRId64 " %" PRId64, i > 0 ? " " : "", saves->at[i].seconds,
                     saves->at[i].changes);
}

void options_print(const struct options *options, const struct option *option, struct buffer *to)
{
    const void *field = options_field_seen(options, option);
    const struct option_words *words;
    const struct option_bytes *bytes;

    switch ((enum option_kind)option->kind) {
    case OPTION_KIND_BOOL:
        buffer_add(to, *(const bool *)field ? SLICE("yes") : SLICE("no"));
        break;
    case OPTION_KIND_NUMBER:
        if (option->unit == OPTION_UNIT_OCTAL)
            buffer_print(to, "%" PRIo64, (uint64_t) * (const int64_t *)field);
        else if (option->unit == OPTION_UNIT_SHARE && *(const int64_t *)field < 0)
            buffer_print(to, "%" PRId64 "%%", -*(const int64_t *)field);
        else
            buffer_add_integer(to, *(const int64_t *)field);
        break;
    case OPTION_KIND_CHOICE:
        buffer_add(to, slice_text(option->words[*(const int *)field]));
        break;
    case OPTION_KIND_TEXT:
    case OPTION_KIND_NAME:
        buffer_add(to, slice_text(*(char *const *)field));
        break;
    case OPTION_KIND_BYTES:
        bytes = field;
        buffer_add(to, slice_of(bytes->at, bytes->len));
        break;
    case OPTION_KIND_WORDS:
        words = field;
        for (size_t i = 0; i < words->count; i++)
            buffer_print(to, "%s%s", i > 0 ? " " : "", words->at[i]);
        break;
    case OPTION_KIND_NOTICES:
        options_add_notices(*(const uint32_t *)field, to);
        break;
    case OPTION_KIND_LIMITS:
        print_limits(field, to);
        break;
    case OPTION_KIND_PERCENTS:
        print_percents(field, to);
        break;
    case OPTION_KIND_TYPES:
        options_add_types(*(const uint32_t *)field, to);
        break;
    case OPTION_KIND_SAVES:
        print_saves(field, to);
        break;
    case OPTION_KIND_ENDS:
        options_add_ends(*(const uint32_t *)field, to);
        break;
    case OPTION_KIND_FIXED:
        buffer_add(to, fixed_value(option));
        break;
    }
}

bool options_equal(const struct options *a, const struct options *b, const struct option *option)
{
    struct buffer shown_a = { 0 };
    struct buffer shown_b = { 0 };
    bool equal;

    options_print(a, option, &shown_a);
    options_print(b, option, &shown_b);
    equal = slice_equal(buffer_slice(&shown_a), buffer_slice(&shown_b));
    buffer_clear(&shown_a);
    buffer_clear(&shown_b);
    return equal;
}

/*
 * The rows of options.def as a table, and what is done by kind.
 *
 * What always holds, between options_init and options_clear:
 *   (1) Every field has a value that options_parse would accept.
 *   (2) Text is never NULL and is owned, as is each word of a list.
 *   (3) A FIXED option has no field: its value is in its row.
 */
#include "broker/config/options.h"

#include <inttypes.h>
#include <stdlib.h>

#include "storage/base/memory.h"
#include "storage/base/number.h"

static const char *const option_words_local[] = { "no", "yes", "local", NULL };
static const char *const option_words_appendfsync[] = { "everysec", "always", "no", NULL };
static const char *const option_words_loglevel[] = { "debug", "verbose", "notice", "warning",
                                                     NULL };

#define AT(field) offsetof(struct options, field)

static const struct option rows[] = {
#define OPTION_BOOL(field, name, alias, usual, when, sentence) \
    { name, alias, NULL, sentence, NULL, 0, 1, AT(field), OPTION_KIND_BOOL, 0, OPTION_##when },
#define OPTION_NUMBER(field, name, alias, least, most, usual, unit, when, sentence) \
    { name,         alias, NULL,      sentence,           NULL,                     \
      least,        most,  AT(field), OPTION_KIND_NUMBER, OPTION_UNIT_##unit,       \
      OPTION_##when },
#define OPTION_CHOICE(field, name, alias, words, usual, when, sentence) \
    { name, alias, NULL, sentence, words, 0, 0, AT(field), OPTION_KIND_CHOICE, 0, OPTION_##when },
#define OPTION_TEXT(field, name, alias, usual, when, sentence) \
    { name, alias, usual, sentence, NULL, 0, 0, AT(field), OPTION_KIND_TEXT, 0, OPTION_##when },
#define OPTION_NAME(field, name, alias, usual, noun, when, sentence) \
    { name,                                                          \
      alias,                                                         \
      usual,                                                         \
      sentence,                                                      \
      (const char *const[]){ noun, NULL },                           \
      0,                                                             \
      0,                                                             \
      AT(field),                                                     \
      OPTION_KIND_NAME,                                              \
      0,                                                             \
      OPTION_##when },
#define OPTION_WORDS(field, name, alias, usual, most, when, sentence) \
    { name, alias, usual, sentence, NULL, 0, most, AT(field), OPTION_KIND_WORDS, 0, OPTION_##when },
#define OPTION_NOTICES(field, name, alias, when, sentence) \
    { name, alias, NULL, sentence, NULL, 0, 0, AT(field), OPTION_KIND_NOTICES, 0, OPTION_##when },
#define OPTION_LIMITS(field, name, alias, when, sentence) \
    { name, alias, NULL, sentence, NULL, 0, 0, AT(field), OPTION_KIND_LIMITS, 0, OPTION_##when },
#define OPTION_FIXED(name, alias, value, when, reason) \
    { name, alias, value, reason, NULL, 0, 0, 0, OPTION_KIND_FIXED, 0, OPTION_##when },
#include "broker/config/options.def"
};

#undef AT

static const struct option_limits usual_limits = { {
    { 0, 0, 0 },
    { 256 * 1024 * 1024, 64 * 1024 * 1024, 60 },
    { 32 * 1024 * 1024, 8 * 1024 * 1024, 60 },
} };

/* "slave" is what CONFIG GET has always said, and what tools look for. */
static const char *const class_names[OPTION_CLASSES] = { "normal", "slave", "pubsub" };

struct notice_letter {
    char letter;
    uint32_t bit;
};

/* In the order in which they are shown. */
static const struct notice_letter class_letters[] = {
    { 'g', OPTION_NOTICE_GENERIC }, { '$', OPTION_NOTICE_STRING },  { 'l', OPTION_NOTICE_LIST },
    { 's', OPTION_NOTICE_SET },     { 'h', OPTION_NOTICE_HASH },    { 'z', OPTION_NOTICE_ZSET },
    { 'x', OPTION_NOTICE_EXPIRED }, { 'e', OPTION_NOTICE_EVICTED }, { 't', OPTION_NOTICE_STREAM },
    { 'd', OPTION_NOTICE_MODULE },
};
static const struct notice_letter other_letters[] = {
    { 'K', OPTION_NOTICE_KEYSPACE },
    { 'E', OPTION_NOTICE_KEYEVENT },
    { 'm', OPTION_NOTICE_MISS },
    { 'n', OPTION_NOTICE_NEW },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

size_t options_count(void)
{
    return COUNT_OF(rows);
}

const struct option *options_at(size_t index)
{
    must(index < COUNT_OF(rows));
    return &rows[index];
}

const struct option *options_find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (slice_equal_nocase(name, slice_text(rows[i].name)))
            return &rows[i];
        if (rows[i].alias != NULL && slice_equal_nocase(name, slice_text(rows[i].alias)))
            return &rows[i];
    }
    return NULL;
}

/* The field of an option; the kind says what it points to. */
static void *field_of(struct options *options, const struct option *option)
{
    return (char *)options + option->offset;
}

static const void *field_seen(const struct options *options, const struct option *option)
{
    return (const char *)options + option->offset;
}

static char *text_copy(struct slice from)
{
    char *copy = memory_new(from.len + 1);

    if (from.len > 0)
        memcpy(copy, from.at, from.len);
    copy[from.len] = '\0';
    return copy;
}

static void words_clear(struct option_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        memory_free(words->at[i]);
    memory_free(words->at);
    *words = (struct option_words){ 0 };
}

static void words_set(struct option_words *words, const struct slice *from, size_t count)
{
    words_clear(words);
    words->at = memory_new(count * sizeof(*words->at));
    words->count = count;
    for (size_t i = 0; i < count; i++)
        words->at[i] = text_copy(from[i]);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Splits text at blanks into at most `most` words; returns how many there really are. */
static size_t split_blanks(struct slice text, struct slice *words, size_t most)
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

void options_init(struct options *options)
{
    *options = (struct options){
#define OPTION_BOOL(field, name, alias, usual, when, sentence)                      .field = usual,
#define OPTION_NUMBER(field, name, alias, least, most, usual, unit, when, sentence) .field = usual,
#define OPTION_CHOICE(field, name, alias, words, usual, when, sentence)             .field = (int)usual,
#define OPTION_TEXT(field, name, alias, usual, when, sentence)
#define OPTION_NAME(field, name, alias, usual, noun, when, sentence)
#define OPTION_WORDS(field, name, alias, usual, most, when, sentence)
#define OPTION_NOTICES(field, name, alias, when, sentence)
#define OPTION_LIMITS(field, name, alias, when, sentence) .field = usual_limits,
#define OPTION_FIXED(name, alias, value, when, reason)
#include "broker/config/options.def"
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct option *option = &rows[i];
        void *field = field_of(options, option);

        if (option->kind == OPTION_KIND_TEXT || option->kind == OPTION_KIND_NAME) {
            *(char **)field = text_copy(slice_text(option->usual));
        } else if (option->kind == OPTION_KIND_WORDS) {
            struct slice words[64];
            size_t count = split_blanks(slice_text(option->usual), words, COUNT_OF(words));

            words_set(field, words, count);
        }
    }
}

void options_clear(struct options *options)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *field = field_of(options, &rows[i]);

        if (rows[i].kind == OPTION_KIND_TEXT || rows[i].kind == OPTION_KIND_NAME)
            memory_free(*(char **)field);
        else if (rows[i].kind == OPTION_KIND_WORDS)
            words_clear(field);
    }
    *options = (struct options){ 0 };
}

void options_copy(struct options *to, const struct options *from)
{
    *to = *from;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *field = field_of(to, &rows[i]);

        if (rows[i].kind == OPTION_KIND_TEXT || rows[i].kind == OPTION_KIND_NAME) {
            *(char **)field = text_copy(slice_text(*(char **)field));
        } else if (rows[i].kind == OPTION_KIND_WORDS) {
            struct option_words *words = field;
            char **copy = memory_new(words->count * sizeof(*copy));

            for (size_t j = 0; j < words->count; j++)
                copy[j] = text_copy(slice_text(words->at[j]));
            words->at = copy;
        }
    }
}

/* Whether a number is within the option's range; else says what the range is. */
static bool in_range(const struct option *option, int64_t value, struct trouble *trouble)
{
    if (value >= option->least && value <= option->most)
        return true;
    if (option->unit == OPTION_UNIT_OCTAL)
        return trouble_set(trouble,
                           "argument must be between %" PRIo64 " and %" PRIo64 " inclusive",
                           (uint64_t)option->least, (uint64_t)option->most);
    return trouble_set(trouble, "argument must be between %" PRId64 " and %" PRId64 " inclusive",
                       option->least, option->most);
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

static bool parse_number(int64_t *field, const struct option *option, struct slice word,
                         struct trouble *trouble)
{
    int64_t value;

    switch ((enum option_unit)option->unit) {
    case OPTION_UNIT_MEMORY:
        if (!read_memory(word, &value))
            return trouble_set(trouble, "argument must be a memory value");
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
    *field = text_copy(word);
    return true;
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
    words_set(field, words, count);
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

bool options_read_notices(struct slice letters, uint32_t *notices)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < letters.len; i++) {
        uint32_t bit = letters.at[i] == 'A' ? (uint32_t)OPTION_NOTICE_ALL : 0;

        for (size_t j = 0; j < COUNT_OF(class_letters); j++) {
            if (class_letters[j].letter == letters.at[i])
                bit = class_letters[j].bit;
        }
        for (size_t j = 0; j < COUNT_OF(other_letters); j++) {
            if (other_letters[j].letter == letters.at[i])
                bit = other_letters[j].bit;
        }
        if (bit == 0)
            return false;
        bits |= bit;
    }
    *notices = bits;
    return true;
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
    fine = slice_equal_nocase(buffer_slice(&value), slice_text(option->usual));
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
        count = split_blanks(words[0], parts, COUNT_OF(parts));
        words = parts;
        if (count > COUNT_OF(parts))
            return trouble_set(trouble, "wrong number of arguments");
    }
    if (option->kind == OPTION_KIND_WORDS)
        return parse_words(field_of(options, option), option, words, count, trouble);
    return parse_limits(field_of(options, option), words, count, trouble);
}

bool options_parse(struct options *options, const struct option *option, const struct slice *words,
                   size_t count, struct trouble *trouble)
{
    enum option_kind kind = option->kind;
    void *field = field_of(options, option);
    bool takes_many =
        kind == OPTION_KIND_WORDS || kind == OPTION_KIND_LIMITS || kind == OPTION_KIND_FIXED;

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
    case OPTION_KIND_NOTICES:
        if (options_read_notices(words[0], field))
            return true;
        return trouble_set(trouble, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    case OPTION_KIND_WORDS:
    case OPTION_KIND_LIMITS:
        return parse_many(options, option, words, count, trouble);
    case OPTION_KIND_FIXED:
        return parse_fixed(option, words, count, trouble);
    }
    return false;
}

static void print_notices(uint32_t notices, struct buffer *to)
{
    if ((notices & OPTION_NOTICE_ALL) == OPTION_NOTICE_ALL) {
        buffer_add_byte(to, 'A');
    } else {
        for (size_t i = 0; i < COUNT_OF(class_letters); i++) {
            if (notices & class_letters[i].bit)
                buffer_add_byte(to, class_letters[i].letter);
        }
    }
    for (size_t i = 0; i < COUNT_OF(other_letters); i++) {
        if (notices & other_letters[i].bit)
            buffer_add_byte(to, other_letters[i].letter);
    }
}

static void print_limits(const struct option_limits *limits, struct buffer *to)
{
    for (int i = 0; i < OPTION_CLASSES; i++) {
        const struct option_limit *limit = &limits->of[i];

        buffer_print(to, "%s%s %" PRId64 " %" PRId64 " %" PRId64, i > 0 ? " " : "", class_names[i],
                     limit->hard, limit->soft, limit->soft_seconds);
    }
}

void options_print(const struct options *options, const struct option *option, struct buffer *to)
{
    const void *field = field_seen(options, option);
    const struct option_words *words;

    switch ((enum option_kind)option->kind) {
    case OPTION_KIND_BOOL:
        buffer_add(to, *(const bool *)field ? SLICE("yes") : SLICE("no"));
        break;
    case OPTION_KIND_NUMBER:
        if (option->unit == OPTION_UNIT_OCTAL)
            buffer_print(to, "%" PRIo64, (uint64_t) * (const int64_t *)field);
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
    case OPTION_KIND_WORDS:
        words = field;
        for (size_t i = 0; i < words->count; i++)
            buffer_print(to, "%s%s", i > 0 ? " " : "", words->at[i]);
        break;
    case OPTION_KIND_NOTICES:
        print_notices(*(const uint32_t *)field, to);
        break;
    case OPTION_KIND_LIMITS:
        print_limits(field, to);
        break;
    case OPTION_KIND_FIXED:
        buffer_add(to, slice_text(option->usual));
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

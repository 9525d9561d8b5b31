/*
 * The rows of options.def as a table, and the struct that is made from them.
 *
 * What always holds, between options_init and options_clear:
 *   (1) Every field has a value that options_parse would accept.
 *   (2) Text is never NULL and is owned, as is each word of a list.
 *   (3) A FIXED option has no field: its value is in its row.
 */
#include "broker/config/options.h"

#include "broker/config/options_private.h"
#include "storage/base/memory.h"

static const char *const option_words_oom[] = { "no", "yes", "relative", "absolute", NULL };
static const char *const option_words_propagation[] = { "ignore", "panic", "panic-on-replicas",
                                                        NULL };
static const char *const option_words_supervised[] = { "no", "systemd", "auto", NULL };
static const char *const option_words_facility[] = { "user",   "local0", "local1",
                                                     "local2", "local3", "local4",
                                                     "local5", "local6", "local7", NULL };
static const char *const option_words_local[] = { "no", "yes", "local", NULL };
static const char *const option_words_channels[] = { "resetchannels", "allchannels", NULL };
static const char *const option_words_diskless[] = { "disabled", "on-empty-db", "swapdb", NULL };
static const char *const option_words_appendfsync[] = { "everysec", "always", "no", NULL };
static const char *const option_words_loglevel[] = { "debug", "verbose", "notice", "warning",
                                                     NULL };


static const char *const option_words_policy[] = {
    "volatile-lru",   "volatile-lfu",   "volatile-random", "volatile-ttl",
    "volatile-lrm",   "allkeys-lru",    "allkeys-lfu",     "allkeys-random",
    "allkeys-lrm",    "noeviction",     NULL
};

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
#define OPTION_BYTES(field, name, alias, when, sentence) \
    { name, alias, NULL, sentence, NULL, 0, 0, AT(field), OPTION_KIND_BYTES, 0, OPTION_##when },
#define OPTION_WORDS(field, name, alias, usual, most, when, sentence) \
    { name, alias, usual, sentence, NULL, 0, most, AT(field), OPTION_KIND_WORDS, 0, OPTION_##when },
#define OPTION_NOTICES(field, name, alias, when, sentence) \
    { name, alias, NULL, sentence, NULL, 0, 0, AT(field), OPTION_KIND_NOTICES, 0, OPTION_##when },
#define OPTION_LIMITS(field, name, alias, when, sentence) \
    { name, alias, NULL, sentence, NULL, 0, 0, AT(field), OPTION_KIND_LIMITS, 0, OPTION_##when },
#define OPTION_PERCENTS(field, name, alias, usual, when, sentence) \
    { name, alias, usual, sentence, NULL, 0, 0, AT(field), OPTION_KIND_PERCENTS, 0, OPTION_##when },
#define OPTION_TYPES(field, name, alias, usual, when, sentence) \
    { name, alias, NULL, sentence, NULL, 0, 0, AT(field), OPTION_KIND_TYPES, 0, OPTION_##when },
#define OPTION_ENDS(field, name, alias, when, sentence) \
    { name, alias, NULL, sentence, NULL, 0, 0, AT(field), OPTION_KIND_ENDS, 0, OPTION_##when },
#define OPTION_SAVES(field, name, alias, usual, when, sentence) \
    { name, alias, usual, sentence, NULL, 0, 0, AT(field), OPTION_KIND_SAVES, 0, OPTION_##when },
#define OPTION_PEER(field, name, alias, when, sentence) \
    { name, alias, "", sentence, NULL, 0, 2, AT(field), OPTION_KIND_WORDS, OPTION_UNIT_PEER, \
      OPTION_##when },
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

char *options_copy_text(struct slice from)
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

void options_set_words(struct option_words *words, const struct slice *from, size_t count)
{
    words_clear(words);
    words->at = memory_new(count * sizeof(*words->at));
    words->count = count;
    for (size_t i = 0; i < count; i++)
        words->at[i] = options_copy_text(from[i]);
}

void options_init(struct options *options)
{
    *options = (struct options){
#define OPTION_BOOL(field, name, alias, usual, when, sentence)                      .field = usual,
#define OPTION_NUMBER(field, name, alias, least, most, usual, unit, when, sentence) .field = usual,
#define OPTION_CHOICE(field, name, alias, words, usual, when, sentence)             .field = (int)usual,
#define OPTION_TEXT(field, name, alias, usual, when, sentence)
#define OPTION_NAME(field, name, alias, usual, noun, when, sentence)
#define OPTION_BYTES(field, name, alias, when, sentence)
#define OPTION_WORDS(field, name, alias, usual, most, when, sentence)
#define OPTION_NOTICES(field, name, alias, when, sentence)
#define OPTION_LIMITS(field, name, alias, when, sentence) .field = usual_limits,
#define OPTION_PERCENTS(field, name, alias, usual, when, sentence)
#define OPTION_TYPES(field, name, alias, usual, when, sentence)                     .field = usual,
#define OPTION_ENDS(field, name, alias, when, sentence)                             .field = 0,
#define OPTION_SAVES(field, name, alias, usual, when, sentence)
#define OPTION_PEER(field, name, alias, when, sentence)
#define OPTION_FIXED(name, alias, value, when, reason)
#include "broker/config/options.def"
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct option *option = &rows[i];
        void *field = options_field(options, option);

        if (option->kind == OPTION_KIND_TEXT || option->kind == OPTION_KIND_NAME) {
            *(char **)field = options_copy_text(slice_text(option->usual));
        } else if (option->kind == OPTION_KIND_BYTES) {
            *(struct option_bytes *)field = (struct option_bytes){ options_copy_text(SLICE("")), 0 };
        } else if (option->kind == OPTION_KIND_WORDS) {
            struct slice words[64];
            size_t count = options_split(slice_text(option->usual), words, COUNT_OF(words));

            options_set_words(field, words, count);
        } else if (option->kind == OPTION_KIND_PERCENTS || option->kind == OPTION_KIND_SAVES) {
            struct trouble trouble;
            struct slice usual = slice_text(option->usual);

            must(options_parse(options, option, &usual, 1, &trouble));
        }
    }
}

void options_clear(struct options *options)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *field = options_field(options, &rows[i]);

        if (rows[i].kind == OPTION_KIND_TEXT || rows[i].kind == OPTION_KIND_NAME)
            memory_free(*(char **)field);
        else if (rows[i].kind == OPTION_KIND_BYTES)
            memory_free(((struct option_bytes *)field)->at);
        else if (rows[i].kind == OPTION_KIND_WORDS)
            words_clear(field);
    }
    *options = (struct options){ 0 };
}

void options_copy(struct options *to, const struct options *from)
{
    *to = *from;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *field = options_field(to, &rows[i]);

        if (rows[i].kind == OPTION_KIND_TEXT || rows[i].kind == OPTION_KIND_NAME) {
            *(char **)field = options_copy_text(slice_text(*(char **)field));
        } else if (rows[i].kind == OPTION_KIND_BYTES) {
            struct option_bytes *bytes = field;

            bytes->at = options_copy_text(slice_of(bytes->at, bytes->len));
        } else if (rows[i].kind == OPTION_KIND_WORDS) {
            struct option_words *words = field;
            char **copy = memory_new(words->count * sizeof(*copy));

            for (size_t j = 0; j < words->count; j++)
                copy[j] = options_copy_text(slice_text(words->at[j]));
            words->at = copy;
        }
    }
}

/*
 * Options that are sets, kept as bits: how each is read from text, and shown in a form that
 * can be read again. The letters of notify-keyspace-events, the types that may be evicted,
 * how a signal ends the broker.
 */
#include "broker/config/options_private.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Letters of events ---- */

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
    { 'K', OPTION_NOTICE_KEYSPACE },      { 'E', OPTION_NOTICE_KEYEVENT },
    { 'm', OPTION_NOTICE_MISS },          { 'n', OPTION_NOTICE_NEW },
    { 'o', OPTION_NOTICE_OVERWRITTEN },   { 'c', OPTION_NOTICE_RETYPED },
    { 'S', OPTION_NOTICE_FIELDS_OF_KEY }, { 'T', OPTION_NOTICE_FIELDS_OF_EVENT },
    { 'I', OPTION_NOTICE_ONE_FIELD },     { 'V', OPTION_NOTICE_FIELDS_OF_BOTH },
};

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

void options_add_notices(uint32_t notices, struct buffer *to)
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

/* ---- Types ---- */

/* In the order of enum value_kind. */
static const char *const type_names[] = { "string", "list", "set", "zset", "hash", "stream" };

bool options_read_types(uint32_t *field, const struct slice *words, size_t count,
                        struct trouble *trouble)
{
    uint32_t types = 0;

    if (count == 1 && slice_equal_nocase(words[0], SLICE("auto"))) {
        *field = OPTION_TYPES_AUTO;
        return true;
    }
    if (count == 1 && slice_equal_nocase(words[0], SLICE("all"))) {
        *field = OPTION_TYPES_ALL;
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t bit = 0;

        for (size_t j = 0; j < COUNT_OF(type_names); j++) {
            if (slice_equal_nocase(words[i], slice_text(type_names[j])))
                bit = 1u << j;
        }
        types |= bit;
        if (bit == 0)
            return trouble_set(trouble, "argument(s) must be auto, all or some of string, list, "
                                        "set, zset, hash, stream");
    }
    if (types == 0)
        return trouble_set(trouble, "at least one type must be evictable; the policy noeviction "
                                    "evicts none");
    *field = types;
    return true;
}

void options_add_types(uint32_t types, struct buffer *to)
{
    bool first = true;

    if (types == OPTION_TYPES_AUTO || types == OPTION_TYPES_ALL) {
        buffer_add(to, types == OPTION_TYPES_ALL ? SLICE("all") : SLICE("auto"));
        return;
    }
    for (size_t i = 0; i < COUNT_OF(type_names); i++) {
        if ((types & 1u << i) == 0)
            continue;
        buffer_print(to, "%s%s", first ? "" : " ", type_names[i]);
        first = false;
    }
}

/* ---- Ends ---- */

static const struct {
    const char *word;
    uint32_t bit;
} ends[] = {
    { "default", 0 },          { "save", OPTION_END_SAVE },   { "nosave", OPTION_END_NOSAVE },
    { "now", OPTION_END_NOW }, { "force", OPTION_END_FORCE },
};

enum { ENDS = sizeof(ends) / sizeof(ends[0]) };

static bool read_end(struct slice word, uint32_t *bits)
{
    for (size_t i = 0; i < ENDS; i++) {
        if (slice_equal_nocase(word, slice_text(ends[i].word))) {
            *bits |= ends[i].bit;
            return true;
        }
    }
    return false;
}

bool options_read_ends(uint32_t *field, const struct slice *words, size_t count,
                       struct trouble *trouble)
{
    bool known = count > 0;
    uint32_t bits = 0;

    for (size_t i = 0; i < count; i++)
        known = known && read_end(words[i], &bits);
    if (!known)
        return trouble_set(trouble, "argument(s) must be one of the following: default, save, "
                                    "nosave, now, force");
    if ((bits & OPTION_END_SAVE) != 0 && (bits & OPTION_END_NOSAVE) != 0)
        return trouble_set(trouble, "shutdown options SAVE and NOSAVE can't be used "
                                    "simultaneously");
    *field = bits;
    return true;
}

void options_add_ends(uint32_t bits, struct buffer *to)
{
    size_t before = to->len;

    for (size_t i = 1; i < ENDS; i++) {
        if ((bits & ends[i].bit) != 0)
            buffer_print(to, "%s%s", to->len > before ? " " : "", ends[i].word);
    }
    if (bits == 0)
        buffer_add(to, slice_text(ends[0].word));
}

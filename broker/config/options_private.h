/* What options.c, options_text.c and options_bits.c share. */
#ifndef BROKER_CONFIG_OPTIONS_PRIVATE_H
#define BROKER_CONFIG_OPTIONS_PRIVATE_H

#include "broker/config/options.h"

/* The field of an option; the kind says what it points to. */
static inline void *options_field(struct options *options, const struct option *option)
{
    return (char *)options + option->offset;
}

static inline const void *options_field_seen(const struct options *options,
                                             const struct option *option)
{
    return (const char *)options + option->offset;
}

/* An owned copy, ended by a NUL. */
char *options_copy_text(struct slice from);

/* Puts owned copies of the words into a list, freeing what was in it. */
void options_set_words(struct option_words *words, const struct slice *from, size_t count);

/* Splits text at blanks into at most `most` words; returns how many there really are. */
size_t options_split(struct slice text, struct slice *words, size_t most);

/* Reads the letters of notify-keyspace-events, bits of enum option_notice, and prints them. */
bool options_read_notices(struct slice letters, uint32_t *notices);
void options_add_notices(uint32_t notices, struct buffer *to);

/* Reads which types may be evicted, a bit for each enum value_kind, and prints them. */
bool options_read_types(uint32_t *field, const struct slice *words, size_t count,
                        struct trouble *trouble);
void options_add_types(uint32_t types, struct buffer *to);

/* Reads how a signal ends the broker, words that are bits of enum option_ends, and prints it. */
bool options_read_ends(uint32_t *field, const struct slice *words, size_t count,
                       struct trouble *trouble);
void options_add_ends(uint32_t bits, struct buffer *to);

#endif

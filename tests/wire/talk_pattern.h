/*
 * What a talk expects: a reply in the notation of talks, some of whose places
 * are left open (`<int>`, `/.../`, `...`). README.md of this folder has the notation.
 */
#ifndef TESTS_WIRE_TALK_PATTERN_H
#define TESTS_WIRE_TALK_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/wire/talk_reply.h"
#include "tests/wire/talk_text.h"

/* Names that a talk gave to parts of replies (`<id:first>`), for use as ${first}. */
struct captures {
    struct text *names;
    struct text *values;
    size_t count;
};

/* Remembers a value under a name, in place of an older one. */
void captures_set(struct captures *captures, const char *name, const char *value, size_t length);

/* Copies a line with each ${name} replaced. False if a name is unknown; `out` then names it. */
bool captures_fill(const struct captures *captures, const char *line, struct text *out);

void captures_clear(struct captures *captures);

struct pattern;

/*
 * Reads a pattern, which must fill the whole text. Returns NULL if the notation
 * is wrong; `trouble` then tells why.
 */
struct pattern *pattern_new(const char *notation, struct text *trouble);

/* Whether a reply fits. Captures are set as parts fit, even if the whole does not. */
bool pattern_fits(const struct pattern *pattern, const struct talk_reply *reply,
                  struct captures *captures);

/*
 * Whether one word of a statement fits: `<int>`, `<id>`, `<bulk>` and `/.../` mean
 * what they mean in a reply, anything else means itself, in large or small letters.
 */
bool pattern_fits_word(const struct text *word, const struct text *got);

void pattern_free(struct pattern *pattern);

#endif

/*
 * Patterns such as h?llo*[a-z], as KEYS, PSUBSCRIBE and ACL rules know them:
 * `*` any run, `?` any byte, `[abc]`, `[^a]`, `[a-z]`, `\x` the byte itself.
 *
 * Matching does not recurse, and its steps are bounded: one pass over pattern and
 * text, and eight million steps beyond that. Without a bound a pattern of a megabyte
 * and a text of a megabyte could take a million times a million steps, an hour in
 * which nobody else is served. What has not matched at the bound does not match.
 */
#ifndef STORAGE_BASE_GLOB_H
#define STORAGE_BASE_GLOB_H

#include "storage/base/slice.h"

/*
 * Whether the whole text matches the whole pattern. As in Redis, the empty text
 * matches only the empty pattern; a command for which a lone `*` means
 * everything (KEYS, SCAN) looks for that itself.
 */
bool glob_match(struct slice pattern, struct slice text);

/* The same, but for the case of ASCII letters. */
bool glob_match_nocase(struct slice pattern, struct slice text);

/* The leading bytes of the pattern that any match must begin with, as they stand. */
size_t glob_fixed_prefix(struct slice pattern);

#endif

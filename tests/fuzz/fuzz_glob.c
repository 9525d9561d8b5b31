/*
 * Fuzzes patterns: the input is a pattern and a text, divided by the first line
 * feed. No pattern may read past its end, and three things always hold: what
 * matches begins with the fixed prefix, a star in front takes nothing away, and
 * a text matches itself with every byte shielded.
 */
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/base/glob.h"
#include "storage/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void shield(struct buffer *pattern, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        buffer_add_byte(pattern, '\\');
        buffer_add_byte(pattern, text.at[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice whole = slice_of(data, size);
    const char *cut = size == 0 ? NULL : memchr(whole.at, '\n', size);
    struct buffer pattern = { 0 };
    struct slice text = { "", 0 };
    size_t prefix;

    if (cut != NULL) {
        text = slice_after(whole, (size_t)(cut + 1 - whole.at));
        whole.len = (size_t)(cut - whole.at);
    }
    buffer_add_byte(&pattern, '*');
    buffer_add(&pattern, whole);
    prefix = glob_fixed_prefix(whole);
    (void)glob_match_nocase(whole, text);
    if (glob_match(whole, text)) {
        must(text.len >= prefix && memcmp(text.at, whole.at, prefix) == 0);
        must(text.len == 0 || glob_match(buffer_slice(&pattern), text));
    }
    buffer_rewind(&pattern);
    shield(&pattern, text);
    must(glob_match(buffer_slice(&pattern), text));
    must(glob_match_nocase(buffer_slice(&pattern), text));
    buffer_clear(&pattern);
    return 0;
}

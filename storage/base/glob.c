/*
 * Matching of patterns, without recursion.
 *
 * When a `*` is met, its place is remembered together with the place in the
 * text; on a mismatch further on, the star takes one byte more and matching
 * goes on behind it. Only the last star need be remembered: what an earlier
 * one could still do, the last can do as well. What was read of the pattern between a
 * star and a mismatch is read again from the next byte on, so that much is charged; a
 * match that charges more than MOST_STEPS is given up.
 *
 * Odd patterns mean what they mean to Redis: a backslash at the very end stands
 * for itself; a class without its bracket ends with the pattern; in a class a
 * backslash shields the byte after it, case and all, and `x-y` is a range even
 * if y is `]` or comes before x; the empty text matches nothing but the empty
 * pattern, not even `*`.
 */
#include "storage/base/glob.h"

enum { MOST_STEPS = 1 << 23 };

static inline unsigned char fold(unsigned char byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

static inline bool same(char a, char b, bool nocase)
{
    return a == b || (nocase && fold((unsigned char)a) == fold((unsigned char)b));
}

/* Whether the byte lies between two others, whichever of them is the lower. */
static bool within(char from, char to, char byte, bool nocase)
{
    unsigned char low = (unsigned char)from;
    unsigned char high = (unsigned char)to;
    unsigned char it = (unsigned char)byte;

    if (low > high) {
        low = (unsigned char)to;
        high = (unsigned char)from;
    }
    if (nocase) {
        low = fold(low);
        high = fold(high);
        it = fold(it);
    }
    return it >= low && it <= high;
}

/* Whether a byte is in the class that opens at `*at`, which is left behind the class. */
static bool class_holds(struct slice pattern, size_t *at, char byte, bool nocase)
{
    size_t i = *at + 1;
    bool except = i < pattern.len && pattern.at[i] == '^';
    bool found = false;

    if (except)
        i++;
    while (i < pattern.len && pattern.at[i] != ']') {
        if (pattern.at[i] == '\\' && i + 1 < pattern.len) {
            found |= pattern.at[i + 1] == byte;
            i += 2;
        } else if (i + 2 < pattern.len && pattern.at[i + 1] == '-') {
            found |= within(pattern.at[i], pattern.at[i + 2], byte, nocase);
            i += 3;
        } else {
            found |= same(pattern.at[i], byte, nocase);
            i++;
        }
    }
    *at = i < pattern.len ? i + 1 : i;
    return found != except;
}

/* Whether what stands at `*at`, not a star, matches one byte; if so, `*at` goes past it. */
static inline bool step(struct slice pattern, size_t *at, char byte, bool nocase)
{
    size_t i = *at;

    if (i == pattern.len)
        return false;
    switch (pattern.at[i]) {
    case '?':
        break;
    case '[':
        return class_holds(pattern, at, byte, nocase);
    case '\\':
        if (i + 1 < pattern.len)
            i++;
        if (!same(pattern.at[i], byte, nocase))
            return false;
        break;
    default:
        if (!same(pattern.at[i], byte, nocase))
            return false;
    }
    *at = i + 1;
    return true;
}

static inline bool match(struct slice pattern, struct slice text, bool nocase)
{
    bool starred = false;
    size_t behind_star = 0; /* in the pattern */
    size_t star_end = 0;    /* how far the last star reaches into the text */
    size_t at = 0;
    size_t i = 0;
    size_t steps = 0;

    if (text.len == 0)
        return pattern.len == 0;
    while (i < text.len) {
        if (at < pattern.len && pattern.at[at] == '*') {
            starred = true;
            behind_star = ++at;
            star_end = i;
            if (at == pattern.len)
                return true;
        } else if (step(pattern, &at, text.at[i], nocase)) {
            i++;
        } else if (starred) {
            steps += at - behind_star + 1;
            if (steps > MOST_STEPS)
                return false;
            at = behind_star;
            i = ++star_end;
        } else {
            return false;
        }
    }
    while (at < pattern.len && pattern.at[at] == '*')
        at++;
    return at == pattern.len;
}

bool glob_match(struct slice pattern, struct slice text)
{
    return match(pattern, text, false);
}

bool glob_match_nocase(struct slice pattern, struct slice text)
{
    return match(pattern, text, true);
}

size_t glob_fixed_prefix(struct slice pattern)
{
    size_t len = 0;

    while (len < pattern.len && memchr("*?[\\", pattern.at[len], 4) == NULL)
        len++;
    return len;
}

/* The order of SORT, a part of it, and patterns. */
#include "storage/values/sorting.h"

#include <stdlib.h>

#include "storage/base/number.h"

/* ---- Comparing ---- */

static int compare_texts(struct slice one, struct slice other)
{
    if (one.at == NULL || other.at == NULL)
        return (one.at != NULL) - (other.at != NULL);
    return slice_compare(one, other);
}

static int compare(const struct sorting_element *one, const struct sorting_element *other,
                   unsigned order)
{
    int way;

    if (order & SORTING_TEXT) {
        way = compare_texts(one->weight.text, other->weight.text);
    } else {
        way = (one->weight.number > other->weight.number) -
              (one->weight.number < other->weight.number);
        if (way == 0)
            way = slice_compare(one->bytes, other->bytes);
    }
    if (way != 0)
        return order & SORTING_FALLING ? -way : way;
    return (one->turn > other->turn) - (one->turn < other->turn);
}

bool sorting_before(const struct sorting_element *one, const struct sorting_element *other,
                    unsigned order)
{
    return compare(one, other, order) < 0;
}

static int compare_numbers_rising(const void *one, const void *other)
{
    return compare(one, other, SORTING_NUMBERS);
}

static int compare_numbers_falling(const void *one, const void *other)
{
    return compare(one, other, SORTING_NUMBERS | SORTING_FALLING);
}

static int compare_texts_rising(const void *one, const void *other)
{
    return compare(one, other, SORTING_TEXT);
}

static int compare_texts_falling(const void *one, const void *other)
{
    return compare(one, other, SORTING_TEXT | SORTING_FALLING);
}

static void sort_all(struct sorting_element *elements, size_t count, unsigned order)
{
    static int (*const compares[])(const void *, const void *) = {
        compare_numbers_rising, compare_texts_rising, compare_numbers_falling,
        compare_texts_falling
    };

    qsort(elements, count, sizeof *elements, compares[order]);
}

/* ---- A part of the order: a heap of the first so many, the last of them on top ---- */

enum { PART = 8 }; /* a part is sought by itself if it ends in the first eighth of all */

static void swap(struct sorting_element *one, struct sorting_element *other)
{
    struct sorting_element kept = *one;

    *one = *other;
    *other = kept;
}

static void sink(struct sorting_element *heap, size_t count, size_t at, unsigned order)
{
    for (;;) {
        size_t last = 2 * at + 1;

        if (last >= count)
            return;
        if (last + 1 < count && sorting_before(&heap[last], &heap[last + 1], order))
            last++;
        if (!sorting_before(&heap[at], &heap[last], order))
            return;
        swap(&heap[at], &heap[last]);
        at = last;
    }
}

void sorting_place(struct sorting_element *elements, size_t count, size_t from, size_t to,
                   unsigned order)
{
    if (from >= to)
        return;
    if (to > count / PART) {
        sort_all(elements, count, order);
        return;
    }
    for (size_t at = to / 2; at-- > 0;)
        sink(elements, to, at, order);
    for (size_t at = to; at < count; at++) {
        if (!sorting_before(&elements[at], &elements[0], order))
            continue;
        swap(&elements[at], &elements[0]);
        sink(elements, to, 0, order);
    }
    sort_all(elements, to, order);
}

/* ---- Weights ---- */

bool sorting_read_number(struct slice text, double *number)
{
    const char *nul = text.len > 0 ? memchr(text.at, '\0', text.len) : NULL;

    if (nul != NULL)
        text.len = (size_t)(nul - text.at);
    *number = 0;
    if (text.len == 0)
        return true;
    while (text.len > 0 && (text.at[0] == ' ' || (text.at[0] >= '\t' && text.at[0] <= '\r')))
        text = slice_after(text, 1);
    return number_read_double(text, number);
}

/* ---- Patterns ---- */

struct sorting_pattern sorting_read_pattern(struct slice text)
{
    struct sorting_pattern pattern = { .itself = slice_equal(text, SLICE("#")) };
    const char *star = text.len > 0 ? memchr(text.at, '*', text.len) : NULL;
    const char *arrow;

    pattern.fixed = star == NULL;
    if (star == NULL)
        return pattern;
    pattern.before = slice_of(text.at, (size_t)(star - text.at));
    pattern.behind = slice_after(text, pattern.before.len + 1);
    if (pattern.behind.len == 0)
        return pattern;
    arrow = memmem(pattern.behind.at, pattern.behind.len, "->", 2);
    if (arrow == NULL || arrow + 2 == pattern.behind.at + pattern.behind.len)
        return pattern;
    pattern.field = slice_after(pattern.behind, (size_t)(arrow - pattern.behind.at) + 2);
    pattern.behind.len = (size_t)(arrow - pattern.behind.at);
    return pattern;
}

void sorting_put_key(char *to, const struct sorting_pattern *pattern, struct slice element)
{
    const struct slice parts[] = { pattern->before, element, pattern->behind };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].len > 0)
            memcpy(to, parts[i].at, parts[i].len);
        to += parts[i].len;
    }
}

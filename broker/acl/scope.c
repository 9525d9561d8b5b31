/* Patterns in the order they came: they are few, and shown in that order. */
#include "broker/acl/scope.h"

#include "storage/base/bytes.h"
#include "storage/base/glob.h"
#include "storage/base/memory.h"

struct scope_pattern {
    struct bytes *text;
    unsigned      ways;
};

void scope_set(struct scope *scope, bool all)
{
    for (size_t i = 0; i < scope->count; i++)
        bytes_drop(scope->patterns[i].text);
    memory_free(scope->patterns);
    *scope = (struct scope){ .all = all };
}

static void put(struct scope *scope, struct bytes *text, unsigned ways)
{
    scope->patterns =
        memory_resize(scope->patterns, (scope->count + 1) * sizeof(*scope->patterns));
    scope->patterns[scope->count++] = (struct scope_pattern){ text, ways };
}

void scope_copy(struct scope *to, const struct scope *from)
{
    to->all = from->all;
    for (size_t i = 0; i < from->count; i++)
        put(to, bytes_share(from->patterns[i].text), from->patterns[i].ways);
}

void scope_add(struct scope *scope, struct slice pattern, unsigned ways)
{
    struct scope_pattern *there = NULL;

    if (scope->all)
        return;
    for (size_t i = 0; i < scope->count && there == NULL; i++) {
        if (slice_equal(bytes_slice(scope->patterns[i].text), pattern))
            there = &scope->patterns[i];
    }
    if (there != NULL)
        there->ways |= ways;
    else
        put(scope, bytes_copy(pattern), ways);
}

bool scope_admits(const struct scope *scope, struct slice name, unsigned ways)
{
    for (size_t i = 0; i < scope->count; i++) {
        const struct scope_pattern *pattern = &scope->patterns[i];

        if ((pattern->ways & ways) == ways && glob_match(bytes_slice(pattern->text), name))
            return true;
    }
    return scope->all;
}

bool scope_has(const struct scope *scope, struct slice pattern, unsigned ways)
{
    for (size_t i = 0; i < scope->count; i++) {
        const struct scope_pattern *own = &scope->patterns[i];

        if ((own->ways & ways) == ways && slice_equal(bytes_slice(own->text), pattern))
            return true;
    }
    return scope->all;
}

struct slice scope_at(const struct scope *scope, size_t index, unsigned *ways)
{
    *ways = scope->patterns[index].ways;
    return bytes_slice(scope->patterns[index].text);
}

/* A single * for all ways is printed, and read again, as what lets all in. */
static bool lets_all_in(const struct scope *scope)
{
    return scope->all || (scope->count == 1 && scope->patterns[0].ways == SCOPE_BOTH &&
                          slice_equal(bytes_slice(scope->patterns[0].text), SLICE("*")));
}

bool scope_equal(const struct scope *a, const struct scope *b)
{
    if (lets_all_in(a) && lets_all_in(b))
        return true;
    if (a->all != b->all || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (a->patterns[i].ways != b->patterns[i].ways ||
            !slice_equal(bytes_slice(a->patterns[i].text), bytes_slice(b->patterns[i].text)))
            return false;
    }
    return true;
}

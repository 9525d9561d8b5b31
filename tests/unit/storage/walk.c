/* Steps, forms, and values made anew. */
#include "tests/unit/storage/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/io.h"
#include "storage/base/mover.h"
#include "storage/format/rdb_format.h"

enum { STEPS_SHORT = 20000, STEPS_LONG = 1000000 };

size_t walk_steps(size_t usual)
{
    const char *steps = getenv("MILLRACE_STEPS");

    return steps != NULL ? strtoull(steps, NULL, 10) : usual;
}

void walk_begin(struct walk *walk, uint64_t seed)
{
    const char *longer = getenv("LONG");
    bool is_long = longer != NULL && strcmp(longer, "1") == 0;

    *walk = (struct walk){ .steps = walk_steps(is_long ? STEPS_LONG : STEPS_SHORT) };
    random_seed(&walk->random, seed);
}

size_t walk_below(struct walk *walk, size_t below)
{
    return (size_t)random_below(&walk->random, below);
}

static size_t form_of(const struct walk *walk, const char *name)
{
    size_t i = 0;

    while (i < walk->forms && strcmp(walk->form[i], name) != 0)
        i++;
    return i;
}

void walk_form(struct walk *walk, const char *name)
{
    size_t form = form_of(walk, name);

    if (form == walk->forms) {
        must(form < WALK_FORMS);
        walk->form[walk->forms++] = name;
    }
    walk->became[walk->now][form]++;
    walk->now = form;
}

size_t walk_became(const struct walk *walk, const char *from, const char *to)
{
    size_t a = form_of(walk, from);
    size_t b = form_of(walk, to);

    return a < walk->forms && b < walk->forms ? walk->became[a][b] : 0;
}

void walk_end(const struct walk *walk, const char *what)
{
    printf("\n    %s: %zu steps, each compared and checked;", what, walk->steps);
    for (size_t a = 0; a < walk->forms; a++) {
        for (size_t b = 0; b < walk->forms; b++) {
            if (a != b && walk->became[a][b] > 0)
                printf(" %s to %s %zu,", walk->form[a], walk->form[b], walk->became[a][b]);
        }
    }
    printf(" ");
}

static struct value *read_again(const struct value_type *type, const struct value *value,
                                const struct value_limits *limits, bool compress)
{
    struct buffer bytes = { 0 };
    struct writer *to = writer_new_memory(&bytes);
    struct rdb_writer writing;
    struct rdb_reader reading;
    struct reader *from;
    struct value *again;

    rdb_writer_init(&writing, to, compress);
    type->save(value, &writing);
    rdb_writer_clear(&writing);
    writer_free(to);
    from = reader_new_memory(buffer_slice(&bytes));
    rdb_reader_init(&reading, from, bytes.len);
    again = type->load(&reading, type->rdb_type(value), limits);
    must(again != NULL && rdb_left(&reading) == 0);
    rdb_reader_clear(&reading);
    reader_free(from);
    buffer_clear(&bytes);
    return again;
}

struct value *walk_anew(struct walk *walk, const struct value_type *type, struct value *value,
                        const struct value_limits *limits)
{
    size_t how = walk_below(walk, 3);
    struct value *again = how == 0 ? type->copy(value)
                                   : read_again(type, value, limits, how == 1);
    struct fingerprint a = { { 0 } };
    struct fingerprint b = { { 0 } };

    type->digest(value, &a);
    type->digest(again, &b);
    must(memcmp(&a, &b, sizeof(a)) == 0);
    type->free(value);
    return again;
}

struct value *walk_move(struct walk *walk, const struct value_type *type, struct value *value)
{
    struct mover mover = { .wanted = NULL };

    if (walk_below(walk, 8) == 0)
        walk->moved_to = type->defragment(&value, &mover, walk->moved_to);
    return value;
}

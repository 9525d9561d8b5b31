/*
 * What random walks share: how many steps; and for the long ones over values, the
 * value made anew by another way, and which forms were walked through.
 *
 * A walk changes a value and a naive model of it alike, step by step, and after
 * every step compares the two and has the value check itself. Sizes are small,
 * and so are the limits between forms, which change under way; so all forms
 * are met, and every change from one to another.
 *
 * 20,000 steps; a million if LONG=1 is in the environment. Any walk takes as many as
 * MILLRACE_STEPS says, if it does.
 */
#ifndef TESTS_UNIT_STORAGE_WALK_H
#define TESTS_UNIT_STORAGE_WALK_H

#include "storage/base/random.h"
#include "storage/values/value.h"

enum { WALK_FORMS = 8 };

struct walk {
    struct random random;
    size_t        steps;
    uint64_t      moved_to; /* Private: see walk_move. */
    /* Private: which forms there were, by name, and how often one became another. */
    const char *form[WALK_FORMS];
    size_t      forms;
    size_t      now;
    size_t      became[WALK_FORMS][WALK_FORMS];
};

/* How many steps are wanted, if `usual` is what nobody asked for. */
size_t walk_steps(size_t usual);

/* Begins a walk of as many steps as are wanted. */
void walk_begin(struct walk *walk, uint64_t seed);

/* A number below another, by chance. */
size_t walk_below(struct walk *walk, size_t below);

/* Says which form the value has after a step: a constant. */
void walk_form(struct walk *walk, const char *name);

/* How often one form became another. */
size_t walk_became(const struct walk *walk, const char *from, const char *to);

/* Prints what was walked. */
void walk_end(const struct walk *walk, const char *what);

/*
 * The same value made anew, by chance as a copy or written as DUMP does and read
 * again, whose form the limits of now decide. The old one is freed. They have the
 * same fingerprint.
 */
struct value *walk_anew(struct walk *walk, const struct value_type *type, struct value *value,
                        const struct value_limits *limits);

/* Moves blocks of the value now and then, as who gives memory back does; where it is then. */
struct value *walk_move(struct walk *walk, const struct value_type *type, struct value *value);

#endif

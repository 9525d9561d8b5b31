#include "broker/config/config_help.h"

#include <string.h>

#include "broker/config/config_rewrite.h"
#include "broker/config/options.h"

enum {
    LONGEST_NAME = 64, /* longer names are not compared: no option has one */
    MOST_EDITS = 2     /* names further apart than this have nothing to do with each other */
};

/* ---- The list of all options ---- */

void config_help_sample(struct buffer *to)
{
    struct options usual;

    buffer_add(to, SLICE("# Every option of Millrace with its default. Remove the # in front of a\n"
                         "# line to change it. Options may also be given as --name value.\n"));
    options_init(&usual);
    for (size_t i = 0; i < options_count(); i++) {
        const struct option *option = options_at(i);

        if (option->kind == OPTION_KIND_FIXED || option->when == OPTION_HIDDEN)
            continue;
        buffer_print(to, "\n# %s%s\n#", option->sentence,
                     option->when == OPTION_START ? " (CONFIG SET cannot change it.)" : "");
        config_rewrite_line(&usual, option, slice_text(option->name), to);
    }
    options_clear(&usual);
}

/* ---- The name that was meant ---- */

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * How many letters have to be inserted, removed, replaced or swapped with their
 * neighbour to turn one word into the other. Both are at most LONGEST_NAME long.
 */
static size_t edits_between(struct slice a, struct slice b)
{
    size_t table[LONGEST_NAME + 1][LONGEST_NAME + 1]; /* of the first i letters and the first j */

    for (size_t i = 0; i <= a.len; i++)
        table[i][0] = i;
    for (size_t j = 0; j <= b.len; j++)
        table[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        for (size_t j = 1; j <= b.len; j++) {
            bool same = lower(a.at[i - 1]) == lower(b.at[j - 1]);

            table[i][j] = least(table[i - 1][j - 1] + !same,
                                least(table[i - 1][j], table[i][j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a.at[i - 1]) == lower(b.at[j - 2]) &&
                lower(a.at[i - 2]) == lower(b.at[j - 1]))
                table[i][j] = least(table[i][j], table[i - 2][j - 2] + 1);
        }
    }
    return table[a.len][b.len];
}

const char *config_help_nearest(struct slice name)
{
    const char *nearest = NULL;
    size_t fewest = MOST_EDITS + 1;

    /* Two edits turn any word of two letters into any other. */
    if (name.len <= MOST_EDITS || name.len > LONGEST_NAME)
        return NULL;
    for (size_t i = 0; i < options_count(); i++) {
        struct slice other = slice_text(options_at(i)->name);
        size_t edits = other.len <= LONGEST_NAME ? edits_between(name, other) : fewest;

        if (edits < fewest) {
            fewest = edits;
            nearest = options_at(i)->name;
        }
    }
    return nearest;
}

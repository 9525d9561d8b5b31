/*
 * Commands that the configuration gave other names, or none: `rename-command`.
 *
 * Only those who ask say them, sessions and scripts; a request is translated before anyone
 * sees it, so that the log, replicas, the slow log and rules of ACL know one name for each.
 */
#ifndef BROKER_DISPATCH_NAMING_H
#define BROKER_DISPATCH_NAMING_H

#include <stdbool.h>

#include "broker/dispatch/command.h"
#include "storage/base/trouble.h"

struct naming;

/* What a word is. */
enum named {
    NAMED_AS_EVER, /* not renamed; maybe no command at all */
    NAMED_ANEW,    /* a new name */
    NAMED_NO_MORE, /* a command's own name, which it lost */
};

/* Nothing is renamed yet. */
struct naming *naming_new(void);

/* NULL is fine. */
void naming_free(struct naming *naming);

/*
 * Gives the command that is called `from` another name, of which it is told no more; an
 * empty one is none: nobody can ask for it. Names are copied. False, with the reason in
 * Redis's words, if no command is called so, or another is called `to`.
 */
bool naming_rename(struct naming *naming, struct slice from, struct slice to,
                   struct trouble *trouble);

/* NULL is empty. */
bool naming_is_empty(const struct naming *naming);

/* Says what a first word is; a new name is replaced by the command's own. O(renamed). */
enum named naming_translate(const struct naming *naming, struct slice *word);

/* The row of a command that has a name, as command_named finds it; NULL if there is none. */
const struct command *naming_find(const struct naming *naming, struct slice full_name);

/* The same for the words of a request, as command_find finds it. */
const struct command *naming_find_words(const struct naming *naming, const struct slice *words,
                                        size_t count);

/* Whether nobody can ask for a command, or a subcommand, since it has no name. */
bool naming_hides(const struct naming *naming, const struct command *command);

#endif

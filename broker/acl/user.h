/*
 * A user: a name, how to sign in as it, and what it may do.
 *
 * Rules are words; beside those of selectors (selector.h), which say what its first
 * selector allows, there are
 *
 *     on off                         whether one may sign in as it
 *     nopass resetpass               any password will do; none will
 *     >password <password            one more password, one less
 *     #digest !digest                the same by the SHA-256, 64 hexadecimal digits
 *     (rule rule ...)                one more selector
 *     clearselectors                 forgets all but the first
 *     reset                          as a new user: off, without passwords or permissions
 *     sanitize-payload skip-sanitize-payload
 *                                    kept and shown; what is restored is always checked
 *
 * A user stays at one address as long as it exists, whatever becomes of its rules.
 */
#ifndef BROKER_ACL_USER_H
#define BROKER_ACL_USER_H

#include "broker/acl/selector.h"

struct user;

/* What a user is denied, in the order of how far a request came. */
enum denied { DENIED_NOTHING, DENIED_COMMAND, DENIED_KEY, DENIED_CHANNEL, DENIED_SIGN_IN };

/* Why a request is denied. */
struct denial {
    enum denied what;
    size_t      word; /* the key or channel among the words, 0 for the command */
};

/* A new user: off, no password, nothing allowed but channels if the option says so. */
struct user *user_new(struct slice name, bool open_channels);

/* One of the same name that may do the same. */
struct user *user_copy(const struct user *from);

/* Frees it. NULL is fine. No session may be signed in as it. */
void user_free(struct user *user);

/* Lets two users change places in all but their address. Their names must be equal. */
void user_swap(struct user *a, struct user *b);

/* Whether this can be the name of a user: some bytes, but no blanks or NULs. */
bool user_name_is_fine(struct slice name);

/* Its name, borrowed as long as it exists. */
struct slice user_name(const struct user *user);

/*
 * Follows one rule; a selector in parentheses is one word. Returns NULL, or why it
 * cannot; then it may have been changed in part.
 */
MUST_USE const char *user_apply(struct user *user, struct slice rule, bool open_channels);

/* What went wrong with a list of rules. */
struct rule_trouble {
    struct buffer rule;     /* the one that cannot be followed, owned */
    const char   *sentence; /* why, or NULL if a parenthesis is left open there */
};

/* Gives back what a trouble holds. */
void rule_trouble_clear(struct rule_trouble *trouble);

/*
 * Follows many rules, where a selector may be spread over several words, and settles.
 * On false it may have been changed in part: make it a copy.
 */
MUST_USE bool user_apply_all(struct user *user, const struct slice *rules, size_t count,
                             bool open_channels, struct rule_trouble *trouble);

/* Whether one may sign in as it at all, and without a password. */
bool user_is_on(const struct user *user);
bool user_needs_no_password(const struct user *user);

/* Whether one may sign in as it with a password. Its time tells nothing of the password. */
bool user_takes_password(const struct user *user, struct slice password);

/* Whether it may do everything: nothing has to be looked up. O(1). */
bool user_may_all(const struct user *user);

/* Whether it may run a command with these words; why not, if it may not. */
struct denial user_asks(const struct user *user, const struct command *command,
                        const struct slice *words, size_t count);

/* Whether it may run the command and, with the same selector, read any key. */
bool user_may_read_all(const struct user *user, const struct command *command,
                       const struct slice *words, size_t count);

/* Whether it may hear a channel, or subscribe to a pattern. */
bool user_may_hear(const struct user *user, struct slice channel, bool is_pattern);

/* The words of its flags, by index: "on", "nopass"; NULL behind the last. */
const char *user_flag(const struct user *user, size_t index);

/* Its passwords by index, as 64 digits; nothing behind the last. */
struct slice user_password(const struct user *user, size_t index);

/* Its selectors; the first is always there. NULL behind the last. */
const struct selector *user_selector(const struct user *user, size_t index);

/* Appends "user name rules...", as files have it, without a line's end. */
void user_print(const struct user *user, struct buffer *to);

/* Whether both may do the same and are signed in as alike. For tests. */
bool user_equal(const struct user *a, const struct user *b);

/* Asserts what is believed of a settled user. For tests. */
void user_check(const struct user *user);

#endif

/*
 * All users, by name. There is always one named `default`: who connects is that one
 * until it signs in as another.
 *
 * A file of users has a line for each, in the words of ACL LIST:
 *
 *     user alice on #9f86d0...0a08 ~orders:* resetchannels -@all +@stream
 *
 * Empty lines say nothing; there are no comments, since ACL SAVE would not keep them.
 * The same line, as words, is what a config file says with `user`.
 */
#ifndef BROKER_ACL_USERS_H
#define BROKER_ACL_USERS_H

#include "broker/acl/user.h"
#include "storage/base/trouble.h"

struct options;
struct users;

/* Nobody but default, which may do everything and needs no password. */
struct users *users_new(const struct options *options);

/* Frees all users. NULL is fine. */
void users_free(struct users *users);

/* The user of that name, or NULL. O(log n). */
struct user *users_find(const struct users *users, struct slice name);

/* The user named default; the same one for ever. */
struct user *users_default(const struct users *users);

/* All users in the order of their names. */
size_t users_count(const struct users *users);
struct user *users_at(const struct users *users, size_t index);

/*
 * Makes or changes a user: all of the rules are followed, or nothing is changed. The
 * name must be fine. NULL with the trouble if a rule cannot be followed.
 */
MUST_USE struct user *users_set(struct users *users, struct slice name,
                                const struct slice *rules, size_t count,
                                struct rule_trouble *trouble);

/* Takes a user out, whom the caller frees. It must not be default. */
void users_take(struct users *users, struct user *user);

/*
 * Puts others in the place of all users and frees `by`. Default stays at its address;
 * no session may be signed in as any other.
 */
void users_replace(struct users *users, struct users *by);

/* Gives default another password; none needed if it is empty. */
void users_set_default_password(struct users *users, struct slice password);

/*
 * Whether a line `user name rules...` of a config file makes sense; words begin with
 * the name. On false the reason is what Redis says behind the name.
 */
bool users_check_line(const struct slice *words, size_t count, struct trouble *trouble);

/* Follows such a line, which was checked. The user begins anew. */
void users_follow_line(struct users *users, const struct slice *words, size_t count);

/*
 * Reads what a file says of all users. `named` is how errors call the file. Returns
 * NULL with all that is wrong, in Redis's words, if anything is.
 */
struct users *users_read(const struct options *options, const char *named, struct slice text,
                         struct buffer *errors);

/* Appends all users, as a file has them, each line ended. */
void users_print(const struct users *users, struct buffer *to);

/* Asserts order and what is believed of each. For tests. */
void users_check(const struct users *users);

#endif

/*
 * Who may do what: users and sessions brought together.
 *
 * Every session has a user. `may_all` of the session is kept in step with its user, so
 * that the guard costs one load and one branch for whoever may do everything; all
 * others are looked up, rule by rule. A change of a user is felt by its sessions with
 * their next request: those subscribed to what they may hear no longer, and those
 * whose user is gone, are closed.
 */
#ifndef BROKER_ACL_ACL_H
#define BROKER_ACL_ACL_H

#include "broker/acl/acl_log.h"
#include "broker/acl/users.h"
#include "broker/dispatch/caller.h"

struct acl;
struct metrics;
struct sessions;

/* Default alone, with the password of the options; all is borrowed. */
struct acl *acl_new(const struct options *options, struct metrics *metrics);

/* Frees all users; sessions must be gone. NULL is fine. */
void acl_free(struct acl *acl);

/* Tells it where sessions are, before there is any. */
void acl_set_sessions(struct acl *acl, struct sessions *sessions);

/* All users, to look at; what changes them is here. */
struct users *acl_users(struct acl *acl);

/* The log of refusals. */
struct acl_log *acl_log(struct acl *acl);

/* NOAUTH and NOPERM: the guard. Refuses in Redis's words and keeps refusals in the log. */
enum pass acl_guard(void *acl, struct call *call);

/* What a new session is, or one that begins anew: default, signed in if that takes no password. */
void acl_welcome(void *acl, struct session *session);

/* Signs the session of a call in as a user. False, and a line in the log, if it may not. */
bool acl_sign_in(struct acl *acl, struct call *call, struct slice name, struct slice password);

/* Whether a session may run a command with these words; logs nothing. `acl` is not looked at. */
bool acl_may(const void *acl, const struct session *session, const struct command *command,
             const struct slice *words, size_t count);

/* Whether the session of a call may read whatever key the call comes upon. */
bool acl_may_read_all(const struct call *call);

/*
 * Makes or changes a user: all rules or none. `self` is the session that asks, which
 * hears its reply before it is closed, or NULL.
 */
bool acl_set_user(struct acl *acl, const struct session *self, struct slice name,
                  const struct slice *rules, size_t count, struct rule_trouble *trouble);

/* Removes a user and closes its sessions. False if there is none such; it is not default. */
bool acl_remove_user(struct acl *acl, const struct session *self, struct slice name);

/* Gives default the password of the options: requirepass was set. */
void acl_follow_password(struct acl *acl);

/* Follows a checked line `user` of the configuration. */
void acl_follow_line(struct acl *acl, const struct slice *words, size_t count);

/*
 * Reads the file of users, which takes the place of all there were; sessions of users
 * other than default are closed. On false nothing was changed, and what is wrong was
 * appended to errors.
 */
bool acl_load(struct acl *acl, const struct session *self, struct buffer *errors);

/* Writes the file of users, all of it or nothing. */
bool acl_save(const struct acl *acl, struct trouble *trouble);

/*
 * Appends the lines `user` that a config file needs to bring these users back; none if
 * there is only default, and it is what the options make it, or if there is a file of users.
 */
void acl_print_lines(const void *acl, struct buffer *to);

#endif

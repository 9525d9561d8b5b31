/*
 * What was refused to whom, the latest first: ACL LOG.
 *
 * The same refusal again within a minute is counted with the first one and comes to
 * the front. As many are kept as the option acllog-max-len says.
 */
#ifndef BROKER_ACL_ACL_LOG_H
#define BROKER_ACL_ACL_LOG_H

#include "broker/acl/user.h"
#include "storage/base/clock.h"

struct acl_log;
struct options;

/* Where a request came from. */
enum acl_context { ACL_TOP_LEVEL, ACL_MULTI, ACL_SCRIPT };

/* One line; slices are borrowed from whoever gives it. */
struct acl_line {
    enum denied      what;
    enum acl_context context;
    struct slice     object; /* the command, key or channel; AUTH or HELLO */
    struct slice     user;   /* whose it was, or who could not sign in */
    struct slice     session; /* its line of CLIENT LIST at that time */
    uint64_t         count;
    millis           when;   /* of the latest */
    millis           first;  /* of the first that is counted; set by the log, as is the number */
    uint64_t         number; /* of the line, since the server began: 0, 1, ... */
};

/* A log of nothing; options are borrowed. */
struct acl_log *acl_log_new(const struct options *options);

/* Frees it. NULL is fine. */
void acl_log_free(struct acl_log *log);

/* Notes a refusal; count is ignored. O(lines kept). */
void acl_log_note(struct acl_log *log, const struct acl_line *line);

/* How many lines there are, and one of them, the latest being 0; borrowed until the next note. */
size_t acl_log_count(const struct acl_log *log);
struct acl_line acl_log_at(const struct acl_log *log, size_t index);

/* Forgets all. */
void acl_log_reset(struct acl_log *log);

#endif

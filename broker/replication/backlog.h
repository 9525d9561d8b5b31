/*
 * The backlog: the latest bytes of the replication stream, so that a replica that
 * was away for a while can go on from where it was.
 *
 *   offsets   first ................................. next
 *             [ block | block | block | block, still growing ]
 *               ^ shared by the outboxes of replicas that have not sent it yet
 *
 * Bytes are copied once, into blocks that are shared by reference: the backlog,
 * and every replica that has not taken them yet, hold the same block. A block
 * that a replica still holds stays in the backlog, which is therefore longer
 * than its size while somebody lags behind; and what all replicas have not taken
 * costs its memory once.
 *
 * Offsets count the bytes of a history from 1, as PSYNC does.
 */
#ifndef BROKER_REPLICATION_BACKLOG_H
#define BROKER_REPLICATION_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/bytes.h"
#include "storage/base/slice.h"

struct backlog;
struct buffer;
struct outbox;

/* An empty one; the next byte has the offset `next`. Keeps at least `size` bytes once it has them. */
struct backlog *backlog_new(int64_t next, size_t size);

/* Frees it; blocks stay with those who hold a share. NULL is fine. */
void backlog_free(struct backlog *backlog);

/* Keeps at least so many bytes from now on; what is too much goes as more comes. */
void backlog_resize(struct backlog *backlog, size_t size);

/* Appends bytes. O(bytes); allocates once in a while. Nothing goes before backlog_trim is called. */
void backlog_append(struct backlog *backlog, struct slice bytes);

/* Lets go what is more than the size and held by nobody: call it when somebody let go, and when
 * what was appended is shared by all who are to have it. */
void backlog_trim(struct backlog *backlog);

/* The offset of the first byte kept, of the next that will come, and how many lie between. */
int64_t backlog_first(const struct backlog *backlog);
int64_t backlog_next(const struct backlog *backlog);
int64_t backlog_length(const struct backlog *backlog);

/* Whether somebody who asks for an offset can go on: it is kept, or comes next. */
bool backlog_has(const struct backlog *backlog, int64_t offset);

/*
 * Puts all bytes from an offset on, which it has, into an outbox, by reference.
 * O(log blocks + blocks).
 */
void backlog_share(const struct backlog *backlog, int64_t offset, struct outbox *to);

/*
 * Keeps all bytes from an offset on, which it has, until the share is dropped
 * with bytes_drop. O(log blocks).
 */
struct bytes *backlog_hold(struct backlog *backlog, int64_t offset);

/* Copies all bytes from an offset on, which it has. */
void backlog_copy_to(const struct backlog *backlog, int64_t offset, struct buffer *to);

/* Bytes of memory: all of it, and of the blocks alone. O(1). */
size_t backlog_memory(const struct backlog *backlog);

/* Asserts all that always holds. */
void backlog_check(const struct backlog *backlog);

#endif

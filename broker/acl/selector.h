/*
 * A selector: one set of permissions. Which commands, which keys to read or to
 * write, which channels. A user has one of its own and may have more; what any one
 * of them allows by itself is allowed.
 *
 * Rules are words, in the syntax of Redis 7.0:
 *
 *     +get -get +config|get     a command or subcommand; a container with all of its own
 *     +select|0                 a command with this first word, though it is denied otherwise
 *     +@read -@read             a category
 *     +@all -@all               also allcommands, nocommands: all there are and will be
 *     ~a* %R~a* %W~a* %RW~a*    keys that match: both ways, to read, to write
 *     ~*                        also allkeys; resetkeys forgets them
 *     &a*                       channels; &* or allchannels; resetchannels forgets them
 *
 * Printing gives rules that make an equal selector: those that were given, in their
 * order, but for the ones that no longer matter.
 */
#ifndef BROKER_ACL_SELECTOR_H
#define BROKER_ACL_SELECTOR_H

#include "broker/dispatch/command.h"
#include "storage/base/buffer.h"
#include "storage/base/must.h"

struct selector;

/* One that allows nothing, or all channels and nothing else. */
struct selector *selector_new(bool all_channels);

/* A copy of its own. O(what it holds). */
struct selector *selector_copy(const struct selector *from);

/* Frees it. NULL is fine. */
void selector_free(struct selector *selector);

/*
 * Follows one rule. Returns NULL, or why it cannot: a sentence of Redis's, static;
 * then nothing was changed. O(commands) for a category.
 */
MUST_USE const char *selector_apply(struct selector *selector, struct slice rule);

/*
 * Forgets rules of commands that others made pointless. Call it after the last of
 * some rules. O(rules squared).
 */
void selector_settle(struct selector *selector);

/* Whether there is nothing it would deny. O(1). */
bool selector_allows_all(const struct selector *selector);

/* Whether a command may be run with these words; keys and channels apart. O(1). */
bool selector_allows_command(const struct selector *selector, const struct command *command,
                             const struct slice *words, size_t count);

/* Whether a key may be used as its flags (enum key_flags) say. O(patterns). */
bool selector_allows_key(const struct selector *selector, struct slice key, uint32_t flags);

/* Whether all keys there can be may be read: SORT's patterns may name any. */
bool selector_allows_reading_all(const struct selector *selector);

/* Whether a channel may be used; a pattern only if it is one of the rules. O(patterns). */
bool selector_allows_channel(const struct selector *selector, struct slice channel,
                             bool is_pattern);

/* Whether every key, or every channel, may be used: nothing is to be looked up then. */
bool selector_allows_all_keys(const struct selector *selector);
bool selector_allows_all_channels(const struct selector *selector);

/* Append the rules of one kind, with blanks between. */
void selector_print_commands(const struct selector *selector, struct buffer *to);
void selector_print_keys(const struct selector *selector, struct buffer *to);
void selector_print_channels(const struct selector *selector, struct buffer *to);

/* Appends all rules as ACL LIST and files have them. */
void selector_print(const struct selector *selector, struct buffer *to);

/* Whether both allow the same, however they came to it. For tests. O(all). */
bool selector_equal(const struct selector *a, const struct selector *b);

/* Asserts that what is allowed is what the rules say. For tests. */
void selector_check(const struct selector *selector);

#endif

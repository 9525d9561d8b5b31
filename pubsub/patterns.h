/*
 * Topics by pattern, found by the name of a channel they match.
 *
 * Patterns that begin with the same fixed bytes share a prefix ("news." of
 * news.*, news.?port and news.[a-m]*). The prefixes are kept sorted, and each
 * knows the longest other one that it begins with itself:
 *
 *     ""  <--  "a"  <--  "abc"
 *                   <--  "abd"  <--  "abdx"
 *         <--  "news."
 *
 * All prefixes that a channel begins with are on one such path: it starts at the
 * greatest prefix that is not greater than the channel. So a publication costs
 * one binary search and the patterns on that path, however many others exist.
 */
#ifndef PUBSUB_PATTERNS_H
#define PUBSUB_PATTERNS_H

#include "pubsub/topic.h"
#include "storage/index/table.h"

struct patterns {
    struct table topics;      /* Private: by the whole pattern */
    struct prefix **prefixes; /* Private: sorted bytewise */
    size_t count;             /* Private: of prefixes */
    size_t capacity;          /* Private. */
};

/* No patterns yet. The key is borrowed. */
void patterns_init(struct patterns *patterns, const struct hash_key *key);

/* Frees it; nobody may be subscribed any more. */
void patterns_clear(struct patterns *patterns);

/* The topic of that pattern, or NULL. */
struct topic *patterns_find(const struct patterns *patterns, struct slice glob);

/* The topic of that pattern, made if it is not there. O(prefixes) for a new prefix. */
struct topic *patterns_open(struct patterns *patterns, struct slice glob);

/* Takes a topic that nobody hears out and frees it. */
void patterns_close(struct patterns *patterns, struct topic *topic);

/*
 * The first topic whose pattern matches the channel, and the one after a topic
 * that was found; NULL at the end. Nothing may be opened or closed in between.
 */
struct topic *patterns_first(const struct patterns *patterns, struct slice channel);
struct topic *patterns_next(const struct topic *topic, struct slice channel);

/* Asserts what patterns.c says always holds. O(n log n). */
void patterns_check(const struct patterns *patterns);

#endif

/* What the hash commands share with those on fields that expire. */
#ifndef BROKER_COMMANDS_DO_HASH_PRIVATE_H
#define BROKER_COMMANDS_DO_HASH_PRIVATE_H

#include "broker/dispatch/call.h"
#include "storage/values/hash_expiry.h"

/* The hash of a key, or NULL. */
MUST_USE enum refusal find_hash(struct call *call, struct slice key, enum look why,
                                struct hash **hash);

/* The same, but where there is none a fresh one is made. */
MUST_USE enum refusal find_or_create_hash(struct call *call, struct slice key,
                                          struct hash **hash);

/*
 * Takes a field out if it is past its time. Returns the hash, NULL if it went
 * with its last field or was NULL. Costs a test if nothing in it expires.
 */
static inline struct hash *expire_field(struct call *call, struct slice key, struct hash *hash,
                                        struct slice field)
{
    if (LIKELY(hash == NULL || !hash_expires(hash)))
        return hash;
    return keyspace_expire_field(call->keys, key, hash, field);
}

/* Lets the keyspace know that fields may expire at other times than before. */
static inline void follow_fields(struct call *call, struct slice key, struct hash *hash)
{
    if (UNLIKELY(hash_expires(hash)))
        keyspace_follow_fields(call->keys, key, hash);
}

/* Removes a hash that became empty, noting "del"; else as follow_fields. */
void fields_removed(struct call *call, struct slice key, struct hash *hash);

/* ---- For commands with FIELDS count field ... ---- */

/* The words after FIELDS: fields, or fields each followed by a value. */
struct named_fields {
    const struct slice *at; /* borrowed from the words */
    size_t              count;
    size_t              step; /* words each: 1 or 2, set by the command */
};

/*
 * Reads the count, and what stands behind it to the end of the words; answers
 * and returns false if they do not agree. `sentence` is for a count below 1.
 */
MUST_USE bool fields_read_count(struct call *call, const char *sentence,
                                struct named_fields *named);

/* The same, with FIELDS in front of it. */
MUST_USE bool fields_read(struct call *call, const char *sentence, struct named_fields *named);

/* Works out a date from a word; `base` is now for durations, 0 for dates. Answers if it is none. */
MUST_USE bool fields_read_due(struct call *call, struct slice word, bool seconds, millis base,
                              millis *due);

/* Whether fields with this date go at once; while the log is read they stay. */
bool fields_are_over(const struct call *call, millis due);

/* Lets those of the fields go that are past their time: before anything is changed. Returns the
 * hash, or NULL if it went with them. */
struct hash *fields_expire(struct call *call, struct slice key, struct hash *hash,
                           const struct named_fields *named);

/*
 * Says a statement on fields: `head` of `head_count` words, FIELDS, their number
 * and `count` words, `step` for each field.
 */
void fields_say(struct call *call, const struct slice *head, size_t head_count,
                const struct slice *fields, size_t count, size_t step);

/* Names every `step`th of some words as a field that the next note is about (ledger_field). */
void fields_name(struct call *call, const struct slice *fields, size_t count, size_t step);

/* Notes that fields got a date, or none with -1, and says so. `condition` may be empty. */
void fields_note_dated(struct call *call, struct slice key, const struct slice *fields,
                       size_t count, millis due, struct slice condition);

/* Notes that fields are gone, and says so; the hash goes too if it is empty now. */
void fields_note_gone(struct call *call, struct slice key, struct hash *hash,
                      const struct slice *fields, size_t count);

#endif

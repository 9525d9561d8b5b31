/* What the handlers of streams share. */
#ifndef BROKER_COMMANDS_DO_STREAM_PRIVATE_H
#define BROKER_COMMANDS_DO_STREAM_PRIVATE_H

#include "broker/dispatch/call.h"
#include "streams/discard.h"
#include "streams/group.h"
#include "streams/reference.h"
#include "streams/retention.h"
#include "streams/stream.h"

/* ---- Finding ---- */

/* The stream under a key, NULL if there is none. */
MUST_USE enum refusal find_stream(struct call *call, struct slice key, enum look why,
                                  struct stream **stream);

/* A new empty stream under a key that has no value. */
struct stream *create_stream(struct call *call, struct slice key);

/* The stream of a key and its group; both NULL if either is missing. */
MUST_USE enum refusal find_group(struct call *call, struct slice key, struct slice name,
                                 enum look why, struct stream **stream, struct group **group);

/* "NOGROUP No such key 'k' or consumer group 'g'", and what follows. */
enum verdict refuse_no_group(struct call *call, struct slice key, struct slice name,
                             const char *where);

/* "NOGROUP No such consumer group 'g' for key name 'k'". */
enum verdict refuse_no_group_of_key(struct call *call, struct slice key, struct slice name);

/*
 * The consumer of this name, now seen, and added if it is new. Those who hear
 * what it is given make it for themselves: only where nothing is, they must be
 * told (say_consumer).
 */
struct consumer *meet_consumer(struct call *call, struct slice key, struct group *group,
                               struct slice name, bool *is_new);

/* ---- Reading words ---- */

/* Takes the next word as an ID, "ms" meaning "ms-0". */
MUST_USE bool next_entry_id(struct args *args, struct entry_id *id);

/* Takes KEEPREF, DELREF or ACKED, if that is the next word. */
bool take_reference_rule(struct args *args, enum reference_rule *rule);

/*
 * Takes the next word as an end of a range: an ID, "-", "+", or an ID behind
 * "(" which is then left out.
 */
MUST_USE enum refusal next_range_start(struct args *args, struct entry_id *id);
MUST_USE enum refusal next_range_end(struct args *args, struct entry_id *id);

/* ---- Answering ---- */

/* An ID as a bulk. */
void reply_entry_id(struct reply *reply, struct entry_id id);

/* An ID with the list of fields and values. */
void reply_entry(struct reply *reply, const struct entry *entry);

/* The list of fields and values alone. */
void reply_entry_fields(struct reply *reply, const struct entry *entry);

/* Answers with all entries of a range, at most `count` (0: all), in either direction. */
void reply_entries(struct reply *reply, const struct stream *stream, struct entry_id from,
                   struct entry_id to, uint64_t count, bool reverse);

/* ---- Noting ---- */

/*
 * Notes a change of groups or counters. The entries are as they were, so it
 * fails no WATCH and wakes nobody who waits for entries.
 */
void note_beside_entries(struct call *call, struct slice key, const char *event);

/* ---- What leaves by itself ---- */

/* Whether this server decides that; one that loads a log is told. */
bool entries_leave_here(const struct call *call);

/* Lets entries leave that are too many or too old, at once. What left is told by
 * entries_tell_left, behind what the handler says itself. */
void entries_leave(struct call *call, struct stream *stream, struct retention_step *step);

/* Has a group's entry leave a work queue, if nobody needs it any more. */
void entry_leaves_if_spare(struct call *call, struct stream *stream, struct entry_id id,
                           struct retention_step *step);

/* Tells what left, if anything did, and frees it. The handler has said its own statement. */
void entries_tell_left(struct call *call, struct slice key, struct stream *stream,
                       struct retention_step *step);

/* Says that what referred to entries from an ID on may do so no more: they leave soon. */
void entries_may_be_spare(struct call *call, struct slice key, struct stream *stream,
                          struct entry_id from);

/* Has the keeper know when something is due. */
void watch_retention(struct call *call, struct slice key, struct stream *stream);

/* How long, in seconds, and for how many messages of a producer a stream knows duplicates. */
uint32_t idmp_duration(const struct call *call, const struct stream *stream);
uint32_t idmp_maxsize(const struct call *call, const struct stream *stream);

/* Says the request itself, where more will be said. */
void say_request_words(struct call *call);

/* ---- Freeing ---- */

/* Frees what was discarded: at once if it is little, else on the worker. */
void free_discarded(struct call *call, struct discard *discard);

/* ---- Telling replicas and the AOF ---- */

/* A number or an ID as a word, with room of its own. */
struct word_text {
    char at[ENTRY_ID_TEXT_MAX];
};
struct slice id_word(struct entry_id id, struct word_text *text);
struct slice number_word(int64_t number, struct word_text *text);

/* XGROUP SETID key group id ENTRIESREAD n: how far the group has read. */
void say_group_place(struct call *call, struct slice key, const struct group *group);

/* XGROUP CREATECONSUMER key group name. */
void say_consumer(struct call *call, struct slice key, const struct group *group,
                  const struct consumer *consumer);

/* XACK key group id: an entry that is pending no more. */
void say_acknowledged(struct call *call, struct slice key, const struct group *group,
                      struct entry_id id);

/*
 * XCLAIM key group consumer 0 id [id ...] TIME ms RETRYCOUNT n FORCE JUSTID
 * LASTID id: entries that a consumer holds. Entries that were delivered
 * together, at one time and equally often, are told in one statement. Whoever
 * hears it knows a reading of new entries by this: the last of the IDs is that
 * behind LASTID and above the place of the group, which then moves on entry by
 * entry.
 */
struct claim_words {
    struct call  *call;
    struct slice  key;
    struct group *group;
    struct slice  consumer;
    struct slice *words;  /* NULL: nobody wants to hear it */
    size_t        count;
    size_t        most;
    millis        delivered_at;
    uint64_t      times;
};

/* Begins telling what a consumer holds; `expected` entries or so, 0 if unknown. */
void say_claims_begin(struct claim_words *said, struct call *call, struct slice key,
                      struct group *group, struct slice consumer, uint64_t expected);
void say_claim(struct claim_words *said, const struct delivery *delivery);
void say_claims_end(struct claim_words *said);

#endif

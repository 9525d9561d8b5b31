/*
 * The ledger: what a call changed, and what is to be said of it.
 *
 * A handler notes each change as it makes it: the key, the class and name of
 * the keyspace event. Effects read the lines when the outermost call closes;
 * nobody else acts on a change. While nobody listens a note is one increment.
 *
 * What replicas and the AOF hear of a call that changed something is its own
 * request, unless the handler says otherwise with ledger_say, once for each
 * statement, or ledger_say_nothing. Statements of one outermost call are one
 * unit: more than one are wrapped in MULTI and EXEC.
 *
 * What always holds:
 *   (1) Lines are in the order in which the changes were made.
 *   (2) A key removed by time or memory is noted, and its DEL said, in front
 *       of the lines of the call under way that found it.
 *   (3) Between outermost calls there are no lines.
 */
#ifndef BROKER_DISPATCH_LEDGER_H
#define BROKER_DISPATCH_LEDGER_H

#include "storage/base/arena.h"
#include "storage/base/buffer.h"
#include "storage/base/slice.h"
#include "storage/keyspace/change.h"

/* Classes of keyspace events; the values are bits of the option notify-keyspace-events. */
enum event_class {
    EVENT_GENERIC = 1 << 2,
    EVENT_STRING = 1 << 3,
    EVENT_LIST = 1 << 4,
    EVENT_SET = 1 << 5,
    EVENT_HASH = 1 << 6,
    EVENT_ZSET = 1 << 7,
    EVENT_EXPIRED = 1 << 8,
    EVENT_EVICTED = 1 << 9,
    EVENT_STREAM = 1 << 10,
    EVENT_MISS = 1 << 11,
    EVENT_OVERWRITTEN = 1 << 12,
    EVENT_NEW = 1 << 14,
    EVENT_RETYPED = 1 << 19,
};

/* Who wants to know of changes; a bit each, kept current by the rooms themselves. */
enum ledger_listener {
    LISTENER_FEED = 1 << 0,    /* AOF or replicas want statements */
    LISTENER_WATCH = 1 << 1,   /* somebody watches keys */
    LISTENER_CACHES = 1 << 2,  /* somebody caches keys */
    LISTENER_NOTICES = 1 << 3, /* keyspace events are published */
    LISTENER_WAITERS = 1 << 4, /* somebody waits for keys */
    LISTENER_FIELDS = 1 << 5,  /* the fields of hashes that change are published */
    LISTENER_REPLICAS = 1 << 6, /* replicas want statements */
};

/* One change. */
struct ledger_line {
    struct slice key;
    const char  *event; /* "lpush"; NULL: changed without an event */
    uint32_t     db;
    uint32_t     class; /* enum event_class */
    bool         everything; /* the whole database changed: FLUSHDB, SWAPDB */
    bool         notice_only; /* an event without a change: keymiss */
    uint32_t     fields;      /* of a hash: how many it is about, as far as anybody wants to know */
    size_t       first_field; /* see ledger_fields */
};

struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);

/* Adds or takes away a listener. */
void ledger_listen(struct ledger *ledger, enum ledger_listener who, bool on);
bool ledger_heard_by(const struct ledger *ledger, enum ledger_listener who);

/* The database that following notes are about; the call sets it. */
void ledger_set_db(struct ledger *ledger, uint32_t db);

/* Notes that a key changed. The key is copied if somebody listens. */
void ledger_changed(struct ledger *ledger, struct slice key, enum event_class class,
                    const char *event);

/* The same in another database than the call's: MOVE, COPY. */
void ledger_changed_in(struct ledger *ledger, uint32_t db, struct slice key,
                       enum event_class class, const char *event);

/* Notes what an earlier note brought about, without counting it as a change: the removal of a
 * key whose last element went, for example. */
void ledger_followed(struct ledger *ledger, struct slice key, enum event_class class,
                     const char *event);

/* Notes an event that changed nothing: it is published, but wakes and fails nobody. */
void ledger_event(struct ledger *ledger, struct slice key, enum event_class class,
                  const char *event);

/*
 * Names a field of a hash that the next note of an EVENT_HASH is about. One test where
 * nobody wants to know; the field is copied otherwise.
 */
void ledger_field(struct ledger *ledger, struct slice field);

/* The fields that a line is about: line->fields of them, in the order in which they were named. */
const struct slice *ledger_fields(const struct ledger *ledger, const struct ledger_line *line);

/*
 * Notes that all keys of a database changed: FLUSHDB, SWAPDB. Call it before they do. How many
 * changes that is, the caller tells by ledger_count.
 */
void ledger_changed_all(struct ledger *ledger, uint32_t db);

/* Counts further changes for rdb_changes_since_last_save: elements beyond the first. */
void ledger_count(struct ledger *ledger, uint64_t more);

/* Says a statement in place of the request itself. Words are encoded at once. */
void ledger_say(struct ledger *ledger, const struct slice *words, size_t count);

/* Says nothing, though something changed. */
void ledger_say_nothing(struct ledger *ledger);

/* Says that the statements so far need no MULTI around them: each stands for itself. */
void ledger_say_apart(struct ledger *ledger);

/* Who hears what is said; bits. */
enum ledger_audience {
    AUDIENCE_NOBODY = 0,
    AUDIENCE_LOG = 1 << 0,
    AUDIENCE_REPLICAS = 1 << 1,
    AUDIENCE_ALL = AUDIENCE_LOG | AUDIENCE_REPLICAS
};

/* Says what follows to these only, until told otherwise: redis.set_repl. */
void ledger_set_audience(struct ledger *ledger, enum ledger_audience audience);

/* Says a statement to replicas only, though it changes nothing: PUBLISH. Free if there are none. */
void ledger_say_to_replicas(struct ledger *ledger, const struct slice *words, size_t count);

/* Takes back what the outermost call under way has said: the server ends in the midst of it. */
void ledger_unsay(struct ledger *ledger);

/* Says the request itself even if nothing was noted as changed. */
void ledger_say_anyway(struct ledger *ledger);

/* ---- For dispatch and effects ---- */

/* Opens the ledger for a call, and closes it; calls within calls nest. */
struct ledger_mark {
    uint64_t changes;
    uint32_t said;
    uint32_t db;
    bool     silent;
    bool     anyway;
};
struct ledger_mark ledger_open(struct ledger *ledger, uint32_t db);

/* Ends a call: says its own request, given as words or in RESP already, where that is due. */
void ledger_close(struct ledger *ledger, struct ledger_mark mark, const struct slice *words,
                  size_t count, struct slice raw);

/* How deep calls are nested: 0 between outermost calls. */
unsigned ledger_depth(const struct ledger *ledger);

/*
 * Who must look at a database before all of it changes: watched keys that were
 * there, say. Called by ledger_changed_all itself.
 */
void ledger_before_all(struct ledger *ledger, void (*look)(void *who, uint32_t db), void *who);

/* The lines of the outermost call, and forgetting them once effects have run. */
size_t ledger_lines(const struct ledger *ledger, const struct ledger_line **lines);
void ledger_settle(struct ledger *ledger);

/* Changes so far in this call, and since the server started. */
uint64_t ledger_changes(const struct ledger *ledger);

/*
 * The feed: encoded statements since it was last taken, as RESP, with SELECT
 * where the database changes. Whoever takes them empties the buffer.
 * ledger_feed_restart makes the next statement name its database again.
 */
struct buffer *ledger_feed(struct ledger *ledger);
void ledger_feed_restart(struct ledger *ledger);

/* The database that the feed's reader has selected; 0 if it has selected none. */
uint32_t ledger_feed_db(const struct ledger *ledger);

/*
 * Where the feed ends, in bytes said since the server started: what a session waits for
 * that said something. Whoever empties the feed says where the next one begins.
 */
uint64_t ledger_said(const struct ledger *ledger);
void ledger_feed_begins_at(struct ledger *ledger, uint64_t offset);

/*
 * Whether replicas are told something else than is in the feed; what they are told
 * of its first `len` bytes; and forgetting that along with the whole feed.
 */
bool ledger_has_asides(const struct ledger *ledger);
void ledger_tell_replicas(const struct ledger *ledger, size_t len, struct buffer *to);
void ledger_forget_asides(struct ledger *ledger);

/* How many bytes of the feed replicas are told: its length, unless there are asides. */
size_t ledger_told(const struct ledger *ledger);

/* Bytes of the feed that outermost calls which have ended said; and taking these away. */
size_t ledger_feed_finished(const struct ledger *ledger);
void ledger_feed_drop_finished(struct ledger *ledger);

/* What the keyspaces announce to: notes and says what time and memory removed. */
const struct change_sink *ledger_change_sink(struct ledger *ledger);

#endif

/*
 * The databases: find, put, remove, rename, move, swap, flush.
 *
 * `struct keyspaces` is all of them with what they share; `struct keyspace` is
 * one. An item is borrowed from the moment it is found until the next call
 * that changes its keyspace; functions that may move an item return its new
 * address.
 *
 * Time is handed in: keyspaces_set_now is called once before each call, and an
 * item past its time is never shown. It goes when it is next looked for or
 * when keyspace_sweep reaches it, whichever is first, and is announced
 * through the change sink either way.
 *
 * Costs: every function is O(1) on average unless it says otherwise; with an
 * expiry add O(log n) of the keys that expire.
 */
#ifndef STORAGE_KEYSPACE_KEYSPACE_H
#define STORAGE_KEYSPACE_KEYSPACE_H

#include "storage/base/random.h"
#include "storage/keyspace/change.h"
#include "storage/keyspace/item.h"

struct hash;
struct hash_key;
struct buffer;
struct keyspace;
struct keyspaces;
struct worker;

/* What a set of databases is made with; all pointers are borrowed for its life. */
struct keyspaces_setup {
    uint32_t                  count;   /* how many databases */
    const struct value_types *types;
    const struct hash_key    *secret;  /* of every table */
    const struct change_sink *changes; /* may be NULL: nobody is told */
    struct worker            *reclaim; /* frees large values; NULL: freed on the spot */
};

struct keyspaces *keyspaces_new(const struct keyspaces_setup *setup);
void keyspaces_free(struct keyspaces *all);

/* How many databases there are, and the types their values may have. */
uint32_t keyspaces_count(const struct keyspaces *all);
const struct value_types *keyspaces_types(const struct keyspaces *all);

/* One database; `db` must be below the count. */
struct keyspace *keyspaces_at(struct keyspaces *all, uint32_t db);

/* The time by which items expire from now on. */
void keyspaces_set_now(struct keyspaces *all, millis now);
millis keyspaces_now(const struct keyspaces *all);

/*
 * While this is on, items past their time stay hidden but are not removed: on
 * a replica the primary decides, while loading the log does.
 */
void keyspaces_keep_expired(struct keyspaces *all, bool keep);
bool keyspaces_keeps_expired(const struct keyspaces *all);

/* While a child saves, tables do not resize, so that fewer pages are copied. */
void keyspaces_pause_resizing(struct keyspaces *all, bool pause);

/*
 * What counts as use of an item, for those that are not used to be evicted
 * (eviction.h) and for OBJECT IDLETIME and FREQ.
 */
enum use {
    USE_READ,    /* when it was last read or written: LRU */
    USE_WRITTEN, /* when it was last written: LRM */
    USE_COUNTED  /* how often it is used, as a logarithm: LFU */
};

enum { USE_TICK = 16 }; /* milliseconds; moments of use are exact to so many */

/*
 * Counts use in this way from now on; marks of another way become right with time.
 * `factor` is how slowly a count rises, `decay` the minutes after which it falls
 * by one, 0 for never.
 */
void keyspaces_count_use(struct keyspaces *all, enum use use, uint32_t factor, uint32_t decay);

/* While this is on, reading leaves no marks of use: CLIENT NO-TOUCH. */
void keyspaces_leave_unmarked(struct keyspaces *all, bool on);

/* Milliseconds since an item was last used; unless use is USE_COUNTED. */
millis keyspaces_idle(const struct keyspaces *all, const struct item *item);

/* How often an item is used, 0 to 255, as a logarithm that falls with time; with USE_COUNTED. */
uint32_t keyspaces_frequency(const struct keyspaces *all, const struct item *item);

/* Why nothing goes by itself; bits. */
enum hold {
    HOLD_PAUSED = 1 << 0,   /* writing is paused: nothing is evicted either */
    HOLD_FOLLOWS = 1 << 1,  /* a primary decides what goes */
};

/*
 * While they are held nothing goes by itself: what is past its time is not found
 * by searches, but stays until it is overwritten.
 */
void keyspaces_hold(struct keyspaces *all, enum hold why, bool on);

/* Why they are held, bits of enum hold; 0 if they are not. */
unsigned keyspaces_held(const struct keyspaces *all);

/*
 * Sets how long an item was not used, in milliseconds, or how often it is: what
 * was saved with it, or RESTORE says. -1 for what is not known; whichever of the
 * two is not what counts now is left aside.
 */
void keyspaces_set_use(const struct keyspaces *all, struct item *item, millis idle, int frequency);

/* While this is on, nobody is told of anything: data is being loaded. */
void keyspaces_hush(struct keyspaces *all, bool on);

/*
 * How much memory may be taken beyond what is in use: a table whose next array
 * would be larger becomes fuller instead, up to a bound. SIZE_MAX, as at first: any.
 */
void keyspaces_set_room(struct keyspaces *all, size_t room);

/* Counts for INFO, since the start or the last reset. */
struct keyspace_counts {
    uint64_t hits;
    uint64_t misses;
    uint64_t expired;
    uint64_t expired_fields;
    uint64_t evicted;
    uint64_t handed; /* values handed to the worker to be freed */
};
struct keyspace_counts *keyspaces_counts(struct keyspaces *all);

/* Frees something large: calls `run(what)` on the worker, or at once if there is none. */
void keyspaces_reclaim(struct keyspaces *all, void (*run)(void *what), void *what);

/* Which database this is. */
uint32_t keyspace_db(const struct keyspace *keys);

/* How many keys there are, and how many of them have a time to live; those past it that nobody has
 * removed yet are counted. O(1). */
size_t keyspace_count(const struct keyspace *keys);
size_t keyspace_expiring(const struct keyspace *keys);

/* Why an item is looked for. */
enum look {
    LOOK_READ,  /* counts as hit or miss, marks the item as used */
    LOOK_WRITE, /* marks it as used */
    LOOK_QUIET, /* leaves no trace: DEBUG, and the house itself */
    LOOK_ASIDE, /* as LOOK_READ, but does not mark it as used: EXISTS, TYPE, TTL */
    LOOK_INSPECT /* as LOOK_ASIDE, and a miss is not announced: OBJECT */
};

/* The item of a key, or NULL. */
struct item *keyspace_find(struct keyspace *keys, struct slice key, enum look why);

/*
 * Remembers the hash of the key that stands at this very place in memory, for
 * the searches until the next hint; a key at NULL forgets. Whoever hashed a key
 * ahead, to prefetch, spares the call from hashing it again. The bytes must not
 * change meanwhile.
 */
void keyspaces_hint(struct keyspaces *all, struct slice key, uint64_t hash);

/* What a key hashes to in its database, for keyspaces_hint. */
uint64_t keyspace_hash(const struct keyspace *keys, struct slice key);

/*
 * Prefetches what keyspace_find will look at for every `stride`-th of some words, `count`
 * keys in all: first their buckets, then their items, so that one's misses hide another's.
 * Writes their hashes, for keyspaces_hint, and returns how many seem to be there; of a
 * single key that is not looked at.
 */
size_t keyspace_ask_ahead(const struct keyspace *keys, const struct slice *words, size_t stride,
                          size_t count, uint64_t *hashes);

/*
 * The place of a command that will run soon, as far as its words say where it will
 * look. Words that are something else cost a little time and do no harm.
 */
struct glance {
    const struct keyspace *keys;
    struct slice           key;
    struct slice           member; /* what is looked up in a set or hash; empty: nothing */
    struct slice           last;   /* the same in a sorted set: ZADD says the score first */
    uint64_t               hash;   /* of the key, for keyspaces_hint: keyspace_glance writes it */
};

/* Glances that are made together, so that one's cache misses hide another's. */
enum { GLANCES_MOST = 16 };

/*
 * Asks for the lines that commands will look at: buckets, items and, in large
 * collections, buckets and blocks of members. Changes nothing.
 */
void keyspace_glance(struct glance *glances, size_t count);

/* Whether that is worth while: else all lies in the processor's caches anyway. O(1). */
bool keyspace_is_wide(const struct keyspace *keys);

/* Appends, for people, how the keys lie in the database's table. O(n). */
void keyspace_describe(const struct keyspace *keys, struct buffer *to);

/* While held, removing keys does not make the database's table smaller. */
void keyspace_hold_size(struct keyspace *keys, bool hold);

/*
 * Makes a key hold a string, whatever it held before. Integers and short
 * strings are stored as such. An expiry the key had is kept with
 * `keep_expiry`, else dropped.
 */
struct item *keyspace_put_string(struct keyspace *keys, struct slice key, struct slice bytes,
                                 bool keep_expiry);

/* The same for a string that is edited, not overwritten. Keeps the expiry. */
struct item *keyspace_revise_string(struct keyspace *keys, struct slice key, struct slice bytes);

/* The same, but digits are stored as the text they are: what was computed as a fraction. Keeps the
 * expiry. */
struct item *keyspace_put_text(struct keyspace *keys, struct slice key, struct slice bytes);

/* The same for an integer. Keeps the expiry. */
struct item *keyspace_put_integer(struct keyspace *keys, struct slice key, int64_t value);

/* The same for long bytes, taking the caller's share. */
struct item *keyspace_put_bytes(struct keyspace *keys, struct slice key, struct bytes **taken,
                                bool keep_expiry);

/*
 * Makes room to edit a string in place: it becomes (or is created as, when
 * there is none) at least `len` bytes long, padded with NULs, and is marked
 * ITEM_RAW. Returns where its bytes begin; valid until the next change. `item`
 * is what keyspace_find gave, or NULL if the key is missing.
 */
char *keyspace_edit_string(struct keyspace *keys, struct slice key, struct item *item, size_t len);

/* Makes a key hold a value, taking it. Drops whatever it held and its expiry. */
struct item *keyspace_put_value(struct keyspace *keys, struct slice key, struct value **taken);

/* Takes the value out of an item without freeing it and removes the item. */
struct value *keyspace_take_value(struct keyspace *keys, struct slice key);

/* Removes a key; false if there is none. Large values are freed by the worker if `lazily`. */
bool keyspace_remove(struct keyspace *keys, struct slice key, bool lazily);

/* Sets when an item expires, or that it does not with -1. Returns its new address. */
struct item *keyspace_expire_at(struct keyspace *keys, struct item *item, millis due);

/*
 * Gives an item another key, or another database, overwriting what is there.
 * The value is not copied and the expiry goes along. Returns its new address.
 */
struct item *keyspace_move(struct keyspace *from, struct item *item, struct keyspace *to,
                           struct slice key);

/* Copies an item, expiry included, overwriting what is there. O(size of the value). */
struct item *keyspace_copy(struct keyspace *from, const struct item *item, struct keyspace *to,
                           struct slice key);

/* Exchanges the contents of two databases. */
void keyspaces_swap(struct keyspaces *all, uint32_t a, uint32_t b);

/*
 * Exchanges the contents of all databases with those of another set, made with as
 * many and the same secret. Nobody is told.
 */
void keyspaces_exchange(struct keyspaces *one, struct keyspaces *two);

/* Says that about so many keys are to be there: its table need not grow step by step. */
void keyspace_reserve(struct keyspace *keys, size_t count);

/* Removes everything; the worker does the freeing if `lazily`. Returns how many keys there were. */
size_t keyspace_flush(struct keyspace *keys, bool lazily);

/* Some key that is not past its time, or NULL if there is none. */
struct item *keyspace_random(struct keyspace *keys, struct random *random);

/*
 * Shows a few items, hardly more than are wanted if that is next to nothing, and
 * returns the cursor to go on with; 0 begins and 0 is the end. Every key that is
 * there from the first to the last call is shown at least once, also while tables
 * are resized. Items past their time are shown too: whoever cares looks at item_due.
 */
uint64_t keyspace_scan(struct keyspace *keys, uint64_t cursor, size_t wanted,
                       void (*show)(void *who, struct item *item), void *who);

/* Shows every item; nothing may be changed meanwhile. False from `show` stops. O(n). */
void keyspace_each(struct keyspace *keys, bool (*show)(void *who, struct item *item), void *who);

/* Whether an item is past its time. */
bool keyspace_is_past(const struct keyspace *keys, const struct item *item);

/* -- Fields of hashes that expire (storage/values/hash_expiry.h). */

/*
 * Takes a field past its time out of the hash of a key, which it announces.
 * Returns the hash, or NULL if that was its last field and it is gone. O(1) for
 * all other fields.
 */
struct hash *keyspace_expire_field(struct keyspace *keys, struct slice key, struct hash *hash,
                                   struct slice field);

/*
 * The same for `count` fields, the first of every `step` slices; that fields went
 * is announced of the key once, however many did.
 */
struct hash *keyspace_expire_these(struct keyspace *keys, struct slice key, struct hash *hash,
                                   const struct slice *fields, size_t count, size_t step);

/* The same for all of its fields past their time, at most `most`; counts them in `gone`. */
struct hash *keyspace_expire_fields(struct keyspace *keys, struct slice key, struct hash *hash,
                                    size_t most, size_t *gone);

/* Whether a field is past its time. */
bool keyspace_field_is_past(const struct keyspace *keys, const struct hash *hash,
                            struct slice field);

/* The time that hides fields: now, or none while expired ones are kept. */
millis keyspace_fields_now(const struct keyspace *keys);

/* Whoever changed when fields of the hash of a key expire calls this. O(log n) of hashes. */
void keyspace_follow_fields(struct keyspace *keys, struct slice key, struct hash *hash);

/* How many hashes have fields that expire. O(1). */
size_t keyspace_expiring_fields(const struct keyspace *keys);

/*
 * Removes items past their time, longest overdue first, then fields of hashes,
 * at most `most` of both. Returns how many went.
 */
size_t keyspace_sweep(struct keyspace *keys, size_t most);

/* When the next item or field expires, or -1. O(1). */
millis keyspace_next_due(const struct keyspace *keys);

/* Moves tables that are being resized on by some buckets. */
void keyspace_step(struct keyspace *keys, size_t buckets);

/*
 * Bytes of all lists, or all streams, roughly; of one database or of all. Other
 * kinds have 0. O(1). They are right after keyspaces_settle, which weighs what was
 * looked at since the last time: whoever runs calls has it done after each.
 */
void keyspaces_settle(struct keyspaces *all);
size_t keyspaces_weight(const struct keyspaces *all, enum value_kind kind);
size_t keyspace_weight(const struct keyspace *keys, enum value_kind kind);

/* Bytes of tables and indexes beside the items; and of the indexes of what expires alone. */
size_t keyspace_overhead(const struct keyspace *keys);
size_t keyspace_overhead_of_expiry(const struct keyspace *keys);

/*
 * Adds every item to a fingerprint, in no particular order: with all there is to it, or with what
 * Redis takes, which is not when keys expire, nor groups of streams. O(n). Databases in their order.
 */
void keyspace_digest(struct keyspace *keys, struct fingerprint *into);
void keyspace_digest_as_redis(struct keyspace *keys, struct fingerprint *into);

/* Mixes an item's type and value, and whether it expires, but not its key, as Redis does. */
void item_digest(const struct item *item, const struct value_types *types,
                 struct fingerprint *into);

/* Asserts every invariant; for tests. O(n). */
void keyspace_check(struct keyspace *keys);

#endif

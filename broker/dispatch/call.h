/*
 * A call: one run of one command, and all that a handler may touch.
 *
 * A handler reads its words left to right, finds, acts, notes, replies, in
 * that order, and returns how it ended. It never speaks to a socket, a file, a
 * replica, a subscriber, a watcher or a waiter: what it changed it notes in
 * the ledger, and effects follow when the outermost call closes.
 *
 * A command that must wait returns call_wait. It is then run again, whole,
 * when a key it named may be ready; `again` is set, its first deadline holds.
 */
#ifndef BROKER_DISPATCH_CALL_H
#define BROKER_DISPATCH_CALL_H

#include "broker/dispatch/command.h"
#include "broker/dispatch/ledger.h"
#include "broker/dispatch/verdict.h"
#include "broker/protocol/args.h"
#include "broker/protocol/reply.h"
#include "broker/session/session.h"
#include "storage/base/arena.h"
#include "storage/keyspace/keyspace.h"

struct broker;
struct caller;
struct waiting;

struct call {
    const struct command *command;   /* the row of the table that matched */
    struct args          *args;      /* the words, borrowed from the request */
    struct session       *session;   /* who asked */
    struct keyspace      *keys;      /* its selected database */
    struct keyspaces     *keyspaces; /* all of them */
    struct reply         *reply;     /* where the answer is written */
    struct ledger        *ledger;    /* what this run changes */
    struct arena         *arena;     /* memory until the call returns */
    struct random        *random;    /* chance */
    const struct value_limits *limits; /* when values change their form */
    const struct options *options;
    millis                now;       /* the one clock reading of this run */
    micros                began;     /* the same by the monotonic clock */
    bool                  may_wait;  /* false in MULTI, scripts, replay: the answer is nil at once */
    bool                  scripted;  /* a script calls */
    bool                  queued;    /* EXEC calls */
    bool                  again;     /* run again because a key it waits for may be ready */
    bool                  over;      /* run again because its time is over: it must not wait */
    const struct slice   *rewritten; /* the words to wait with, if call_rewrite_word changed any */
    struct waiting       *waiting;   /* who waits for keys */
    struct caller        *caller;    /* what runs calls; for commands that run others */
    struct broker        *broker;    /* the rest of the house; only commands/ may open it */
};

/* ---- Refusing ---- */

/* Answers with an error of errors.def. */
enum verdict call_refuse(struct call *call, enum refusal refusal);

/* Answers with an error that quotes something; the line begins with its code: "ERR ...". */
enum verdict call_refuse_with(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "ERR wrong number of arguments for 'name' command", for what arity cannot say. */
enum verdict call_refuse_arity(struct call *call);

/* "ERR unknown subcommand or wrong number of arguments for 'x'. Try NAME HELP." */
enum verdict call_refuse_subcommand(struct call *call);

/* Takes [ASYNC|SYNC], which must be the last word; false if it is another. Both mean the same, since
 * nobody waits for the freeing either way. */
MUST_USE bool call_take_flush_mode(struct call *call);

/* The reply of HELP: the lines, ended by NULL, between a heading and the row on HELP itself. */
enum verdict call_help(struct call *call, const char *const *lines);

/* ---- Finding ---- */

/*
 * Finds the value of a key that must hold one kind, or nothing: then `value`
 * is NULL. REFUSAL_WRONG_TYPE if it holds something else. For reading, a hit
 * or a miss is counted.
 */
MUST_USE enum refusal call_find(struct call *call, struct slice key, enum value_kind kind,
                                enum look why, struct value **value);

/* The same for strings: the item, or NULL. */
MUST_USE enum refusal call_find_string(struct call *call, struct slice key, enum look why,
                                       struct item **item);

/* Removes a key whose collection became empty, and notes "del" after the handler's own line. */
void call_remove_empty(struct call *call, struct slice key);

/* Reads the next word as an integer within bounds; refuses with the given refusal. */
MUST_USE enum refusal call_next_integer(struct call *call, int64_t least, int64_t most,
                                        enum refusal otherwise, int64_t *value);

/* ---- Waiting ---- */

/* What a command waits for. */
struct wait {
    const struct slice *keys;     /* the keys, as they stand in the words; copied */
    size_t              count;
    enum value_kind     kind;     /* the kind of value that can help */
    struct slice        lane;     /* those with one lane compete; "" for lists and zsets,
                                     a group's name for XREADGROUP */
    bool                shared;   /* XREAD: everybody in the lane is served, not the first only */
    bool                on_gone;  /* also run again when a key is removed or changes kind */
    millis              timeout;  /* milliseconds, 0 for ever */
    bool                nil_array;/* what is answered when the time is over: nil array or nil */
    uint64_t            need;     /* if one waiter cannot be served, others in its lane that need
                                     as much or more are not tried; those that need less are */
    millis              wake_at;  /* run again at this time, though nothing changed; 0 for never */
};

/*
 * Waits, or answers with nothing at once where waiting is not allowed or the
 * time is over. The handler returns what this returns.
 */
enum verdict call_wait(struct call *call, const struct wait *wait);

/*
 * Runs those again that wait for a key with a `wake_at`, because what they wait
 * for may now be due earlier. The key need not have changed. O(1).
 */
void call_due_earlier(struct call *call, struct slice key);

/*
 * Readers in a shared lane who say the same words get the same answer, encoded
 * once: one begins with call_repeat_answer, which is true if it has answered as
 * the one before was; else it ends with call_keep_answer. Elsewhere both do nothing.
 */
MUST_USE bool call_repeat_answer(struct call *call);
void call_keep_answer(struct call *call);

/*
 * Replaces a word by another for the runs after this one, when it waits: what
 * "the last entry" means is decided once. Call it before call_wait; copied.
 */
void call_rewrite_word(struct call *call, size_t index, struct slice word);

/* Reads a word as a timeout in seconds, fractions allowed; gives milliseconds, 0 for ever. */
MUST_USE enum refusal call_read_timeout(struct slice word, millis *timeout);

/*
 * Says of a call that changes nothing itself that the keys past their time which it removed
 * have nothing to do with each other: their statements need no MULTI around them.
 */
void call_lets_go_apart(struct call *call);

#endif

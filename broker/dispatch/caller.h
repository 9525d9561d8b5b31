/*
 * The caller runs calls: the only code that does.
 *
 *   request ──► guards ──► handler ──► ledger ──► effects ──► waiters
 *
 * Which guards, witnesses and effects there are, and in what order, is decided
 * by whoever makes the caller (broker/flow.c). Calls may nest: EXEC runs what
 * was queued inside itself, and effects follow when the outermost call closes.
 */
#ifndef BROKER_DISPATCH_CALLER_H
#define BROKER_DISPATCH_CALLER_H

#include "broker/dispatch/call.h"
#include "broker/metrics/command_counts.h"

struct caller;
struct metrics;
struct waiting;

/* What a guard says. */
enum pass {
    PASS_ON,      /* no objection */
    PASS_REFUSED, /* it has answered with an error */
    PASS_HOLD     /* the request waits: it holds the session back (session/holding.h) */
};

/* Which calls meet a guard, beside the requests of sessions. */
enum guard_places {
    GUARD_REQUESTS = 0,
    GUARD_SCRIPTS = 1 << 0, /* calls of scripts */
    GUARD_QUEUED = 1 << 1,  /* calls of EXEC, which passed all guards when they were queued */
    GUARD_AGAIN = 1 << 2,   /* calls that waited and are run again */
};

/* One reason a command may be refused. */
struct guard {
    const char *name;
    enum pass (*check)(void *who, struct call *call);
    void *who;
    unsigned places; /* enum guard_places; QUEUED, AGAIN: only if it may not do all */
};

/* What follows a change; is shown the lines of a settled call. */
struct effect {
    const char *name;
    void (*run)(void *who, const struct ledger_line *lines, size_t count);
    void *who;
};

/* What `wants` answers while the witness has nobody to tell: no call takes so long. */
#define WITNESS_ASLEEP INT64_MAX

/*
 * Who is shown finished calls. A call that waits is shown when it begins to,
 * with VERDICT_WAIT, and again when it is done, with the time of all its runs.
 */
struct witness {
    const char *name;
    void (*see)(void *who, const struct call *call, enum verdict verdict, micros took);

    /*
     * How long a call must take to be of interest; caller_ask_witnesses asks.
     * A witness may still be shown shorter ones, which others wanted.
     */
    micros (*wants)(const void *who);
    void *who;
};

/* Everything a caller needs; pointers are borrowed, lists ended by a row without a name. */
struct caller_setup {
    struct keyspaces          *keyspaces;
    struct ledger             *ledger;
    struct metrics            *metrics;
    struct clock              *clock;
    struct random             *random;
    struct waiting            *waiting;
    const struct options      *options;
    const struct value_limits *limits;
    struct broker             *broker;
    const struct guard        *guards;
    const struct effect       *effects;
    const struct witness      *witnesses;

    /* How far the stream of replicas was said before the feed of this turn. */
    const int64_t *stream;

    /* Whether the script that a call (EVAL, FCALL) runs is declared to write nothing. */
    bool (*only_reads)(const void *who, const struct call *call);
    const void *only_reads_who;

    /*
     * Whether the reply to a reader waits too for what was said in its call, of keys
     * and fields whose time was over; may be NULL: never. Asked only if something was.
     */
    bool (*readers_wait)(const void *who);
    const void *readers_wait_who;

    /* Told of a replica whose request was answered, which it must not be; may be NULL. */
    void (*replica_talks)(void *who, const struct call *call);
    void *replica_talks_who;
};

struct caller *caller_new(const struct caller_setup *setup);
void caller_free(struct caller *caller);

/*
 * Begins a batch of requests: reads the clock, which then serves the first
 * call. Returns wall time in milliseconds.
 */
millis caller_begin(struct caller *caller);

/* Takes the difference of wall and monotonic time anew; upkeep does so with every tick. */
void caller_follow_wall(struct caller *caller);

/* Time as the caller saw it last, at the end of the latest call; it stands still within a call. */
millis caller_now(const struct caller *caller);

/* Wall time when the outermost call began, or later if none is under way: what scripts call now. */
micros caller_now_micros(const struct caller *caller);

/* The monotonic clock as the caller read it last. */
micros caller_clock(const struct caller *caller);

/* Wall time of a moment of the monotonic clock: call->began. */
micros caller_wall(const struct caller *caller, micros monotonic);

/*
 * Runs a request of a session: guards, then queued by MULTI or run. False if a
 * guard holds it back: nothing was done, and the same request is to come again.
 */
bool caller_request(struct caller *caller, struct session *session, struct args *args);

/* The same, but the request is answered as an unknown command, whatever the table says. */
bool caller_request_unknown(struct caller *caller, struct session *session, struct args *args);

/* Finds and runs words that were queued, within the call of EXEC; few guards are asked again. */
enum verdict caller_run_words(struct caller *caller, struct session *session,
                              const struct slice *words, size_t count);

/*
 * Runs words of a script within its call, once the guards that calls within
 * meet have passed it. The answer goes into a reply of the script's own; errors
 * in it are not the outer call's. The command must take the words.
 */
enum verdict caller_run_within(struct caller *caller, struct session *session,
                               struct reply *reply, const struct command *command,
                               const struct slice *words, size_t count);

/* Runs a waiter's words once more. */
enum verdict caller_run_again(struct caller *caller, struct session *session,
                              const struct command *command, const struct slice *words,
                              size_t count, bool over);

/*
 * Opens and closes a call that belongs to no session: the expiry sweep, for example.
 * Effects run when it closes.
 */
void caller_open_own(struct caller *caller);
void caller_close_own(struct caller *caller);

/* Asks every witness anew what it wants to see; call it when an answer may have changed. */
void caller_ask_witnesses(struct caller *caller);

/* The flags of a call's command; one that calls a script is as the script says of itself. */
uint32_t caller_flags(const struct caller *caller, const struct call *call);

/* Counters by command->index, and setting all of them to zero. */
struct command_counts *caller_counts(struct caller *caller);
void caller_reset_counts(struct caller *caller);

/* Whether a call is under way. */
bool caller_is_running(const struct caller *caller);

/* The command of the call under way, or NULL; for reports. */
const struct command *caller_current(const struct caller *caller);

#endif

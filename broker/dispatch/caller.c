/*
 * Running calls.
 *
 * The clock is read once when a batch of requests begins and once at the end of
 * each call; the end of one is the beginning of the next. Wall time is the
 * monotonic clock plus an offset that is taken anew many times a second, so that
 * a corrected clock is followed and a call costs one reading.
 *
 * Within a call wall time stands still: a script, or an EXEC, sees no key expire
 * under its hands. Monotonic time goes on, since calls within are measured too.
 */
#include "broker/dispatch/caller.h"

#include "broker/config/options.h"
#include "broker/dispatch/gate.h"
#include "broker/dispatch/transaction.h"
#include "broker/dispatch/waiting.h"
#include "broker/metrics/histogram.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "storage/base/memory.h"

struct caller {
    struct caller_setup    setup;
    struct call            model;  /* what all calls have in common */
    struct arena          *arena;
    struct arena          *within; /* of calls of scripts, each of which gives all of it back */
    struct command_counts *counts;
    const struct command  *current;
    uint64_t               inner_errors; /* errors answered by finished calls */
    micros                 monotonic; /* latest reading */
    micros                 offset;    /* wall minus monotonic */
    micros                 wall;      /* wall time, since the outermost call began */
    millis                 now;       /* the same */
    micros                 notable;   /* calls that take so long are shown to the witnesses */
    struct command_memo    latest;    /* of requests */
};

struct caller *caller_new(const struct caller_setup *setup)
{
    struct caller *caller = memory_new_zeroed(1, sizeof(*caller));

    caller->setup = *setup;
    caller->arena = arena_new();
    caller->within = arena_new();
    caller->counts = memory_new_zeroed(command_count() + 1, sizeof(struct command_counts));
    caller->model = (struct call){
        .keyspaces = setup->keyspaces,
        .ledger = setup->ledger,
        .arena = caller->arena,
        .random = setup->random,
        .limits = setup->limits,
        .options = setup->options,
        .waiting = setup->waiting,
        .caller = caller,
        .broker = setup->broker,
    };
    caller_ask_witnesses(caller);
    caller_follow_wall(caller);
    (void)caller_begin(caller);
    return caller;
}

void caller_free(struct caller *caller)
{
    if (caller == NULL)
        return;
    arena_free(caller->arena);
    arena_free(caller->within);
    caller_reset_counts(caller);
    memory_free(caller->counts);
    memory_free(caller);
}

void caller_ask_witnesses(struct caller *caller)
{
    caller->notable = WITNESS_ASLEEP;
    for (const struct witness *of = caller->setup.witnesses; of->name != NULL; of++) {
        micros wants = of->wants(of->who);

        if (wants < caller->notable)
            caller->notable = wants;
    }
}

/* Reads the clock. What calls take for the time follows unless one is under way. */
static void read_clock(struct caller *caller)
{
    caller->monotonic = clock_monotonic(caller->setup.clock);
    if (UNLIKELY(ledger_depth(caller->setup.ledger) > 0))
        return;
    caller->wall = caller->monotonic + caller->offset;
    caller->now = caller->wall / 1000;
    keyspaces_set_now(caller->setup.keyspaces, caller->now);
}

void caller_follow_wall(struct caller *caller)
{
    caller->offset = clock_wall(caller->setup.clock) - clock_monotonic(caller->setup.clock);
}

millis caller_begin(struct caller *caller)
{
    read_clock(caller);
    return caller->now;
}

millis caller_now(const struct caller *caller)
{
    return caller->now;
}

micros caller_now_micros(const struct caller *caller)
{
    return caller->wall;
}

micros caller_clock(const struct caller *caller)
{
    return caller->monotonic;
}

micros caller_wall(const struct caller *caller, micros monotonic)
{
    return monotonic + caller->offset;
}

struct command_counts *caller_counts(struct caller *caller)
{
    return caller->counts;
}

void caller_reset_counts(struct caller *caller)
{
    for (size_t i = 0; i < command_count(); i++) {
        if (caller->counts[i].took != NULL)
            histogram_clear(caller->counts[i].took);
        memory_free(caller->counts[i].took);
        caller->counts[i] = (struct command_counts){ 0 };
    }
}

const struct command *caller_current(const struct caller *caller)
{
    return caller->current;
}

bool caller_is_running(const struct caller *caller)
{
    return ledger_depth(caller->setup.ledger) > 0;
}

static void prepare(struct caller *caller, struct call *call, struct session *session,
                    const struct command *command, struct args *args)
{
    *call = caller->model;
    call->command = command;
    call->args = args;
    call->session = session;
    call->keys = keyspaces_at(caller->setup.keyspaces, session->db);
    call->reply = &session->reply;
    call->now = caller->now;
}

/* Runs the effects once the outermost call has closed. */
static void settle(struct caller *caller)
{
    const struct ledger_line *lines;
    size_t count = ledger_lines(caller->setup.ledger, &lines);

    if (UNLIKELY(count > 0)) {
        for (const struct effect *effect = caller->setup.effects; effect->name != NULL; effect++)
            effect->run(effect->who, lines, count);
    }
    ledger_settle(caller->setup.ledger);
    arena_empty(caller->arena);
    if (UNLIKELY(waiting_is_ready(caller->setup.waiting)))
        waiting_serve(caller->setup.waiting, caller);
}

static void show_witnesses(const struct caller *caller, const struct call *call,
                           enum verdict verdict, micros took)
{
    for (const struct witness *of = caller->setup.witnesses; of->name != NULL; of++)
        of->see(of->who, call, verdict, took);
}

/* The time of all runs so far of a call that waits or waited. */
static micros time_with_earlier_runs(const struct call *call, enum verdict verdict, micros took)
{
    struct session *session = call->session;

    if (call->again)
        took += session->ran;
    session->ran = verdict == VERDICT_WAIT ? took : 0;
    return took;
}

static void count_time(struct caller *caller, struct command_counts *counts, micros took)
{
    if (!caller->setup.options->latency_tracking)
        return;
    if (UNLIKELY(counts->took == NULL))
        counts->took = memory_new_zeroed(1, sizeof(*counts->took));
    histogram_count(counts->took, took);
}

static void count_call(struct caller *caller, const struct call *call, enum verdict verdict,
                       uint64_t errors_before, uint64_t inner_before)
{
    struct command_counts *counts = &caller->counts[call->command->index];
    uint64_t errors = call->reply->errors - errors_before;
    micros took;

    if (UNLIKELY(call->session->uncounted))
        return;
    read_clock(caller);
    took = caller->monotonic - call->began;
    /* A call that waits is one call, however often it is run. */
    if (!call->again) {
        counts->calls++;
        caller->setup.metrics->commands_processed++;
    }
    counts->usec += (uint64_t)took;
    /* Errors of the calls within are theirs. */
    if (errors > caller->inner_errors - inner_before)
        counts->failed++;
    caller->inner_errors = inner_before + errors;
    if (UNLIKELY(call->again || verdict == VERDICT_WAIT))
        took = time_with_earlier_runs(call, verdict, took);
    if (LIKELY(verdict != VERDICT_WAIT))
        count_time(caller, counts, took);
    if (UNLIKELY(took >= caller->notable))
        show_witnesses(caller, call, verdict, took);
}

/* What the session heard while its own call was under way stands behind the answer. */
static void tell_what_was_heard(struct session *session)
{
    if (LIKELY(session->behind.len == 0))
        return;
    outbox_put(session->reply.out, buffer_slice(&session->behind));
    buffer_clear(&session->behind);
}

/* Effects of an outermost call; where its answer is held back, that comes first. */
static void end_outermost(struct caller *caller, struct session *session)
{
    /* Its reply leaves when what it said may be acknowledged. */
    if (session->wrote) {
        session->wrote = false;
        session->said = ledger_said(caller->setup.ledger);
        session->told = *caller->setup.stream + (int64_t)ledger_told(caller->setup.ledger);
    }
    settle(caller);
    session->in_call = false;
    if (LIKELY(session->replies == SESSION_REPLIES_ON))
        tell_what_was_heard(session);
}

/* CLIENT NO-TOUCH: what is read is not marked as used, unless TOUCH asks for that. */
static enum verdict run_unmarked(struct caller *caller, struct call *call)
{
    bool quiet = !slice_equal(command_full_name(call->command), SLICE("touch"));
    enum verdict verdict;

    keyspaces_leave_unmarked(caller->setup.keyspaces, quiet);
    verdict = call->command->run(call);
    keyspaces_leave_unmarked(caller->setup.keyspaces, false);
    return verdict;
}

/*
 * Whether the reply waits for what the call said. What a reader found expired is said
 * too, but it was not asked for.
 */
static bool waits_for_disk(const struct caller *caller, const struct command *command)
{
    return (command->flags & COMMAND_WRITE) != 0 ||
           (caller->setup.readers_wait != NULL &&
            caller->setup.readers_wait(caller->setup.readers_wait_who));
}

/* One run of one handler, between opening and closing its ledger. */
static enum verdict run(struct caller *caller, struct call *call)
{
    struct ledger *ledger = caller->setup.ledger;
    struct ledger_mark mark = ledger_open(ledger, call->session->db);
    const struct command *outer = caller->current;
    uint64_t said = ledger_said(ledger);
    uint64_t errors = call->reply->errors;
    uint64_t inner = caller->inner_errors;
    enum verdict verdict;

    caller->current = call->command;
    call->began = caller->monotonic;
    call->session->in_call = true;
    call->args->at = call->command->parent != NULL ? 2 : 1;
    if (UNLIKELY(call->session->no_touch))
        verdict = run_unmarked(caller, call);
    else
        verdict = call->command->run(call);
    caller->current = outer;
    keyspaces_settle(caller->setup.keyspaces);
    ledger_close(ledger, mark, call->args->words, call->args->count, call->args->raw);
    if (ledger_said(ledger) != said && waits_for_disk(caller, call->command))
        call->session->wrote = true;
    count_call(caller, call, verdict, errors, inner);
    if (ledger_depth(ledger) == 0)
        end_outermost(caller, call->session);
    return verdict;
}

/* What the first guard says that objects. */
static enum pass ask_guards(struct caller *caller, struct call *call)
{
    for (const struct guard *guard = caller->setup.guards; guard->name != NULL; guard++) {
        enum pass pass = guard->check(guard->who, call);

        if (UNLIKELY(pass != PASS_ON))
            return pass;
    }
    return PASS_ON;
}

/* Commands that act on the transaction itself are run inside MULTI, all others queued. */
static bool is_queued(const struct session *session, const struct command *command)
{
    static const struct slice direct[] = { { "exec", 4 },  { "discard", 7 }, { "multi", 5 },
                                           { "watch", 5 }, { "quit", 4 },    { "reset", 5 } };

    if (LIKELY(session->transaction == NULL))
        return false;
    for (size_t i = 0; i < sizeof(direct) / sizeof(direct[0]); i++) {
        if (slice_equal(direct[i], command_full_name(command)))
            return false;
    }
    return true;
}

uint32_t caller_flags(const struct caller *caller, const struct call *call)
{
    const struct command *command = call->command;

    if (LIKELY((command->flags & COMMAND_MAY_REPLICATE) == 0) ||
        (command->categories & UINT64_C(1) << CATEGORY_SCRIPTING) == 0 ||
        !caller->setup.only_reads(caller->setup.only_reads_who, call))
        return command->flags;
    return command->flags & ~(uint32_t)COMMAND_MAY_REPLICATE;
}

/* False if the request is held back. */
static bool answer(struct caller *caller, struct call *call)
{
    struct session *session = call->session;
    enum pass pass = ask_guards(caller, call);

    if (UNLIKELY(pass == PASS_HOLD))
        return false;
    if (UNLIKELY(pass == PASS_REFUSED)) {
        if (call->command != NULL && call->command->run != NULL)
            caller->counts[call->command->index].rejected++;
        transaction_break(session);
        return true;
    }
    if (UNLIKELY(is_queued(session, call->command))) {
        transaction_queue(session, call->command, caller_flags(caller, call), call->args);
        reply_simple(call->reply, SLICE("QUEUED"));
        return true;
    }
    session->last_command = call->command->full_name;
    session->calls++;
    call->may_wait = session->connection != NULL;
    (void)run(caller, call);
    return true;
}

/* What a session asks while a call of another is under way does not end that one. */
static void leave_to_outer(struct caller *caller, struct session *session)
{
    if (UNLIKELY(ledger_depth(caller->setup.ledger) > 0))
        session->in_call = false;
}

/* What a replica is sent is the stream: it asks nothing. Replies are off, so that none is sent. */
static void end_talking_replica(struct caller *caller, const struct call *call,
                                struct outbox_mark mark)
{
    struct session *session = call->session;
    struct outbox_mark now = outbox_mark(session->reply.out);

    if (LIKELY(session->reply.pushed || (now.at == mark.at && now.closed == mark.closed)))
        return;
    if (caller->setup.replica_talks != NULL)
        caller->setup.replica_talks(caller->setup.replica_talks_who, call);
    connection_close(session->connection, "a replica asked for something that is answered");
}

/* CLIENT REPLY: what a call answered goes again. A call that waits is skipped once it answers. */
static void take_back(struct session *session, struct outbox_mark mark, bool answered)
{
    if (!session->reply.pushed)
        outbox_rewind(session->reply.out, mark);
    tell_what_was_heard(session);
    if (session->replies == SESSION_REPLIES_SKIP && answered)
        session->replies = SESSION_REPLIES_ON;
}

static inline bool request(struct caller *caller, struct session *session,
                           const struct command *command, struct args *args)
{
    struct outbox_mark mark;
    struct call call;

    prepare(caller, &call, session, command, args);
    if (LIKELY(session->replies == SESSION_REPLIES_ON)) {
        if (UNLIKELY(!answer(caller, &call)))
            return false;
        leave_to_outer(caller, session);
        if (UNLIKELY(session->replies == SESSION_REPLIES_SKIP_NEXT))
            session->replies = SESSION_REPLIES_SKIP;
        if (UNLIKELY(session->replies != SESSION_REPLIES_ON))
            tell_what_was_heard(session);
        return true;
    }
    /* CLIENT REPLY: what is answered is taken back, unless the call turned replies on again. */
    mark = outbox_mark(session->reply.out);
    session->reply.pushed = false;
    if (!answer(caller, &call))
        return false;
    leave_to_outer(caller, session);
    if (session->replies == SESSION_REPLIES_ON)
        return true;
    if (UNLIKELY(session->is_replica)) {
        end_talking_replica(caller, &call, mark);
        return true;
    }
    take_back(session, mark, session->waiter == NULL);
    if (session->replies == SESSION_REPLIES_SKIP_NEXT)
        session->replies = SESSION_REPLIES_SKIP;
    return true;
}

bool caller_request(struct caller *caller, struct session *session, struct args *args)
{
    return request(caller, session,
                   command_find_again(&caller->latest, args->words, args->count), args);
}

bool caller_request_unknown(struct caller *caller, struct session *session, struct args *args)
{
    return request(caller, session, NULL, args);
}

/* Whether no guard objects that calls of this place meet. */
static bool passes(struct caller *caller, struct call *call, enum guard_places place)
{
    for (const struct guard *guard = caller->setup.guards; guard->name != NULL; guard++) {
        if ((guard->places & place) != 0 && guard->check(guard->who, call) == PASS_REFUSED)
            return false;
    }
    return true;
}

/* The same for a call that passed all guards before: rules may have changed since. */
static bool still_passes(struct caller *caller, struct call *call, enum guard_places place)
{
    if (LIKELY(call->session->may_all) || passes(caller, call, place))
        return true;
    caller->counts[call->command->index].rejected++;
    return false;
}

enum verdict caller_run_words(struct caller *caller, struct session *session,
                              const struct slice *words, size_t count)
{
    struct args args = { .words = words, .count = count };
    struct call call;

    prepare(caller, &call, session, command_find(words, count), &args);
    call.queued = true;
    if (gate_known(NULL, &call) == PASS_REFUSED || !still_passes(caller, &call, GUARD_QUEUED))
        return VERDICT_REFUSED;
    return run(caller, &call);
}

enum verdict caller_run_within(struct caller *caller, struct session *session,
                               struct reply *reply, const struct command *command,
                               const struct slice *words, size_t count)
{
    struct args args = { .words = words, .count = count };
    uint64_t inner = caller->inner_errors;
    enum verdict verdict = VERDICT_REFUSED;
    struct call call;

    prepare(caller, &call, session, command, &args);
    call.reply = reply;
    call.scripted = true;
    call.arena = caller->within;
    if (passes(caller, &call, GUARD_SCRIPTS))
        verdict = run(caller, &call);
    else
        caller->counts[command->index].rejected++;
    caller->inner_errors = inner;
    arena_empty(caller->within);
    return verdict;
}

enum verdict caller_run_again(struct caller *caller, struct session *session,
                              const struct command *command, const struct slice *words,
                              size_t count, bool over)
{
    struct args args = { .words = words, .count = count };
    struct outbox_mark mark = outbox_mark(session->reply.out);
    enum verdict verdict = VERDICT_REFUSED;
    struct call call;

    prepare(caller, &call, session, command, &args);
    call.may_wait = true;
    call.again = true;
    call.over = over;
    session->reply.pushed = false;
    if (over || still_passes(caller, &call, GUARD_AGAIN))
        verdict = run(caller, &call);
    if (UNLIKELY(session->replies != SESSION_REPLIES_ON))
        take_back(session, mark, verdict != VERDICT_WAIT);
    return verdict;
}

void caller_open_own(struct caller *caller)
{
    (void)caller_begin(caller);
    (void)ledger_open(caller->setup.ledger, 0);
}

void caller_close_own(struct caller *caller)
{
    struct ledger_mark mark = { .changes = 0 };

    ledger_say_nothing(caller->setup.ledger);
    ledger_say_apart(caller->setup.ledger);
    ledger_close(caller->setup.ledger, mark, NULL, 0, SLICE(""));
    settle(caller);
}

#include "broker/upkeep/memory_limit.h"

#include <inttypes.h>
#include <unistd.h>

#include "broker/config/options.h"
#include "broker/dispatch/transaction.h"
#include "broker/metrics/metrics.h"
#include "broker/session/holding.h"
#include "storage/base/memory.h"
#include "storage/base/worker.h"
#include "storage/keyspace/eviction.h"

enum {
    TURN_SLICE = 1000,   /* microseconds of eviction in a turn, of commands and at its end */
    TENACITY_LINEAR = 10,
    TENACITY_USEC = 50   /* for each step of tenacity up to there */
};

struct memory_limit {
    struct memory_limit_setup setup;
    struct caller            *caller;
    struct eviction          *eviction;
    const struct command     *exec;
    size_t                    bytes;     /* 0: no limit */
    micros                    patience;  /* how long one command may evict */
    size_t                    queue_bytes; /* 0: no limit for queues */
    uint32_t                  queue_kinds; /* what counts towards it: 1 << enum value_kind */
    struct holding            waiting;     /* who waits for room in queues */
    struct session           *admitted;    /* whose turn it is */
    size_t                    promised;  /* bytes that a worker is about to free */
    size_t                    seen;      /* in use when a command last made room */
    micros                    spent;     /* on eviction in this turn */
    bool                      frees_much; /* more is evicted in every turn */
    micros                    over_since;/* eviction could not keep up since then; 0: it does */
};

/* What an attempt to come below the limit led to. */
enum outcome { UNDER, STILL_OVER, STUCK };

struct memory_limit *memory_limit_new(const struct memory_limit_setup *setup)
{
    static const struct slice exec[] = { { "exec", 4 } };
    struct memory_limit *limit = memory_new_zeroed(1, sizeof(*limit));

    limit->setup = *setup;
    limit->eviction = eviction_new(setup->keyspaces);
    limit->exec = command_find(exec, 1);
    holding_init(&limit->waiting, setup->metrics);
    memory_limit_follow_options(limit);
    return limit;
}

void memory_limit_set_caller(struct memory_limit *limit, struct caller *caller)
{
    limit->caller = caller;
}

void memory_limit_free(struct memory_limit *limit)
{
    if (limit == NULL)
        return;
    eviction_free(limit->eviction);
    memory_free(limit);
}

/* ---- Options ---- */

/* Bytes that an option asks for, which may be a share of something. */
static size_t bytes_of(int64_t option, size_t whole)
{
    return option >= 0 ? (size_t)option : (size_t)((double)whole * (double)-option / 100);
}

static size_t memory_of_machine(void)
{
    return (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
}

/* How long one command may evict: quickly more and more, and at the end for ever. */
static micros patience_of(int64_t tenacity)
{
    double time = TENACITY_LINEAR * TENACITY_USEC;

    if (tenacity <= TENACITY_LINEAR)
        return tenacity * TENACITY_USEC;
    if (tenacity >= 100)
        return INT64_MAX;
    for (int64_t i = TENACITY_LINEAR; i < tenacity; i++)
        time *= 1.15;
    return (micros)time;
}

static size_t follow_prefixes(const struct option_words *words, struct slice *prefixes)
{
    size_t count = 0;

    for (; count < words->count && count < EVICTION_PREFIXES; count++)
        prefixes[count] = slice_text(words->at[count]);
    return count;
}

static enum eviction_order order_of(enum option_policy policy)
{
    switch (policy) {
    case OPTION_POLICY_VOLATILE_LFU:
    case OPTION_POLICY_ALLKEYS_LFU:
        return EVICTION_RARE;
    case OPTION_POLICY_VOLATILE_RANDOM:
    case OPTION_POLICY_ALLKEYS_RANDOM:
        return EVICTION_RANDOM;
    case OPTION_POLICY_VOLATILE_TTL:
        return EVICTION_DUE;
    case OPTION_POLICY_VOLATILE_LRU:
    case OPTION_POLICY_ALLKEYS_LRU:
    case OPTION_POLICY_VOLATILE_LRM:
    case OPTION_POLICY_ALLKEYS_LRM:
    case OPTION_POLICY_NONE:
        break;
    }
    return EVICTION_UNUSED;
}

static enum use use_of(enum option_policy policy)
{
    if (order_of(policy) == EVICTION_RARE)
        return USE_COUNTED;
    if (policy == OPTION_POLICY_VOLATILE_LRM || policy == OPTION_POLICY_ALLKEYS_LRM)
        return USE_WRITTEN;
    return USE_READ;
}

static bool takes_all_keys(enum option_policy policy)
{
    return policy == OPTION_POLICY_ALLKEYS_LRU || policy == OPTION_POLICY_ALLKEYS_LFU ||
           policy == OPTION_POLICY_ALLKEYS_LRM || policy == OPTION_POLICY_ALLKEYS_RANDOM;
}

/*
 * The types that may go. Unless the options say otherwise a queue goes only if
 * somebody gave it a time to live, and so said that it may.
 */
static uint32_t kinds_of(const struct options *options)
{
    static const uint32_t caches =
        1u << VALUE_STRING | 1u << VALUE_HASH | 1u << VALUE_SET | 1u << VALUE_ZSET;

    if (options->maxmemory_evict_types != OPTION_TYPES_AUTO)
        return options->maxmemory_evict_types;
    return takes_all_keys((enum option_policy)options->maxmemory_policy) ? caches
                                                                         : OPTION_TYPES_ALL;
}

void memory_limit_follow_options(struct memory_limit *limit)
{
    const struct options *options = limit->setup.options;
    enum option_policy policy = (enum option_policy)options->maxmemory_policy;
    struct eviction_rules rules = {
        .order = order_of(policy),
        .nobody = policy == OPTION_POLICY_NONE,
        .expiring_only = !takes_all_keys(policy),
        .samples = (uint32_t)(options->maxmemory_samples > 1000 ? 1000
                                                                : options->maxmemory_samples),
        .kinds = kinds_of(options),
    };

    rules.prefix_count = follow_prefixes(&options->maxmemory_evict_prefixes, rules.prefixes);
    rules.kept_count = follow_prefixes(&options->maxmemory_keep_prefixes, rules.kept);
    eviction_follow(limit->eviction, &rules);
    keyspaces_count_use(limit->setup.keyspaces, use_of(policy),
                        (uint32_t)options->lfu_log_factor, (uint32_t)options->lfu_decay_time);
    limit->bytes = bytes_of(options->maxmemory, memory_of_machine());
    keyspaces_set_room(limit->setup.keyspaces, SIZE_MAX);
    limit->queue_bytes = bytes_of(options->maxmemory_queues, limit->bytes);
    limit->queue_kinds = (1u << VALUE_LIST | 1u << VALUE_STREAM) &
                         (takes_all_keys(policy) ? ~rules.kinds : ~0u);
    limit->patience = patience_of(options->maxmemory_eviction_tenacity);
}

size_t memory_limit_bytes(const struct memory_limit *limit)
{
    return limit->bytes;
}

size_t memory_limit_of_clients(const struct memory_limit *limit)
{
    return bytes_of(limit->setup.options->maxmemory_clients, limit->bytes);
}

/* Memory in use, as far as it counts. */
static size_t counted_memory(const struct memory_limit *limit)
{
    size_t used = memory_used();
    size_t spared;

    if (LIKELY(limit->bytes == 0 || used <= limit->bytes) || limit->setup.spared == NULL)
        return used;
    spared = limit->setup.spared(limit->setup.spared_who);
    return used > spared ? used - spared : 0;
}

bool memory_limit_is_over(const struct memory_limit *limit)
{
    return limit->bytes > 0 && counted_memory(limit) > limit->bytes;
}

/* ---- Evicting ---- */

/*
 * Evicts so many bytes, or until the time is over. What is freed counts, not what
 * is in use then: to tell of keys that went takes memory too, for a while, and
 * must not have others go.
 */
static enum outcome evict_for(struct memory_limit *limit, size_t wanted, micros patience,
                              micros begun)
{
    enum eviction_result result = EVICTION_NOTHING;
    size_t used = memory_used();
    size_t freed = 0;
    size_t taken = 0;

    while (freed < wanted) {
        size_t left;

        result = eviction_take(limit->eviction);
        if (result == EVICTION_NOTHING)
            return limit->promised > 0 ? STILL_OVER : STUCK;
        taken += result != EVICTION_SEARCHES;
        left = memory_used();
        freed += left < used ? used - left : 0;
        used = left;
        if (result == EVICTION_HANDED) {
            limit->promised += eviction_handed(limit->eviction);
            freed += eviction_handed(limit->eviction);
        }
        /* The clock is asked each time: one that goes may have thousands of pages. */
        if (freed < wanted && clock_monotonic(limit->setup.clock) - begun >= patience)
            return taken > 0 || limit->promised > 0 ? STILL_OVER : STUCK;
    }
    return limit->promised > 0 ? STILL_OVER : UNDER;
}

/* How much is to go: what memory is over its limit, without what a worker is about to free. */
static size_t excess(struct memory_limit *limit)
{
    size_t counted = counted_memory(limit);
    size_t over = counted > limit->bytes ? counted - limit->bytes : 0;

    if (limit->promised > 0 && worker_pending(limit->setup.worker) == 0)
        limit->promised = 0;
    return over > limit->promised ? over - limit->promised : 0;
}

static void note_pressure(struct memory_limit *limit, enum outcome outcome, micros now)
{
    if (outcome != UNDER && limit->over_since == 0) {
        limit->over_since = now;
    } else if (outcome == UNDER && limit->over_since != 0) {
        limit->setup.metrics->eviction_exceeded_msec +=
            (uint64_t)(now - limit->over_since) / 1000;
        limit->over_since = 0;
    }
}

/* Whether nothing is to go now: writing is paused, or a primary decides. */
static bool may_not_evict(const struct memory_limit *limit)
{
    unsigned held = keyspaces_held(limit->setup.keyspaces);

    return (held & HOLD_PAUSED) != 0 ||
           ((held & HOLD_FOLLOWS) != 0 && limit->setup.options->replica_ignore_maxmemory);
}

/* Comes below the limit, or at least nearer to it by so many bytes, if the time suffices. */
static enum outcome come_below(struct memory_limit *limit, micros patience, size_t most)
{
    micros begun;
    enum outcome outcome;

    if (!memory_limit_is_over(limit) || may_not_evict(limit))
        outcome = UNDER;
    else if (limit->setup.options->maxmemory_policy == OPTION_POLICY_NONE)
        return STUCK;
    else
        outcome = STILL_OVER;
    begun = clock_monotonic(limit->setup.clock);
    if (outcome == STILL_OVER) {
        size_t over = excess(limit);
        micros now;

        caller_open_own(limit->caller);
        outcome = evict_for(limit, over < most ? over : most, patience, begun);
        caller_close_own(limit->caller);
        if (outcome == UNDER && over > most)
            outcome = STILL_OVER;
        now = clock_monotonic(limit->setup.clock);
        limit->spent += now - begun;
        limit->setup.note(limit->setup.note_who, "eviction-cycle", now - begun);
        begun = now;
    }
    note_pressure(limit, outcome, begun);
    return outcome;
}

/*
 * Has a command make room. Many commands run in a turn: once they have evicted for as long
 * as a turn may, each makes no more room than twice what was taken since the last one looked,
 * and takes at least one item out, so as to know whether there is any.
 */
static enum outcome make_room(struct memory_limit *limit)
{
    size_t used = memory_used();
    size_t grown = used > limit->seen ? used - limit->seen : 0;
    bool hurries = limit->patience <= TURN_SLICE && limit->spent >= TURN_SLICE;
    enum outcome outcome = come_below(limit, limit->patience, hurries ? 2 * grown + 1 : SIZE_MAX);

    limit->seen = memory_used();
    return outcome;
}

/* An EXEC whose calls need memory is over with them. */
static enum pass refuse_exec(struct memory_limit *limit, struct call *call)
{
    transaction_end(call->session);
    limit->setup.unwatch(limit->setup.unwatch_who, call->session);
    (void)call_refuse_with(call, "EXECABORT Transaction discarded because of: OOM command not "
                                 "allowed when used memory > 'maxmemory'.");
    return PASS_REFUSED;
}

/* What queues in MULTI takes memory whatever it is; what ends a transaction does not queue. */
static bool needs_memory(const struct call *call)
{
    static const struct slice direct[] = { { "exec", 4 }, { "discard", 7 }, { "quit", 4 },
                                           { "reset", 5 } };

    if (call->session->transaction == NULL)
        return (call->command->flags & COMMAND_DENYOOM) != 0;
    for (size_t i = 0; i < sizeof(direct) / sizeof(direct[0]); i++) {
        if (slice_equal(direct[i], command_full_name(call->command)))
            return false;
    }
    return true;
}

static enum pass check(struct memory_limit *limit, struct call *call)
{
    const struct session *session = call->session;

    if (make_room(limit) != STUCK)
        return PASS_ON;
    if (call->command == limit->exec && session->transaction != NULL &&
        !transaction_is_broken(session) && transaction_has(session, COMMAND_DENYOOM))
        return refuse_exec(limit, call);
    if (!needs_memory(call))
        return PASS_ON;
    (void)call_refuse(call, REFUSAL_OUT_OF_MEMORY);
    return PASS_REFUSED;
}

/* ---- Queues ---- */

/* What counts towards maxmemory-queues now, in bytes. */
static size_t queues_used(const struct memory_limit *limit)
{
    size_t bytes = 0;

    for (int kind = 0; kind < VALUE_KINDS; kind++) {
        if ((limit->queue_kinds & 1u << kind) != 0)
            bytes += keyspaces_weight(limit->setup.keyspaces, (enum value_kind)kind);
    }
    return bytes;
}

static bool queues_are_full(const struct memory_limit *limit)
{
    return limit->queue_bytes > 0 && queues_used(limit) >= limit->queue_bytes;
}

/* What only moves elements from queue to queue takes no room. */
static bool only_moves(const struct command *command)
{
    static const struct slice moving[] = {
        { "lmove", 5 }, { "rpoplpush", 9 }, { "blmove", 6 }, { "brpoplpush", 10 }, { "lmovem", 6 },
        { "blmovem", 7 },
    };

    for (size_t i = 0; i < sizeof(moving) / sizeof(moving[0]); i++) {
        if (slice_equal(moving[i], command_full_name(command)))
            return true;
    }
    return false;
}

static bool adds_to_queues(const struct command *command, uint32_t flags, uint64_t categories)
{
    const uint64_t queues = UINT64_C(1) << CATEGORY_LIST | UINT64_C(1) << CATEGORY_STREAM;

    return (flags & COMMAND_DENYOOM) != 0 && (categories & queues) != 0 &&
           !only_moves(command);
}

/* Counts a refusal, and appends its line. */
static void print_full(struct memory_limit *limit, struct buffer *line)
{
    size_t used = queues_used(limit);

    limit->setup.metrics->queue_full_refusals++;
    buffer_print(line, "FULL queues hold %zu of %zu bytes, %.1f%% of 'maxmemory-queues'", used,
                 limit->queue_bytes, 100 * (double)used / (double)limit->queue_bytes);
}

static enum pass refuse_full(struct memory_limit *limit, struct call *call, bool exec)
{
    struct buffer line = { 0 };

    if (exec) {
        transaction_end(call->session);
        limit->setup.unwatch(limit->setup.unwatch_who, call->session);
        buffer_print(&line, "EXECABORT Transaction discarded because of: ");
    }
    print_full(limit, &line);
    reply_error(call->reply, buffer_slice(&line));
    buffer_clear(&line);
    return PASS_REFUSED;
}

bool memory_limit_refuses_queue(struct memory_limit *limit, const struct command *command,
                                struct buffer *line)
{
    if (LIKELY(limit->queue_bytes == 0) ||
        !adds_to_queues(command, command->flags, command->categories) || !queues_are_full(limit))
        return false;
    print_full(limit, line);
    return true;
}

/* Who is not the one whose turn it is waits behind those who came before. */
static enum pass check_queues(struct memory_limit *limit, struct call *call)
{
    struct session *session = call->session;
    bool exec = call->command == limit->exec && session->transaction != NULL;
    bool admitted = limit->admitted == session;
    millis wait = limit->setup.options->maxmemory_queues_wait;
    millis until = admitted ? session->held_until : call->now + wait;

    if (exec ? !transaction_adds_to_queues(session)
             : !adds_to_queues(call->command, call->command->flags, call->command->categories))
        return PASS_ON;
    if (admitted)
        limit->admitted = NULL;
    if (!queues_are_full(limit) && (admitted || limit->waiting.count == 0))
        return PASS_ON;
    if (wait == 0 || call->now >= until || (session->transaction != NULL && !exec))
        return refuse_full(limit, call, exec);
    if (admitted) {
        holding_add_first(&limit->waiting, session, until);
    } else {
        limit->setup.metrics->queue_full_waits++;
        holding_add(&limit->waiting, session, until);
    }
    return PASS_HOLD;
}

/* Lets the first go on if there is room, or no more time. True if another may be next. */
static bool serve_waiting(struct memory_limit *limit)
{
    struct session *first = holding_first(&limit->waiting);

    limit->admitted = NULL;
    if (first == NULL ||
        (queues_are_full(limit) && caller_now(limit->caller) < first->held_until))
        return false;
    limit->admitted = first;
    holding_release_first(&limit->waiting);
    return true;
}

void memory_limit_forget(void *who, struct session *session)
{
    struct memory_limit *limit = who;

    holding_forget(&limit->waiting, session);
    if (limit->admitted == session)
        limit->admitted = NULL;
}

enum pass memory_limit_guard(void *who, struct call *call)
{
    struct memory_limit *limit = who;
    size_t used;

    /* What a log or a primary says was allowed where it was said first. */
    if (UNLIKELY(call->session->connection == NULL))
        return PASS_ON;
    if (UNLIKELY(limit->queue_bytes > 0 || limit->waiting.count > 0)) {
        enum pass pass = call->command != NULL ? check_queues(limit, call) : PASS_ON;

        if (pass != PASS_ON)
            return pass;
    }
    if (LIKELY(limit->bytes == 0))
        return PASS_ON;
    used = counted_memory(limit);
    keyspaces_set_room(limit->setup.keyspaces, used < limit->bytes ? limit->bytes - used : 0);
    if (LIKELY(used <= limit->bytes && limit->over_since == 0))
        return PASS_ON;
    return check(limit, call);
}

static void free_much(struct memory_limit *limit, bool much)
{
    if (LIKELY(limit->frees_much == much))
        return;
    limit->frees_much = much;
    if (much)
        memory_free_much_begin();
    else
        memory_free_much_end();
}

bool memory_limit_step(void *who)
{
    struct memory_limit *limit = who;
    enum outcome outcome;
    bool more = UNLIKELY(limit->waiting.count > 0 || limit->admitted != NULL) &&
                serve_waiting(limit);
    micros spent = limit->spent < TURN_SLICE ? limit->spent : TURN_SLICE - 1;
    uint64_t evicted;

    limit->spent = 0;
    if (LIKELY(!memory_limit_is_over(limit) && limit->over_since == 0)) {
        free_much(limit, false);
        return more;
    }
    evicted = keyspaces_counts(limit->setup.keyspaces)->evicted;
    outcome = come_below(limit, TURN_SLICE - spent, SIZE_MAX);
    limit->spent = 0;
    free_much(limit, outcome == STILL_OVER);
    /* Who waits for the worker only is woken by the next tick. */
    more |= outcome == STILL_OVER && excess(limit) > 0;
    /* What was said of those that went is written in the turn that follows. */
    return more || keyspaces_counts(limit->setup.keyspaces)->evicted != evicted;
}

bool memory_limit_relieve(void *who)
{
    struct memory_limit *limit = who;

    if (UNLIKELY(memory_limit_is_over(limit)))
        limit->setup.relieve(limit->setup.relieve_who);
    return false;
}

/* ---- Telling ---- */

static void print_kinds(const struct memory_limit *limit, struct buffer *to)
{
    const struct value_types *types = keyspaces_types(limit->setup.keyspaces);
    uint32_t kinds = kinds_of(limit->setup.options);
    bool first = true;

    for (int kind = 0; kind < VALUE_KINDS; kind++) {
        if ((kinds & 1u << kind) == 0)
            continue;
        buffer_print(to, "%s%s", first ? "" : " ", types->of[kind]->name);
        first = false;
    }
}

void memory_limit_print(struct memory_limit *limit, struct buffer *to)
{
    const struct options *options = limit->setup.options;

    buffer_print(to,
                 "used_memory_lists:%zu\r\nused_memory_streams:%zu\r\nused_memory_queues:%zu\r\n",
                 keyspaces_weight(limit->setup.keyspaces, VALUE_LIST),
                 keyspaces_weight(limit->setup.keyspaces, VALUE_STREAM),
                 queues_used(limit));
    buffer_print(to, "maxmemory_queues:%zu\r\nqueue_waiting_writers:%zu\r\n",
                 limit->queue_bytes, limit->waiting.count);
    if (options->maxmemory_policy != OPTION_POLICY_NONE) {
        size_t evictable;
        size_t items;

        eviction_estimate(limit->eviction, &evictable, &items);
        buffer_print(to, "maxmemory_evict_types:");
        print_kinds(limit, to);
        buffer_print(to, "\r\nmaxmemory_evictable_keys:%zu\r\nmaxmemory_protected_keys:%zu\r\n",
                     evictable, items - evictable);
    }
}

void memory_limit_print_stats(const struct memory_limit *limit, struct buffer *to)
{
    micros now = clock_monotonic(limit->setup.clock);
    micros current = limit->over_since > 0 ? now - limit->over_since : 0;

    buffer_print(to, "current_eviction_exceeded_time:%" PRId64 "\r\n", current / 1000);
}

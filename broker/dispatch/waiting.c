/*
 * What always holds:
 *   (1) A waiter has one place in one lane of each different key it named.
 *   (2) A session waits if and only if session->waiter is set, and then session->paused is.
 *   (3) A waiter with a deadline is in `deadlines` once.
 */
#include "broker/dispatch/waiting.h"

#include "broker/dispatch/caller.h"
#include "broker/dispatch/kept_answer.h"
#include "broker/dispatch/lanes.h"
#include "broker/metrics/metrics.h"
#include "broker/net/connection.h"
#include "storage/base/memory.h"
#include "storage/index/ordered.h"
#include "storage/index/table.h"

struct session_waiter {
    struct session       *session;
    const struct command *command;
    millis                deadline; /* 0 for none */
    uint64_t              need;
    struct slice         *words;    /* in the same block */
    size_t                count;
    size_t                size;     /* of the block */
    size_t                place_count;
    struct place          places[];
};

struct deadline {
    int64_t                at;
    struct session_waiter *waiter;
};

struct waiting {
    struct waiting_setup setup;
    struct kept_answer   answer;
    struct lanes         lanes;
    struct ordered      *deadlines;
    struct chain         ready;
    size_t               count;
    bool                 serving;
};

static int compare_deadlines(const void *a, const void *b, void *who)
{
    const struct deadline *x = a;
    const struct deadline *y = b;

    (void)who;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    /* Equal deadlines are answered in the order of the sessions. */
    return (x->waiter->session->id > y->waiter->session->id) -
           (x->waiter->session->id < y->waiter->session->id);
}

static const struct ordered_kind deadline_kind = {
    .record_size = sizeof(struct deadline),
    .lead = ORDERED_LEAD_SIGNED,
    .compare = compare_deadlines,
};

struct waiting *waiting_new(const struct waiting_setup *setup)
{
    struct waiting *waiting = memory_new_zeroed(1, sizeof(*waiting));

    waiting->setup = *setup;
    lanes_init(&waiting->lanes, keyspaces_count(setup->keyspaces), setup->secret);
    waiting->deadlines = ordered_new(&deadline_kind, NULL);
    chain_init(&waiting->ready);
    return waiting;
}

void waiting_free(struct waiting *waiting)
{
    if (waiting == NULL)
        return;
    must(waiting->count == 0);
    lanes_clear(&waiting->lanes);
    ordered_free(waiting->deadlines);
    memory_free(waiting);
}

/* One block: the waiter, its places, its words, their bytes. */
static struct session_waiter *make_waiter(const struct call *call, size_t places)
{
    const struct slice *from = call->rewritten != NULL ? call->rewritten : call->args->words;
    size_t count = call->args->count;
    size_t size = sizeof(struct session_waiter) + places * sizeof(struct place) +
                  count * sizeof(struct slice);
    struct session_waiter *waiter;
    char *text;

    for (size_t i = 0; i < count; i++)
        size += from[i].len;
    waiter = memory_new(size);
    waiter->words = (struct slice *)(void *)&waiter->places[places];
    waiter->count = count;
    waiter->size = size;
    waiter->place_count = 0;
    text = (char *)&waiter->words[count];
    for (size_t i = 0; i < count; i++) {
        if (from[i].len > 0)
            memcpy(text, from[i].at, from[i].len);
        waiter->words[i] = slice_of(text, from[i].len);
        text += from[i].len;
    }
    return waiter;
}

static bool stands_in(const struct session_waiter *waiter, const struct lane *lane)
{
    for (size_t i = 0; i < waiter->place_count; i++) {
        if (waiter->places[i].lane == lane)
            return true;
    }
    return false;
}

void waiting_add(struct waiting *waiting, struct call *call, const struct wait *wait)
{
    struct session_waiter *waiter = make_waiter(call, wait->count);
    struct session *session = call->session;

    must(session->waiter == NULL);
    waiter->session = session;
    waiter->command = call->command;
    waiter->deadline = 0;
    waiter->need = wait->need;
    if (wait->timeout > 0)
        waiter->deadline = wait->timeout > INT64_MAX - call->now ? INT64_MAX
                                                                 : call->now + wait->timeout;
    for (size_t i = 0; i < wait->count; i++) {
        struct lane *lane = lanes_lane(&waiting->lanes, session->db, wait->keys[i], wait);
        struct place *place = &waiter->places[waiter->place_count];

        if (stands_in(waiter, lane))
            continue;
        if (wait->need < lane->least_need)
            lane->least_need = wait->need;
        place->lane = lane;
        place->waiter = waiter;
        chain_put_last(&lane->places, &place->link);
        waiter->place_count++;
    }
    if (waiter->deadline != 0) {
        struct deadline deadline = { waiter->deadline, waiter };

        must(ordered_insert(waiting->deadlines, &deadline));
    }
    session->waiter = waiter;
    session->paused = true;
    waiting->count++;
    waiting->setup.metrics->blocked_clients++;
    ledger_listen(waiting->setup.ledger, LISTENER_WAITERS, true);
}

void waiting_wake_at(struct waiting *waiting, struct session *session, millis at)
{
    struct session_waiter *waiter = session->waiter;

    for (size_t i = 0; i < waiter->place_count; i++)
        lanes_wake_at(&waiting->lanes, waiter->places[i].lane, at);
}

/* Takes a waiter out of all lanes; its session may go on. */
static void end_wait(struct waiting *waiting, struct session_waiter *waiter)
{
    struct session *session = waiter->session;

    if (waiter->deadline != 0) {
        struct deadline deadline = { waiter->deadline, waiter };

        must(ordered_remove(waiting->deadlines, &deadline, NULL));
    }
    for (size_t i = 0; i < waiter->place_count; i++) {
        chain_leave(&waiter->places[i].link);
        lanes_drop_if_empty(&waiting->lanes, waiter->places[i].lane);
    }
    session->waiter = NULL;
    session->paused = false;
    waiting->count--;
    waiting->setup.metrics->blocked_clients--;
    if (waiting->count == 0)
        ledger_listen(waiting->setup.ledger, LISTENER_WAITERS, false);
    if (session->connection != NULL) {
        connection_wants_send(session->connection);
        connection_wake(session->connection);
    }
    memory_free_sized(waiter, waiter->size);
}

/* Runs a waiter's command again; true if it need not wait any longer. */
static bool serve_one(struct waiting *waiting, struct caller *caller,
                      struct session_waiter *waiter, bool over)
{
    enum verdict verdict = caller_run_again(caller, waiter->session, waiter->command,
                                            waiter->words, waiter->count, over);

    if (verdict == VERDICT_WAIT)
        return false;
    end_wait(waiting, waiter);
    return true;
}

/* Whether the key holds what a lane can use now; removal counts for those who asked for it. */
static bool lane_may_be_served(struct waiting *waiting, const struct lane *lane)
{
    const struct awaited *awaited = lane->of;
    struct keyspace *keys = keyspaces_at(waiting->setup.keyspaces, awaited->db);
    struct item *item = keyspace_find(keys, lanes_key(awaited), LOOK_QUIET);

    if (item != NULL && item_kind(item) == (enum value_kind)lane->kind)
        return true;
    return lane->on_gone;
}

/* Serves one of many who may want the same. */
static void serve_reader(struct waiting *waiting, struct caller *caller,
                         struct session_waiter *waiter)
{
    kept_answer_next(&waiting->answer, outbox_pending(waiter->session->reply.out));
    (void)serve_one(waiting, caller, waiter, false);
}

bool waiting_repeat_answer(struct waiting *waiting, struct call *call)
{
    return kept_answer_repeat(&waiting->answer, call);
}

void waiting_keep_answer(struct waiting *waiting, struct call *call)
{
    kept_answer_keep(&waiting->answer, call);
}

static void serve_shared(struct waiting *waiting, struct caller *caller, struct lane *lane)
{
    struct chain seen;

    kept_answer_open(&waiting->answer, lane->places.next != lane->places.prev);

    /* Places are moved to the side as they are seen; who goes on waiting is put back in order. */
    chain_init(&seen);
    while (!chain_is_empty(&lane->places)) {
        struct place *place = CHAIN_OWNER(lane->places.next, struct place, link);

        chain_leave(&place->link);
        chain_put_last(&seen, &place->link);
        if (chain_is_empty(&lane->places)) {
            /* The lane must outlive its last waiter: the rest comes back before it is run. */
            chain_move_all(&seen, &lane->places);
            serve_reader(waiting, caller, place->waiter);
            break;
        }
        serve_reader(waiting, caller, place->waiter);
    }
    kept_answer_close(&waiting->answer);
}

/* The next behind one who cannot be served that may be served all the same. */
static struct place *next_with_less_need(const struct lane *lane, const struct place *place)
{
    uint64_t need = place->waiter->need;

    if (need <= lane->least_need)
        return NULL;
    for (struct chain *link = place->link.next; link != &lane->places; link = link->next) {
        struct place *next = CHAIN_OWNER(link, struct place, link);

        if (next->waiter->need < need)
            return next;
    }
    return NULL;
}

/* Serves a lane; it may be gone afterwards. */
static void serve_lane(struct waiting *waiting, struct caller *caller, struct lane *lane)
{
    bool last = false;

    if (!lane_may_be_served(waiting, lane))
        return;
    if (lane->shared) {
        serve_shared(waiting, caller, lane);
        return;
    }
    while (!last && lane_may_be_served(waiting, lane)) {
        struct place *place = CHAIN_OWNER(lane->places.next, struct place, link);

        last = lane->places.prev == lane->places.next;
        while (place != NULL && !serve_one(waiting, caller, place->waiter, false))
            place = next_with_less_need(lane, place);
        if (place == NULL)
            return;
    }
}

static void serve_key(struct waiting *waiting, struct caller *caller, struct awaited *awaited)
{
    struct chain lanes;

    /* Off the list first, so that it can become ready again while it is served. */
    chain_leave(&awaited->ready);
    awaited->held = true;
    chain_init(&lanes);
    chain_move_all(&awaited->lanes, &lanes);
    while (!chain_is_empty(&lanes)) {
        struct lane *lane = CHAIN_OWNER(lanes.next, struct lane, link);

        chain_leave(&lane->link);
        chain_put_last(&awaited->lanes, &lane->link);
        serve_lane(waiting, caller, lane);
    }
    awaited->held = false;
    lanes_drop_key_if_empty(&waiting->lanes, awaited);
}

bool waiting_is_ready(const struct waiting *waiting)
{
    return !chain_is_empty(&waiting->ready) && !waiting->serving;
}

void waiting_serve(struct waiting *waiting, struct caller *caller)
{
    if (waiting->serving)
        return;
    waiting->serving = true;
    while (!chain_is_empty(&waiting->ready)) {
        struct chain now;

        /* Keys that become ready while others are served have their turn afterwards. */
        chain_init(&now);
        chain_move_all(&waiting->ready, &now);
        while (!chain_is_empty(&now))
            serve_key(waiting, caller, CHAIN_OWNER(now.next, struct awaited, ready));
    }
    waiting->serving = false;
}

static void make_ready(struct waiting *waiting, struct awaited *awaited)
{
    if (!chain_linked(&awaited->ready))
        chain_put_last(&waiting->ready, &awaited->ready);
}

void waiting_key_changed(struct waiting *waiting, uint32_t db, struct slice key)
{
    struct awaited *awaited = lanes_find(&waiting->lanes, db, key);

    if (awaited != NULL)
        make_ready(waiting, awaited);
}

void waiting_all_changed(struct waiting *waiting, uint32_t db)
{
    struct table_walk walk;

    for (struct awaited *awaited = table_walk_begin(&walk, &waiting->lanes.keys[db]); awaited != NULL;
         awaited = table_walk_next(&walk))
        make_ready(waiting, awaited);
    table_walk_end(&walk);
}

void waiting_due_earlier(struct waiting *waiting, uint32_t db, struct slice key)
{
    struct awaited *awaited = lanes_find(&waiting->lanes, db, key);

    if (awaited == NULL)
        return;
    for (struct chain *link = awaited->lanes.next; link != &awaited->lanes; link = link->next) {
        /* Whoever may be woken needs less than everything. */
        if (CHAIN_OWNER(link, struct lane, link)->least_need < UINT64_MAX) {
            make_ready(waiting, awaited);
            return;
        }
    }
}

millis waiting_next_deadline(const struct waiting *waiting)
{
    struct ordered_cursor deadline = ordered_first(waiting->deadlines);
    millis at = deadline.record == NULL ? -1 : ((const struct deadline *)deadline.record)->at;
    millis alarm = lanes_next_alarm(&waiting->lanes);

    return at < 0 || (alarm >= 0 && alarm < at) ? alarm : at;
}

/* Serves the lanes whose alarm rings. */
static void ring(struct waiting *waiting, struct caller *caller, millis now)
{
    struct awaited *awaited;

    while ((awaited = lanes_ring(&waiting->lanes, now)) != NULL)
        make_ready(waiting, awaited);
    if (waiting_is_ready(waiting))
        waiting_serve(waiting, caller);
}

void waiting_time_over(struct waiting *waiting, struct caller *caller, millis now)
{
    ring(waiting, caller, now);
    for (;;) {
        struct ordered_cursor first = ordered_first(waiting->deadlines);
        const struct deadline *deadline = first.record;

        if (deadline == NULL || deadline->at > now)
            return;
        must(serve_one(waiting, caller, deadline->waiter, true));
    }
}

bool waiting_unblock(struct waiting *waiting, struct caller *caller, struct session *session,
                     struct slice error)
{
    if (session->waiter == NULL)
        return false;
    if (error.len == 0)
        return serve_one(waiting, caller, session->waiter, true);
    if (session->replies == SESSION_REPLIES_ON)
        reply_error(&session->reply, error);
    else if (session->replies == SESSION_REPLIES_SKIP)
        session->replies = SESSION_REPLIES_ON;
    caller_counts(caller)[session->waiter->command->index].failed++;
    end_wait(waiting, session->waiter);
    return true;
}

void waiting_forget(void *waiting, struct session *session)
{
    if (session->waiter != NULL)
        end_wait(waiting, session->waiter);
}

size_t waiting_keys(const struct waiting *waiting)
{
    return lanes_keys(&waiting->lanes);
}

size_t waiting_keys_on_gone(const struct waiting *waiting)
{
    return lanes_keys_on_gone(&waiting->lanes);
}

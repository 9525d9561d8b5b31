/*
 * What always holds:
 *   (1) A watched key is in both trees once, with the same time.
 *   (2) The timer is set for the earliest time of all, or for nothing if there is none.
 *
 * A stream knows for when it is watched, so that most changes of it need not look here.
 */
#include "broker/commands/keeper.h"

#include "broker/dispatch/caller.h"
#include "broker/net/loop.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/index/ordered.h"
#include "storage/keyspace/keyspace.h"

enum {
    ENTRIES_A_TURN = 2000, /* of work queues that are looked through */
    KEYS_A_TURN = 64,      /* whose streams are served */
    SCANS_A_TICK = 16,     /* buckets of a keyspace in which unknown streams are looked for */
    CHECKS_A_TICK = 16,    /* watched keys that may hold no stream any more */
    WORDS_AROUND = 4
};

struct kept {
    millis   at;
    uint32_t db;
    uint32_t len;
    char     key[];
};

/* In the tree by time, and in the one by key. */
struct due {
    int64_t      at;
    struct kept *kept;
};

struct named {
    uint64_t     db;
    struct slice key;
    struct kept *kept;
};

struct keeper {
    struct keeper_setup setup;
    struct loop_timer  *timer;
    struct ordered     *by_time;
    struct ordered     *by_key;
    millis              timer_at; /* 0: it is not set */
    uint32_t            scan_db;
    uint64_t            scan_cursor;
    size_t              check_rank;
};

static int compare_due(const void *a, const void *b, void *who)
{
    const struct due *one = a, *other = b;

    (void)who;
    if (one->at != other->at)
        return one->at < other->at ? -1 : 1;
    return ((uintptr_t)one->kept > (uintptr_t)other->kept) -
           ((uintptr_t)one->kept < (uintptr_t)other->kept);
}

static const struct ordered_kind due_kind = {
    .record_size = sizeof(struct due),
    .lead = ORDERED_LEAD_SIGNED,
    .compare = compare_due,
};

static int compare_named(const void *a, const void *b, void *who)
{
    const struct named *one = a, *other = b;

    (void)who;
    if (one->db != other->db)
        return one->db < other->db ? -1 : 1;
    return slice_compare(one->key, other->key);
}

static const struct ordered_kind named_kind = {
    .record_size = sizeof(struct named),
    .lead = ORDERED_LEAD_NONE,
    .compare = compare_named,
};

static void on_time(void *who);

struct keeper *keeper_new(const struct keeper_setup *setup)
{
    struct keeper *keeper = memory_new_zeroed(1, sizeof(*keeper));

    keeper->setup = *setup;
    keeper->timer = loop_timer_new(setup->loop, on_time, keeper);
    keeper->by_time = ordered_new(&due_kind, NULL);
    keeper->by_key = ordered_new(&named_kind, NULL);
    return keeper;
}

static void forget(struct keeper *keeper, struct kept *kept)
{
    struct due due = { kept->at, kept };
    struct named named = { kept->db, slice_of(kept->key, kept->len), kept };

    must(ordered_remove(keeper->by_time, &due, NULL));
    must(ordered_remove(keeper->by_key, &named, NULL));
    memory_free(kept);
}

void keeper_free(struct keeper *keeper)
{
    if (keeper == NULL)
        return;
    while (ordered_count(keeper->by_time) > 0)
        forget(keeper, ((const struct due *)ordered_first(keeper->by_time).record)->kept);
    ordered_free(keeper->by_time);
    ordered_free(keeper->by_key);
    loop_timer_free(keeper->timer);
    memory_free(keeper);
}

/* Sets the timer for whatever is due first. */
static void set_timer(struct keeper *keeper)
{
    const struct due *first = ordered_first(keeper->by_time).record;
    millis now = caller_now(keeper->setup.caller);

    if (first == NULL) {
        loop_timer_stop(keeper->timer);
        keeper->timer_at = 0;
    } else if (first->at != keeper->timer_at) {
        loop_timer_start(keeper->timer, first->at > now ? first->at - now : 0, 0);
        keeper->timer_at = first->at;
    }
}

static struct kept *find(const struct keeper *keeper, uint32_t db, struct slice key)
{
    struct named probe = { db, key, NULL };
    const struct named *found = ordered_find(keeper->by_key, &probe);

    return found != NULL ? found->kept : NULL;
}

static struct kept *find_or_add(struct keeper *keeper, uint32_t db, struct slice key)
{
    struct kept *kept = find(keeper, db, key);
    struct named probe;

    if (kept != NULL)
        return kept;
    kept = memory_new(sizeof(*kept) + key.len);
    kept->at = 0;
    kept->db = db;
    kept->len = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(kept->key, key.at, key.len);
    probe = (struct named){ db, slice_of(kept->key, kept->len), kept };
    must(ordered_insert(keeper->by_key, &probe));
    return kept;
}

void keeper_watch(struct keeper *keeper, uint32_t db, struct slice key, struct stream *stream)
{
    millis watched = retention_watched_at(stream);
    struct kept *kept;
    struct due due;

    if (!retention_is_set(stream))
        return;
    due.at = retention_due(stream, caller_now(keeper->setup.caller));
    if (due.at < 0 || (watched > 0 && watched <= due.at))
        return;
    /* A time of 0 would say that nobody watches. */
    due.at = due.at > 0 ? due.at : 1;
    kept = find_or_add(keeper, db, key);
    due.kept = kept;
    if (kept->at != 0) {
        struct due old = { kept->at, kept };

        must(ordered_remove(keeper->by_time, &old, NULL));
    }
    kept->at = due.at;
    must(ordered_insert(keeper->by_time, &due));
    retention_set_watched(stream, due.at);
    set_timer(keeper);
}

/* The stream of a watched key, or NULL if there is none that anything leaves. */
static struct stream *stream_of(const struct keeper *keeper, const struct kept *kept)
{
    struct keyspace *keys = keyspaces_at(keeper->setup.keyspaces, kept->db);
    struct item *item = keyspace_find(keys, slice_of(kept->key, kept->len), LOOK_QUIET);
    struct stream *stream;

    if (item == NULL || item_kind(item) != VALUE_STREAM)
        return NULL;
    stream = (struct stream *)(void *)item_value(item);
    return retention_is_set(stream) ? stream : NULL;
}

static void say_trim(struct ledger *ledger, struct slice key, const struct stream *stream)
{
    char text[ENTRY_ID_TEXT_MAX];
    bool empty = stream_length(stream) == 0;
    struct slice words[] = {
        SLICE("XTRIM"), key, empty ? SLICE("MAXLEN") : SLICE("MINID"), SLICE("="),
        empty ? SLICE("0") : slice_of(text, entry_id_print(stream_first_id(stream), text))
    };

    ledger_say(ledger, words, sizeof(words) / sizeof(*words));
}

static void say_deleted(struct ledger *ledger, struct slice key, const struct buffer *ids)
{
    const struct entry_id *id = (const struct entry_id *)(const void *)ids->at;
    size_t count = ids->len / sizeof(*id);
    struct buffer words = { 0 };
    struct buffer texts = { 0 };
    struct slice *word;
    char *text;

    if (!ledger_heard_by(ledger, LISTENER_FEED))
        return;
    word = (struct slice *)(void *)buffer_reserve(&words,
                                                  (count + WORDS_AROUND) * sizeof(struct slice));
    text = buffer_reserve(&texts, count * ENTRY_ID_TEXT_MAX);
    word[0] = SLICE("XDEL");
    word[1] = key;
    for (size_t i = 0; i < count; i++) {
        word[2 + i] = slice_of(text, entry_id_print(id[i], text));
        text += word[2 + i].len;
    }
    ledger_say(ledger, word, 2 + count);
    buffer_clear(&words);
    buffer_clear(&texts);
}

void keeper_tell(struct ledger *ledger, struct slice key, const struct stream *stream,
                 const struct retention_step *step)
{
    size_t spare = step->spare.len / sizeof(struct entry_id);

    if (step->left > 0) {
        ledger_changed(ledger, key, EVENT_STREAM, "xtrim");
        ledger_count(ledger, step->left - 1);
        say_trim(ledger, key, stream);
    }
    if (spare > 0) {
        ledger_changed(ledger, key, EVENT_STREAM, "xdel");
        ledger_count(ledger, spare - 1);
        say_deleted(ledger, key, &step->spare);
    }
}

/* Tells of groups that died since the stream was looked at last. */
static void log_dead(const struct keeper *keeper, const struct kept *kept,
                     const struct stream *stream, millis before, millis now)
{
    struct group_walk groups = stream_walk_groups(stream);

    if (stream_settings(stream)->group_ttl == 0)
        return;
    for (const struct group *group; (group = stream_next_group(&groups)) != NULL;) {
        struct slice name = group_name(group);

        if (retention_is_dead(stream, group, now) && !retention_is_dead(stream, group, before))
            log_line(keeper->setup.log, LOG_NOTICE,
                     "Group '%.*s' was not used for %lld ms: stream '%.*s' waits for it no more",
                     (int)(name.len < 128 ? name.len : 128), name.at,
                     (long long)(now - group_seen_at(group)),
                     (int)(kept->len < 128 ? kept->len : 128), kept->key);
    }
}

/* Serves one stream that is due; what it looked through is taken off the budget. */
static void serve(struct keeper *keeper, struct kept *kept, millis now, uint64_t *budget)
{
    struct stream *stream = stream_of(keeper, kept);
    struct discard discard = DISCARD_NONE;
    struct retention_step step = { .discard = &discard, .budget = *budget };
    struct slice key = slice_of(kept->key, kept->len);
    millis before;

    if (stream == NULL) {
        forget(keeper, kept);
        return;
    }
    before = retention_looked_at(stream);
    ledger_set_db(keeper->setup.ledger, kept->db);
    retention_step(stream, now, &step);
    if (stream_settings(stream)->work_queue)
        log_dead(keeper, kept, stream, before, now);
    keeper_tell(keeper->setup.ledger, key, stream, &step);
    *budget -= step.looked < *budget ? step.looked : *budget;
    buffer_clear(&step.spare);
    if (discard.effort > 0)
        keyspaces_reclaim(keeper->setup.keyspaces, discard_free, discard_move(&discard));
    else
        discard_clear(&discard);
    /* Its time is over, whatever it was: now it is told anew. */
    retention_set_watched(stream, 0);
    if (retention_due(stream, now) < 0)
        forget(keeper, kept);
    else
        keeper_watch(keeper, kept->db, key, stream);
}

static void on_time(void *who)
{
    struct keeper *keeper = who;
    uint64_t budget = ENTRIES_A_TURN;
    millis now;

    keeper->timer_at = 0;
    if (keyspaces_keeps_expired(keeper->setup.keyspaces))
        return;
    caller_open_own(keeper->setup.caller);
    now = caller_now(keeper->setup.caller);
    for (size_t keys = 0; keys < KEYS_A_TURN && budget > 0; keys++) {
        const struct due *first = ordered_first(keeper->by_time).record;

        if (first == NULL || first->at > now)
            break;
        serve(keeper, first->kept, now, &budget);
    }
    caller_close_own(keeper->setup.caller);
    set_timer(keeper);
}

/* What the walk over all keys is at. */
struct finding {
    struct keeper *keeper;
    uint32_t       db;
};

static void look_at(void *who, struct item *item)
{
    const struct finding *finding = who;
    const struct kept *kept;
    struct stream *stream;

    if (item_kind(item) != VALUE_STREAM)
        return;
    stream = (struct stream *)(void *)item_value(item);
    if (!retention_is_set(stream))
        return;
    /* It may be watched under the key that it had before. */
    kept = find(finding->keeper, finding->db, item_key(item));
    if (kept == NULL || kept->at != retention_watched_at(stream))
        retention_set_watched(stream, 0);
    keeper_watch(finding->keeper, finding->db, item_key(item), stream);
}

static void find_unknown(struct keeper *keeper)
{
    struct keyspaces *all = keeper->setup.keyspaces;

    for (size_t i = 0; i < SCANS_A_TICK; i++) {
        struct keyspace *keys = keyspaces_at(all, keeper->scan_db);
        struct finding finding = { keeper, keeper->scan_db };

        if (keyspace_count(keys) > 0)
            keeper->scan_cursor = keyspace_scan(keys, keeper->scan_cursor, SIZE_MAX, look_at, &finding);
        else
            keeper->scan_cursor = 0;
        if (keeper->scan_cursor == 0)
            keeper->scan_db = (keeper->scan_db + 1) % keyspaces_count(all);
    }
}

static void forget_gone(struct keeper *keeper)
{
    for (size_t i = 0; i < CHECKS_A_TICK && ordered_count(keeper->by_key) > 0; i++) {
        struct ordered_cursor at;
        struct kept *kept;
        const struct stream *stream;

        if (keeper->check_rank >= ordered_count(keeper->by_key))
            keeper->check_rank = 0;
        at = ordered_at(keeper->by_key, keeper->check_rank);
        kept = ((const struct named *)at.record)->kept;
        stream = stream_of(keeper, kept);
        if (stream == NULL)
            forget(keeper, kept);
        else
            keeper->check_rank++;
    }
}

void keeper_tick(void *who)
{
    struct keeper *keeper = who;

    if (keyspaces_keeps_expired(keeper->setup.keyspaces))
        return;
    find_unknown(keeper);
    forget_gone(keeper);
    set_timer(keeper);
}

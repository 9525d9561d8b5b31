/* Broadcast mode: prefixes, who listens to them, and the keys that changed in this turn. */
#include "broker/effects/tracking_private.h"

#include "storage/base/memory.h"
#include "storage/base/must.h"

/* Prefixes that are compared with a key in the time in which a beginning of it is looked for. */
enum { BEGINNING_COST = 4 };

static struct slice key_of_changed(const void *item)
{
    const struct changed *changed = item;

    return slice_of(changed->key, changed->len);
}

static const struct table_kind changed_kind = { .key = key_of_changed };

static struct slice text_of_prefix(const void *item)
{
    const struct prefix *prefix = item;

    return slice_of(prefix->text, prefix->len);
}

static const struct table_kind prefix_kind = { .key = text_of_prefix };

void tracking_init_prefixes(struct tracking *tracking)
{
    table_init(&tracking->by_text, &prefix_kind, tracking->secret);
    tracking->longest = 0;
}

static struct prefix *open_prefix(struct tracking *tracking, struct slice text)
{
    uint64_t hash = table_hash(&tracking->by_text, text);
    struct prefix *prefix = table_find(&tracking->by_text, text, hash);

    if (prefix != NULL)
        return prefix;
    prefix = memory_new_zeroed(1, sizeof(*prefix) + text.len);
    chain_init(&prefix->pending);
    table_init(&prefix->changed, &changed_kind, tracking->secret);
    prefix->len = text.len;
    if (text.len > 0)
        memcpy(prefix->text, text.at, text.len);
    chain_put_last(&tracking->prefixes, &prefix->link);
    table_add(&tracking->by_text, prefix, hash);
    if (text.len > tracking->longest)
        tracking->longest = text.len;
    return prefix;
}

static void free_changed(void *nobody, void *item)
{
    (void)nobody;
    memory_free(item);
}

static void clear_changed(struct tracking *tracking, struct prefix *prefix)
{
    chain_leave(&prefix->pending);
    table_clear(&prefix->changed, free_changed, NULL);
    table_init(&prefix->changed, &changed_kind, tracking->secret);
}

static void leave_prefix(struct tracking *tracking, struct prefix *prefix,
                         const struct tracker *tracker)
{
    for (size_t i = 0; i < prefix->count; i++) {
        if (prefix->trackers[i] != tracker)
            continue;
        prefix->trackers[i] = prefix->trackers[--prefix->count];
        break;
    }
    if (prefix->count > 0)
        return;
    clear_changed(tracking, prefix);
    table_clear(&prefix->changed, NULL, NULL);
    chain_leave(&prefix->link);
    (void)table_remove_item(&tracking->by_text, prefix,
                            table_hash(&tracking->by_text, text_of_prefix(prefix)));
    if (table_count(&tracking->by_text) == 0) {
        table_clear(&tracking->by_text, NULL, NULL);
        tracking_init_prefixes(tracking);
    }
    memory_free(prefix->trackers);
    memory_free(prefix);
}

void tracking_add_prefix(struct tracking *tracking, struct session *session, struct slice text)
{
    struct tracker *tracker = session->tracker;
    struct prefix *prefix;
    size_t at = 0;
    size_t end = tracker->count;

    while (at < end) {
        size_t middle = at + (end - at) / 2;
        int order = slice_compare(text_of_prefix(tracker->prefixes[middle]), text);

        if (order == 0)
            return;
        if (order < 0)
            at = middle + 1;
        else
            end = middle;
    }
    prefix = open_prefix(tracking, text);
    if (tracker->count == tracker->capacity) {
        tracker->capacity = tracker->capacity == 0 ? 4 : tracker->capacity * 2;
        tracker->prefixes =
            memory_resize(tracker->prefixes, tracker->capacity * sizeof(struct prefix *));
    }
    memmove(tracker->prefixes + at + 1, tracker->prefixes + at,
            (tracker->count - at) * sizeof(struct prefix *));
    tracker->prefixes[at] = prefix;
    tracker->count++;
    if (prefix->count == prefix->capacity) {
        prefix->capacity = prefix->capacity == 0 ? 2 : prefix->capacity * 2;
        prefix->trackers =
            memory_resize(prefix->trackers, prefix->capacity * sizeof(struct tracker *));
    }
    prefix->trackers[prefix->count++] = tracker;
    session->tracked_bytes += sizeof(*prefix) + prefix->len + 2 * sizeof(void *);
}

size_t tracking_prefix_count(const struct session *session)
{
    return session->tracker->count;
}

struct slice tracking_prefix_at(const struct session *session, size_t index)
{
    const struct prefix *prefix = session->tracker->prefixes[index];

    return slice_of(prefix->text, prefix->len);
}

/* The session whose call changes something and does not want to hear of it, if it listens here. */
static uint64_t who_minds(const struct prefix *prefix)
{
    for (size_t i = 0; i < prefix->count; i++) {
        const struct tracker *tracker = prefix->trackers[i];

        if ((tracker->flags & TRACKING_NO_LOOP) != 0 && tracker->session->in_call)
            return tracker->session->id;
    }
    return 0;
}

static void note_change(struct tracking *tracking, struct prefix *prefix, struct slice key)
{
    uint64_t hash = table_hash(&prefix->changed, key);
    struct changed *changed = table_find(&prefix->changed, key, hash);

    if (changed == NULL) {
        changed = memory_new(sizeof(*changed) + key.len);
        changed->len = key.len;
        if (key.len > 0)
            memcpy(changed->key, key.at, key.len);
        table_add(&prefix->changed, changed, hash);
    }
    changed->by = who_minds(prefix);
    if (!chain_linked(&prefix->pending))
        chain_put_last(&tracking->pending, &prefix->pending);
}

/* Looks for each beginning of the key among the prefixes. */
static void note_beginnings(struct tracking *tracking, struct slice key, size_t longest)
{
    for (size_t len = 0; len <= longest; len++) {
        struct slice text = slice_of(key.at, len);
        struct prefix *prefix =
            table_find(&tracking->by_text, text, table_hash(&tracking->by_text, text));

        if (prefix != NULL)
            note_change(tracking, prefix, key);
    }
}

void tracking_note_broadcasts(struct tracking *tracking, struct slice key)
{
    size_t longest = key.len < tracking->longest ? key.len : tracking->longest;

    /* A beginning is hashed for more than it costs to compare a few prefixes. */
    if (table_count(&tracking->by_text) / BEGINNING_COST > longest + longest * longest / 64) {
        note_beginnings(tracking, key, longest);
        return;
    }
    for (struct chain *link = tracking->prefixes.next; link != &tracking->prefixes;
         link = link->next) {
        struct prefix *prefix = CHAIN_OWNER(link, struct prefix, link);

        if (key.len >= prefix->len &&
            (prefix->len == 0 || memcmp(prefix->text, key.at, prefix->len) == 0))
            note_change(tracking, prefix, key);
    }
}

/* Encodes the changed keys, but for those that somebody changed himself. */
static size_t encode_changed(struct prefix *prefix, uint64_t but_by, struct buffer *to)
{
    struct table_walk walk;
    struct buffer keys = { 0 };
    size_t count = 0;

    for (struct changed *changed = table_walk_begin(&walk, &prefix->changed); changed != NULL;
         changed = table_walk_next(&walk)) {
        if (but_by != 0 && changed->by == but_by)
            continue;
        buffer_print(&keys, "$%zu\r\n", changed->len);
        buffer_add(&keys, key_of_changed(changed));
        buffer_add(&keys, SLICE("\r\n"));
        count++;
    }
    table_walk_end(&walk);
    buffer_rewind(to);
    buffer_print(to, "*%zu\r\n", count);
    buffer_add(to, buffer_slice(&keys));
    buffer_clear(&keys);
    return count;
}

static void broadcast(struct tracking *tracking, struct prefix *prefix)
{
    (void)encode_changed(prefix, 0, &tracking->text);
    for (size_t i = 0; i < prefix->count; i++) {
        if ((prefix->trackers[i]->flags & TRACKING_NO_LOOP) == 0)
            tracker_tell(tracking, prefix->trackers[i], buffer_slice(&tracking->text));
    }
    for (size_t i = 0; i < prefix->count; i++) {
        struct tracker *tracker = prefix->trackers[i];

        if ((tracker->flags & TRACKING_NO_LOOP) != 0 &&
            encode_changed(prefix, tracker->session->id, &tracking->text) > 0)
            tracker_tell(tracking, tracker, buffer_slice(&tracking->text));
    }
    clear_changed(tracking, prefix);
}

void tracking_broadcast_all(struct tracking *tracking)
{
    while (!chain_is_empty(&tracking->pending))
        broadcast(tracking, CHAIN_OWNER(tracking->pending.next, struct prefix, pending));
}

void tracker_leave_prefixes(struct tracking *tracking, struct tracker *tracker)
{
    for (size_t i = 0; i < tracker->count; i++)
        leave_prefix(tracking, tracker->prefixes[i], tracker);
    memory_free(tracker->prefixes);
}

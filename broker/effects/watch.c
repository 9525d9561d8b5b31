/*
 * A watched key has a chain of watches, a session has a chain of its own; each
 * watch is a link in both.
 *
 * What always holds:
 *   (1) A key without watches is not in the table.
 *   (2) LISTENER_WATCH is on while any key is watched.
 */
#include "broker/effects/watch.h"

#include "storage/base/chain.h"
#include "storage/base/memory.h"
#include "storage/index/table.h"
#include "storage/keyspace/keyspace.h"

struct watched {
    struct chain watches;
    uint32_t     db;
    uint32_t     len;
    char         key[];
};

/* One session's interest in one key. */
struct interest {
    struct chain    of_key;
    struct chain    of_session;
    struct watched *key;
    struct session *session;
    bool            existed; /* the key was there when the watch began */
};

struct watches {
    struct chain all;
};

struct watch {
    struct ledger    *ledger;
    struct keyspaces *keyspaces;
    struct table     *keys; /* one for each database */
    size_t            count;
    size_t            sessions; /* that watch anything */
};

static struct slice key_of_watched(const void *item)
{
    const struct watched *watched = item;

    return slice_of(watched->key, watched->len);
}

static const struct table_kind watched_kind = { .key = key_of_watched };

/* Before a whole database changes: who watches a key that is there now will fail. */
static void touch_existing(void *who, uint32_t db);

struct watch *watch_new(struct ledger *ledger, struct keyspaces *keyspaces,
                        const struct hash_key *secret)
{
    struct watch *watch = memory_new_zeroed(1, sizeof(*watch));
    uint32_t dbs = keyspaces_count(keyspaces);

    watch->ledger = ledger;
    watch->keyspaces = keyspaces;
    watch->keys = memory_new_zeroed(dbs, sizeof(struct table));
    for (uint32_t db = 0; db < dbs; db++)
        table_init(&watch->keys[db], &watched_kind, secret);
    ledger_before_all(ledger, touch_existing, watch);
    return watch;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    must(watch->count == 0);
    for (uint32_t db = 0; db < keyspaces_count(watch->keyspaces); db++)
        table_clear(&watch->keys[db], NULL, NULL);
    memory_free(watch->keys);
    memory_free(watch);
}

static struct watched *find_or_add(struct watch *watch, uint32_t db, struct slice key)
{
    struct table *keys = &watch->keys[db];
    uint64_t hash = table_hash(keys, key);
    struct watched *watched = table_find(keys, key, hash);

    if (watched != NULL)
        return watched;
    watched = memory_new(sizeof(*watched) + key.len);
    chain_init(&watched->watches);
    watched->db = db;
    watched->len = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(watched->key, key.at, key.len);
    table_add(keys, watched, hash);
    return watched;
}

/* Such a link is in both chains, so the shorter one decides: a session may have very many keys. */
static bool watches_already(const struct session *session, const struct watched *watched)
{
    struct watches *watches = session->watches;
    struct chain *key = watches->all.next;
    struct chain *other = watched->watches.next;

    while (key != &watches->all && other != &watched->watches) {
        if (CHAIN_OWNER(key, struct interest, of_session)->key == watched ||
            CHAIN_OWNER(other, struct interest, of_key)->session == session)
            return true;
        key = key->next;
        other = other->next;
    }
    return false;
}

static bool exists(struct watch *watch, uint32_t db, struct slice key)
{
    return keyspace_find(keyspaces_at(watch->keyspaces, db), key, LOOK_QUIET) != NULL;
}

/* What a session is answerable for with one key, as if it watched it alone. */
static size_t weight_of(const struct interest *interest)
{
    return sizeof(*interest) + sizeof(struct watched) + interest->key->len;
}

void watch_key(struct watch *watch, struct session *session, uint32_t db, struct slice key)
{
    struct watched *watched = find_or_add(watch, db, key);
    struct interest *interest;

    if (session->watches == NULL) {
        session->watches = memory_new(sizeof(struct watches));
        chain_init(&session->watches->all);
        watch->sessions++;
    }
    if (watches_already(session, watched))
        return;
    interest = memory_new(sizeof(*interest));
    interest->key = watched;
    interest->session = session;
    interest->existed = exists(watch, db, key);
    chain_put_last(&watched->watches, &interest->of_key);
    chain_put_last(&session->watches->all, &interest->of_session);
    session->watched_bytes += weight_of(interest);
    session->watched_keys++;
    watch->count++;
    ledger_listen(watch->ledger, LISTENER_WATCH, true);
}

static void interest_end(struct watch *watch, struct interest *interest)
{
    struct watched *watched = interest->key;
    struct table *keys = &watch->keys[watched->db];

    chain_leave(&interest->of_key);
    chain_leave(&interest->of_session);
    memory_free(interest);
    watch->count--;
    if (!chain_is_empty(&watched->watches))
        return;
    must(table_remove_item(keys, watched, table_hash(keys, key_of_watched(watched))));
    memory_free(watched);
}

void watch_end(struct watch *watch, struct session *session)
{
    struct watches *watches = session->watches;

    session->watch_failed = false;
    if (watches == NULL)
        return;
    while (!chain_is_empty(&watches->all))
        interest_end(watch, CHAIN_OWNER(watches->all.next, struct interest, of_session));
    memory_free(watches);
    session->watches = NULL;
    session->watched_bytes = 0;
    session->watched_keys = 0;
    watch->sessions--;
    if (watch->count == 0)
        ledger_listen(watch->ledger, LISTENER_WATCH, false);
}

bool watch_any_past(struct watch *watch, struct session *session)
{
    struct watches *watches = session->watches;

    if (watches == NULL)
        return false;
    for (struct chain *link = watches->all.next; link != &watches->all; link = link->next) {
        const struct interest *interest = CHAIN_OWNER(link, struct interest, of_session);

        if (interest->existed &&
            !exists(watch, interest->key->db, key_of_watched(interest->key)))
            return true;
    }
    return false;
}

/* A key that expires is news only to those who saw it: for the others it never was there. */
static void touch(struct watch *watch, uint32_t db, struct slice key, bool expired)
{
    struct table *keys = &watch->keys[db];
    struct watched *watched;

    if (table_count(keys) == 0)
        return;
    watched = table_find(keys, key, table_hash(keys, key));
    if (watched == NULL)
        return;
    for (struct chain *link = watched->watches.next; link != &watched->watches; link = link->next) {
        const struct interest *interest = CHAIN_OWNER(link, struct interest, of_key);

        if (!expired || interest->existed)
            interest->session->watch_failed = true;
    }
}

static void touch_existing(void *who, uint32_t db)
{
    struct watch *watch = who;
    struct table_walk walk;

    for (struct watched *watched = table_walk_begin(&walk, &watch->keys[db]); watched != NULL;
         watched = table_walk_next(&walk)) {
        if (exists(watch, db, key_of_watched(watched)))
            touch(watch, db, key_of_watched(watched), false);
    }
    table_walk_end(&walk);
}

void watch_changes(void *who, const struct ledger_line *lines, size_t count)
{
    struct watch *watch = who;

    if (watch->count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!lines[i].everything && !lines[i].notice_only)
            touch(watch, lines[i].db, lines[i].key, lines[i].class == EVENT_EXPIRED);
    }
}

void watch_forget(void *watch, struct session *session)
{
    watch_end(watch, session);
}

size_t watch_keys(const struct watch *watch)
{
    size_t keys = 0;

    for (uint32_t db = 0; db < keyspaces_count(watch->keyspaces); db++)
        keys += table_count(&watch->keys[db]);
    return keys;
}

size_t watch_sessions(const struct watch *watch)
{
    return watch->sessions;
}

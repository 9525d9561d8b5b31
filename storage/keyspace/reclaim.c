/*
 * Freeing: what takes many steps is handed to the worker, so that nobody waits
 * for it; the rest is freed on the spot, which is cheaper than a job.
 */
#include "storage/base/memory.h"
#include "storage/keyspace/keyspace_private.h"

enum { LAZY_EFFORT = 64, LAZY_KEYS = 64, MUCH_EFFORT = 10000 };

/* A job of the worker: a value, or a whole database. */
struct reclaim_job {
    const struct value_types *types;
    struct value   *value;
    struct table    items;
    struct ordered *dues;
    struct ordered *fields;
};

/* Frees an item with all it holds. */
static void free_item(void *types, void *item)
{
    struct item_content content = item_content(item);

    bytes_drop(content.bytes);
    value_free(types, content.value);
    item_free_block(item);
}

static void free_value_job(void *what)
{
    struct reclaim_job *job = what;
    bool much = job->types->of[job->value->kind]->effort(job->value) >= MUCH_EFFORT;

    if (much)
        memory_free_much_begin();
    value_free(job->types, job->value);
    if (much)
        memory_free_much_end();
    memory_free(job);
}

static void free_keyspace_job(void *what)
{
    struct reclaim_job *job = what;
    bool much = table_count(&job->items) >= MUCH_EFFORT;

    if (much)
        memory_free_much_begin();
    ordered_free(job->dues);
    ordered_free(job->fields);
    table_clear(&job->items, free_item, (void *)(uintptr_t)job->types);
    if (much)
        memory_free_much_end();
    memory_free(job);
}

void reclaim_content(struct keyspaces *all, const struct item_content *content, bool lazily)
{
    struct reclaim_job *job;

    bytes_drop(content->bytes);
    if (content->value == NULL)
        return;
    if (!lazily || all->reclaim == NULL ||
        all->types->of[content->kind]->effort(content->value) <= LAZY_EFFORT) {
        value_free(all->types, content->value);
        return;
    }
    job = memory_new_zeroed(1, sizeof(*job));
    job->types = all->types;
    job->value = content->value;
    all->counts.handed++;
    worker_queue(all->reclaim, free_value_job, job);
}

/* Whether freeing it takes no longer than telling the worker does. */
static bool is_little(struct keyspace *emptied, const struct value_types *types)
{
    struct table_walk walk;
    size_t effort = 0;

    if (table_count(&emptied->items) > LAZY_KEYS)
        return false;
    for (struct item *item = table_walk_begin(&walk, &emptied->items); item != NULL;
         item = table_walk_next(&walk)) {
        const struct value *value = item_value(item);

        effort += value != NULL ? types->of[value->kind]->effort(value) : 1;
    }
    table_walk_end(&walk);
    return effort <= LAZY_EFFORT;
}

void reclaim_keyspace(struct keyspaces *all, struct keyspace *emptied, bool lazily)
{
    struct reclaim_job *job = memory_new_zeroed(1, sizeof(*job));

    job->types = all->types;
    job->items = emptied->items;
    job->dues = emptied->dues;
    job->fields = emptied->fields;
    if (!lazily || all->reclaim == NULL || is_little(emptied, all->types)) {
        free_keyspace_job(job);
        return;
    }
    all->counts.handed += table_count(&emptied->items);
    worker_queue(all->reclaim, free_keyspace_job, job);
}

void keyspaces_reclaim(struct keyspaces *all, void (*run)(void *what), void *what)
{
    if (all->reclaim != NULL)
        worker_queue(all->reclaim, run, what);
    else
        run(what);
}

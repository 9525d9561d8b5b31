/* maxmemory: the limits that the options mean, and which queues they count. */
#include "broker/upkeep/memory_limit.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/config/options.h"
#include "broker/metrics/metrics.h"
#include "storage/base/clock.h"
#include "storage/base/memory.h"
#include "storage/keyspace/keyspace.h"
#include "storage/values/list.h"

void suite_memory_limit(void);

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = {
    .of = { [VALUE_STRING] = &string_type, [VALUE_LIST] = &list_type, [VALUE_SET] = &string_type,
            [VALUE_ZSET] = &string_type, [VALUE_HASH] = &string_type,
            [VALUE_STREAM] = &string_type },
};
static const struct hash_key secret = { { 5, 6 } };

struct stage {
    struct keyspaces    *keyspaces;
    struct metrics       metrics;
    struct options       options;
    struct memory_limit *limit;
};

static void note_nothing(void *who, const char *event, micros took)
{
    (void)who;
    (void)event;
    (void)took;
}

static void begin(struct stage *stage)
{
    *stage = (struct stage){ .options = { .maxmemory_samples = 5 } };
    stage->options.maxmemory_eviction_tenacity = 10;
    stage->options.maxmemory_evict_types = OPTION_TYPES_AUTO;
    stage->keyspaces = keyspaces_new(&(struct keyspaces_setup){
        .count = 1, .types = &types, .secret = &secret, .changes = NULL, .reclaim = NULL });
    stage->limit = memory_limit_new(&(struct memory_limit_setup){
        .keyspaces = stage->keyspaces, .clock = NULL, .metrics = &stage->metrics, .worker = NULL,
        .options = &stage->options, .note = note_nothing, .note_who = NULL, .relieve = NULL,
        .relieve_who = NULL, .spared = NULL, .spared_who = NULL, .unwatch = NULL,
        .unwatch_who = NULL });
}

static void end(struct stage *stage)
{
    memory_limit_free(stage->limit);
    keyspaces_free(stage->keyspaces);
}

/* A figure of the lines for INFO memory. */
static size_t figure(struct stage *stage, const char *name)
{
    struct buffer lines = { 0 };
    const char *at;
    size_t number;

    memory_limit_print(stage->limit, &lines);
    buffer_add(&lines, slice_of("", 1));
    at = strstr(lines.at, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    number = strtoull(at + strlen(name), NULL, 10);
    buffer_clear(&lines);
    return number;
}

static void nothing_is_over_a_limit_that_is_not_there(void)
{
    struct stage stage;

    begin(&stage);
    CU_ASSERT_EQUAL(memory_limit_bytes(stage.limit), 0);
    CU_ASSERT(!memory_limit_is_over(stage.limit));
    CU_ASSERT(!memory_limit_step(stage.limit));
    end(&stage);
}

static void a_share_is_one_of_what_it_is_a_part_of(void)
{
    struct stage stage;
    size_t machine = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);

    begin(&stage);
    stage.options.maxmemory = -50;
    stage.options.maxmemory_queues = -20;
    stage.options.maxmemory_clients = -10;
    memory_limit_follow_options(stage.limit);
    CU_ASSERT(memory_limit_bytes(stage.limit) <= machine / 2);
    CU_ASSERT(memory_limit_bytes(stage.limit) >= machine / 2 - 1);
    CU_ASSERT(figure(&stage, "\nmaxmemory_queues:") <= machine / 10);
    CU_ASSERT(memory_limit_of_clients(stage.limit) <= machine / 20);
    CU_ASSERT(memory_limit_of_clients(stage.limit) > machine / 21);
    stage.options.maxmemory = 1;
    memory_limit_follow_options(stage.limit);
    CU_ASSERT_EQUAL(memory_limit_bytes(stage.limit), 1);
    end(&stage);
}

static void what_may_be_evicted_is_no_queue(void)
{
    struct stage stage;
    struct value *value;
    struct list *list = list_new(&(struct value_limits){ .list_node_size = -2 });
    size_t weighs;

    begin(&stage);
    for (int i = 0; i < 1000; i++)
        list_push(list, LIST_BACK, SLICE("an element of some length"));
    value = (struct value *)(void *)list;
    (void)keyspace_put_value(keyspaces_at(stage.keyspaces, 0), SLICE("q"), &value);
    (void)keyspace_find(keyspaces_at(stage.keyspaces, 0), SLICE("q"), LOOK_WRITE);
    keyspaces_settle(stage.keyspaces);
    stage.options.maxmemory_policy = OPTION_POLICY_ALLKEYS_LRU;
    memory_limit_follow_options(stage.limit);
    weighs = figure(&stage, "used_memory_queues:");
    CU_ASSERT(weighs > 20000);
    stage.options.maxmemory_evict_types = OPTION_TYPES_ALL;
    memory_limit_follow_options(stage.limit);
    CU_ASSERT_EQUAL(figure(&stage, "used_memory_queues:"), 0);
    /* Under volatile-* whatever has no time to live stays, so it counts. */
    stage.options.maxmemory_policy = OPTION_POLICY_VOLATILE_LRU;
    memory_limit_follow_options(stage.limit);
    CU_ASSERT_EQUAL(figure(&stage, "used_memory_queues:"), weighs);
    end(&stage);
}

void suite_memory_limit(void)
{
    CU_pSuite suite = CU_add_suite("upkeep: memory limit", NULL, NULL);

    CU_add_test(suite, "nothing is over a limit that is not there",
                nothing_is_over_a_limit_that_is_not_there);
    CU_add_test(suite, "a share is one of what it is a part of",
                a_share_is_one_of_what_it_is_a_part_of);
    CU_add_test(suite, "what may be evicted is no queue", what_may_be_evicted_is_no_queue);
}

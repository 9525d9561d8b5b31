/* The ring: against a plain array, at both ends and in the middle. */
#include <CUnit/CUnit.h>

#include "storage/base/memory.h"
#include "storage/base/random.h"
#include "storage/index/ring.h"
#include "tests/unit/storage/walk.h"

void suite_ring(void);

enum { MOST = 500 };

static void an_empty_ring_owns_no_memory(void)
{
    struct ring ring;

    ring_init(&ring);
    CU_ASSERT_EQUAL(ring_count(&ring), 0);
    CU_ASSERT_EQUAL(ring_memory(&ring), 0);
    CU_ASSERT_PTR_NULL(ring_pop_first(&ring));
    CU_ASSERT_PTR_NULL(ring_pop_last(&ring));
    CU_ASSERT_PTR_NULL(ring_first(&ring));
    CU_ASSERT_PTR_NULL(ring_last(&ring));
    ring_drop_first(&ring, 3);
    ring_check(&ring);
    ring_clear(&ring);
}

struct plain {
    void *element[MOST + 1];
    size_t count;
};

static void plain_insert(struct plain *plain, size_t index, void *element)
{
    for (size_t i = plain->count++; i > index; i--)
        plain->element[i] = plain->element[i - 1];
    plain->element[index] = element;
}

static void plain_remove(struct plain *plain, size_t index, size_t count)
{
    plain->count -= count;
    for (size_t i = index; i < plain->count; i++)
        plain->element[i] = plain->element[i + count];
}

static void add_one(struct ring *ring, struct plain *plain, struct random *random, char *element)
{
    size_t index = random_below(random, plain->count + 1);

    switch (random_below(random, 3)) {
    case 0:
        ring_push_last(ring, element);
        plain_insert(plain, plain->count, element);
        break;
    case 1:
        ring_push_first(ring, element);
        plain_insert(plain, 0, element);
        break;
    default:
        ring_insert(ring, index, element);
        plain_insert(plain, index, element);
    }
}

static void take_one(struct ring *ring, struct plain *plain, struct random *random)
{
    size_t index = random_below(random, plain->count);

    switch (random_below(random, 8)) {
    case 0:
        CU_ASSERT_PTR_EQUAL(ring_last(ring), plain->element[plain->count - 1]);
        CU_ASSERT_PTR_EQUAL(ring_pop_last(ring), plain->element[plain->count - 1]);
        plain->count--;
        break;
    case 1:
        CU_ASSERT_PTR_EQUAL(ring_first(ring), plain->element[0]);
        CU_ASSERT_PTR_EQUAL(ring_pop_first(ring), plain->element[0]);
        plain_remove(plain, 0, 1);
        break;
    case 2:
        index = index % 7 == 0 ? index : 1;
        ring_drop_first(ring, index);
        plain_remove(plain, 0, index);
        break;
    default:
        CU_ASSERT_PTR_EQUAL(ring_remove(ring, index), plain->element[index]);
        plain_remove(plain, index, 1);
    }
}

static void it_agrees_with_a_plain_array(void)
{
    struct ring *ring = ring_new();
    struct plain plain = { .count = 0 };
    static const char elements[1000];
    size_t steps = walk_steps(30000);
    struct random random;

    random_seed(&random, 12);
    for (size_t step = 0; step < steps; step++) {
        uint64_t chance = step / 3000 % 2 == 0 ? 3 : 1;

        if (plain.count == 0 || (plain.count < MOST && random_below(&random, 4) < chance))
            add_one(ring, &plain, &random, (char *)(uintptr_t)&elements[step % 1000]);
        else
            take_one(ring, &plain, &random);
        ring_check(ring);
        CU_ASSERT_EQUAL_FATAL(ring_count(ring), plain.count);
        for (size_t i = 0; i < plain.count; i += 1 + step % 3)
            CU_ASSERT_PTR_EQUAL(ring_at(ring, i), plain.element[i]);
    }
    ring_free(ring);
}

static bool at_least(const void *element, void *who)
{
    return *(const int *)element >= *(int *)who;
}

static void a_sorted_ring_is_searched_by_halves(void)
{
    static const int numbers[] = { 1, 3, 5, 7, 9 };
    struct ring ring = { .slots = NULL };

    for (int i = 4; i >= 0; i--)
        ring_push_first(&ring, (int *)(uintptr_t)&numbers[i]);
    for (int wanted = 0; wanted <= 10; wanted++)
        CU_ASSERT_EQUAL(ring_partition(&ring, at_least, &wanted), (size_t)wanted / 2);
    ring_clear(&ring);
}

void suite_ring(void)
{
    CU_pSuite suite = CU_add_suite("ring", NULL, NULL);

    CU_add_test(suite, "an empty ring owns no memory", an_empty_ring_owns_no_memory);
    CU_add_test(suite, "it agrees with a plain array", it_agrees_with_a_plain_array);
    CU_add_test(suite, "a sorted ring is searched by halves", a_sorted_ring_is_searched_by_halves);
}

#include "broker/session/holding.h"

#include <CUnit/CUnit.h>

#include "broker/metrics/metrics.h"

void suite_holding(void);

static void sessions_go_on_in_the_order_of_coming(void)
{
    struct metrics metrics = { .blocked_clients = 0 };
    struct session sessions[3] = { { .id = 1 }, { .id = 2 }, { .id = 3 } };
    struct holding holding, other;

    holding_init(&holding, &metrics);
    holding_init(&other, &metrics);
    CU_ASSERT_PTR_NULL(holding_first(&holding));
    for (int i = 0; i < 3; i++) {
        chain_init(&sessions[i].held);
        holding_add(&holding, &sessions[i], 100 + i);
        CU_ASSERT(sessions[i].paused && sessions[i].held_until == 100 + i);
    }
    CU_ASSERT_EQUAL(metrics.blocked_clients, 3);
    CU_ASSERT_PTR_EQUAL(holding_first(&holding), &sessions[0]);
    holding_release_first(&holding);
    CU_ASSERT(!sessions[0].paused && sessions[0].holding == NULL);
    /* One who was let go too early is first again. */
    holding_add_first(&holding, &sessions[0], 100);
    CU_ASSERT_PTR_EQUAL(holding_first(&holding), &sessions[0]);
    holding_forget(&other, &sessions[1]);
    CU_ASSERT_EQUAL(holding.count, 3);
    holding_forget(&holding, &sessions[0]);
    CU_ASSERT_PTR_EQUAL(holding_first(&holding), &sessions[1]);
    holding_release_all(&holding);
    CU_ASSERT_EQUAL(holding.count, 0);
    CU_ASSERT_EQUAL(metrics.blocked_clients, 0);
    holding_release_first(&holding);
}

void suite_holding(void)
{
    CU_pSuite suite = CU_add_suite("session: holding", NULL, NULL);

    CU_add_test(suite, "sessions go on in the order of coming",
                sessions_go_on_in_the_order_of_coming);
}

/* Links that live in what they link. */
#include <CUnit/Basic.h>

#include "storage/base/chain.h"

void suite_chain(void);

struct boat {
    int number;
    struct chain link;
};

/* The boats' numbers from first to last, as the digits of one number. */
static int order(const struct chain *head)
{
    int digits = 0;

    for (const struct chain *link = head->next; link != head; link = link->next) {
        CU_ASSERT_PTR_EQUAL(link->next->prev, link);
        digits = digits * 10 + CHAIN_OWNER(link, struct boat, link)->number;
    }
    return digits;
}

static void links_stand_where_they_were_put(void)
{
    struct boat boats[4] = { { .number = 1 }, { .number = 2 }, { .number = 3 }, { .number = 4 } };
    struct chain head;

    chain_init(&head);
    CU_ASSERT_TRUE(chain_is_empty(&head));
    for (int i = 0; i < 4; i++)
        chain_init(&boats[i].link);
    chain_put_last(&head, &boats[1].link);
    chain_put_last(&head, &boats[3].link);
    chain_put_first(&head, &boats[0].link);
    chain_put_after(&boats[1].link, &boats[2].link);
    CU_ASSERT_EQUAL(order(&head), 1234);
}

static void leaving_twice_is_harmless(void)
{
    struct boat boats[2] = { { .number = 1 }, { .number = 2 } };
    struct chain head;

    chain_init(&head);
    chain_put_last(&head, &boats[0].link);
    chain_put_last(&head, &boats[1].link);
    CU_ASSERT_TRUE(chain_linked(&boats[0].link));
    chain_leave(&boats[0].link);
    chain_leave(&boats[0].link);
    CU_ASSERT_FALSE(chain_linked(&boats[0].link));
    CU_ASSERT_EQUAL(order(&head), 2);
    chain_leave(&boats[1].link);
    CU_ASSERT_TRUE(chain_is_empty(&head));
}

static void one_chain_may_join_another(void)
{
    struct boat boats[3] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
    struct chain from;
    struct chain to;

    chain_init(&from);
    chain_init(&to);
    chain_move_all(&from, &to);
    CU_ASSERT_TRUE(chain_is_empty(&to));
    chain_put_last(&to, &boats[0].link);
    chain_put_last(&from, &boats[1].link);
    chain_put_last(&from, &boats[2].link);
    chain_move_all(&from, &to);
    CU_ASSERT_TRUE(chain_is_empty(&from));
    CU_ASSERT_EQUAL(order(&to), 123);
}

void suite_chain(void)
{
    CU_pSuite suite = CU_add_suite("chain", NULL, NULL);

    CU_add_test(suite, "links stand where they were put", links_stand_where_they_were_put);
    CU_add_test(suite, "leaving twice is harmless", leaving_twice_is_harmless);
    CU_add_test(suite, "one chain may join another", one_chain_may_join_another);
}

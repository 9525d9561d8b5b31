/* Looking up addresses by name. */
#include <CUnit/Basic.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include "broker/net/lookup.h"

void suite_lookup(void);

static void wait_for(struct lookup *lookup)
{
    for (int i = 0; i < 30000 && !lookup_is_done(lookup); i++)
        usleep(1000);
    CU_ASSERT_TRUE_FATAL(lookup_is_done(lookup));
}

static void addresses_in_digits_are_there_at_once(void)
{
    struct lookup *four = lookup_begin("127.0.0.1", 6379);
    struct lookup *six = lookup_begin("::1", 6379);

    CU_ASSERT_TRUE_FATAL(lookup_is_done(four) && lookup_is_done(six));
    CU_ASSERT_PTR_NOT_NULL_FATAL(lookup_found(four));
    CU_ASSERT_EQUAL(lookup_found(four)->ai_family, AF_INET);
    CU_ASSERT_EQUAL(((const struct sockaddr_in *)(const void *)lookup_found(four)->ai_addr)->sin_port,
                    htons(6379));
    CU_ASSERT_PTR_NOT_NULL_FATAL(lookup_found(six));
    CU_ASSERT_EQUAL(lookup_found(six)->ai_family, AF_INET6);
    lookup_end(four);
    lookup_end(six);
}

static void a_name_is_found_on_a_thread(void)
{
    struct lookup *lookup = lookup_begin("localhost", 1);

    wait_for(lookup);
    CU_ASSERT_PTR_NOT_NULL(lookup_found(lookup));
    lookup_end(lookup);
}

static void what_is_no_name_is_not_found(void)
{
    struct lookup *lookup = lookup_begin("no name at all", 1);

    wait_for(lookup);
    CU_ASSERT_PTR_NULL(lookup_found(lookup));
    lookup_end(lookup);
}

static void nobody_needs_to_wait_for_one(void)
{
    for (int i = 0; i < 20; i++)
        lookup_end(lookup_begin("localhost", 1));
    lookup_end(NULL);
    usleep(100000);
}

void suite_lookup(void)
{
    CU_pSuite suite = CU_add_suite("lookup", NULL, NULL);

    CU_ADD_TEST(suite, addresses_in_digits_are_there_at_once);
    CU_ADD_TEST(suite, a_name_is_found_on_a_thread);
    CU_ADD_TEST(suite, what_is_no_name_is_not_found);
    CU_ADD_TEST(suite, nobody_needs_to_wait_for_one);
}

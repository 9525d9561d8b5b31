/* MULTI: what is queued, when EXEC refuses it, and what becomes of it. */
#include "broker/dispatch/transaction.h"

#include <CUnit/CUnit.h>

#include "tests/unit/broker/house.h"

void suite_transaction(void);

static void queued_calls_run_in_order_at_exec_and_not_before(void)
{
    struct house house;
    struct session *one, *other;

    house_open(&house);
    one = house_guest(&house);
    other = house_guest(&house);
    CU_ASSERT_STRING_EQUAL(house_ask(&house, one, "MULTI"), "+OK\r\n");
    CU_ASSERT_STRING_EQUAL(house_ask(&house, one, "INCR k"), "+QUEUED\r\n");
    CU_ASSERT_STRING_EQUAL(house_ask(&house, one, "APPEND k x"), "+QUEUED\r\n");
    CU_ASSERT_EQUAL(one->queued, 2);
    CU_ASSERT(one->queued_bytes > 0);
    CU_ASSERT_STRING_EQUAL(house_ask(&house, other, "EXISTS k"), ":0\r\n");
    CU_ASSERT_STRING_EQUAL(house_ask(&house, one, "EXEC"), "*2\r\n:1\r\n:2\r\n");
    CU_ASSERT_STRING_EQUAL(house_ask(&house, other, "GET k"), "$2\r\n1x\r\n");
    CU_ASSERT_EQUAL(one->queued, -1);
    CU_ASSERT_EQUAL(one->queued_bytes, 0);
    CU_ASSERT_PTR_NULL(one->transaction);
    house_close(&house);
}

static void words_are_the_transactions_own(void)
{
    struct house house;
    struct session *one;
    char request[] = "SET k first";

    house_open(&house);
    one = house_guest(&house);
    (void)house_ask(&house, one, "MULTI");
    (void)house_ask(&house, one, request);
    memset(request, '?', sizeof(request) - 1);
    (void)house_ask(&house, one, "EXEC");
    CU_ASSERT_STRING_EQUAL(house_ask(&house, one, "GET k"), "$5\r\nfirst\r\n");
    house_close(&house);
}

static void a_refusal_while_queuing_breaks_it(void)
{
    struct house house;
    struct session *one;

    house_open(&house);
    one = house_guest(&house);
    (void)house_ask(&house, one, "MULTI");
    (void)house_ask(&house, one, "SET k 1");
    CU_ASSERT(!transaction_is_broken(one));
    CU_ASSERT_EQUAL(house_ask(&house, one, "GET")[0], '-');
    CU_ASSERT(transaction_is_broken(one));
    CU_ASSERT_EQUAL(strncmp(house_ask(&house, one, "EXEC"), "-EXECABORT ", 11), 0);
    CU_ASSERT_STRING_EQUAL(house_ask(&house, one, "EXISTS k"), ":0\r\n");
    house_close(&house);
}

static void an_error_while_running_stops_nobody_else(void)
{
    struct house house;
    struct session *one;
    const char *answer;

    house_open(&house);
    one = house_guest(&house);
    (void)house_ask(&house, one, "SET k text");
    (void)house_ask(&house, one, "MULTI");
    (void)house_ask(&house, one, "INCR k");
    (void)house_ask(&house, one, "STRLEN k");
    answer = house_ask(&house, one, "EXEC");
    CU_ASSERT_EQUAL(strncmp(answer, "*2\r\n-ERR ", 9), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, "\r\n:4\r\n"));
    house_close(&house);
}

static void what_is_discarded_or_left_is_dropped(void)
{
    struct house house;
    struct session *one, *other;

    house_open(&house);
    one = house_guest(&house);
    other = house_guest(&house);
    (void)house_ask(&house, one, "MULTI");
    (void)house_ask(&house, one, "SET k 1");
    CU_ASSERT_STRING_EQUAL(house_ask(&house, one, "DISCARD"), "+OK\r\n");
    CU_ASSERT_EQUAL(house_ask(&house, one, "EXEC")[0], '-');
    (void)house_ask(&house, one, "MULTI");
    (void)house_ask(&house, one, "SET k 1");
    house_leave(&house, one);
    CU_ASSERT_STRING_EQUAL(house_ask(&house, other, "EXISTS k"), ":0\r\n");
    transaction_end(other);
    house_close(&house);
}

static void what_is_queued_is_known_by_its_flags(void)
{
    struct house house;
    struct session *one;

    house_open(&house);
    one = house_guest(&house);
    (void)house_ask(&house, one, "MULTI");
    (void)house_ask(&house, one, "GET k");
    CU_ASSERT(!transaction_has(one, COMMAND_WRITE));
    CU_ASSERT(!transaction_lacks(one, COMMAND_READONLY));
    CU_ASSERT(!transaction_adds_to_queues(one));
    (void)house_ask(&house, one, "RPUSH k a");
    CU_ASSERT(transaction_has(one, COMMAND_WRITE));
    CU_ASSERT(transaction_lacks(one, COMMAND_READONLY));
    CU_ASSERT(transaction_adds_to_queues(one));
    house_close(&house);
}

void suite_transaction(void)
{
    CU_pSuite suite = CU_add_suite("dispatch: transaction", NULL, NULL);

    CU_add_test(suite, "queued calls run in order at EXEC and not before",
                queued_calls_run_in_order_at_exec_and_not_before);
    CU_add_test(suite, "words are the transaction's own", words_are_the_transactions_own);
    CU_add_test(suite, "a refusal while queuing breaks it", a_refusal_while_queuing_breaks_it);
    CU_add_test(suite, "an error while running stops nobody else",
                an_error_while_running_stops_nobody_else);
    CU_add_test(suite, "what is discarded or left is dropped",
                what_is_discarded_or_left_is_dropped);
    CU_add_test(suite, "what is queued is known by its flags",
                what_is_queued_is_known_by_its_flags);
}

/* Addresses of sockets. */
#include <CUnit/Basic.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/net/address.h"

void suite_address(void);

static struct sockaddr_storage v4(const char *text, int port)
{
    struct sockaddr_storage address = { .ss_family = AF_INET };
    struct sockaddr_in *in = (struct sockaddr_in *)&address;

    CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET, text, &in->sin_addr), 1);
    in->sin_port = htons((uint16_t)port);
    return address;
}

static struct sockaddr_storage v6(const char *text, int port)
{
    struct sockaddr_storage address = { .ss_family = AF_INET6 };
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&address;

    CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, text, &in->sin6_addr), 1);
    in->sin6_port = htons((uint16_t)port);
    return address;
}

static void prints_as(struct sockaddr_storage address, const char *expected)
{
    char text[128];

    address_print(&address, text, sizeof(text));
    CU_ASSERT_STRING_EQUAL(text, expected);
}

static void addresses_are_told_in_words(void)
{
    struct sockaddr_storage local = { .ss_family = AF_UNIX };

    memcpy(((struct sockaddr_un *)&local)->sun_path, "/run/mill.sock", 15);
    prints_as(v4("10.1.2.3", 6379), "10.1.2.3:6379");
    prints_as(v6("::1", 6379), "[::1]:6379");
    prints_as(local, "/run/mill.sock:0");
    prints_as((struct sockaddr_storage){ .ss_family = AF_UNSPEC }, "?:0");
}

static void only_this_machine_is_on_loopback(void)
{
    struct sockaddr_storage near = v4("127.3.2.1", 1);
    struct sockaddr_storage far = v4("128.0.0.1", 1);
    struct sockaddr_storage near6 = v6("::1", 1);
    struct sockaddr_storage far6 = v6("::2", 1);
    struct sockaddr_storage none = { .ss_family = AF_UNSPEC };

    CU_ASSERT_TRUE(address_is_loopback(&near));
    CU_ASSERT_FALSE(address_is_loopback(&far));
    CU_ASSERT_TRUE(address_is_loopback(&near6));
    CU_ASSERT_FALSE(address_is_loopback(&far6));
    CU_ASSERT_FALSE(address_is_loopback(&none));
}

static void both_ends_of_a_socket_are_known(void)
{
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_storage any = v4("127.0.0.1", 0), bound, peer;

    CU_ASSERT_EQUAL(bind(server, (struct sockaddr *)&any, sizeof(struct sockaddr_in)), 0);
    CU_ASSERT_EQUAL(listen(server, 1), 0);
    bound = address_own(server);
    CU_ASSERT_EQUAL(connect(client, (struct sockaddr *)&bound, sizeof(struct sockaddr_in)), 0);
    peer = address_of_peer(client);
    CU_ASSERT_EQUAL(memcmp(&peer, &bound, sizeof(struct sockaddr_in)), 0);
    CU_ASSERT_EQUAL(address_of_peer(server).ss_family, AF_UNSPEC);
    close(client);
    close(server);
}

void suite_address(void)
{
    CU_pSuite suite = CU_add_suite("address", NULL, NULL);

    CU_ADD_TEST(suite, addresses_are_told_in_words);
    CU_ADD_TEST(suite, only_this_machine_is_on_loopback);
    CU_ADD_TEST(suite, both_ends_of_a_socket_are_known);
}

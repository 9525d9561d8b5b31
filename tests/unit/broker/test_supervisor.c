/* What a service manager hears of a server, and when it hears nothing. */
#include <CUnit/CUnit.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/supervisor.h"
#include "storage/base/must.h"

void suite_supervisor(void);

/* A socket that listens as systemd does, at an address without a file: @millrace-test-PID. */
static int listen_as_manager(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "@millrace-test-%d",
                          (int)getpid());

    must(fd >= 0 && setenv("NOTIFY_SOCKET", address.sun_path, 1) == 0);
    address.sun_path[0] = '\0';
    must(bind(fd, (struct sockaddr *)&address,
              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)) == 0);
    return fd;
}

/* Whether the next datagram has this text; an empty text: whether there is none. */
static bool hears(int manager, const char *expected)
{
    char heard[128] = "";
    ssize_t got = recv(manager, heard, sizeof(heard) - 1, 0);

    return got < 0 ? expected[0] == '\0' : strcmp(heard, expected) == 0;
}

static bool tells(int how, const char *lines)
{
    struct options options = { .supervised = how };
    struct trouble trouble = { 0 };

    return supervisor_tell(&options, lines, &trouble);
}

static void a_manager_hears_each_line_once(void)
{
    int manager = listen_as_manager();

    CU_ASSERT_TRUE(tells(OPTION_SUPERVISED_SYSTEMD, "READY=1\n"));
    CU_ASSERT_TRUE(hears(manager, "READY=1\n"));
    CU_ASSERT_TRUE(tells(OPTION_SUPERVISED_AUTO, "STOPPING=1\n"));
    CU_ASSERT_TRUE(hears(manager, "STOPPING=1\n"));
    CU_ASSERT_TRUE(hears(manager, ""));
    (void)close(manager);
}

static void a_manager_hears_nothing_unless_the_option_says_so(void)
{
    int manager = listen_as_manager();

    CU_ASSERT_TRUE(tells(OPTION_SUPERVISED_NO, "READY=1\n"));
    CU_ASSERT_TRUE(hears(manager, ""));
    (void)close(manager);
}

static void auto_means_no_where_nobody_listens(void)
{
    struct options automatic = { .supervised = OPTION_SUPERVISED_AUTO };
    struct options always = { .supervised = OPTION_SUPERVISED_SYSTEMD };

    must(setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1) == 0);
    CU_ASSERT_TRUE(supervisor_is_wanted(&automatic));
    must(setenv("NOTIFY_SOCKET", "", 1) == 0);
    CU_ASSERT_FALSE(supervisor_is_wanted(&automatic));
    must(unsetenv("NOTIFY_SOCKET") == 0);
    CU_ASSERT_FALSE(supervisor_is_wanted(&automatic));
    CU_ASSERT_TRUE(supervisor_is_wanted(&always));
    CU_ASSERT_TRUE(tells(OPTION_SUPERVISED_AUTO, "READY=1\n"));
    CU_ASSERT_FALSE(tells(OPTION_SUPERVISED_SYSTEMD, "READY=1\n"));
}

static void an_address_that_cannot_be_one_is_trouble(void)
{
    char longest[200] = "/";

    memset(longest + 1, 'x', sizeof(longest) - 2);
    must(setenv("NOTIFY_SOCKET", longest, 1) == 0);
    CU_ASSERT_FALSE(tells(OPTION_SUPERVISED_SYSTEMD, "READY=1\n"));
    must(setenv("NOTIFY_SOCKET", "relative", 1) == 0);
    CU_ASSERT_FALSE(tells(OPTION_SUPERVISED_SYSTEMD, "READY=1\n"));
    must(setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1) == 0);
    CU_ASSERT_FALSE(tells(OPTION_SUPERVISED_SYSTEMD, "READY=1\n"));
    must(unsetenv("NOTIFY_SOCKET") == 0);
}

void suite_supervisor(void)
{
    CU_pSuite suite = CU_add_suite("supervisor", NULL, NULL);

    CU_ADD_TEST(suite, a_manager_hears_each_line_once);
    CU_ADD_TEST(suite, a_manager_hears_nothing_unless_the_option_says_so);
    CU_ADD_TEST(suite, auto_means_no_where_nobody_listens);
    CU_ADD_TEST(suite, an_address_that_cannot_be_one_is_trouble);
}

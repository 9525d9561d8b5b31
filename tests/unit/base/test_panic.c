/* The last words of a broken program, heard through a pipe from a child. */
#include <CUnit/Basic.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/must.h"
#include "storage/base/panic.h"

void suite_panic(void);

static void tell(void *who, int fd)
{
    ssize_t written = write(fd, who, strlen(who));

    (void)written;
    /* A hook that goes wrong itself must not be run a second time. */
    must(who == NULL);
}

static void go_wrong(bool by_must)
{
    static char words[] = "the wheel was turning\n";

    panic_hook(tell, words);
    if (by_must)
        must(1 + 1 == 3);
    panic("no water: %d", 0);
}

/* Runs a child that goes wrong; collects what it says and how it ended. */
static int listen_to(char *text, size_t room, bool by_must)
{
    int ends[2];
    int status = 0;
    size_t len = 0;
    ssize_t got;
    pid_t child;

    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        go_wrong(by_must);
    }
    close(ends[1]);
    while ((got = read(ends[0], text + len, room - 1 - len)) > 0)
        len += (size_t)got;
    text[len] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

static void a_failed_must_says_what_was_believed(void)
{
    static char text[65536];
    int status = listen_to(text, sizeof(text), true);
    const char *hook = strstr(text, "the wheel was turning");

    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "1 + 1 == 3"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "test_panic.c:"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(hook);
    CU_ASSERT_PTR_NULL(strstr(hook + 1, "the wheel was turning"));
}

static void a_panic_says_its_reason(void)
{
    static char text[65536];
    int status = listen_to(text, sizeof(text), false);

    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "no water: 0"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "--- STACK TRACE"));
}

void suite_panic(void)
{
    CU_pSuite suite = CU_add_suite("panic", NULL, NULL);

    CU_add_test(suite, "a failed must says what was believed",
                a_failed_must_says_what_was_believed);
    CU_add_test(suite, "a panic says its reason", a_panic_says_its_reason);
}

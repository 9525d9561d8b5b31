/* A dog that barks into a pipe, watching the loop of a child. */
#include <CUnit/Basic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/net/loop.h"
#include "broker/observe/watchdog.h"
#include "storage/base/panic.h"

void suite_watchdog(void);

enum { PERIOD = 200 };

/* Takes so long, whatever interrupts it. */
static void take(millis time)
{
    struct timespec left = { .tv_sec = (time_t)(time / 1000),
                             .tv_nsec = (long)(time % 1000) * 1000000 };

    while (nanosleep(&left, &left) < 0)
        ;
}

/* Turns of a loop, one of which takes `longest`; not watched at all if `period` is 0. */
static _Noreturn void turn(int log, millis period, millis longest)
{
    struct loop *loop = loop_new();
    struct watchdog *watchdog;

    panic_on_signals(log);
    watchdog = watchdog_new(loop);
    watchdog_follow(watchdog, PERIOD);
    watchdog_follow(watchdog, period);
    for (int i = 0; i < 8; i++)
        loop_turn(loop, PERIOD / 4);
    take(longest);
    for (int i = 0; i < 8; i++)
        loop_turn(loop, PERIOD / 4);
    watchdog_free(watchdog);
    loop_free(loop);
    _exit(0);
}

/* How often it barks at that. */
static int barks(millis period, millis longest)
{
    static char text[65536];
    int ends[2];
    int status = 0;
    int count = 0;
    size_t len = 0;
    ssize_t got;
    pid_t child;

    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    child = fork();
    if (child == 0)
        turn(ends[1], period, longest);
    close(ends[1]);
    while ((got = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)got;
    text[len] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (const char *at = text; (at = strstr(at, "--- WATCHDOG TIMER EXPIRED ---")) != NULL; at++)
        count++;
    CU_ASSERT_TRUE(count == 0 || strstr(text, "--- STACK TRACE\n") != NULL);
    return count;
}

/* Once, but where the machine is so busy that other turns take too long as well. */
static void a_turn_that_takes_too_long_is_shown(void)
{
    int count = barks(PERIOD, 10 * PERIOD);

    CU_ASSERT_TRUE(count >= 1 && count < 10);
}

static void nothing_is_shown_when_nobody_watches(void)
{
    CU_ASSERT_EQUAL(barks(0, 3 * PERIOD), 0);
}

void suite_watchdog(void)
{
    CU_pSuite suite = CU_add_suite("watchdog", NULL, NULL);

    CU_add_test(suite, "a turn that takes too long is shown", a_turn_that_takes_too_long_is_shown);
    CU_add_test(suite, "nothing is shown when nobody watches",
                nothing_is_shown_when_nobody_watches);
}

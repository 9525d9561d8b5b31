/*
 * An alarm clock of the kernel that a timer of the loop sets back again and again: while
 * turns end in time it never rings. It rings once for a turn, for this thread only, whose
 * stack is what is looked for.
 */
#include "broker/observe/watchdog.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "broker/net/loop.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/panic.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* How often the alarm is set back in one period. */
enum { SET_BACK = 4 };

struct watchdog {
    struct loop_timer *timer;
    timer_t            alarm;
    millis             period;
    bool               has_alarm; /* the kernel gave one */
};

static void on_alarm(int number, siginfo_t *about, void *context)
{
    (void)number;
    (void)context;
    panic_show(about->si_code == SI_TIMER ? "WATCHDOG TIMER EXPIRED" : "Received SIGALRM");
}

/* Lets it ring after so many milliseconds; 0 for never. */
static void set_alarm(struct watchdog *watchdog, millis delay)
{
    struct itimerspec when = { .it_interval = { 0, 0 } };

    when.it_value.tv_sec = (time_t)(delay / 1000);
    when.it_value.tv_nsec = (long)(delay % 1000) * 1000000;
    if (watchdog->has_alarm)
        must(timer_settime(watchdog->alarm, 0, &when, NULL) == 0);
}

/* A turn came round, up to a quarter of a period after it might have. */
static void set_back(void *who)
{
    struct watchdog *watchdog = who;

    set_alarm(watchdog, watchdog->period + watchdog->period / SET_BACK);
}

struct watchdog *watchdog_new(struct loop *loop)
{
    struct watchdog *watchdog = memory_new_zeroed(1, sizeof(*watchdog));
    struct sigaction action = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_RESTART };
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };

    event.sigev_notify_thread_id = gettid();
    watchdog->timer = loop_timer_new(loop, set_back, watchdog);
    watchdog->has_alarm = timer_create(CLOCK_MONOTONIC, &event, &watchdog->alarm) == 0;
    sigemptyset(&action.sa_mask);
    must(sigaction(SIGALRM, &action, NULL) == 0);
    return watchdog;
}

void watchdog_free(struct watchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    if (watchdog->has_alarm)
        (void)timer_delete(watchdog->alarm);
    (void)signal(SIGALRM, SIG_IGN);
    loop_timer_free(watchdog->timer);
    memory_free(watchdog);
}

void watchdog_follow(struct watchdog *watchdog, millis period)
{
    millis step = period / SET_BACK;

    watchdog->period = period;
    if (period == 0) {
        loop_timer_stop(watchdog->timer);
        set_alarm(watchdog, 0);
        return;
    }
    loop_timer_start(watchdog->timer, step > 0 ? step : 1, step > 0 ? step : 1);
    set_back(watchdog);
}

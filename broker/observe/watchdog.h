/*
 * The watchdog: shows in the log where the loop is when a turn takes too long, while it does.
 *
 * `watchdog-period` says how long that is, in milliseconds; 0, as at first, watches nothing
 * and costs nothing. SIGALRM from outside shows the same at any time, for example when it hangs.
 */
#ifndef BROKER_OBSERVE_WATCHDOG_H
#define BROKER_OBSERVE_WATCHDOG_H

#include "storage/base/clock.h"

struct loop;
struct watchdog;

/* Watches nothing yet. To be called once crashes are reported (crash_report.h), by the thread
 * that runs the loop; SIGALRM is its own from then on. The loop is borrowed. */
struct watchdog *watchdog_new(struct loop *loop);

/* NULL is fine. */
void watchdog_free(struct watchdog *watchdog);

/* Watches for turns of that length from now on; 0 for none. */
void watchdog_follow(struct watchdog *watchdog, millis period);

#endif

/*
 * Starting and stopping: load the data, open the listeners, follow signals,
 * shut down in order.
 */
#ifndef BROKER_BOOT_H
#define BROKER_BOOT_H

#include <stdbool.h>

#include "broker/broker.h"

struct trouble;

/* Opens data and listeners of a broker that was just made. False with trouble: do not start. */
bool boot_start(struct broker *broker, struct trouble *trouble);

/* Serves until shut down; returns the exit status. */
int boot_run(struct broker *broker);

/*
 * Ends the broker at the end of this turn, after everything acknowledged is on
 * disk. False with trouble if that cannot be done and `force` is not set: it
 * then goes on serving.
 */
bool boot_shutdown(struct broker *broker, bool force, struct trouble *trouble);

/* Closes listeners and frees what boot made. */
void boot_end(struct broker *broker);

#endif

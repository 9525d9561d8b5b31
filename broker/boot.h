/*
 * Starting and stopping: load the data, open the listeners, follow signals,
 * shut down in order.
 */
#ifndef BROKER_BOOT_H
#define BROKER_BOOT_H

#include <stdbool.h>

#include "broker/broker.h"
#include "broker/config/options.h"

struct trouble;

/* Opens data and listeners of a broker that was just made. False: do not start; the log has why. */
bool boot_start(struct broker *broker);

/* Serves until shut down; returns the exit status. */
int boot_run(struct broker *broker);

/* How to end: bits. A snapshot is saved if there are rules for it, unless these say otherwise. */
enum boot_end {
    BOOT_END_SAVE = OPTION_END_SAVE,     /* in any case */
    BOOT_END_NOSAVE = OPTION_END_NOSAVE, /* in no case */
    BOOT_END_NOW = OPTION_END_NOW,       /* without waiting for replicas */
    BOOT_END_FORCE = OPTION_END_FORCE    /* even if something cannot be saved */
};

/*
 * Ends the broker at the end of this turn, after everything acknowledged is on
 * disk. False with trouble, which was logged, if that cannot be done and it is
 * not forced: it then goes on serving.
 */
bool boot_shutdown(struct broker *broker, unsigned how, struct trouble *trouble);

/* Closes listeners and frees what boot made. */
void boot_end(struct broker *broker);

#endif

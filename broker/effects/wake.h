/* Keys that changed may be what a waiter waits for. */
#ifndef BROKER_EFFECTS_WAKE_H
#define BROKER_EFFECTS_WAKE_H

#include "broker/dispatch/ledger.h"

/* The effect; `waiting` is a struct waiting. */
void wake_changes(void *waiting, const struct ledger_line *lines, size_t count);

#endif

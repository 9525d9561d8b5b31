/*
 * Keys that a writable replica itself gave a time to live.
 *
 * What its primary said expires when the primary says so; what was written here
 * nobody else will ever remove. Such keys are noted by name, because a primary may
 * overwrite or remove them at any time, and looked at now and then.
 */
#ifndef STORAGE_KEYSPACE_OWN_EXPIRY_H
#define STORAGE_KEYSPACE_OWN_EXPIRY_H

#include "storage/keyspace/keyspace.h"

/* Removes those past their time, and forgets those that expire no longer. O(notes). */
void own_expiry_sweep(struct keyspaces *all);

/* Forgets all: the data is another, or there is no primary any more. */
void own_expiry_forget(struct keyspaces *all);

/* How many are noted. O(1). */
size_t own_expiry_count(const struct keyspaces *all);

#endif

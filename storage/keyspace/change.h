/*
 * What the keyspace announces of its own accord, and to whom.
 *
 * Changes that a command makes are noted by its handler. Two kinds come from
 * below: a key found past its time, and a key evicted for memory. The keyspace
 * tells them through this interface, which it owns and broker/dispatch/ledger
 * implements.
 */
#ifndef STORAGE_KEYSPACE_CHANGE_H
#define STORAGE_KEYSPACE_CHANGE_H

#include <stdint.h>

#include "storage/base/slice.h"

enum change_kind { CHANGE_EXPIRED, CHANGE_EVICTED };

struct change_sink {
    /* Called just before the item goes; `key` is borrowed until this returns. */
    void (*removed)(void *who, uint32_t db, struct slice key, enum change_kind kind);
    void *who;
};

#endif

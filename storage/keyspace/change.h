/*
 * What the keyspace announces of its own accord, and to whom.
 *
 * Changes that a command makes are noted by its handler. Some things come from
 * below: a key found past its time, a key evicted for memory; and, for those
 * who asked for such events, a key that came to be, was overwritten or was looked
 * for in vain.
 * The keyspace tells them through this interface, which it owns and
 * broker/dispatch/ledger implements.
 */
#ifndef STORAGE_KEYSPACE_CHANGE_H
#define STORAGE_KEYSPACE_CHANGE_H

#include <stdint.h>

#include "storage/base/slice.h"

enum change_kind {
    CHANGE_EXPIRED, /* past its time: the item is removed just after this call */
    CHANGE_EVICTED, /* removed for memory, just after this call */
    CHANGE_CREATED, /* a key that was not there is there now */
    CHANGE_OVERWRITTEN, /* the whole value of a key is replaced just after this call */
    CHANGE_RETYPED,     /* and by one of another type: follows CHANGE_OVERWRITTEN */
    CHANGE_MISSED,  /* a key was looked for to be read and is not there */
    CHANGE_FIELDS_EXPIRED, /* fields of a hash expired: once, after tell_field for each */
    CHANGE_EMPTIED         /* they were its last: the hash is removed just after this call */
};

struct change_sink {
    /* `key` is borrowed until this returns. */
    void (*tell)(void *who, uint32_t db, struct slice key, enum change_kind kind);
    void *who;

    /* A field of a hash is removed just after this call; both are borrowed. May be NULL. */
    void (*tell_field)(void *who, uint32_t db, struct slice key, struct slice field);
};

#endif

/*
 * Which words of a request must not be shown to others: passwords, and ACL rules
 * that hold them. SLOWLOG and MONITOR show "(redacted)" in their place.
 */
#ifndef BROKER_OBSERVE_REDACT_H
#define BROKER_OBSERVE_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/base/slice.h"

struct call;

/* The words of one call, as they may be shown. */
struct redacted {
    const struct call *call;  /* Private. */
    size_t             first; /* Private: hidden from here ... */
    size_t             last;  /* Private: ... to before here */
    bool               pairs; /* Private: names and values in turn; only values of secrets are hidden */
};

/* Looks through the words of a call; cheap for nearly all. */
struct redacted redact(const struct call *call);

/* A word as it may be shown; borrowed from the call. */
struct slice redacted_word(const struct redacted *redacted, size_t index);

#endif

/* What SCAN, HSCAN, SSCAN and ZSCAN share: the cursor and the options. */
#ifndef BROKER_COMMANDS_DO_SCAN_PRIVATE_H
#define BROKER_COMMANDS_DO_SCAN_PRIVATE_H

#include "broker/dispatch/call.h"

struct scan_options {
    size_t          count;     /* about how many elements to look at */
    bool            matching;  /* only what matches the pattern */
    struct slice    pattern;
    bool            typed;     /* SCAN only: one kind of value */
    struct slice    type;
    enum value_kind kind;      /* what the type names, set by SCAN itself */
    bool            no_values; /* HSCAN only: fields alone */
};

/* What is scanned, for the options that only one of them has. */
enum scan_of { SCAN_KEYS, SCAN_FIELDS, SCAN_MEMBERS };

enum { SCAN_PAST = 16 };

/* One call of a scan. */
struct scan {
    struct call        *call;
    const struct value *value; /* what is scanned; NULL: the keyspace */
    struct scan_options options;
    size_t              seen;  /* elements met */
    size_t              shown; /* replies given for them */
    struct slice        past[SCAN_PAST]; /* keys past their time that the last step met */
    size_t              past_count;
};

/* Counts an element that was met. Whether it matches, and so is to be shown. */
bool scan_meets(struct scan *scan, struct slice name);

/* Goes from a cursor to the next, and shows what is between them. */
typedef uint64_t scan_step(struct scan *scan, uint64_t cursor);

/* HSCAN, SSCAN, ZSCAN: key cursor [option ...]. A key that is not there has nothing to show. */
enum verdict scan_value(struct call *call, enum value_kind kind, enum scan_of what,
                        scan_step *step);

#endif

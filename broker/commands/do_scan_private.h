/* What SCAN, HSCAN, SSCAN and ZSCAN share: the cursor and the options. */
#ifndef BROKER_COMMANDS_DO_SCAN_PRIVATE_H
#define BROKER_COMMANDS_DO_SCAN_PRIVATE_H

#include "broker/dispatch/call.h"

struct scan_options {
    size_t          count;    /* about how many elements to look at */
    bool            matching; /* only what matches the pattern */
    struct slice    pattern;
    bool            typed;    /* SCAN only: one kind of value */
    struct slice    type;
    enum value_kind kind;     /* what the type names, set by SCAN itself */
    bool            no_values; /* HSCAN only: fields alone */
};

/* What is scanned, for the options that only one of them has. */
enum scan_of { SCAN_KEYS, SCAN_FIELDS, SCAN_MEMBERS };

/* Reads a cursor; false if it is none. */
MUST_USE bool scan_read_cursor(struct slice word, uint64_t *cursor);

/* Reads MATCH, COUNT and, of keys, TYPE, of fields NOVALUES, to the end of the words. */
MUST_USE enum refusal scan_read_options(struct call *call, enum scan_of what,
                                        struct scan_options *options);

#endif

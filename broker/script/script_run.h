/* One run of a script or a function: what it may do, and what became of it so far. */
#ifndef BROKER_SCRIPT_SCRIPT_RUN_H
#define BROKER_SCRIPT_SCRIPT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/clock.h"
#include "storage/base/slice.h"

struct call;

/* What a script says of itself in its first line, and a function when it is registered. */
enum script_flags {
    SCRIPT_NO_WRITES = 1 << 0,        /* it writes nothing: may run where writing is refused */
    SCRIPT_ALLOW_OOM = 1 << 1,        /* may run while memory is over its limit */
    SCRIPT_ALLOW_STALE = 1 << 2,      /* may run on a replica that lost its primary */
    SCRIPT_NO_CLUSTER = 1 << 3,       /* not in a cluster */
    SCRIPT_ALLOW_CROSS_SLOT = 1 << 4, /* may touch keys of several slots */
    SCRIPT_SAYS_NOTHING = 1 << 5,     /* it has no first line: commands are asked one by one */
};

struct script_run {
    struct call *call;   /* the EVAL or FCALL */
    struct slice name;   /* the digest or the function's name; borrowed */
    uint32_t flags;      /* enum script_flags */
    bool is_function;
    bool resp3;          /* redis.setresp */
    bool over_memory;    /* maxmemory was passed when it began */
    bool wrote;          /* it has called a write: it cannot be stopped half way */
    bool busy;           /* it ran over its time: others are answered meanwhile */
    bool killed;
    millis began;        /* monotonic */
};

enum { SCRIPT_FLAGS = 5 }; /* that have names */

/* The flag with a name as scripts write it, "no-writes"; 0 if there is none such. */
uint32_t script_flag(struct slice name);

/* The same, but for the case of letters. */
uint32_t script_flag_nocase(struct slice name);

/* The names of the flags that are set; returns how many. */
size_t script_flag_names(uint32_t flags, const char *names[SCRIPT_FLAGS]);

#endif

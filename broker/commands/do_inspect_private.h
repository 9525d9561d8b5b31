/* Subcommands of DEBUG that are about files; do_inspect.c knows when to run them. */
#ifndef BROKER_COMMANDS_DO_INSPECT_PRIVATE_H
#define BROKER_COMMANDS_DO_INSPECT_PRIVATE_H

#include "broker/dispatch/call.h"

/* DEBUG RELOAD [NOSAVE] [NOFLUSH] [MERGE]: saves a snapshot, forgets all, and loads it. */
enum verdict debug_reload(struct call *call);

/* DEBUG LOADAOF: forgets all and runs the log. */
enum verdict debug_load_log(struct call *call);

/* DEBUG AOF-FLUSH-SLEEP microseconds: the log is written so much later. */
enum verdict debug_delay_log(struct call *call);

/* DEBUG SET-SKIP-CHECKSUM-VALIDATION 0|1: whether RESTORE takes what has a wrong checksum. */
enum verdict debug_skip_checksum(struct call *call);

#endif

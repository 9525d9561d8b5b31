/* Subcommands of DEBUG about files and about what data costs; do_inspect.c knows when to run them. */
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

/* DEBUG CONFIG-REWRITE-FORCE-ALL: the config file says every option, the defaults too. */
enum verdict debug_rewrite_config(struct call *call);

/*
 * DEBUG HTSTATS db, DEBUG HTSTATS-KEY key: how items lie in the buckets of a table. A
 * bucket has seven places, and each resize leaves one table for another.
 */
enum verdict debug_table(struct call *call);
enum verdict debug_table_of_key(struct call *call);

/*
 * DEBUG LONGEST-TURN: of the turn that kept others waiting longest since this was last
 * asked, microseconds: from end to end, on a CPU, and ready to run but waiting for a CPU.
 */
enum verdict debug_longest_turn(struct call *call);

#endif

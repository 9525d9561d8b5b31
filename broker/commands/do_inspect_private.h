/* Subcommands of DEBUG about files and about the form and cost of data; do_inspect.c knows when to run them. */
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

/* DEBUG SDSLEN key: the length of a key and its string, and what they take. */
enum verdict debug_string_length(struct call *call);

/* DEBUG STRUCTSIZE: bytes of what there is much of. */
enum verdict debug_struct_sizes(struct call *call);

/* DEBUG QUICKLIST key [0|1]: logs how a list is kept; with 1 each element. */
enum verdict debug_list(struct call *call);

/* DEBUG STRINGMATCH-TEST: puts patterns and texts to each other by chance. */
enum verdict debug_match(struct call *call);

/* DEBUG OOM: ends as a server does that gets no memory. */
enum verdict debug_no_memory(struct call *call);

/* Refuses the subcommand, with the reason, if it is one of Redis's that makes no sense here. */
bool debug_refuse_missing(struct call *call);

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

/*
 * All libraries as one payload, which FUNCTION DUMP shows and FUNCTION RESTORE takes:
 *
 *   F5 text, for each library | version u16 | CRC64 of all before u64
 *
 * Numbers are little-endian, texts strings of the RDB format. Format source:
 * what redis-server 7.0.15 answers.
 */
#ifndef BROKER_SCRIPT_FUNCTION_DUMP_H
#define BROKER_SCRIPT_FUNCTION_DUMP_H

#include "broker/script/functions.h"

/* Appends the payload of all libraries. O(bytes of their texts). */
void function_dump_put(struct functions *functions, struct buffer *to);

/* Loads the libraries of a payload, all of them, or none and returns false with an error line in
 * `why`. */
bool function_dump_restore(struct functions *functions, struct slice payload,
                           enum function_policy policy, struct buffer *why);

#endif

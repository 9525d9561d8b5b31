/*
 * A stream as a value of the keyspace: what a type must do, so that rooms which
 * know no streams can copy, measure, rewrite and free them.
 */
#ifndef STREAMS_STREAM_VALUE_H
#define STREAMS_STREAM_VALUE_H

#include "storage/values/value.h"

/* The row for VALUE_STREAM; a struct stream begins with its struct value. */
extern const struct value_type stream_value_type;

#endif

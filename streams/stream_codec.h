/*
 * Streams in the RDB format.
 *
 *   count of blocks, for each: master ID 16 bytes as a string | block as a string
 *   length | last ID | [first ID | max deleted ID | entries added]
 *   count of groups, for each:
 *       name | last ID | [entries read]
 *       count of pending, for each: ID 16 bytes | time 8 bytes | times
 *       count of consumers, for each:
 *           name | seen at 8 bytes | {active at 8 bytes} | count of pending, for each: ID 16 bytes
 *
 * IDs of 16 bytes have the highest byte first; others are two lengths. What is
 * in [ ] came with RDB_STREAM_2, in { } with RDB_STREAM_3. A block is packed:
 *
 *   entries | deleted | number of fields | field ... | 0
 *   then for each entry, deleted ones included:
 *       flags | ms - master ms | seq - master seq |
 *       value ... | words                                 if flags say: the same fields
 *       number of fields | field value ... | words        else
 *   flags  bit 0 deleted, bit 1 the same fields as the block
 *   words  elements of the entry before this one, so that it can be walked backwards
 *
 * Format source: the public description of streams on disk, and files that
 * redis-server 7.0.15 wrote. RDB_STREAM_2 is written, which that server reads;
 * when a consumer was last active is not in it, nor what nobody holds.
 */
#ifndef STREAMS_STREAM_CODEC_H
#define STREAMS_STREAM_CODEC_H

#include "storage/format/rdb_format.h"
#include "storage/values/value.h"

/* Members of struct value_type; O(n). */
int stream_codec_type(const struct value *value);
void stream_codec_save(const struct value *value, struct rdb_writer *to);
struct value *stream_codec_load(struct rdb_reader *from, int rdb_type,
                                const struct value_limits *limits);

/* What that format has no place for (stream_codec_rest.c): whether there is any, and the members
 * of struct value_type that write and read it. */
bool stream_codec_has_rest(const struct value *value);
void stream_codec_save_rest(const struct value *value, struct rdb_writer *to);
MUST_USE bool stream_codec_load_rest(struct value *value, struct rdb_reader *from);

#endif

/*
 * Values in the RDB format: how each type is written, and how everything that
 * any version of Redis wrote for it is read.
 *
 * What is written is what redis-server 7.0 reads, but for hashes with fields
 * that expire, of which that server knows nothing (RDB_HASH_EXPIRY).
 *
 * What is read is never trusted: blocks are checked to the last byte, no
 * element may come twice where it must not, a value grows as its elements
 * really come. Elements are put into a fresh value one by one, so that it has
 * the form that our own limits give it, whoever wrote it.
 *
 * These are the members of struct value_type, which says what they return.
 */
#ifndef STORAGE_VALUES_CODEC_H
#define STORAGE_VALUES_CODEC_H

#include "storage/format/rdb_format.h"
#include "storage/values/value.h"

/* Room for elements that is made at once, whatever count an input names. */
enum { CODEC_RESERVE_MAX = 65536 };

static inline size_t codec_reserve(uint64_t count)
{
    return count < CODEC_RESERVE_MAX ? (size_t)count : CODEC_RESERVE_MAX;
}

/* RDB_LIST_QUICKLIST_2, a packed block for each node. O(n). */
int list_codec_type(const struct value *value);
void list_codec_save(const struct value *value, struct rdb_writer *to);
struct value *list_codec_load(struct rdb_reader *from, int rdb_type,
                              const struct value_limits *limits);

/* RDB_SET_INTS or RDB_SET. O(n). */
int set_codec_type(const struct value *value);
void set_codec_save(const struct value *value, struct rdb_writer *to);
struct value *set_codec_load(struct rdb_reader *from, int rdb_type,
                             const struct value_limits *limits);

/* RDB_ZSET_PACKED or RDB_ZSET_2. O(n). */
int zset_codec_type(const struct value *value);
void zset_codec_save(const struct value *value, struct rdb_writer *to);
struct value *zset_codec_load(struct rdb_reader *from, int rdb_type,
                              const struct value_limits *limits);

/* RDB_HASH_PACKED, RDB_HASH or, if fields expire, RDB_HASH_EXPIRY. O(n). */
int hash_codec_type(const struct value *value);
void hash_codec_save(const struct value *value, struct rdb_writer *to);
struct value *hash_codec_load(struct rdb_reader *from, int rdb_type,
                              const struct value_limits *limits);

#endif

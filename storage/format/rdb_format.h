/*
 * The bytes of the RDB format, element by element: what DUMP, RESTORE, RDB
 * files and the base of an AOF are made of.
 *
 *   length   00xxxxxx                 0 to 63
 *            01xxxxxx +1              14 bits, the highest first
 *            80 +4                    32 bits, big-endian
 *            81 +8                    64 bits, big-endian
 *   string   length | bytes
 *            C0 +1, C1 +2, C2 +4      an integer, little-endian, meaning its digits
 *            C3 | length | length | bytes   LZF: packed length, true length
 *   double   8 bytes, IEEE 754, little-endian; or, of old, its digits behind a
 *            byte that counts them (253 NaN, 254 infinity, 255 minus infinity)
 *   time     8 bytes, milliseconds since 1970, little-endian
 *
 * Format source: the public description of the format (rdbtools wiki and the
 * Redis documentation), and bytes that redis-server 7.0.15 wrote.
 *
 * What is read is never trusted: a length is held against the bytes that are
 * really left before anything is allocated, and what LZF may grow to against
 * what its packed bytes can grow to at most.
 */
#ifndef STORAGE_FORMAT_RDB_FORMAT_H
#define STORAGE_FORMAT_RDB_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/base/io.h"
#include "storage/base/must.h"
#include "storage/base/slice.h"

/*
 * The version that is written, which redis-server 7.0 reads; the one of what
 * has fields of hashes that expire; and the newest that is read.
 */
enum { RDB_VERSION = 10, RDB_VERSION_DATED = 12, RDB_VERSION_NEWEST = 13 };

/* From this version on a snapshot ends in the CRC64 of all bytes before; 0: nobody made one. */
enum { RDB_VERSION_SUMMED = 5 };

/* A snapshot begins with "REDIS" and its version in four digits. */
enum { RDB_SIGN_LEN = 5, RDB_HEAD_LEN = 9 };

/* Whether bytes begin as a snapshot does; RDB_SIGN_LEN of them are enough. */
bool rdb_begins(struct slice bytes);

/* The version that RDB_HEAD_LEN bytes tell which begin so; -1 if there are no digits. */
int rdb_version_of(struct slice head);

/* The longest string: its entry must fit the packed list that it may become part of. */
#define RDB_STRING_MAX (UINT32_MAX - 64)

/* How a value is encoded. */
enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,
    RDB_SET = 2,
    RDB_ZSET = 3,           /* scores as digits */
    RDB_HASH = 4,
    RDB_ZSET_2 = 5,         /* scores as doubles */
    RDB_MODULE = 6,
    RDB_MODULE_2 = 7,
    RDB_HASH_ZIPMAP = 9,
    RDB_LIST_ZIPLIST = 10,
    RDB_SET_INTS = 11,
    RDB_ZSET_ZIPLIST = 12,
    RDB_HASH_ZIPLIST = 13,
    RDB_LIST_QUICKLIST = 14, /* nodes are ziplists */
    RDB_STREAM = 15,
    RDB_HASH_PACKED = 16,
    RDB_ZSET_PACKED = 17,
    RDB_LIST_QUICKLIST_2 = 18,
    RDB_STREAM_2 = 19,
    RDB_SET_PACKED = 20,
    RDB_STREAM_3 = 21,
    RDB_HASH_EXPIRY_EARLY = 22, /* fields that expire, before that was released */
    RDB_HASH_PACKED_EXPIRY_EARLY = 23,
    RDB_HASH_EXPIRY = 24,
    RDB_HASH_PACKED_EXPIRY = 25,
    RDB_TYPES
};

/* What may stand in the place of a type. */
enum rdb_opcode {
    RDB_SLOT_INFO = 0xF4,
    RDB_FUNCTION = 0xF5,
    RDB_FUNCTION_EARLY = 0xF6,
    RDB_MODULE_AUX = 0xF7,
    RDB_IDLE = 0xF8,
    RDB_FREQUENCY = 0xF9,
    RDB_AUX = 0xFA,
    RDB_RESIZE = 0xFB,
    RDB_EXPIRY_MS = 0xFC,
    RDB_EXPIRY = 0xFD,
    RDB_SELECT = 0xFE,
    RDB_END = 0xFF
};

/* How a node of an RDB_LIST_QUICKLIST_2 is kept. */
enum rdb_container { RDB_CONTAINER_PLAIN = 1, RDB_CONTAINER_PACKED = 2 };

/* ---- Writing. Errors are the writer's to keep. ---- */

struct rdb_writer {
    struct writer *to;
    bool           compress; /* strings longer than 20 bytes with LZF, where that helps */
    struct buffer  room;     /* Private: what was packed */
    struct buffer  joint;    /* where callers join the parts of a string; see rdb_put_joint */
};

/* Begins to write to `to`, which stays the caller's; and frees what the writer allocated. */
void rdb_writer_init(struct rdb_writer *writer, struct writer *to, bool compress);
void rdb_writer_clear(struct rdb_writer *writer);

/* One byte as it is. */
void rdb_put_byte(struct rdb_writer *writer, unsigned byte);

/* A length, in the fewest bytes. */
void rdb_put_length(struct rdb_writer *writer, uint64_t length);

/* A string, as an integer or packed where that is shorter. */
void rdb_put_string(struct rdb_writer *writer, struct slice bytes);

/* A double of eight bytes, and a time of eight. */
void rdb_put_double(struct rdb_writer *writer, double value);
void rdb_put_millis(struct rdb_writer *writer, int64_t at);

/* Bytes as they are, without a length. */
void rdb_put_raw(struct rdb_writer *writer, struct slice bytes);

/* An integer as a string. */
void rdb_put_integer(struct rdb_writer *writer, int64_t value);

/* Writes what was added to writer->joint as one string, and empties it. */
void rdb_put_joint(struct rdb_writer *writer);

/* ---- Reading. Every function returns false when the input ends, contradicts itself or fails. ---- */

/* Two strings can be held at once: a field and its value. */
enum { RDB_TEXTS = 2 };

struct rdb_reader {
    struct reader *from;
    uint64_t       end;    /* position behind the last byte there is; UINT64_MAX if unknown */
    bool           empty;  /* the value that was read has no elements, and is not to be kept */
    const char    *reason; /* what is wrong with the value, a constant; NULL if nothing was said */
    struct buffer  texts[RDB_TEXTS]; /* Private */
    struct buffer  packed;           /* Private */
};

/* `end` is the position of `from` behind the last byte, or UINT64_MAX. */
void rdb_reader_init(struct rdb_reader *reader, struct reader *from, uint64_t end);
/* Frees what the reader allocated. */
void rdb_reader_clear(struct rdb_reader *reader);

/* Says why a value is refused, unless that was said already. Returns false. */
bool rdb_refuse(struct rdb_reader *reader, const char *reason);

/* How many bytes there may still be. */
uint64_t rdb_left(const struct rdb_reader *reader);

/* One byte. */
MUST_USE bool rdb_get_byte(struct rdb_reader *reader, unsigned *byte);

/* A length, where no string may stand. */
MUST_USE bool rdb_get_length(struct rdb_reader *reader, uint64_t *length);

/* Bytes as they are, without a length. */
MUST_USE bool rdb_get_raw(struct rdb_reader *reader, void *to, size_t len);

/* A count of things of which each takes at least `least` bytes; more than there can be is refused. */
MUST_USE bool rdb_get_count(struct rdb_reader *reader, uint64_t least, uint64_t *count);

/* A string, borrowed until the next string is read into the same place (0 or 1). */
MUST_USE bool rdb_get_string(struct rdb_reader *reader, unsigned place, struct slice *bytes);

/* A string that may be an integer: then `*is_integer`, and `bytes` is not set. */
MUST_USE bool rdb_get_value(struct rdb_reader *reader, unsigned place, bool *is_integer,
                            int64_t *integer, struct slice *bytes);

/* A double, in eight bytes or as digits; neither may be NaN. */
MUST_USE bool rdb_get_double(struct rdb_reader *reader, double *value);
MUST_USE bool rdb_get_digits(struct rdb_reader *reader, double *value);

/* A time, in eight bytes. */
MUST_USE bool rdb_get_millis(struct rdb_reader *reader, int64_t *at);

/* Passes over a string. */
MUST_USE bool rdb_skip_string(struct rdb_reader *reader);

#endif

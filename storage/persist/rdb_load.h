/*
 * A whole snapshot, read: every version from 1 to RDB_VERSION_NEWEST.
 *
 * Nothing is trusted: every length, block and type is checked, and from
 * version 5 on the sum over all of it, unless its writer made none. What is
 * wrong is named with its offset, the database and the key under way.
 */
#ifndef STORAGE_PERSIST_RDB_LOAD_H
#define STORAGE_PERSIST_RDB_LOAD_H

#include "storage/persist/rdb_save.h"

struct log;
struct rdb_content;
struct reader;
struct trouble;

/* How it is read. Pointers are borrowed; `functions`, `progress` and `log` may be NULL. */
struct rdb_load_setup {
    struct keyspaces           *keyspaces;
    const struct value_limits  *limits;
    const struct rdb_functions *functions;
    struct log                 *log;
    bool keep_expired; /* also keys past their time: a log follows that says what became of them */
    bool merge;        /* a key that is there already is overwritten, not a mistake */
    bool count_only;   /* nothing is kept: it is only checked */

    /* Told each so many bytes (0: 64 KiB) how far it is; false ends the load. */
    bool (*progress)(void *who, uint64_t bytes);
    uint64_t progress_every;

    /* Shown every key past its time that is left out; may be NULL. */
    void (*expired)(void *who, uint32_t db, struct slice key);

    /* Shown every key that was read, for a report; may be NULL. */
    void (*key)(void *who, uint32_t db, struct slice key, const struct rdb_content *content,
                uint64_t bytes, int64_t due);
    void *who;
};

/* Where in a stream of changes the data stands, if its writer had one. */
struct rdb_stream {
    char     id[41];  /* of the history; "" if it is not told */
    int64_t  offset;  /* bytes of it that are in the data; -1 if it is not told */
    int64_t  db;      /* the database that the stream had selected; -1 if it is not told */
};

/* What was read. */
struct rdb_load_result {
    unsigned version;
    uint64_t loaded;  /* keys */
    uint64_t expired; /* keys past their time, left out */
    uint64_t empty;   /* values without elements, left out */
    uint64_t expires; /* of those loaded */
    uint64_t functions;
    bool     is_base; /* of an AOF */
    bool     unsummed; /* its writer made no sum: flipped bits in strings go unseen */
    int64_t  created;  /* seconds since 1970, 0 if it does not say */
    uint64_t memory;   /* bytes its writer used */
    char     writer[24]; /* the version of the server that wrote it */
    struct rdb_stream stream;
};

/*
 * Reads up to the end of the snapshot, whatever follows. `end` is the position
 * behind the last byte there is, UINT64_MAX if unknown. False with trouble; the
 * keyspaces then hold a part.
 */
MUST_USE bool rdb_load(const struct rdb_load_setup *setup, struct reader *from, uint64_t end,
                       struct rdb_load_result *result, struct trouble *trouble);

#endif

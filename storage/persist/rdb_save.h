/*
 * A whole snapshot, written:
 *
 *   "REDIS" | version, four digits
 *   FA name value               facts about the writer
 *   F5 code                     for each library of functions
 *   FE number | FB keys expiring    for each database that is not empty, then for each key
 *       [FC due 8 bytes] [F8 seconds idle | F9 frequency u8] type u8 | key | value
 *   FF | CRC64 of all before, 8 bytes; 0 if it was not asked for
 *
 * Format source: the public description of RDB files (rdbtools wiki), and files
 * that redis-server 7.0.15 wrote.
 */
#ifndef STORAGE_PERSIST_RDB_SAVE_H
#define STORAGE_PERSIST_RDB_SAVE_H

#include "storage/keyspace/keyspace.h"

struct trouble;
struct writer;

/* Libraries of functions, kept by whoever runs them; to a snapshot they are texts. */
struct rdb_functions {
    /* Shows each. */
    void (*each)(void *who, void (*show)(void *to, struct slice code), void *to);

    /* Takes one that was read; false with trouble if it is none, or is there and not to be replaced. */
    bool (*take)(void *who, struct slice code, bool replace, struct trouble *trouble);

    /* Forgets all, in front of what is about to be read. */
    void (*forget)(void *who);
    void *who;
};

/* Where the stream of replication was at the moment of a snapshot: whoever loads it can go on. */
struct rdb_replication {
    uint32_t db;     /* selected by the latest statement */
    char     id[41]; /* of the history */
    int64_t  offset; /* bytes said */
};

/* What is written; pointers are borrowed, and may be NULL but for the keyspaces. */
struct rdb_save_setup {
    struct keyspaces           *keyspaces;
    const struct rdb_functions *functions;
    bool                        compress; /* strings with LZF */
    bool                        checksum;
    const struct rdb_replication *replication;
    bool                        is_base;  /* of an AOF */
    bool                        no_keys;
    bool                        idle;     /* how long each key was not used */
    bool                        frequency; /* or how often it is */
    int64_t                     created;  /* seconds since 1970 */
    uint64_t                    memory;   /* bytes in use, for who reads the facts */
    void (*wrote)(void *who, uint64_t keys); /* told after each key how many were written */
    void *who;
};

/* Writes everything; the writer is asked for its troubles by whoever made it. O(all data). */
void rdb_save(const struct rdb_save_setup *setup, struct writer *to);

#endif

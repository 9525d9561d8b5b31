/*
 * Statements out of one file of the log, handed to whoever runs them.
 *
 * A unit is a statement, or all from MULTI to EXEC: it was written for all of
 * it to happen or nothing. What a file holds ends in one of these ways:
 *
 *   WHOLE    between two units
 *   TORN     inside a unit: the writer was stopped in the middle of it
 *   GARBAGE  with bytes that no statement begins with, zeros say, and nothing
 *            whole behind them: what a power cut may leave at the end
 *   BROKEN   with such bytes, but statements behind them, and not behind all that
 *            seals call durable: damage, for cutting it off would take along what
 *            was promised
 *   DAMAGED  at a seal that is wrong, or with one behind it: bytes were changed
 *   UNSYNCED at a seal that is wrong, behind all that seals call durable: a power
 *            cut left pages out; or within a long turn. What was run since the seal
 *            before is wrong
 *   REFUSED  whoever runs the statements could not run one
 *   FAILED   the disk would not be read
 */
#ifndef STORAGE_PERSIST_AOF_LOAD_H
#define STORAGE_PERSIST_AOF_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/slice.h"

struct reader;
struct trouble;

/* Who runs the statements. */
struct aof_runner {
    /* Runs one; MULTI and EXEC come like any other. False with trouble: it cannot. */
    bool (*run)(void *who, const struct slice *words, size_t count, struct trouble *trouble);

    /* Told each so many bytes (0: half a megabyte) how many of all files were run; may be NULL. */
    void (*progress)(void *who, uint64_t done, uint64_t total);
    void *who;
    uint64_t progress_every;

    /*
     * Reads the snapshot a file may begin with; `end` is the position behind
     * the file's last byte. NULL: there must be none.
     */
    bool (*base)(void *who, struct reader *from, uint64_t end, struct trouble *trouble);

    /*
     * Forgets all that was run: what was run last turned out to be wrong, and everything
     * comes again without it. NULL: it cannot.
     */
    void (*forget)(void *who);
};

enum aof_load_end {
    AOF_LOAD_WHOLE,
    AOF_LOAD_TORN,
    AOF_LOAD_GARBAGE,
    AOF_LOAD_BROKEN,
    AOF_LOAD_DAMAGED,
    AOF_LOAD_UNSYNCED,
    AOF_LOAD_REFUSED,
    AOF_LOAD_FAILED
};

/* What was found in a file. */
struct aof_load_result {
    enum aof_load_end end;
    uint64_t          whole;      /* bytes up to the end of the last whole unit */
    uint64_t          at;         /* where reading ended */
    uint64_t          sealed;     /* where the last good seal ends (aof_seal.h) */
    uint64_t          statements; /* run, those of a unit that was torn included */
    bool              tells_durable; /* that seal says how much was on disk for good */
    bool              in_multi;   /* it ended between MULTI and EXEC */
};

/*
 * Runs what a file holds, from its beginning. `before` and `total` are for the
 * progress: bytes run before this file, and bytes in all. Trouble is set when
 * the end is REFUSED or FAILED. The descriptor stays the caller's.
 */
void aof_load_file(int fd, const struct aof_runner *runner, uint64_t before, uint64_t total,
                   struct aof_load_result *result, struct trouble *trouble);

#endif

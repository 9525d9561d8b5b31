/*
 * Recovery: which files to trust at a start, and how much of a torn end.
 *
 *   enter     the folder is opened, locked against a second server, and cleared
 *             of what a crash left half made
 *   choose    the manifest is read (an old-style single file is taken in), and
 *             every file it names must be there; files it ought to name and
 *             does not are a reason to refuse
 *   load      files are run in order; only the end of the last may be torn, and
 *             is cut back to the end of its last whole unit
 *
 * Nothing is guessed: what is missing or damaged is named, with its offset, and
 * the server does not start, because a start with less data than there was
 * looks like success.
 */
#ifndef STORAGE_PERSIST_RECOVERY_H
#define STORAGE_PERSIST_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/must.h"
#include "storage/persist/aof_load.h"

struct aof_manifest;
struct faults;
struct folder;
struct log;
struct trouble;

/* Where the log is. Texts and pointers are borrowed. */
struct recovery_setup {
    const char    *dir;           /* the data folder */
    const char    *dirname;       /* the log's folder in it */
    const char    *filename;      /* what the names of its files begin with */
    bool           cut_torn_tail; /* else a torn end is refused */
    struct faults *faults;        /* may be NULL */
    struct log    *log;           /* may be NULL */
};

/*
 * Opens and locks the log's folder. The lock is held while `lock` is open, and
 * ends with the process however that ends. NULL with trouble: for example, that
 * another server, named by its process id, has it.
 */
struct folder *recovery_enter(const struct recovery_setup *setup, int *lock,
                              struct trouble *trouble);

/* Chooses the files; an empty manifest if there is no log yet. NULL with trouble. */
struct aof_manifest *recovery_choose(const struct recovery_setup *setup,
                                     const struct folder *folder, struct trouble *trouble);

/* What was loaded. */
struct recovery_result {
    uint64_t bytes;      /* of all files, after the cut */
    uint64_t base_bytes;
    uint64_t cut;        /* bytes taken off the end of the last file */
    uint64_t statements;
    uint64_t sealed; /* of the last file: where its last seal ends */
};

/* Runs all files. False with trouble that says what to do. */
MUST_USE bool recovery_load(const struct recovery_setup *setup, const struct folder *folder,
                            const struct aof_manifest *manifest, const struct aof_runner *runner,
                            struct recovery_result *result, struct trouble *trouble);

/* "<filename>.manifest", and the names used while something is being made. */
enum { RECOVERY_NAME_MAX = 512 };
void recovery_manifest_name(const struct recovery_setup *setup, char name[RECOVERY_NAME_MAX]);
void recovery_temporary_name(const struct recovery_setup *setup, const char *what,
                             char name[RECOVERY_NAME_MAX]);

#endif

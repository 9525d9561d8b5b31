/* Each refusal is a sentence that names the file; each thing done at a start is a line of the log. */
#include "storage/persist/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/buffer.h"
#include "storage/base/clock.h"
#include "storage/base/faults.h"
#include "storage/base/log.h"
#include "storage/base/number.h"
#include "storage/persist/aof_base.h"
#include "storage/persist/aof_manifest.h"
#include "storage/persist/folder.h"
#include "storage/persist/points.h"

enum {
    LOCK_TRIES = 50,           /* a server that was just killed is given half a second to go */
    LOCK_PAUSE_NS = 10000000,
    PID_MOST = 24
};

void recovery_manifest_name(const struct recovery_setup *setup, char name[RECOVERY_NAME_MAX])
{
    (void)snprintf(name, RECOVERY_NAME_MAX, "%s.manifest", setup->filename);
}

void recovery_temporary_name(const struct recovery_setup *setup, const char *what,
                             char name[RECOVERY_NAME_MAX])
{
    (void)snprintf(name, RECOVERY_NAME_MAX, "temp-%s-%s", setup->filename, what);
}

/* ---- Entering ---- */

/* Writes the holder's process id into the lock file, for whoever is refused. */
static void sign_lock(int lock)
{
    char digits[PID_MOST];
    int len = snprintf(digits, sizeof(digits), "%d\n", (int)getpid());

    if (ftruncate(lock, 0) < 0 || pwrite(lock, digits, (size_t)len, 0) < 0)
        return; /* it is only a courtesy */
}

static bool take_lock(int lock, const char *name, struct trouble *trouble)
{
    const struct timespec pause = { 0, LOCK_PAUSE_NS };
    char holder[PID_MOST] = "";
    ssize_t got;

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
            sign_lock(lock);
            return true;
        }
        if (errno != EWOULDBLOCK)
            return trouble_errno(trouble, "locking %s", name);
        (void)nanosleep(&pause, NULL);
    }
    got = pread(lock, holder, sizeof(holder) - 1, 0);
    if (got > 0)
        holder[strcspn(holder, "\n")] = '\0';
    return trouble_set(trouble,
                       "another server (process %s) uses this append only log; two would destroy "
                       "each other's data",
                       got > 0 ? holder : "unknown");
}

/* What belongs to a file that was being made when a server of this log died. */
struct leftovers {
    const struct recovery_setup *setup;
    const struct folder         *folder;
};

static bool remove_leftover(void *who, const char *name)
{
    static const char *const kinds[] = { "base", "incr", "manifest" };
    const struct leftovers *left = who;
    char own[RECOVERY_NAME_MAX];
    struct trouble trouble;
    bool is_own = false;

    /* Whole names: another log here may be called as ours with more behind it. */
    for (size_t i = 0; !is_own && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        recovery_temporary_name(left->setup, kinds[i], own);
        is_own = strcmp(name, own) == 0;
    }
    if (!is_own)
        return true;
    if (folder_unlink(left->folder, name, &trouble))
        log_line(left->setup->log, LOG_NOTICE, "Removed the unfinished file %s", name);
    return true;
}

struct folder *recovery_enter(const struct recovery_setup *setup, int *lock,
                              struct trouble *trouble)
{
    char path[PATH_MAX];
    char name[RECOVERY_NAME_MAX];
    struct leftovers left = { setup, NULL };
    struct folder *folder;

    (void)snprintf(path, sizeof(path), "%s/%s", setup->dir, setup->dirname);
    folder = folder_open(path, setup->faults, trouble);
    if (folder == NULL)
        return NULL;
    (void)snprintf(name, sizeof(name), "%s.lock", setup->filename);
    *lock = folder_open_file(folder, name, O_RDWR | O_CREAT, trouble);
    left.folder = folder;
    if (*lock < 0 || !take_lock(*lock, name, trouble) ||
        !folder_each(folder, remove_leftover, &left, trouble)) {
        if (*lock >= 0)
            (void)close(*lock);
        folder_close(folder);
        (void)trouble_wrap(trouble, "opening the append only folder %s", path);
        return NULL;
    }
    return folder;
}

/* ---- Choosing ---- */

/* A file of the log by its name: "<stem>.<number>.base.*" or "<stem>.<number>.incr.aof". */
static bool is_numbered(const char *name, const char *stem, int64_t *number, bool *base)
{
    size_t len = strlen(stem);
    const char *rest = name + len + 1;
    size_t digits;

    if (strncmp(name, stem, len) != 0 || name[len] != '.')
        return false;
    digits = strspn(rest, "0123456789");
    *base = strncmp(rest + digits, ".base.", 6) == 0;
    return number_read(slice_of(rest, digits), number) &&
           (*base || strcmp(rest + digits, ".incr.aof") == 0);
}

struct strangers {
    const struct folder       *folder;
    const struct aof_manifest *manifest;
    const char                *stem;
    char                       found[RECOVERY_NAME_MAX]; /* empty: none */
};

/*
 * A file with content that the manifest does not name. Older numbers are history
 * whose removal was not noted; newer ones held data, and so did a base if no
 * base is named.
 */
static bool look_for_stranger(void *who, const char *name)
{
    struct strangers *strangers = who;
    const struct aof_file *base = aof_manifest_base(strangers->manifest);
    const struct aof_file *last = aof_manifest_last(strangers->manifest);
    const struct aof_file *same;
    struct trouble unheard;
    int64_t number;
    bool is_base;

    if (!is_numbered(name, strangers->stem, &number, &is_base) ||
        aof_manifest_names(strangers->manifest, name) ||
        folder_file_size(strangers->folder, name, &unheard) <= 0)
        return true;
    same = is_base ? base : last;
    /* A base above the one that is named never went into a manifest: a rewrite died. */
    if (same != NULL && (is_base || number < same->number))
        return true;
    (void)snprintf(strangers->found, sizeof(strangers->found), "%s", name);
    return false;
}

static bool refuse_strangers(const struct recovery_setup *setup, const struct folder *folder,
                             const struct aof_manifest *manifest, struct trouble *trouble)
{
    struct strangers strangers = { folder, manifest, setup->filename, "" };
    char name[RECOVERY_NAME_MAX];

    if (!folder_each(folder, look_for_stranger, &strangers, trouble))
        return false;
    if (strangers.found[0] == '\0')
        return true;
    recovery_manifest_name(setup, name);
    return trouble_set(trouble,
                       "%s holds data, but %s %s: starting would lose that data. Restore %s, or "
                       "move the file away if it is not wanted",
                       strangers.found, name,
                       folder_has(folder, name) ? "does not name it" : "is missing", name);
}

/* Whether a name says that the file is in RDB format. */
static bool is_named_rdb(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && strcmp(name + len - 4, ".rdb") == 0;
}

/* Every file that is named must be there, and must be a log of statements. */
static bool look_at_file(const struct folder *folder, const struct aof_file *file,
                         struct trouble *trouble)
{
    int64_t size = folder_file_size(folder, file->name, trouble);
    enum aof_base_state state;
    bool fine;
    int fd;

    if (size < 0)
        return false;
    fd = folder_open_file(folder, file->name, O_RDONLY, trouble);
    if (fd < 0)
        return false;
    fine = aof_base_look(fd, (uint64_t)size, &state, trouble);
    (void)close(fd);
    if (!fine)
        return trouble_wrap(trouble, "looking at %s", file->name);
    if (file->kind != AOF_FILE_BASE)
        return state != AOF_BASE_RDB ||
               trouble_set(trouble, "%s is a snapshot, and no increment of a log", file->name);
    if (state == AOF_BASE_RDB)
        return true;
    if (is_named_rdb(file->name))
        return trouble_set(trouble,
                           size == 0 ? "the base %s is empty: its data is missing"
                                     : "the base %s does not begin like a snapshot: its data is "
                                       "damaged",
                           file->name);
    if (state == AOF_BASE_CUT)
        return trouble_set(trouble, "the base %s was cut short: its last line is missing",
                           file->name);
    /* The first base is made empty, later ones never are by us. */
    if (size == 0 && file->number > 1)
        return trouble_set(trouble, "the base %s is empty: its data is missing", file->name);
    return true;
}

static bool look_at_files(const struct folder *folder, const struct aof_manifest *manifest,
                          struct trouble *trouble)
{
    const struct aof_file *base = aof_manifest_base(manifest);
    size_t increments = aof_manifest_count(manifest, AOF_FILE_INCREMENT);

    if (base != NULL && !look_at_file(folder, base, trouble))
        return false;
    for (size_t i = 0; i < increments; i++) {
        if (!look_at_file(folder, aof_manifest_file(manifest, AOF_FILE_INCREMENT, i), trouble))
            return false;
    }
    return true;
}

/* Makes the single file of old the base of a log. */
static struct aof_manifest *take_old_file(const struct recovery_setup *setup,
                                          const struct folder *folder, const char *path,
                                          struct trouble *trouble)
{
    struct aof_manifest *manifest = aof_manifest_new();
    char temporary[RECOVERY_NAME_MAX];
    char name[RECOVERY_NAME_MAX];
    struct buffer text = { 0 };
    bool fine;

    recovery_temporary_name(setup, "manifest", temporary);
    recovery_manifest_name(setup, name);
    (void)aof_manifest_set_base(manifest, setup->filename, setup->filename);
    aof_manifest_print(manifest, &text);
    fine = folder_replace(folder, temporary, name, buffer_slice(&text), trouble) ==
               FOLDER_REPLACED &&
           folder_take_file(folder, path, setup->filename, trouble);
    buffer_clear(&text);
    if (fine) {
        log_line(setup->log, LOG_NOTICE,
                 "Successfully migrated an old-style AOF file (%s) into the AOF directory (%s).",
                 setup->filename, setup->dirname);
        return manifest;
    }
    aof_manifest_free(manifest);
    (void)trouble_wrap(trouble, "taking in the old-style AOF file");
    return NULL;
}

/* Whether the old single file is still outside: never taken in, or a crash was in between. */
static bool old_file_waits(const struct recovery_setup *setup, const struct folder *folder,
                           const struct aof_manifest *manifest, const char *path)
{
    const struct aof_file *base = manifest == NULL ? NULL : aof_manifest_base(manifest);
    struct stat about;

    if (stat(path, &about) < 0 || !S_ISREG(about.st_mode))
        return false;
    if (manifest == NULL)
        return true;
    return base != NULL && strcmp(base->name, setup->filename) == 0 &&
           aof_manifest_last(manifest) == NULL && !folder_has(folder, setup->filename);
}

static struct aof_manifest *read_manifest(const struct recovery_setup *setup,
                                          const struct folder *folder, struct trouble *trouble)
{
    struct aof_manifest *manifest = NULL;
    struct buffer text = { 0 };
    char name[RECOVERY_NAME_MAX];

    recovery_manifest_name(setup, name);
    if (folder_read_file(folder, name, AOF_MANIFEST_MAX, &text, trouble))
        manifest = aof_manifest_parse(buffer_slice(&text), trouble);
    buffer_clear(&text);
    if (manifest == NULL)
        (void)trouble_wrap(trouble, "AOF manifest file %s", name);
    return manifest;
}

struct aof_manifest *recovery_choose(const struct recovery_setup *setup,
                                     const struct folder *folder, struct trouble *trouble)
{
    struct aof_manifest *manifest = NULL;
    char name[RECOVERY_NAME_MAX];
    char old[PATH_MAX];
    bool waits;

    recovery_manifest_name(setup, name);
    (void)snprintf(old, sizeof(old), "%s/%s", setup->dir, setup->filename);
    if (folder_has(folder, name)) {
        manifest = read_manifest(setup, folder, trouble);
        if (manifest == NULL)
            return NULL;
    }
    waits = old_file_waits(setup, folder, manifest, old);
    if (manifest == NULL && !waits)
        manifest = aof_manifest_new();
    if (manifest != NULL && !refuse_strangers(setup, folder, manifest, trouble)) {
        aof_manifest_free(manifest);
        return NULL;
    }
    if (waits) {
        aof_manifest_free(manifest);
        manifest = take_old_file(setup, folder, old, trouble);
    }
    if (manifest != NULL && look_at_files(folder, manifest, trouble))
        return manifest;
    aof_manifest_free(manifest);
    return NULL;
}

/* ---- Loading ---- */

struct recovering {
    const struct recovery_setup *setup;
    const struct folder         *folder;
    const struct aof_runner     *runner;
    struct recovery_result      *result;
    uint64_t                     total;
    uint64_t                     before; /* bytes of the files that were run already */
    bool                         again;  /* what was run is to be forgotten and run anew */
};

/* Takes off the end of a file what is no whole unit. */
static bool cut(struct recovering *now, const struct aof_file *file, int fd,
                const struct aof_load_result *found, uint64_t size, struct trouble *trouble)
{
    struct log *log = now->setup->log;

    if (found->in_multi)
        log_line(log, LOG_WARNING, "Revert incomplete MULTI/EXEC transaction in AOF file %s",
                 file->name);
    log_line(log, LOG_WARNING, "!!! Warning: short read while loading the AOF file %s!!!",
             file->name);
    log_line(log, LOG_WARNING, "!!! Truncating the AOF %s at offset %llu !!!", file->name,
             (unsigned long long)found->whole);
    if (faults_hit(now->setup->faults, "truncate") || ftruncate(fd, (off_t)found->whole) < 0)
        return trouble_errno(trouble, "truncating %s", file->name);
    point_reached(now->setup->faults, POINT_tail_cut);
    if (faults_hit(now->setup->faults, "fsync") || fsync(fd) < 0)
        return trouble_errno(trouble, "syncing %s", file->name);
    now->result->cut = size - found->whole;
    log_line(log, LOG_WARNING,
             "AOF %s loaded anyway because aof-load-truncated is enabled: %llu bytes of %s were "
             "cut off",
             file->name, (unsigned long long)now->result->cut,
             found->end == AOF_LOAD_GARBAGE    ? "garbage"
             : found->end == AOF_LOAD_UNSYNCED ? "what was never synced and came to disk in parts"
                                               : "an unfinished statement");
    return true;
}

/* What to do about how a file ended. */
static bool judge(struct recovering *now, const struct aof_file *file, int fd,
                  const struct aof_load_result *found, uint64_t size, bool last,
                  struct trouble *trouble)
{
    unsigned long long at = (unsigned long long)found->at;
    unsigned long long whole = (unsigned long long)found->whole;

    enum aof_load_end end = found->end;

    /* Only what nothing else follows may have been left unsynced. */
    if (end == AOF_LOAD_UNSYNCED && (!last || now->runner->forget == NULL))
        end = AOF_LOAD_DAMAGED;
    switch (end) {
    case AOF_LOAD_WHOLE:
        return true;
    case AOF_LOAD_REFUSED:
        return trouble_wrap(trouble, "AOF %s, statement before offset %llu", file->name, at);
    case AOF_LOAD_FAILED:
        return trouble_wrap(trouble, "reading the append only file %s at offset %llu", file->name,
                            at);
    case AOF_LOAD_DAMAGED:
        return trouble_set(trouble,
                           "Bad file format reading the append only file %s: bytes between "
                           "offsets %llu and %llu were changed since they were written, their "
                           "checksum is another. Restore the file from a backup",
                           file->name, (unsigned long long)found->sealed, at);
    case AOF_LOAD_BROKEN:
        return trouble_set(trouble,
                           "Bad file format reading the append only file %s: bytes at offset "
                           "%llu are no statement, and more statements follow. Make a backup; the "
                           "last whole statement ends at offset %llu",
                           file->name, at, whole);
    case AOF_LOAD_TORN:
    case AOF_LOAD_GARBAGE:
        break;
    case AOF_LOAD_UNSYNCED:
        now->again = true;
        break;
    }
    if (!last)
        return trouble_set(trouble,
                           "Unexpected end of file reading the append only file %s: it ends in "
                           "the middle of a statement at offset %llu, and the truncated file is "
                           "not the last file",
                           file->name, whole);
    if (!now->setup->cut_torn_tail)
        return trouble_set(trouble,
                           "Unexpected end of file reading the append only file %s: the last "
                           "whole statement ends at offset %llu of %llu. Make a backup, then set "
                           "aof-load-truncated to yes to have the rest cut off",
                           file->name, whole, (unsigned long long)size);
    return cut(now, file, fd, found, size, trouble);
}

static bool load_file(struct recovering *now, const struct aof_file *file, bool last,
                      struct trouble *trouble)
{
    int64_t size = folder_file_size(now->folder, file->name, trouble);
    struct aof_load_result found;
    struct clock *clock;
    micros began;
    bool fine;
    int fd;

    if (size < 0)
        return false;
    fd = folder_open_file(now->folder, file->name, O_RDWR, trouble);
    if (fd < 0)
        return false;
    clock = clock_new();
    began = clock_monotonic(clock);
    aof_load_file(fd, now->runner, now->before, now->total, &found, trouble);
    fine = judge(now, file, fd, &found, (uint64_t)size, last, trouble);
    if (fine && size > 0)
        log_line(now->setup->log, LOG_NOTICE, "DB loaded from %s file %s: %.3f seconds",
                 file->kind == AOF_FILE_BASE ? "base" : "incr", file->name,
                 (double)(clock_monotonic(clock) - began) / 1e6);
    clock_free(clock);
    (void)close(fd);
    now->before += (uint64_t)size - now->result->cut;
    now->result->statements += found.statements;
    now->result->sealed = found.sealed;
    if (file->kind == AOF_FILE_BASE)
        now->result->base_bytes = (uint64_t)size - now->result->cut;
    return fine;
}

/* The files in the order they are read; NULL behind the last. */
static const struct aof_file *nth(const struct aof_manifest *manifest, size_t n)
{
    const struct aof_file *base = aof_manifest_base(manifest);

    if (base != NULL && n == 0)
        return base;
    return aof_manifest_file(manifest, AOF_FILE_INCREMENT, base != NULL ? n - 1 : n);
}

static bool load_files(struct recovering *now, const struct aof_manifest *manifest,
                       struct trouble *trouble)
{
    const struct aof_file *file;

    for (size_t i = 0; (file = nth(manifest, i)) != NULL; i++) {
        if (!load_file(now, file, nth(manifest, i + 1) == NULL, trouble))
            return false;
    }
    return true;
}

bool recovery_load(const struct recovery_setup *setup, const struct folder *folder,
                   const struct aof_manifest *manifest, const struct aof_runner *runner,
                   struct recovery_result *result, struct trouble *trouble)
{
    struct recovering now = { setup, folder, runner, result, 0, 0, false };
    const struct aof_file *file;
    uint64_t cut_before;

    *result = (struct recovery_result){ 0 };
    for (size_t i = 0; (file = nth(manifest, i)) != NULL; i++) {
        int64_t size = folder_file_size(folder, file->name, trouble);

        if (size < 0)
            return false;
        now.total += (uint64_t)size;
        log_line(setup->log, LOG_VERBOSE, "The log has the %s file %s of %lld bytes",
                 file->kind == AOF_FILE_BASE ? "base" : "incr", file->name, (long long)size);
    }
    if (!load_files(&now, manifest, trouble))
        return false;
    if (now.again) {
        cut_before = result->cut;
        log_line(setup->log, LOG_NOTICE, "Loading everything again, without what was cut off");
        runner->forget(runner->who);
        *result = (struct recovery_result){ 0 };
        now.before = 0;
        if (!load_files(&now, manifest, trouble))
            return false;
        result->cut += cut_before;
    }
    result->bytes = now.before;
    return true;
}

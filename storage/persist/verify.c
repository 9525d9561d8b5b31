/* Files are read by the same code that reads them at a start, so both judge alike. */
#include "storage/persist/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/trouble.h"
#include "storage/format/rdb_format.h"
#include "storage/keyspace/keyspace.h"
#include "storage/persist/aof_base.h"
#include "storage/persist/aof_load.h"
#include "storage/persist/aof_manifest.h"
#include "storage/persist/rdb_content.h"
#include "storage/persist/rdb_load.h"

enum { LARGEST = 5, NAME_SHOWN = 60, KINDS_SHOWN = VALUE_KINDS };

/* One of the largest keys. */
struct large {
    uint64_t        bytes; /* in the file */
    char            key[NAME_SHOWN + 1];
    enum value_kind kind;
    uint32_t        db;
};

/* What is found in a snapshot. */
struct census {
    const struct value_types *types;
    uint64_t                  of[KINDS_SHOWN];
    uint64_t                  expiring;
    struct large              largest[LARGEST];
};

struct verifying {
    const struct verify_setup *setup;
    struct buffer             *report;
    enum verify_outcome        worst;
    struct census              census;
    uint64_t                   statements;
    bool                       has_base; /* the file under way begins with a snapshot */
    struct rdb_load_result     base;
};

static void note(struct verifying *now, enum verify_outcome outcome)
{
    if (outcome > now->worst)
        now->worst = outcome;
}

/* ---- Snapshots ---- */

static void rank(struct census *census, const struct large *one)
{
    size_t place = LARGEST;

    while (place > 0 && census->largest[place - 1].bytes < one->bytes)
        place--;
    for (size_t i = LARGEST; i-- > place + 1;)
        census->largest[i] = census->largest[i - 1];
    if (place < LARGEST)
        census->largest[place] = *one;
}

static void count_key(void *who, uint32_t db, struct slice key, const struct rdb_content *content,
                      uint64_t bytes, int64_t due)
{
    struct verifying *now = who;
    struct large one = { .bytes = bytes, .kind = content->kind, .db = db };
    size_t shown = key.len < NAME_SHOWN ? key.len : NAME_SHOWN;

    for (size_t i = 0; i < shown; i++)
        one.key[i] = key.at[i] >= ' ' && key.at[i] <= '~' ? key.at[i] : '.';
    now->census.of[content->kind]++;
    now->census.expiring += due >= 0;
    rank(&now->census, &one);
}

static bool read_snapshot(struct verifying *now, struct reader *from, uint64_t end,
                          struct rdb_load_result *result, struct trouble *trouble)
{
    struct rdb_load_setup setup = { .keyspaces = now->setup->keyspaces,
                                    .limits = now->setup->limits,
                                    .keep_expired = true,
                                    .count_only = true,
                                    .key = count_key,
                                    .who = now };

    now->census = (struct census){ .types = keyspaces_types(now->setup->keyspaces) };
    return rdb_load(&setup, from, end, result, trouble);
}

static void report_census(struct verifying *now, const struct rdb_load_result *result)
{
    const struct census *census = &now->census;

    buffer_print(now->report, "  keys %" PRIu64 ", expiring %" PRIu64, result->loaded,
                 census->expiring);
    for (size_t i = 0; i < KINDS_SHOWN; i++) {
        if (census->of[i] > 0)
            buffer_print(now->report, ", %s %" PRIu64, census->types->of[i]->name, census->of[i]);
    }
    if (result->functions > 0)
        buffer_print(now->report, ", function libraries %" PRIu64, result->functions);
    if (result->empty > 0)
        buffer_print(now->report, ", without elements %" PRIu64, result->empty);
    buffer_print(now->report, "\n");
    for (size_t i = 0; i < LARGEST && census->largest[i].bytes > 0; i++)
        buffer_print(now->report, "  large: %" PRIu64 " bytes, %s '%s' of database %u\n",
                     census->largest[i].bytes, census->types->of[census->largest[i].kind]->name,
                     census->largest[i].key, census->largest[i].db);
}

static void check_snapshot(struct verifying *now, const char *path, int fd, uint64_t size)
{
    struct reader *reader = reader_new_file(fd);
    struct rdb_load_result result;
    struct trouble trouble = { 0 };
    bool fine = read_snapshot(now, reader, size, &result, &trouble);
    uint64_t read = reader_position(reader);

    buffer_print(now->report, "%s: snapshot of %" PRIu64 " bytes, RDB version %u%s%s\n", path, size,
                 result.version, result.writer[0] != '\0' ? ", written by " : "", result.writer);
    report_census(now, &result);
    if (!fine) {
        buffer_print(now->report, "  DAMAGED: %s\n", trouble.text);
        note(now, VERIFY_BAD);
    } else if (read < size) {
        buffer_print(now->report, "  fine, but %" PRIu64 " bytes follow its end\n", size - read);
    } else {
        buffer_print(now->report, "  fine%s\n",
                     result.unsummed ? ", but without a checksum: a changed bit may go unseen" : "");
    }
    reader_free(reader);
}

/* ---- Logs ---- */

static bool count_statement(void *who, const struct slice *words, size_t count,
                            struct trouble *trouble)
{
    struct verifying *now = who;

    (void)words;
    (void)count;
    (void)trouble;
    now->statements++;
    return true;
}

static bool read_base(void *who, struct reader *from, uint64_t end, struct trouble *trouble)
{
    struct verifying *now = who;

    now->has_base = true;
    return read_snapshot(now, from, end, &now->base, trouble);
}

static const char *kind_of_end(enum aof_load_end end)
{
    switch (end) {
    case AOF_LOAD_WHOLE:
        return "fine";
    case AOF_LOAD_TORN:
        return "TORN: it ends in the middle of a statement";
    case AOF_LOAD_GARBAGE:
        return "TORN: it ends with bytes that are no statement";
    case AOF_LOAD_UNSYNCED:
        return "TORN: what was never synced came to disk in parts";
    case AOF_LOAD_BROKEN:
        return "DAMAGED: bytes that are no statement stand in front of more of them";
    case AOF_LOAD_DAMAGED:
        return "DAMAGED: bytes were changed since they were written";
    case AOF_LOAD_REFUSED:
        return "DAMAGED: the snapshot it begins with";
    case AOF_LOAD_FAILED:
        return "UNREADABLE";
    }
    return "";
}

/* Tells how a log ended; cuts a torn end if that is wanted and may be. */
static void report_end(struct verifying *now, int fd, uint64_t size, bool may_be_torn,
                       const struct aof_load_result *found, const struct trouble *trouble)
{
    bool torn = found->end == AOF_LOAD_TORN || found->end == AOF_LOAD_GARBAGE ||
                found->end == AOF_LOAD_UNSYNCED;

    buffer_print(now->report, "  %s", kind_of_end(found->end));
    if (found->end == AOF_LOAD_WHOLE) {
        buffer_print(now->report, ", sealed up to offset %" PRIu64 "\n", found->sealed);
        return;
    }
    buffer_print(now->report,
                 "%s%s\n  the first bad byte is behind offset %" PRIu64
                 ", the last whole unit ends at %" PRIu64 " of %" PRIu64 "\n",
                 trouble->text[0] != '\0' ? ": " : "", trouble->text,
                 found->end == AOF_LOAD_DAMAGED ? found->sealed : found->whole, found->whole, size);
    if (!torn || !may_be_torn) {
        if (torn)
            buffer_print(now->report, "  it is not the last file of its log: nothing may be cut\n");
        note(now, VERIFY_BAD);
        return;
    }
    if (!now->setup->fix) {
        buffer_print(now->report, "  --fix would cut off %" PRIu64 " bytes\n", size - found->whole);
        note(now, VERIFY_TORN);
        return;
    }
    if (ftruncate(fd, (off_t)found->whole) < 0 || fsync(fd) < 0) {
        buffer_print(now->report, "  it cannot be cut: %s\n", strerror(errno));
        note(now, VERIFY_BAD);
        return;
    }
    buffer_print(now->report, "  FIXED: %" PRIu64 " bytes were cut off\n", size - found->whole);
    note(now, VERIFY_FIXED);
}

static void check_log(struct verifying *now, const char *path, int fd, uint64_t size,
                      bool may_be_torn)
{
    struct aof_runner runner = { .run = count_statement, .who = now, .base = read_base };
    enum aof_base_state state = AOF_BASE_PLAIN;
    struct trouble trouble = { 0 };
    struct aof_load_result found;

    now->statements = 0;
    now->has_base = false;
    aof_load_file(fd, &runner, 0, size, &found, &trouble);
    buffer_print(now->report, "%s: log of %" PRIu64 " bytes, statements %" PRIu64 "\n", path, size,
                 now->statements);
    if (now->has_base)
        report_census(now, &now->base);
    if (found.end == AOF_LOAD_WHOLE && aof_base_look(fd, size, &state, &trouble) &&
        state == AOF_BASE_CUT) {
        buffer_print(now->report, "  DAMAGED: a base that was cut short, its last line is missing\n");
        note(now, VERIFY_BAD);
        return;
    }
    report_end(now, fd, size, may_be_torn, &found, &trouble);
}

/* ---- One file ---- */

static bool begins_like_snapshot(int fd)
{
    char head[5];

    return pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
           rdb_begins(slice_of(head, sizeof(head)));
}

/*
 * Whether a file may be a log: it begins with a statement, with one of the lines
 * that logs have, or with zeros that a power cut left. Of anything else nothing
 * is a torn end, and --fix would empty the file of somebody who mistyped a name.
 */
static bool begins_like_log(int fd)
{
    static const char *const lines[] = { "#TS:", "#sum", "#mil", "#end" };
    char head[4];
    ssize_t got = pread(fd, head, sizeof(head), 0);
    bool known = got <= 0 || head[0] == '*' || head[0] == '\0';

    for (size_t i = 0; !known && i < sizeof(lines) / sizeof(lines[0]); i++)
        known = memcmp(head, lines[i], (size_t)got) == 0;
    return known || begins_like_snapshot(fd);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void refuse_stranger(struct verifying *now, const char *path)
{
    buffer_print(now->report, "%s: neither a snapshot nor a log; nothing in it is changed\n", path);
    note(now, VERIFY_BAD);
}

/* A file that begins like a snapshot is one, unless its name says that it is a log. */
static void check_file(struct verifying *now, const char *path, bool may_be_torn)
{
    int fd = open(path, (now->setup->fix ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    struct stat about;

    if (fd < 0 || fstat(fd, &about) < 0) {
        buffer_print(now->report, "%s: MISSING OR UNREADABLE: %s\n", path, strerror(errno));
        note(now, VERIFY_BAD);
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    if (ends_with(path, ".rdb") || (begins_like_snapshot(fd) && !ends_with(path, ".aof")))
        check_snapshot(now, path, fd, (uint64_t)about.st_size);
    else if (!S_ISREG(about.st_mode) || !begins_like_log(fd))
        refuse_stranger(now, path);
    else
        check_log(now, path, fd, (uint64_t)about.st_size, may_be_torn);
    (void)close(fd);
}

/* ---- Manifests and folders ---- */

static bool read_text(const char *path, struct buffer *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd < 0)
        return false;
    while (text->len <= AOF_MANIFEST_MAX &&
           (got = read(fd, buffer_reserve(text, 4096), 4096)) > 0)
        buffer_commit(text, (size_t)got);
    (void)close(fd);
    return got == 0;
}

static void check_named(struct verifying *now, const char *folder, const struct aof_file *file,
                        bool last)
{
    struct buffer path = { 0 };

    buffer_print(&path, "%s/%s%c", folder, file->name, '\0');
    check_file(now, path.at, last);
    buffer_clear(&path);
}

static void check_manifest(struct verifying *now, const char *path)
{
    struct aof_manifest *manifest = NULL;
    struct trouble trouble = { 0 };
    struct buffer text = { 0 };
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    size_t increments;

    if (snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) : 1,
                 slash != NULL ? path : ".") >= PATH_MAX)
        folder[0] = '\0';
    if (!read_text(path, &text))
        (void)trouble_errno(&trouble, "reading it");
    else
        manifest = aof_manifest_parse(buffer_slice(&text), &trouble);
    buffer_clear(&text);
    if (manifest == NULL) {
        buffer_print(now->report, "%s: DAMAGED manifest: %s\n", path, trouble.text);
        note(now, VERIFY_BAD);
        return;
    }
    increments = aof_manifest_count(manifest, AOF_FILE_INCREMENT);
    buffer_print(now->report, "%s: manifest, bases %zu, increments %zu, history %zu\n", path,
                 aof_manifest_count(manifest, AOF_FILE_BASE), increments,
                 aof_manifest_count(manifest, AOF_FILE_HISTORY));
    if (aof_manifest_base(manifest) != NULL)
        check_named(now, folder, aof_manifest_base(manifest), increments == 0);
    for (size_t i = 0; i < increments; i++)
        check_named(now, folder, aof_manifest_file(manifest, AOF_FILE_INCREMENT, i),
                    i + 1 == increments);
    aof_manifest_free(manifest);
}

/* Every snapshot and manifest of a folder, and of the folders in it if it is the data folder. */
static size_t check_folder(struct verifying *now, const char *path, bool deeper)
{
    DIR *entries = opendir(path);
    struct dirent *entry;
    size_t looked = 0;

    if (entries == NULL) {
        buffer_print(now->report, "%s: UNREADABLE: %s\n", path, strerror(errno));
        note(now, VERIFY_BAD);
        return 0;
    }
    while ((entry = readdir(entries)) != NULL) {
        char inside[PATH_MAX];
        struct stat about;

        if (entry->d_name[0] == '.' || strncmp(entry->d_name, "temp-", 5) == 0 ||
            snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name) >= PATH_MAX ||
            stat(inside, &about) < 0)
            continue;
        if (S_ISDIR(about.st_mode) && deeper) {
            looked += check_folder(now, inside, false);
        } else if (S_ISREG(about.st_mode) && ends_with(inside, ".manifest")) {
            check_manifest(now, inside);
            looked++;
        } else if (S_ISREG(about.st_mode) && deeper &&
                   (ends_with(inside, ".rdb") || ends_with(inside, ".aof"))) {
            check_file(now, inside, true);
            looked++;
        }
    }
    (void)closedir(entries);
    return looked;
}

enum verify_outcome verify_path(const struct verify_setup *setup, const char *path,
                                struct buffer *report)
{
    struct verifying now = { .setup = setup, .report = report, .worst = VERIFY_FINE };
    struct stat about;

    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        if (check_folder(&now, path, true) == 0) {
            buffer_print(report, "%s: there is no snapshot and no log in it\n", path);
            note(&now, VERIFY_BAD);
        }
    } else if (ends_with(path, ".manifest")) {
        check_manifest(&now, path);
    } else {
        check_file(&now, path, true);
    }
    return now.worst;
}

/*
 * Files are kept in one array; history in the order in which it became that.
 *
 * What always holds:
 *   (1) There is at most one base.
 *   (2) The numbers of increments rise from one to the next, and no name is there twice.
 *   (3) `base_number` and `last_number` are the highest ever given to a base and
 *       to an increment of this manifest, so that no name is used again.
 */
#include "storage/persist/aof_manifest.h"

#include <stdio.h>

#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/base/number.h"
#include "storage/base/trouble.h"

enum { LINE_MOST = 1024, LINE_WORDS = 32 };

struct aof_manifest {
    struct aof_file *files;
    size_t count;
    size_t capacity;
    int64_t base_number;
    int64_t last_number;
};

struct aof_manifest *aof_manifest_new(void)
{
    return memory_new_zeroed(1, sizeof(struct aof_manifest));
}

void aof_manifest_free(struct aof_manifest *manifest)
{
    if (manifest == NULL)
        return;
    for (size_t i = 0; i < manifest->count; i++)
        memory_free(manifest->files[i].name);
    memory_free(manifest->files);
    memory_free(manifest);
}

/* Adds a file at a place, others move up. */
static const struct aof_file *add(struct aof_manifest *manifest, size_t at, struct slice name,
                                  int64_t number, enum aof_file_kind kind)
{
    struct aof_file *files;
    char *copy = memory_new(name.len + 1);

    if (manifest->count == manifest->capacity) {
        manifest->capacity = manifest->capacity == 0 ? 4 : manifest->capacity * 2;
        manifest->files =
            memory_resize(manifest->files, manifest->capacity * sizeof(*manifest->files));
    }
    files = manifest->files;
    memmove(files + at + 1, files + at, (manifest->count - at) * sizeof(*files));
    memcpy(copy, name.at, name.len);
    copy[name.len] = '\0';
    files[at] = (struct aof_file){ copy, number, kind };
    manifest->count++;
    if (kind == AOF_FILE_BASE && number > manifest->base_number)
        manifest->base_number = number;
    if (kind == AOF_FILE_INCREMENT && number > manifest->last_number)
        manifest->last_number = number;
    return &files[at];
}

struct aof_manifest *aof_manifest_copy(const struct aof_manifest *manifest)
{
    struct aof_manifest *copy = aof_manifest_new();

    for (size_t i = 0; i < manifest->count; i++) {
        const struct aof_file *file = &manifest->files[i];

        (void)add(copy, i, slice_text(file->name), file->number, file->kind);
    }
    copy->base_number = manifest->base_number;
    copy->last_number = manifest->last_number;
    return copy;
}

static int hex(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Reads what stands behind a backslash; returns how many bytes it took. */
static size_t unescape(struct slice from, char *byte)
{
    static const char letters[] = "nrtba";
    static const char meanings[] = "\n\r\t\b\a";
    const char *found;

    if (from.len >= 3 && from.at[0] == 'x' && hex(from.at[1]) >= 0 && hex(from.at[2]) >= 0) {
        *byte = (char)(hex(from.at[1]) * 16 + hex(from.at[2]));
        return 3;
    }
    found = from.at[0] == '\0' ? NULL : strchr(letters, from.at[0]);
    *byte = found != NULL ? meanings[found - letters] : from.at[0];
    return 1;
}

/*
 * Takes a word in double quotes, undoing escapes in place. False if the quotes
 * do not end, or end in the middle of a word.
 */
static bool take_quoted(struct slice *line, char *room, struct slice *word)
{
    size_t used = 0;
    size_t at = 1;

    while (at < line->len && line->at[at] != '"') {
        char byte = line->at[at++];

        if (byte == '\\') {
            if (at == line->len)
                return false;
            at += unescape(slice_after(*line, at), &byte);
        }
        room[used++] = byte;
    }
    if (at == line->len || (at + 1 < line->len && line->at[at + 1] != ' '))
        return false;
    *word = slice_of(room, used);
    *line = slice_after(*line, at + 1);
    return true;
}

/* Takes the words of a line; false if quotes are wrong or there are far too many. */
static bool split(struct slice line, char *room, struct slice *words, size_t *count)
{
    *count = 0;
    for (;;) {
        size_t len = 0;

        while (line.len > 0 && (line.at[0] == ' ' || line.at[0] == '\t' || line.at[0] == '\r'))
            line = slice_after(line, 1);
        if (line.len == 0)
            return true;
        if (*count == LINE_WORDS)
            return false;
        if (line.at[0] == '"') {
            if (!take_quoted(&line, room, &words[*count]))
                return false;
            room += words[(*count)++].len;
            continue;
        }
        while (len < line.len && line.at[len] != ' ' && line.at[len] != '\t' &&
               line.at[len] != '\r')
            len++;
        words[(*count)++] = slice_of(line.at, len);
        line = slice_after(line, len);
    }
}

/* What a line says of a file. */
struct row {
    struct slice name;
    int64_t number;
    char kind;
};

static const char *read_pair(struct row *row, struct slice key, struct slice value)
{
    if (slice_equal_nocase(key, SLICE("file"))) {
        row->name = value;
        if (memchr(value.at, '/', value.len) != NULL || memchr(value.at, '\\', value.len) != NULL)
            return "File can't be a path, just a filename";
        if (value.len == 0 || value.len > AOF_NAME_MAX || memchr(value.at, '\0', value.len) != NULL)
            return "Invalid AOF manifest file format";
    } else if (slice_equal_nocase(key, SLICE("seq"))) {
        if (!number_read(value, &row->number) || row->number <= 0)
            return "Invalid AOF manifest file format";
    } else if (slice_equal_nocase(key, SLICE("type"))) {
        if (value.len != 1 || memchr("bhi", value.at[0], 3) == NULL)
            return "Unknown AOF file type";
        row->kind = value.at[0];
    }
    return NULL;
}

/* Reads one line into the manifest; says what is wrong, or NULL. */
static const char *read_line(struct aof_manifest *manifest, struct slice line)
{
    char room[LINE_MOST];
    struct slice words[LINE_WORDS];
    struct row row = { { NULL, 0 }, 0, 0 };
    const char *wrong = NULL;
    size_t count;

    if (!split(line, room, words, &count) || count < 6 || count % 2 != 0)
        return "Invalid AOF manifest file format";
    for (size_t i = 0; i < count && wrong == NULL; i += 2)
        wrong = read_pair(&row, words[i], words[i + 1]);
    if (wrong != NULL)
        return wrong;
    if (row.name.len == 0 || row.number == 0 || row.kind == 0)
        return "Invalid AOF manifest file format";
    if (row.kind == AOF_FILE_BASE && aof_manifest_base(manifest) != NULL)
        return "Found duplicate base file information";
    if (row.kind == AOF_FILE_INCREMENT && row.number <= manifest->last_number)
        return "Found a non-monotonic sequence number";
    for (size_t i = 0; i < manifest->count; i++) {
        if (slice_equal(slice_text(manifest->files[i].name), row.name))
            return "Found a file that is named twice";
    }
    (void)add(manifest, manifest->count, row.name, row.number, (enum aof_file_kind)row.kind);
    return NULL;
}

/* History is written latest first, and kept the other way round. */
static void turn_history(struct aof_manifest *manifest)
{
    size_t low = 0;
    size_t high = manifest->count;

    for (;;) {
        struct aof_file kept;

        while (low < high && manifest->files[low].kind != AOF_FILE_HISTORY)
            low++;
        while (high > low && manifest->files[high - 1].kind != AOF_FILE_HISTORY)
            high--;
        if (high - low < 2)
            return;
        kept = manifest->files[low];
        manifest->files[low++] = manifest->files[--high];
        manifest->files[high] = kept;
    }
}

struct aof_manifest *aof_manifest_parse(struct slice text, struct trouble *trouble)
{
    struct aof_manifest *manifest = aof_manifest_new();
    const char *wrong = NULL;
    int number = 0;

    if (text.len == 0)
        (void)trouble_set(trouble, "%s", wrong = "Found an empty AOF manifest");
    while (text.len > 0 && wrong == NULL) {
        const char *end = memchr(text.at, '\n', text.len);
        struct slice line = slice_of(text.at, end == NULL ? text.len : (size_t)(end - text.at));

        number++;
        if (end == NULL || line.len >= LINE_MOST)
            wrong = end == NULL ? "the last line has no end: the manifest was cut short"
                                : "The AOF manifest file contains too long line";
        else if (line.len == 0 || line.at[0] != '#')
            wrong = read_line(manifest, line);
        if (wrong != NULL)
            (void)trouble_set(trouble, "Reading the manifest file, at line %d: >>> '%.*s': %s",
                              number, (int)(line.len < 200 ? line.len : 200), line.at, wrong);
        if (end != NULL)
            text = slice_after(text, line.len + 1);
    }
    if (wrong == NULL && manifest->count == 0)
        (void)trouble_set(trouble, "%s", wrong = "Found an empty AOF manifest");
    if (wrong == NULL) {
        turn_history(manifest);
        return manifest;
    }
    aof_manifest_free(manifest);
    return NULL;
}

static void print_name(const char *name, struct buffer *to)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "._-+@:,=%~";
    static const char letters[] = "abtn  r"; /* of bytes 7 to 13 */

    if (name[strspn(name, plain)] == '\0') {
        buffer_add(to, slice_text(name));
        return;
    }
    buffer_add_byte(to, '"');
    for (; *name != '\0'; name++) {
        unsigned char byte = (unsigned char)*name;

        if (byte == '"')
            buffer_add(to, SLICE("\\\""));
        else if (byte >= '\a' && byte <= '\r' && letters[byte - '\a'] != ' ')
            buffer_print(to, "\\%c", letters[byte - '\a']);
        else if (byte < ' ' || byte >= 127)
            buffer_print(to, "\\x%02x", byte);
        else
            buffer_add_byte(to, *name);
    }
    buffer_add_byte(to, '"');
}

static void print_kind(const struct aof_manifest *manifest, enum aof_file_kind kind,
                       struct buffer *to)
{
    bool latest_first = kind == AOF_FILE_HISTORY;

    for (size_t i = 0; i < manifest->count; i++) {
        const struct aof_file *file =
            &manifest->files[latest_first ? manifest->count - 1 - i : i];

        if (file->kind != kind)
            continue;
        buffer_add(to, SLICE("file "));
        print_name(file->name, to);
        buffer_print(to, " seq %lld type %c\n", (long long)file->number, (char)file->kind);
    }
}

void aof_manifest_print(const struct aof_manifest *manifest, struct buffer *to)
{
    print_kind(manifest, AOF_FILE_BASE, to);
    print_kind(manifest, AOF_FILE_HISTORY, to);
    print_kind(manifest, AOF_FILE_INCREMENT, to);
}

size_t aof_manifest_count(const struct aof_manifest *manifest, enum aof_file_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < manifest->count; i++)
        count += manifest->files[i].kind == kind;
    return count;
}

const struct aof_file *aof_manifest_file(const struct aof_manifest *manifest,
                                         enum aof_file_kind kind, size_t n)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (manifest->files[i].kind == kind && n-- == 0)
            return &manifest->files[i];
    }
    return NULL;
}

const struct aof_file *aof_manifest_base(const struct aof_manifest *manifest)
{
    return aof_manifest_file(manifest, AOF_FILE_BASE, 0);
}

const struct aof_file *aof_manifest_last(const struct aof_manifest *manifest)
{
    size_t count = aof_manifest_count(manifest, AOF_FILE_INCREMENT);

    return count == 0 ? NULL : aof_manifest_file(manifest, AOF_FILE_INCREMENT, count - 1);
}

bool aof_manifest_names(const struct aof_manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (strcmp(manifest->files[i].name, name) == 0)
            return true;
    }
    return false;
}

static const struct aof_file *add_numbered(struct aof_manifest *manifest, const char *stem,
                                           int64_t number, enum aof_file_kind kind,
                                           const char *ending)
{
    struct buffer name = { 0 };
    const struct aof_file *added;

    /* A name that waits in the history must not come back: its file is about to be removed. */
    for (;; number++) {
        buffer_rewind(&name);
        buffer_print(&name, "%s.%lld.%s", stem, (long long)number, ending);
        buffer_add_byte(&name, '\0');
        if (!aof_manifest_names(manifest, name.at))
            break;
    }
    name.len--;
    added = add(manifest, manifest->count, buffer_slice(&name), number, kind);
    buffer_clear(&name);
    return added;
}

const struct aof_file *aof_manifest_add_increment(struct aof_manifest *manifest, const char *stem)
{
    return add_numbered(manifest, stem, manifest->last_number + 1, AOF_FILE_INCREMENT,
                        "incr.aof");
}

/* Makes a file history, the latest of it: it moves behind all others. */
static void retire_one(struct aof_manifest *manifest, size_t index)
{
    struct aof_file file = manifest->files[index];

    file.kind = AOF_FILE_HISTORY;
    for (size_t i = index; i + 1 < manifest->count; i++)
        manifest->files[i] = manifest->files[i + 1];
    manifest->files[manifest->count - 1] = file;
}

static void retire_base(struct aof_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (manifest->files[i].kind == AOF_FILE_BASE) {
            retire_one(manifest, i);
            return;
        }
    }
}

const struct aof_file *aof_manifest_set_base(struct aof_manifest *manifest, const char *stem,
                                             const char *name)
{
    retire_base(manifest);
    if (name == NULL)
        return add_numbered(manifest, stem, manifest->base_number + 1, AOF_FILE_BASE, "base.aof");
    return add(manifest, manifest->count, slice_text(name), manifest->base_number + 1,
               AOF_FILE_BASE);
}

const struct aof_file *aof_manifest_set_rdb_base(struct aof_manifest *manifest, const char *stem)
{
    retire_base(manifest);
    return add_numbered(manifest, stem, manifest->base_number + 1, AOF_FILE_BASE, "base.rdb");
}

void aof_manifest_add_history(struct aof_manifest *manifest, const struct aof_file *file)
{
    if (!aof_manifest_names(manifest, file->name))
        (void)add(manifest, manifest->count, slice_text(file->name), file->number,
                  AOF_FILE_HISTORY);
}

void aof_manifest_retire(struct aof_manifest *manifest, size_t kept)
{
    size_t left = aof_manifest_count(manifest, AOF_FILE_INCREMENT);

    for (size_t i = 0; i < manifest->count && left > kept;) {
        if (manifest->files[i].kind == AOF_FILE_INCREMENT) {
            retire_one(manifest, i);
            left--;
        } else {
            i++;
        }
    }
}

void aof_manifest_forget(struct aof_manifest *manifest,
                         bool (*gone)(void *who, const char *name), void *who)
{
    size_t kept = 0;

    for (size_t i = 0; i < manifest->count; i++) {
        struct aof_file *file = &manifest->files[i];

        if (file->kind == AOF_FILE_HISTORY && gone(who, file->name))
            memory_free(file->name);
        else
            manifest->files[kept++] = *file;
    }
    manifest->count = kept;
}

void aof_manifest_check(const struct aof_manifest *manifest)
{
    int64_t last = 0;

    must(aof_manifest_count(manifest, AOF_FILE_BASE) <= 1);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct aof_file *file = &manifest->files[i];

        must(file->number > 0 && file->name[0] != '\0' && strchr(file->name, '/') == NULL);
        if (file->kind == AOF_FILE_BASE)
            must(file->number <= manifest->base_number);
        if (file->kind != AOF_FILE_INCREMENT)
            continue;
        must(file->number > last);
        last = file->number;
    }
    must(last <= manifest->last_number);
}

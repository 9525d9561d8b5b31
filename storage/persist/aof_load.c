/*
 * A file is read once, from its beginning. Only when it ends in bytes that make
 * no sense is the rest looked at, to tell a ragged end from damage.
 */
#include "storage/persist/aof_load.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/trouble.h"
#include "storage/format/rdb_format.h"
#include "storage/format/statement.h"
#include "storage/persist/aof_seal.h"

enum {
    PROGRESS_EVERY = 512 * 1024,
    LINE_MOST = 4096,
    PAGE = 4096,         /* what a disk takes or leaves */
    ZEROS_AT_LEAST = 512 /* at the end of a page that is missing */
};

struct loading {
    struct reader           *reader;
    const struct aof_runner *runner;
    struct aof_load_result  *result;
    uint64_t                 before;
    uint64_t                 total;
    uint64_t                 told; /* position at the last progress */
    uint64_t                 every; /* bytes between two */
};

/* Whether a whole statement begins anywhere in these bytes. */
static bool finds_statement(struct slice bytes)
{
    struct statement statement = { 0 };
    const char *at;
    bool found = false;

    while (!found && bytes.len > 0 &&
           (at = memchr(bytes.at, '*', bytes.len)) != NULL) {
        struct reader *reader;

        bytes = slice_after(bytes, (size_t)(at - bytes.at));
        /* "*3\r\n$" at least, or not worth a reader. */
        if (bytes.len > 5 && bytes.at[1] >= '1' && bytes.at[1] <= '9') {
            reader = reader_new_memory(bytes);
            found = statement_read(reader, &statement) == STATEMENT_READY;
            reader_free(reader);
        }
        bytes = slice_after(bytes, 1);
    }
    statement_clear(&statement);
    return found;
}

/* A whole file in memory, or nothing; whoever has it unmaps it. */
static struct slice map_file(int fd)
{
    struct stat about;
    char *map;

    if (fstat(fd, &about) < 0 || about.st_size == 0)
        return SLICE("");
    map = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    return map == MAP_FAILED ? SLICE("") : slice_of(map, (size_t)about.st_size);
}

static void unmap_file(struct slice file)
{
    union {
        const char *shown;
        void *own;
    } either = { file.at };

    if (file.len > 0)
        (void)munmap(either.own, file.len);
}

/*
 * Whether a page behind the last whole unit never came to disk. Asked of files whose
 * first seal is not there to say what was durable: that is within so few bytes.
 */
static bool lost_page(struct slice file, const struct aof_load_result *result)
{
    size_t end = ((size_t)result->whole / PAGE + 1) * PAGE;

    for (; end <= file.len && end <= result->at + PAGE; end += PAGE) {
        size_t begin = end - ZEROS_AT_LEAST;

        if (begin < result->whole)
            begin = (size_t)result->whole;
        while (begin < end && file.at[begin] == '\0')
            begin++;
        if (begin == end)
            return true;
    }
    return false;
}

/* What the bytes behind the last whole unit are: a ragged end, or damage before more of the log. */
static enum aof_load_end judge_rest(int fd, struct aof_load_result *result,
                                    enum aof_load_end ragged)
{
    struct slice file = map_file(fd);
    enum aof_load_end judged = ragged;
    struct slice rest;
    uint64_t durable = aof_seal_durable(file);

    if (file.len <= result->whole || result->whole >= durable ||
        (durable == UINT64_MAX && result->whole < AOF_SEAL_EVERY && lost_page(file, result))) {
        unmap_file(file);
        return ragged;
    }
    if (durable != UINT64_MAX)
        judged = AOF_LOAD_BROKEN;
    rest = slice_after(file, result->whole);
    if (aof_seal_follows(rest, result->whole, result->sealed, &result->at))
        judged = AOF_LOAD_DAMAGED;
    else if (ragged == AOF_LOAD_GARBAGE && file.len > result->at &&
             finds_statement(slice_after(file, result->at)))
        judged = AOF_LOAD_BROKEN;
    unmap_file(file);
    return judged;
}

/* Whether what was run since the last seal is a part of a turn that never came to its end. */
static bool is_part_of_turn(const struct aof_load_result *result)
{
    return result->tells_durable && result->whole - result->sealed >= AOF_SEAL_EVERY;
}

/* What a wrong seal means. */
static enum aof_load_end judge_seal(int fd, struct aof_load_result *result)
{
    struct slice file = map_file(fd);
    bool durable = file.len == 0 || result->sealed < aof_seal_durable(file);

    unmap_file(file);
    if (durable)
        return AOF_LOAD_DAMAGED;
    result->whole = result->sealed;
    return AOF_LOAD_UNSYNCED;
}

static bool is_word(const struct statement *statement, struct slice word)
{
    return statement->count == 1 && slice_equal_nocase(statement->words[0], word);
}

/* Notes where a unit that is now complete ends, and tells of the progress. */
static void keep_account(struct loading *loading, const struct statement *statement)
{
    struct aof_load_result *result = loading->result;
    uint64_t at = reader_position(loading->reader);

    result->statements++;
    if (is_word(statement, SLICE("multi")))
        result->in_multi = true;
    else if (is_word(statement, SLICE("exec")) || is_word(statement, SLICE("discard")))
        result->in_multi = false;
    if (!result->in_multi)
        result->whole = at;
    if (at - loading->told >= loading->every && loading->runner->progress != NULL) {
        loading->told = at;
        loading->runner->progress(loading->runner->who, loading->before + at, loading->total);
    }
}

/* Passes over annotations; false at a seal that is wrong. */
static bool pass_annotations(struct loading *loading)
{
    struct aof_load_result *result = loading->result;
    struct slice line;

    while (reader_peek(loading->reader) == '#') {
        uint64_t at = reader_position(loading->reader);
        uint64_t sum = reader_checksum(loading->reader);
        struct aof_seal seal;

        if (!reader_get_line(loading->reader, LINE_MOST, &line))
            return true; /* too long or torn: statement_read says which */
        if (!aof_seal_read(line, &seal))
            continue;
        result->at = at;
        if (seal.bytes != at - result->sealed || seal.sum != sum)
            return false;
        result->sealed = reader_position(loading->reader);
        result->tells_durable = seal.durable != UINT64_MAX;
        reader_checksum_begin(loading->reader);
        if (!result->in_multi)
            result->whole = result->sealed;
    }
    return true;
}

/* Runs statements until something else is found; says what. */
static enum statement_state run_all(struct loading *loading, bool *damaged,
                                    struct trouble *trouble)
{
    struct statement statement = { 0 };
    enum statement_state state = STATEMENT_BROKEN;

    while (!(*damaged = !pass_annotations(loading)) &&
           (state = statement_read(loading->reader, &statement)) == STATEMENT_READY) {
        if (!loading->runner->run(loading->runner->who, statement.words, statement.count,
                                  trouble))
            break;
        keep_account(loading, &statement);
    }
    statement_clear(&statement);
    return state;
}

/* Reads the snapshot that a file begins with, if it does. */
static bool run_base(struct loading *loading, int fd, struct trouble *trouble)
{
    char head[RDB_SIGN_LEN];
    struct stat about;
    uint64_t end = UINT64_MAX;

    if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
        !rdb_begins(slice_of(head, sizeof(head))))
        return true;
    if (loading->runner->base == NULL)
        return trouble_set(trouble, "it begins with a snapshot, which cannot be read here");
    if (fstat(fd, &about) == 0)
        end = (uint64_t)about.st_size;
    if (!loading->runner->base(loading->runner->who, loading->reader, end, trouble))
        return false;
    loading->result->whole = reader_position(loading->reader);
    loading->result->sealed = loading->result->whole;
    loading->told = loading->result->whole;
    return true;
}

void aof_load_file(int fd, const struct aof_runner *runner, uint64_t before, uint64_t total,
                   struct aof_load_result *result, struct trouble *trouble)
{
    struct loading loading = { reader_new_file(fd), runner, result, before, total, 0,
                               runner->progress_every > 0 ? runner->progress_every
                                                          : PROGRESS_EVERY };
    enum statement_state state = STATEMENT_READY; /* what is refused leaves it so */
    bool damaged = false;

    *result = (struct aof_load_result){ .end = AOF_LOAD_WHOLE };
    if (run_base(&loading, fd, trouble)) {
        reader_checksum_begin(loading.reader);
        state = run_all(&loading, &damaged, trouble);
    }
    if (!damaged)
        result->at = reader_position(loading.reader);
    if (reader_failed(loading.reader, trouble))
        result->end = AOF_LOAD_FAILED;
    else if (damaged)
        result->end = judge_seal(fd, result);
    else if (state == STATEMENT_READY)
        result->end = AOF_LOAD_REFUSED;
    else if (state == STATEMENT_BROKEN)
        result->end = judge_rest(fd, result, AOF_LOAD_GARBAGE);
    else if (state == STATEMENT_TORN || result->in_multi)
        result->end = judge_rest(fd, result, AOF_LOAD_TORN);
    else
        result->whole = result->at; /* annotations at the end belong to nobody */
    if ((result->end == AOF_LOAD_WHOLE || result->end == AOF_LOAD_GARBAGE ||
         result->end == AOF_LOAD_TORN) &&
        is_part_of_turn(result)) {
        result->whole = result->sealed;
        result->end = AOF_LOAD_UNSYNCED;
    }
    reader_free(loading.reader);
}

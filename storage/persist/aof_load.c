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
#include "storage/format/statement.h"

enum { PROGRESS_EVERY = 512 * 1024 };

struct loading {
    struct reader           *reader;
    const struct aof_runner *runner;
    struct aof_load_result  *result;
    uint64_t                 before;
    uint64_t                 total;
    uint64_t                 told; /* position at the last progress */
    uint64_t                 every; /* bytes between two */
};

bool aof_load_finds_statement(struct slice bytes)
{
    struct statement statement = { 0 };
    const char *at = bytes.at;
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

/* What the bytes from an offset on are: a ragged end, or damage before more of the log. */
static enum aof_load_end judge_rest(int fd, uint64_t from)
{
    enum aof_load_end judged = AOF_LOAD_BROKEN;
    struct stat about;
    char *map;

    if (fstat(fd, &about) < 0 || (uint64_t)about.st_size <= from)
        return AOF_LOAD_GARBAGE;
    map = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return judged;
    if (!aof_load_finds_statement(slice_of(map + from, (size_t)about.st_size - from)))
        judged = AOF_LOAD_GARBAGE;
    (void)munmap(map, (size_t)about.st_size);
    return judged;
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

/* Runs statements until something else is found; says what. */
static enum statement_state run_all(struct loading *loading, struct trouble *trouble)
{
    struct statement statement = { 0 };
    enum statement_state state;

    while ((state = statement_read(loading->reader, &statement)) == STATEMENT_READY) {
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
    char head[5];
    struct stat about;
    uint64_t end = UINT64_MAX;

    if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
        memcmp(head, "REDIS", sizeof(head)) != 0)
        return true;
    if (loading->runner->base == NULL)
        return trouble_set(trouble, "it begins with a snapshot, which cannot be read here");
    if (fstat(fd, &about) == 0)
        end = (uint64_t)about.st_size;
    if (!loading->runner->base(loading->runner->who, loading->reader, end, trouble))
        return false;
    loading->result->whole = reader_position(loading->reader);
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

    *result = (struct aof_load_result){ .end = AOF_LOAD_WHOLE };
    if (run_base(&loading, fd, trouble))
        state = run_all(&loading, trouble);
    result->at = reader_position(loading.reader);
    if (reader_failed(loading.reader, trouble))
        result->end = AOF_LOAD_FAILED;
    else if (state == STATEMENT_READY)
        result->end = AOF_LOAD_REFUSED;
    else if (state == STATEMENT_BROKEN)
        result->end = judge_rest(fd, result->at);
    else if (state == STATEMENT_TORN || result->in_multi)
        result->end = AOF_LOAD_TORN;
    else
        result->whole = result->at; /* annotations at the end belong to nobody */
    reader_free(loading.reader);
}

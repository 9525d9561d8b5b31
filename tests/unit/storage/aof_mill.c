#include "tests/unit/storage/aof_mill.h"

#include <CUnit/Basic.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/memory.h"
#include "storage/format/statement.h"
#include "storage/keyspace/keyspace.h"
#include "storage/persist/aof_private.h"
#include "storage/persist/aof_rewrite.h"
#include "storage/persist/aof_scribe_private.h"
#include "storage/values/list.h"

static const struct value_type string_type = { .name = "string" };
static const struct value_types types = {
    .of = { [VALUE_STRING] = &string_type, [VALUE_LIST] = &list_type }
};

void mill_begin(struct mill *mill)
{
    /* Thousands of fsyncs: a disk in memory has them at once, and fails as it is told to. */
    bool has_shm = access("/dev/shm", W_OK) == 0;

    *mill = (struct mill){ 0 };
    (void)snprintf(mill->dir, sizeof(mill->dir), "%s/millrace-aof-XXXXXX",
                   has_shm ? "/dev/shm" : "/tmp");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(mill->dir));
    mill->clock = clock_new_settable(1000000000);
    mill->faults = faults_new();
    mill->policy = (struct aof_policy){ .sync = AOF_SYNC_ALWAYS, .cut_torn_tail = true };
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

void mill_end(struct mill *mill)
{
    mill_crash(mill);
    faults_free(mill->faults);
    clock_free(mill->clock);
    buffer_clear(&mill->feed);
    buffer_clear(&mill->queued);
    (void)nftw(mill->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int64_t mill_number(struct mill *mill, const char *key)
{
    struct item *item = keyspace_find(keyspaces_at(mill->keys, 0), slice_text(key), LOOK_QUIET);
    struct item_digits digits;
    int64_t value;

    if (item == NULL || !number_read(item_string(item, &digits), &value))
        return 0;
    return value;
}

static bool run_now(struct mill *mill, const struct slice *words, size_t count,
                    struct trouble *trouble)
{
    struct keyspace *keys = keyspaces_at(mill->keys, 0);

    if (slice_equal_nocase(words[0], SLICE("set")) && count >= 3)
        (void)keyspace_put_string(keys, words[1], words[2], false);
    else if (slice_equal_nocase(words[0], SLICE("incr")) && count == 2)
        (void)keyspace_put_integer(keys, words[1], mill_number(mill, "n") + 1);
    else if (!slice_equal_nocase(words[0], SLICE("select")))
        return trouble_set(trouble, "Unknown command '%.*s' reading the append only file",
                           (int)words[0].len, words[0].at);
    return true;
}

static bool run(void *who, const struct slice *words, size_t count, struct trouble *trouble)
{
    struct mill *mill = who;
    struct statement statement = { 0 };
    struct reader *reader;
    bool fine = true;

    mill->ran++;
    if (slice_equal_nocase(words[0], SLICE("multi"))) {
        mill->in_multi = true;
        buffer_rewind(&mill->queued);
        return true;
    }
    if (mill->in_multi && !slice_equal_nocase(words[0], SLICE("exec"))) {
        statement_put(&mill->queued, words, count);
        return true;
    }
    if (!slice_equal_nocase(words[0], SLICE("exec")))
        return run_now(mill, words, count, trouble);
    mill->in_multi = false;
    reader = reader_new_memory(buffer_slice(&mill->queued));
    while (fine && statement_read(reader, &statement) == STATEMENT_READY)
        fine = run_now(mill, statement.words, statement.count, trouble);
    statement_clear(&statement);
    reader_free(reader);
    return fine;
}

static void later(void *who, micros delay)
{
    struct mill *mill = who;

    (void)delay;
    mill->asked_later++;
}

bool mill_start(struct mill *mill, struct trouble *trouble)
{
    struct keyspaces_setup keys = { .count = 16, .types = &types,
                                    .secret = value_limits_default.secret };
    struct aof_setup setup = { mill->dir,  "appendonlydir", "appendonly.aof", mill->policy, NULL,
                               mill->clock, mill->faults,   NULL, { NULL, NULL }, NULL, NULL, later,
                               mill };
    struct aof_runner runner = { .run = run, .who = mill };

    mill_crash(mill);
    mill->keys = keyspaces_new(&keys);
    setup.keyspaces = mill->keys;
    mill->aof = aof_new(&setup);
    mill->ran = 0;
    mill->in_multi = false;
    if (!aof_open(mill->aof, trouble) || !aof_load(mill->aof, &runner, trouble)) {
        mill_crash(mill);
        return false;
    }
    aof_check(mill->aof);
    return true;
}

void mill_crash(struct mill *mill)
{
    aof_free(mill->aof);
    mill->aof = NULL;
    keyspaces_free(mill->keys);
    mill->keys = NULL;
    buffer_rewind(&mill->feed);
}

static void nap(void)
{
    const struct timespec pause = { 0, 100000 };

    (void)nanosleep(&pause, NULL);
}

/* Waits until the scribe has kept the promise, or cannot; true if what was appended is promised. */
static bool await_promise(struct mill *mill)
{
    aof_collect(mill->aof);
    while (aof_promised(mill->aof) < aof_appended(mill->aof) && !aof_is_broken(mill->aof)) {
        nap();
        aof_collect(mill->aof);
    }
    return aof_promised(mill->aof) == aof_appended(mill->aof);
}

/* Hands a turn's statements over, and waits until they are promised; false if they cannot be. */
static bool append(struct mill *mill, struct slice statements)
{
    struct aof_scribe *scribe = mill->aof->scribe;
    bool fine;

    if (!mill->quick)
        return aof_append(mill->aof, statements) && await_promise(mill);
    must(pthread_mutex_lock(&scribe->lock) == 0);
    scribe->pace.sync_takes = scribe->pace.quick_from = 0;
    must(pthread_mutex_unlock(&scribe->lock) == 0);
    fine = aof_append_turn(mill->aof, statements);
    while (aof_settle(mill->aof))
        continue;
    return fine && await_promise(mill);
}

void mill_say(struct mill *mill, struct slice statements)
{
    struct reader *reader = reader_new_memory(statements);
    struct statement statement = { 0 };
    struct trouble trouble;

    while (statement_read(reader, &statement) == STATEMENT_READY)
        CU_ASSERT_TRUE(run(mill, statement.words, statement.count, &trouble));
    statement_clear(&statement);
    reader_free(reader);
    CU_ASSERT_TRUE(append(mill, statements));
    aof_check(mill->aof);
}

void mill_turn(struct mill *mill)
{
    static const struct slice words[2] = { { "INCR", 4 }, { "n", 1 } };
    struct trouble trouble;

    if (aof_admits(mill->aof, 20)) {
        CU_ASSERT_TRUE(run_now(mill, words, 2, &trouble));
        mill->applied++;
        if (aof_hears(mill->aof))
            statement_put(&mill->feed, words, 2);
        if (append(mill, buffer_slice(&mill->feed)))
            mill->acked = mill->applied;
        else
            CU_ASSERT(strlen(aof_trouble(mill->aof)) > 0);
        buffer_rewind(&mill->feed);
    } else {
        CU_ASSERT(strlen(aof_trouble(mill->aof)) > 0);
    }
    aof_check(mill->aof);
}

/*
 * On a busy machine the other threads need longer than the settable clock believes: what
 * they are at ends before it moves on, be it an fsync or what is tried again.
 */
static void let_work_end(struct mill *mill)
{
    const struct aof *aof = mill->aof;

    nap();
    while (aof->placing != NULL && !atomic_load(&aof->placing->done))
        nap();
    aof_scribe_rest(aof->scribe);
    aof_collect(mill->aof);
}

void mill_wait(struct mill *mill, int tenths)
{
    while (tenths-- > 0) {
        clock_move(mill->clock, 100000);
        let_work_end(mill);
        aof_tick(mill->aof);
        aof_check(mill->aof);
    }
}

void mill_settle(struct mill *mill)
{
    struct aof_figures figures;

    do {
        mill_wait(mill, 1);
        aof_figures(mill->aof, &figures);
    } while (figures.buffer_length > 0 && figures.last_write_ok);
}

void mill_rewrite(struct mill *mill)
{
    struct trouble trouble;

    aof_rewrite_request(mill->aof);
    for (int i = 0; i < 50 && !aof_rewrite_runs(mill->aof); i++) {
        if (aof_rewrite_wanted(mill->aof) && aof_rewrite_begin(mill->aof, &trouble))
            break;
        if (aof_is_broken(mill->aof))
            break;
        mill_wait(mill, 1);
    }
    while (aof_rewrite_runs(mill->aof))
        mill_wait(mill, 1);
    mill_wait(mill, 1);
}

void mill_path(const struct mill *mill, const char *name, char *path, size_t size)
{
    CU_ASSERT_TRUE(snprintf(path, size, "%s/%s", mill->dir, name) < (int)size);
}

void mill_write_file(const struct mill *mill, const char *name, struct slice content)
{
    char path[256];
    int fd;

    mill_path(mill, name, path, sizeof(path));
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, content.at, content.len), (ssize_t)content.len);
    close(fd);
}

void mill_read_file(const struct mill *mill, const char *name, struct buffer *into)
{
    char path[256];
    ssize_t got;
    int fd;

    buffer_rewind(into);
    mill_path(mill, name, path, sizeof(path));
    fd = open(path, O_RDONLY);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    while ((got = read(fd, buffer_reserve(into, 65536), 65536)) > 0)
        buffer_commit(into, (size_t)got);
    close(fd);
}

bool mill_has_file(const struct mill *mill, const char *name)
{
    char path[256];

    mill_path(mill, name, path, sizeof(path));
    return access(path, F_OK) == 0;
}

void mill_expect_start(struct mill *mill)
{
    struct trouble trouble = { 0 };
    bool started = mill_start(mill, &trouble);

    if (!started)
        fprintf(stderr, "did not start: %s\n", trouble.text);
    CU_ASSERT_TRUE_FATAL(started);
}

void mill_expect_gone(struct mill *mill, const char *name)
{
    for (int tries = 0; tries < 500 && mill_has_file(mill, name); tries++)
        mill_wait(mill, 1);
    CU_ASSERT_FALSE(mill_has_file(mill, name));
}

void mill_expect_file(struct mill *mill, const char *name, const char *content)
{
    struct buffer text = { 0 };
    bool same = false;

    for (int tries = 0; tries < 500 && !same; tries++) {
        if (tries > 0)
            mill_wait(mill, 1);
        buffer_rewind(&text);
        mill_read_file(mill, name, &text);
        same = slice_equal(buffer_slice(&text), slice_text(content));
    }
    if (!same)
        fprintf(stderr, "%s holds: %.*s\n", name, (int)text.len, text.at);
    CU_ASSERT_TRUE(same);
    buffer_clear(&text);
}

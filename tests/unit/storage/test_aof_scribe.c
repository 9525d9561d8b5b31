/* The scribe: what was said is in the file, in order, whatever fails; turns share an fsync. */
#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/buffer.h"
#include "storage/base/faults.h"
#include "storage/persist/aof_scribe.h"

void suite_aof_scribe(void);

/* A scribe with a file of its own, and what it should hold. */
struct desk {
    char dir[64];
    char path[128];
    struct faults *faults;
    struct aof_scribe *scribe;
    struct folder *folder;
    struct buffer said;
    atomic_int moved;
};

static void count_move(void *who)
{
    struct desk *desk = who;

    atomic_fetch_add(&desk->moved, 1);
}

static int open_file(struct desk *desk, const char *name)
{
    int fd;

    CU_ASSERT(snprintf(desk->path, sizeof(desk->path), "%s/%s", desk->dir, name) > 0);
    fd = open(desk->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

static void begin(struct desk *desk, bool always)
{
    struct trouble trouble;

    *desk = (struct desk){ .dir = "/tmp/millrace-scribe-XXXXXX" };
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(desk->dir));
    desk->faults = faults_new();
    desk->folder = folder_open(desk->dir, desk->faults, &trouble);
    CU_ASSERT_PTR_NOT_NULL_FATAL(desk->folder);
    desk->scribe = aof_scribe_new(&(struct aof_scribe_setup){ desk->faults, count_move, desk });
    aof_scribe_set_always(desk->scribe, always);
    aof_scribe_open(desk->scribe, open_file(desk, "first"), 0, 0);
}

static void remove_named(struct desk *desk, const char *name)
{
    struct trouble unheard;

    (void)folder_unlink(desk->folder, name, &unheard);
}

static void end(struct desk *desk)
{
    aof_scribe_free(desk->scribe);
    remove_named(desk, "first");
    remove_named(desk, "second");
    remove_named(desk, "manifest");
    remove_named(desk, "temporary");
    folder_close(desk->folder);
    faults_free(desk->faults);
    buffer_clear(&desk->said);
    (void)rmdir(desk->dir);
}

static void nap(void)
{
    (void)nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

/* One line, each different. */
static struct slice line(struct desk *desk, int number)
{
    size_t from = desk->said.len;

    buffer_add(&desk->said, SLICE("INCR "));
    buffer_add_integer(&desk->said, number);
    buffer_add(&desk->said, SLICE("\r\n"));
    return slice_of(desk->said.at + from, desk->said.len - from);
}

/* What the file holds, without its seals. */
static void read_lines(const char *path, struct buffer *lines)
{
    char bytes[4096];
    struct buffer all = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    CU_ASSERT_FATAL(fd >= 0);
    while ((got = read(fd, bytes, sizeof(bytes))) > 0)
        buffer_add(&all, slice_of(bytes, (size_t)got));
    (void)close(fd);
    for (size_t at = 0; at < all.len;) {
        const char *stop = memchr(all.at + at, '\n', all.len - at);
        size_t len = stop == NULL ? all.len - at : (size_t)(stop - (all.at + at)) + 1;

        if (all.at[at] != '#')
            buffer_add(lines, slice_of(all.at + at, len));
        at += len;
    }
    buffer_clear(&all);
}

static void assert_all_written(struct desk *desk)
{
    struct buffer lines = { 0 };

    read_lines(desk->path, &lines);
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&lines), buffer_slice(&desk->said)));
    buffer_clear(&lines);
}

static void wait_until_durable(struct desk *desk)
{
    struct aof_scribe_status status;

    do {
        nap();
        aof_scribe_look(desk->scribe, &status);
    } while (status.durable < status.said && !status.failed);
}

static void turns_that_gather_meanwhile_share_the_next_fsync(void)
{
    struct desk desk;
    int before;

    begin(&desk, true);
    aof_scribe_delay(desk.scribe, 30000);
    aof_scribe_say(desk.scribe, line(&desk, 0));
    nap();
    before = faults_asked(desk.faults, "fsync");
    for (int i = 1; i < 100; i++)
        aof_scribe_say(desk.scribe, line(&desk, i));
    wait_until_durable(&desk);
    CU_ASSERT(faults_asked(desk.faults, "fsync") - before <= 3);
    CU_ASSERT(atomic_load(&desk.moved) >= 1);
    assert_all_written(&desk);
    aof_scribe_check(desk.scribe);
    end(&desk);
}

static void saying_waits_for_no_disk(void)
{
    struct timespec began, ended;
    struct desk desk;

    begin(&desk, true);
    aof_scribe_delay(desk.scribe, 200000);
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (int i = 0; i < 10; i++)
        aof_scribe_say(desk.scribe, line(&desk, i));
    CU_ASSERT_EQUAL(aof_scribe_write(desk.scribe, SLICE("")), AOF_SCRIBE_BUSY);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    CU_ASSERT((ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000 < 100);
    wait_until_durable(&desk);
    assert_all_written(&desk);
    end(&desk);
}

static void what_the_main_thread_writes_is_in_the_file_at_once(void)
{
    struct aof_scribe_status status;
    struct desk desk;

    begin(&desk, false);
    for (int i = 0; i < 1000; i++) {
        struct slice said = line(&desk, i);

        while (aof_scribe_write(desk.scribe, said) == AOF_SCRIBE_BUSY)
            nap();
        if (i % 100 == 50)
            aof_scribe_sync_soon(desk.scribe);
    }
    aof_scribe_look(desk.scribe, &status);
    CU_ASSERT_EQUAL(status.written, status.said);
    CU_ASSERT_EQUAL(status.said, desk.said.len);
    assert_all_written(&desk);
    aof_scribe_check(desk.scribe);
    end(&desk);
}

static void what_goes_to_a_file_that_was_removed_is_not_durable(void)
{
    struct aof_scribe_status status;
    uint64_t before;
    struct desk desk;

    begin(&desk, true);
    aof_scribe_say(desk.scribe, line(&desk, 1));
    wait_until_durable(&desk);
    before = aof_scribe_durable(desk.scribe);
    remove_named(&desk, "first");
    aof_scribe_say(desk.scribe, line(&desk, 2));
    do {
        nap();
        aof_scribe_look(desk.scribe, &status);
    } while (!status.failed && status.durable == before);
    CU_ASSERT(status.failed);
    CU_ASSERT_EQUAL(status.durable, before);
    CU_ASSERT_PTR_NOT_NULL(strstr(status.trouble.text, "removed"));
    end(&desk);
}

/* The n-th of something fails, some times in a row; what was said comes to the file all the same. */
static bool say_with_fault(const char *what, int nth, int times, bool always)
{
    struct aof_scribe_status status;
    struct desk desk;
    bool reached;

    begin(&desk, always);
    faults_arm(desk.faults, what, nth, times, EIO);
    for (int i = 0; i < 400; i++) {
        struct slice said = line(&desk, i);

        if (always || aof_scribe_write(desk.scribe, said) == AOF_SCRIBE_BUSY)
            aof_scribe_say(desk.scribe, said);
        aof_scribe_look(desk.scribe, &status);
        CU_ASSERT(status.durable <= status.written && status.written <= status.said);
        if (status.failed) {
            CU_ASSERT_PTR_NOT_NULL(strstr(status.trouble.text, "Input/output error"));
            aof_scribe_retry(desk.scribe);
        }
        if (i % 50 == 0)
            aof_scribe_sync_soon(desk.scribe);
    }
    for (int tries = 0; tries < 1000; tries++) {
        struct trouble trouble;

        if (aof_scribe_finish(desk.scribe, &trouble))
            break;
    }
    aof_scribe_look(desk.scribe, &status);
    CU_ASSERT_EQUAL(status.durable, status.said);
    CU_ASSERT_EQUAL(status.said, desk.said.len);
    assert_all_written(&desk);
    aof_scribe_check(desk.scribe);
    reached = faults_asked(desk.faults, what) >= nth;
    end(&desk);
    return reached;
}

static void whatever_fails_all_is_written_in_order_once_it_works(void)
{
    static const char *const whats[] = { "write", "fsync", "truncate" };

    for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
        for (int nth = 1; nth <= 12; nth++) {
            (void)say_with_fault(whats[i], nth, nth % 3 + 1, true);
            (void)say_with_fault(whats[i], nth, nth % 3 + 1, false);
        }
    }
}

static void nothing_is_durable_that_a_failed_fsync_was_about(void)
{
    struct aof_scribe_status status;
    struct desk desk;

    begin(&desk, false);
    CU_ASSERT_EQUAL(aof_scribe_write(desk.scribe, line(&desk, 1)), AOF_SCRIBE_WROTE);
    faults_arm(desk.faults, "fsync", 1, 1, EIO);
    aof_scribe_sync_soon(desk.scribe);
    do {
        nap();
        aof_scribe_look(desk.scribe, &status);
    } while (!status.failed);
    CU_ASSERT_EQUAL(status.durable, 0);
    CU_ASSERT_FALSE(status.lost);
    aof_scribe_retry(desk.scribe);
    do {
        nap();
        aof_scribe_look(desk.scribe, &status);
    } while (status.durable < status.said);
    CU_ASSERT_TRUE(status.lost);
    aof_scribe_look(desk.scribe, &status);
    CU_ASSERT_FALSE(status.lost);
    end(&desk);
}

/* Says some, turns over, says more; returns how that ended. */
static enum aof_turnover_state turn(struct desk *desk, struct aof_turnover *turnover)
{
    enum aof_turnover_state state;
    size_t before;

    aof_scribe_say(desk->scribe, line(desk, 1));
    before = desk->said.len;
    *turnover = (struct aof_turnover){ .folder = desk->folder, .temporary = "temporary",
                                       .name = "manifest", .manifest = SLICE("second\n"),
                                       .fd = open_file(desk, "second") };
    aof_scribe_turn_over(desk->scribe, turnover);
    aof_scribe_say(desk->scribe, line(desk, 2));
    do {
        nap();
        aof_scribe_retry(desk->scribe);
        state = aof_scribe_turned(desk->scribe);
    } while (state == AOF_TURNOVER_WAITS);
    if (state == AOF_TURNOVER_DONE) {
        (void)close(turnover->old_fd);
        buffer_drop_front(&desk->said, before);
    } else {
        (void)close(turnover->fd);
        (void)snprintf(desk->path, sizeof(desk->path), "%s/first", desk->dir);
    }
    return state;
}

static void what_is_said_after_turning_over_is_in_the_new_file(void)
{
    struct aof_turnover turnover;
    struct trouble trouble;
    struct desk desk;

    begin(&desk, false);
    CU_ASSERT_EQUAL(turn(&desk, &turnover), AOF_TURNOVER_DONE);
    CU_ASSERT_EQUAL(turnover.replaced, FOLDER_REPLACED);
    CU_ASSERT_TRUE(folder_has(desk.folder, "manifest"));
    CU_ASSERT_TRUE(aof_scribe_finish(desk.scribe, &trouble));
    assert_all_written(&desk);
    end(&desk);
}

static void a_turning_over_that_fails_leaves_all_in_the_old_file(void)
{
    static const char *const whats[] = { "fsync", "rename", "open", "write" };

    for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
        for (int nth = 1; nth <= 3; nth++) {
            struct aof_turnover turnover;
            struct trouble trouble;
            struct desk desk;

            begin(&desk, true);
            faults_arm(desk.faults, whats[i], nth, 1, EIO);
            (void)turn(&desk, &turnover);
            while (!aof_scribe_finish(desk.scribe, &trouble))
                nap();
            assert_all_written(&desk);
            aof_scribe_check(desk.scribe);
            end(&desk);
        }
    }
}

void suite_aof_scribe(void)
{
    CU_pSuite suite = CU_add_suite("aof scribe", NULL, NULL);

    CU_add_test(suite, "turns that gather meanwhile share the next fsync",
                turns_that_gather_meanwhile_share_the_next_fsync);
    CU_add_test(suite, "saying waits for no disk", saying_waits_for_no_disk);
    CU_add_test(suite, "what the main thread writes is in the file at once",
                what_the_main_thread_writes_is_in_the_file_at_once);
    CU_add_test(suite, "whatever fails, all is written in order once it works",
                whatever_fails_all_is_written_in_order_once_it_works);
    CU_add_test(suite, "what goes to a file that was removed is not durable",
                what_goes_to_a_file_that_was_removed_is_not_durable);
    CU_add_test(suite, "nothing is durable that a failed fsync was about",
                nothing_is_durable_that_a_failed_fsync_was_about);
    CU_add_test(suite, "what is said after turning over is in the new file",
                what_is_said_after_turning_over_is_in_the_new_file);
    CU_add_test(suite, "a turning over that fails leaves all in the old file",
                a_turning_over_that_fails_leaves_all_in_the_old_file);
}

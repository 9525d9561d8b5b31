/* Lines of the log. */
#include <CUnit/Basic.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/log.h"

void suite_log(void);

/* A file of the test's own, and what is in it. */
struct scratch {
    char path[64];
    char text[8192];
};

static void make_scratch(struct scratch *scratch)
{
    int fd;

    snprintf(scratch->path, sizeof(scratch->path), "/tmp/millrace-log-XXXXXX");
    fd = mkstemp(scratch->path);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    close(fd);
}

static const char *text_of(struct scratch *scratch)
{
    int fd = open(scratch->path, O_RDONLY);
    ssize_t got;

    CU_ASSERT_TRUE_FATAL(fd >= 0);
    got = read(fd, scratch->text, sizeof(scratch->text) - 1);
    CU_ASSERT_TRUE_FATAL(got >= 0);
    scratch->text[got] = '\0';
    close(fd);
    return scratch->text;
}

static void a_line_has_pid_role_date_and_mark(void)
{
    struct scratch scratch;
    struct trouble trouble;
    struct log *log = log_new();
    char date[32];
    char role, mark;
    int pid, milliseconds, end = 0;
    char day_month_year_time[32];
    time_t before = time(NULL);
    struct tm local;

    make_scratch(&scratch);
    CU_ASSERT_TRUE_FATAL(log_open(log, scratch.path, &trouble));
    log_set_role(log, 'S');
    log_line(log, LOG_WARNING, "the %s is %d", "river", 7);
    CU_ASSERT_EQUAL(sscanf(text_of(&scratch), "%d:%c %20c.%3d %c the river is 7\n%n", &pid, &role,
                           day_month_year_time, &milliseconds, &mark, &end),
                    5);
    CU_ASSERT_EQUAL(scratch.text[end], '\0');
    CU_ASSERT_EQUAL(pid, getpid());
    CU_ASSERT_EQUAL(role, 'S');
    CU_ASSERT_EQUAL(mark, '#');
    if (time(NULL) == before) {
        localtime_r(&before, &local);
        strftime(date, sizeof(date), "%d %b %Y %H:%M:%S", &local);
        CU_ASSERT_EQUAL(strncmp(day_month_year_time, date, 20), 0);
    }
    unlink(scratch.path);
    log_free(log);
}

static void lines_below_the_level_are_left_out(void)
{
    struct scratch scratch;
    struct trouble trouble;
    struct log *log = log_new();

    make_scratch(&scratch);
    CU_ASSERT_TRUE_FATAL(log_open(log, scratch.path, &trouble));
    log_line(log, LOG_VERBOSE, "one");
    log_line(log, LOG_NOTICE, "two");
    log_set_level(log, LOG_DEBUG);
    log_line(log, LOG_DEBUG, "three");
    log_line(log, LOG_VERBOSE, "four");
    log_set_level(log, LOG_NOTHING);
    log_line(log, LOG_WARNING, "five");
    log_raw(log, "six");
    log_line(NULL, LOG_WARNING, "seven");
    text_of(&scratch);
    CU_ASSERT_PTR_NULL(strstr(scratch.text, "one"));
    CU_ASSERT_PTR_NOT_NULL(strstr(scratch.text, " * two\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(scratch.text, " . three\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(scratch.text, " - four\n"));
    CU_ASSERT_PTR_NULL(strstr(scratch.text, "five"));
    CU_ASSERT_PTR_NULL(strstr(scratch.text, "six"));
    unlink(scratch.path);
    log_free(log);
    log_free(NULL);
}

static void a_long_line_is_cut_and_ended(void)
{
    struct scratch scratch;
    struct trouble trouble;
    struct log *log = log_new();

    make_scratch(&scratch);
    CU_ASSERT_TRUE_FATAL(log_open(log, scratch.path, &trouble));
    log_line(log, LOG_NOTICE, "%5000s", "end");
    log_raw(log, "raw\n");
    text_of(&scratch);
    CU_ASSERT_TRUE(strlen(scratch.text) < 1200);
    CU_ASSERT_PTR_NOT_NULL(strstr(scratch.text, " \nraw\n"));
    unlink(scratch.path);
    log_free(log);
}

static void a_log_that_was_moved_away_is_made_anew(void)
{
    struct scratch scratch;
    struct trouble trouble;
    struct log *log = log_new();

    make_scratch(&scratch);
    CU_ASSERT_TRUE_FATAL(log_open(log, scratch.path, &trouble));
    unlink(scratch.path);
    /* The name is looked at once a second, and no second has passed for this log yet. */
    log_line(log, LOG_NOTICE, "after");
    CU_ASSERT_PTR_NOT_NULL(strstr(text_of(&scratch), "after"));
    unlink(scratch.path);
    log_free(log);
}

static void a_log_that_cannot_be_opened_says_why(void)
{
    struct trouble trouble;
    struct log *log = log_new();

    CU_ASSERT_FALSE(log_open(log, "/no/such/folder/log", &trouble));
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, "No such file"));
    CU_ASSERT_EQUAL(log_descriptor(log), STDOUT_FILENO);
    CU_ASSERT_TRUE(log_open(log, "", &trouble));
    log_free(log);
}

void suite_log(void)
{
    CU_pSuite suite = CU_add_suite("log", NULL, NULL);

    CU_add_test(suite, "a line has pid, role, date and mark", a_line_has_pid_role_date_and_mark);
    CU_add_test(suite, "lines below the level are left out", lines_below_the_level_are_left_out);
    CU_add_test(suite, "a long line is cut and ended", a_long_line_is_cut_and_ended);
    CU_add_test(suite, "a log that was moved away is made anew",
                a_log_that_was_moved_away_is_made_anew);
    CU_add_test(suite, "a log that cannot be opened says why",
                a_log_that_cannot_be_opened_says_why);
}

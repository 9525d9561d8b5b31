/* Small files, read and replaced whole. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/base/file.h"

void suite_file(void);

struct desk {
    char folder[32];
    char path[64];
    struct buffer text;
    struct trouble trouble;
};

static void begin(struct desk *desk)
{
    *desk = (struct desk){ .folder = "/tmp/test-file-XXXXXX" };
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(desk->folder));
    (void)snprintf(desk->path, sizeof(desk->path), "%s/small", desk->folder);
}

/* Nothing but the file may be left in the folder. */
static void end(struct desk *desk)
{
    (void)unlink(desk->path);
    CU_ASSERT_EQUAL(rmdir(desk->folder), 0);
    buffer_clear(&desk->text);
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? status.st_mode & 0777 : 0;
}

static void a_file_is_replaced_whole_and_keeps_its_mode(void)
{
    struct desk desk;

    begin(&desk);
    CU_ASSERT_TRUE(file_replace(desk.path, SLICE("one, and longer\n"), 0600, &desk.trouble));
    CU_ASSERT_EQUAL(mode_of(desk.path), 0600);
    CU_ASSERT_EQUAL(chmod(desk.path, 0640), 0);
    CU_ASSERT_TRUE(file_replace(desk.path, SLICE("two\n"), 0600, &desk.trouble));
    CU_ASSERT_EQUAL(mode_of(desk.path), 0640);
    CU_ASSERT_TRUE(file_read(desk.path, &desk.text, 100, &desk.trouble));
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&desk.text), SLICE("two\n")));
    end(&desk);
}

static void reading_appends_up_to_a_limit(void)
{
    struct desk desk;

    begin(&desk);
    CU_ASSERT_TRUE(file_replace(desk.path, SLICE("12345"), 0600, &desk.trouble));
    CU_ASSERT_TRUE(file_read(desk.path, &desk.text, 5, &desk.trouble));
    CU_ASSERT_TRUE(file_read(desk.path, &desk.text, 5, &desk.trouble));
    CU_ASSERT_TRUE(slice_equal(buffer_slice(&desk.text), SLICE("1234512345")));
    CU_ASSERT_FALSE(file_read(desk.path, &desk.text, 4, &desk.trouble));
    CU_ASSERT_STRING_EQUAL(desk.trouble.text, "File too large");
    end(&desk);
}

static void what_fails_says_why_and_leaves_nothing(void)
{
    struct desk desk;
    char path[96];

    begin(&desk);
    CU_ASSERT_FALSE(file_read(desk.path, &desk.text, 5, &desk.trouble));
    CU_ASSERT_STRING_EQUAL(desk.trouble.text, "No such file or directory");
    (void)snprintf(path, sizeof(path), "%s/none/small", desk.folder);
    CU_ASSERT_FALSE(file_replace(path, SLICE("x"), 0600, &desk.trouble));
    CU_ASSERT_STRING_EQUAL(desk.trouble.text, "No such file or directory");
    /* A folder cannot give its name to a file; what was written beside it goes. */
    CU_ASSERT_EQUAL(mkdir(desk.path, 0700), 0);
    CU_ASSERT_FALSE(file_replace(desk.path, SLICE("x"), 0600, &desk.trouble));
    CU_ASSERT_EQUAL(rmdir(desk.path), 0);
    end(&desk);
}

void suite_file(void)
{
    CU_pSuite suite = CU_add_suite("file", NULL, NULL);

    CU_add_test(suite, "a file is replaced whole and keeps its mode",
                a_file_is_replaced_whole_and_keeps_its_mode);
    CU_add_test(suite, "reading appends up to a limit", reading_appends_up_to_a_limit);
    CU_add_test(suite, "what fails says why and leaves nothing",
                what_fails_says_why_and_leaves_nothing);
}

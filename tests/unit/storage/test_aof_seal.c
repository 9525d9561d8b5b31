/* Seals, and what they tell of the end of a log. */
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/buffer.h"
#include "storage/base/digest.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof_load.h"
#include "storage/persist/aof_seal.h"

void suite_aof_seal(void);

#define PING "*1\r\n$4\r\nPING\r\n"

/* A log as it is written, in memory. */
struct scroll {
    struct buffer bytes;
    size_t sealed;
    size_t durable;
};

static void seal(struct scroll *scroll)
{
    struct slice part = slice_after(buffer_slice(&scroll->bytes), scroll->sealed);
    char line[AOF_SEAL_MAX];
    size_t len = aof_seal_print(part.len, part.len == 0 ? 0 : digest_crc64(0, part),
                                scroll->durable, line);

    buffer_add(&scroll->bytes, slice_of(line, len));
    scroll->sealed = scroll->bytes.len;
}

static void say(struct scroll *scroll, size_t times)
{
    while (times-- > 0)
        buffer_add(&scroll->bytes, SLICE(PING));
}

/* A value longer than two pages. */
static void say_long(struct scroll *scroll)
{
    buffer_add(&scroll->bytes, SLICE("*2\r\n$4\r\nECHO\r\n$12000\r\n"));
    for (int i = 0; i < 3000; i++)
        buffer_add(&scroll->bytes, SLICE("long"));
    buffer_add(&scroll->bytes, SLICE("\r\n"));
}

static bool run(void *who, const struct slice *words, size_t count, struct trouble *trouble)
{
    (void)who;
    (void)words;
    (void)count;
    (void)trouble;
    return true;
}

static struct aof_load_result load(struct scroll *scroll)
{
    struct aof_runner runner = { .run = run };
    struct aof_load_result result = { .end = AOF_LOAD_FAILED };
    struct trouble trouble = { 0 };
    char path[] = "/tmp/millrace-seal-XXXXXX";
    int fd = mkstemp(path);

    CU_ASSERT_EQUAL(write(fd, scroll->bytes.at, scroll->bytes.len), (ssize_t)scroll->bytes.len);
    (void)lseek(fd, 0, SEEK_SET);
    aof_load_file(fd, &runner, 0, scroll->bytes.len, &result, &trouble);
    (void)close(fd);
    (void)unlink(path);
    return result;
}

static void a_seal_says_what_is_durable(void)
{
    struct scroll scroll = { 0 };
    struct aof_seal found;
    char line[AOF_SEAL_MAX];
    size_t len = aof_seal_print(12, 0xabc, 34, line);

    CU_ASSERT_TRUE(aof_seal_read(slice_of(line, len), &found));
    CU_ASSERT(found.bytes == 12 && found.sum == 0xabc && found.durable == 34);
    CU_ASSERT_TRUE(aof_seal_read(SLICE("#sum 12 0000000000000abc\r\n"), &found));
    CU_ASSERT_EQUAL(found.durable, UINT64_MAX);
    CU_ASSERT_FALSE(aof_seal_read(SLICE("#sum 12 abc 34\r\n"), &found));
    say(&scroll, 3);
    CU_ASSERT_EQUAL(aof_seal_durable(buffer_slice(&scroll.bytes)), UINT64_MAX);
    scroll.durable = scroll.bytes.len;
    seal(&scroll);
    say(&scroll, 2);
    CU_ASSERT_EQUAL(aof_seal_durable(buffer_slice(&scroll.bytes)), scroll.durable);
    buffer_clear(&scroll.bytes);
}

/* Zeros a part, loads, and puts it back. */
static struct aof_load_result load_without(struct scroll *scroll, size_t from, size_t len)
{
    char kept[4096];
    struct aof_load_result result;

    memcpy(kept, scroll->bytes.at + from, len);
    memset(scroll->bytes.at + from, 0, len);
    result = load(scroll);
    memcpy(scroll->bytes.at + from, kept, len);
    return result;
}

static void what_was_durable_and_is_wrong_is_damage(void)
{
    struct scroll scroll = { 0 };
    struct aof_load_result found;

    say(&scroll, 400);
    seal(&scroll);
    scroll.durable = scroll.bytes.len;
    say(&scroll, 400);
    seal(&scroll);
    say(&scroll, 5);
    CU_ASSERT_EQUAL(load(&scroll).end, AOF_LOAD_WHOLE);
    found = load_without(&scroll, 1000, 700);
    CU_ASSERT(found.end == AOF_LOAD_DAMAGED || found.end == AOF_LOAD_BROKEN);
    scroll.bytes.at[1001] ^= 8;
    found = load(&scroll);
    CU_ASSERT(found.end == AOF_LOAD_DAMAGED || found.end == AOF_LOAD_BROKEN);
    buffer_clear(&scroll.bytes);
}

static void what_was_not_durable_and_has_a_hole_is_cut(void)
{
    struct scroll scroll = { 0 };
    struct aof_load_result found;
    size_t durable;

    say(&scroll, 400);
    seal(&scroll);
    durable = scroll.durable = scroll.bytes.len;
    say(&scroll, 400);
    seal(&scroll);
    say(&scroll, 5);
    found = load_without(&scroll, durable + 10, 3000);
    CU_ASSERT_EQUAL(found.end, AOF_LOAD_GARBAGE);
    CU_ASSERT_EQUAL(found.whole, durable);
    buffer_clear(&scroll.bytes);
}

static void a_page_lost_in_a_long_value_takes_the_turn_along(void)
{
    struct scroll scroll = { 0 };
    struct aof_load_result found;
    size_t before, behind;

    say(&scroll, 100);
    seal(&scroll);
    scroll.durable = before = scroll.bytes.len;
    say_long(&scroll);
    behind = scroll.bytes.len;
    seal(&scroll);
    say(&scroll, 5);
    found = load_without(&scroll, before + 4096, 4096);
    CU_ASSERT_EQUAL(found.end, AOF_LOAD_UNSYNCED);
    CU_ASSERT_EQUAL(found.whole, before);
    scroll.bytes.len = behind; /* the seal behind it is lost too */
    found = load_without(&scroll, before + 4096, 4096);
    CU_ASSERT_EQUAL(found.end, AOF_LOAD_UNSYNCED);
    CU_ASSERT_EQUAL(found.whole, before);
    buffer_clear(&scroll.bytes);
}

static void a_log_of_another_server_is_not_guessed_about(void)
{
    struct scroll scroll = { 0 };
    struct aof_load_result found;

    say(&scroll, 2000);
    found = load_without(&scroll, 14000, 3000);
    CU_ASSERT_EQUAL(found.end, AOF_LOAD_BROKEN);
    say_long(&scroll);
    CU_ASSERT_EQUAL(load(&scroll).end, AOF_LOAD_WHOLE);
    buffer_clear(&scroll.bytes);
}

void suite_aof_seal(void)
{
    CU_pSuite suite = CU_add_suite("aof_seal", NULL, NULL);

    CU_add_test(suite, "a seal says what is durable", a_seal_says_what_is_durable);
    CU_add_test(suite, "what was durable and is wrong is damage",
                what_was_durable_and_is_wrong_is_damage);
    CU_add_test(suite, "what was not durable and has a hole is cut",
                what_was_not_durable_and_has_a_hole_is_cut);
    CU_add_test(suite, "a page lost in a long value takes the turn along",
                a_page_lost_in_a_long_value_takes_the_turn_along);
    CU_add_test(suite, "a log of another server is not guessed about",
                a_log_of_another_server_is_not_guessed_about);
}

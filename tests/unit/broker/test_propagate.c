/* What is said reaches the log and the replicas, once and in order; and what a full disk refuses. */
#include "broker/effects/propagate.h"

#include <CUnit/CUnit.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/dispatch/call.h"
#include "broker/dispatch/ledger.h"
#include "broker/session/sessions.h"
#include "storage/base/faults.h"
#include "storage/base/must.h"
#include "storage/persist/aof.h"
#include "tests/unit/broker/house.h"

void suite_propagate(void);

enum { FOR_EVER = 1000000 };

/* ---- What is taken ---- */

/* A house whose replicas are a test's: they take what is said, while there are any. */
struct ear {
    struct house    house;
    struct session *guest;
    struct buffer   heard;
    int             times;
    bool            hears;
};

static void take(void *who, struct slice feed)
{
    struct ear *ear = who;

    buffer_add(&ear->heard, feed);
    ear->times++;
}

static bool hears(const void *who)
{
    return ((const struct ear *)who)->hears;
}

static void begin(struct ear *ear)
{
    *ear = (struct ear){ .hears = true };
    house_open(&ear->house);
    ear->guest = house_guest(&ear->house);
    propagate_set_taker(ear->house.broker.propagate, (struct propagate_taker){ take, hears, ear });
    (void)propagate_step(ear->house.broker.propagate); /* from now on statements are encoded */
}

static void end(struct ear *ear)
{
    house_close(&ear->house);
    buffer_clear(&ear->heard);
}

static const char *step(struct ear *ear)
{
    buffer_rewind(&ear->heard);
    ear->times = 0;
    CU_ASSERT_FALSE(propagate_step(ear->house.broker.propagate));
    buffer_add_byte(&ear->heard, '\0');
    return ear->heard.at;
}

#define SELECT_0 "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
#define SET_A    "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
#define INCR_A   "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"

static void what_a_turn_said_is_handed_on_at_its_end_at_once(void)
{
    struct ear ear;

    begin(&ear);
    (void)house_ask(&ear.house, ear.guest, "SET a 1");
    (void)house_ask(&ear.house, ear.guest, "GET a");
    (void)house_ask(&ear.house, ear.guest, "INCR a");
    CU_ASSERT_EQUAL(ear.times, 0);
    CU_ASSERT_STRING_EQUAL(step(&ear), SELECT_0 SET_A INCR_A);
    CU_ASSERT_EQUAL(ear.times, 1);
    CU_ASSERT_STRING_EQUAL(step(&ear), "");
    CU_ASSERT_EQUAL(ear.times, 0);
    (void)house_ask(&ear.house, ear.guest, "INCR a");
    CU_ASSERT_STRING_EQUAL(step(&ear), INCR_A); /* the database is still the same */
    end(&ear);
}

static void nothing_is_said_to_nobody(void)
{
    struct ear ear;

    begin(&ear);
    ear.hears = false;
    (void)step(&ear);
    (void)house_ask(&ear.house, ear.guest, "SET a 1");
    CU_ASSERT_EQUAL(ledger_feed(ear.house.broker.ledger)->len, 0);
    CU_ASSERT_STRING_EQUAL(step(&ear), "");
    end(&ear);
}

static void what_calls_have_said_may_be_handed_on_in_the_midst_of_a_turn(void)
{
    struct ear ear;

    begin(&ear);
    (void)house_ask(&ear.house, ear.guest, "SET a 1");
    propagate_finished(ear.house.broker.propagate);
    CU_ASSERT_EQUAL(ear.times, 1);
    (void)house_ask(&ear.house, ear.guest, "INCR a");
    CU_ASSERT_STRING_EQUAL(step(&ear), INCR_A); /* the first is not said again */
    propagate_finished(ear.house.broker.propagate);
    CU_ASSERT_EQUAL(ear.times, 1); /* there was nothing */
    end(&ear);
}

/* ---- What is refused ---- */

/* A house beside a log of its own, whose disk fails as it is told to. */
struct press {
    struct house      house;
    struct session   *guest;
    char              folder[64];
    struct faults    *faults;
    struct aof       *log;
    struct propagate *propagate;
};

static bool run_nothing(void *who, const struct slice *words, size_t count,
                        struct trouble *trouble)
{
    (void)who;
    (void)words;
    (void)count;
    (void)trouble;
    return true;
}

static void open_press(struct press *press)
{
    struct aof_setup setup = { .dir = press->folder,
                               .dirname = "log",
                               .filename = "log.aof",
                               .policy = { .sync = AOF_SYNC_ALWAYS } };
    struct aof_runner runner = { .run = run_nothing };
    struct trouble trouble = { 0 };

    house_open(&press->house);
    press->guest = house_guest(&press->house);
    (void)snprintf(press->folder, sizeof(press->folder), "/tmp/millrace-press-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(press->folder));
    press->faults = setup.faults = faults_new();
    setup.clock = press->house.clock;
    setup.keyspaces = press->house.broker.keyspaces;
    press->log = aof_new(&setup);
    CU_ASSERT_TRUE_FATAL(aof_open(press->log, &trouble));
    CU_ASSERT_TRUE_FATAL(aof_load(press->log, &runner, &trouble));
    press->propagate = propagate_new(press->house.broker.ledger, press->log,
                                     press->house.broker.watch);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

static void close_press(struct press *press)
{
    propagate_free(press->propagate);
    aof_free(press->log);
    faults_free(press->faults);
    house_close(&press->house);
    (void)nftw(press->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What the guard says of a command by its name; the answer is in the guest's outbox. */
static enum pass guarded(struct press *press, struct session *session, const char *name)
{
    struct slice words[] = { slice_text(name) };
    struct args args = { .words = words, .count = 1 };
    struct call call = { .command = command_find(words, 1), .args = &args, .session = session,
                         .reply = &session->reply };

    CU_ASSERT_PTR_NOT_NULL_FATAL(call.command);
    return propagate_guard(press->propagate, &call);
}

/* Nothing can be written from now on: there is no room. */
static void fill_disk(struct press *press)
{
    faults_arm(press->faults, "reserve", 1, FOR_EVER, ENOSPC);
}

static bool hears_beginning(struct press *press, const char *beginning)
{
    return strncmp(house_heard(&press->house, press->guest), beginning, strlen(beginning)) == 0;
}

static void a_full_disk_refuses_writes_and_not_reads(void)
{
    struct press press;

    open_press(&press);
    fill_disk(&press);
    CU_ASSERT_EQUAL(guarded(&press, press.guest, "get"), PASS_ON);
    CU_ASSERT_STRING_EQUAL(house_heard(&press.house, press.guest), "");
    CU_ASSERT_EQUAL(guarded(&press, press.guest, "set"), PASS_REFUSED);
    CU_ASSERT_TRUE(hears_beginning(&press, "-MISCONF Errors writing to the AOF file: reserving room"));
    close_press(&press);
}

static void a_disk_with_room_refuses_nothing(void)
{
    struct press press;

    open_press(&press);
    CU_ASSERT_EQUAL(guarded(&press, press.guest, "set"), PASS_ON);
    CU_ASSERT_STRING_EQUAL(house_heard(&press.house, press.guest), "");
    close_press(&press);
}

/* What a primary says is done, or the data would no longer be its own. */
static void who_is_nobody_from_outside_is_not_refused(void)
{
    struct press press;

    open_press(&press);
    fill_disk(&press);
    CU_ASSERT_EQUAL(guarded(&press, sessions_stand_in(press.house.broker.sessions, 0), "set"),
                    PASS_ON);
    close_press(&press);
}

static void a_transaction_with_writes_is_given_up_on_a_full_disk(void)
{
    struct press press;

    open_press(&press);
    fill_disk(&press);
    (void)house_ask(&press.house, press.guest, "MULTI");
    (void)house_ask(&press.house, press.guest, "SET a 1");
    CU_ASSERT_EQUAL(guarded(&press, press.guest, "exec"), PASS_REFUSED);
    CU_ASSERT_TRUE(hears_beginning(&press, "-EXECABORT "));
    CU_ASSERT_EQUAL(press.guest->queued, -1);
    CU_ASSERT_STRING_EQUAL(house_ask(&press.house, press.guest, "EXISTS a"), ":0\r\n");
    (void)house_ask(&press.house, press.guest, "MULTI");
    (void)house_ask(&press.house, press.guest, "GET a");
    CU_ASSERT_EQUAL(guarded(&press, press.guest, "exec"), PASS_ON); /* it only reads */
    CU_ASSERT_EQUAL(press.guest->queued, 1);
    close_press(&press);
}

void suite_propagate(void)
{
    CU_pSuite suite = CU_add_suite("propagate", NULL, NULL);

    CU_ADD_TEST(suite, what_a_turn_said_is_handed_on_at_its_end_at_once);
    CU_ADD_TEST(suite, nothing_is_said_to_nobody);
    CU_ADD_TEST(suite, what_calls_have_said_may_be_handed_on_in_the_midst_of_a_turn);
    CU_ADD_TEST(suite, a_full_disk_refuses_writes_and_not_reads);
    CU_ADD_TEST(suite, a_disk_with_room_refuses_nothing);
    CU_ADD_TEST(suite, who_is_nobody_from_outside_is_not_refused);
    CU_ADD_TEST(suite, a_transaction_with_writes_is_given_up_on_a_full_disk);
}

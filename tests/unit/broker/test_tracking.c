/* Who caches keys: what is remembered, who is told of a change, and once only. */
#include "broker/effects/tracking.h"

#include <CUnit/CUnit.h>
#include <time.h>

#include "broker/config/config.h"
#include "storage/base/random.h"
#include "tests/unit/broker/house.h"

void suite_tracking(void);

#define INVALIDATE(key) ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\n" key "\r\n"
#define INVALIDATE_ALL ">2\r\n$10\r\ninvalidate\r\n_\r\n"

/* A house with one who changes keys, and two who may cache them. */
struct caches {
    struct house     house;
    struct tracking *tracking;
    struct session  *writer;
    struct session  *reader;
    struct session  *other;
};

static struct session *guest(struct house *house)
{
    struct session *session = house_guest(house);

    session->reply.resp3 = true;
    return session;
}

static void begin(struct caches *caches)
{
    house_open(&caches->house);
    caches->tracking = caches->house.broker.tracking;
    caches->writer = guest(&caches->house);
    caches->reader = guest(&caches->house);
    caches->other = guest(&caches->house);
}

static void end(struct caches *caches)
{
    tracking_check(caches->tracking);
    house_close(&caches->house);
}

static void track(struct caches *caches, struct session *session, uint32_t flags,
                  uint64_t redirect)
{
    tracking_begin(caches->tracking, session, flags, redirect);
    caller_ask_witnesses(caches->house.broker.caller);
}

static void ask(struct caches *caches, struct session *session, const char *request)
{
    (void)house_ask(&caches->house, session, request);
    tracking_check(caches->tracking);
}

#define HEARS(caches, who, text) \
    CU_ASSERT_STRING_EQUAL(house_heard(&(caches)->house, (caches)->who), text)

static struct tracking_figures figures_of(const struct caches *caches)
{
    struct tracking_figures figures;

    tracking_figures(caches->tracking, &figures);
    return figures;
}

static void the_first_change_tells_who_has_read_and_forgets(void)
{
    struct caches caches;

    begin(&caches);
    track(&caches, caches.reader, 0, 0);
    track(&caches, caches.other, 0, 0);
    ask(&caches, caches.reader, "GET k");
    ask(&caches, caches.reader, "MGET k l");
    ask(&caches, caches.other, "GET k");
    CU_ASSERT_EQUAL(figures_of(&caches).keys, 2);
    CU_ASSERT_EQUAL(figures_of(&caches).items, 3);
    ask(&caches, caches.writer, "SET k 1");
    HEARS(&caches, reader, INVALIDATE("k"));
    HEARS(&caches, other, INVALIDATE("k"));
    HEARS(&caches, writer, "");
    ask(&caches, caches.writer, "SET k 2");
    HEARS(&caches, reader, "");
    CU_ASSERT_EQUAL(figures_of(&caches).keys, 1);
    end(&caches);
}

static void who_changes_hears_of_it_behind_the_answer_unless_it_minds(void)
{
    struct caches caches;

    begin(&caches);
    track(&caches, caches.reader, 0, 0);
    track(&caches, caches.other, TRACKING_NO_LOOP, 0);
    ask(&caches, caches.reader, "GET k");
    CU_ASSERT_STRING_EQUAL(house_ask(&caches.house, caches.reader, "SET k 1"),
                           "+OK\r\n" INVALIDATE("k"));
    ask(&caches, caches.other, "GET k");
    CU_ASSERT_STRING_EQUAL(house_ask(&caches.house, caches.other, "SET k 1"), "+OK\r\n");
    end(&caches);
}

static void caching_says_yes_or_no_for_one_call(void)
{
    struct caches caches;

    begin(&caches);
    track(&caches, caches.reader, TRACKING_OPT_IN, 0);
    track(&caches, caches.other, TRACKING_OPT_OUT, 0);
    ask(&caches, caches.reader, "GET k");
    CU_ASSERT_EQUAL(figures_of(&caches).items, 0);
    tracking_set_caching(caches.reader);
    tracking_set_caching(caches.other);
    ask(&caches, caches.reader, "GET k");
    ask(&caches, caches.other, "GET k");
    CU_ASSERT_EQUAL(figures_of(&caches).items, 1);
    CU_ASSERT_EQUAL(tracking_flags_of(caches.reader), TRACKING_OPT_IN);
    ask(&caches, caches.reader, "GET l");
    ask(&caches, caches.other, "GET l");
    ask(&caches, caches.writer, "MSET k 1 l 1");
    HEARS(&caches, reader, INVALIDATE("k"));
    HEARS(&caches, other, INVALIDATE("l"));
    end(&caches);
}

static void another_session_may_be_told_instead(void)
{
    struct caches caches;

    begin(&caches);
    track(&caches, caches.reader, 0, caches.other->id);
    ask(&caches, caches.reader, "GET k");
    ask(&caches, caches.writer, "SET k 1");
    HEARS(&caches, reader, "");
    HEARS(&caches, other, INVALIDATE("k"));
    house_leave(&caches.house, caches.other);
    ask(&caches, caches.reader, "GET k");
    ask(&caches, caches.writer, "SET k 1");
    CU_ASSERT(caches.reader->tracks_broken);
    CU_ASSERT_PTR_NOT_NULL(strstr(house_heard(&caches.house, caches.reader),
                                  "tracking-redir-broken"));
    end(&caches);
}

static void broadcasts_go_at_the_end_of_the_turn_to_who_has_the_prefix(void)
{
    struct caches caches;

    begin(&caches);
    track(&caches, caches.reader, TRACKING_BROADCAST, 0);
    tracking_add_prefix(caches.tracking, caches.reader, SLICE("k"));
    tracking_add_prefix(caches.tracking, caches.reader, SLICE("k"));
    tracking_add_prefix(caches.tracking, caches.reader, SLICE("a"));
    track(&caches, caches.other, TRACKING_BROADCAST, 0);
    tracking_add_prefix(caches.tracking, caches.other, SLICE("l"));
    CU_ASSERT_EQUAL(figures_of(&caches).prefixes, 3);
    CU_ASSERT_EQUAL(tracking_prefix_count(caches.reader), 2);
    CU_ASSERT(slice_equal(tracking_prefix_at(caches.reader, 0), SLICE("a")));
    ask(&caches, caches.reader, "GET l");
    CU_ASSERT_EQUAL(figures_of(&caches).keys, 0);
    ask(&caches, caches.writer, "SET k 1");
    ask(&caches, caches.writer, "SET k 2");
    HEARS(&caches, reader, "");
    (void)tracking_step(caches.tracking);
    HEARS(&caches, reader, INVALIDATE("k"));
    HEARS(&caches, other, "");
    (void)tracking_step(caches.tracking);
    HEARS(&caches, reader, "");
    tracking_end(caches.tracking, caches.reader);
    CU_ASSERT_EQUAL(figures_of(&caches).prefixes, 1);
    end(&caches);
}

static void very_many_prefixes_take_no_long_time(void)
{
    enum { MANY = 50000 };
    struct caches caches;
    struct buffer text = { 0 };
    clock_t began = clock();

    begin(&caches);
    track(&caches, caches.reader, TRACKING_BROADCAST, 0);
    for (int i = 0; i < MANY; i++) {
        buffer_rewind(&text);
        buffer_print(&text, "%d:", i * 7919 % MANY);
        tracking_add_prefix(caches.tracking, caches.reader, buffer_slice(&text));
    }
    track(&caches, caches.other, TRACKING_BROADCAST, 0);
    tracking_add_prefix(caches.tracking, caches.other, SLICE("k"));
    CU_ASSERT_EQUAL(figures_of(&caches).prefixes, MANY + 1);
    ask(&caches, caches.writer, "MSET k 1 77777:x 1 4:x 1 4 1");
    (void)tracking_step(caches.tracking);
    HEARS(&caches, other, INVALIDATE("k"));
    HEARS(&caches, reader, ">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\n4:x\r\n");
    tracking_add_prefix(caches.tracking, caches.other, SLICE(""));
    ask(&caches, caches.writer, "SET 5 1");
    (void)tracking_step(caches.tracking);
    HEARS(&caches, other, INVALIDATE("5"));
    tracking_check(caches.tracking);
    tracking_end(caches.tracking, caches.reader);
    CU_ASSERT_EQUAL(figures_of(&caches).prefixes, 2);
    CU_ASSERT_TRUE(clock() - began < CLOCKS_PER_SEC * 3);
    buffer_clear(&text);
    end(&caches);
}

static void what_empties_a_database_makes_everything_invalid(void)
{
    struct caches caches;

    begin(&caches);
    track(&caches, caches.reader, 0, 0);
    tracking_invalidate_all(caches.tracking);
    HEARS(&caches, reader, "");
    ask(&caches, caches.reader, "GET k");
    tracking_invalidate_all(caches.tracking);
    HEARS(&caches, reader, INVALIDATE_ALL);
    ask(&caches, caches.reader, "GET k");
    ask(&caches, caches.writer, "SET other 1");
    ask(&caches, caches.writer, "FLUSHDB");
    HEARS(&caches, reader, INVALIDATE_ALL);
    CU_ASSERT_EQUAL(figures_of(&caches).keys, 0);
    end(&caches);
}

static void beyond_the_limit_keys_are_forgotten_and_said_to_be(void)
{
    struct caches caches;
    struct slice few = SLICE("1");
    struct trouble trouble;

    begin(&caches);
    CU_ASSERT(config_set(caches.house.config, SLICE("tracking-table-max-keys"), &few, 1,
                         &trouble));
    track(&caches, caches.reader, 0, 0);
    ask(&caches, caches.reader, "MGET a b");
    CU_ASSERT(!tracking_step(caches.tracking));
    tracking_check(caches.tracking);
    CU_ASSERT_EQUAL(figures_of(&caches).keys, 1);
    CU_ASSERT_EQUAL(strlen(house_heard(&caches.house, caches.reader)),
                    strlen(INVALIDATE("a")));
    end(&caches);
}

static void with_the_last_who_tracks_goes_what_was_remembered(void)
{
    struct caches caches;

    begin(&caches);
    CU_ASSERT(tracking_wants(caches.tracking) != 0);
    track(&caches, caches.reader, 0, 0);
    CU_ASSERT_EQUAL(tracking_wants(caches.tracking), 0);
    ask(&caches, caches.reader, "GET k");
    house_leave(&caches.house, caches.reader);
    CU_ASSERT_EQUAL(figures_of(&caches).sessions, 0);
    CU_ASSERT_EQUAL(figures_of(&caches).keys, 0);
    CU_ASSERT(tracking_wants(caches.tracking) != 0);
    end(&caches);
}

enum { WALK_STEPS = 4000, WALK_SESSIONS = 4, WALK_KEYS = 6 };

/* Who tracks, and what is remembered of whom, as a table of truths. */
struct plain {
    bool tracks[WALK_SESSIONS];
    bool knows[WALK_SESSIONS][WALK_KEYS];
};

static size_t known_of(const struct plain *plain)
{
    size_t known = 0;

    for (size_t i = 0; i < WALK_SESSIONS; i++)
        for (size_t key = 0; key < WALK_KEYS; key++)
            known += plain->knows[i][key];
    return known;
}

/* Begins to track, or ends it: with the last who does goes what all of them knew. */
static void turn(struct caches *caches, struct session *session, struct plain *plain, size_t who)
{
    bool anybody = false;

    plain->tracks[who] = !plain->tracks[who];
    if (plain->tracks[who])
        track(caches, session, 0, 0);
    else
        tracking_end(caches->tracking, session);
    for (size_t i = 0; i < WALK_SESSIONS; i++)
        anybody |= plain->tracks[i];
    if (!anybody)
        memset(plain->knows, 0, sizeof(plain->knows));
}

/* A key changes: exactly those who know it, and still track, hear so. */
static void change(struct caches *caches, struct session **sessions, struct plain *plain,
                   size_t key)
{
    char request[] = { 'S', 'E', 'T', ' ', (char)('a' + key), ' ', '1', '\0' };
    char told[] = INVALIDATE("?");

    *strchr(told, '?') = request[4];
    ask(caches, caches->writer, request);
    for (size_t i = 0; i < WALK_SESSIONS; i++) {
        CU_ASSERT_STRING_EQUAL(house_heard(&caches->house, sessions[i]),
                               plain->knows[i][key] && plain->tracks[i] ? told : "");
        plain->knows[i][key] = false;
    }
}

static void a_walk_knows_what_a_table_of_truths_knows(void)
{
    struct caches caches;
    struct session *sessions[WALK_SESSIONS];
    struct plain plain = { .tracks = { false } };
    struct random random;

    begin(&caches);
    random_seed(&random, 47);
    for (size_t i = 0; i < WALK_SESSIONS; i++)
        sessions[i] = guest(&caches.house);
    for (int step = 0; step < WALK_STEPS; step++) {
        size_t i = (size_t)random_below(&random, WALK_SESSIONS);
        size_t key = (size_t)random_below(&random, WALK_KEYS);
        char request[] = { 'G', 'E', 'T', ' ', (char)('a' + key), '\0' };

        switch (random_below(&random, 8)) {
        case 0:
            turn(&caches, sessions[i], &plain, i);
            break;
        case 1:
        case 2:
            change(&caches, sessions, &plain, key);
            break;
        default:
            ask(&caches, sessions[i], request);
            plain.knows[i][key] |= plain.tracks[i];
            break;
        }
        CU_ASSERT_EQUAL(figures_of(&caches).items, known_of(&plain));
    }
    end(&caches);
}

void suite_tracking(void)
{
    CU_pSuite suite = CU_add_suite("effects: tracking", NULL, NULL);

    CU_add_test(suite, "the first change tells who has read, and forgets",
                the_first_change_tells_who_has_read_and_forgets);
    CU_add_test(suite, "who changes hears of it behind the answer, unless it minds",
                who_changes_hears_of_it_behind_the_answer_unless_it_minds);
    CU_add_test(suite, "caching says yes or no for one call", caching_says_yes_or_no_for_one_call);
    CU_add_test(suite, "another session may be told instead", another_session_may_be_told_instead);
    CU_add_test(suite, "broadcasts go at the end of the turn to who has the prefix",
                broadcasts_go_at_the_end_of_the_turn_to_who_has_the_prefix);
    CU_add_test(suite, "very many prefixes take no long time",
                very_many_prefixes_take_no_long_time);
    CU_add_test(suite, "what empties a database makes everything invalid",
                what_empties_a_database_makes_everything_invalid);
    CU_add_test(suite, "beyond the limit keys are forgotten and said to be",
                beyond_the_limit_keys_are_forgotten_and_said_to_be);
    CU_add_test(suite, "with the last who tracks goes what was remembered",
                with_the_last_who_tracks_goes_what_was_remembered);
    CU_add_test(suite, "a walk knows what a table of truths knows",
                a_walk_knows_what_a_table_of_truths_knows);
}

/* Reading: from several before one is shown anything, in order, whatever happens meanwhile. */
#include "broker/net/connection.h"

#include <CUnit/CUnit.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/metrics/metrics.h"
#include "broker/net/loop.h"
#include "storage/base/buffer.h"
#include "storage/base/memory.h"
#include "storage/base/must.h"

void suite_connection(void);

enum { PEERS = 40, SHOWN_BYTES = 64 * 1024 };

struct stage;

/* One connection, the other end of its socket, and what its handler was shown. */
struct peer {
    struct stage      *stage;
    struct connection *connection;
    int                end; /* ours */
    char               name;
    size_t             leave; /* bytes that the handler does not take */
    size_t             total; /* bytes it was shown */
    void             (*meanwhile)(struct stage *stage); /* done once, when it is shown something */
    bool               gone;
};

struct stage {
    struct loop        *loop;
    struct metrics      metrics;
    struct connections *all;
    struct buffer       said; /* "ahead:n " and "name=bytes ", as they came */
    struct peer         peer[PEERS];
};

static size_t input(void *who, struct slice bytes, size_t *wanted)
{
    struct peer *peer = who;
    struct stage *stage = peer->stage;
    void (*meanwhile)(struct stage *stage) = peer->meanwhile;

    (void)wanted;
    peer->total += bytes.len;
    buffer_print(&stage->said, "%c=%.*s ", peer->name, bytes.len > 8 ? 8 : (int)bytes.len, bytes.at);
    peer->meanwhile = NULL;
    if (meanwhile != NULL)
        meanwhile(stage);
    return bytes.len > peer->leave ? bytes.len - peer->leave : 0;
}

static void backlog(void *who, size_t pending)
{
    (void)who;
    (void)pending;
}

static bool kept(void *who)
{
    (void)who;
    return true;
}

static void closed(void *who, const char *reason)
{
    struct peer *peer = who;

    (void)reason;
    peer->gone = true;
}

static void ahead(const struct preview *previews, size_t count)
{
    struct peer *first = previews[0].who;

    buffer_print(&first->stage->said, "ahead:%zu ", count);
}

static const struct connection_handler handler = { input, backlog, kept, closed, NULL, ahead };

static void say(struct peer *peer, const char *text)
{
    must(write(peer->end, text, strlen(text)) == (ssize_t)strlen(text));
}

static struct stage *begin(int peers)
{
    struct stage *stage = memory_new_zeroed(1, sizeof(*stage));
    struct step steps[4];

    stage->loop = loop_new();
    stage->all = connections_new(stage->loop, &stage->metrics);
    steps[0] = (struct step){ "read", connections_read, stage->all };
    steps[1] = (struct step){ "go on", connections_wake, stage->all };
    steps[2] = (struct step){ "send", connections_send, stage->all };
    steps[3] = (struct step){ "close", connections_close, stage->all };
    loop_end_turns_with(stage->loop, steps, 4);
    for (int i = 0; i < peers; i++) {
        int ends[2];

        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
        stage->peer[i] = (struct peer){ .stage = stage, .end = ends[1], .name = (char)('a' + i) };
        stage->peer[i].connection = connection_new(stage->all, ends[0], &transport_plain, NULL,
                                                   &handler, &stage->peer[i]);
    }
    return stage;
}

/* Turns until all was read; returns what was said since the last time. */
static const char *turns(struct stage *stage)
{
    buffer_clear(&stage->said);
    for (int i = 0; i < 8; i++)
        loop_turn(stage->loop, 0);
    buffer_add_byte(&stage->said, '\0');
    return stage->said.at;
}

static void end(struct stage *stage)
{
    for (int i = 0; i < PEERS; i++) {
        if (stage->peer[i].stage != NULL)
            (void)close(stage->peer[i].end);
    }
    (void)turns(stage);
    for (int i = 0; i < PEERS; i++)
        CU_ASSERT(stage->peer[i].stage == NULL || stage->peer[i].gone);
    connections_free(stage->all);
    loop_free(stage->loop);
    buffer_clear(&stage->said);
    memory_free(stage);
}

static void several_are_read_from_before_one_is_shown_anything(void)
{
    struct stage *stage = begin(3);

    say(&stage->peer[1], "one");
    CU_ASSERT_STRING_EQUAL(turns(stage), "b=one ");
    say(&stage->peer[0], "x");
    say(&stage->peer[1], "y");
    say(&stage->peer[2], "z");
    CU_ASSERT_STRING_EQUAL(turns(stage), "ahead:3 a=x b=y c=z ");
    CU_ASSERT_EQUAL(stage->metrics.net_input_bytes, 6);
    CU_ASSERT_EQUAL(stage->metrics.reads_processed, 4);
    end(stage);
}

static void the_rest_of_a_request_is_not_looked_ahead_to(void)
{
    struct stage *stage = begin(3);

    stage->peer[0].leave = 1;
    say(&stage->peer[0], "12");
    CU_ASSERT_STRING_EQUAL(turns(stage), "a=12 ");
    stage->peer[0].leave = 0;
    say(&stage->peer[0], "3");
    say(&stage->peer[1], "x");
    CU_ASSERT_STRING_EQUAL(turns(stage), "a=23 b=x ");
    end(stage);
}

static void close_the_second(struct stage *stage)
{
    connection_close(stage->peer[1].connection, "it is to go");
}

static void who_is_closed_before_is_shown_nothing(void)
{
    struct stage *stage = begin(3);

    stage->peer[0].meanwhile = close_the_second;
    for (int i = 0; i < 3; i++)
        say(&stage->peer[i], "x");
    CU_ASSERT_STRING_EQUAL(turns(stage), "ahead:3 a=x c=x ");
    CU_ASSERT(stage->peer[1].gone && !stage->peer[2].gone);
    end(stage);
}

static void look_around(struct stage *stage)
{
    say(&stage->peer[1], "later");
    loop_meanwhile(stage->loop, connections_meanwhile, stage->all);
    buffer_print(&stage->said, "| ");
}

static void in_the_midst_of_a_turn_nobody_is_overtaken(void)
{
    struct stage *stage = begin(3);

    stage->peer[0].meanwhile = look_around;
    for (int i = 0; i < 3; i++)
        say(&stage->peer[i], "first");
    CU_ASSERT_STRING_EQUAL(turns(stage), "ahead:3 a=first b=first c=first b=later | ");
    end(stage);
}

static void what_is_much_comes_whole_and_in_order(void)
{
    struct stage *stage = begin(PEERS);
    char *much = memory_new(SHOWN_BYTES);
    int size = 4 * SHOWN_BYTES;

    memset(much, '.', SHOWN_BYTES);
    for (int i = 0; i < PEERS; i++) {
        size_t len = (size_t)(i * 3989 % SHOWN_BYTES) + 1;

        (void)setsockopt(stage->peer[i].end, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        must(write(stage->peer[i].end, much, len) == (ssize_t)len);
    }
    (void)turns(stage);
    for (int i = 0; i < PEERS; i++)
        CU_ASSERT_EQUAL(stage->peer[i].total, (size_t)(i * 3989 % SHOWN_BYTES) + 1);
    memory_free(much);
    end(stage);
}

void suite_connection(void)
{
    CU_pSuite suite = CU_add_suite("net: connection", NULL, NULL);

    CU_add_test(suite, "several are read from before one is shown anything",
                several_are_read_from_before_one_is_shown_anything);
    CU_add_test(suite, "the rest of a request is not looked ahead to",
                the_rest_of_a_request_is_not_looked_ahead_to);
    CU_add_test(suite, "who is closed before is shown nothing",
                who_is_closed_before_is_shown_nothing);
    CU_add_test(suite, "in the midst of a turn nobody is overtaken",
                in_the_midst_of_a_turn_nobody_is_overtaken);
    CU_add_test(suite, "what is much comes whole and in order",
                what_is_much_comes_whole_and_in_order);
}

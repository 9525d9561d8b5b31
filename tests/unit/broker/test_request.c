/* Requests: whole, in pieces, broken, and what a client may not ask for. */
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#include "broker/protocol/request.h"

void suite_request(void);

static const struct request_limits wide = { .words = INT32_MAX, .bulk_bytes = 1 << 29,
                                            .signed_in = true };
static const struct request_limits stranger = { .words = INT32_MAX, .bulk_bytes = 1 << 29 };

static enum request_state parse_as(const char *text, size_t len, const struct request_limits *limits,
                                   struct request *request)
{
    request_init(request);
    return request_parse(request, slice_of(text, len), limits);
}

static bool word_is(const struct request *request, size_t index, const char *text)
{
    return index < request->count && slice_equal(request->words[index], slice_text(text));
}

static void a_whole_request_is_read_where_it_lies(void)
{
    static const char text[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nvalue\r\nvalue\r\nrest";
    struct request request;

    CU_ASSERT_EQUAL(parse_as(text, sizeof(text) - 1, &wide, &request), REQUEST_READY);
    CU_ASSERT_EQUAL(request.count, 3);
    CU_ASSERT(word_is(&request, 0, "SET"));
    CU_ASSERT(word_is(&request, 2, "value\r\nvalue"));
    CU_ASSERT_PTR_EQUAL(request.words[1].at, text + 17);
    CU_ASSERT_EQUAL(request.length, sizeof(text) - 1 - 4);
    request_clear(&request);
}

/* Shows a request byte by byte, at another address each time. */
static void pieces_give_the_same_as_the_whole(void)
{
    static const char text[] = "*4\r\n$5\r\nRPUSH\r\n$0\r\n\r\n$10\r\n0123456789\r\n$2\r\n\r\n\r\n";
    struct request request;
    enum request_state state = REQUEST_MORE;
    size_t len = sizeof(text) - 1;
    char *moved = NULL;

    request_init(&request);
    for (size_t shown = 1; shown <= len; shown++) {
        char *next = malloc(shown);

        memcpy(next, text, shown);
        free(moved);
        moved = next;
        state = request_parse(&request, slice_of(moved, shown), &wide);
        CU_ASSERT_EQUAL(state, shown == len ? REQUEST_READY : REQUEST_MORE);
    }
    CU_ASSERT_EQUAL(request.count, 4);
    CU_ASSERT(word_is(&request, 1, ""));
    CU_ASSERT(word_is(&request, 2, "0123456789"));
    CU_ASSERT(word_is(&request, 3, "\r\n"));
    request_clear(&request);
    free(moved);
}

static void a_long_word_says_how_much_is_wanted(void)
{
    struct request request;

    CU_ASSERT_EQUAL(parse_as("*1\r\n$100\r\nab", 12, &wide, &request), REQUEST_MORE);
    CU_ASSERT_EQUAL(request_wanted(&request), 10 + 100 + 2);
    request_clear(&request);
}

static void a_line_is_split_as_a_shell_would(void)
{
    static const char text[] = "set 'a b' \"c\\x41\\n\\\"\"  d\r\nnext";
    struct request request;

    CU_ASSERT_EQUAL(parse_as(text, sizeof(text) - 1, &wide, &request), REQUEST_READY);
    CU_ASSERT(request.inlined);
    CU_ASSERT_EQUAL(request.count, 4);
    CU_ASSERT(word_is(&request, 1, "a b"));
    CU_ASSERT(word_is(&request, 2, "cA\n\""));
    CU_ASSERT(word_is(&request, 3, "d"));
    CU_ASSERT_EQUAL(request.length, sizeof(text) - 1 - 4);
    request_clear(&request);
}

static void empty_requests_have_no_words(void)
{
    struct request request;

    CU_ASSERT_EQUAL(parse_as("\r\n", 2, &wide, &request), REQUEST_READY);
    CU_ASSERT_EQUAL(request.count, 0);
    request_clear(&request);
    CU_ASSERT_EQUAL(parse_as("*0\r\n", 4, &wide, &request), REQUEST_READY);
    CU_ASSERT_EQUAL(request.count, 0);
    CU_ASSERT_EQUAL(request.length, 4);
    request_clear(&request);
    CU_ASSERT_EQUAL(parse_as("*-10\r\n", 6, &wide, &request), REQUEST_READY);
    CU_ASSERT_EQUAL(request.count, 0);
    request_clear(&request);
}

static void what_breaks_the_protocol_is_named(void)
{
    static const struct {
        const char *text;
        const char *trouble;
    } cases[] = {
        { "*x\r\n", "ERR Protocol error: invalid multibulk length" },
        { "*3000000000\r\n", "ERR Protocol error: invalid multibulk length" },
        { "*1\r\nfoo\r\n", "ERR Protocol error: expected '$', got 'f'" },
        { "*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length" },
        { "*1\r\n$x\r\n", "ERR Protocol error: invalid bulk length" },
        { "*1\r\n$536870913\r\n", "ERR Protocol error: invalid bulk length" },
        { "get 'a\r\n", "ERR Protocol error: unbalanced quotes in request" },
        { "get \"a\"b\r\n", "ERR Protocol error: unbalanced quotes in request" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct request request;

        CU_ASSERT_EQUAL(parse_as(cases[i].text, strlen(cases[i].text), &wide, &request),
                        REQUEST_BROKEN);
        CU_ASSERT_STRING_EQUAL(request.trouble, cases[i].trouble);
        request_clear(&request);
    }
}

static void endless_headers_are_cut_short(void)
{
    size_t len = 80 * 1024;
    char *text = malloc(len);
    struct request request;

    memset(text, '1', len);
    CU_ASSERT_EQUAL(parse_as(text, len, &wide, &request), REQUEST_BROKEN);
    CU_ASSERT_STRING_EQUAL(request.trouble, "ERR Protocol error: too big inline request");
    request_clear(&request);
    text[0] = '*';
    CU_ASSERT_EQUAL(parse_as(text, len, &wide, &request), REQUEST_BROKEN);
    CU_ASSERT_STRING_EQUAL(request.trouble, "ERR Protocol error: too big mbulk count string");
    request_clear(&request);
    memcpy(text, "*1\r\n$", 5);
    CU_ASSERT_EQUAL(parse_as(text, len, &wide, &request), REQUEST_BROKEN);
    CU_ASSERT_STRING_EQUAL(request.trouble, "ERR Protocol error: too big bulk count string");
    request_clear(&request);
    free(text);
}

static void strangers_get_little(void)
{
    struct request request;

    CU_ASSERT_EQUAL(parse_as("*11\r\n", 5, &stranger, &request), REQUEST_BROKEN);
    CU_ASSERT_STRING_EQUAL(request.trouble,
                           "ERR Protocol error: unauthenticated multibulk length");
    request_clear(&request);
    CU_ASSERT_EQUAL(parse_as("*1\r\n$16385\r\n", 12, &stranger, &request), REQUEST_BROKEN);
    CU_ASSERT_STRING_EQUAL(request.trouble, "ERR Protocol error: unauthenticated bulk length");
    request_clear(&request);
}

static void a_claim_alone_allocates_nothing(void)
{
    struct request request;

    CU_ASSERT_EQUAL(parse_as("*1000000000\r\n", 13, &wide, &request), REQUEST_MORE);
    CU_ASSERT_EQUAL(request.capacity, 0);
    request_clear(&request);
}

static void a_glimpse_sees_the_first_words(void)
{
    static const char text[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nvalue\r\nvalue\r\nrest";
    static const char *const odd[] = { "PING\r\n", "*", "*3\r\n", "*x\r\n$1\r\na\r\n",
                                       "*123\r\n$1\r\na\r\n", "*1\r\n$123\r\na\r\n",
                                       "*1\r\n:1\r\na\r\n" };
    struct slice words[3];
    size_t whole;

    CU_ASSERT_EQUAL(request_glimpse(slice_of(text, sizeof(text) - 1), words, 3, &whole), 3);
    CU_ASSERT_EQUAL(whole, 3);
    CU_ASSERT(slice_equal(words[0], SLICE("SET")));
    CU_ASSERT(slice_equal(words[1], SLICE("k")));
    CU_ASSERT(slice_equal(words[2], SLICE("value\r\nvalue")));
    CU_ASSERT_EQUAL(request_glimpse(slice_of(text, sizeof(text) - 1), words, 2, &whole), 2);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        CU_ASSERT_EQUAL(request_glimpse(slice_text(odd[i]), words, 3, &whole), 0);
    /* Of what is there it sees no more than that, from a block that ends there. */
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char *part = malloc(len + 1);
        size_t seen;

        memcpy(part, text, len);
        part = realloc(part, len | !len);
        seen = request_glimpse(slice_of(part, len), words, 3, &whole);
        for (size_t i = 0; i < seen; i++)
            CU_ASSERT(words[i].at + words[i].len <= part + len);
        free(part);
    }
}

void suite_request(void)
{
    CU_pSuite suite = CU_add_suite("request", NULL, NULL);

    CU_add_test(suite, "a whole request is read where it lies",
                a_whole_request_is_read_where_it_lies);
    CU_add_test(suite, "pieces give the same as the whole", pieces_give_the_same_as_the_whole);
    CU_add_test(suite, "a long word says how much is wanted", a_long_word_says_how_much_is_wanted);
    CU_add_test(suite, "a line is split as a shell would", a_line_is_split_as_a_shell_would);
    CU_add_test(suite, "empty requests have no words", empty_requests_have_no_words);
    CU_add_test(suite, "what breaks the protocol is named", what_breaks_the_protocol_is_named);
    CU_add_test(suite, "endless headers are cut short", endless_headers_are_cut_short);
    CU_add_test(suite, "a glimpse sees the first words", a_glimpse_sees_the_first_words);
    CU_add_test(suite, "strangers get little", strangers_get_little);
    CU_add_test(suite, "a claim alone allocates nothing", a_claim_alone_allocates_nothing);
}

/* The reply reader and the builder of trees: every type, every cut, every lie. */
#include <CUnit/Basic.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/lib/mr_reader.h"
#include "clients/lib/mr_reply.h"

void suite_mr_reader(void);

/* Everything the protocol has, in one stream of bytes: 12 replies. */
static const char every_type[] =
    "+OK\r\n"
    "-ERR no such thing\r\n"
    ":-42\r\n"
    "$7\r\nab\r\n\0cd\r\n"
    "$-1\r\n"
    "*-1\r\n"
    "*3\r\n:1\r\n*2\r\n+a\r\n$0\r\n\r\n_\r\n"
    "%2\r\n+k\r\n,1.5\r\n+l\r\n#t\r\n"
    "~2\r\n(3492890328409238509324850943850943825024385\r\n,-inf\r\n"
    "|1\r\n+ttl\r\n:3600\r\n*2\r\n:1\r\n|1\r\n+x\r\n*0\r\n:2\r\n"
    "=8\r\ntxt:some\r\n"
    ">2\r\n+pubsub\r\n!5\r\nERR x\r\n";

enum { EVERY_REPLIES = 12, WRITTEN_MAX = 4096 };

/* What the hooks were told, written down so that two runs can be compared. */
struct witness {
    char   text[WRITTEN_MAX];
    size_t length;
};

static void note(struct witness *witness, const char *format, int type, size_t count,
                 const struct mr_token *token)
{
    int written = snprintf(witness->text + witness->length, WRITTEN_MAX - witness->length, format,
                           type, count);

    witness->length += (size_t)written;
    if (token != NULL && token->text != NULL) {
        memcpy(witness->text + witness->length, token->text, token->length);
        witness->length += token->length;
    }
}

static bool witness_value(void *owner, const struct mr_token *token)
{
    note(owner, "v%d,%zu:", (int)token->type, token->length, token);
    return true;
}

static bool witness_open(void *owner, const struct mr_token *token)
{
    note(owner, "[%d,%zu", (int)token->type, token->count, NULL);
    return true;
}

static bool witness_close(void *owner, enum mr_type type)
{
    note(owner, "]%d,%zu", (int)type, 0, NULL);
    return true;
}

static const struct mr_hooks witness_hooks = {witness_value, witness_open, witness_close};

static void feed_text(struct mr_reader *reader, const char *text)
{
    CU_ASSERT(mr_reader_feed(reader, text, strlen(text)));
}

/* Feeds a stream in pieces of one size; returns how many replies were whole. */
static size_t run_in_pieces(const char *bytes, size_t length, size_t piece,
                            struct witness *witness)
{
    struct mr_reader *reader = mr_reader_new(&witness_hooks, witness);
    size_t replies = 0;

    witness->length = 0;
    for (size_t at = 0; at < length; at += piece) {
        size_t count = length - at < piece ? length - at : piece;

        CU_ASSERT(mr_reader_feed(reader, bytes + at, count));
        while (mr_reader_next(reader) == MR_READY)
            replies++;
        CU_ASSERT_PTR_NULL(mr_reader_trouble(reader));
    }
    CU_ASSERT(mr_reader_is_between(reader));
    CU_ASSERT_EQUAL(mr_reader_unread(reader), 0);
    mr_reader_free(reader);
    return replies;
}

static void pieces_of_any_size_tell_the_same(void)
{
    static struct witness whole, cut;
    size_t length = sizeof every_type - 1;

    CU_ASSERT_EQUAL(run_in_pieces(every_type, length, length, &whole), EVERY_REPLIES);
    for (size_t piece = 1; piece < length; piece++) {
        CU_ASSERT_EQUAL(run_in_pieces(every_type, length, piece, &cut), EVERY_REPLIES);
        CU_ASSERT_EQUAL(cut.length, whole.length);
        CU_ASSERT(memcmp(cut.text, whole.text, whole.length) == 0);
    }
}

/* Reads one reply as a tree; NULL if the bytes are not one whole reply. */
static struct mr_reply *tree_of(const char *bytes, size_t length)
{
    struct mr_builder *builder = mr_builder_new();
    struct mr_reader *reader = mr_reader_new(mr_builder_hooks(), builder);
    struct mr_reply *reply = NULL;

    mr_reader_feed(reader, bytes, length);
    if (mr_reader_next(reader) == MR_READY)
        reply = mr_builder_take(builder);
    mr_reader_free(reader);
    mr_builder_free(builder);
    return reply;
}

static void a_tree_has_the_shape_of_its_reply(void)
{
    const char bytes[] = "%2\r\n+name\r\n*2\r\n:7\r\n$3\r\na\0b\r\n+score\r\n,2.25\r\n";
    struct mr_reply *reply = tree_of(bytes, sizeof bytes - 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT_EQUAL(reply->type, MR_MAP);
    CU_ASSERT_EQUAL(reply->count, 4);

    const struct mr_reply *name = mr_reply_field(reply, "name");

    CU_ASSERT_PTR_NOT_NULL_FATAL(name);
    CU_ASSERT_EQUAL(name->count, 2);
    CU_ASSERT_EQUAL(name->children[0].integer, 7);
    CU_ASSERT_EQUAL(name->children[1].length, 3);
    CU_ASSERT(memcmp(name->children[1].text, "a\0b", 4) == 0);
    CU_ASSERT_DOUBLE_EQUAL(mr_reply_field(reply, "score")->number, 2.25, 0.0);
    CU_ASSERT_PTR_NULL(mr_reply_field(reply, "nothing"));
    mr_reply_free(reply);
}

static void an_attribute_is_no_part_of_the_tree(void)
{
    const char bytes[] = "|1\r\n+a\r\n*1\r\n+b\r\n*2\r\n:1\r\n|1\r\n+c\r\n:9\r\n:2\r\n";
    struct mr_reply *reply = tree_of(bytes, sizeof bytes - 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT_EQUAL(reply->type, MR_ARRAY);
    CU_ASSERT_EQUAL(reply->count, 2);
    CU_ASSERT_EQUAL(reply->children[1].integer, 2);
    mr_reply_free(reply);
}

static void doubles_have_their_special_values(void)
{
    const char bytes[] = "*3\r\n,inf\r\n,-inf\r\n,nan\r\n";
    struct mr_reply *reply = tree_of(bytes, sizeof bytes - 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT(isinf(reply->children[0].number) && reply->children[0].number > 0);
    CU_ASSERT(isinf(reply->children[1].number) && reply->children[1].number < 0);
    CU_ASSERT(isnan(reply->children[2].number));
    mr_reply_free(reply);
}

static void integers_reach_both_ends(void)
{
    const char bytes[] = "*2\r\n:9223372036854775807\r\n:-9223372036854775808\r\n";
    struct mr_reply *reply = tree_of(bytes, sizeof bytes - 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT_EQUAL(reply->children[0].integer, INT64_MAX);
    CU_ASSERT_EQUAL(reply->children[1].integer, INT64_MIN);
    mr_reply_free(reply);
}

static void what_is_not_the_protocol_breaks_the_reader(void)
{
    static const char *const lies[] = {
        "hello\r\n", "\r\n", ":12a\r\n", ":\r\n", ":9223372036854775808\r\n", ":--1\r\n",
        "$-2\r\n", "$+\r\n", "$536870913\r\n", "$3\r\nabcd\r\n", "$99999999999999999999\r\n",
        "*-2\r\n", "*2147483648\r\n", "*9223372036854775807\r\n", "%-1\r\n", "~-1\r\n",
        "#x\r\n", "#\r\n", "_x\r\n", ",1.5x\r\n", ",\r\n", ",0x10\r\n", ",1e1e1\r\n",
        "(12x\r\n", "(\r\n", "=3\r\ntxt\r\n", "=4\r\ntxtx\r\n", "!-1\r\n", "+a\rb\r\n",
        "$?\r\n", "*?\r\n", "%?\r\n", "*1\r\n?\r\n"};

    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct mr_builder *builder = mr_builder_new();
        struct mr_reader *reader = mr_reader_new(mr_builder_hooks(), builder);

        mr_reader_feed(reader, lies[i], strlen(lies[i]));
        if (mr_reader_next(reader) != MR_BROKEN)
            CU_FAIL(lies[i]);
        CU_ASSERT_PTR_NOT_NULL(mr_reader_trouble(reader));
        feed_text(reader, "+OK\r\n");
        CU_ASSERT_EQUAL(mr_reader_next(reader), MR_BROKEN);
        mr_reader_free(reader);
        mr_builder_free(builder);
    }
}

static void nesting_has_a_bound(void)
{
    static struct witness witness;
    struct mr_reader *reader = mr_reader_new(&witness_hooks, &witness);

    witness.length = 0;
    for (size_t depth = 0; depth < MR_DEPTH_MAX; depth++) {
        feed_text(reader, "*1\r\n");
        CU_ASSERT_EQUAL(mr_reader_next(reader), MR_MORE);
    }
    feed_text(reader, "*1\r\n");
    CU_ASSERT_EQUAL(mr_reader_next(reader), MR_BROKEN);
    mr_reader_free(reader);
}

static void a_tree_of_full_depth_is_freed(void)
{
    static char bytes[MR_DEPTH_MAX * 4 + 5];

    for (size_t depth = 0; depth < MR_DEPTH_MAX; depth++)
        memcpy(bytes + depth * 4, "*1\r\n", 4);
    memcpy(bytes + (size_t)MR_DEPTH_MAX * 4, "+x\r\n", 4);

    struct mr_reply *reply = tree_of(bytes, (size_t)MR_DEPTH_MAX * 4 + 4);

    CU_ASSERT_PTR_NOT_NULL(reply);
    mr_reply_free(reply);
}

static void a_bound_on_strings_is_kept(void)
{
    static struct witness witness;
    struct mr_reader *reader = mr_reader_new(&witness_hooks, &witness);

    witness.length = 0;
    mr_reader_bound(reader, 10);
    feed_text(reader, "$10\r\n0123456789\r\n$11\r\n");
    CU_ASSERT_EQUAL(mr_reader_next(reader), MR_READY);
    CU_ASSERT_EQUAL(mr_reader_next(reader), MR_BROKEN);
    mr_reader_free(reader);
}

static void an_announced_count_takes_no_memory(void)
{
    struct mr_builder *builder = mr_builder_new();
    struct mr_reader *reader = mr_reader_new(mr_builder_hooks(), builder);

    feed_text(reader, "*2147483647\r\n:1\r\n$500000000\r\nx");
    CU_ASSERT_EQUAL(mr_reader_next(reader), MR_MORE);
    CU_ASSERT_PTR_NULL(mr_builder_take(builder));
    mr_reader_free(reader);
    mr_builder_free(builder);
}

static void a_long_string_may_come_slowly(void)
{
    size_t length = 3 * 1024 * 1024;
    char *text = malloc(length);
    struct mr_builder *builder = mr_builder_new();
    struct mr_reader *reader = mr_reader_new(mr_builder_hooks(), builder);

    memset(text, 'q', length);
    feed_text(reader, "$3145728\r\n");
    for (size_t at = 0; at < length; at += 1000) {
        CU_ASSERT_EQUAL(mr_reader_next(reader), MR_MORE);
        mr_reader_feed(reader, text + at, length - at < 1000 ? length - at : 1000);
    }
    feed_text(reader, "\r\n+next\r\n");
    CU_ASSERT_EQUAL(mr_reader_next(reader), MR_READY);

    struct mr_reply *reply = mr_builder_take(builder);

    CU_ASSERT_EQUAL(reply->length, length);
    CU_ASSERT(memcmp(reply->text, text, length) == 0);
    mr_reply_free(reply);
    CU_ASSERT_EQUAL(mr_reader_next(reader), MR_READY);
    mr_reader_free(reader);
    mr_builder_free(builder);
    free(text);
}

static void bytes_behind_a_reply_can_be_withdrawn(void)
{
    static struct witness witness;
    struct mr_reader *reader = mr_reader_new(&witness_hooks, &witness);
    char rest[16];

    witness.length = 0;
    feed_text(reader, "+FULLRESYNC\r\n$5\r\nsnap");
    CU_ASSERT_EQUAL(mr_reader_next(reader), MR_READY);
    CU_ASSERT_EQUAL(mr_reader_withdraw(reader, rest, sizeof rest), 8);
    CU_ASSERT(memcmp(rest, "$5\r\nsnap", 8) == 0);
    CU_ASSERT_EQUAL(mr_reader_unread(reader), 0);
    mr_reader_free(reader);
}

void suite_mr_reader(void)
{
    CU_pSuite suite = CU_add_suite("mr_reader", NULL, NULL);

    CU_add_test(suite, "pieces of any size tell the same", pieces_of_any_size_tell_the_same);
    CU_add_test(suite, "a tree has the shape of its reply", a_tree_has_the_shape_of_its_reply);
    CU_add_test(suite, "an attribute is no part of the tree", an_attribute_is_no_part_of_the_tree);
    CU_add_test(suite, "doubles have their special values", doubles_have_their_special_values);
    CU_add_test(suite, "integers reach both ends", integers_reach_both_ends);
    CU_add_test(suite, "what is not the protocol breaks the reader",
                what_is_not_the_protocol_breaks_the_reader);
    CU_add_test(suite, "nesting has a bound", nesting_has_a_bound);
    CU_add_test(suite, "a tree of full depth is freed", a_tree_of_full_depth_is_freed);
    CU_add_test(suite, "a bound on strings is kept", a_bound_on_strings_is_kept);
    CU_add_test(suite, "an announced count takes no memory", an_announced_count_takes_no_memory);
    CU_add_test(suite, "a long string may come slowly", a_long_string_may_come_slowly);
    CU_add_test(suite, "bytes behind a reply can be withdrawn",
                bytes_behind_a_reply_can_be_withdrawn);
}

/* A link against a scripted other end: replies, pushes, lateness, and the end of it. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clients/lib/mr_link.h"
#include "clients/lib/mr_subscriber.h"

void suite_mr_link(void);

/* The other end: accepts once, writes its script, reads until told to close. */
struct other {
    char        path[64];
    int         listener;
    const char *script;
    size_t      length;
    size_t      swallow; /* read so many bytes first */
    pthread_t   thread;
};

static void *serve(void *argument)
{
    struct other *other = argument;
    char bytes[65536];
    int socket = accept(other->listener, NULL, NULL);
    size_t sent = 0;

    for (size_t seen = 0; seen < other->swallow;) {
        ssize_t count = read(socket, bytes, sizeof bytes);

        if (count <= 0)
            break;
        seen += (size_t)count;
    }
    while (sent < other->length) {
        ssize_t count = send(socket, other->script + sent, other->length - sent, MSG_NOSIGNAL);

        if (count <= 0)
            break;
        sent += (size_t)count;
    }
    shutdown(socket, SHUT_WR);
    while (read(socket, bytes, sizeof bytes) > 0)
        continue;
    close(socket);
    return NULL;
}

static struct mr_link *meet(struct other *other, const char *script, size_t swallow)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct mr_link_setup setup = {.path = other->path};
    struct mr_trouble trouble;
    struct mr_link *link;

    snprintf(other->path, sizeof other->path, "/tmp/test_mr_link.%ld", (long)getpid());
    unlink(other->path);
    memcpy(address.sun_path, other->path, strlen(other->path) + 1);
    other->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    other->script = script;
    other->length = strlen(script);
    other->swallow = swallow;
    CU_ASSERT_FATAL(bind(other->listener, (const struct sockaddr *)&address, sizeof address) == 0);
    CU_ASSERT_FATAL(listen(other->listener, 1) == 0);
    pthread_create(&other->thread, NULL, serve, other);
    link = mr_link_open(&setup, &trouble);
    CU_ASSERT_PTR_NOT_NULL_FATAL(link);
    return link;
}

static void part(struct other *other, struct mr_link *link)
{
    mr_link_free(link);
    pthread_join(other->thread, NULL);
    close(other->listener);
    unlink(other->path);
}

static void replies_are_heard_to_the_last_even_after_the_end(void)
{
    struct other other;
    struct mr_link *link = meet(&other, "+one\r\n:2\r\n", 0);
    struct mr_reply *reply;

    CU_ASSERT_EQUAL(mr_link_hear(link, 5000, &reply), MR_HEARD);
    CU_ASSERT(mr_reply_is(reply, "one"));
    mr_reply_free(reply);
    CU_ASSERT_EQUAL(mr_link_hear(link, 5000, &reply), MR_HEARD);
    CU_ASSERT_EQUAL(reply->integer, 2);
    mr_reply_free(reply);
    CU_ASSERT_EQUAL(mr_link_hear(link, 5000, &reply), MR_GONE);
    CU_ASSERT_PTR_NULL(reply);
    CU_ASSERT_FALSE(mr_link_is_open(link));
    CU_ASSERT(strlen(mr_link_trouble(link)) > 0);
    CU_ASSERT_FALSE(mr_link_say_words(link, "PING", (char *)NULL));
    part(&other, link);
}

static void silence_is_lateness_and_not_the_end(void)
{
    struct other other;
    struct mr_link *link = meet(&other, "+PONG\r\n", 14);
    struct mr_reply *reply;

    CU_ASSERT_EQUAL(mr_link_hear(link, 20, &reply), MR_LATE);
    CU_ASSERT(mr_link_is_open(link));
    reply = mr_link_ask_words(link, "PING", (char *)NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT(mr_reply_is(reply, "PONG"));
    mr_reply_free(reply);
    part(&other, link);
}

static void count_push(void *owner, const struct mr_reply *push)
{
    int *count = owner;

    CU_ASSERT_EQUAL(push->type, MR_PUSH);
    (*count)++;
}

static void pushes_go_to_their_hook_and_replies_to_who_asked(void)
{
    struct other other;
    struct mr_link *link = meet(&other, ">1\r\n+a\r\n+PONG\r\n>1\r\n+b\r\n", 14);
    struct mr_reply *reply;
    int count = 0;

    mr_link_on_push(link, count_push, &count);
    reply = mr_link_ask_words(link, "PING", (char *)NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    CU_ASSERT(mr_reply_is(reply, "PONG"));
    CU_ASSERT_EQUAL(count, 1);
    mr_reply_free(reply);
    CU_ASSERT_EQUAL(mr_link_hear(link, 5000, &reply), MR_GONE);
    CU_ASSERT_EQUAL(count, 2);
    part(&other, link);
}

static void nonsense_ends_the_link_with_a_reason(void)
{
    struct other other;
    struct mr_link *link = meet(&other, "HTTP/1.1 400 Bad Request\r\n", 0);
    struct mr_reply *reply;

    CU_ASSERT_EQUAL(mr_link_hear(link, 5000, &reply), MR_GONE);
    CU_ASSERT_PTR_NOT_NULL(strstr(mr_link_trouble(link), "not a reply"));
    part(&other, link);
}

/* Many commands one way and many replies the other, more than sockets hold. */
static void a_long_pipeline_does_not_lock_both_ends(void)
{
    enum { COMMANDS = 200000 };
    static char script[COMMANDS * 5 + 1];
    struct other other;
    struct mr_link *link;
    struct mr_reply *reply;
    int heard = 0;

    for (int i = 0; i < COMMANDS; i++)
        memcpy(script + (size_t)i * 5, "+OK\r\n", 5);
    link = meet(&other, script, 14);
    for (int i = 0; i < COMMANDS; i++)
        mr_link_say_words(link, "PING", (char *)NULL);
    while (heard < COMMANDS && mr_link_hear(link, 5000, &reply) == MR_HEARD) {
        heard++;
        mr_reply_free(reply);
    }
    CU_ASSERT_EQUAL(heard, COMMANDS);
    part(&other, link);
}

static void nobody_at_the_door_is_told_as_such(void)
{
    struct mr_link_setup setup = {.path = "/tmp/test_mr_link.nobody"};
    struct mr_trouble trouble;

    CU_ASSERT_PTR_NULL(mr_link_open(&setup, &trouble));
    CU_ASSERT_PTR_NOT_NULL(strstr(trouble.text, "/tmp/test_mr_link.nobody"));
}

/* What a subscriber heard last, for the test below. */
struct heard {
    int  count;
    char last[64];
};

static void on_message(void *owner, const struct mr_message *message)
{
    struct heard *heard = owner;

    heard->count++;
    snprintf(heard->last, sizeof heard->last, "%s|%s|%s",
             message->pattern != NULL ? message->pattern : "-", message->channel, message->text);
}

static void a_subscriber_calls_back_by_channel_and_by_pattern(void)
{
    struct other other;
    struct mr_link *link = meet(&other,
                                "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
                                "*3\r\n$10\r\npsubscribe\r\n$2\r\nb*\r\n:2\r\n"
                                "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"
                                ">4\r\n$8\r\npmessage\r\n$2\r\nb*\r\n$2\r\nbx\r\n$2\r\nho\r\n"
                                "*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$2\r\nno\r\n",
                                0);
    struct mr_subscriber *subscriber = mr_subscriber_new(link);
    struct heard heard = {0};

    CU_ASSERT(mr_subscriber_channel(subscriber, "a", on_message, &heard));
    CU_ASSERT(mr_subscriber_pattern(subscriber, "b*", on_message, &heard));
    CU_ASSERT_EQUAL(mr_subscriber_turn(subscriber, 5000), MR_HEARD);
    CU_ASSERT_STRING_EQUAL(heard.last, "-|a|hi");
    CU_ASSERT_EQUAL(mr_subscriber_confirmed(subscriber), 2);
    CU_ASSERT_EQUAL(mr_subscriber_turn(subscriber, 5000), MR_HEARD);
    CU_ASSERT_STRING_EQUAL(heard.last, "b*|bx|ho");
    CU_ASSERT_EQUAL(mr_subscriber_turn(subscriber, 5000), MR_GONE);
    CU_ASSERT_EQUAL(heard.count, 2);
    mr_subscriber_free(subscriber);
    part(&other, link);
}

void suite_mr_link(void)
{
    CU_pSuite suite = CU_add_suite("mr_link", NULL, NULL);

    CU_add_test(suite, "replies are heard to the last, even after the end",
                replies_are_heard_to_the_last_even_after_the_end);
    CU_add_test(suite, "silence is lateness and not the end", silence_is_lateness_and_not_the_end);
    CU_add_test(suite, "pushes go to their hook and replies to who asked",
                pushes_go_to_their_hook_and_replies_to_who_asked);
    CU_add_test(suite, "nonsense ends the link with a reason", nonsense_ends_the_link_with_a_reason);
    CU_add_test(suite, "a long pipeline does not lock both ends",
                a_long_pipeline_does_not_lock_both_ends);
    CU_add_test(suite, "nobody at the door is told as such", nobody_at_the_door_is_told_as_such);
    CU_add_test(suite, "a subscriber calls back by channel and by pattern",
                a_subscriber_calls_back_by_channel_and_by_pattern);
}

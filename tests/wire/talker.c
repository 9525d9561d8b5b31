#include "tests/wire/talker.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool talker_send(struct talker *talker, const char *bytes, size_t length)
{
    while (length > 0 && talker->fd >= 0) {
        ssize_t sent = send(talker->fd, bytes, length, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return talker->fd >= 0;
}

bool talker_say(struct talker *talker, const struct words *words)
{
    struct text request = { 0 };

    words_encode(words, &request);
    bool sent = talker_send(talker, request.at, request.length);
    text_clear(&request);
    return sent;
}

/* Waits for bytes and takes them. */
static enum hearing listen_once(struct talker *talker, int patience_ms)
{
    char bytes[65536];
    struct pollfd poll_for = { .fd = talker->fd, .events = POLLIN };

    if (talker->fd < 0)
        return HEARD_CLOSED;
    int ready = poll(&poll_for, 1, patience_ms);
    if (ready == 0)
        return HEARD_NOTHING;
    ssize_t got = read(talker->fd, bytes, sizeof bytes);
    if (got <= 0)
        return got < 0 && errno == EINTR ? HEARD : HEARD_CLOSED;
    if (talker->read_up_to > 0 && talker->read_up_to * 2 > talker->heard.length) {
        text_drop(&talker->heard, talker->read_up_to);
        talker->read_up_to = 0;
    }
    text_add(&talker->heard, bytes, (size_t)got);
    return HEARD;
}

enum hearing talker_hear(struct talker *talker, struct talk_reply *reply, int patience_ms)
{
    long deadline = now_ms() + patience_ms;

    for (;;) {
        size_t used;
        enum reply_state state = talk_reply_read(reply, talker->heard.at + talker->read_up_to,
                                                 talker->heard.length - talker->read_up_to, &used);

        if (state == REPLY_BROKEN)
            return HEARD_NONSENSE;
        if (state == REPLY_READY) {
            talker->read_up_to += used;
            return HEARD;
        }
        long left = deadline - now_ms();
        enum hearing hearing = listen_once(talker, left > 0 ? (int)left : 0);
        if (hearing != HEARD)
            return hearing;
    }
}

enum hearing talker_ask(struct talker *talker, const char *line, struct talk_reply *reply,
                        int patience_ms)
{
    struct words words;

    if (!words_split(&words, line))
        return HEARD_NONSENSE;
    bool said = talker_say(talker, &words);
    words_clear(&words);
    return said ? talker_hear(talker, reply, patience_ms) : HEARD_CLOSED;
}

bool talker_close(struct talker *talker, struct talk_reply *left)
{
    bool unheard = false;

    if (talker->fd < 0)
        return false;
    shutdown(talker->fd, SHUT_WR);
    for (;;) {
        struct talk_reply reply;
        enum hearing hearing = talker_hear(talker, &reply, 1000);

        if (hearing != HEARD)
            break;
        if (unheard)
            talk_reply_clear(&reply);
        else
            *left = reply;
        unheard = true;
    }
    close(talker->fd);
    talker->fd = -1;
    text_clear(&talker->heard);
    talker->read_up_to = 0;
    return unheard;
}

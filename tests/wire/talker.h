/*
 * One session of a talk: a connection that says commands and hears replies one
 * at a time.
 */
#ifndef TESTS_WIRE_TALKER_H
#define TESTS_WIRE_TALKER_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/wire/talk_reply.h"
#include "tests/wire/talk_text.h"

struct talker {
    char name[24];
    int fd; /* -1 when closed */
    struct text heard;
    size_t read_up_to; /* where in `heard` the next reply begins */
};

enum hearing { HEARD, HEARD_NOTHING, HEARD_CLOSED, HEARD_NONSENSE };

/* Sends bytes. False if the connection is gone. */
bool talker_send(struct talker *talker, const char *bytes, size_t length);

/* Sends a command. */
bool talker_say(struct talker *talker, const struct words *words);

/* The next reply, waited for up to `patience_ms`. Filled only if HEARD. */
enum hearing talker_hear(struct talker *talker, struct talk_reply *reply, int patience_ms);

/* A command whose words are parted by blanks, and its reply. */
enum hearing talker_ask(struct talker *talker, const char *line, struct talk_reply *reply,
                        int patience_ms);

/*
 * Ends the session and waits until the server has let it go, so that the next
 * talk meets nothing of it. Returns true and fills `left` if a reply was never heard.
 */
bool talker_close(struct talker *talker, struct talk_reply *left);

#endif

/*
 * One connection to a broker.
 *
 *   mr_link_say      puts a command into the outgoing bytes; nothing is sent yet
 *   mr_link_flush    sends them
 *   mr_link_hear     the next reply, in the order the commands were said
 *   mr_link_ask      say, flush and hear in one
 *
 * Saying many and hearing many is a pipeline. A link waits in poll(2) and reads
 * while it writes, so that a long pipeline cannot lock both ends.
 *
 * Pushes (RESP3) may come at any time. With a push hook they go there; without
 * one mr_link_hear returns them like replies, told apart by their type MR_PUSH.
 *
 * Under the link lies a transport: three functions on a socket. The one built
 * in is plain; TLS is another struct mr_transport.
 */
#ifndef MR_LINK_H
#define MR_LINK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "clients/lib/mr_reply.h"
#include "clients/lib/mr_writer.h"

/* What went wrong, as a sentence that ends without a full stop. */
struct mr_trouble {
    char text[256];
};

/*
 * How bytes cross a connected, non-blocking socket. 'read' and 'write' return
 * as the system calls do, -1 with errno EAGAIN when they would wait, 0 from
 * 'read' when the other end is gone.
 */
struct mr_transport {
    bool (*open)(void *owner, int socket, struct mr_trouble *trouble); /* may be NULL */
    ssize_t (*read)(void *owner, int socket, void *into, size_t room);
    ssize_t (*write)(void *owner, int socket, const void *bytes, size_t count);
    void (*close)(void *owner, int socket); /* may be NULL; the link closes the socket */
    void *owner;
};

/* What a link is made from. Zeros are fine; texts are copied. */
struct mr_link_setup {
    const char *host;      /* name or address; NULL: 127.0.0.1 */
    int         port;      /* 0: 6379 */
    const char *path;      /* of a unix socket; wins over host and port */
    const char *user;      /* NULL: the default user */
    const char *password;  /* NULL: no AUTH */
    const char *name;      /* CLIENT SETNAME; NULL: none */
    int         database;  /* SELECT, if not 0 */
    int         protocol;  /* 3: HELLO 3; 2 or 0: nothing, the server begins so */
    int         connect_timeout_ms; /* 0: 5000 */
    size_t      longest_string;     /* 0: what mr_reader allows */
    const struct mr_transport *transport; /* NULL: plain; must outlive the link */
};

/* How hearing ended. */
enum mr_outcome {
    MR_HEARD,
    MR_LATE, /* nothing whole came in time; hear again whenever you like */
    MR_GONE  /* the connection is of no more use; see mr_link_trouble */
};

/* Hears of a push; owns nothing: the reply is freed when it returns. */
typedef void mr_push_hook(void *owner, const struct mr_reply *push);

struct mr_link;

/*
 * Connects, then greets: HELLO or AUTH, SELECT and CLIENT SETNAME as the setup
 * says. NULL with the reason in 'trouble' if any of it fails.
 */
struct mr_link *mr_link_open(const struct mr_link_setup *setup, struct mr_trouble *trouble);

/* Closes the socket and frees the link. NULL is fine. */
void mr_link_free(struct mr_link *link);

/*
 * Connects anew with the same setup, forgetting what was said and not heard.
 * False with the reason in 'trouble'; the link stays gone and may be tried again.
 */
bool mr_link_reopen(struct mr_link *link, struct mr_trouble *trouble);

/* Pushes go to 'hook' from now on; NULL: mr_link_hear returns them. */
void mr_link_on_push(struct mr_link *link, mr_push_hook *hook, void *owner);

/*
 * Puts one command into the outgoing bytes. 'lengths' may be NULL if every word
 * ends with a zero. False without memory or on a link that is gone.
 */
bool mr_link_say(struct mr_link *link, size_t count, const char *const *words,
                 const size_t *lengths);

/* The same with the words as arguments; the last must be NULL. At most 64. */
bool mr_link_say_words(struct mr_link *link, ...) __attribute__((sentinel));

/* Puts bytes that are already in the protocol into the outgoing ones. */
bool mr_link_say_raw(struct mr_link *link, const void *bytes, size_t count);

/* Sends all that was said. False if the link is gone. Waits as long as it takes. */
bool mr_link_flush(struct mr_link *link);

/*
 * Sends all that was said and waits for the next reply, at most 'timeout_ms'
 * (negative: for ever; 0: only look). On MR_HEARD the reply is the caller's.
 */
enum mr_outcome mr_link_hear(struct mr_link *link, int timeout_ms, struct mr_reply **reply);

/* Says one command and hears its reply, waiting for ever. NULL if the link is gone. */
struct mr_reply *mr_link_ask(struct mr_link *link, size_t count, const char *const *words,
                             const size_t *lengths);

/* The same with the words as arguments; the last must be NULL. */
struct mr_reply *mr_link_ask_words(struct mr_link *link, ...) __attribute__((sentinel));

/* The socket, for a poll of the caller's own; -1 when gone. */
int mr_link_socket(const struct mr_link *link);

/* True until the connection breaks or is found closed. */
bool mr_link_is_open(const struct mr_link *link);

/* Why the link is gone; an empty text while it is open. */
const char *mr_link_trouble(const struct mr_link *link);

#endif

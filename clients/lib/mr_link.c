/*
 * A link is a socket, a writer before it and a reader behind it.
 *
 *   mr_link_say ──► writer ──► transport ──► reader ──► builder ──► mr_link_hear
 *
 * What always holds:
 *   (1) socket >= 0 exactly while trouble.text is empty.
 *   (2) The socket never blocks; all waiting is done in poll, with a deadline.
 *   (3) While the writer has bytes, what arrives is read as well: a broker that
 *       stops reading until its answers are taken cannot lock us.
 *   (4) The setup's texts are the link's own copies.
 */
#include "clients/lib/mr_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_ROOM = 16 * 1024, /* least room offered to a read */
    WORDS_MAX = 64,        /* most words as arguments */
    PORT_DEFAULT = 6379,
    CONNECT_MS_DEFAULT = 5000
};

struct mr_link {
    int                  socket;
    struct mr_link_setup setup;
    struct mr_trouble    trouble;
    struct mr_writer     writer;
    struct mr_reader    *reader;
    struct mr_builder   *builder;
    mr_push_hook        *push;
    void                *push_owner;
};

/* --- the plain transport ------------------------------------------------- */

static ssize_t plain_read(void *owner, int socket, void *into, size_t room)
{
    (void)owner;
    return recv(socket, into, room, 0);
}

static ssize_t plain_write(void *owner, int socket, const void *bytes, size_t count)
{
    (void)owner;
    /* A broken connection is an answer here, not a signal to the program. */
    return send(socket, bytes, count, MSG_NOSIGNAL);
}

static const struct mr_transport plain = {.read = plain_read, .write = plain_write};

/* --- time ---------------------------------------------------------------- */

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What poll should wait until a deadline; negative deadlines never come. */
static int left_ms(long long deadline)
{
    long long left;

    if (deadline < 0)
        return -1;
    left = deadline - now_ms();
    if (left <= 0)
        return 0;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

static long long deadline_in(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
}

/* Waits for a socket; false when the deadline came first. */
static bool wait_for(int socket, short events, long long deadline)
{
    struct pollfd place = {.fd = socket, .events = events};

    for (;;) {
        int ready = poll(&place, 1, left_ms(deadline));

        if (ready > 0)
            return true;
        if (ready == 0)
            return false;
        if (errno != EINTR)
            return true; /* the read or write that follows says what is wrong */
    }
}

/* --- coming and going ---------------------------------------------------- */

static void tell(struct mr_trouble *trouble, const char *what, const char *why)
{
    snprintf(trouble->text, sizeof trouble->text, "%s%s%s", what, why != NULL ? ": " : "",
             why != NULL ? why : "");
}

/* The end of a connection: remembers the first reason and closes the socket. */
static void hang_up(struct mr_link *link, const char *what, const char *why)
{
    const struct mr_transport *transport = link->setup.transport;

    if (link->socket < 0)
        return;
    tell(&link->trouble, what, why);
    if (transport->close != NULL)
        transport->close(transport->owner, link->socket);
    close(link->socket);
    link->socket = -1;
}

/* Connects one socket to one address before the deadline; -1 with errno set. */
static int connect_to(const struct sockaddr *address, socklen_t length, int family,
                      long long deadline)
{
    int made = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    socklen_t size = sizeof error;

    if (made < 0)
        return -1;
    if (connect(made, address, length) == 0)
        return made;
    if (errno == EINPROGRESS) {
        if (!wait_for(made, POLLOUT, deadline))
            error = ETIMEDOUT;
        else if (getsockopt(made, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
        if (error == 0)
            return made;
    } else {
        error = errno;
    }
    close(made);
    errno = error;
    return -1;
}

static int connect_unix(const char *path, long long deadline)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    if (length >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, length + 1);
    return connect_to((const struct sockaddr *)&address, sizeof address, AF_UNIX, deadline);
}

/* Tries each address of a host in turn; -1 with the reason in 'why'. */
static int connect_host(const char *host, int port, long long deadline, const char **why)
{
    struct addrinfo wish = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[16];
    int made = -1;
    int yes = 1;

    snprintf(service, sizeof service, "%d", port);

    int status = getaddrinfo(host, service, &wish, &found);

    if (status != 0) {
        *why = gai_strerror(status);
        return -1;
    }
    for (const struct addrinfo *at = found; at != NULL && made < 0; at = at->ai_next)
        made = connect_to(at->ai_addr, at->ai_addrlen, at->ai_family, deadline);
    freeaddrinfo(found);
    if (made < 0) {
        *why = strerror(errno);
        return -1;
    }
    /* Commands are whole when they are sent: waiting for more only delays them. */
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(made, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    return made;
}

/* Begins with an empty writer and a reader that has seen nothing. */
static bool fresh_buffers(struct mr_link *link)
{
    mr_writer_clear(&link->writer);
    mr_reader_free(link->reader);
    mr_builder_free(link->builder);
    link->builder = mr_builder_new();
    link->reader = link->builder == NULL
                       ? NULL
                       : mr_reader_new(mr_builder_hooks(), link->builder);
    if (link->reader == NULL)
        return false;
    if (link->setup.longest_string > 0)
        mr_reader_bound(link->reader, link->setup.longest_string);
    return true;
}

static bool dial(struct mr_link *link, struct mr_trouble *trouble)
{
    const struct mr_link_setup *setup = &link->setup;
    long long deadline = deadline_in(setup->connect_timeout_ms);
    const char *why = NULL;
    char where[160];

    if (!fresh_buffers(link)) {
        tell(trouble, "out of memory", NULL);
        return false;
    }
    if (setup->path != NULL) {
        snprintf(where, sizeof where, "%s", setup->path);
        link->socket = connect_unix(setup->path, deadline);
        why = link->socket < 0 ? strerror(errno) : NULL;
    } else {
        snprintf(where, sizeof where, "%s:%d", setup->host, setup->port);
        link->socket = connect_host(setup->host, setup->port, deadline, &why);
    }
    if (link->socket < 0) {
        snprintf(trouble->text, sizeof trouble->text, "connecting to %.120s: %.100s", where, why);
        return false;
    }
    link->trouble.text[0] = '\0';
    if (setup->transport->open != NULL &&
        !setup->transport->open(setup->transport->owner, link->socket, trouble)) {
        hang_up(link, trouble->text, NULL);
        return false;
    }
    return true;
}

/* --- greeting ------------------------------------------------------------ */

/* Asks one question of the greeting; an error reply ends it. */
static bool greeted(struct mr_link *link, const char *what, size_t count, const char *const *words,
                    struct mr_trouble *trouble)
{
    struct mr_reply *reply = mr_link_ask(link, count, words, NULL);
    bool fine = reply != NULL && reply->type != MR_ERROR;

    if (reply == NULL)
        *trouble = link->trouble;
    else if (!fine)
        tell(trouble, what, reply->text);
    mr_reply_free(reply);
    return fine;
}

static bool greet(struct mr_link *link, struct mr_trouble *trouble)
{
    const struct mr_link_setup *setup = &link->setup;
    const char *user = setup->user != NULL ? setup->user : "default";

    if (setup->protocol == 3) {
        const char *words[] = {"HELLO", "3", "AUTH", user, setup->password};

        if (!greeted(link, "HELLO", setup->password != NULL ? 5 : 2, words, trouble))
            return false;
    } else if (setup->password != NULL && setup->user != NULL) {
        const char *words[] = {"AUTH", user, setup->password};

        if (!greeted(link, "AUTH", 3, words, trouble))
            return false;
    } else if (setup->password != NULL) {
        const char *words[] = {"AUTH", setup->password};

        if (!greeted(link, "AUTH", 2, words, trouble))
            return false;
    }
    if (setup->database != 0) {
        char number[16];
        const char *words[] = {"SELECT", number};

        snprintf(number, sizeof number, "%d", setup->database);
        if (!greeted(link, "SELECT", 2, words, trouble))
            return false;
    }
    if (setup->name != NULL) {
        const char *words[] = {"CLIENT", "SETNAME", setup->name};

        return greeted(link, "CLIENT SETNAME", 3, words, trouble);
    }
    return true;
}

/* --- making and freeing --------------------------------------------------- */

static bool copy_text(const char **text)
{
    if (*text == NULL)
        return true;
    *text = strdup(*text);
    return *text != NULL;
}

static bool copy_setup(struct mr_link_setup *own, const struct mr_link_setup *setup)
{
    bool fine = true;

    *own = *setup;
    if (own->host == NULL)
        own->host = "127.0.0.1";
    if (own->port == 0)
        own->port = PORT_DEFAULT;
    if (own->connect_timeout_ms == 0)
        own->connect_timeout_ms = CONNECT_MS_DEFAULT;
    if (own->transport == NULL)
        own->transport = &plain;
    /* Every copy is tried, so that what is freed later is never another's. */
    fine = copy_text(&own->host) && fine;
    fine = copy_text(&own->path) && fine;
    fine = copy_text(&own->user) && fine;
    fine = copy_text(&own->password) && fine;
    fine = copy_text(&own->name) && fine;
    return fine;
}

static void free_text(const char *text)
{
    char *own;

    /* The setup's fields are const for those who fill it; these copies are ours. */
    memcpy(&own, &text, sizeof own);
    free(own);
}

struct mr_link *mr_link_open(const struct mr_link_setup *setup, struct mr_trouble *trouble)
{
    struct mr_link *link = calloc(1, sizeof *link);

    if (link == NULL) {
        tell(trouble, "out of memory", NULL);
        return NULL;
    }
    link->socket = -1;
    if (!copy_setup(&link->setup, setup))
        tell(trouble, "out of memory", NULL);
    else if (dial(link, trouble) && greet(link, trouble))
        return link;
    mr_link_free(link);
    return NULL;
}

void mr_link_free(struct mr_link *link)
{
    if (link == NULL)
        return;
    hang_up(link, "closed", NULL);
    mr_writer_clear(&link->writer);
    mr_reader_free(link->reader);
    mr_builder_free(link->builder);
    free_text(link->setup.host);
    free_text(link->setup.path);
    free_text(link->setup.user);
    free_text(link->setup.password);
    free_text(link->setup.name);
    free(link);
}

bool mr_link_reopen(struct mr_link *link, struct mr_trouble *trouble)
{
    hang_up(link, "closed", NULL);
    if (!dial(link, trouble)) {
        link->trouble = *trouble;
        return false;
    }
    if (!greet(link, trouble)) {
        hang_up(link, trouble->text, NULL);
        return false;
    }
    return true;
}

void mr_link_on_push(struct mr_link *link, mr_push_hook *hook, void *owner)
{
    link->push = hook;
    link->push_owner = owner;
}

int mr_link_socket(const struct mr_link *link)
{
    return link->socket;
}

bool mr_link_is_open(const struct mr_link *link)
{
    return link->socket >= 0;
}

const char *mr_link_trouble(const struct mr_link *link)
{
    return link->socket >= 0 ? "" : link->trouble.text;
}

/* --- saying and hearing --------------------------------------------------- */

bool mr_link_say(struct mr_link *link, size_t count, const char *const *words,
                 const size_t *lengths)
{
    return link->socket >= 0 && mr_writer_add(&link->writer, count, words, lengths);
}

bool mr_link_say_raw(struct mr_link *link, const void *bytes, size_t count)
{
    return link->socket >= 0 && mr_writer_raw(&link->writer, bytes, count);
}

/* Collects arguments up to the NULL; 0 if there are too many. */
static size_t gather(va_list arguments, const char *words[WORDS_MAX])
{
    size_t count = 0;
    const char *word;

    while ((word = va_arg(arguments, const char *)) != NULL) {
        if (count == WORDS_MAX)
            return 0;
        words[count++] = word;
    }
    return count;
}

bool mr_link_say_words(struct mr_link *link, ...)
{
    const char *words[WORDS_MAX];
    va_list arguments;
    size_t count;

    va_start(arguments, link);
    count = gather(arguments, words);
    va_end(arguments);
    return mr_link_say(link, count, words, NULL);
}

/* Sends what the socket takes now. False if the link broke. */
static bool send_some(struct mr_link *link)
{
    const struct mr_transport *transport = link->setup.transport;
    size_t count;
    const char *bytes;

    while ((bytes = mr_writer_bytes(&link->writer, &count)) != NULL) {
        ssize_t sent = transport->write(transport->owner, link->socket, bytes, count);

        if (sent > 0) {
            mr_writer_sent(&link->writer, (size_t)sent);
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return true;
        } else {
            hang_up(link, "writing", strerror(errno));
            return false;
        }
    }
    return true;
}

/* Reads what is there now. False if the link broke. */
static bool receive_some(struct mr_link *link)
{
    const struct mr_transport *transport = link->setup.transport;
    size_t room;
    char *into = mr_reader_room(link->reader, READ_ROOM, &room);
    ssize_t received;

    if (into == NULL) {
        hang_up(link, "out of memory", NULL);
        return false;
    }
    do
        received = transport->read(transport->owner, link->socket, into, room);
    while (received < 0 && errno == EINTR);
    if (received > 0)
        mr_reader_filled(link->reader, (size_t)received);
    else if (received == 0)
        hang_up(link, "the server closed the connection", NULL);
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        hang_up(link, "reading", strerror(errno));
    return link->socket >= 0;
}

/* Takes the next whole reply out of the reader, if there is one. */
static struct mr_reply *take_reply(struct mr_link *link)
{
    while (mr_reader_next(link->reader) == MR_READY) {
        struct mr_reply *reply = mr_builder_take(link->builder);

        if (reply == NULL || reply->type != MR_PUSH || link->push == NULL)
            return reply;
        link->push(link->push_owner, reply);
        mr_reply_free(reply);
        if (link->socket < 0)
            return NULL;
    }
    if (mr_reader_trouble(link->reader) != NULL)
        hang_up(link, "not a reply", mr_reader_trouble(link->reader));
    return NULL;
}

/* One wait: sends and reads what can be. False when the deadline came or all broke. */
static bool exchange(struct mr_link *link, long long deadline)
{
    struct pollfd place = {.fd = link->socket, .events = POLLIN};
    size_t unsent;
    int ready;

    mr_writer_bytes(&link->writer, &unsent);
    if (unsent > 0)
        place.events |= POLLOUT;
    ready = poll(&place, 1, left_ms(deadline));
    if (ready < 0 && errno != EINTR) {
        hang_up(link, "waiting", strerror(errno));
        return false;
    }
    if (ready == 0)
        return false;
    if (ready < 0)
        return left_ms(deadline) != 0;
    if ((place.revents & POLLOUT) != 0 && !send_some(link))
        return false;
    if ((place.revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !receive_some(link))
        return false;
    return true;
}

bool mr_link_flush(struct mr_link *link)
{
    size_t unsent;

    if (link->socket < 0 || !send_some(link))
        return false;
    while (mr_writer_bytes(&link->writer, &unsent) != NULL) {
        if (!exchange(link, -1))
            return false;
    }
    return true;
}

enum mr_outcome mr_link_hear(struct mr_link *link, int timeout_ms, struct mr_reply **reply)
{
    long long deadline = deadline_in(timeout_ms);

    *reply = NULL;
    if (link->socket >= 0)
        send_some(link);
    for (;;) {
        bool more;

        /* Replies that came before the end are heard even after it. */
        *reply = take_reply(link);
        if (*reply != NULL)
            return MR_HEARD;
        if (link->socket < 0)
            return MR_GONE;
        more = exchange(link, deadline);
        if (!more && link->socket >= 0)
            return MR_LATE;
    }
}

struct mr_reply *mr_link_ask(struct mr_link *link, size_t count, const char *const *words,
                             const size_t *lengths)
{
    struct mr_reply *reply;

    if (!mr_link_say(link, count, words, lengths))
        return NULL;
    mr_link_hear(link, -1, &reply);
    return reply;
}

struct mr_reply *mr_link_ask_words(struct mr_link *link, ...)
{
    const char *words[WORDS_MAX];
    va_list arguments;
    size_t count;

    va_start(arguments, link);
    count = gather(arguments, words);
    va_end(arguments);
    return mr_link_ask(link, count, words, NULL);
}

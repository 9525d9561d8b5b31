/*
 * The link is used to connect and to greet; from then on its socket is read and
 * written here, without trees and without waiting.
 *
 * What always holds:
 *   (1) 'under_way' counts the replies that are still to come. For one that asks
 *       their births are births[first], births[first + 1] ... around the ring.
 *   (2) 'depth' is 0 between replies.
 */
#include "clients/bench/bench_connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "clients/lib/mr_reader.h"
#include "clients/lib/mr_writer.h"

enum { READ_LEAST = 16384, ID_DEPTH = 4 };

struct bench_connection {
    const struct bench_role *role;
    struct bench_tally *tally;
    struct mr_link *link;
    struct mr_reader *reader;
    int socket;
    unsigned pipeline;
    unsigned under_way;
    unsigned first;
    unsigned depth;
    uint64_t now; /* when the bytes that are being read came */
    uint64_t *births;
    struct bench_id *ids;
    size_t id_count;
    size_t id_room;
    char *payload;
    struct mr_writer writer;
    struct bench_turn turn;
    struct mr_trouble trouble;
};

uint64_t bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static void write_stamp(char *payload, uint64_t born)
{
    payload[0] = '@';
    for (int i = 16; i >= 1; i--) {
        payload[i] = "0123456789abcdef"[born & 15];
        born >>= 4;
    }
    payload[BENCH_STAMP - 1] = ':';
}

/* True, with the birth, if the text begins with a stamp. */
static bool read_stamp(const char *text, size_t length, uint64_t *born)
{
    if (length < BENCH_STAMP || text[0] != '@' || text[BENCH_STAMP - 1] != ':')
        return false;
    uint64_t read = 0;
    for (int i = 1; i <= 16; i++) {
        unsigned digit = (unsigned char)text[i];
        unsigned value = digit <= '9' ? digit - '0' : digit - 'a' + 10;
        if (value > 15)
            return false;
        read = read << 4 | value;
    }
    *born = read;
    return true;
}

static void note_string(struct bench_connection *connection, const struct mr_token *token)
{
    uint64_t born;

    if (read_stamp(token->text, token->length, &born)) {
        struct bench_tally *tally = connection->tally;
        bench_histogram_add(&tally->heard, connection->now > born ? connection->now - born : 0);
        tally->heard_last = connection->now;
        return;
    }
    /* [[stream, [[id, [field, value]], ...]]]: nothing but an ID stands so deep. */
    if (connection->depth != ID_DEPTH || connection->id_count == connection->id_room ||
        token->length > BENCH_ID_ROOM)
        return;
    struct bench_id *id = &connection->ids[connection->id_count++];
    memcpy(id->text, token->text, token->length);
    id->length = (unsigned)token->length;
}

static bool on_value(void *owner, const struct mr_token *token)
{
    struct bench_connection *connection = owner;

    if (token->type == MR_ERROR) {
        snprintf(connection->trouble.text, sizeof connection->trouble.text,
                 "the server answers: %.*s", (int)(token->length < 200 ? token->length : 200),
                 token->text);
        return false;
    }
    if (connection->role->manner != BENCH_ASKS && token->type == MR_STRING)
        note_string(connection, token);
    else if (token->type == MR_NIL && connection->depth == 0)
        connection->tally->empty++;
    return true;
}

static bool on_open(void *owner, const struct mr_token *token)
{
    struct bench_connection *connection = owner;
    (void)token;
    connection->depth++;
    return true;
}

static bool on_close(void *owner, enum mr_type type)
{
    struct bench_connection *connection = owner;
    (void)type;
    connection->depth--;
    return true;
}

static const struct mr_hooks hooks = { on_value, on_open, on_close };

/* Subscribes and hears that it is so, before anything is published. */
static bool begin_listening(struct bench_connection *connection)
{
    size_t count;

    connection->turn.writer = &connection->writer;
    if (connection->role->say(&connection->turn) == 0)
        return false;
    const char *bytes = mr_writer_bytes(&connection->writer, &count);
    struct mr_reply *reply = NULL;
    bool fine = mr_link_say_raw(connection->link, bytes, count) &&
                mr_link_hear(connection->link, 5000, &reply) == MR_HEARD && reply->type != MR_ERROR;
    mr_reply_free(reply);
    mr_writer_reset(&connection->writer);
    return fine;
}

static bool allocate(struct bench_connection *connection, const struct bench_options *options)
{
    size_t size = options->size;

    if (connection->role->stamps && size < BENCH_STAMP)
        size = BENCH_STAMP;
    connection->id_room = connection->role->manner == BENCH_WORKS ? options->group_count : 1;
    connection->reader = mr_reader_new(&hooks, connection);
    connection->births = calloc(options->pipeline, sizeof *connection->births);
    connection->ids = calloc(connection->id_room, sizeof *connection->ids);
    connection->payload = malloc(size);
    if (connection->reader == NULL || connection->births == NULL || connection->ids == NULL ||
        connection->payload == NULL)
        return false;
    memset(connection->payload, 'v', size);
    connection->turn.payload = connection->payload;
    connection->turn.payload_length = size;
    return true;
}

struct bench_connection *bench_connection_new(const struct mr_link_setup *where,
                                              const struct bench_role *role, unsigned number,
                                              const struct bench_options *options,
                                              struct bench_tally *tally, struct mr_trouble *trouble)
{
    struct bench_connection *connection = calloc(1, sizeof *connection);

    snprintf(trouble->text, sizeof trouble->text, "no memory for another connection");
    if (connection == NULL)
        return NULL;
    connection->role = role;
    connection->tally = tally;
    connection->pipeline = options->pipeline;
    connection->turn.options = options;
    connection->turn.number = number;
    connection->turn.random = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    mr_writer_init(&connection->writer);
    connection->link = mr_link_open(where, trouble);
    if (connection->link == NULL) {
        bench_connection_free(connection);
        return NULL;
    }
    connection->socket = mr_link_socket(connection->link);
    if (!allocate(connection, options)) {
        bench_connection_free(connection);
        return NULL;
    }
    if (role->manner == BENCH_LISTENS && !begin_listening(connection)) {
        snprintf(trouble->text, sizeof trouble->text, "the server lets nobody subscribe");
        bench_connection_free(connection);
        return NULL;
    }
    return connection;
}

void bench_connection_free(struct bench_connection *connection)
{
    if (connection == NULL)
        return;
    mr_writer_clear(&connection->writer);
    mr_reader_free(connection->reader);
    mr_link_free(connection->link);
    free(connection->births);
    free(connection->ids);
    free(connection->payload);
    free(connection);
}

int bench_connection_socket(const struct bench_connection *connection)
{
    return connection->socket;
}

enum bench_manner bench_connection_manner(const struct bench_connection *connection)
{
    return connection->role->manner;
}

unsigned bench_connection_room(const struct bench_connection *connection)
{
    return connection->pipeline - connection->under_way;
}

bool bench_connection_is_idle(const struct bench_connection *connection)
{
    return connection->under_way == 0;
}

bool bench_connection_say(struct bench_connection *connection, uint64_t born)
{
    struct bench_turn *turn = &connection->turn;

    turn->writer = &connection->writer;
    turn->ids = connection->ids;
    turn->id_count = connection->id_count;
    if (connection->role->stamps)
        write_stamp(connection->payload, born);
    unsigned said = connection->role->say(turn);
    connection->id_count = 0;
    if (said == 0) {
        snprintf(connection->trouble.text, sizeof connection->trouble.text, "no memory");
        return false;
    }
    if (connection->role->manner == BENCH_ASKS) {
        unsigned last = connection->first + connection->under_way;
        connection->births[last < connection->pipeline ? last : last - connection->pipeline] = born;
    }
    connection->under_way += said;
    return true;
}

enum bench_flow bench_connection_send(struct bench_connection *connection)
{
    size_t count;
    const char *bytes = mr_writer_bytes(&connection->writer, &count);

    while (count > 0) {
        ssize_t sent = send(connection->socket, bytes, count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return BENCH_BLOCKED;
        if (sent < 0) {
            snprintf(connection->trouble.text, sizeof connection->trouble.text, "sending: %s",
                     strerror(errno));
            return BENCH_LOST;
        }
        mr_writer_sent(&connection->writer, (size_t)sent);
        bytes = mr_writer_bytes(&connection->writer, &count);
    }
    mr_writer_reset(&connection->writer);
    return BENCH_DONE;
}

/* One whole reply has been told. */
static void note_reply(struct bench_connection *connection)
{
    struct bench_tally *tally = connection->tally;

    if (connection->under_way == 0)
        return;
    connection->under_way--;
    if (connection->role->manner != BENCH_ASKS)
        return;
    uint64_t born = connection->births[connection->first++];
    if (connection->first == connection->pipeline)
        connection->first = 0;
    bench_histogram_add(&tally->asked, connection->now > born ? connection->now - born : 0);
    tally->asked_last = connection->now;
}

enum bench_flow bench_connection_hear(struct bench_connection *connection)
{
    size_t room;
    char *into = mr_reader_room(connection->reader, READ_LEAST, &room);
    ssize_t got = into == NULL ? -1 : recv(connection->socket, into, room, 0);

    if (got < 0 && into != NULL && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return BENCH_DONE;
    if (got <= 0) {
        const char *reason = strerror(errno);
        if (into == NULL)
            reason = "no memory";
        else if (got == 0 && connection->role->manner == BENCH_LISTENS)
            reason = "the server closed a listener; is it too far behind? (--backlog, -d)";
        else if (got == 0)
            reason = "the server closed a connection";
        snprintf(connection->trouble.text, sizeof connection->trouble.text, "%s", reason);
        return BENCH_LOST;
    }
    connection->now = bench_now();
    mr_reader_filled(connection->reader, (size_t)got);
    while (true) {
        switch (mr_reader_next(connection->reader)) {
        case MR_READY:
            note_reply(connection);
            break;
        case MR_MORE:
            return BENCH_DONE;
        case MR_BROKEN:
            if (connection->trouble.text[0] == 0)
                snprintf(connection->trouble.text, sizeof connection->trouble.text, "%s",
                         mr_reader_trouble(connection->reader));
            return BENCH_LOST;
        }
    }
}

const char *bench_connection_trouble(const struct bench_connection *connection)
{
    return connection->trouble.text;
}

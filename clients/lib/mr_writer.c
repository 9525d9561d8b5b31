/*
 * What always holds: sent <= length <= room, and the bytes from 'sent' to
 * 'length' are whole commands, the first perhaps sent in part.
 */
#include "clients/lib/mr_writer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_ROOM = 4 * 1024,
    KEPT_ROOM = 1024 * 1024, /* an empty buffer above this is given back */
    NUMBER_BYTES = 24        /* a type byte, twenty digits, a line end */
};

void mr_writer_init(struct mr_writer *writer)
{
    memset(writer, 0, sizeof *writer);
}

void mr_writer_clear(struct mr_writer *writer)
{
    free(writer->bytes);
    memset(writer, 0, sizeof *writer);
}

void mr_writer_reset(struct mr_writer *writer)
{
    writer->sent = 0;
    writer->length = 0;
}

/* Makes room for so many bytes behind what is there. */
static bool reserve(struct mr_writer *writer, size_t more)
{
    if (writer->room - writer->length >= more)
        return true;
    if (writer->sent > 0) {
        memmove(writer->bytes, writer->bytes + writer->sent, writer->length - writer->sent);
        writer->length -= writer->sent;
        writer->sent = 0;
    }

    size_t room = writer->room > 0 ? writer->room : FIRST_ROOM;
    char *bytes;

    if (more > SIZE_MAX / 4)
        return false;
    while (room - writer->length < more)
        room *= 2;
    if (room == writer->room)
        return true;
    bytes = realloc(writer->bytes, room);
    if (bytes == NULL)
        return false;
    writer->bytes = bytes;
    writer->room = room;
    return true;
}

/* Writes a header such as *3 or $11; the room is there. */
static char *put_header(char *to, char kind, size_t number)
{
    char digits[NUMBER_BYTES];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *to++ = kind;
    while (count > 0)
        *to++ = digits[--count];
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

bool mr_writer_add(struct mr_writer *writer, size_t count, const char *const *words,
                   const size_t *lengths)
{
    size_t needed = NUMBER_BYTES;
    char *to;

    if (count == 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t length = lengths != NULL ? lengths[i] : strlen(words[i]);

        if (length > SIZE_MAX / 4 - needed)
            return false;
        needed += NUMBER_BYTES + length + 2;
    }
    if (!reserve(writer, needed))
        return false;

    to = put_header(writer->bytes + writer->length, '*', count);
    for (size_t i = 0; i < count; i++) {
        size_t length = lengths != NULL ? lengths[i] : strlen(words[i]);

        to = put_header(to, '$', length);
        if (length > 0)
            memcpy(to, words[i], length);
        to += length;
        *to++ = '\r';
        *to++ = '\n';
    }
    writer->length = (size_t)(to - writer->bytes);
    return true;
}

bool mr_writer_raw(struct mr_writer *writer, const void *bytes, size_t count)
{
    if (count == 0)
        return true;
    if (!reserve(writer, count))
        return false;
    memcpy(writer->bytes + writer->length, bytes, count);
    writer->length += count;
    return true;
}

const char *mr_writer_bytes(const struct mr_writer *writer, size_t *count)
{
    *count = writer->length - writer->sent;
    return *count > 0 ? writer->bytes + writer->sent : NULL;
}

void mr_writer_sent(struct mr_writer *writer, size_t count)
{
    writer->sent += count;
    if (writer->sent < writer->length)
        return;
    if (writer->room > KEPT_ROOM)
        mr_writer_clear(writer);
    else
        mr_writer_reset(writer);
}

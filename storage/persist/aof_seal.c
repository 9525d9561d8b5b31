/* One line, printed and read. */
#include "storage/persist/aof_seal.h"

#include <inttypes.h>
#include <stdio.h>

#include "storage/base/number.h"

enum { HEX_DIGITS = 16 };

#define MARK SLICE("#sum ")

size_t aof_seal_print(uint64_t bytes, uint64_t sum, uint64_t durable, char *to)
{
    return (size_t)snprintf(to, AOF_SEAL_MAX, "#sum %" PRIu64 " %016" PRIx64 " %" PRIu64 "\r\n",
                            bytes, sum, durable);
}

static bool read_hex(struct slice digits, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        char digit = digits.at[i];

        if (digit >= '0' && digit <= '9')
            *number = *number << 4 | (uint64_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            *number = *number << 4 | (uint64_t)(digit - 'a' + 10);
        else
            return false;
    }
    return digits.len == HEX_DIGITS;
}

/* Takes a word up to a blank or the end. */
static struct slice take_word(struct slice *line)
{
    const char *blank = memchr(line->at, ' ', line->len);
    size_t len = blank == NULL ? line->len : (size_t)(blank - line->at);
    struct slice word = slice_of(line->at, len);

    *line = slice_after(*line, blank == NULL ? len : len + 1);
    return word;
}

bool aof_seal_read(struct slice line, struct aof_seal *seal)
{
    if (line.len < MARK.len + 2 || memcmp(line.at, MARK.at, MARK.len) != 0 ||
        memcmp(line.at + line.len - 2, "\r\n", 2) != 0)
        return false;
    line = slice_of(line.at + MARK.len, line.len - MARK.len - 2);
    seal->durable = UINT64_MAX;
    return number_read_unsigned(take_word(&line), &seal->bytes) &&
           read_hex(take_word(&line), &seal->sum) &&
           (line.len == 0 || number_read_unsigned(line, &seal->durable));
}

/* Reads the seal that begins at an offset, if one does. */
static bool read_at(struct slice file, size_t at, struct aof_seal *seal)
{
    struct slice rest = slice_after(file, at);
    const char *end = memchr(rest.at, '\n', rest.len < AOF_SEAL_MAX ? rest.len : AOF_SEAL_MAX);

    return end != NULL && aof_seal_read(slice_of(rest.at, (size_t)(end - rest.at) + 1), seal);
}

/* Text of a value may look like a seal, but cannot say less than a true one says. */
uint64_t aof_seal_durable(struct slice file)
{
    uint64_t durable = 0;
    size_t end = file.len;
    bool any = false;
    const char *found;

    while (end > durable && (found = memrchr(file.at, '#', end)) != NULL) {
        struct aof_seal seal;

        end = (size_t)(found - file.at);
        if ((end > 0 && found[-1] != '\n') || !read_at(file, end, &seal))
            continue;
        any = true;
        if (seal.durable > end)
            seal.durable = end;
        if (seal.durable > durable)
            durable = seal.durable;
    }
    return any ? durable : UINT64_MAX;
}

bool aof_seal_follows(struct slice bytes, uint64_t offset, uint64_t last_seal, uint64_t *at)
{
    const char *begin = bytes.at;
    const char *found;

    while (bytes.len > 0 && (found = memmem(bytes.at, bytes.len, MARK.at, MARK.len)) != NULL) {
        struct aof_seal seal;

        bytes = slice_after(bytes, (size_t)(found - bytes.at));
        *at = offset + (uint64_t)(found - begin);
        if (read_at(bytes, 0, &seal) && seal.bytes > 0 && seal.bytes == *at - last_seal)
            return true;
        bytes = slice_after(bytes, 1);
    }
    return false;
}

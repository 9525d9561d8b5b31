/* One line, printed and read. */
#include "storage/persist/aof_seal.h"

#include <inttypes.h>
#include <stdio.h>

#include "storage/base/number.h"

enum { HEX_DIGITS = 16 };

#define MARK SLICE("#sum ")

size_t aof_seal_print(uint64_t bytes, uint64_t sum, char *to)
{
    return (size_t)snprintf(to, AOF_SEAL_MAX, "#sum %" PRIu64 " %016" PRIx64 "\r\n", bytes, sum);
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

bool aof_seal_read(struct slice line, uint64_t *bytes, uint64_t *sum)
{
    const char *blank;

    if (line.len < MARK.len + 2 || memcmp(line.at, MARK.at, MARK.len) != 0 ||
        memcmp(line.at + line.len - 2, "\r\n", 2) != 0)
        return false;
    line = slice_of(line.at + MARK.len, line.len - MARK.len - 2);
    blank = memchr(line.at, ' ', line.len);
    return blank != NULL &&
           number_read_unsigned(slice_of(line.at, (size_t)(blank - line.at)), bytes) &&
           read_hex(slice_after(line, (size_t)(blank - line.at) + 1), sum);
}

bool aof_seal_follows(struct slice bytes, uint64_t offset, uint64_t last_seal, uint64_t *at)
{
    const char *begin = bytes.at;
    const char *found;

    while (bytes.len > 0 && (found = memmem(bytes.at, bytes.len, MARK.at, MARK.len)) != NULL) {
        const char *end;
        uint64_t covered, sum;

        bytes = slice_after(bytes, (size_t)(found - bytes.at));
        end = memchr(bytes.at, '\n', bytes.len < AOF_SEAL_MAX ? bytes.len : AOF_SEAL_MAX);
        *at = offset + (uint64_t)(found - begin);
        if (end != NULL &&
            aof_seal_read(slice_of(bytes.at, (size_t)(end - bytes.at) + 1), &covered, &sum) &&
            covered > 0 && covered == *at - last_seal)
            return true;
        bytes = slice_after(bytes, 1);
    }
    return false;
}

/* IDs as text, and the choice of the next one. */
#include "streams/entry_id.h"

#include "storage/base/number.h"

size_t entry_id_print(struct entry_id id, char *to)
{
    size_t used = number_put_unsigned(to, id.ms);

    to[used++] = '-';
    return used + number_put_unsigned(to + used, id.seq);
}

/* Digits, as many as like, with a plus in front if need be: clients pad IDs with zeros. */
static bool read_number(struct slice text, uint64_t *number)
{
    uint64_t read = 0;

    if (text.len > 0 && text.at[0] == '+')
        text = slice_after(text, 1);
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.at[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(read, 10, &read) ||
            __builtin_add_overflow(read, digit, &read))
            return false;
    }
    *number = read;
    return true;
}

bool entry_id_read(struct slice text, uint64_t missing_seq, struct entry_id *id)
{
    const char *dash = text.len > 0 ? memchr(text.at, '-', text.len) : NULL;
    struct entry_id read = { .seq = missing_seq };
    struct slice ms = text;

    if (dash != NULL) {
        ms.len = (size_t)(dash - text.at);
        if (!read_number(slice_after(text, ms.len + 1), &read.seq))
            return false;
    }
    if (!read_number(ms, &read.ms))
        return false;
    *id = read;
    return true;
}

bool entry_id_read_wish(struct slice text, enum entry_id_wish *wish, struct entry_id *id)
{
    if (text.len == 1 && text.at[0] == '*') {
        *wish = ENTRY_ID_NEXT;
        *id = ENTRY_ID_MIN;
        return true;
    }
    if (text.len > 2 && text.at[text.len - 2] == '-' && text.at[text.len - 1] == '*') {
        *wish = ENTRY_ID_NUMBER;
        text.len -= 2;
        id->seq = 0;
        return read_number(text, &id->ms);
    }
    *wish = ENTRY_ID_EXACTLY;
    return entry_id_read(text, 0, id);
}

bool entry_id_choose(enum entry_id_wish wish, struct entry_id wished, struct entry_id last,
                     uint64_t now_ms, struct entry_id *id)
{
    struct entry_id chosen = wished;

    switch (wish) {
    case ENTRY_ID_NEXT:
        /* A clock that went back must not make IDs fall. */
        chosen = (struct entry_id){ now_ms, 0 };
        if (now_ms <= last.ms) {
            chosen = last;
            if (!entry_id_step(&chosen))
                return false;
        }
        break;
    case ENTRY_ID_NUMBER:
        chosen.seq = 0;
        if (wished.ms == last.ms) {
            if (last.seq == UINT64_MAX)
                return false;
            chosen.seq = last.seq + 1;
        }
        break;
    case ENTRY_ID_EXACTLY:
        break;
    }
    if (entry_id_compare(chosen, last) <= 0)
        return false;
    *id = chosen;
    return true;
}

/*
 * Looking commands up.
 *
 * A name of up to 24 bytes is loaded as three 64-bit numbers, the case of its
 * letters is folded eight bytes at a time, and the numbers are hashed and then
 * compared as such: no loop over bytes, no call. One name in twenty or so needs
 * a second place of the index (see tablegen_write.c).
 */
#include "broker/dispatch/command_private.h"

#include <endian.h>

#include "storage/base/must.h"

/* A name ready to be compared. */
struct folded {
    uint64_t word[COMMAND_NAME_WORDS];
};

/*
 * Makes the capitals among eight bytes small. In each byte, adding 0x3f sets the
 * top bit if the low seven are at least 'A', adding 0x25 if they are beyond 'Z'.
 * No sum leaves its byte, since the top bits were taken away before.
 */
static inline uint64_t fold(uint64_t bytes)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = bytes & (0x7f * ones);
    uint64_t capital = (low + 0x3f * ones) & ~(low + 0x25 * ones) & ~bytes & (0x80 * ones);

    return bytes | capital >> 2;
}

/* One to eight bytes as a number, first byte lowest, never reading behind the last. */
static inline uint64_t load(const char *at, size_t len)
{
    if (len >= 8) {
        uint64_t whole;
        memcpy(&whole, at, 8);
        return le64toh(whole);
    }
    if (len >= 4) {
        /* Two loads that overlap: the bytes they share are equal, so or-ing them is harmless. */
        uint32_t head, tail;
        memcpy(&head, at, 4);
        memcpy(&tail, at + len - 4, 4);
        return le32toh(head) | (uint64_t)le32toh(tail) << ((len - 4) * 8);
    }
    uint64_t value = (unsigned char)at[0];
    if (len >= 2)
        value |= (uint64_t)(unsigned char)at[1] << 8;
    if (len == 3)
        value |= (uint64_t)(unsigned char)at[2] << 16;
    return value;
}

/* Looks one word up among the names of the top, or those of a container. */
static inline const struct command *find(struct slice name, uint16_t container)
{
    struct folded folded = { { 0 } };

    if (UNLIKELY(name.len == 0 || name.len > COMMAND_NAME_MAX))
        return NULL;
    folded.word[0] = fold(load(name.at, name.len));
    if (name.len > 8) {
        folded.word[1] = fold(load(name.at + 8, name.len - 8));
        if (name.len > 16)
            folded.word[2] = fold(load(name.at + 16, name.len - 16));
    }

    size_t mask = ((size_t)1 << (64 - command_slot_shift)) - 1;
    size_t at = (size_t)(command_hash(folded.word, container, command_seed) >> command_slot_shift);
    for (;; at = (at + 1) & mask) {
        const struct command_slot *slot = &command_slots[at];

        if (slot->word[0] == folded.word[0] && slot->length == name.len &&
            slot->word[1] == folded.word[1] && slot->word[2] == folded.word[2] &&
            slot->container == container)
            return &command_rows[slot->row];
        if (slot->length == 0)
            return NULL;
    }
}

const struct command *command_find(const struct slice *words, size_t count)
{
    const struct command *command = find(words[0], 0);

    if (command == NULL || command->subcommand_count == 0 || count < 2)
        return command;
    const struct command *subcommand = find(words[1], (uint16_t)(command->index + 1));
    return subcommand != NULL ? subcommand : command;
}

const struct command *command_find_again(struct command_memo *memo, const struct slice *words,
                                         size_t count)
{
    const struct command *command;
    uint64_t name;

    if (UNLIKELY(words[0].len == 0 || words[0].len > 8))
        return command_find(words, count);
    name = load(words[0].at, words[0].len);
    if (LIKELY(name == memo->name && words[0].len == memo->len))
        return memo->command;
    command = command_find(words, count);
    if (command != NULL && command->subcommand_count == 0 && command->parent == NULL)
        *memo = (struct command_memo){ name, words[0].len, command };
    return command;
}

const struct command *command_named(struct slice full_name)
{
    const char *bar = full_name.len == 0 ? NULL : memchr(full_name.at, '|', full_name.len);

    if (bar == NULL)
        return find(full_name, 0);
    size_t head = (size_t)(bar - full_name.at);
    const struct command *container = find(slice_of(full_name.at, head), 0);
    if (container == NULL)
        return NULL;
    return find(slice_after(full_name, head + 1), (uint16_t)(container->index + 1));
}

const struct command *command_at(size_t index)
{
    must(index < command_row_count);
    return &command_rows[index];
}

size_t command_count(void)
{
    return command_row_count;
}

size_t command_top_count(void)
{
    return command_top_rows;
}

const char *command_flag_name(enum command_flags flag)
{
#define NAME(name, word) \
    case COMMAND_##name: \
        return word;

    if (flag == COMMAND_MAY_REPLICATE || flag == COMMAND_PROTECTED)
        return NULL;
    switch (flag) {
        COMMAND_FLAG_WORDS(NAME)
    }
#undef NAME
    return NULL;
}

const char *command_category_name(enum command_category category)
{
#define NAME(name, word)  \
    case CATEGORY_##name: \
        return word;

    switch (category) {
        COMMAND_CATEGORY_WORDS(NAME)
    case CATEGORY_COUNT:
        break;
    }
#undef NAME
    return NULL;
}

bool command_category_find(struct slice name, enum command_category *category)
{
    for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
        if (slice_equal_nocase(name, slice_text(command_category_name((enum command_category)i)))) {
            *category = (enum command_category)i;
            return true;
        }
    }
    return false;
}

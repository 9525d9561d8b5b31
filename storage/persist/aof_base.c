/* One buffer is used for statement after statement; the writer has a larger one of its own. */
#include "storage/persist/aof_base.h"

#include <unistd.h>

#include "storage/base/io.h"
#include "storage/base/number.h"
#include "storage/base/trouble.h"
#include "storage/format/rdb_format.h"
#include "storage/format/statement.h"
#include "storage/keyspace/keyspace.h"
#include "storage/persist/aof_seal.h"
#include "storage/persist/rdb_save.h"

enum { EDGE_MOST = 40 };

#define BEGIN_LINE SLICE("#millrace base\r\n")
#define END_WORD SLICE("#end ")

struct base {
    struct writer                 *to;
    const struct aof_base_watcher *watcher;
    const struct value_types      *types;
    struct buffer                  statement;
    uint64_t                       keys;
};

static void say(void *who, const struct slice *words, size_t count)
{
    struct base *base = who;

    buffer_rewind(&base->statement);
    statement_put(&base->statement, words, count);
    writer_put(base->to, buffer_slice(&base->statement));
}

/* A string is one statement, its expiry included. */
static void say_string(struct base *base, const struct item *item)
{
    struct item_digits digits;
    char due[NUMBER_INTEGER_MAX];
    struct slice words[5] = { SLICE("SET"), item_key(item), item_string(item, &digits),
                              SLICE("PXAT"), { due, 0 } };

    if (item_expires(item))
        words[4].len = number_put(due, item_due(item));
    say(base, words, item_expires(item) ? 5 : 3);
}

static void say_value(struct base *base, const struct item *item)
{
    struct statement_sink sink = { say, base };
    char due[NUMBER_INTEGER_MAX];
    struct slice words[3] = { SLICE("PEXPIREAT"), item_key(item), { due, 0 } };

    base->types->of[item_kind(item)]->rewrite(item_value(item), item_key(item), &sink);
    if (!item_expires(item))
        return;
    words[2].len = number_put(due, item_due(item));
    say(base, words, 3);
}

static bool write_item(void *who, struct item *item)
{
    struct base *base = who;

    if (item_kind(item) == VALUE_STRING)
        say_string(base, item);
    else
        say_value(base, item);
    base->keys++;
    if (base->watcher != NULL)
        base->watcher->wrote(base->watcher->who, base->keys);
    return true;
}

static void say_library(void *who, struct slice code)
{
    const struct slice words[3] = { SLICE("FUNCTION"), SLICE("LOAD"), code };

    say(who, words, 3);
}

static void put_time(struct writer *to, const struct aof_base_watcher *watcher)
{
    struct buffer line = { 0 };

    if (watcher == NULL || watcher->time == 0)
        return;
    buffer_print(&line, "#TS:%lld\r\n", (long long)watcher->time);
    writer_put(to, buffer_slice(&line));
    buffer_clear(&line);
}

void aof_base_write(struct keyspaces *keyspaces, struct writer *to,
                    const struct aof_base_watcher *watcher)
{
    struct base base = { to, watcher, keyspaces_types(keyspaces), { 0 }, 0 };
    uint64_t began = writer_position(to);
    char seal[AOF_SEAL_MAX];
    struct slice line = { seal, 0 };

    writer_checksum_begin(to);
    put_time(to, watcher);
    writer_put(to, BEGIN_LINE);
    if (watcher != NULL && watcher->functions != NULL)
        watcher->functions->each(watcher->functions->who, say_library, &base);
    for (uint32_t db = 0; db < keyspaces_count(keyspaces); db++) {
        struct keyspace *keys = keyspaces_at(keyspaces, db);
        char digits[NUMBER_INTEGER_MAX];
        struct slice words[2] = { SLICE("SELECT"), { digits, 0 } };

        if (keyspace_count(keys) == 0)
            continue;
        words[1].len = number_put(digits, db);
        say(&base, words, 2);
        keyspace_each(keys, write_item, &base);
    }
    line.len = aof_seal_print(writer_position(to) - began, writer_checksum(to),
                              writer_position(to), seal);
    writer_put(to, line);
    buffer_rewind(&base.statement);
    buffer_add(&base.statement, END_WORD);
    buffer_add_integer(&base.statement, (int64_t)(writer_position(to) - began));
    buffer_add(&base.statement, SLICE("\r\n"));
    writer_put(to, buffer_slice(&base.statement));
    buffer_clear(&base.statement);
}

/* Reads up to `len` bytes at an offset. */
static bool read_edge(int fd, uint64_t at, char *to, size_t *len, struct trouble *trouble)
{
    ssize_t got = pread(fd, to, *len, (off_t)at);

    if (got < 0)
        return trouble_errno(trouble, "reading");
    *len = (size_t)got;
    return true;
}

/* Whether the bytes end in a last line that names the right length. */
static bool ends_whole(struct slice tail, uint64_t size)
{
    uint64_t length;

    for (size_t i = 0; i + END_WORD.len + 2 < tail.len; i++) {
        struct slice rest = slice_after(tail, i);

        if (memcmp(rest.at, END_WORD.at, END_WORD.len) == 0 &&
            memcmp(rest.at + rest.len - 2, "\r\n", 2) == 0 &&
            number_read_unsigned(slice_of(rest.at + END_WORD.len, rest.len - END_WORD.len - 2),
                                 &length) &&
            length == size - rest.len)
            return true;
    }
    return false;
}

/* Whether the first line, or the one behind a note of the time, is ours. */
static bool begins_ours(struct slice head)
{
    const char *end;

    if (head.len > 4 && memcmp(head.at, "#TS:", 4) == 0 &&
        (end = memchr(head.at, '\n', head.len)) != NULL)
        head = slice_after(head, (size_t)(end - head.at) + 1);
    return head.len >= BEGIN_LINE.len &&
           memcmp(head.at, BEGIN_LINE.at, BEGIN_LINE.len) == 0;
}

bool aof_base_look(int fd, uint64_t size, enum aof_base_state *state, struct trouble *trouble)
{
    char edge[EDGE_MOST];
    size_t len = sizeof(edge);

    *state = AOF_BASE_PLAIN;
    if (!read_edge(fd, 0, edge, &len, trouble))
        return false;
    if (rdb_begins(slice_of(edge, len)))
        *state = AOF_BASE_RDB;
    if (!begins_ours(slice_of(edge, len)))
        return true;
    len = size < EDGE_MOST ? (size_t)size : EDGE_MOST;
    if (!read_edge(fd, size - len, edge, &len, trouble))
        return false;
    *state = ends_whole(slice_of(edge, len), size) ? AOF_BASE_WHOLE : AOF_BASE_CUT;
    return true;
}

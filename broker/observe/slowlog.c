/* A ring of blocks; each holds the texts of one call behind its header. */
#include "broker/observe/slowlog.h"

#include <stdio.h>

#include "broker/config/options.h"
#include "broker/dispatch/call.h"
#include "broker/net/connection.h"
#include "broker/observe/redact.h"
#include "storage/base/memory.h"
#include "storage/format/statement.h"
#include "storage/index/ring.h"

enum { WORDS_KEPT = 32, WORD_KEPT = 128, PEER_BYTES = 160, NOTE_BYTES = 64 };

/* What is kept of a call: words, peer and name, one after the other. */
struct noted {
    uint64_t id;
    int64_t  when;
    micros   took;
    size_t   words_len;
    size_t   peer_len;
    size_t   name_len;
    char     text[];
};

struct slowlog {
    const struct options *options;
    struct ring          *noted; /* oldest first */
    uint64_t              next_id;
};

struct slowlog *slowlog_new(const struct options *options)
{
    struct slowlog *slowlog = memory_new_zeroed(1, sizeof(*slowlog));

    slowlog->options = options;
    slowlog->noted = ring_new();
    return slowlog;
}

void slowlog_free(struct slowlog *slowlog)
{
    if (slowlog == NULL)
        return;
    slowlog_reset(slowlog);
    ring_free(slowlog->noted);
    memory_free(slowlog);
}

micros slowlog_wants(const void *who)
{
    const struct slowlog *slowlog = who;
    int64_t least = slowlog->options->slowlog_log_slower_than;

    return least < 0 || slowlog->options->slowlog_max_len == 0 ? INT64_MAX : least;
}

/* A word, or its beginning with a note of how much was left out. */
static void add_word(struct buffer *to, struct slice word, struct buffer *scratch)
{
    if (word.len <= WORD_KEPT) {
        statement_word(to, word);
        return;
    }
    buffer_rewind(scratch);
    buffer_add(scratch, slice_of(word.at, WORD_KEPT));
    buffer_print(scratch, "... (%zu more bytes)", word.len - WORD_KEPT);
    statement_word(to, buffer_slice(scratch));
}

static void add_words(struct buffer *to, const struct call *call)
{
    struct redacted redacted = redact(call);
    struct buffer scratch = { 0 };
    size_t count = call->args->count;
    size_t kept = count > WORDS_KEPT ? WORDS_KEPT - 1 : count;

    statement_begin(to, count > kept ? kept + 1 : kept);
    for (size_t i = 0; i < kept; i++)
        add_word(to, redacted_word(&redacted, i), &scratch);
    if (count > kept) {
        char note[NOTE_BYTES];
        int len = snprintf(note, sizeof(note), "... (%zu more arguments)", count - kept);

        statement_word(to, slice_of(note, (size_t)len));
    }
    buffer_clear(&scratch);
}

static void note(struct slowlog *slowlog, const struct call *call, micros took)
{
    const struct session *session = call->session;
    char peer[PEER_BYTES] = "";
    struct slice name = session_name(session);
    struct buffer words = { 0 };
    struct noted *noted;

    add_words(&words, call);
    if (session->connection != NULL)
        connection_peer_name(session->connection, peer, sizeof(peer));
    noted = memory_new(sizeof(*noted) + words.len + strlen(peer) + name.len);
    *noted = (struct noted){ slowlog->next_id++, call->now / 1000, took,
                             words.len, strlen(peer), name.len };
    memcpy(noted->text, words.at, words.len);
    memcpy(noted->text + words.len, peer, noted->peer_len);
    if (name.len > 0)
        memcpy(noted->text + words.len + noted->peer_len, name.at, name.len);
    buffer_clear(&words);
    ring_push_last(slowlog->noted, noted);
    slowlog_trim(slowlog);
}

void slowlog_witness(void *who, const struct call *call, enum verdict verdict, micros took)
{
    if (took < slowlog_wants(who) || verdict == VERDICT_WAIT ||
        (call->command->flags & COMMAND_SKIP_SLOWLOG) != 0)
        return;
    note(who, call, took);
}

size_t slowlog_count(const struct slowlog *slowlog)
{
    return ring_count(slowlog->noted);
}

struct slow_call slowlog_at(const struct slowlog *slowlog, size_t index)
{
    const struct noted *noted = ring_at(slowlog->noted, slowlog_count(slowlog) - 1 - index);
    const char *peer = noted->text + noted->words_len;

    return (struct slow_call){ .id = noted->id,
                               .when = noted->when,
                               .took = noted->took,
                               .words = slice_of(noted->text, noted->words_len),
                               .peer = slice_of(peer, noted->peer_len),
                               .name = slice_of(peer + noted->peer_len, noted->name_len) };
}

static void keep(struct slowlog *slowlog, size_t most)
{
    while (ring_count(slowlog->noted) > most)
        memory_free(ring_pop_first(slowlog->noted));
}

void slowlog_reset(struct slowlog *slowlog)
{
    keep(slowlog, 0);
}

void slowlog_trim(struct slowlog *slowlog)
{
    keep(slowlog, (size_t)slowlog->options->slowlog_max_len);
}

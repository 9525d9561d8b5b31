/* The names of channels are put together in a buffer that is kept. */
#include "broker/effects/notice.h"

#include "broker/config/options.h"
#include "pubsub/hub.h"
#include "storage/base/memory.h"

struct notice {
    struct ledger        *ledger;
    struct hub           *hub;
    const struct options *options;
    struct buffer         channel;
    struct buffer         payload;
    size_t                told; /* lines of the call under way that are published already */
};

struct notice *notice_new(struct ledger *ledger, struct hub *hub, const struct options *options)
{
    struct notice *notice = memory_new_zeroed(1, sizeof(*notice));

    notice->ledger = ledger;
    notice->hub = hub;
    notice->options = options;
    notice_follow_option(notice);
    return notice;
}

void notice_free(struct notice *notice)
{
    if (notice == NULL)
        return;
    buffer_clear(&notice->channel);
    buffer_clear(&notice->payload);
    memory_free(notice);
}

void notice_follow_option(struct notice *notice)
{
    uint32_t wanted = notice->options->notify_keyspace_events;

    ledger_listen(notice->ledger, LISTENER_NOTICES, wanted != 0);
    ledger_listen(notice->ledger, LISTENER_FIELDS, (wanted & OPTION_NOTICE_FIELDS) != 0);
}

/* Begins the name of a channel; what it is about follows. */
static void name_channel(struct notice *notice, struct slice prefix, uint32_t db, struct slice name)
{
    struct buffer *channel = &notice->channel;

    buffer_rewind(channel);
    buffer_add(channel, prefix);
    buffer_add_integer(channel, db);
    buffer_add(channel, SLICE("__:"));
    buffer_add(channel, name);
}

static void publish_named(struct notice *notice, struct slice payload)
{
    (void)hub_publish(notice->hub, TOPIC_CHANNEL, buffer_slice(&notice->channel), payload);
}

static void publish(struct notice *notice, struct slice prefix, uint32_t db, struct slice name,
                    struct slice payload)
{
    name_channel(notice, prefix, db, name);
    publish_named(notice, payload);
}

/* A text that tells its length. */
static void add_counted(struct buffer *to, struct slice text)
{
    buffer_add_integer(to, (int64_t)text.len);
    buffer_add(to, SLICE(":"));
    buffer_add(to, text);
}

/* A payload of what goes in front, if anything, and the fields of a line. */
static struct slice fields_behind(struct notice *notice, const struct ledger_line *line,
                                  struct slice front, bool counted)
{
    const struct slice *fields = ledger_fields(notice->ledger, line);
    struct buffer *payload = &notice->payload;

    buffer_rewind(payload);
    if (counted)
        add_counted(payload, front);
    else
        buffer_add(payload, front);
    if (front.len > 0 || counted)
        buffer_add(payload, SLICE("|"));
    for (uint32_t i = 0; i < line->fields; i++) {
        if (i > 0)
            buffer_add(payload, SLICE(","));
        add_counted(payload, fields[i]);
    }
    return buffer_slice(payload);
}

static void publish_fields(struct notice *notice, const struct ledger_line *line, uint32_t wanted)
{
    const struct slice *fields = ledger_fields(notice->ledger, line);
    struct slice event = slice_text(line->event);
    bool one_line = line->key.len == 0 || memchr(line->key.at, '\n', line->key.len) == NULL;

    if ((wanted & OPTION_NOTICE_FIELDS_OF_KEY) != 0)
        publish(notice, SLICE("__subkeyspace@"), line->db, line->key,
                fields_behind(notice, line, event, false));
    if ((wanted & OPTION_NOTICE_FIELDS_OF_EVENT) != 0)
        publish(notice, SLICE("__subkeyevent@"), line->db, event,
                fields_behind(notice, line, line->key, true));
    for (uint32_t i = 0; (wanted & OPTION_NOTICE_ONE_FIELD) != 0 && one_line && i < line->fields;
         i++) {
        name_channel(notice, SLICE("__subkeyspaceitem@"), line->db, line->key);
        buffer_add(&notice->channel, SLICE("\n"));
        buffer_add(&notice->channel, fields[i]);
        publish_named(notice, event);
    }
    if ((wanted & OPTION_NOTICE_FIELDS_OF_BOTH) != 0) {
        struct slice payload = fields_behind(notice, line, SLICE(""), false);

        name_channel(notice, SLICE("__subkeyspaceevent@"), line->db, event);
        buffer_add(&notice->channel, SLICE("|"));
        buffer_add(&notice->channel, line->key);
        publish_named(notice, payload);
    }
}

static void tell(struct notice *notice, const struct ledger_line *lines, size_t count)
{
    uint32_t wanted = notice->options->notify_keyspace_events;
    uint32_t of_fields = (wanted & OPTION_NOTICE_CLASSES) != 0 ? wanted : OPTION_NOTICE_ALL;

    if (wanted == 0 || hub_is_empty(notice->hub))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct ledger_line *line = &lines[i];
        struct slice event;

        if (line->event == NULL)
            continue;
        event = slice_text(line->event);
        if ((line->class & wanted) != 0 && (wanted & OPTION_NOTICE_KEYSPACE) != 0)
            publish(notice, SLICE("__keyspace@"), line->db, line->key, event);
        if ((line->class & wanted) != 0 && (wanted & OPTION_NOTICE_KEYEVENT) != 0)
            publish(notice, SLICE("__keyevent@"), line->db, event, line->key);
        if (UNLIKELY(line->fields > 0) && (line->class & of_fields) != 0)
            publish_fields(notice, line, wanted);
    }
}

void notice_changes(void *who, const struct ledger_line *lines, size_t count)
{
    struct notice *notice = who;
    size_t told = notice->told;

    notice->told = 0;
    tell(notice, lines + told, count - told);
}

void notice_catch_up(struct notice *notice)
{
    const struct ledger_line *lines;
    size_t count = ledger_lines(notice->ledger, &lines);

    if (LIKELY(count <= notice->told))
        return;
    tell(notice, lines + notice->told, count - notice->told);
    notice->told = count;
}

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
    memory_free(notice);
}

void notice_follow_option(struct notice *notice)
{
    ledger_listen(notice->ledger, LISTENER_NOTICES, notice->options->notify_keyspace_events != 0);
}

static void publish(struct notice *notice, struct slice prefix, uint32_t db, struct slice name,
                    struct slice payload)
{
    struct buffer *channel = &notice->channel;

    buffer_rewind(channel);
    buffer_add(channel, prefix);
    buffer_add_integer(channel, db);
    buffer_add(channel, SLICE("__:"));
    buffer_add(channel, name);
    (void)hub_publish(notice->hub, TOPIC_CHANNEL, buffer_slice(channel), payload);
}

void notice_changes(void *who, const struct ledger_line *lines, size_t count)
{
    struct notice *notice = who;
    uint32_t wanted = notice->options->notify_keyspace_events;

    if (wanted == 0 || hub_is_empty(notice->hub))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct ledger_line *line = &lines[i];
        struct slice event;

        if (line->event == NULL || (line->class & wanted) == 0)
            continue;
        event = slice_text(line->event);
        if ((wanted & OPTION_NOTICE_KEYSPACE) != 0)
            publish(notice, SLICE("__keyspace@"), line->db, line->key, event);
        if ((wanted & OPTION_NOTICE_KEYEVENT) != 0)
            publish(notice, SLICE("__keyevent@"), line->db, event, line->key);
    }
}

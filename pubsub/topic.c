#include "pubsub/topic.h"

#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/number.h"

/* How many sinks ahead a sink is asked for, so that it has come when it is its turn. */
enum { PREFETCH_AHEAD = 6 };

/* Room for "4\r\n$8\r\npmessage\r\n$" with a length and the line ends of a name. */
enum { PATTERN_HEAD_ROOM = 17 + NUMBER_INTEGER_MAX + 4 };

/* Writes "$len\r\nbytes\r\n" at `to`; returns its length. */
static size_t put_bulk(char *to, struct slice bytes)
{
    size_t used = 0;

    to[used++] = '$';
    used += number_put_unsigned(to + used, bytes.len);
    to[used++] = '\r';
    to[used++] = '\n';
    if (bytes.len > 0)
        memcpy(to + used, bytes.at, bytes.len);
    used += bytes.len;
    to[used++] = '\r';
    to[used++] = '\n';
    return used;
}

/* Writes the head of a pattern's messages, which names the pattern, behind its name. */
static struct slice make_pattern_head(struct topic *topic)
{
    const struct slice begin = SLICE("4\r\n$8\r\npmessage\r\n");
    char *at = topic->name + topic->name_len;

    memcpy(at, begin.at, begin.len);
    return slice_of(at, begin.len + put_bulk(at + begin.len, topic_name(topic)));
}

struct topic *topic_new(enum topic_kind kind, struct slice name)
{
    size_t head = kind == TOPIC_PATTERN ? PATTERN_HEAD_ROOM + name.len : 0;
    struct topic *topic = memory_new(sizeof(*topic) + name.len + head);

    *topic = (struct topic){ .kind = (uint8_t)kind, .name_len = name.len };
    if (name.len > 0)
        memcpy(topic->name, name.at, name.len);
    switch (kind) {
    case TOPIC_CHANNEL:
        topic->head = SLICE("3\r\n$7\r\nmessage\r\n");
        break;
    case TOPIC_SHARD:
        topic->head = SLICE("3\r\n$8\r\nsmessage\r\n");
        break;
    case TOPIC_PATTERN:
        topic->head = make_pattern_head(topic);
        break;
    case TOPIC_KINDS:
        must(kind != TOPIC_KINDS);
    }
    return topic;
}

void topic_free(struct topic *topic)
{
    must(topic->count == 0);
    memory_free(topic->hearers);
    memory_free(topic);
}

void topic_add(struct topic *topic, struct link *link, struct sink *sink)
{
    if (topic->count == topic->capacity) {
        topic->capacity = topic->capacity == 0 ? 1 : topic->capacity * 2;
        topic->hearers = memory_resize(topic->hearers, topic->capacity * sizeof(*topic->hearers));
    }
    link->at_topic = topic->count;
    topic->hearers[topic->count++] = (struct hearer){ .sink = sink, .link = link };
}

void topic_remove(struct topic *topic, const struct link *link)
{
    struct hearer *hole = &topic->hearers[link->at_topic];

    must(hole->link == link);
    *hole = topic->hearers[--topic->count];
    hole->link->at_topic = (uint32_t)(hole - topic->hearers);

    if (topic->count > 0 && topic->count <= topic->capacity / 4) {
        topic->capacity /= 2;
        topic->hearers = memory_resize(topic->hearers, topic->capacity * sizeof(*topic->hearers));
    }
}

/* What all forms of a message end with. */
static struct bytes *encode_body(struct slice channel, struct slice payload)
{
    size_t len = 1 + number_width((int64_t)channel.len) + 2 + channel.len + 2 + 1 +
                 number_width((int64_t)payload.len) + 2 + payload.len + 2;
    struct bytes *body = bytes_new(len);
    size_t used = put_bulk(body->at, channel);

    used += put_bulk(body->at + used, payload);
    must(used == len);
    return body;
}

void topic_tell(const struct topic *topic, struct slice channel, struct slice payload,
                struct bytes **body)
{
    struct message message;

    if (*body == NULL)
        *body = encode_body(channel, payload);
    message = (struct message){ .head = topic->head, .body = *body };
    message.channel = 1 + number_width((int64_t)channel.len) + 2 + channel.len + 2;

    for (uint32_t i = 0; i < topic->count; i++) {
        struct sink *sink = topic->hearers[i].sink;

        if (i + PREFETCH_AHEAD < topic->count)
            __builtin_prefetch(topic->hearers[i + PREFETCH_AHEAD].sink);
        sink->receive(sink, &message);
    }
}

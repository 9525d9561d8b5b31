/*
 * What always holds:
 *   (1) The prefixes are sorted bytewise and all different; none is empty of topics.
 *   (2) A prefix's parent is the longest other prefix that it begins with, or NULL.
 *   (3) Every topic of the table is in the list of the prefix its pattern begins
 *       with, and in no other.
 */
#include "pubsub/patterns.h"

#include "storage/base/glob.h"
#include "storage/base/memory.h"

struct prefix {
    struct prefix *parent;
    struct topic *first; /* the patterns that begin so */
    size_t len;
    char at[];
};

static struct slice key_of(const void *item)
{
    return topic_name(item);
}

static const struct table_kind topics_by_name = { .key = key_of };

static struct slice bytes_of(const struct prefix *prefix)
{
    return slice_of(prefix->at, prefix->len);
}

static bool begins_with(struct slice whole, struct slice begin)
{
    return whole.len >= begin.len && (begin.len == 0 || memcmp(whole.at, begin.at, begin.len) == 0);
}

void patterns_init(struct patterns *patterns, const struct hash_key *key)
{
    *patterns = (struct patterns){ 0 };
    table_init(&patterns->topics, &topics_by_name, key);
}

void patterns_clear(struct patterns *patterns)
{
    must(patterns->count == 0);
    table_clear(&patterns->topics, NULL, NULL);
    memory_free(patterns->prefixes);
    patterns->prefixes = NULL;
    patterns->capacity = 0;
}

struct topic *patterns_find(const struct patterns *patterns, struct slice glob)
{
    if (table_count(&patterns->topics) == 0)
        return NULL;
    return table_find(&patterns->topics, glob, table_hash(&patterns->topics, glob));
}

/* How many prefixes are not greater than the bytes. */
static size_t not_greater(const struct patterns *patterns, struct slice bytes)
{
    size_t low = 0;
    size_t high = patterns->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (slice_compare(bytes_of(patterns->prefixes[middle]), bytes) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest prefix that the bytes begin with, themselves included, or NULL. */
static struct prefix *longest(const struct patterns *patterns, struct slice bytes)
{
    size_t above = not_greater(patterns, bytes);
    struct prefix *prefix = above > 0 ? patterns->prefixes[above - 1] : NULL;

    while (prefix != NULL && !begins_with(bytes, bytes_of(prefix)))
        prefix = prefix->parent;
    return prefix;
}

/* Puts a new prefix among the sorted ones, between its parent and those it is the parent of. */
static struct prefix *add_prefix(struct patterns *patterns, struct slice bytes)
{
    size_t index = not_greater(patterns, bytes);
    struct prefix *prefix = memory_new(sizeof(*prefix) + bytes.len);

    *prefix = (struct prefix){ .parent = longest(patterns, bytes), .len = bytes.len };
    if (bytes.len > 0)
        memcpy(prefix->at, bytes.at, bytes.len);

    /* Those that begin with the new one stand right behind it. */
    for (size_t i = index; i < patterns->count; i++) {
        struct prefix *other = patterns->prefixes[i];

        if (!begins_with(bytes_of(other), bytes))
            break;
        if (other->parent == prefix->parent)
            other->parent = prefix;
    }

    if (patterns->count == patterns->capacity) {
        patterns->capacity = patterns->capacity == 0 ? 8 : patterns->capacity * 2;
        patterns->prefixes =
            memory_resize(patterns->prefixes, patterns->capacity * sizeof(*patterns->prefixes));
    }
    memmove(patterns->prefixes + index + 1, patterns->prefixes + index,
            (patterns->count - index) * sizeof(*patterns->prefixes));
    patterns->prefixes[index] = prefix;
    patterns->count++;
    return prefix;
}

static void remove_prefix(struct patterns *patterns, struct prefix *prefix)
{
    size_t index = not_greater(patterns, bytes_of(prefix)) - 1;

    must(patterns->prefixes[index] == prefix);
    for (size_t i = index + 1; i < patterns->count; i++) {
        struct prefix *other = patterns->prefixes[i];

        if (!begins_with(bytes_of(other), bytes_of(prefix)))
            break;
        if (other->parent == prefix)
            other->parent = prefix->parent;
    }
    patterns->count--;
    memmove(patterns->prefixes + index, patterns->prefixes + index + 1,
            (patterns->count - index) * sizeof(*patterns->prefixes));
    memory_free(prefix);
}

struct topic *patterns_open(struct patterns *patterns, struct slice glob)
{
    uint64_t hash = table_hash(&patterns->topics, glob);
    struct topic *topic = table_find(&patterns->topics, glob, hash);

    if (topic == NULL) {
        struct slice fixed = slice_of(glob.at, glob_fixed_prefix(glob));
        struct prefix *prefix = longest(patterns, fixed);

        if (prefix == NULL || prefix->len != fixed.len)
            prefix = add_prefix(patterns, fixed);
        topic = topic_new(TOPIC_PATTERN, glob);
        topic->prefix = prefix;
        topic->next = prefix->first;
        if (topic->next != NULL)
            topic->next->prev = topic;
        prefix->first = topic;
        table_add(&patterns->topics, topic, hash);
    }
    return topic;
}

void patterns_close(struct patterns *patterns, struct topic *topic)
{
    uint64_t hash = table_hash(&patterns->topics, topic_name(topic));
    struct prefix *prefix = topic->prefix;

    must(table_remove_item(&patterns->topics, topic, hash));
    if (topic->prev != NULL)
        topic->prev->next = topic->next;
    else
        prefix->first = topic->next;
    if (topic->next != NULL)
        topic->next->prev = topic->prev;
    if (prefix->first == NULL)
        remove_prefix(patterns, prefix);
    topic_free(topic);
}

/* The first topic from `topic` on, along its prefix and then its parents, that matches. */
static struct topic *first_match(struct topic *topic, const struct prefix *prefix,
                                 struct slice channel)
{
    for (;;) {
        for (; topic != NULL; topic = topic->next) {
            struct slice glob = topic_name(topic);

            /* Most patterns are fixed bytes and a star, and the bytes are known to agree. (But
             * a star alone does not match the empty name.) */
            if (glob.len == prefix->len + 1 && glob.at[prefix->len] == '*' && channel.len > 0)
                return topic;
            if (glob_match(glob, channel))
                return topic;
        }
        prefix = prefix->parent;
        if (prefix == NULL)
            return NULL;
        topic = prefix->first;
    }
}

struct topic *patterns_first(const struct patterns *patterns, struct slice channel)
{
    const struct prefix *prefix;

    if (patterns->count == 0)
        return NULL;
    prefix = longest(patterns, channel);
    return prefix != NULL ? first_match(prefix->first, prefix, channel) : NULL;
}

struct topic *patterns_next(const struct topic *topic, struct slice channel)
{
    return first_match(topic->next, topic->prefix, channel);
}

void patterns_check(const struct patterns *patterns)
{
    size_t topics = 0;

    for (size_t i = 0; i < patterns->count; i++) {
        const struct prefix *prefix = patterns->prefixes[i];
        const struct prefix *parent = NULL;

        must(prefix->first != NULL);
        if (i > 0)
            must(slice_compare(bytes_of(patterns->prefixes[i - 1]), bytes_of(prefix)) < 0);
        for (size_t j = 0; j < patterns->count; j++) {
            const struct prefix *other = patterns->prefixes[j];

            if (j != i && begins_with(bytes_of(prefix), bytes_of(other)) &&
                (parent == NULL || other->len > parent->len))
                parent = other;
        }
        must(prefix->parent == parent);
        for (const struct topic *topic = prefix->first; topic != NULL; topic = topic->next) {
            must(topic->prefix == prefix);
            must(topic->next == NULL || topic->next->prev == topic);
            must(glob_fixed_prefix(topic_name(topic)) == prefix->len);
            must(begins_with(topic_name(topic), bytes_of(prefix)));
            must(patterns_find(patterns, topic_name(topic)) == topic);
            topics++;
        }
    }
    must(topics == table_count(&patterns->topics));
}

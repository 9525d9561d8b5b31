/* Lists in the RDB format. Their nodes are packed blocks but for head and end, which are added. */
#include "storage/index/packed.h"
#include "storage/values/codec.h"
#include "storage/values/elements.h"
#include "storage/values/list.h"

enum { PACKED_END_BYTE = 0xFF, COUNT_MOST = 65535 };

static const struct list *list_of(const struct value *value)
{
    return (const struct list *)(const void *)value;
}

int list_codec_type(const struct value *value)
{
    (void)value;
    return RDB_LIST_QUICKLIST_2;
}

static void add_little(struct buffer *to, uint32_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buffer_add_byte(to, (char)(unsigned char)(number >> (8 * i)));
}

void list_codec_save(const struct value *value, struct rdb_writer *to)
{
    const struct list *list = list_of(value);
    size_t nodes = list_nodes(list);

    rdb_put_length(to, nodes);
    for (size_t i = 0; i < nodes; i++) {
        const struct list_node *node = list_nodes_at(list, i);
        uint32_t used = list_node_used(node);

        add_little(&to->joint, used + PACKED_EMPTY, 4);
        add_little(&to->joint, node->count < COUNT_MOST ? node->count : COUNT_MOST, 2);
        buffer_add(&to->joint, slice_of(list_node_at(node, node->begin), used));
        buffer_add_byte(&to->joint, (char)PACKED_END_BYTE);
        rdb_put_length(to, RDB_CONTAINER_PACKED);
        rdb_put_joint(to);
    }
}

/* One element; of a node of its own it is a large one, and not empty. */
static bool load_plain(struct rdb_reader *from, struct list *list, bool may_be_empty)
{
    struct slice element;

    if (!rdb_get_string(from, 0, &element))
        return false;
    if (element.len == 0 && !may_be_empty)
        return rdb_refuse(from, "a node of a list has no element");
    list_push(list, LIST_BACK, element);
    return true;
}

static bool load_block(struct rdb_reader *from, struct list *list, enum elements_kind kind)
{
    struct elements elements;
    struct slice block, element;

    if (!rdb_get_string(from, 0, &block))
        return false;
    if (!elements_begin(&elements, kind, block))
        return rdb_refuse(from, kind == ELEMENTS_PACKED ? "Quicklist listpack integrity check failed"
                                                  : "Quicklist ziplist integrity check failed");
    while (elements_next(&elements, &element))
        list_push(list, LIST_BACK, element);
    return true;
}

static bool load_node(struct rdb_reader *from, struct list *list, int rdb_type)
{
    uint64_t container = RDB_CONTAINER_PACKED;

    if (rdb_type == RDB_LIST)
        return load_plain(from, list, true);
    if (rdb_type != RDB_LIST_QUICKLIST_2)
        return load_block(from, list, ELEMENTS_ZIPLIST);
    if (!rdb_get_length(from, &container))
        return false;
    if (container == RDB_CONTAINER_PLAIN)
        return load_plain(from, list, false);
    if (container == RDB_CONTAINER_PACKED)
        return load_block(from, list, ELEMENTS_PACKED);
    return rdb_refuse(from, "a node of a list is of no known kind");
}

struct value *list_codec_load(struct rdb_reader *from, int rdb_type,
                              const struct value_limits *limits)
{
    struct list *list = list_new(limits);
    uint64_t count = 1;
    bool fine = rdb_type == RDB_LIST_ZIPLIST || rdb_get_count(from, 1, &count);

    for (uint64_t i = 0; fine && i < count; i++)
        fine = load_node(from, list, rdb_type);
    if (fine && list_length(list) > 0)
        return (struct value *)(void *)list;
    from->empty = fine;
    list_free(list);
    return NULL;
}

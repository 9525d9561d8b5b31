/* Walking and searching a list, and what the registry of types asks of one. */
#include "storage/base/memory.h"
#include "storage/base/mover.h"
#include "storage/values/batch.h"
#include "storage/values/codec.h"
#include "storage/values/list.h"

void list_walk_begin(struct list_walk *walk, const struct list *list, size_t index,
                     enum list_end towards)
{
    uint32_t within;

    walk->list = list;
    walk->towards = towards;
    walk->node = NULL;
    if (index >= list_length(list))
        return;
    walk->index = list_locate(list, index, &within);
    walk->node = list_nodes_at(list, walk->index);
    walk->place = list_node_seek(walk->node, within);
}

/* Leaves the entry at the walk's place, which takes `size` bytes. The node stays as it is: what was
 * shown is still borrowed from it. */
static void go_on(struct list_walk *walk, uint32_t size)
{
    const struct list_node *node = walk->node;

    if (walk->towards == LIST_BACK)
        walk->place += size;
    else if (LIKELY(walk->place > node->begin))
        walk->place = list_node_previous(node, walk->place);
    else
        walk->place = node->end; /* where nothing begins: this node is done */
}

/* Goes to the next node if this one is done. False at the end of the list. */
static bool arrive(struct list_walk *walk)
{
    if (walk->node == NULL)
        return false;
    if (LIKELY(walk->place < walk->node->end))
        return true;
    walk->node = NULL;
    if (walk->towards == LIST_BACK) {
        if (walk->index + 1 == list_nodes(walk->list))
            return false;
        walk->node = list_nodes_at(walk->list, ++walk->index);
        walk->place = walk->node->begin;
    } else {
        if (walk->index == 0)
            return false;
        walk->node = list_nodes_at(walk->list, --walk->index);
        walk->place = list_node_previous(walk->node, walk->node->end);
    }
    return true;
}

bool list_walk_next(struct list_walk *walk, struct slice *element)
{
    const unsigned char *at;

    if (!arrive(walk))
        return false;
    at = list_node_at(walk->node, walk->place);
    *element = packed_entry_print(at, walk->room.digits);
    go_on(walk, packed_entry_size(at));
    return true;
}

void list_search_begin(struct list_search *search, const struct list *list, enum list_end from,
                       struct slice element, size_t most)
{
    size_t length = list_length(list);

    search->index = from == LIST_FRONT || length == 0 ? 0 : length - 1;
    search->left = most;
    packed_entry_of_text(&search->wanted, element);
    list_walk_begin(&search->walk, list, search->index,
                    from == LIST_FRONT ? LIST_BACK : LIST_FRONT);
}

bool list_search_next(struct list_search *search, size_t *index)
{
    struct list_walk *walk = &search->walk;

    while (search->left > 0 && arrive(walk)) {
        const unsigned char *at = list_node_at(walk->node, walk->place);
        uint32_t size = packed_entry_size(at);
        bool equal = packed_entry_is(at, size, &search->wanted);

        *index = search->index;
        search->index += walk->towards == LIST_BACK ? 1 : (size_t)-1;
        search->left--;
        go_on(walk, size);
        if (equal)
            return true;
    }
    return false;
}

static const struct list *list_of(const struct value *value)
{
    return (const struct list *)(const void *)value;
}

static void free_value(struct value *value)
{
    list_free((struct list *)(void *)value);
}

static struct value *copy(const struct value *value)
{
    return (struct value *)(void *)list_copy(list_of(value));
}

static const char *encoding(const struct value *value)
{
    (void)value;
    return "quicklist";
}

static size_t effort(const struct value *value)
{
    return list_nodes(list_of(value));
}

static size_t measure(const struct value *value, size_t samples)
{
    const struct list *list = list_of(value);
    size_t nodes = list_nodes(list);
    size_t looked = samples == 0 || samples > nodes ? nodes : samples;
    size_t bytes = 0;

    for (size_t i = 0; i < looked; i++)
        bytes += list_block_bytes(list, i);
    return list_header_bytes(list) + (size_t)((double)bytes / (double)looked * (double)nodes);
}

static size_t weigh(const struct value *value)
{
    return list_weight(list_of(value));
}

static void digest(const struct value *value, struct fingerprint *into)
{
    struct list_walk walk;
    struct slice element;

    list_walk_begin(&walk, list_of(value), 0, LIST_BACK);
    while (list_walk_next(&walk, &element))
        fingerprint_mix(into, element);
}

static void rewrite(const struct value *value, struct slice key, const struct statement_sink *to)
{
    struct list_walk walk;
    struct slice element;
    struct batch batch;

    batch_begin(&batch, to, SLICE("RPUSH"), key, 1);
    list_walk_begin(&walk, list_of(value), 0, LIST_BACK);
    while (list_walk_next(&walk, &element))
        batch_add(&batch, element);
    batch_end(&batch);
}

static uint64_t defragment(struct value **value, struct mover *mover, uint64_t at)
{
    struct list *list = (struct list *)(void *)*value;

    at = list_move(&list, mover, at);
    *value = (struct value *)(void *)list;
    return at;
}

const struct value_type list_type = {
    .name = "list",
    .free = free_value,
    .copy = copy,
    .encoding = encoding,
    .effort = effort,
    .weigh = weigh,
    .measure = measure,
    .digest = digest,
    .rewrite = rewrite,
    .defragment = defragment,
    .rdb_type = list_codec_type,
    .save = list_codec_save,
    .load = list_codec_load,
};

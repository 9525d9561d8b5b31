/* The defaults every type starts with, and freeing a value by its own type. */
#include "storage/values/value.h"

static const struct hash_key known_secret = { { 0, 0 } };

const struct value_limits value_limits_default = {
    .list_node_size = -2,
    .list_compress_depth = 0,
    .hash_entries = 128,
    .hash_value = 64,
    .set_ints = 512,
    .set_entries = 128,
    .set_value = 64,
    .zset_entries = 128,
    .zset_value = 64,
    .stream_node_bytes = 4096,
    .stream_node_entries = 100,
    .hll_sparse_bytes = 3000,
    .secret = &known_secret,
};

void value_free(const struct value_types *types, struct value *value)
{
    if (value != NULL)
        types->of[value->kind]->free(value);
}

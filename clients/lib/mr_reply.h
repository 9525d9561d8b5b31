/*
 * The tree of one reply, and the builder that makes it from what a reader tells.
 *
 * Children lie side by side in one array, so a reply of n values costs one
 * allocation for each aggregate and one for each text, and children are walked
 * by index: reply->children[i].
 *
 * Attributes are left out: the tree is the reply itself.
 */
#ifndef MR_REPLY_H
#define MR_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/lib/mr_reader.h"

struct mr_reply {
    enum mr_type     type;
    char             format[4]; /* of a verbatim string */
    int64_t          integer;   /* of an integer; of a boolean 1 or 0 */
    double           number;    /* of a double; 'text' is how it was written */
    char            *text;      /* of everything written as text; ends with a zero as well */
    size_t           length;    /* of the text, without that zero */
    size_t           count;     /* how many children; in a map key, value, key, value ... */
    struct mr_reply *children;
};

/* Frees a whole reply. NULL is fine. O(size of the reply), no recursion. */
void mr_reply_free(struct mr_reply *reply);

/* True if the reply is a text of some kind and its text equals 'words'. */
bool mr_reply_is(const struct mr_reply *reply, const char *words);

/*
 * The value that stands under a key in a map, or in an array of pairs laid out
 * flat, as RESP2 writes maps. NULL if there is none. O(count).
 */
const struct mr_reply *mr_reply_field(const struct mr_reply *reply, const char *key);

/* Makes trees. One builder serves one reader. */
struct mr_builder;

/* A builder without a reply. NULL without memory. */
struct mr_builder *mr_builder_new(void);

/* Frees the builder and whatever it was building. NULL is fine. */
void mr_builder_free(struct mr_builder *builder);

/* The hooks to make a reader with; the builder is their owner. */
const struct mr_hooks *mr_builder_hooks(void);

/*
 * The reply that was finished when mr_reader_next said MR_READY; the caller
 * frees it. NULL if none is finished.
 */
struct mr_reply *mr_builder_take(struct mr_builder *builder);

#endif

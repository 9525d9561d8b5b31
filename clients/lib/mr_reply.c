/*
 * The builder follows the reader: an opening goes one level down, a closing one
 * level up, a value goes into the aggregate that is open.
 *
 * What always holds:
 *   (1) stack[0] is the root of the reply being built; stack[i + 1] is the last
 *       child of stack[i]. While it is open its parent's array does not grow,
 *       so these pointers stay good.
 *   (2) rooms[i] is how many children stack[i]'s array can take; it is never
 *       more than twice the number of children that came, whatever was announced.
 *   (3) While ignoring > 0 we are inside an attribute and keep nothing.
 */
#include "clients/lib/mr_reply.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CHILDREN = 8 };

struct mr_builder {
    struct mr_reply *root;
    size_t           depth;
    size_t           ignoring;
    struct mr_reply *stack[MR_DEPTH_MAX];
    size_t           rooms[MR_DEPTH_MAX];
    size_t           announced[MR_DEPTH_MAX];
};

void mr_reply_free(struct mr_reply *reply)
{
    /* The reader bounds the depth, so a fixed stack of places is enough. */
    struct mr_reply *stack[MR_DEPTH_MAX + 1];
    size_t depth = 0;

    if (reply == NULL)
        return;
    stack[depth++] = reply;
    while (depth > 0) {
        struct mr_reply *top = stack[depth - 1];

        if (top->count > 0) {
            stack[depth++] = &top->children[--top->count];
            continue;
        }
        free(top->children);
        free(top->text);
        depth--;
    }
    free(reply);
}

bool mr_reply_is(const struct mr_reply *reply, const char *words)
{
    return reply->text != NULL && strlen(words) == reply->length &&
           memcmp(reply->text, words, reply->length) == 0;
}

const struct mr_reply *mr_reply_field(const struct mr_reply *reply, const char *key)
{
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        if (mr_reply_is(&reply->children[i], key))
            return &reply->children[i + 1];
    }
    return NULL;
}

struct mr_builder *mr_builder_new(void)
{
    return calloc(1, sizeof(struct mr_builder));
}

void mr_builder_free(struct mr_builder *builder)
{
    if (builder == NULL)
        return;
    mr_reply_free(builder->root);
    free(builder);
}

struct mr_reply *mr_builder_take(struct mr_builder *builder)
{
    struct mr_reply *reply = builder->root;

    if (builder->depth > 0)
        return NULL;
    builder->root = NULL;
    return reply;
}

/* The place the next value goes to: the root, or one more child of what is open. */
static struct mr_reply *next_place(struct mr_builder *builder)
{
    if (builder->depth == 0) {
        mr_reply_free(builder->root);
        builder->root = calloc(1, sizeof *builder->root);
        return builder->root;
    }

    size_t level = builder->depth - 1;
    struct mr_reply *parent = builder->stack[level];

    if (parent->count == builder->rooms[level]) {
        size_t room = parent->count > 0 ? parent->count * 2 : FIRST_CHILDREN;
        struct mr_reply *grown;

        if (room > builder->announced[level])
            room = builder->announced[level];
        grown = realloc(parent->children, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        parent->children = grown;
        builder->rooms[level] = room;
    }

    struct mr_reply *place = &parent->children[parent->count++];

    memset(place, 0, sizeof *place);
    return place;
}

static bool build_value(void *owner, const struct mr_token *token)
{
    struct mr_builder *builder = owner;
    struct mr_reply *place;

    if (builder->ignoring > 0)
        return true;
    place = next_place(builder);
    if (place == NULL)
        return false;
    place->type = token->type;
    place->integer = token->integer;
    place->number = token->number;
    memcpy(place->format, token->format, sizeof place->format);
    if (token->type == MR_NIL || token->type == MR_INTEGER || token->type == MR_BOOLEAN)
        return true;
    place->text = malloc(token->length + 1);
    if (place->text == NULL)
        return false;
    memcpy(place->text, token->text, token->length);
    place->text[token->length] = '\0';
    place->length = token->length;
    return true;
}

static bool build_open(void *owner, const struct mr_token *token)
{
    struct mr_builder *builder = owner;
    struct mr_reply *place;

    if (builder->ignoring > 0 || token->type == MR_ATTRIBUTE) {
        builder->ignoring++;
        return true;
    }
    place = next_place(builder);
    if (place == NULL)
        return false;
    place->type = token->type;
    builder->stack[builder->depth] = place;
    builder->rooms[builder->depth] = 0;
    builder->announced[builder->depth] = token->count;
    builder->depth++;
    return true;
}

static bool build_close(void *owner, enum mr_type type)
{
    struct mr_builder *builder = owner;

    (void)type;
    if (builder->ignoring > 0)
        builder->ignoring--;
    else
        builder->depth--;
    return true;
}

const struct mr_hooks *mr_builder_hooks(void)
{
    static const struct mr_hooks hooks = {build_value, build_open, build_close};

    return &hooks;
}

/* What the list commands that wait share with those that do not. */
#ifndef BROKER_COMMANDS_DO_LIST_PRIVATE_H
#define BROKER_COMMANDS_DO_LIST_PRIVATE_H

#include "broker/dispatch/call.h"
#include "storage/values/list.h"

/* The list of a key, or NULL. */
MUST_USE enum refusal find_list(struct call *call, struct slice key, enum look why,
                                struct list **list);

/* A fresh list under a key that has no value. */
struct list *create_list(struct call *call, struct slice key);

/* Notes that elements were pushed. */
void note_push(struct call *call, struct slice key, enum list_end end);

/* Notes that elements were popped, and that the list went with its last one. */
void note_pop(struct call *call, struct slice key, const struct list *list, enum list_end end);

/* Takes the next word as an end of a list, LEFT or RIGHT. */
MUST_USE enum refusal next_list_end(struct call *call, enum list_end *end);

/* Takes an element off a list that has one, replies with it and notes the change. */
void pop_element(struct call *call, struct slice key, struct list *list, enum list_end end);

/* An element's way from one list to another, or back into the same. */
struct list_move {
    struct slice  source;
    struct slice  destination;
    enum list_end from;
    enum list_end to;
};

/*
 * Moves an element and replies with it; `list` is the source's and has one.
 * Refused, nothing changed, if the destination holds something else.
 */
MUST_USE enum refusal move_element(struct call *call, const struct list_move *move,
                                   struct list *list);

/* What LMPOP and BLMPOP are asked for. */
struct list_mpop {
    const struct slice *keys; /* borrowed from the words */
    size_t              count;
    enum list_end       end;
    int64_t             most;
};

/* Reads numkeys, the keys, the end and COUNT. */
MUST_USE enum refusal next_list_mpop(struct call *call, struct list_mpop *mpop);

/*
 * Pops from the first key that has elements, replies, and says the pop. False if
 * there is none. A key of another kind in front of it is a refusal, but not to
 * a command that waited: then it is as good as missing.
 */
MUST_USE bool pop_from_first(struct call *call, const struct list_mpop *mpop,
                             enum refusal *refusal);

#endif

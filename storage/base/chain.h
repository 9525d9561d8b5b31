/*
 * Intrusive doubly linked list: the links live in the structs that are linked.
 *
 * A chain is a ring through its head. A link that is in no chain points to
 * itself, so leaving twice is harmless and membership can be asked.
 */
#ifndef STORAGE_BASE_CHAIN_H
#define STORAGE_BASE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

struct chain {
    struct chain *next;
    struct chain *prev;
};

/* The struct that holds a link: CHAIN_OWNER(link, struct session, ready). */
#define CHAIN_OWNER(link, type, member) \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Makes an empty chain, or a link that is in none. */
static inline void chain_init(struct chain *link)
{
    link->next = link;
    link->prev = link;
}

static inline bool chain_is_empty(const struct chain *head)
{
    return head->next == head;
}

/* Whether a link is in some chain. */
static inline bool chain_linked(const struct chain *link)
{
    return link->next != link;
}

/* Puts a free link behind `place`; behind the head is the front. */
static inline void chain_put_after(struct chain *place, struct chain *link)
{
    link->prev = place;
    link->next = place->next;
    place->next->prev = link;
    place->next = link;
}

static inline void chain_put_first(struct chain *head, struct chain *link)
{
    chain_put_after(head, link);
}

static inline void chain_put_last(struct chain *head, struct chain *link)
{
    chain_put_after(head->prev, link);
}

/* After a struct was copied: puts the link of the copy in the place of `from`, the link of the
 * original, which must still be there. */
static inline void chain_moved(struct chain *link, const struct chain *from)
{
    if (link->next == from) {
        chain_init(link);
        return;
    }
    link->next->prev = link;
    link->prev->next = link;
}

/* Takes a link out of whatever chain it is in. */
static inline void chain_leave(struct chain *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    chain_init(link);
}

/* Moves all links of one chain to the end of another. */
static inline void chain_move_all(struct chain *from, struct chain *to)
{
    if (chain_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    chain_init(from);
}

#endif

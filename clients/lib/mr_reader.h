/*
 * Reads replies of the Redis protocol, RESP2 and RESP3, from bytes that arrive
 * in any pieces.
 *
 * The reader builds nothing itself. It tells the caller's hooks what it meets,
 * in order: a value, the opening of an aggregate, its closing. What they make
 * of it (a tree, Lua values, a checksum) is theirs; mr_reply.h has hooks that
 * build a tree.
 *
 *   +OK              status              :7   integer
 *   -ERR no          error               ,1.5 double        inf, -inf, nan
 *   $3 abc           string              #t   boolean       #f
 *   =7 txt:abc       verbatim string     (123 big number
 *   !6 ERR no        error, any bytes    _    nil           also $-1 and *-1
 *   *2 a b           array               %1 k v  map
 *   ~2 a b           set                 >2 a b  push
 *   |1 k v           attribute: stands before the value it describes, and is
 *                    not counted among the elements of what surrounds it
 *
 * The streamed forms ($? *? and kin) are refused: no server sends them.
 *
 * Costs: O(bytes) in all, however they are cut. Memory follows the bytes that
 * have arrived, never a length that was merely announced.
 */
#ifndef MR_READER_H
#define MR_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Aggregates nested deeper than this are refused. */
enum { MR_DEPTH_MAX = 128 };

enum mr_type {
    MR_STATUS,
    MR_ERROR,
    MR_INTEGER,
    MR_STRING,
    MR_NIL,
    MR_DOUBLE,
    MR_BOOLEAN,
    MR_BIG_NUMBER,
    MR_VERBATIM,
    MR_ARRAY,
    MR_MAP,
    MR_SET,
    MR_PUSH,
    MR_ATTRIBUTE
};

/* One thing the reader met; borrowed by a hook until it returns. */
struct mr_token {
    enum mr_type type;
    char         format[4]; /* of a verbatim string: "txt", "mkd"; else empty */
    int64_t      integer;   /* of an integer; of a boolean 1 or 0 */
    double       number;    /* of a double */
    const char  *text;      /* of everything written as text; no final zero */
    size_t       length;    /* of the text */
    size_t       count;     /* values inside an aggregate; two for each pair of a map */
};

/*
 * What the reader calls. Each returns false to stop reading for good (memory
 * ran out, say); the reader is broken from then on.
 */
struct mr_hooks {
    bool (*value)(void *owner, const struct mr_token *token);
    bool (*open)(void *owner, const struct mr_token *token);
    bool (*close)(void *owner, enum mr_type type);
};

enum mr_progress {
    MR_READY, /* one whole reply has been told */
    MR_MORE,  /* the bytes so far end inside a reply */
    MR_BROKEN /* not the protocol, or a hook refused; see mr_reader_trouble */
};

struct mr_reader;

/* A reader that tells 'hooks', which must outlive it. NULL without memory. */
struct mr_reader *mr_reader_new(const struct mr_hooks *hooks, void *owner);

/* Forgets the reader and the bytes it holds. NULL is fine. */
void mr_reader_free(struct mr_reader *reader);

/*
 * The longest string the reader accepts (512 MiB unless told). What is longer
 * breaks the reader when its length is announced.
 */
void mr_reader_bound(struct mr_reader *reader, size_t longest_string);

/* Adds a copy of some bytes. False, changing nothing, without memory. */
bool mr_reader_feed(struct mr_reader *reader, const void *bytes, size_t count);

/*
 * Room for at least 'least' bytes, to be filled straight from a socket; how
 * much there is comes back in 'room'. NULL without memory. The pointer is good
 * until the next call on this reader; mr_reader_filled says how much was used.
 */
char *mr_reader_room(struct mr_reader *reader, size_t least, size_t *room);
void mr_reader_filled(struct mr_reader *reader, size_t count);

/*
 * Reads on until one reply is whole, telling the hooks what it meets on the
 * way: they hear of the parts of a reply as soon as these are there.
 */
enum mr_progress mr_reader_next(struct mr_reader *reader);

/* What broke the reader, a constant sentence; NULL if it is not broken. */
const char *mr_reader_trouble(const struct mr_reader *reader);

/* Bytes fed and not yet read as part of a value. */
size_t mr_reader_unread(const struct mr_reader *reader);

/* True between replies: nothing half told. Unread bytes may still be there. */
bool mr_reader_is_between(const struct mr_reader *reader);

/*
 * Takes up to 'room' of the unread bytes away from the reader, as they came.
 * For protocols that leave RESP behind (a replica's snapshot). Returns how many.
 */
size_t mr_reader_withdraw(struct mr_reader *reader, char *into, size_t room);

#endif

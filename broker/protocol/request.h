/*
 * Requests out of bytes: RESP arrays of bulks, and inline lines.
 *
 * The parser is resumable: it remembers where it stopped, so that a slow
 * sender never costs more than its bytes. It neither copies nor moves the
 * input. Words are kept as offsets from the first byte of the request and
 * become slices when the request is whole, so the input may move in between.
 *
 *                      request_parse
 *   fresh ──────────────────────────────► READY: words and length are set
 *     ▲  └──► MORE: keep the bytes, add to them, call again with all of them
 *     └──────────────── request_reset ◄──── BROKEN: `trouble` is the error line
 */
#ifndef BROKER_PROTOCOL_REQUEST_H
#define BROKER_PROTOCOL_REQUEST_H

#include <stdint.h>

#include "storage/base/buffer.h"
#include "storage/base/slice.h"

enum request_state { REQUEST_READY, REQUEST_MORE, REQUEST_BROKEN };

/* What a client may ask for; sizes are checked before anything is allocated. */
struct request_limits {
    int64_t words;       /* most words in a request: 1024 * 1024 by default */
    int64_t bulk_bytes;  /* longest word: proto-max-bulk-len */
    bool    signed_in;   /* otherwise at most 10 words of 16 KiB each are accepted */
};

struct request {
    struct slice *words;     /* the words, when READY; borrowed from the input */
    size_t        count;     /* how many; 0 for an empty line, which is to be passed over */
    size_t        length;    /* bytes of input that the request took, when READY */
    bool          inlined;   /* it came as a line */
    const char   *trouble;   /* why it is BROKEN: an error line, static text */

    /* Private. */
    size_t        capacity;  /* of words */
    size_t        at;        /* bytes of the input already understood */
    int64_t       words_left;/* bulks still to come; -1 before the header */
    int64_t       bulk_left; /* length of the bulk under way; -1 before its header */
    char         *line;      /* unquoted words of an inline request; owned */
    char          trouble_text[96];
};

void request_init(struct request *request);
void request_clear(struct request *request);

/* Begins anew; keeps the room for words unless it is large. */
void request_reset(struct request *request);

/* Reads on. `input` begins with the first byte of the request, as in the calls before. */
enum request_state request_parse(struct request *request, struct slice input,
                                 const struct request_limits *limits);

/*
 * A glimpse of a request: its first words, up to `most`, as far as they are there and
 * none is longer than 99 bytes. Nothing is checked and nothing remembered: what it
 * says helps to guess what the request will look at. `whole` says how many words the
 * request is to have. Returns how many were seen.
 */
size_t request_glimpse(struct slice input, struct slice *words, size_t most, size_t *whole);

/* The least number of bytes of input with which parsing can get further, as far as is known. If the
 * input has as many already, one byte more may be enough. */
size_t request_wanted(const struct request *request);

#endif

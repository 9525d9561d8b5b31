/*
 * Any bytes as requests, shown in pieces: the first byte tells how large the
 * pieces are. What is READY must lie within the input, and pieces must give
 * what the whole gives.
 */
#include <stdint.h>
#include <stdlib.h>

#include "broker/protocol/request.h"
#include "storage/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct request_limits limits = { .words = INT32_MAX, .bulk_bytes = 1 << 29,
                                              .signed_in = true };

static void check_words(const struct request *request, struct slice input)
{
    must(request->length <= input.len);
    for (size_t i = 0; i < request->count && !request->inlined; i++) {
        must(request->words[i].at >= input.at);
        must(request->words[i].at + request->words[i].len + 2 <= input.at + request->length);
    }
}

/* Parses everything in one go; returns how many requests were ready. */
static size_t parse_whole(struct slice input)
{
    struct request request;
    size_t count = 0;

    request_init(&request);
    while (input.len > 0 && request_parse(&request, input, &limits) == REQUEST_READY) {
        check_words(&request, input);
        input = slice_after(input, request.length);
        request_reset(&request);
        count++;
    }
    request_clear(&request);
    return count;
}

static size_t parse_pieces(struct slice input, size_t piece)
{
    struct request request;
    size_t count = 0;
    size_t shown = 0;

    request_init(&request);
    while (input.len > 0) {
        enum request_state state;

        shown = shown + piece < input.len ? shown + piece : input.len;
        state = request_parse(&request, slice_of(input.at, shown), &limits);
        if (state == REQUEST_READY) {
            check_words(&request, slice_of(input.at, shown));
            input = slice_after(input, request.length);
            shown -= request.length;
            request_reset(&request);
            count++;
        } else if (state == REQUEST_BROKEN || shown == input.len) {
            break;
        }
    }
    request_clear(&request);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input;

    if (size < 2)
        return 0;
    input = slice_of(data + 1, size - 1);
    must(parse_whole(input) == parse_pieces(input, (size_t)data[0] + 1));
    return 0;
}

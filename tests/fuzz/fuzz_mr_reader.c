/*
 * Fuzzes the reply reader: the first byte says into what pieces the rest is cut;
 * the tree must come out the same, and the same number of times, as when fed whole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clients/lib/mr_reader.h"
#include "clients/lib/mr_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A sum over everything a tree says; two equal trees have equal sums. */
struct tally {
    uint64_t sum;
    size_t   replies;
    bool     broken;
};

static void mix(struct tally *tally, const void *bytes, size_t count)
{
    const unsigned char *byte = bytes;

    for (size_t i = 0; i < count; i++)
        tally->sum = (tally->sum ^ byte[i]) * 1099511628211U;
}

static void mix_reply(struct tally *tally, const struct mr_reply *reply)
{
    mix(tally, &reply->type, sizeof reply->type);
    mix(tally, &reply->integer, sizeof reply->integer);
    mix(tally, &reply->count, sizeof reply->count);
    mix(tally, reply->text, reply->length);
    /* The reader bounds the depth, so recursion is safe here. */
    for (size_t i = 0; i < reply->count; i++)
        mix_reply(tally, &reply->children[i]);
}

static struct tally run(const uint8_t *data, size_t size, size_t piece)
{
    struct mr_builder *builder = mr_builder_new();
    struct mr_reader *reader = mr_reader_new(mr_builder_hooks(), builder);
    struct tally tally = {.sum = 14695981039346656037U};
    enum mr_progress progress = MR_MORE;

    for (size_t at = 0; at < size && progress != MR_BROKEN; at += piece) {
        mr_reader_feed(reader, data + at, size - at < piece ? size - at : piece);
        while ((progress = mr_reader_next(reader)) == MR_READY) {
            struct mr_reply *reply = mr_builder_take(builder);

            if (reply == NULL)
                abort();
            mix_reply(&tally, reply);
            mr_reply_free(reply);
            tally.replies++;
        }
    }
    tally.broken = progress == MR_BROKEN;
    mr_reader_free(reader);
    mr_builder_free(builder);
    return tally;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;

    struct tally whole = run(data + 1, size - 1, size);
    struct tally pieces = run(data + 1, size - 1, data[0] % 31U + 1U);

    if (whole.sum != pieces.sum || whole.replies != pieces.replies ||
        whole.broken != pieces.broken)
        abort();
    return 0;
}

/*
 * SHA-1 and SHA-256 (FIPS 180-4) are those of Debian's libnettle; this file is the
 * only one that knows it. Scripts are named by SHA-1, passwords kept as SHA-256.
 */
#include "storage/base/digest.h"

#include <nettle/sha1.h>
#include <nettle/sha2.h>

static const uint8_t *bytes_of(struct slice bytes)
{
    return (const uint8_t *)bytes.at;
}

void digest_sha1(struct slice bytes, unsigned char to[DIGEST_SHA1_SIZE])
{
    struct sha1_ctx context;

    sha1_init(&context);
    if (bytes.len > 0)
        sha1_update(&context, bytes.len, bytes_of(bytes));
    sha1_digest(&context, DIGEST_SHA1_SIZE, to);
}

void digest_sha256(struct slice bytes, unsigned char to[DIGEST_SHA256_SIZE])
{
    struct sha256_ctx context;

    sha256_init(&context);
    if (bytes.len > 0)
        sha256_update(&context, bytes.len, bytes_of(bytes));
    sha256_digest(&context, DIGEST_SHA256_SIZE, to);
}

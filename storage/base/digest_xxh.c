/* XXH3 is the library's; its header brings the whole of it, so that nothing need be linked. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/base/digest.h"

uint64_t digest_xxh3(struct slice bytes)
{
    return XXH3_64bits(bytes.at, bytes.len);
}

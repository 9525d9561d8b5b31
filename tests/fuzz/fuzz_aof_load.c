/*
 * Fuzzes the loader of a log: how it says that a file ends must be true of the
 * file, what it calls whole must load as whole, and the manifest's reader must
 * hold its invariants on the same bytes.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/base/must.h"
#include "storage/base/trouble.h"
#include "storage/persist/aof_load.h"
#include "storage/persist/aof_manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool run(void *who, const struct slice *words, size_t count, struct trouble *trouble)
{
    uint64_t *ran = who;

    must(count > 0);
    for (size_t i = 0; i < count; i++)
        must(words[i].len == 0 || words[i].at != NULL);
    (void)trouble;
    (*ran)++;
    return true;
}

static int file_of(const uint8_t *data, size_t size)
{
    int fd = memfd_create("log", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    must(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void load(const uint8_t *data, size_t size)
{
    struct aof_load_result found;
    struct aof_load_result again;
    struct trouble trouble;
    uint64_t ran = 0;
    struct aof_runner runner = { .run = run, .who = &ran };
    int fd = file_of(data, size);

    aof_load_file(fd, &runner, 0, size, &found, &trouble);
    must(found.whole <= found.at && found.at <= size);
    must(found.statements == ran);
    if (found.end == AOF_LOAD_REFUSED) { /* it begins like a snapshot, which nobody reads here */
        must(size >= 5 && data[0] == 'R');
        close(fd);
        return;
    }
    must(found.end != AOF_LOAD_FAILED);
    must(found.end != AOF_LOAD_WHOLE || found.at == size);

    /* Cut where it says, the file is whole: nothing more would be cut. */
    must(ftruncate(fd, (off_t)found.whole) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    aof_load_file(fd, &runner, 0, found.whole, &again, &trouble);
    must(again.end == AOF_LOAD_WHOLE && again.whole == found.whole);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trouble trouble;
    struct aof_manifest *manifest = aof_manifest_parse(slice_of(data, size), &trouble);

    if (manifest != NULL)
        aof_manifest_check(manifest);
    aof_manifest_free(manifest);
    load(data, size);
    return 0;
}

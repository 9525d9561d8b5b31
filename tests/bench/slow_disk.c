/*
 * A disk that takes its time: preloaded into a server (LD_PRELOAD), each fsync and
 * fdatasync takes MILLRACE_FSYNC_USEC microseconds longer, and MILLRACE_FSYNC_COUNT
 * names a file of 8 bytes in which they are counted. Works for any program.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef int (*sync_function)(int fd);

/* One more, for whoever counts; a server syncs from one thread at a time. */
static void count_it(void)
{
    const char *path = getenv("MILLRACE_FSYNC_COUNT");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    uint64_t count = 0;

    if (fd < 0)
        return;
    if (pread(fd, &count, sizeof(count), 0) >= 0) {
        count++;
        if (pwrite(fd, &count, sizeof(count), 0) < 0)
            (void)0; /* it is only a count */
    }
    (void)close(fd);
}

/* Sleeps as long as the environment says, then does the real thing. */
static int slowly(const char *name, int fd)
{
    union {
        void *symbol;
        sync_function run;
    } real = { dlsym(RTLD_NEXT, name) };
    const char *text = getenv("MILLRACE_FSYNC_USEC");
    long usec = text == NULL ? 0 : strtol(text, NULL, 10);
    struct timespec pause = { usec / 1000000, usec % 1000000 * 1000 };

    if (usec > 0)
        (void)nanosleep(&pause, NULL);
    count_it();
    return real.run(fd);
}

int fsync(int fd)
{
    return slowly("fsync", fd);
}

int fdatasync(int fd)
{
    return slowly("fdatasync", fd);
}

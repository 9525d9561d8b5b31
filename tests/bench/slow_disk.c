/*
 * A disk that takes its time: preloaded into a server (LD_PRELOAD), each fsync and
 * fdatasync takes MILLRACE_FSYNC_USEC microseconds longer. Works for any program.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef int (*sync_function)(int fd);

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

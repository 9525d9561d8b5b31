#include "broker/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The process that was started by hand, at its end. */
static _Noreturn void wait_for_server(int ready)
{
    char sign;
    ssize_t got;

    do
        got = read(ready, &sign, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1)
        (void)fputs("The server did not start; its log says why.\n", stderr);
    _exit(got == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void leave_terminal(void)
{
    int null;

    (void)setsid();
    null = open("/dev/null", O_RDWR);
    if (null < 0)
        return;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
    if (null > STDERR_FILENO)
        (void)close(null);
}

/* Above the three that leave_terminal replaces, for who was started without them. */
static int away_from_terminal(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    (void)close(fd);
    return moved;
}

bool background_enter(int *launcher)
{
    int ends[2];
    pid_t child;

    if (pipe(ends) < 0)
        return false;
    ends[0] = away_from_terminal(ends[0]);
    ends[1] = away_from_terminal(ends[1]);
    child = ends[0] < 0 || ends[1] < 0 ? -1 : fork();
    if (child < 0)
        return false;
    if (child > 0) {
        (void)close(ends[1]);
        wait_for_server(ends[0]);
    }
    (void)close(ends[0]);
    leave_terminal();
    *launcher = ends[1];
    return true;
}

void background_is_ready(int *launcher)
{
    if (*launcher < 0)
        return;
    /* Nobody is there to hear it if whoever started us was killed; SIGPIPE is ignored. */
    if (write(*launcher, "", 1) < 0)
        errno = 0;
    (void)close(*launcher);
    *launcher = -1;
}

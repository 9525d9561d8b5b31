#include "storage/base/system_log.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "storage/base/memory.h"

enum { IDENT_MOST = 64, HEADING_MOST = 160, TEXT_MOST = 1024 };

struct system_log {
    struct sockaddr_un address; /* said with every line: whoever listens may be started anew */
    int fd;
    int facility;
    char ident[IDENT_MOST];
};

struct system_log *system_log_new(const char *path, const char *ident, int facility)
{
    struct system_log *log;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return NULL;
    log = memory_new_zeroed(1, sizeof(*log));
    log->fd = fd;
    log->facility = facility;
    log->address.sun_family = AF_UNIX;
    snprintf(log->address.sun_path, sizeof(log->address.sun_path), "%s", path);
    snprintf(log->ident, sizeof(log->ident), "%s", ident);
    return log;
}

void system_log_free(struct system_log *log)
{
    if (log == NULL)
        return;
    close(log->fd);
    memory_free(log);
}

void system_log_line(const struct system_log *log, enum system_log_severity severity,
                     const char *date, const char *text, size_t len)
{
    char line[HEADING_MOST + TEXT_MOST];
    int added = snprintf(line, sizeof(line), "<%d>%s %s[%d]: %.*s", log->facility * 8 + (int)severity,
                         date, log->ident, (int)getpid(), (int)(len < TEXT_MOST ? len : TEXT_MOST),
                         text);

    if (added < 0)
        return;
    if ((size_t)added >= sizeof(line))
        added = sizeof(line) - 1;
    if (sendto(log->fd, line, (size_t)added, MSG_NOSIGNAL, (const struct sockaddr *)&log->address,
               sizeof(log->address)) < 0)
        return;
}

/*
 * Lines for the system's log (syslog): one datagram each to the socket it listens at.
 *
 * A datagram is `<priority>Mon dd hh:mm:ss ident[pid]: text`, the priority being eight times
 * the facility and the severity, as in RFC 3164. libc's syslog is not used, since it takes
 * a lock, which a child that is forked meanwhile would wait for forever. A line that nobody
 * takes is lost, and nobody waits for one who is slow. Safe to call from any thread.
 */
#ifndef STORAGE_BASE_SYSTEM_LOG_H
#define STORAGE_BASE_SYSTEM_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* How grave a line is; numbers of RFC 3164. */
enum system_log_severity {
    SYSTEM_LOG_WARNING = 4,
    SYSTEM_LOG_NOTICE = 5,
    SYSTEM_LOG_INFO = 6,
    SYSTEM_LOG_DEBUG = 7
};

/* Whose lines these are; numbers of RFC 3164. There are eight of LOCAL0. */
enum system_log_facility { SYSTEM_LOG_USER = 1, SYSTEM_LOG_LOCAL0 = 16 };

struct system_log;

/* The socket at `path` (usually /dev/log), which need not be there; texts are copied. NULL with errno. */
struct system_log *system_log_new(const char *path, const char *ident, int facility);

/* Frees it. NULL is fine. */
void system_log_free(struct system_log *log);

/* Sends one line. `date` is what stands in front of the ident, without a blank behind it. */
void system_log_line(const struct system_log *log, enum system_log_severity severity,
                     const char *date, const char *text, size_t len);

#endif

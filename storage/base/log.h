/*
 * Levelled lines to standard output or a file.
 *
 * A line is `pid:role day month year hh:mm:ss.mmm mark text`, the mark being
 * . - * # for debug, verbose, notice and warning, as Redis writes them, so
 * that tools which read such logs go on working. Safe to call from any thread.
 */
#ifndef STORAGE_BASE_LOG_H
#define STORAGE_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "storage/base/trouble.h"

enum log_level { LOG_DEBUG, LOG_VERBOSE, LOG_NOTICE, LOG_WARNING, LOG_NOTHING };

struct log;

/* A log that writes to standard output from LOG_NOTICE up. */
struct log *log_new(void);
void log_free(struct log *log);

/* Sends lines to a file from now on; an empty path is standard output. */
bool log_open(struct log *log, const char *path, struct trouble *trouble);

/*
 * Sends lines to the system's log as well, in its own form; facility is a number of
 * storage/base/system_log.h. To be called before there are threads. False with trouble.
 */
bool log_to_system(struct log *log, const char *ident, int facility, struct trouble *trouble);
void log_set_level(struct log *log, enum log_level level);

/* The letter that stands behind the pid: M primary, S replica, C child, X other. */
void log_set_role(struct log *log, char role);

/* Writes one line. `log` may be NULL: then nothing is written. */
void log_line(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes bytes as they are, with no heading. */
void log_raw(struct log *log, const char *text);

/* The file descriptor lines go to, for a crash report. */
int log_descriptor(const struct log *log);

#endif

/*
 * Levelled lines, each one write(2), so that lines of several threads and of a
 * forked child never mix and no lock can be left behind by a fork.
 *
 * The date is worked out here: libc's localtime takes a lock, which a child
 * forked at the wrong moment would wait for forever. libc is asked only how far
 * local time is from UTC, at most once a quarter of an hour.
 *
 * The file may be moved away and made anew by whoever rotates logs: its name is
 * looked at again once a second, and opened again if another file has it.
 */
#include "storage/base/log.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/base/memory.h"
#include "storage/base/must.h"
#include "storage/base/system_log.h"

enum { LOG_LINE_MAX = 1024, LOG_OFFSET_SECONDS = 15 * 60 };

struct log {
    _Atomic int fd;
    _Atomic int level;
    _Atomic char role;
    _Atomic int64_t looked_at;    /* the second in which the file's name was looked at */
    _Atomic int64_t offset_until; /* when to ask libc for the offset again */
    _Atomic int64_t offset;       /* seconds from UTC to local time */
    char *path;                   /* owned; NULL while lines go to standard output */
    struct system_log *system;    /* where they go too, or NULL */
};

struct log *log_new(void)
{
    struct log *log = memory_new_zeroed(1, sizeof(*log));

    log->fd = STDOUT_FILENO;
    log->level = LOG_NOTICE;
    log->role = 'M';
    tzset();
    return log;
}

void log_free(struct log *log)
{
    if (log == NULL)
        return;
    if (log->path != NULL)
        close(log->fd);
    memory_free(log->path);
    system_log_free(log->system);
    memory_free(log);
}

bool log_to_system(struct log *log, const char *ident, int facility, struct trouble *trouble)
{
    struct system_log *system = system_log_new("/dev/log", ident, facility);

    if (system == NULL)
        return trouble_errno(trouble, "opening the log of the system");
    system_log_free(log->system);
    log->system = system;
    return true;
}

bool log_open(struct log *log, const char *path, struct trouble *trouble)
{
    char *copy = NULL;
    int fd = STDOUT_FILENO;
    int before = log->path == NULL ? -1 : atomic_load(&log->fd);

    if (path[0] != '\0') {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
            return trouble_errno(trouble, "opening the log file %s", path);
        copy = memory_new(strlen(path) + 1);
        memcpy(copy, path, strlen(path) + 1);
    }
    log->fd = fd;
    memory_free(log->path);
    log->path = copy;
    if (before >= 0)
        close(before);
    return true;
}

void log_set_level(struct log *log, enum log_level level)
{
    log->level = (int)level;
}

void log_set_role(struct log *log, char role)
{
    log->role = role;
}

int log_descriptor(const struct log *log)
{
    return atomic_load(&log->fd);
}

/* Opens the file again if its name now belongs to another file, or to none. */
static void follow_rotation(struct log *log, int64_t now)
{
    struct stat named;
    struct stat ours;
    int fd;

    if (log->path == NULL || atomic_exchange(&log->looked_at, now) == now)
        return;
    if (stat(log->path, &named) == 0 && fstat(log->fd, &ours) == 0 && named.st_ino == ours.st_ino &&
        named.st_dev == ours.st_dev)
        return;
    fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    /* The number stays and only the file behind it changes: others may be writing to it. */
    (void)dup3(fd, log->fd, O_CLOEXEC);
    close(fd);
}

/* Seconds from UTC to local time. */
static int64_t local_offset(struct log *log, int64_t now)
{
    if (now >= atomic_load(&log->offset_until)) {
        time_t seconds = (time_t)now;
        struct tm local;

        if (localtime_r(&seconds, &local) != NULL)
            log->offset = local.tm_gmtoff;
        log->offset_until = now - now % LOG_OFFSET_SECONDS + LOG_OFFSET_SECONDS;
    }
    return log->offset;
}

/* A calendar date, worked out from days since 1970 in the Gregorian calendar. */
struct date {
    int year, month, day; /* month from 0 */
};

static struct date date_of(int64_t days)
{
    static const int before_month[12] = { 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275 };
    struct date date = { 0, 2, 0 };
    int64_t left = days + 719468; /* since the first of March of the year 0 */
    int64_t cycle = left / 146097;
    int64_t year;

    /* Years run from March here, so that the leap day comes last. */
    left %= 146097;
    year = (left - left / 1460 + left / 36524 - left / 146096) / 365;
    left -= 365 * year + year / 4 - year / 100;
    for (int month = 0; month < 12; month++) {
        if (before_month[month] <= left && before_month[month] >= before_month[date.month])
            date.month = month;
    }
    date.day = (int)left - before_month[date.month] + 1;
    date.year = (int)(cycle * 400 + year) + (date.month < 2);
    return date;
}

/* Local time. */
struct moment {
    struct date date;
    int second; /* of the day */
    int millisecond;
};

/* What time it is; once a second the file is looked after too. */
static struct moment look_at_clock(struct log *log)
{
    struct timespec now;
    int64_t local;

    clock_gettime(CLOCK_REALTIME, &now);
    follow_rotation(log, now.tv_sec);
    local = now.tv_sec + local_offset(log, now.tv_sec);
    return (struct moment){ date_of(local / 86400), (int)(local % 86400),
                            (int)(now.tv_nsec / 1000000) };
}

static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Writes the part of a line in front of its text; returns the length. */
static int put_heading(struct log *log, const struct moment *now, char *line, size_t room,
                       enum log_level level)
{
    static const char marks[] = { '.', '-', '*', '#' };

    return snprintf(line, room, "%d:%c %02d %s %04d %02d:%02d:%02d.%03d %c ", (int)getpid(),
                    atomic_load(&log->role), now->date.day, months[now->date.month], now->date.year,
                    now->second / 3600, now->second / 60 % 60, now->second % 60, now->millisecond,
                    marks[level]);
}

/* Says the same to the log of the system. */
static void tell_system(const struct log *log, const struct moment *now, enum log_level level,
                        const char *text, size_t len)
{
    static const enum system_log_severity severities[] = {
        SYSTEM_LOG_DEBUG, SYSTEM_LOG_INFO, SYSTEM_LOG_NOTICE, SYSTEM_LOG_WARNING
    };
    char date[32];

    snprintf(date, sizeof(date), "%s %2d %02d:%02d:%02d", months[now->date.month], now->date.day,
             now->second / 3600, now->second / 60 % 60, now->second % 60);
    system_log_line(log->system, severities[level], date, text, len);
}

/* A log that cannot be written has nobody to tell; what comes through partly is left so. */
static void write_out(const struct log *log, const char *text, size_t len)
{
    ssize_t written = write(log_descriptor(log), text, len);

    (void)written;
}

void log_line(struct log *log, enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX + 80];
    struct moment now;
    va_list words;
    size_t heading;
    size_t len;
    int added;

    if (log == NULL || level >= LOG_NOTHING || (int)level < atomic_load(&log->level))
        return;
    now = look_at_clock(log);
    len = heading = (size_t)put_heading(log, &now, line, sizeof(line), level);
    va_start(words, format);
    added = vsnprintf(line + len, LOG_LINE_MAX, format, words);
    va_end(words);
    must(added >= 0);
    len += added < LOG_LINE_MAX ? (size_t)added : LOG_LINE_MAX - 1;
    if (log->system != NULL)
        tell_system(log, &now, level, line + heading, len - heading);
    line[len++] = '\n';
    write_out(log, line, len);
}

void log_raw(struct log *log, const char *text)
{
    if (log != NULL && atomic_load(&log->level) < LOG_NOTHING)
        write_out(log, text, strlen(text));
}

/*
 * Nothing here allocates or locks: it runs in a signal handler, in a process whose
 * memory may be damaged. What keys and values hold is not shown.
 */
#include "broker/observe/crash_report.h"

#include <stdio.h>
#include <unistd.h>

#include "broker/dispatch/caller.h"
#include "broker/observe/version.h"
#include "storage/base/log.h"
#include "storage/base/memory.h"
#include "storage/base/panic.h"

struct crash_report {
    const struct caller *caller;
    const struct log *log;
};

static void tell(void *who, int fd)
{
    const struct crash_report *report = who;
    const struct command *command = caller_current(report->caller);
    char text[512];
    int len = snprintf(text, sizeof(text),
                       "--- WHAT IT WAS\nversion:%s\nprocess_id:%d\ncommand:%s\nused_memory:%zu\n",
                       MILLRACE_VERSION, (int)getpid(),
                       command == NULL ? "none" : command->full_name, memory_used());

    if (len > 0 && write(fd, text, (size_t)len) < 0)
        return;
}

struct crash_report *crash_report_new(const struct caller *caller, const struct log *log)
{
    struct crash_report *report = memory_new_zeroed(1, sizeof(*report));

    report->caller = caller;
    report->log = log;
    panic_hook(tell, report);
    return report;
}

void crash_report_enable(struct crash_report *report, bool on)
{
    if (on)
        panic_on_signals(log_descriptor(report->log));
    else
        panic_not_on_signals();
}

void crash_report_free(struct crash_report *report)
{
    panic_hook(NULL, NULL);
    memory_free(report);
}

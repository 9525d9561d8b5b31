/*
 * What a dying broker says beside where it was: which it is, and what it was doing.
 *
 * storage/base/panic.h writes the report, to the log and to standard error.
 */
#ifndef BROKER_OBSERVE_CRASH_REPORT_H
#define BROKER_OBSERVE_CRASH_REPORT_H

#include <stdbool.h>

struct caller;
struct log;
struct crash_report;

/* Knows what to report; there is one at a time. Pointers are borrowed. */
struct crash_report *crash_report_new(const struct caller *caller, const struct log *log);

/* From now on crashes are reported, or are not (crash-log-enabled). */
void crash_report_enable(struct crash_report *report, bool on);

/* Crashes are still reported, but no longer with what was being done. */
void crash_report_free(struct crash_report *report);

#endif

/*
 * Who gets a processor first when there are fewer than threads that want one.
 *
 * Linux lets a thread that wakes wait until the running one has had its slice,
 * for 3 milliseconds and often until the next tick of the clock. A thread with
 * a shorter slice does not wait for that: it is let in at once, and in turn
 * gives the processor back sooner. It gets no larger share by it. So the thread
 * that answers asks for a short slice, and work that nobody waits for keeps the
 * usual one and a smaller share.
 *
 * Both are requests: kernels before 6.12 know no slices of a thread's own, and
 * a thread that somebody gave another policy than the usual (chrt) is left
 * alone. Source: sched(7), sched_setattr(2), and the kernel's
 * Documentation/scheduler/sched-eevdf.rst.
 */
#ifndef STORAGE_BASE_URGENCY_H
#define STORAGE_BASE_URGENCY_H

/* The calling thread answers somebody. Threads and processes that it makes inherit this. */
void urgency_raise(void);

/* The calling thread does what nobody waits for; once for each thread or process. */
void urgency_lower(void);

#endif

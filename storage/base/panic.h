/*
 * The report when a `must` fails or memory runs out: reason, backtrace, abort.
 *
 * One hook may be set by the program to add what it was doing (the call under
 * way, the last log lines). It must not allocate or lock, and runs at most once.
 */
#ifndef STORAGE_BASE_PANIC_H
#define STORAGE_BASE_PANIC_H

/* Sets what else is printed, or nothing with NULL. `who` is handed to the hook. */
void panic_hook(void (*hook)(void *who, int fd), void *who);

/*
 * From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT are reported before they end the
 * process as they would have: the signal, the address, a stack trace, what the hook adds.
 * Every report, of a failed `must` too, goes to descriptor `log` and to standard error.
 */
void panic_on_signals(int log);

/* They end the process without a word again; a failed `must` is still reported. */
void panic_not_on_signals(void);

/*
 * In a signal handler of a program that goes on: writes `headline`, where this thread
 * is and the hook's words to the log of panic_on_signals, or to standard error.
 * Nothing is allocated or locked; errno stays.
 */
void panic_show(const char *headline);

/* Prints the reason in the manner of printf to standard error and aborts. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

/*
 * The last thing a broken program does: says what was wrong and where.
 *
 * Nothing here allocates or takes a lock that the failed code may hold; the
 * report goes out with write(2), piece by piece.
 */
#include "storage/base/panic.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/must.h"

enum { PANIC_FRAMES = 64, PANIC_STACK = 64 * 1024 };

/* A process dies once, so this is one for the process. */
static struct {
    void (*hook)(void *who, int fd);
    void *who;
    atomic_bool under_way;
    int log; /* where it is said beside standard error; 0 nowhere */
    char stack[PANIC_STACK]; /* a handler may not have another */
} panic_state;

static void say_to(int fd, const char *text)
{
    size_t left = strlen(text);
    ssize_t written;

    while (left > 0 && (written = write(fd, text, left)) > 0) {
        text += written;
        left -= (size_t)written;
    }
}

static void say(const char *text)
{
    say_to(STDERR_FILENO, text);
    if (panic_state.log > 0)
        say_to(panic_state.log, text);
}

/* Where it is, and what the hook knows. */
static void tell_where_to(int fd)
{
    void *frames[PANIC_FRAMES];
    int count = backtrace(frames, PANIC_FRAMES);

    say_to(fd, "--- STACK TRACE\n");
    backtrace_symbols_fd(frames, count, fd);
    if (panic_state.hook != NULL)
        panic_state.hook(panic_state.who, fd);
}

/* The same to all who listen. */
static void tell_where(void)
{
    tell_where_to(STDERR_FILENO);
    if (panic_state.log > 0)
        tell_where_to(panic_state.log);
}

void panic_show(const char *headline)
{
    int fd = panic_state.log > 0 ? panic_state.log : STDERR_FILENO;
    int kept = errno;

    say_to(fd, "\n--- ");
    say_to(fd, headline);
    say_to(fd, " ---\n");
    tell_where_to(fd);
    say_to(fd, "--- it goes on\n");
    errno = kept;
}

void panic_hook(void (*hook)(void *who, int fd), void *who)
{
    void *frame[1];

    panic_state.hook = hook;
    panic_state.who = who;
    /* The first backtrace loads a library, which must not wait until memory is gone. */
    (void)backtrace(frame, 1);
}

void panic(const char *format, ...)
{
    char text[1024];
    va_list words;

    va_start(words, format);
    vsnprintf(text, sizeof(text), format, words);
    va_end(words);

    say("\n=== Millrace stopped: ");
    say(text);
    say("\n");
    /* A hook that fails itself must not be run again for it. */
    if (!atomic_exchange(&panic_state.under_way, true))
        tell_where();
    abort();
}

/* The default action, which a handler has taken the place of, ends the process. */
static void on_signal(int number, siginfo_t *about, void *context)
{
    char text[128];

    (void)context;
    (void)signal(number, SIG_DFL);
    if (!atomic_exchange(&panic_state.under_way, true)) {
        (void)snprintf(text, sizeof(text), "\n=== Millrace crashed by signal: %d, %s, address %p\n",
                       number, sigdescr_np(number), number == SIGABRT ? NULL : about->si_addr);
        say(text);
        tell_where();
        say("=== end of the report\n");
    }
    (void)raise(number);
}

static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

enum { DEADLY = sizeof(deadly) / sizeof(deadly[0]) };

void panic_on_signals(int log)
{
    stack_t stack = { .ss_sp = panic_state.stack, .ss_size = sizeof(panic_state.stack) };
    struct sigaction action = { .sa_sigaction = on_signal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    void *frame[1];

    panic_state.log = log;
    (void)backtrace(frame, 1);
    (void)sigaltstack(&stack, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < DEADLY; i++)
        (void)sigaction(deadly[i], &action, NULL);
}

void panic_not_on_signals(void)
{
    for (size_t i = 0; i < DEADLY; i++)
        (void)signal(deadly[i], SIG_DFL);
}

void must_fail(const char *claim, const char *file, int line)
{
    panic("%s:%d: this did not hold: %s", file, line, claim);
}

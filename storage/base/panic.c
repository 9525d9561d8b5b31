/*
 * The last thing a broken program does: says what was wrong and where.
 *
 * Nothing here allocates or takes a lock that the failed code may hold; the
 * report goes out with write(2), piece by piece.
 */
#include "storage/base/panic.h"

#include <execinfo.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/base/must.h"

enum { PANIC_FRAMES = 64 };

/* A process dies once, so this is one for the process. */
static struct {
    void (*hook)(void *who, int fd);
    void *who;
    atomic_bool under_way;
} panic_state;

static void say(const char *text)
{
    size_t left = strlen(text);
    ssize_t written;

    while (left > 0 && (written = write(STDERR_FILENO, text, left)) > 0) {
        text += written;
        left -= (size_t)written;
    }
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
    void *frames[PANIC_FRAMES];
    va_list words;

    va_start(words, format);
    vsnprintf(text, sizeof(text), format, words);
    va_end(words);

    say("\n=== Millrace stopped: ");
    say(text);
    say("\n");
    /* A hook that fails itself must not be run again for it. */
    if (!atomic_exchange(&panic_state.under_way, true)) {
        say("--- where\n");
        backtrace_symbols_fd(frames, backtrace(frames, PANIC_FRAMES), STDERR_FILENO);
        if (panic_state.hook != NULL)
            panic_state.hook(panic_state.who, STDERR_FILENO);
    }
    abort();
}

void must_fail(const char *claim, const char *file, int line)
{
    panic("%s:%d: this did not hold: %s", file, line, claim);
}

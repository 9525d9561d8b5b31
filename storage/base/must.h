/*
 * Assertions that stay on.
 *
 * `must` guards what we believe about our own code and is always compiled in.
 * `must_dear` is for checks too dear for release: it is compiled where
 * MILLRACE_CHECKS is defined (debug and sanitizer builds). Neither is for bad
 * input, which always gets an answer instead.
 */
#ifndef STORAGE_BASE_MUST_H
#define STORAGE_BASE_MUST_H

/* An answer that must be looked at. */
#define MUST_USE __attribute__((warn_unused_result))

/* Prints what was believed and where, runs the panic hook (panic.h), aborts. */
_Noreturn void must_fail(const char *claim, const char *file, int line);

#define must(claim) \
    (__builtin_expect(!(claim), 0) ? must_fail(#claim, __FILE__, __LINE__) : (void)0)

#ifdef MILLRACE_CHECKS
#define must_dear(claim) must(claim)
#else
#define must_dear(claim) ((void)0)
#endif

/* Which way a condition goes nearly always, for the compiler to lay out the code. */
#define LIKELY(claim) __builtin_expect(!!(claim), 1)
#define UNLIKELY(claim) __builtin_expect(!!(claim), 0)

#endif

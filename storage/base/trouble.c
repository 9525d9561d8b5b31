/*
 * An error's story, in a fixed room and always NUL-terminated.
 */
#include "storage/base/trouble.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Puts ": " and more behind a text, as far as there is room. */
static void add(struct trouble *trouble, const char *more)
{
    size_t len = strlen(trouble->text);

    snprintf(trouble->text + len, sizeof(trouble->text) - len, ": %s", more);
}

bool trouble_set(struct trouble *trouble, const char *format, ...)
{
    va_list words;

    trouble->code = 0;
    va_start(words, format);
    vsnprintf(trouble->text, sizeof(trouble->text), format, words);
    va_end(words);
    return false;
}

bool trouble_errno(struct trouble *trouble, const char *format, ...)
{
    char reason[128];
    va_list words;

    trouble->code = errno;
    va_start(words, format);
    vsnprintf(trouble->text, sizeof(trouble->text), format, words);
    va_end(words);
    /* The GNU strerror_r: it may answer with a text of its own. */
    add(trouble, strerror_r(trouble->code, reason, sizeof(reason)));
    return false;
}

bool trouble_wrap(struct trouble *trouble, const char *format, ...)
{
    char story[sizeof(trouble->text)];
    va_list words;

    memcpy(story, trouble->text, sizeof(story));
    va_start(words, format);
    vsnprintf(trouble->text, sizeof(trouble->text), format, words);
    va_end(words);
    add(trouble, story);
    return false;
}

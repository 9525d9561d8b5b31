/*
 * INFO: a list of sections, each written by the rooms it tells of.
 *
 * The sections and their order are Redis's. A room adds a writer to a section
 * when the broker is made; a section with several writers has the lines of all,
 * in the order in which they were added. This module knows none of them.
 */
#ifndef BROKER_OBSERVE_INFO_H
#define BROKER_OBSERVE_INFO_H

#include "storage/base/buffer.h"
#include "storage/base/slice.h"

struct info;

struct info *info_new(void);

/* Frees it. NULL is fine. */
void info_free(struct info *info);

/*
 * Adds a writer to a section, named as INFO is asked for it ("persistence"),
 * which must be one of Redis's. It appends whole lines, "field:value\r\n".
 */
void info_add(struct info *info, const char *section, void (*write)(void *who, struct buffer *to),
              void *who);

/*
 * Appends the named sections under their headings, each once and in the order of
 * INFO. Without names it does as with "default"; "all" and "everything" give more. A
 * name that no section has is ignored.
 */
void info_print(const struct info *info, const struct slice *names, size_t count,
                struct buffer *to);

/* Appends an amount of memory for people: "894.70K". */
void info_print_size(struct buffer *to, uint64_t bytes);

#endif

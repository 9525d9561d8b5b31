/*
 * The manifest: which files make up the log, in the order they are read.
 *
 *   file <name> seq <number> type b|h|i LF   for each file
 *
 *   b  the base: all data at one moment. At most one.
 *   i  an increment: what was said since then, in rising order of number.
 *   h  history: a file that is no longer needed and waits to be removed.
 *
 * A line that begins with '#' is a comment, further pairs of words on a line
 * are passed over, a name with unusual characters stands in double quotes.
 * Every line ends with a line feed, so that a manifest cut short is noticed.
 * Source: the behaviour of redis-server 7.0.15.
 */
#ifndef STORAGE_PERSIST_AOF_MANIFEST_H
#define STORAGE_PERSIST_AOF_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/must.h"
#include "storage/base/slice.h"

struct buffer;
struct trouble;

enum aof_file_kind { AOF_FILE_BASE = 'b', AOF_FILE_HISTORY = 'h', AOF_FILE_INCREMENT = 'i' };

enum { AOF_NAME_MAX = 255, AOF_MANIFEST_MAX = 1024 * 1024 };

/* One file. The name is borrowed until the manifest changes. */
struct aof_file {
    char              *name;
    int64_t            number;
    enum aof_file_kind kind;
};

struct aof_manifest;

struct aof_manifest *aof_manifest_new(void);
void aof_manifest_free(struct aof_manifest *manifest);

/* A copy, owned by the caller: changes are planned on one and then adopted whole. */
struct aof_manifest *aof_manifest_copy(const struct aof_manifest *manifest);

/* Reads a manifest; NULL with trouble that names the line and what is wrong with it. */
struct aof_manifest *aof_manifest_parse(struct slice text, struct trouble *trouble);

/* Appends the text: base, history, increments. */
void aof_manifest_print(const struct aof_manifest *manifest, struct buffer *to);

/* How many files of a kind there are, and the n-th of them. */
size_t aof_manifest_count(const struct aof_manifest *manifest, enum aof_file_kind kind);
const struct aof_file *aof_manifest_file(const struct aof_manifest *manifest,
                                         enum aof_file_kind kind, size_t n);

/* The base, and the increment that is written to; NULL if there is none. */
const struct aof_file *aof_manifest_base(const struct aof_manifest *manifest);
const struct aof_file *aof_manifest_last(const struct aof_manifest *manifest);

/* Whether a file is named at all. */
bool aof_manifest_names(const struct aof_manifest *manifest, const char *name);

/* Adds "<stem>.<next number>.incr.aof" and returns it. */
const struct aof_file *aof_manifest_add_increment(struct aof_manifest *manifest, const char *stem);

/*
 * Sets the base to "<stem>.<next number>.base.aof"; the one before becomes
 * history. With `name` not NULL the base has that name.
 */
const struct aof_file *aof_manifest_set_base(struct aof_manifest *manifest, const char *stem,
                                             const char *name);

/* The same for a base in RDB format: "<stem>.<next number>.base.rdb". */
const struct aof_file *aof_manifest_set_rdb_base(struct aof_manifest *manifest, const char *stem);

/* Adds a file as history: one that is about to get its name, and may be removed after a crash. */
void aof_manifest_add_history(struct aof_manifest *manifest, const struct aof_file *file);

/* Turns all increments but the newest `kept` into history. */
void aof_manifest_retire(struct aof_manifest *manifest, size_t kept);

/* Forgets history of which `gone` says that the file is no more. */
void aof_manifest_forget(struct aof_manifest *manifest,
                         bool (*gone)(void *who, const char *name), void *who);

/* Asserts every invariant. */
void aof_manifest_check(const struct aof_manifest *manifest);

#endif

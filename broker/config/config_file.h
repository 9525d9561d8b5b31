/*
 * Where options come from at the start: a file in the syntax of redis.conf and
 * the words of the command line.
 *
 * A line is a name and words, split at blanks. A word may stand in double
 * quotes, with the escapes \n \r \t \b \a \\ \" and \xHH, or in single quotes,
 * where only \' is special. Lines that begin with # and empty lines say nothing.
 * `include PATTERN` reads other files in its place, in the order of their
 * names; a plain name must exist. The last value of an option counts.
 *
 * On the command line `--name value` is the line `name value`; a name and its
 * value may also be one word, "--name value", and a value may begin with --
 * where the option before it still wants one.
 */
#ifndef BROKER_CONFIG_CONFIG_FILE_H
#define BROKER_CONFIG_CONFIG_FILE_H

#include "broker/config/config.h"

enum { CONFIG_FILE_LARGEST = 16 * 1024 * 1024 }; /* bytes of a file that is read */

/*
 * Reads text in the syntax of a config file, as if it stood in the file `name`
 * (NULL if it came from no file). Returns false with the report for standard
 * error: "*** FATAL CONFIG FILE ERROR ***", file, line, the line itself and the
 * reason, each line ended.
 */
bool config_file_read_text(struct config *config, const char *name, struct slice text,
                           struct buffer *report);

/*
 * Reads the arguments of `millrace [file.conf] [--option value ...]`, without
 * the program's name; a file "-" is standard input. Returns false with a report
 * as above.
 */
bool config_file_read_arguments(struct config *config, int count, char *const *arguments,
                                struct buffer *report);

/*
 * Splits a line into words, undoing quotes. The words look into `room`, which
 * the caller clears when done with them. Returns the number of words, at most
 * `most`; -1 if quotes do not match or there are more words.
 */
int config_file_split(struct slice line, struct slice *words, int most, struct buffer *room);

/* How many words a line can have at most: room for config_file_split. */
static inline int config_file_words_most(struct slice line)
{
    return (int)(line.len / 2) + 1;
}

/* Appends a word in double quotes, so that config_file_split reads it back as it is. */
void config_file_quote(struct buffer *to, struct slice word);

#endif

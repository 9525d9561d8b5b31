/*
 * CONFIG REWRITE: the config file is written anew, so that it says what is in
 * force, with the user's comments, order and includes kept.
 *
 * A line whose option has the value the line says stays as it is, byte for
 * byte. A line that says something else is replaced; further lines of the same
 * option go. Options that the file does not mention are added at the end if
 * they differ from their default, or in any case if `all` are asked for. Lines on
 * users are written anew where the first of them stood, or at the end.
 */
#ifndef BROKER_CONFIG_CONFIG_REWRITE_H
#define BROKER_CONFIG_CONFIG_REWRITE_H

#include "broker/config/config.h"

/* Appends the line of an option, under the name the file knows it by. */
void config_rewrite_line(const struct options *options, const struct option *option,
                         struct slice name, struct buffer *to);

/* What the file would be: appends to `to` the given text, brought up to date. */
void config_rewrite_text(const struct config *config, struct slice text, bool all,
                         struct buffer *to);

/*
 * Replaces the file that was read at the start, all at once: a crash leaves the
 * old file or the new one. Returns false with the reason, the file then being as
 * it was. There must be a file: config_path.
 */
bool config_rewrite(const struct config *config, bool all, struct trouble *trouble);

#endif

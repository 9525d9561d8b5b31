/*
 * What people are told about options: the list of them all, as a file that can
 * be edited and used, and the name that somebody may have meant.
 */
#ifndef BROKER_CONFIG_CONFIG_HELP_H
#define BROKER_CONFIG_CONFIG_HELP_H

#include "storage/base/buffer.h"
#include "storage/base/slice.h"

/*
 * Appends a configuration file in which every option stands with its sentence and
 * its default, as a comment. Options with only one possible value are left out.
 */
void config_help_sample(struct buffer *to);

/*
 * Returns the name of the option that is spelled most like `name`, if one or two
 * letters turn one into the other, or NULL. The name lives for ever.
 */
const char *config_help_nearest(struct slice name);

#endif

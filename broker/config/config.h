/*
 * The broker's configuration: the options in force, who must be told when one
 * changes, and the rules of changing them.
 *
 * At the start values come from the file and the command line (config_file.h)
 * through config_set. Later they come from CONFIG SET through config_set_live,
 * which changes all of the options it is given or none.
 */
#ifndef BROKER_CONFIG_CONFIG_H
#define BROKER_CONFIG_CONFIG_H

#include "broker/config/options.h"

struct config;

/* A configuration with all defaults. */
struct config *config_new(void);

/* Frees it. NULL is fine. */
void config_free(struct config *config);

/* The options in force, at one address until config_free; fields change when they are set. */
const struct options *config_options(const struct config *config);

/*
 * Has `apply` called after the named option was changed by config_set_live;
 * `options` already has the new value. It returns false with a reason if it
 * cannot do what the value asks for; the old values then come back, and all who
 * were called for the new ones are called again, the one that failed too.
 *
 * One function with one `who`, registered for several options, is called once
 * when several of them change together. The name must be that of an option.
 */
void config_on_change(struct config *config, const char *name,
                      bool (*apply)(void *who, const struct options *options,
                                    struct trouble *trouble),
                      void *who);

/*
 * Sets one option at the start. Returns false with the reason as Redis words it
 * for a config file: an unknown option, a wrong number of words, a bad value.
 */
bool config_set(struct config *config, struct slice name, const struct slice *words, size_t count,
                struct trouble *trouble);

/* A name and the value it is to have. */
struct config_pair {
    struct slice name;
    struct slice value;
};

/*
 * CONFIG SET: sets all of the options or, with the reason, none of them, and
 * tells those who registered. `may_protected` says whether the asker may change
 * protected options. The reason is Redis's sentence behind "ERR ".
 */
bool config_set_live(struct config *config, const struct config_pair *pairs, size_t count,
                     bool may_protected, struct trouble *trouble);

/*
 * Replaces an option by what it came to mean, telling nobody:
 * `dir` by the absolute folder, once it was entered; `replicaof` by whom
 * REPLICAOF named.
 */
void config_settle(struct config *config, const char *name, struct slice value);

/*
 * Lines `user name rules...` of the file. What rules mean is known elsewhere: `check`
 * is asked of each line when it is read, words beginning with the name, and says in
 * `trouble` what is wrong; `print` appends the lines that a rewritten file is to have,
 * each ended, with single blanks between the words and no quotes, which are added
 * where a word needs them. Without them every line is taken, and stays as it is.
 */
void config_check_users(struct config *config,
                        bool (*check)(const struct slice *words, size_t count,
                                      struct trouble *trouble));
void config_print_users(struct config *config,
                        void (*print)(const void *who, struct buffer *to), const void *who);

/* The lines that were read, in order: shows the words of each. */
void config_visit_users(const struct config *config,
                        void (*visit)(void *who, const struct slice *words, size_t count),
                        void *who);

/* Appends what `print` has to say. False, appending nothing, if there is no such function. */
bool config_user_lines(const struct config *config, struct buffer *to);

/*
 * Lines `rename-command from to`. Which names there are is known elsewhere: `check` is asked
 * of each line when it is read, and says in `trouble` what is wrong. Without it every line
 * is taken. A rewritten file keeps them.
 */
void config_check_renames(struct config *config,
                          bool (*check)(void *who, struct slice from, struct slice to,
                                        struct trouble *trouble),
                          void *who);

/* The lines that were read, in order. */
void config_visit_renames(const struct config *config,
                          void (*visit)(void *who, struct slice from, struct slice to),
                          void *who);

/* The config file that was read, absolute; "" if there was none. */
const char *config_path(const struct config *config);
void config_set_path(struct config *config, const char *path);

#endif

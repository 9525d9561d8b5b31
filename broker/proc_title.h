/*
 * The title of the process, as ps shows it, made from proc-title-template:
 * {title} {listen-addr} {server-mode} {port} {tls-port} {unixsocket} {config-file}.
 */
#ifndef BROKER_PROC_TITLE_H
#define BROKER_PROC_TITLE_H

struct config;
struct proc_title;

/*
 * Makes the room of the program's arguments and environment the title's: `arguments`
 * are those of main, and nobody may look at them from now on; the environment is moved.
 * The title follows the option, unless set-proc-title forbids it.
 */
struct proc_title *proc_title_new(struct config *config, int count, char **arguments);

/* Frees it, with the environment's copy: the last thing before the program ends. NULL is fine. */
void proc_title_free(struct proc_title *title);

#endif

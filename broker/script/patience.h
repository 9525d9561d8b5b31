/*
 * How long everybody waits for a script.
 *
 * Once a script has run for busy-reply-threshold milliseconds, input is read
 * while it runs: the few commands that are allowed then are run, SCRIPT KILL
 * and SHUTDOWN NOSAVE among them, all others are answered with BUSY.
 *
 *   quiet ──begin──► running ──threshold──► busy ──kill──► killed
 *     ▲                 │                    │                │
 *     └───────────────end──────────────────end──────────────end
 *
 * A script that has written cannot be killed: half of its work would stay.
 */
#ifndef BROKER_SCRIPT_PATIENCE_H
#define BROKER_SCRIPT_PATIENCE_H

#include <lua5.1/lua.h>

#include "broker/dispatch/caller.h"
#include "broker/script/script_run.h"

struct connections;
struct log;
struct loop;
struct options;
struct patience;

/* Pointers are borrowed. */
struct patience_setup {
    struct loop          *loop;
    struct connections   *connections;
    struct clock         *clock;
    struct log           *log;
    const struct options *options;
    void                (*unwatch)(void *who, struct session *session);
    void                 *unwatch_who;
    void                (*keep)(void *who); /* writes to the log what this turn said so far */
    void                 *keep_who;
};

struct patience *patience_new(const struct patience_setup *setup);
void patience_free(struct patience *patience);

/* A run begins on a machine, and ends. Runs do not nest. The run is borrowed in between. */
void patience_begin(struct patience *patience, lua_State *lua, struct script_run *run);
void patience_end(struct patience *patience, lua_State *lua);

/* What is under way, or NULL. */
const struct script_run *patience_run(const struct patience *patience);

/* How long it is under way, in milliseconds. */
millis patience_took(const struct patience *patience);

/* Stops the script, or the function, that is under way; otherwise the refusal says why not. */
enum refusal patience_kill(struct patience *patience, bool function);

/* While a script is busy: answers with BUSY. False if none is. */
bool patience_refuses(const struct patience *patience, struct call *call);

/* The guard: while a script is busy most commands are answered with BUSY. */
enum pass patience_guard(void *patience, struct call *call);

#endif

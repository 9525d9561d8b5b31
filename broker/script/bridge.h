/*
 * The table `redis` of scripts, and running them.
 *
 *   script ──redis.call──► call within the call ──► reply in memory ──► value of Lua
 *
 * A call within is made as the session, with its user and database; what SELECT
 * chose is forgotten when the script ends. The calls note what they changed and say
 * their own statements; the whole script is one unit.
 */
#ifndef BROKER_SCRIPT_BRIDGE_H
#define BROKER_SCRIPT_BRIDGE_H

#include <lua5.1/lua.h>

#include "broker/dispatch/call.h"
#include "broker/script/script_run.h"

struct bridge;
struct log;
struct naming;
struct patience;

/* Pointers are borrowed. */
struct bridge_setup {
    struct patience *patience;
    struct log      *log;
    const struct naming *naming; /* what commands are called; may be NULL */
    const char      *version; /* redis.REDIS_VERSION */
    bool           (*is_over_memory)(const void *who); /* maxmemory is passed */
    const void      *is_over_memory_who;
    enum refusal   (*stands_in_way)(void *who, const struct session *session, bool writes,
                                    bool bears_stale); /* replication: of what scripts say of
                                                          themselves */
    void            *stands_in_way_who;
    bool           (*refuses_queue)(void *who, const struct command *command,
                                    struct buffer *line); /* queues are full; in words */
    void            *refuses_queue_who;
    bool           (*may)(const void *who, const struct session *session,
                          const struct command *command, const struct slice *words,
                          size_t count); /* the session's user may do this */
    const void      *may_who;
};

struct bridge *bridge_new(const struct bridge_setup *setup);
void bridge_free(struct bridge *bridge);

/* Pushes the table `redis` of scripts, or of functions, which have no debugger. */
void bridge_push(struct bridge *bridge, lua_State *lua, bool for_functions);

/* Pushes the part of it that is there while functions are loaded: no calls. */
void bridge_push_for_loading(struct bridge *bridge, lua_State *lua);

/*
 * Runs the function that is on the stack under `arguments` values, answers the
 * call with what it returns or with its error, and leaves the stack as it was
 * under them. `run` says what and how; its call answers.
 */
enum verdict bridge_run(struct bridge *bridge, lua_State *lua, struct script_run *run,
                        int arguments);

/* Whether a script may run at all: REFUSAL_NONE, or why not. */
enum refusal bridge_refuses(const struct bridge *bridge, struct script_run *run,
                            bool read_only_command);

/* Whether scripts may call commands that are not for scripts, all but those that run scripts; for
 * tests. */
void bridge_allow_all(struct bridge *bridge, bool allow);

/* What the error on top of the stack says, whatever it is. */
struct slice bridge_error_text(lua_State *lua);

/* The handler for lua_pcall that remembers where an error arose. */
int bridge_on_error(lua_State *lua);

#endif

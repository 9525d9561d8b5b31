/* What loading libraries and registering their functions share. */
#ifndef BROKER_SCRIPT_FUNCTIONS_PRIVATE_H
#define BROKER_SCRIPT_FUNCTIONS_PRIVATE_H

#include <lua5.1/lua.h>

#include "broker/script/functions.h"
#include "storage/base/bytes.h"
#include "storage/base/chain.h"

struct first_line;
struct library;

struct function {
    struct bytes   *folded;      /* the name in small letters */
    struct bytes   *name;
    struct bytes   *description; /* NULL: none was given */
    struct library *library;
    struct function *next;       /* in the library */
    int             reference;   /* in the registry of the machine */
    uint32_t        flags;       /* enum script_flags */
};

struct library {
    struct chain     all;
    struct bytes    *name;
    struct bytes    *text;
    struct function *first; /* the one registered first */
    size_t           count;
    bool             going; /* it is to make room for another */
};

/* Whether a name may be that of a library or a function: letters, digits and _. */
bool function_name_is_fine(struct slice name);

/* The function of a library with a name, in any case; NULL if there is none. */
struct function *library_find(const struct library *library, struct slice folded);

/* The name in small letters. */
struct bytes *function_fold(struct slice name);

/* Frees a function whose reference is given back. */
void function_free(struct function *function);

/*
 * Reads the first line of a library into `line`, and the name in it. On false there is
 * an error line in `why`. The caller clears `line` in either case.
 */
bool library_read_first_line(struct first_line *line, struct slice text, struct slice *name,
                             struct buffer *why);

/*
 * Pushes the globals that a text sees while it is loaded, in place of the
 * common ones: `redis` with little in it. `loading` points to the library that
 * functions are registered in, or to NULL.
 */
void register_push_globals(lua_State *lua, struct bridge *bridge, struct library **loading);

#endif

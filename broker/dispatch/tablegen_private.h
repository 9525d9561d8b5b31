/*
 * The table generator's own structures: what was read from the spec files.
 *
 * It is a program of the build, run once and then gone. So it keeps every text
 * it reads until it exits, and ends with a message at the first mistake.
 */
#ifndef BROKER_DISPATCH_TABLEGEN_PRIVATE_H
#define BROKER_DISPATCH_TABLEGEN_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { ROWS_MAX = 1024, RULES_MAX = 4, TIPS_MAX = 8, HANDLERS_MAX = 2048 };

/* Where in which file the generator is; every complaint names it. */
struct place {
    const char *file;
    int line;
};

/* One argument, and those beside it. Texts are NULL where nothing was written. */
struct node {
    const char *name;
    const char *token;
    const char *since;
    const char *deprecated_since;
    struct node *parts;
    struct node *next;
    uint8_t type;  /* enum argument_type */
    uint8_t flags; /* enum argument_flags */
    int key_rule;
    unsigned parts_id; /* number of the array its parts are written to */
};

/* A key rule as written: enum key_begin, enum key_find and their numbers. */
struct rule {
    const char *keyword;
    uint32_t flags;
    int begin, find, index, start_from, last, limit, count_at, first_at, step;
};

struct row {
    struct place place;
    const char *name;      /* "create" */
    const char *full_name; /* "xgroup|create" */
    const char *handler;   /* "do_xgroup_create" */
    struct row *parent;
    const char *summary, *cost, *since, *group, *deprecated_since, *replaced_by;
    const char *tips[TIPS_MAX];
    struct rule rules[RULES_MAX];
    struct node *arguments;
    size_t tip_count, rule_count;
    uint64_t categories;
    uint32_t flags;
    int arity;
    uint8_t docs_flags;
    uint8_t reader;
    bool is_container; /* no command itself */
    bool has_handler;
    bool wanted; /* is written: it has a handler, or a subcommand that has one */
    unsigned index, arguments_id, subcommand_count, first_subcommand;
};

struct spec {
    struct row rows[ROWS_MAX];
    size_t row_count;
    const char *handlers[HANDLERS_MAX];
    size_t handler_count;
};

/* Says what is wrong where, and exits. */
_Noreturn void tablegen_fail(struct place place, const char *what, const char *detail);

/* Memory that is never freed; exits if there is none. */
void *tablegen_keep(size_t size);
char *tablegen_keep_text(const char *text, size_t length);

/* Turns a usage line into its argument tree; NULL for an empty one. */
struct node *tablegen_usage(struct place place, const char *usage);

/* The arity a list of arguments has behind so many words of a name. */
int tablegen_arity(const struct node *arguments, int name_words);

/* Writes the C source of the table. */
void tablegen_write(struct spec *spec, FILE *to);

#endif

/*
 * The intake: bytes of a session become requests, requests become calls.
 *
 * A pipeline is parsed ahead, so that the table's lines and the items of the
 * next requests are on their way from memory while the first ones run. The same
 * for what several sessions ask in one turn.
 */
#ifndef BROKER_DISPATCH_INTAKE_H
#define BROKER_DISPATCH_INTAKE_H

#include "broker/dispatch/caller.h"

struct intake;
struct naming;
struct preview;

/* Pointers are borrowed; what `naming` holds must be in it already. */
struct intake *intake_new(struct caller *caller, struct keyspaces *keyspaces,
                          const struct options *options, const struct naming *naming);
void intake_free(struct intake *intake);

/* The input of a session, as sessions.h wants it: returns how many bytes were taken. */
size_t intake_input(void *intake, struct session *session, struct slice bytes, size_t *wanted);

/* What several sessions will ask next, as connection.h tells it: asks for memory, no more. */
void intake_ahead(void *intake, const struct preview *previews, size_t count);

#endif

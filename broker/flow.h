/*
 * The whole behaviour of the server around a command, as four ordered lists.
 */
#ifndef BROKER_FLOW_H
#define BROKER_FLOW_H

#include "broker/broker.h"
#include "broker/dispatch/caller.h"
#include "broker/net/loop.h"

enum { FLOW_MOST = 16 };

/* The lists with the modules of one broker filled in; each ends with a row without a name. */
struct flow {
    struct guard   guards[FLOW_MOST];
    struct witness witnesses[FLOW_MOST];
    struct effect  effects[FLOW_MOST];
};

/* Fills the lists in. The modules must be there already. */
void flow_bind(struct flow *flow, struct broker *broker);

/* Leaves guards out that cannot object now: call it when the role or an option changed. */
void flow_choose_guards(struct flow *flow, struct broker *broker);

/* The steps that end a turn; returns how many. They are asked for the broker's modules when run. */
size_t flow_steps(struct step steps[FLOW_MOST], struct broker *broker);

#endif

/*
 * The guards that belong to no other room: is it a command, may it run in this
 * mode. Others stand beside their subject; flow.c puts all in order.
 */
#ifndef BROKER_DISPATCH_GATE_H
#define BROKER_DISPATCH_GATE_H

#include "broker/dispatch/caller.h"

/* The command exists and has enough words. Refuses with Redis's sentences. */
enum pass gate_known(void *nobody, struct call *call);

/* LOADING: data is being loaded. `metrics` says so. */
enum pass gate_loaded(void *metrics, struct call *call);

/* What a subscribed session may do under RESP2, and what may not be queued. */
enum pass gate_mode(void *nobody, struct call *call);

#endif

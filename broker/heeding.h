/*
 * What is done when an option changes while the broker runs, for rooms that keep something
 * they made of it; whoever looks an option up when it is needed has nothing to do here.
 * Options of the data on disk are bound by durable.h, those of listeners by boot.h.
 */
#ifndef BROKER_HEEDING_H
#define BROKER_HEEDING_H

struct broker;

/* Fills in when values change their form. */
void heeding_fill_limits(struct broker *broker);

/* Binds options to the rooms they concern, all of which are made. */
void heeding_bind(struct broker *broker);

#endif

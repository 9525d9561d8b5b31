/*
 * What the broker keeps on disk: the AOF is made, loaded at the start, follows
 * its options, and is whole on disk at the end.
 */
#ifndef BROKER_DURABLE_H
#define BROKER_DURABLE_H

#include "broker/broker.h"
#include "storage/base/must.h"
#include "storage/base/trouble.h"

/* Makes broker->aof and broker->propagate; the rest of what they need comes later. */
void durable_make(struct broker *broker);

/* Binds them to the sessions, the regular tick and the options. */
void durable_bind(struct broker *broker);

/* Binds the snapshot's name to the options that change it; once these are bound to the folder. */
void durable_follow_names(struct broker *broker);

/* Opens and loads the data, if it is kept. False with trouble: do not start. */
MUST_USE bool durable_load(struct broker *broker, struct trouble *trouble);

/*
 * DEBUG RELOAD and LOADAOF: reads the snapshot over what there is (`merge`: keys
 * may be there), or the log anew into emptied databases. False with trouble: a
 * part is there.
 */
MUST_USE bool durable_reload_snapshot(struct broker *broker, bool merge, struct trouble *trouble);
MUST_USE bool durable_reload_log(struct broker *broker, struct trouble *trouble);

/*
 * Has the disk take all there is, before a shutdown is promised; `how` has bits
 * of enum boot_end. False with trouble, which was logged.
 */
MUST_USE bool durable_ready_to_end(struct broker *broker, unsigned how, struct trouble *trouble);

/* Has everything on disk, after the last turn. False with trouble: some of it is lost. */
MUST_USE bool durable_end(struct broker *broker, struct trouble *trouble);

void durable_free(struct broker *broker);

#endif

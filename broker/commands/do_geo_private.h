/* What the commands on places share. */
#ifndef BROKER_COMMANDS_DO_GEO_PRIVATE_H
#define BROKER_COMMANDS_DO_GEO_PRIVATE_H

#include "broker/dispatch/call.h"
#include "storage/values/geo.h"

/* How many meters a unit has: M, KM, FT or MI. False if the word is none of them. */
MUST_USE bool geo_read_unit(struct slice word, double *meters);

/* Reads two words as longitude and latitude. Answers, and returns false, if they are no place. */
MUST_USE bool geo_next_place(struct call *call, struct geo_point *place);

/* A distance, with four digits behind the point. */
void geo_reply_distance(struct reply *reply, double distance);

/* Longitude and latitude of a score. */
void geo_reply_place(struct reply *reply, double score);

#endif

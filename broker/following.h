/*
 * Following a primary: the follower is made, bound to the rooms it needs, and
 * begins once data is loaded.
 */
#ifndef BROKER_FOLLOWING_H
#define BROKER_FOLLOWING_H

#include "broker/broker.h"

/* Makes broker->follower; sessions and the caller come later. */
void following_make(struct broker *broker);

/* Binds it to them. */
void following_bind(struct broker *broker);

/* Follows whom the configuration names, from where the data stands that was loaded. */
void following_begin(struct broker *broker);

#endif

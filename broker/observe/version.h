/*
 * Which Millrace this is, and which Redis it says it is to those who look:
 * clients decide by redis_version what they may use.
 */
#ifndef BROKER_OBSERVE_VERSION_H
#define BROKER_OBSERVE_VERSION_H

#define MILLRACE_VERSION "0.1.0"
#define REDIS_VERSION    "7.2.4"

_Static_assert(sizeof(MILLRACE_VERSION) > 1 && sizeof(REDIS_VERSION) > 1, "there is a version");

#endif

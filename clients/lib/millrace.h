/*
 * libmillrace: speaking to Millrace, or to any server of the Redis protocol.
 *
 * One include for all of it. The parts, lowest first:
 *
 *   mr_reader      bytes into replies, resumable, through the caller's hooks
 *   mr_reply       the tree of a reply, for those who want a tree
 *   mr_writer      words into the bytes of a command
 *   mr_link        one connection: say commands, hear replies
 *   mr_subscriber  channels and patterns with callbacks
 *   mr_consumer    a worker in a consumer group: read, handle, acknowledge
 *
 * The library needs libc alone, keeps no state outside its structs, and never
 * prints, exits or raises a signal. A struct may be used by one thread at a
 * time; different structs are independent.
 */
#ifndef MILLRACE_H
#define MILLRACE_H

#include "clients/lib/mr_consumer.h"
#include "clients/lib/mr_link.h"
#include "clients/lib/mr_reader.h"
#include "clients/lib/mr_reply.h"
#include "clients/lib/mr_subscriber.h"
#include "clients/lib/mr_writer.h"

#endif

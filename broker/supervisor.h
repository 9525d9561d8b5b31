/*
 * Telling systemd how far the server is. A service of Type=notify counts as started once it
 * has said READY=1, so that whoever depends on it finds its data loaded.
 *
 * The manager leaves the address of a datagram socket in NOTIFY_SOCKET; each datagram has
 * lines of NAME=value (sd_notify(3)).
 */
#ifndef BROKER_SUPERVISOR_H
#define BROKER_SUPERVISOR_H

#include <stdbool.h>

#include "broker/config/options.h"
#include "storage/base/must.h"
#include "storage/base/trouble.h"

/*
 * Whether somebody is to be told: `supervised` says systemd, or auto and NOTIFY_SOCKET is
 * there. Such a server stays in the foreground, whatever daemonize says: its manager watches
 * the process that it started.
 */
bool supervisor_is_wanted(const struct options *options);

/*
 * Sends the lines. True also if nobody is to be told; false with trouble if that did not
 * succeed, which is no reason not to serve. Never waits.
 */
MUST_USE bool supervisor_tell(const struct options *options, const char *lines,
                              struct trouble *trouble);

#endif

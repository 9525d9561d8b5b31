/*
 * The demonstration: what a broker is for, at work, and an audit at the end.
 */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include "clients/cli/cli.h"

/*
 * Runs producers, workers and subscribers against the broker for the time or the
 * number of jobs that the options say, kills a worker on the way, and counts.
 * Its keys begin with "demo:" and are gone afterwards. Returns 0 if no job was
 * lost, else 1.
 */
int cli_demo(struct cli *cli);

#endif

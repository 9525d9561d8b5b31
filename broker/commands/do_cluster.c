/*
 * What clients ask to find out whether they speak with a cluster. This server
 * is none, and says so in the words they look for.
 */
#include "handlers.h"

/* CLUSTER ..., ASKING, READONLY, READWRITE: all rows of spec/cluster.cmd. */
enum verdict do_no_cluster(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

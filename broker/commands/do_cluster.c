/*
 * What clients ask to find out whether they speak with a cluster. This server
 * is none, and says so in the words they look for.
 */
#include "handlers.h"

/* CLUSTER HELP */
enum verdict do_cluster_help(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

/* CLUSTER INFO */
enum verdict do_cluster_info(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

/* CLUSTER KEYSLOT key */
enum verdict do_cluster_keyslot(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

/* CLUSTER MYID */
enum verdict do_cluster_myid(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

/* CLUSTER NODES */
enum verdict do_cluster_nodes(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

/* CLUSTER SHARDS */
enum verdict do_cluster_shards(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

/* CLUSTER SLOTS */
enum verdict do_cluster_slots(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

/* ASKING */
enum verdict do_asking(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

/* READONLY */
enum verdict do_readonly(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

/* READWRITE */
enum verdict do_readwrite(struct call *call)
{
    return call_refuse(call, REFUSAL_NO_CLUSTER);
}

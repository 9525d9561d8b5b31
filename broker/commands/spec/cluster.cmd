# Slots and nodes.
group cluster
handler do_no_cluster

command ASKING
  summary  Lets the next command use a slot that is still being imported.
  cost     O(1)
  since    3.0.0
  flags    fast
  acl      connection

container CLUSTER
  summary  Runs and inspects a cluster.
  since    3.0.0

command CLUSTER ADDSLOTS
  summary  Gives this node more hash slots.
  cost     O(s) for s slots
  since    3.0.0
  flags    admin stale no_async_loading
  usage    <slot:int>...

command CLUSTER ADDSLOTSRANGE
  summary  Gives this node whole ranges of hash slots.
  cost     O(s) for s slots
  since    7.0.0
  flags    admin stale no_async_loading
  usage    (start-slot_end-slot: <start-slot:int> <end-slot:int>)...

command CLUSTER BUMPEPOCH
  summary  Moves the configuration epoch on.
  cost     O(1)
  since    3.0.0
  flags    admin stale no_async_loading
  tips     nondeterministic_output

command CLUSTER COUNT-FAILURE-REPORTS
  summary  Counts how many nodes report that a node has failed.
  cost     O(n) for n reports
  since    3.0.0
  flags    admin stale
  tips     nondeterministic_output
  usage    <node-id>

command CLUSTER COUNTKEYSINSLOT
  summary  Counts the keys of one hash slot here.
  cost     O(1)
  since    3.0.0
  flags    stale
  usage    <slot:int>

command CLUSTER DELSLOTS
  summary  Makes this node forget who serves some hash slots.
  cost     O(s) for s slots
  since    3.0.0
  flags    admin stale no_async_loading
  usage    <slot:int>...

command CLUSTER DELSLOTSRANGE
  summary  Makes this node forget who serves some ranges of hash slots.
  cost     O(s) for s slots
  since    7.0.0
  flags    admin stale no_async_loading
  usage    (start-slot_end-slot: <start-slot:int> <end-slot:int>)...

command CLUSTER FAILOVER
  summary  Makes this replica take over from its primary.
  cost     O(1)
  since    3.0.0
  flags    admin stale no_async_loading
  usage    [options: FORCE|TAKEOVER]

command CLUSTER FLUSHSLOTS
  summary  Makes this node forget who serves any hash slot.
  cost     O(1)
  since    3.0.0
  flags    admin stale no_async_loading

command CLUSTER FORGET
  summary  Strikes a node off the list of known nodes.
  cost     O(1)
  since    3.0.0
  flags    admin stale no_async_loading
  usage    <node-id>

command CLUSTER GETKEYSINSLOT
  summary  Returns some of the keys of one hash slot.
  cost     O(k) for k keys
  since    3.0.0
  flags    stale
  tips     nondeterministic_output
  usage    <slot:int> <count:int>

command CLUSTER HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    5.0.0
  flags    loading stale

command CLUSTER INFO
  summary  Tells the state of the cluster as this node sees it.
  cost     O(1)
  since    3.0.0
  flags    stale
  tips     nondeterministic_output

command CLUSTER KEYSLOT
  summary  Tells which hash slot a key belongs to.
  cost     O(n) for n bytes of key
  since    3.0.0
  flags    stale
  usage    <key>

command CLUSTER LINKS
  summary  Lists the connections to and from the other nodes.
  cost     O(n) for n nodes
  since    7.0.0
  flags    stale
  tips     nondeterministic_output

command CLUSTER MEET
  summary  Introduces another node.
  cost     O(1)
  since    3.0.0
  flags    admin stale no_async_loading
  usage    <ip> <port:int> [<cluster_bus_port:int>@4.0.0]

command CLUSTER MYID
  summary  Returns the ID of this node.
  cost     O(1)
  since    3.0.0
  flags    stale

command CLUSTER NODES
  summary  Describes every node, one a line.
  cost     O(n) for n nodes
  since    3.0.0
  flags    stale
  tips     nondeterministic_output

command CLUSTER REPLICAS
  summary  Lists the replicas of a primary.
  cost     O(r) for r replicas
  since    5.0.0
  flags    admin stale
  tips     nondeterministic_output
  usage    <node-id>

command CLUSTER REPLICATE
  summary  Makes this node a replica of another.
  cost     O(1)
  since    3.0.0
  flags    admin stale no_async_loading
  usage    <node-id>

command CLUSTER RESET
  summary  Makes this node forget the cluster, softly or with its identity too.
  cost     O(n) for n nodes and keys
  since    3.0.0
  flags    admin noscript stale
  usage    [hard_soft: HARD|SOFT]

command CLUSTER SAVECONFIG
  summary  Writes the configuration of the cluster to disk.
  cost     O(1)
  since    3.0.0
  flags    admin stale no_async_loading

command CLUSTER SET-CONFIG-EPOCH
  summary  Chooses the configuration epoch of a fresh node.
  cost     O(1)
  since    3.0.0
  flags    admin stale no_async_loading
  usage    <config-epoch:int>

command CLUSTER SETSLOT
  summary  Assigns a hash slot, or marks it as on the move.
  cost     O(1)
  since    3.0.0
  flags    admin stale no_async_loading
  usage    <slot:int> (subcommand: IMPORTING <node-id>|MIGRATING <node-id>|NODE <node-id>|STABLE)

command CLUSTER SHARDS
  summary  Describes the cluster shard by shard: slots and nodes.
  cost     O(n) for n nodes
  since    7.0.0
  flags    stale
  tips     nondeterministic_output

command CLUSTER SLAVES
  summary  Lists the replicas of a primary.
  cost     O(r) for r replicas
  since    3.0.0
  flags    admin stale
  tips     nondeterministic_output
  replaced 5.0.0 by CLUSTER REPLICAS
  usage    <node-id>

command CLUSTER SLOTS
  summary  Tells which nodes serve which ranges of hash slots.
  cost     O(n) for n nodes
  since    3.0.0
  flags    stale
  tips     nondeterministic_output
  replaced 7.0.0 by CLUSTER SHARDS

command READONLY
  summary  Allows this connection to read from a replica in a cluster.
  cost     O(1)
  since    3.0.0
  flags    loading stale fast
  acl      connection

command READWRITE
  summary  Ends what READONLY allowed.
  cost     O(1)
  since    3.0.0
  flags    loading stale fast
  acl      connection

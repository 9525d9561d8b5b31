# The operator's commands, and those between servers.
group server

container ACL
  summary  Manages users and what they may do.
  since    6.0.0

command ACL CAT
  summary  Lists the categories of commands, or the commands of one.
  cost     O(1)
  since    6.0.0
  flags    noscript loading stale
  usage    [<categoryname>]

command ACL DELUSER
  summary  Removes users and closes their connections.
  cost     O(1) a user
  since    6.0.0
  flags    admin noscript loading stale
  usage    <username>...

command ACL DRYRUN
  summary  Tells whether a user would be allowed to run a command.
  cost     O(1)
  since    7.0.0
  flags    admin noscript loading stale
  usage    <username> <command> [<arg>...]

command ACL GENPASS
  summary  Makes up a strong password.
  cost     O(1)
  since    6.0.0
  flags    noscript loading stale
  usage    [<bits:int>]

command ACL GETUSER
  summary  Describes one user.
  cost     O(r) for r rules of the user
  since    6.0.0
  flags    admin noscript loading stale
  usage    <username>

command ACL HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    6.0.0
  flags    loading stale

command ACL LIST
  summary  Lists all users with their rules, as an ACL file has them.
  cost     O(u) for u users
  since    6.0.0
  flags    admin noscript loading stale

command ACL LOAD
  summary  Reads the ACL file again.
  cost     O(u) for u users
  since    6.0.0
  flags    admin noscript loading stale

command ACL LOG
  summary  Shows or forgets the latest refusals.
  cost     O(m) for m lines shown
  since    6.0.0
  flags    admin noscript loading stale
  usage    [operation: <count:int>|RESET]

command ACL SAVE
  summary  Writes the users to the ACL file.
  cost     O(u) for u users
  since    6.0.0
  flags    admin noscript loading stale

command ACL SETUSER
  summary  Creates a user or adds rules to one.
  cost     O(r) for r rules
  since    6.0.0
  flags    admin noscript loading stale
  usage    <username> [<rule>...]

command ACL USERS
  summary  Lists the names of all users.
  cost     O(u) for u users
  since    6.0.0
  flags    admin noscript loading stale

command ACL WHOAMI
  summary  Names the user of this connection.
  cost     O(1)
  since    6.0.0
  flags    noscript loading stale

command BGREWRITEAOF
  summary  Makes the append-only file short again, in the background.
  cost     O(1) here, O(n) in the background
  since    1.0.0
  flags    admin noscript no_async_loading

command BGSAVE
  summary  Saves a snapshot in the background.
  cost     O(1) here, O(n) in the background
  since    1.0.0
  flags    admin noscript no_async_loading
  usage    [SCHEDULE@3.2.2]

command COMMAND
  summary  Describes all commands.
  cost     O(c) for c commands
  since    2.8.13
  arity    -1
  flags    loading stale
  acl      connection
  tips     nondeterministic_output_order

command COMMAND COUNT
  summary  Counts the commands.
  cost     O(1)
  since    2.8.13
  flags    loading stale
  acl      connection

command COMMAND DOCS
  summary  Explains commands to people: sentence, cost, arguments.
  cost     O(c) for c commands
  since    7.0.0
  flags    loading stale
  acl      connection
  tips     nondeterministic_output_order
  usage    [<command-name>...]

command COMMAND GETKEYS
  summary  Tells which words of a request are keys.
  cost     O(w) for w words
  since    2.8.13
  arity    -4
  flags    loading stale
  acl      connection

command COMMAND GETKEYSANDFLAGS
  summary  Tells which words of a request are keys, and what becomes of each.
  cost     O(w) for w words
  since    7.0.0
  arity    -4
  flags    loading stale
  acl      connection

command COMMAND HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    5.0.0
  flags    loading stale
  acl      connection

command COMMAND INFO
  summary  Describes commands to programs: arity, flags, keys.
  cost     O(c) for c commands
  since    2.8.13
  flags    loading stale
  acl      connection
  tips     nondeterministic_output_order
  usage    [<command-name>...]

command COMMAND LIST
  summary  Lists the names of commands, all or by a filter.
  cost     O(c) for c commands
  since    7.0.0
  flags    loading stale
  acl      connection
  tips     nondeterministic_output_order
  usage    [FILTERBY (filterby: MODULE <module-name>|ACLCAT <category>|PATTERN <pattern:pattern>)]

container CONFIG
  summary  Reads and changes options.
  since    2.0.0

command CONFIG GET
  summary  Returns the options whose names match.
  cost     O(n) for n options
  since    2.0.0
  flags    admin noscript loading stale
  usage    (parameter: <parameter>)...

command CONFIG HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    5.0.0
  flags    loading stale

command CONFIG RESETSTAT
  summary  Sets the counters of INFO back to zero.
  cost     O(1)
  since    2.0.0
  flags    admin noscript loading stale

command CONFIG REWRITE
  summary  Writes the options in force into the configuration file.
  cost     O(1)
  since    2.8.0
  flags    admin noscript loading stale

command CONFIG SET
  summary  Changes options, all of them or none.
  cost     O(n) for n options
  since    2.0.0
  flags    admin noscript loading stale
  tips     request_policy:all_nodes response_policy:all_succeeded
  usage    (parameter_value: <parameter> <value>)...

command DBSIZE
  summary  Counts the keys of this database.
  cost     O(1)
  since    1.0.0
  flags    readonly fast
  acl      keyspace
  tips     request_policy:all_shards response_policy:agg_sum

command DEBUG
  summary  A box of tools for those who test the server.
  since    1.0.0
  arity    -2
  flags    admin noscript loading stale protected system

command FAILOVER
  summary  Hands the role of primary over to a replica.
  cost     O(1)
  since    6.2.0
  flags    admin noscript stale
  usage    [TO (target: <host> <port:int> [FORCE])] [ABORT] [TIMEOUT <milliseconds:int>]

command FLUSHALL
  summary  Removes every key of every database.
  cost     O(n) for n keys, or O(1) with ASYNC
  since    1.0.0
  flags    write
  acl      keyspace dangerous
  tips     request_policy:all_shards response_policy:all_succeeded
  usage    [async: ASYNC@4.0.0|SYNC@6.2.0]

command FLUSHDB
  summary  Removes every key of this database.
  cost     O(n) for n keys, or O(1) with ASYNC
  since    1.0.0
  flags    write
  acl      keyspace dangerous
  tips     request_policy:all_shards response_policy:all_succeeded
  usage    [async: ASYNC@4.0.0|SYNC@6.2.0]

command INFO
  summary  Reports numbers about the server, by section.
  cost     O(1)
  since    1.0.0
  flags    loading stale
  acl      dangerous
  tips     nondeterministic_output request_policy:all_shards response_policy:special
  usage    [<section>...]

command LASTSAVE
  summary  Tells when the last snapshot was finished.
  cost     O(1)
  since    1.0.0
  flags    loading stale fast
  acl      admin dangerous
  tips     nondeterministic_output

container LATENCY
  summary  Looks at what made the server slow.
  since    2.8.13

command LATENCY DOCTOR
  summary  Explains the latency events in words.
  cost     O(1)
  since    2.8.13
  flags    admin noscript loading stale
  tips     nondeterministic_output request_policy:all_nodes response_policy:special

command LATENCY GRAPH
  summary  Draws the history of an event with characters.
  cost     O(1)
  since    2.8.13
  flags    admin noscript loading stale
  tips     nondeterministic_output request_policy:all_nodes response_policy:special
  usage    <event>

command LATENCY HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    2.8.13
  flags    loading stale

command LATENCY HISTOGRAM
  summary  Returns how long commands took, in powers of two.
  cost     O(c) for c commands
  since    7.0.0
  flags    admin noscript loading stale
  tips     nondeterministic_output request_policy:all_nodes response_policy:special
  usage    [<command>...]

command LATENCY HISTORY
  summary  Returns when an event happened and how long it took.
  cost     O(1)
  since    2.8.13
  flags    admin noscript loading stale
  tips     nondeterministic_output request_policy:all_nodes response_policy:special
  usage    <event>

command LATENCY LATEST
  summary  Returns the latest and worst time of every event.
  cost     O(1)
  since    2.8.13
  flags    admin noscript loading stale
  tips     nondeterministic_output request_policy:all_nodes response_policy:special

command LATENCY RESET
  summary  Forgets events.
  cost     O(1)
  since    2.8.13
  flags    admin noscript loading stale
  tips     request_policy:all_nodes response_policy:all_succeeded
  usage    [<event>...]

command LOLWUT
  summary  Shows a piece of computer art and the version.
  since    5.0.0
  flags    readonly fast
  usage    [VERSION <version:int>]

container MEMORY
  summary  Looks at how memory is used.
  since    4.0.0

command MEMORY DOCTOR
  summary  Explains in words what is odd about memory.
  cost     O(1)
  since    4.0.0
  tips     nondeterministic_output request_policy:all_shards response_policy:special

command MEMORY HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    4.0.0
  flags    loading stale

command MEMORY MALLOC-STATS
  summary  Prints what the allocator knows.
  cost     O(n) for n arenas and size classes
  since    4.0.0
  tips     nondeterministic_output request_policy:all_shards response_policy:special

command MEMORY PURGE
  summary  Asks the allocator to give pages back.
  cost     O(n) for n free pages
  since    4.0.0
  tips     request_policy:all_shards response_policy:all_succeeded

command MEMORY STATS
  summary  Returns where memory goes, by purpose.
  cost     O(1)
  since    4.0.0
  tips     nondeterministic_output request_policy:all_shards response_policy:special

command MEMORY TYPES
  summary  Measures what the keys of each type take, by database.
  cost     O(n) for n keys
  since    8.10.0
  flags    readonly
  usage    [SAMPLES <count:int>]

command MEMORY USAGE
  summary  Estimates the bytes that a key and its value take.
  cost     O(s) for s elements sampled
  since    4.0.0
  flags    readonly
  keys     2 ro
  usage    <key:key> [SAMPLES <count:int>]

container MODULE
  summary  Manages loadable modules.
  since    4.0.0
  flags    protected

command MODULE HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    5.0.0
  flags    loading stale

command MODULE LIST
  summary  Lists the loaded modules.
  cost     O(m) for m modules
  since    4.0.0
  flags    admin noscript protected
  tips     nondeterministic_output_order

command MODULE LOAD
  summary  Loads a module.
  cost     O(1)
  since    4.0.0
  flags    admin noscript no_async_loading protected
  usage    <path> [<arg>...]

command MODULE LOADEX
  summary  Loads a module and sets its options.
  cost     O(1)
  since    7.0.0
  flags    admin noscript no_async_loading protected
  usage    <path> [CONFIG (configs: <name> <value>)]... [ARGS (args: <arg>)...]

command MODULE UNLOAD
  summary  Unloads a module.
  cost     O(1)
  since    4.0.0
  flags    admin noscript no_async_loading protected
  usage    <name>

command MONITOR
  summary  Shows every command the server runs, as it comes.
  since    1.0.0
  flags    admin noscript loading stale

command PSYNC
  summary  Asks a primary for what was missed; spoken by replicas.
  since    2.8.0
  arity    -3
  flags    admin noscript no_async_loading no_multi
  usage    <replicationid> <offset:int>

command REPLCONF
  summary  Settles details between a primary and a replica.
  cost     O(1)
  since    3.0.0
  arity    -1
  flags    admin noscript loading stale allow_busy system

command REPLICAOF
  summary  Makes this server follow a primary, or none.
  cost     O(1)
  since    5.0.0
  flags    admin noscript stale no_async_loading
  usage    (args: (host-port: <host> <port:int>)|(no-one: NO ONE))

command RESTORE-ASKING
  summary  RESTORE as MIGRATE speaks it to a node that imports a slot.
  cost     O(n) for n elements or bytes
  since    3.0.0
  flags    write denyoom asking system
  acl      keyspace dangerous
  keys     1 ow update
  usage    <key:key> <ttl:int> <serialized-value> [REPLACE@3.0.0] [ABSTTL@5.0.0]
           [IDLETIME <seconds:int>@5.0.0] [FREQ <frequency:int>@5.0.0]

command ROLE
  summary  Tells whether this is a primary or a replica, and how far it got.
  cost     O(1)
  since    2.8.12
  flags    noscript loading stale fast
  acl      admin dangerous

command SAVE
  summary  Saves a snapshot while everybody waits.
  cost     O(n) for n keys
  since    1.0.0
  flags    admin noscript no_async_loading no_multi

command SHUTDOWN
  summary  Ends the server in good order, saving if there is something to save.
  cost     O(n) for n keys when saving
  since    1.0.0
  flags    admin noscript loading stale no_multi allow_busy
  usage    [nosave_save: NOSAVE|SAVE] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]

command SLAVEOF
  summary  Makes this server follow a primary, or none.
  cost     O(1)
  since    1.0.0
  flags    admin noscript stale no_async_loading
  replaced 5.0.0 by REPLICAOF
  usage    (args: (host-port: <host> <port:int>)|(no-one: NO ONE))

container SLOWLOG
  summary  Looks at the commands that took long.
  since    2.2.12

command SLOWLOG GET
  summary  Returns the latest slow commands.
  cost     O(m) for m lines
  since    2.2.12
  flags    admin loading stale
  tips     request_policy:all_nodes nondeterministic_output
  usage    [<count:int>]

command SLOWLOG HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    6.2.0
  flags    loading stale

command SLOWLOG LEN
  summary  Counts the slow commands kept.
  cost     O(1)
  since    2.2.12
  flags    admin loading stale
  tips     request_policy:all_nodes response_policy:agg_sum nondeterministic_output

command SLOWLOG RESET
  summary  Forgets all slow commands.
  cost     O(m) for m lines
  since    2.2.12
  flags    admin loading stale
  tips     request_policy:all_nodes response_policy:all_succeeded

command SWAPDB
  summary  Exchanges two databases.
  cost     O(s) for s sessions that watch or wait in them
  since    4.0.0
  flags    write fast
  acl      keyspace dangerous
  usage    <index1:int> <index2:int>

command SYNC
  summary  Asks a primary for everything; spoken by replicas.
  since    1.0.0
  flags    admin noscript no_async_loading no_multi

command TIME
  summary  Returns the clock of the server: seconds and microseconds.
  cost     O(1)
  since    2.6.0
  flags    loading stale fast
  tips     nondeterministic_output

container COMMANDLOG
  summary  Looks at the commands that took long, and at those with large requests or replies.
  since    8.1.0

command COMMANDLOG GET
  summary  Returns the latest lines of one of the logs.
  cost     O(m) for m lines
  since    8.1.0
  flags    admin loading stale
  tips     request_policy:all_nodes nondeterministic_output
  usage    <count:int> (type: SLOW|LARGE-REQUEST|LARGE-REPLY)

command COMMANDLOG HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    8.1.0
  flags    loading stale

command COMMANDLOG LEN
  summary  Counts the lines of one of the logs.
  cost     O(1)
  since    8.1.0
  flags    admin loading stale
  tips     request_policy:all_nodes response_policy:agg_sum nondeterministic_output
  usage    (type: SLOW|LARGE-REQUEST|LARGE-REPLY)

command COMMANDLOG RESET
  summary  Forgets one of the logs.
  cost     O(m) for m lines
  since    8.1.0
  flags    admin loading stale
  tips     request_policy:all_nodes response_policy:all_succeeded
  usage    (type: SLOW|LARGE-REQUEST|LARGE-REPLY)

# Keys of any type: whether they exist, how long they live, walking over them.
group generic

command COPY
  summary  Duplicates a value under another key, also into another database.
  cost     O(1) for a string, O(n) for n elements
  since    6.2.0
  flags    write denyoom
  acl      keyspace
  keys     1 ro access
  keys     2 ow update
  usage    <source:key> <destination:key#1> [DB <destination-db:int>] [REPLACE]

command DEL
  summary  Removes keys, whatever they hold.
  cost     O(k) for k keys, and O(n) for the n elements of each collection
  since    1.0.0
  flags    write
  acl      keyspace
  tips     request_policy:multi_shard response_policy:agg_sum
  keys     1..-1 rm delete
  usage    <key:key>...

command DUMP
  summary  Serializes a value so that RESTORE can rebuild it.
  cost     O(n) for n elements or bytes
  since    2.6.0
  flags    readonly
  acl      keyspace
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key>

command EXISTS
  summary  Counts how many of the keys exist; a key named twice counts twice.
  cost     O(k) for k keys
  since    1.0.0
  flags    readonly fast
  acl      keyspace
  tips     request_policy:multi_shard response_policy:agg_sum
  keys     1..-1 ro
  usage    <key:key>...

command EXPIRE
  summary  Lets a key live for some more seconds.
  cost     O(1)
  since    1.0.0
  flags    write fast
  acl      keyspace
  keys     1 rw update
  usage    <key:key> <seconds:int> [(condition: NX|XX|GT|LT)@7.0.0]

command EXPIREAT
  summary  Lets a key live until a moment given in seconds since 1970.
  cost     O(1)
  since    1.2.0
  flags    write fast
  acl      keyspace
  keys     1 rw update
  usage    <key:key> <unix-time-seconds:time> [(condition: NX|XX|GT|LT)@7.0.0]

command EXPIRETIME
  summary  Tells when a key expires, in seconds since 1970.
  cost     O(1)
  since    7.0.0
  flags    readonly fast
  acl      keyspace
  keys     1 ro access
  usage    <key:key>

command KEYS
  summary  Lists all keys that match a pattern, in one go.
  cost     O(n) for n keys in the database
  since    1.0.0
  flags    readonly
  acl      keyspace dangerous
  tips     request_policy:all_shards nondeterministic_output_order
  usage    <pattern:pattern>

command MIGRATE
  summary  Moves keys to another server: dumped here, restored there, then deleted here.
  cost     O(n) for n elements moved
  since    2.6.0
  flags    write
  acl      keyspace dangerous
  tips     nondeterministic_output
  keys     3 rw access delete
  keys     after KEYS from -2 to -1 rw access delete incomplete
  reader   migrate
  usage    <host> <port:int> (key_or_empty_string: <key:key>|empty_string="") <destination-db:int>
           <timeout:int> [COPY@3.0.0] [REPLACE@3.0.0] [authentication: [AUTH
           <password>@4.0.7]|[AUTH2 (username_password: <username> <password>)@6.0.0]]
           [KEYS <key:key#1>@3.0.6...]

command MOVE
  summary  Takes a key over to another database.
  cost     O(1)
  since    1.0.0
  flags    write fast
  acl      keyspace
  keys     1 rw access update
  usage    <key:key> <db:int>

container OBJECT
  summary  Looks at how a value is kept.
  since    2.2.3

command OBJECT ENCODING
  summary  Names the inner representation of a value.
  cost     O(1)
  since    2.2.3
  flags    readonly
  acl      keyspace
  tips     nondeterministic_output
  keys     2 ro
  usage    <key:key>

command OBJECT FREQ
  summary  Tells how often a key is used, on the logarithmic scale of the LFU policies.
  cost     O(1)
  since    4.0.0
  flags    readonly
  acl      keyspace
  tips     nondeterministic_output
  keys     2 ro
  usage    <key:key>

command OBJECT HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    6.2.0
  flags    loading stale
  acl      keyspace

command OBJECT IDLETIME
  summary  Tells for how many seconds nobody has touched a key.
  cost     O(1)
  since    2.2.3
  flags    readonly
  acl      keyspace
  tips     nondeterministic_output
  keys     2 ro
  usage    <key:key>

command OBJECT REFCOUNT
  summary  Counts the references to a value.
  cost     O(1)
  since    2.2.3
  flags    readonly
  acl      keyspace
  tips     nondeterministic_output
  keys     2 ro
  usage    <key:key>

command PERSIST
  summary  Takes the time limit away from a key.
  cost     O(1)
  since    2.2.0
  flags    write fast
  acl      keyspace
  keys     1 rw update
  usage    <key:key>

command PEXPIRE
  summary  Lets a key live for some more milliseconds.
  cost     O(1)
  since    2.6.0
  flags    write fast
  acl      keyspace
  keys     1 rw update
  usage    <key:key> <milliseconds:int> [(condition: NX|XX|GT|LT)@7.0.0]

command PEXPIREAT
  summary  Lets a key live until a moment given in milliseconds since 1970.
  cost     O(1)
  since    2.6.0
  flags    write fast
  acl      keyspace
  keys     1 rw update
  usage    <key:key> <unix-time-milliseconds:time> [(condition: NX|XX|GT|LT)@7.0.0]

command PEXPIRETIME
  summary  Tells when a key expires, in milliseconds since 1970.
  cost     O(1)
  since    7.0.0
  flags    readonly fast
  acl      keyspace
  keys     1 ro access
  usage    <key:key>

command PTTL
  summary  Tells how many milliseconds a key has left.
  cost     O(1)
  since    2.6.0
  flags    readonly fast
  acl      keyspace
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key>

command RANDOMKEY
  summary  Picks one key by chance.
  cost     O(1)
  since    1.0.0
  flags    readonly
  acl      keyspace
  tips     request_policy:all_shards nondeterministic_output

command RENAME
  summary  Gives a value another key, replacing what was there.
  cost     O(1)
  since    1.0.0
  flags    write
  acl      keyspace
  keys     1 rw access delete
  keys     2 ow update
  usage    <key:key> <newkey:key#1>

command RENAMENX
  summary  Gives a value another key unless that one is taken.
  cost     O(1)
  since    1.0.0
  flags    write fast
  acl      keyspace
  keys     1 rw access delete
  keys     2 ow insert
  usage    <key:key> <newkey:key#1>

command RESTORE
  summary  Rebuilds a value from what DUMP returned.
  cost     O(n) for n elements or bytes
  since    2.6.0
  flags    write denyoom
  acl      keyspace dangerous
  keys     1 ow update
  usage    <key:key> <ttl:int> <serialized-value> [REPLACE@3.0.0] [ABSTTL@5.0.0]
           [IDLETIME <seconds:int>@5.0.0] [FREQ <frequency:int>@5.0.0]

command SCAN
  summary  Walks over the keys in small steps, holding a cursor between them.
  cost     O(1) a step, O(n) for the whole walk
  since    2.8.0
  flags    readonly
  acl      keyspace
  tips     nondeterministic_output request_policy:special
  usage    <cursor:int> [MATCH <pattern:pattern>] [COUNT <count:int>] [TYPE <type>@6.0.0]

command SORT
  summary  Sorts the elements of a list, set or sorted set, and may store the outcome.
  cost     O(n + m log m) for n elements of which m are returned
  since    1.0.0
  flags    write denyoom
  acl      set sortedset list dangerous
  keys     1 ro access
  keys     unknown ro access
  keys     unknown ow update
  reader   sort
  usage    <key:key> [BY <pattern:pattern#1>] [LIMIT (offset_count: <offset:int> <count:int>)]
           [GET <pattern:pattern#1>]... [order: ASC|DESC] [sorting=ALPHA]
           [STORE <destination:key#2>]

command SORT_RO
  summary  Sorts the elements of a list, set or sorted set without storing anything.
  cost     O(n + m log m) for n elements of which m are returned
  since    7.0.0
  flags    readonly
  acl      set sortedset list dangerous
  keys     1 ro access
  keys     unknown ro access
  usage    <key:key> [BY <pattern:pattern#1>] [LIMIT (offset_count: <offset:int> <count:int>)]
           [GET <pattern:pattern#1>]... [order: ASC|DESC] [sorting=ALPHA]

command TOUCH
  summary  Marks keys as just used and counts those that exist.
  cost     O(k) for k keys
  since    3.2.1
  flags    readonly fast
  acl      keyspace
  tips     request_policy:multi_shard response_policy:agg_sum
  keys     1..-1 ro
  usage    <key:key>...

command TTL
  summary  Tells how many seconds a key has left.
  cost     O(1)
  since    1.0.0
  flags    readonly fast
  acl      keyspace
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key>

command TYPE
  summary  Names the type of a value.
  cost     O(1)
  since    1.0.0
  flags    readonly fast
  acl      keyspace
  keys     1 ro
  usage    <key:key>

command UNLINK
  summary  Removes keys at once and frees their memory in the background.
  cost     O(k) for k keys
  since    4.0.0
  flags    write fast
  acl      keyspace
  tips     request_policy:multi_shard response_policy:agg_sum
  keys     1..-1 rm delete
  usage    <key:key>...

command WAIT
  summary  Waits until enough replicas have acknowledged the writes of this connection.
  cost     O(1)
  since    3.0.0
  flags    noscript
  acl      connection
  tips     request_policy:all_shards response_policy:agg_min
  usage    <numreplicas:int> <timeout:int>

command WAITAOF
  summary  Waits until the writes of this connection are on disk, here and on replicas.
  cost     O(1)
  since    7.2.0
  flags    blocking
  acl      connection
  tips     request_policy:all_shards response_policy:agg_min
  usage    <numlocal:int> <numreplicas:int> <timeout:int>

# Hashes: fields and values under one key.
group hash

command HDEL
  summary  Removes fields, and the hash with the last of them.
  cost     O(f) for f fields
  since    2.0.0
  flags    write fast
  acl      hash
  keys     1 rw delete
  usage    <key:key> <field>...

command HEXISTS
  summary  Tells whether a hash has a field.
  cost     O(1)
  since    2.0.0
  flags    readonly fast
  acl      hash
  keys     1 ro
  usage    <key:key> <field>

command HGET
  summary  Returns the value of a field.
  cost     O(1)
  since    2.0.0
  flags    readonly fast
  acl      hash
  keys     1 ro access
  usage    <key:key> <field>

command HGETALL
  summary  Returns all fields and values.
  cost     O(n)
  since    2.0.0
  flags    readonly
  acl      hash
  tips     nondeterministic_output_order
  keys     1 ro access
  usage    <key:key>

command HINCRBY
  summary  Adds to the integer in a field; a missing one counts as 0.
  cost     O(1)
  since    2.0.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw access update
  usage    <key:key> <field> <increment:int>

command HINCRBYFLOAT
  summary  Adds to the number in a field; a missing one counts as 0.
  cost     O(1)
  since    2.6.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw access update
  usage    <key:key> <field> <increment:double>

command HKEYS
  summary  Returns all fields.
  cost     O(n)
  since    2.0.0
  flags    readonly
  acl      hash
  tips     nondeterministic_output_order
  keys     1 ro access
  usage    <key:key>

command HLEN
  summary  Counts the fields.
  cost     O(1)
  since    2.0.0
  flags    readonly fast
  acl      hash
  keys     1 ro
  usage    <key:key>

command HMGET
  summary  Returns the values of several fields, nil for each that is missing.
  cost     O(f) for f fields
  since    2.0.0
  flags    readonly fast
  acl      hash
  keys     1 ro access
  usage    <key:key> <field>...

command HMSET
  summary  Sets several fields.
  cost     O(f) for f fields
  since    2.0.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw update
  replaced 4.0.0 by HSET
  usage    <key:key> (field_value: <field> <value>)...

command HRANDFIELD
  summary  Picks fields by chance.
  cost     O(f) for f fields
  since    6.2.0
  flags    readonly
  acl      hash
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key> [options: <count:int> [WITHVALUES]]

command HSCAN
  summary  Walks over fields and values in small steps.
  cost     O(1) a step, O(n) for the whole walk
  since    2.8.0
  flags    readonly
  acl      hash
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key> <cursor:int> [MATCH <pattern:pattern>] [COUNT <count:int>] [NOVALUES@7.4.0]

command HSET
  summary  Sets fields, and tells how many of them are new.
  cost     O(f) for f fields
  since    2.0.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw update
  usage    <key:key> (field_value: <field> <value>)...

command HSETNX
  summary  Sets a field unless it exists.
  cost     O(1)
  since    2.0.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw insert
  usage    <key:key> <field> <value>

command HSTRLEN
  summary  Tells how many bytes the value of a field has.
  cost     O(1)
  since    3.2.0
  flags    readonly fast
  acl      hash
  keys     1 ro
  usage    <key:key> <field>

command HVALS
  summary  Returns all values.
  cost     O(n)
  since    2.0.0
  flags    readonly
  acl      hash
  tips     nondeterministic_output_order
  keys     1 ro access
  usage    <key:key>

command HEXPIRE
  summary  Lets fields live for some more seconds.
  cost     O(f) for f fields
  since    7.4.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw update
  usage    <key:key> <seconds:int> [condition: NX|XX|GT|LT]
           FIELDS (fields: <numfields:int> <field>...)

command HEXPIREAT
  summary  Lets fields live until a moment given in seconds since 1970.
  cost     O(f) for f fields
  since    7.4.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw update
  usage    <key:key> <unix-time-seconds:time> [condition: NX|XX|GT|LT]
           FIELDS (fields: <numfields:int> <field>...)

command HEXPIRETIME
  summary  Tells when fields expire, in seconds since 1970.
  cost     O(f) for f fields
  since    7.4.0
  flags    readonly fast
  acl      hash
  keys     1 ro access
  usage    <key:key> FIELDS (fields: <numfields:int> <field>...)

command HGETDEL
  summary  Returns fields and removes them.
  cost     O(f) for f fields
  since    8.0.0
  flags    write fast
  acl      hash
  keys     1 rw access delete
  usage    <key:key> FIELDS (fields: <numfields:int> <field>...)

command HGETEX
  summary  Returns fields and may set or lift their time limit.
  cost     O(f) for f fields
  since    8.0.0
  flags    write fast
  acl      hash
  keys     1 rw access update
  usage    <key:key>
           [expiration: EX <seconds:int>|PX <milliseconds:int>|EXAT <unix-time-seconds:time>|
           PXAT <unix-time-milliseconds:time>|PERSIST]
           FIELDS (fields: <numfields:int> <field>...)

command HPERSIST
  summary  Takes the time limit away from fields.
  cost     O(f) for f fields
  since    7.4.0
  flags    write fast
  acl      hash
  keys     1 rw update
  usage    <key:key> FIELDS (fields: <numfields:int> <field>...)

command HPEXPIRE
  summary  Lets fields live for some more milliseconds.
  cost     O(f) for f fields
  since    7.4.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw update
  usage    <key:key> <milliseconds:int> [condition: NX|XX|GT|LT]
           FIELDS (fields: <numfields:int> <field>...)

command HPEXPIREAT
  summary  Lets fields live until a moment given in milliseconds since 1970.
  cost     O(f) for f fields
  since    7.4.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw update
  usage    <key:key> <unix-time-milliseconds:time> [condition: NX|XX|GT|LT]
           FIELDS (fields: <numfields:int> <field>...)

command HPEXPIRETIME
  summary  Tells when fields expire, in milliseconds since 1970.
  cost     O(f) for f fields
  since    7.4.0
  flags    readonly fast
  acl      hash
  keys     1 ro access
  usage    <key:key> FIELDS (fields: <numfields:int> <field>...)

command HPTTL
  summary  Tells how many milliseconds fields have left.
  cost     O(f) for f fields
  since    7.4.0
  flags    readonly fast
  acl      hash
  keys     1 ro access
  usage    <key:key> FIELDS (fields: <numfields:int> <field>...)

command HSETEX
  summary  Sets fields on conditions and with a time limit if wished, all of them or none.
  cost     O(f) for f fields
  since    8.0.0
  flags    write denyoom fast
  acl      hash
  keys     1 rw update
  usage    <key:key> [condition: FNX|FXX]
           [expiration: EX <seconds:int>|PX <milliseconds:int>|EXAT <unix-time-seconds:time>|
           PXAT <unix-time-milliseconds:time>|KEEPTTL]
           FIELDS (fields: <numfields:int> (data: <field> <value>)...)

command HTTL
  summary  Tells how many seconds fields have left.
  cost     O(f) for f fields
  since    7.4.0
  flags    readonly fast
  acl      hash
  keys     1 ro access
  usage    <key:key> FIELDS (fields: <numfields:int> <field>...)

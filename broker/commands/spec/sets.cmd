# Sets of members without order.
group set

command SADD
  summary  Adds members to a set, creating it if needed.
  cost     O(m) for m members
  since    1.0.0
  flags    write denyoom fast
  acl      set
  keys     1 rw insert
  usage    <key:key> <member>...

command SCARD
  summary  Counts the members of a set.
  cost     O(1)
  since    1.0.0
  flags    readonly fast
  acl      set
  keys     1 ro
  usage    <key:key>

command SDIFF
  summary  Returns what the first set has and none of the others.
  cost     O(n) for n members in all
  since    1.0.0
  flags    readonly
  acl      set
  tips     nondeterministic_output_order
  keys     1..-1 ro access
  usage    <key:key>...

command SDIFFSTORE
  summary  Stores what the first set has and none of the others.
  cost     O(n) for n members in all
  since    1.0.0
  flags    write denyoom
  acl      set
  keys     1 ow update
  keys     2..-1 ro access
  usage    <destination:key> <key:key#1>...

command SINTER
  summary  Returns the members that all sets share.
  cost     O(n k) for k sets, the smallest of n members
  since    1.0.0
  flags    readonly
  acl      set
  tips     nondeterministic_output_order
  keys     1..-1 ro access
  usage    <key:key>...

command SINTERCARD
  summary  Counts the members that all sets share, up to a limit.
  cost     O(n k) for k sets, the smallest of n members
  since    7.0.0
  flags    readonly
  acl      set
  keys     count at 1 ro access
  usage    <numkeys:int> <key:key>... [LIMIT <limit:int>]

command SINTERSTORE
  summary  Stores the members that all sets share.
  cost     O(n k) for k sets, the smallest of n members
  since    1.0.0
  flags    write denyoom
  acl      set
  keys     1 rw update
  keys     2..-1 ro access
  usage    <destination:key> <key:key#1>...

command SISMEMBER
  summary  Tells whether a set has a member.
  cost     O(1)
  since    1.0.0
  flags    readonly fast
  acl      set
  keys     1 ro
  usage    <key:key> <member>

command SMEMBERS
  summary  Returns all members.
  cost     O(n)
  since    1.0.0
  flags    readonly
  acl      set
  tips     nondeterministic_output_order
  keys     1 ro access
  usage    <key:key>

command SMISMEMBER
  summary  Tells for each of several members whether the set has it.
  cost     O(m) for m members
  since    6.2.0
  flags    readonly fast
  acl      set
  keys     1 ro access
  usage    <key:key> <member>...

command SMOVE
  summary  Takes a member from one set to another.
  cost     O(1)
  since    1.0.0
  flags    write fast
  acl      set
  keys     1 rw access delete
  keys     2 rw insert
  usage    <source:key> <destination:key#1> <member>

command SPOP
  summary  Takes members out by chance and returns them.
  cost     O(m) for m members
  since    1.0.0
  flags    write fast
  acl      set
  tips     nondeterministic_output
  keys     1 rw access delete
  usage    <key:key> [<count:int>@3.2.0]

command SRANDMEMBER
  summary  Picks members by chance and leaves them in.
  cost     O(m) for m members
  since    1.0.0
  flags    readonly
  acl      set
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key> [<count:int>@2.6.0]

command SREM
  summary  Takes members out of a set.
  cost     O(m) for m members
  since    1.0.0
  flags    write fast
  acl      set
  keys     1 rw delete
  usage    <key:key> <member>...

command SSCAN
  summary  Walks over the members of a set in small steps.
  cost     O(1) a step, O(n) for the whole walk
  since    2.8.0
  flags    readonly
  acl      set
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key> <cursor:int> [MATCH <pattern:pattern>] [COUNT <count:int>]

command SUNION
  summary  Returns the members of all sets together.
  cost     O(n) for n members in all
  since    1.0.0
  flags    readonly
  acl      set
  tips     nondeterministic_output_order
  keys     1..-1 ro access
  usage    <key:key>...

command SUNIONSTORE
  summary  Stores the members of all sets together.
  cost     O(n) for n members in all
  since    1.0.0
  flags    write denyoom
  acl      set
  keys     1 ow update
  keys     2..-1 ro access
  usage    <destination:key> <key:key#1>...

command SDIFFCARD
  summary  Counts what the first set has and none of the others, up to a limit.
  cost     O(n) for n members in all
  since    8.10.0
  flags    readonly
  acl      set
  keys     count at 1 ro access
  usage    <numkeys:int> <key:key>... [LIMIT <limit:int>]

command SUNIONCARD
  summary  Counts the members of all sets together, up to a limit.
  cost     O(n) for n members in all
  since    8.10.0
  flags    readonly
  acl      set
  keys     count at 1 ro access
  usage    <numkeys:int> <key:key>... [APPROX] [LIMIT <limit:int>]

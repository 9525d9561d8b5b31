# Counting different elements approximately.
group hyperloglog

command PFADD
  summary  Adds elements to a HyperLogLog.
  cost     O(1) an element
  since    2.8.9
  flags    write denyoom fast
  acl      hyperloglog
  keys     1 rw insert
  usage    <key:key> [<element>...]

command PFCOUNT
  summary  Estimates how many different elements were added, to one or to several together.
  cost     O(k) for k keys
  since    2.8.9
  flags    readonly may_replicate
  acl      hyperloglog
  keys     1..-1 rw access
  usage    <key:key>...

command PFDEBUG
  summary  Looks inside a HyperLogLog.
  cost     O(1)
  since    2.8.9
  flags    write denyoom admin system
  acl      hyperloglog
  keys     2 rw access
  usage    <subcommand> <key:key>

command PFMERGE
  summary  Unites HyperLogLogs into one.
  cost     O(k) for k keys
  since    2.8.9
  arity    -2
  flags    write denyoom
  acl      hyperloglog
  keys     1 rw access insert
  keys     2..-1 ro access
  usage    <destkey:key> <sourcekey:key#1>...

command PFSELFTEST
  summary  Tests the HyperLogLog on itself.
  cost     O(1)
  since    2.8.9
  flags    admin system
  acl      hyperloglog

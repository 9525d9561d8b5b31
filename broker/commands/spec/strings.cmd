# Strings, numbers and plain caching.
group string

command APPEND
  summary  Puts bytes at the end of a string, creating it if needed.
  cost     O(1) amortized
  since    2.0.0
  flags    write denyoom fast
  acl      string
  keys     1 rw insert
  usage    <key:key> <value>

command DECR
  summary  Takes one off an integer; a missing key counts as 0.
  cost     O(1)
  since    1.0.0
  flags    write denyoom fast
  acl      string
  keys     1 rw access update
  usage    <key:key>

command DECRBY
  summary  Takes some number off an integer; a missing key counts as 0.
  cost     O(1)
  since    1.0.0
  flags    write denyoom fast
  acl      string
  keys     1 rw access update
  usage    <key:key> <decrement:int>

command GET
  summary  Returns a string.
  cost     O(1)
  since    1.0.0
  flags    readonly fast
  acl      string
  keys     1 ro access
  usage    <key:key>

command GETDEL
  summary  Returns a string and removes its key.
  cost     O(1)
  since    6.2.0
  flags    write fast
  acl      string
  keys     1 rw access delete
  usage    <key:key>

command GETEX
  summary  Returns a string and may set or lift its time limit.
  cost     O(1)
  since    6.2.0
  flags    write fast
  acl      string
  keys     1 rw access update
  usage    <key:key> [expiration: EX <seconds:int>|PX <milliseconds:int>|EXAT
           <unix-time-seconds:time>|PXAT <unix-time-milliseconds:time>|PERSIST]

command GETRANGE
  summary  Returns a part of a string.
  cost     O(n) for n bytes returned
  since    2.4.0
  flags    readonly
  acl      string
  keys     1 ro access
  usage    <key:key> <start:int> <end:int>

command GETSET
  summary  Replaces a string and returns the old one.
  cost     O(1)
  since    1.0.0
  flags    write denyoom fast
  acl      string
  keys     1 rw access update
  replaced 6.2.0 by SET GET
  usage    <key:key> <value>

command INCR
  summary  Adds one to an integer; a missing key counts as 0.
  cost     O(1)
  since    1.0.0
  flags    write denyoom fast
  acl      string
  keys     1 rw access update
  usage    <key:key>

command INCRBY
  summary  Adds some number to an integer; a missing key counts as 0.
  cost     O(1)
  since    1.0.0
  flags    write denyoom fast
  acl      string
  keys     1 rw access update
  usage    <key:key> <increment:int>

command INCRBYFLOAT
  summary  Adds a fractional number to a number; a missing key counts as 0.
  cost     O(1)
  since    2.6.0
  flags    write denyoom fast
  acl      string
  keys     1 rw access update
  usage    <key:key> <increment:double>

command LCS
  summary  Finds the longest sequence of bytes that two strings have in common.
  cost     O(n m) for strings of n and m bytes
  since    7.0.0
  flags    readonly
  acl      string
  keys     1..2 ro access
  usage    <key1:key> <key2:key> [LEN] [IDX] [MINMATCHLEN <len:int>] [WITHMATCHLEN]

command MGET
  summary  Returns the strings of several keys, nil for each that has none.
  cost     O(k) for k keys
  since    1.0.0
  flags    readonly fast
  acl      string
  tips     request_policy:multi_shard
  keys     1..-1 ro access
  usage    <key:key>...

command MSET
  summary  Sets several keys at once.
  cost     O(k) for k keys
  since    1.0.1
  flags    write denyoom
  acl      string
  tips     request_policy:multi_shard response_policy:all_succeeded
  keys     1..-1 step 2 ow update
  usage    (key_value: <key:key> <value>)...

command MSETNX
  summary  Sets several keys at once, or none of them if one exists.
  cost     O(k) for k keys
  since    1.0.1
  flags    write denyoom
  acl      string
  tips     request_policy:multi_shard response_policy:agg_min
  keys     1..-1 step 2 ow insert
  usage    (key_value: <key:key> <value>)...

command PSETEX
  summary  Sets a string that lives for some milliseconds.
  cost     O(1)
  since    2.6.0
  flags    write denyoom
  acl      string
  keys     1 ow update
  usage    <key:key> <milliseconds:int> <value>

command SET
  summary  Sets a string, on conditions and with a time limit if wished.
  cost     O(1)
  since    1.0.0
  flags    write denyoom
  acl      string
  keys     1 rw access update variable
  reader   set
  usage    <key:key> <value> [(condition: NX|XX|IFEQ <ifeq-value>@8.4.0|IFNE
           <ifne-value>@8.4.0|IFDEQ <ifdeq-digest>@8.4.0|IFDNE <ifdne-digest>@8.4.0)@2.6.12]
           [GET@6.2.0] [expiration: EX
           <seconds:int>@2.6.12|PX <milliseconds:int>@2.6.12|EXAT
           <unix-time-seconds:time>@6.2.0|PXAT <unix-time-milliseconds:time>@6.2.0|KEEPTTL@6.0.0]

command SETEX
  summary  Sets a string that lives for some seconds.
  cost     O(1)
  since    2.0.0
  flags    write denyoom
  acl      string
  keys     1 ow update
  usage    <key:key> <seconds:int> <value>

command SETNX
  summary  Sets a string unless its key exists.
  cost     O(1)
  since    1.0.0
  flags    write denyoom fast
  acl      string
  keys     1 ow insert
  usage    <key:key> <value>

command SETRANGE
  summary  Overwrites a part of a string from an offset on, zeros filling any gap.
  cost     O(n) for n bytes written
  since    2.2.0
  flags    write denyoom
  acl      string
  keys     1 rw update
  usage    <key:key> <offset:int> <value>

command STRLEN
  summary  Tells how many bytes a string has.
  cost     O(1)
  since    2.2.0
  flags    readonly fast
  acl      string
  keys     1 ro
  usage    <key:key>

command SUBSTR
  summary  Returns a part of a string.
  cost     O(n) for n bytes returned
  since    1.0.0
  flags    readonly
  acl      string
  keys     1 ro access
  replaced 2.0.0 by GETRANGE
  usage    <key:key> <start:int> <end:int>

command DELEX
  summary  Removes a key if its string, or the digest of that, is or is not the one given.
  cost     O(1), or O(n) for n bytes with a digest
  since    8.4.0
  flags    write fast
  acl      string
  keys     1 rw delete variable
  reader   delex
  usage    <key:key> [condition: IFEQ <ifeq-value>|IFNE <ifne-value>|IFDEQ <ifdeq-digest>|
           IFDNE <ifdne-digest>]

command DELIFEQ
  summary  Removes a key if its string is the one given.
  cost     O(1)
  since    9.0.0
  flags    write fast
  acl      string
  keys     1 rw delete
  usage    <key:key> <value>

command DIGEST
  summary  Returns the XXH3 of a string as 16 hexadecimal digits.
  cost     O(n) for n bytes
  since    8.4.0
  flags    readonly fast
  acl      string
  keys     1 ro access
  usage    <key:key>

command INCREX
  summary  Adds to a number within bounds, and may set its time limit: a counter of requests.
  cost     O(1)
  since    8.8.0
  flags    write denyoom fast
  acl      string
  keys     1 rw access update
  usage    <key:key> [condition: NX|XX] [increment: BYINT <by-int:int>|BYFLOAT <by-float:double>]
           [LBOUND <lower-bound:double>] [UBOUND <upper-bound:double>] [SATURATE]
           [expiration: EX <seconds:int>|PX <milliseconds:int>|EXAT <unix-time-seconds:time>|
           PXAT <unix-time-milliseconds:time>|PERSIST] [ENX]

command MSETEX
  summary  Sets several keys with one time limit, all of them or none.
  cost     O(k) for k keys
  since    8.4.0
  flags    write denyoom
  acl      string
  tips     request_policy:multi_shard response_policy:all_succeeded
  keys     count at 1 step 2 ow update
  usage    <numkeys:int> (data: <key:key> <value>)... [condition: NX|XX]
           [expiration: EX <seconds:int>|PX <milliseconds:int>|EXAT <unix-time-seconds:time>|
           PXAT <unix-time-milliseconds:time>|KEEPTTL]

# Sets whose members are ordered by a score.
group sorted-set

command BZMPOP
  summary  Takes members with the lowest or highest scores from the first non-empty sorted set, or
           waits for one.
  cost     O(k + m log n) for k keys and m members taken
  since    7.0.0
  flags    write blocking
  acl      sortedset
  keys     count at 2 rw access delete
  usage    <timeout:double> <numkeys:int> <key:key>... (where: MIN|MAX) [COUNT <count:int>]

command BZPOPMAX
  summary  Takes the member with the highest score from the first non-empty sorted set, or waits
           for one.
  cost     O(log n)
  since    5.0.0
  flags    write noscript blocking fast
  acl      sortedset
  keys     1..-2 rw access delete
  usage    <key:key>... <timeout:double>

command BZPOPMIN
  summary  Takes the member with the lowest score from the first non-empty sorted set, or waits
           for one.
  cost     O(log n)
  since    5.0.0
  flags    write noscript blocking fast
  acl      sortedset
  keys     1..-2 rw access delete
  usage    <key:key>... <timeout:double>

command ZADD
  summary  Adds members with their scores, or changes the scores of those already there.
  cost     O(log n) a member
  since    1.2.0
  flags    write denyoom fast
  acl      sortedset
  keys     1 rw update
  usage    <key:key> [(condition: NX|XX)@3.0.2] [(comparison: GT|LT)@6.2.0] [change=CH@3.0.2]
           [increment=INCR@3.0.2] (score_member: <score:double> <member>)...

command ZCARD
  summary  Counts the members of a sorted set.
  cost     O(1)
  since    1.2.0
  flags    readonly fast
  acl      sortedset
  keys     1 ro
  usage    <key:key>

command ZCOUNT
  summary  Counts the members whose scores lie in a range.
  cost     O(log n)
  since    2.0.0
  flags    readonly fast
  acl      sortedset
  keys     1 ro access
  usage    <key:key> <min:double> <max:double>

command ZDIFF
  summary  Returns what the first sorted set has and none of the others.
  cost     O(l + (n - k) log n) for l members in all, n in the first and k in the outcome
  since    6.2.0
  flags    readonly
  acl      sortedset
  keys     count at 1 ro access
  usage    <numkeys:int> <key:key>... [WITHSCORES]

command ZDIFFSTORE
  summary  Stores what the first sorted set has and none of the others.
  cost     O(l + (n - k) log n) for l members in all, n in the first and k in the outcome
  since    6.2.0
  flags    write denyoom
  acl      sortedset
  keys     1 ow update
  keys     count at 2 ro access
  usage    <destination:key> <numkeys:int> <key:key#1>...

command ZINCRBY
  summary  Adds to the score of a member.
  cost     O(log n)
  since    1.2.0
  flags    write denyoom fast
  acl      sortedset
  keys     1 rw access update
  usage    <key:key> <increment:int> <member>

command ZINTER
  summary  Returns the members that all sorted sets share.
  cost     O(n k + m log m) for k sets, the smallest of n members, and m in the outcome
  since    6.2.0
  flags    readonly
  acl      sortedset
  keys     count at 1 ro access
  usage    <numkeys:int> <key:key>... [WEIGHTS <weight:int>...]
           [AGGREGATE (aggregate: SUM|MIN|MAX)] [WITHSCORES]

command ZINTERCARD
  summary  Counts the members that all sorted sets share, up to a limit.
  cost     O(n k) for k sets, the smallest of n members
  since    7.0.0
  flags    readonly
  acl      sortedset
  keys     count at 1 ro access
  usage    <numkeys:int> <key:key>... [LIMIT <limit:int>]

command ZINTERSTORE
  summary  Stores the members that all sorted sets share.
  cost     O(n k + m log m) for k sets, the smallest of n members, and m in the outcome
  since    2.0.0
  flags    write denyoom
  acl      sortedset
  keys     1 ow update
  keys     count at 2 ro access
  usage    <destination:key> <numkeys:int> <key:key#1>... [WEIGHTS <weight:int>...]
           [AGGREGATE (aggregate: SUM|MIN|MAX)]

command ZLEXCOUNT
  summary  Counts the members between two names, where all scores are equal.
  cost     O(log n)
  since    2.8.9
  flags    readonly fast
  acl      sortedset
  keys     1 ro access
  usage    <key:key> <min> <max>

command ZMPOP
  summary  Takes members with the lowest or highest scores from the first non-empty sorted set.
  cost     O(k + m log n) for k keys and m members taken
  since    7.0.0
  flags    write
  acl      sortedset
  keys     count at 1 rw access delete
  usage    <numkeys:int> <key:key>... (where: MIN|MAX) [COUNT <count:int>]

command ZMSCORE
  summary  Returns the scores of several members.
  cost     O(m) for m members
  since    6.2.0
  flags    readonly fast
  acl      sortedset
  keys     1 ro access
  usage    <key:key> <member>...

command ZPOPMAX
  summary  Takes the members with the highest scores.
  cost     O(m log n) for m members
  since    5.0.0
  flags    write fast
  acl      sortedset
  keys     1 rw access delete
  usage    <key:key> [<count:int>]

command ZPOPMIN
  summary  Takes the members with the lowest scores.
  cost     O(m log n) for m members
  since    5.0.0
  flags    write fast
  acl      sortedset
  keys     1 rw access delete
  usage    <key:key> [<count:int>]

command ZRANDMEMBER
  summary  Picks members by chance.
  cost     O(m) for m members
  since    6.2.0
  flags    readonly
  acl      sortedset
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key> [options: <count:int> [WITHSCORES]]

command ZRANGE
  summary  Returns a range of members by rank, score or name.
  cost     O(log n + m) for m members
  since    1.2.0
  flags    readonly
  acl      sortedset
  keys     1 ro access
  usage    <key:key> <start> <stop> [(sortby: BYSCORE|BYLEX)@6.2.0] [REV@6.2.0]
           [LIMIT (offset_count: <offset:int> <count:int>)@6.2.0] [WITHSCORES]

command ZRANGEBYLEX
  summary  Returns the members between two names, where all scores are equal.
  cost     O(log n + m) for m members
  since    2.8.9
  flags    readonly
  acl      sortedset
  keys     1 ro access
  replaced 6.2.0 by ZRANGE BYLEX
  usage    <key:key> <min> <max> [LIMIT (offset_count: <offset:int> <count:int>)]

command ZRANGEBYSCORE
  summary  Returns the members whose scores lie in a range.
  cost     O(log n + m) for m members
  since    1.0.5
  flags    readonly
  acl      sortedset
  keys     1 ro access
  replaced 6.2.0 by ZRANGE BYSCORE
  usage    <key:key> <min:double> <max:double> [WITHSCORES@2.0.0]
           [LIMIT (offset_count: <offset:int> <count:int>)]

command ZRANGESTORE
  summary  Stores a range of members under another key.
  cost     O(log n + m log m) for m members
  since    6.2.0
  flags    write denyoom
  acl      sortedset
  keys     1 ow update
  keys     2 ro access
  usage    <dst:key> <src:key#1> <min> <max> [sortby: BYSCORE|BYLEX] [REV]
           [LIMIT (offset_count: <offset:int> <count:int>)]

command ZRANK
  summary  Tells the place of a member, the lowest score being first.
  cost     O(log n)
  since    2.0.0
  flags    readonly fast
  acl      sortedset
  keys     1 ro access
  usage    <key:key> <member> [WITHSCORE@7.2.0]

command ZREM
  summary  Takes members out of a sorted set.
  cost     O(m log n) for m members
  since    1.2.0
  flags    write fast
  acl      sortedset
  keys     1 rw delete
  usage    <key:key> <member>...

command ZREMRANGEBYLEX
  summary  Removes the members between two names, where all scores are equal.
  cost     O(log n + m) for m members
  since    2.8.9
  flags    write
  acl      sortedset
  keys     1 rw delete
  usage    <key:key> <min> <max>

command ZREMRANGEBYRANK
  summary  Removes the members between two ranks.
  cost     O(log n + m) for m members
  since    2.0.0
  flags    write
  acl      sortedset
  keys     1 rw delete
  usage    <key:key> <start:int> <stop:int>

command ZREMRANGEBYSCORE
  summary  Removes the members whose scores lie in a range.
  cost     O(log n + m) for m members
  since    1.2.0
  flags    write
  acl      sortedset
  keys     1 rw delete
  usage    <key:key> <min:double> <max:double>

command ZREVRANGE
  summary  Returns a range of members by rank, highest score first.
  cost     O(log n + m) for m members
  since    1.2.0
  flags    readonly
  acl      sortedset
  keys     1 ro access
  replaced 6.2.0 by ZRANGE REV
  usage    <key:key> <start:int> <stop:int> [WITHSCORES]

command ZREVRANGEBYLEX
  summary  Returns the members between two names, last name first.
  cost     O(log n + m) for m members
  since    2.8.9
  flags    readonly
  acl      sortedset
  keys     1 ro access
  replaced 6.2.0 by ZRANGE REV BYLEX
  usage    <key:key> <max> <min> [LIMIT (offset_count: <offset:int> <count:int>)]

command ZREVRANGEBYSCORE
  summary  Returns the members whose scores lie in a range, highest first.
  cost     O(log n + m) for m members
  since    2.2.0
  flags    readonly
  acl      sortedset
  keys     1 ro access
  replaced 6.2.0 by ZRANGE REV BYSCORE
  usage    <key:key> <max:double> <min:double> [WITHSCORES]
           [LIMIT (offset_count: <offset:int> <count:int>)]

command ZREVRANK
  summary  Tells the place of a member, the highest score being first.
  cost     O(log n)
  since    2.0.0
  flags    readonly fast
  acl      sortedset
  keys     1 ro access
  usage    <key:key> <member> [WITHSCORE@7.2.0]

command ZSCAN
  summary  Walks over the members and scores of a sorted set in small steps.
  cost     O(1) a step, O(n) for the whole walk
  since    2.8.0
  flags    readonly
  acl      sortedset
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key> <cursor:int> [MATCH <pattern:pattern>] [COUNT <count:int>]

command ZSCORE
  summary  Returns the score of a member.
  cost     O(1)
  since    1.2.0
  flags    readonly fast
  acl      sortedset
  keys     1 ro access
  usage    <key:key> <member>

command ZUNION
  summary  Returns the members of several sorted sets, their scores combined.
  cost     O(n + m log m) for n members in all and m in the outcome
  since    6.2.0
  flags    readonly
  acl      sortedset
  keys     count at 1 ro access
  usage    <numkeys:int> <key:key>... [WEIGHTS <weight:int>...]
           [AGGREGATE (aggregate: SUM|MIN|MAX)] [WITHSCORES]

command ZUNIONSTORE
  summary  Stores the members of several sorted sets, their scores combined.
  cost     O(n + m log m) for n members in all and m in the outcome
  since    2.0.0
  flags    write denyoom
  acl      sortedset
  keys     1 ow update
  keys     count at 2 ro access
  usage    <destination:key> <numkeys:int> <key:key#1>... [WEIGHTS <weight:int>...]
           [AGGREGATE (aggregate: SUM|MIN|MAX)]

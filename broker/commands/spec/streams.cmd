# Streams and their consumer groups.
group stream

command XACK
  summary  Marks entries as processed: they leave the pending list of their group.
  cost     O(log n) an entry
  since    5.0.0
  flags    write fast
  acl      stream
  keys     1 rw update
  usage    <key:key> <group> <id>...

command XADD
  summary  Appends an entry to a stream, creating the stream if needed.
  cost     O(1), and O(n) for n entries trimmed
  since    5.0.0
  flags    write denyoom fast
  acl      stream
  tips     nondeterministic_output
  keys     1 rw update
  usage    <key:key> [NOMKSTREAM@6.2.0] [condition: KEEPREF@8.2.0|DELREF@8.2.0|ACKED@8.2.0]
           [(idmp: (idmpauto: IDMPAUTO <pid>)|(idmp: IDMP <pid> <iid>))@8.6.0]
           [trim: (strategy: MAXLEN|MINID@6.2.0) [operator:
           equal==|approximately=~] <threshold> [LIMIT <count:int>@6.2.0]]
           (id_or_auto: auto_id=*|<id>) (field_value: <field> <value>)...

command XAUTOCLAIM
  summary  Takes over entries that their consumer has left idle, walking the pending list with a
           cursor.
  cost     O(m) for m entries looked at
  since    6.2.0
  flags    write fast
  acl      stream
  tips     nondeterministic_output
  keys     1 rw delete
  usage    <key:key> <group> <consumer> <min-idle-time> <start> [COUNT <count:int>] [JUSTID]

command XCLAIM
  summary  Takes over named entries that their consumer has left idle.
  cost     O(log n) an entry
  since    5.0.0
  flags    write fast
  acl      stream
  tips     nondeterministic_output
  keys     1 rw update
  usage    <key:key> <group> <consumer> <min-idle-time> <id>... [IDLE <ms:int>]
           [TIME <unix-time-milliseconds:time>] [RETRYCOUNT <count:int>] [FORCE] [JUSTID]
           [LASTID <id>]

command XCOUNT
  summary  Counts the entries between two IDs, without looking at them.
  cost     O(log n)
  since    8.10.0
  flags    readonly fast
  acl      stream
  keys     1 ro
  usage    <key:key> <start> <end>

command XDEL
  summary  Removes entries by ID.
  cost     O(log n) an entry
  since    5.0.0
  flags    write fast
  acl      stream
  keys     1 rw delete
  usage    <key:key> <id>...

container XGROUP
  summary  Manages the consumer groups of a stream.
  since    5.0.0

command XGROUP CREATE
  summary  Creates a consumer group.
  cost     O(1)
  since    5.0.0
  flags    write denyoom
  acl      stream
  keys     2 rw insert
  usage    <key:key> <groupname> (id: <id>|new_id=$) [MKSTREAM] [ENTRIESREAD <entries_read:int>]

command XGROUP CREATECONSUMER
  summary  Creates a consumer ahead of its first read.
  cost     O(1)
  since    6.2.0
  flags    write denyoom
  acl      stream
  keys     2 rw insert
  usage    <key:key> <groupname> <consumername>

command XGROUP DELCONSUMER
  summary  Removes a consumer and whatever it has pending.
  cost     O(n) for n pending entries
  since    5.0.0
  flags    write
  acl      stream
  keys     2 rw delete
  usage    <key:key> <groupname> <consumername>

command XGROUP DESTROY
  summary  Removes a group with its consumers and pending entries.
  cost     O(n) for n pending entries
  since    5.0.0
  flags    write
  acl      stream
  keys     2 rw delete
  usage    <key:key> <groupname>

command XGROUP HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    5.0.0
  flags    loading stale
  acl      stream

command XGROUP SETID
  summary  Moves the place from where a group reads on.
  cost     O(log n)
  since    5.0.0
  flags    write
  acl      stream
  keys     2 rw update
  usage    <key:key> <groupname> (id: <id>|new_id=$) [ENTRIESREAD <entries_read:int>]

container XINFO
  summary  Looks at streams, groups and consumers.
  since    5.0.0

command XINFO CONSUMERS
  summary  Lists the consumers of a group: pending, idle and inactive.
  cost     O(c) for c consumers
  since    5.0.0
  flags    readonly
  acl      stream
  tips     nondeterministic_output
  keys     2 ro access
  usage    <key:key> <groupname>

command XINFO GROUPS
  summary  Lists the groups of a stream: consumers, pending, lag.
  cost     O(g log n) for g groups
  since    5.0.0
  flags    readonly
  acl      stream
  keys     2 ro access
  usage    <key:key>

command XINFO HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    5.0.0
  flags    loading stale
  acl      stream

command XINFO STREAM
  summary  Describes a stream; FULL shows entries and groups too.
  cost     O(1), or O(m) for what FULL shows
  since    5.0.0
  flags    readonly
  acl      stream
  keys     2 ro access
  usage    <key:key> [FULL (full: [COUNT <count:int>])]

command XLEN
  summary  Counts the entries of a stream.
  cost     O(1)
  since    5.0.0
  flags    readonly fast
  acl      stream
  keys     1 ro
  usage    <key:key>

command XPENDING
  summary  Sums up or lists the entries that a group was given and has not acknowledged.
  cost     O(m) for m entries listed
  since    5.0.0
  flags    readonly
  acl      stream
  tips     nondeterministic_output
  keys     1 ro access
  usage    <key:key> <group>
           [filters: [IDLE <min-idle-time:int>@6.2.0] <start> <end> <count:int> [<consumer>]]

command XRANGE
  summary  Returns the entries between two IDs.
  cost     O(log n + m) for m entries
  since    5.0.0
  flags    readonly
  acl      stream
  keys     1 ro access
  usage    <key:key> <start> <end> [COUNT <count:int>]

command XREAD
  summary  Returns entries newer than the given IDs, waiting for some if asked to.
  cost     O(m) for m entries
  since    5.0.0
  flags    readonly blocking
  acl      stream
  keys     after STREAMS from 1 to -1 half ro access
  usage    [COUNT <count:int>] [MAXCOUNT <maxcount:int>@8.10.0] [MAXSIZE <maxsize:int>@8.10.0]
           [BLOCK <milliseconds:int>] STREAMS (streams: <key:key>... <id>...)

command XREADGROUP
  summary  Reads entries as one consumer of a group, waiting for some if asked to.
  cost     O(m) for m entries
  since    5.0.0
  flags    write blocking
  acl      stream
  keys     after STREAMS from 4 to -1 half ro access
  usage    GROUP (group_consumer: <group> <consumer>) [COUNT <count:int>]
           [MAXCOUNT <maxcount:int>@8.10.0] [MAXSIZE <maxsize:int>@8.10.0]
           [BLOCK <milliseconds:int>] [CLAIM <min-idle-time:int>@8.4.0] [NOACK] STREAMS (streams: <key:key>... <id>...)

command XREVRANGE
  summary  Returns the entries between two IDs, latest first.
  cost     O(log n + m) for m entries
  since    5.0.0
  flags    readonly
  acl      stream
  keys     1 ro access
  usage    <key:key> <end> <start> [COUNT <count:int>]

command XSETID
  summary  Sets the last ID of a stream; for restoring one.
  cost     O(1)
  since    5.0.0
  flags    write denyoom fast
  acl      stream
  keys     1 rw update
  usage    <key:key> <last-id> [ENTRIESADDED <entries_added:int>@7.0.0]
           [MAXDELETEDID <max_deleted_entry_id>@7.0.0]

command XTRIM
  summary  Removes the oldest entries down to a length or an ID.
  cost     O(n) for n entries removed
  since    5.0.0
  flags    write
  acl      stream
  tips     nondeterministic_output
  keys     1 rw delete
  usage    <key:key> (trim: (strategy: MAXLEN|MINID@6.2.0) [operator: equal==|approximately=~]
           <threshold> [LIMIT <count:int>@6.2.0]
           [condition: KEEPREF@8.2.0|DELREF@8.2.0|ACKED@8.2.0])

command XACKDEL
  summary  Acknowledges entries and removes them from the stream, in one step.
  cost     O(log n) an entry
  since    8.2.0
  flags    write fast
  acl      stream
  keys     1 rw delete
  usage    <key:key> <group> [condition: KEEPREF|DELREF|ACKED] IDS (ids: <numids:int> <id>...)

command XCFGSET
  summary  Sets for how long a stream knows duplicates, and which entries leave it by themselves.
  cost     O(1)
  since    8.6.0
  flags    write fast
  acl      stream
  keys     1 rw update
  usage    <key:key> [IDMP-DURATION <duration:int>] [IDMP-MAXSIZE <maxsize:int>]
           [MAXBYTES <bytes:int>] [MAXAGE <milliseconds:int>] [WORKQUEUE <on:int>]
           [GROUP-TTL <milliseconds:int>]

command XIDMPRECORD
  summary  Restores what a stream knows of a message that was sent: for logs, not for clients.
  cost     O(log n)
  since    8.8.0
  flags    write denyoom fast
  acl      stream
  keys     1 rw update
  usage    <key:key> <pid> <iid> <stream-id>

command XDELEX
  summary  Removes entries by ID, and says what becomes of their places in pending lists.
  cost     O(log n) an entry
  since    8.2.0
  flags    write fast
  acl      stream
  keys     1 rw delete
  usage    <key:key> [condition: KEEPREF|DELREF|ACKED] IDS (ids: <numids:int> <id>...)

command XNACK
  summary  Hands pending entries back to their group, for another consumer to take.
  cost     O(log n) an entry
  since    8.8.0
  flags    write fast
  acl      stream
  keys     1 rw update
  usage    <key:key> <group> (mode: SILENT|FAIL|FATAL) IDS (ids: <numids:int> <id>...)
           [RETRYCOUNT <retrycount:int>] [FORCE]

# Commands that run as one.
group transactions

command DISCARD
  summary  Drops the commands queued since MULTI.
  cost     O(q) for q queued commands
  since    2.0.0
  flags    noscript loading stale fast allow_busy
  acl      transaction

command EXEC
  summary  Runs the commands queued since MULTI, unless a watched key has changed.
  since    1.2.0
  flags    noscript loading stale skip_slowlog
  acl      transaction

command MULTI
  summary  Begins to queue commands for EXEC.
  cost     O(1)
  since    1.2.0
  flags    noscript loading stale fast allow_busy
  acl      transaction

command UNWATCH
  summary  Stops watching all keys.
  cost     O(k) for k keys watched
  since    2.2.0
  flags    noscript loading stale fast allow_busy
  acl      transaction

command WATCH
  summary  Makes the next EXEC fail if one of the keys changes before.
  cost     O(k) for k keys
  since    2.2.0
  flags    noscript loading stale fast allow_busy
  acl      transaction
  keys     1..-1 ro
  usage    <key:key>...

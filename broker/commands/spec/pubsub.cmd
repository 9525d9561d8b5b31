# Channels, patterns and shard channels.
group pubsub

command PSUBSCRIBE
  summary  Listens to every channel whose name matches a pattern.
  cost     O(p) for p patterns
  since    2.0.0
  flags    pubsub noscript loading stale
  usage    (pattern: <pattern:pattern>)...

command PUBLISH
  summary  Sends a message to all who listen to a channel.
  cost     O(n + p) for n listeners and p patterns in use
  since    2.0.0
  flags    pubsub loading stale fast may_replicate
  usage    <channel> <message>

container PUBSUB
  summary  Looks at channels and their listeners.
  since    2.8.0

command PUBSUB CHANNELS
  summary  Lists the channels that somebody listens to by name.
  cost     O(n) for n channels
  since    2.8.0
  flags    pubsub loading stale
  usage    [<pattern:pattern>]

command PUBSUB HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    6.2.0
  flags    loading stale

command PUBSUB NUMPAT
  summary  Counts the patterns in use.
  cost     O(1)
  since    2.8.0
  flags    pubsub loading stale

command PUBSUB NUMSUB
  summary  Counts the listeners of each channel named.
  cost     O(c) for c channels named
  since    2.8.0
  flags    pubsub loading stale
  usage    [<channel>...]

command PUBSUB SHARDCHANNELS
  summary  Lists the shard channels that somebody listens to.
  cost     O(n) for n channels
  since    7.0.0
  flags    pubsub loading stale
  usage    [<pattern:pattern>]

command PUBSUB SHARDNUMSUB
  summary  Counts the listeners of each shard channel named.
  cost     O(c) for c channels named
  since    7.0.0
  flags    pubsub loading stale
  usage    [<shardchannel>...]

command PUNSUBSCRIBE
  summary  Stops listening to patterns, or to all of them.
  cost     O(p) for p patterns
  since    2.0.0
  flags    pubsub noscript loading stale
  usage    [<pattern:pattern>...]

command SPUBLISH
  summary  Sends a message to all who listen to a shard channel.
  cost     O(n) for n listeners
  since    7.0.0
  flags    pubsub loading stale fast may_replicate
  keys     1 not_key
  usage    <shardchannel> <message>

command SSUBSCRIBE
  summary  Listens to shard channels.
  cost     O(c) for c channels
  since    7.0.0
  flags    pubsub noscript loading stale
  keys     1..-1 not_key
  usage    <shardchannel>...

command SUBSCRIBE
  summary  Listens to channels.
  cost     O(c) for c channels
  since    2.0.0
  flags    pubsub noscript loading stale
  usage    <channel>...

command SUNSUBSCRIBE
  summary  Stops listening to shard channels, or to all of them.
  cost     O(c) for c channels
  since    7.0.0
  flags    pubsub noscript loading stale
  keys     1..-1 not_key
  usage    [<shardchannel>...]

command UNSUBSCRIBE
  summary  Stops listening to channels, or to all of them.
  cost     O(c) for c channels
  since    2.0.0
  flags    pubsub noscript loading stale
  usage    [<channel>...]

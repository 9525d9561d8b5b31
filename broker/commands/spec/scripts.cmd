# Lua scripts and libraries of functions.
group scripting

command EVAL
  summary  Runs a Lua script.
  since    2.6.0
  flags    noscript stale skip_monitor no_mandatory_keys may_replicate
  acl      scripting
  keys     count at 2 rw access update
  usage    <script> <numkeys:int> [<key:key>...] [<arg>...]

command EVAL_RO
  summary  Runs a Lua script that may only read.
  since    7.0.0
  flags    readonly noscript stale skip_monitor no_mandatory_keys
  acl      scripting
  keys     count at 2 ro access
  usage    <script> <numkeys:int> [<key:key>...] [<arg>...]

command EVALSHA
  summary  Runs a Lua script that the server knows by its SHA-1.
  since    2.6.0
  flags    noscript stale skip_monitor no_mandatory_keys may_replicate
  acl      scripting
  keys     count at 2 rw access update
  usage    <sha1> <numkeys:int> [<key:key>...] [<arg>...]

command EVALSHA_RO
  summary  Runs a known Lua script that may only read.
  since    7.0.0
  flags    readonly noscript stale skip_monitor no_mandatory_keys
  acl      scripting
  keys     count at 2 ro access
  usage    <sha1> <numkeys:int> [<key:key>...] [<arg>...]

command FCALL
  summary  Calls a function of a loaded library.
  since    7.0.0
  flags    noscript stale skip_monitor no_mandatory_keys may_replicate
  acl      scripting
  keys     count at 2 rw access update
  usage    <function> <numkeys:int> [<key:key>...] [<arg>...]

command FCALL_RO
  summary  Calls a function that only reads.
  since    7.0.0
  flags    readonly noscript stale skip_monitor no_mandatory_keys
  acl      scripting
  keys     count at 2 ro access
  usage    <function> <numkeys:int> [<key:key>...] [<arg>...]

container FUNCTION
  summary  Manages libraries of functions.
  since    7.0.0

command FUNCTION DELETE
  summary  Removes a library and its functions.
  cost     O(1)
  since    7.0.0
  flags    write noscript
  acl      scripting
  tips     request_policy:all_shards response_policy:all_succeeded
  usage    <library-name>

command FUNCTION DUMP
  summary  Serializes all libraries.
  cost     O(n) for n libraries
  since    7.0.0
  flags    noscript
  acl      scripting

command FUNCTION FLUSH
  summary  Removes all libraries.
  cost     O(n) for n libraries
  since    7.0.0
  flags    write noscript
  acl      scripting
  tips     request_policy:all_shards response_policy:all_succeeded
  usage    [async: ASYNC|SYNC]

command FUNCTION HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    7.0.0
  flags    loading stale
  acl      scripting

command FUNCTION KILL
  summary  Stops the function that is running, if it has not written yet.
  cost     O(1)
  since    7.0.0
  flags    noscript allow_busy
  acl      scripting
  tips     request_policy:all_shards response_policy:one_succeeded

command FUNCTION LIST
  summary  Lists libraries and their functions.
  cost     O(n) for n functions
  since    7.0.0
  flags    noscript
  acl      scripting
  tips     nondeterministic_output_order
  usage    [LIBRARYNAME <library-name-pattern>] [WITHCODE]

command FUNCTION LOAD
  summary  Loads a library from its source.
  cost     O(n) for n bytes of source
  since    7.0.0
  flags    write denyoom noscript
  acl      scripting
  tips     request_policy:all_shards response_policy:all_succeeded
  usage    [REPLACE] <function-code>

command FUNCTION RESTORE
  summary  Brings back libraries from what FUNCTION DUMP returned.
  cost     O(n) for n libraries
  since    7.0.0
  flags    write denyoom noscript
  acl      scripting
  tips     request_policy:all_shards response_policy:all_succeeded
  usage    <serialized-value> [policy: FLUSH|APPEND|REPLACE]

command FUNCTION STATS
  summary  Tells which function is running, and what the engines hold.
  cost     O(1)
  since    7.0.0
  flags    noscript allow_busy
  acl      scripting
  tips     nondeterministic_output request_policy:all_shards response_policy:special

container SCRIPT
  summary  Manages the cache of scripts.
  since    2.6.0

command SCRIPT DEBUG
  summary  Switches the debugger for the next scripts on or off.
  cost     O(1)
  since    3.2.0
  flags    noscript
  acl      scripting
  usage    (mode: YES|SYNC|NO)

command SCRIPT EXISTS
  summary  Tells which scripts the cache has.
  cost     O(s) for s scripts
  since    2.6.0
  flags    noscript
  acl      scripting
  tips     request_policy:all_shards response_policy:agg_logical_and
  usage    <sha1>...

command SCRIPT FLUSH
  summary  Empties the cache.
  cost     O(s) for s scripts
  since    2.6.0
  flags    noscript
  acl      scripting
  tips     request_policy:all_nodes response_policy:all_succeeded
  usage    [(async: ASYNC|SYNC)@6.2.0]

command SCRIPT HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    5.0.0
  flags    loading stale
  acl      scripting

command SCRIPT KILL
  summary  Stops the script that is running, if it has not written yet.
  cost     O(1)
  since    2.6.0
  flags    noscript allow_busy
  acl      scripting
  tips     request_policy:all_shards response_policy:one_succeeded

command SCRIPT LOAD
  summary  Puts a script into the cache without running it.
  cost     O(n) for n bytes of source
  since    2.6.0
  flags    noscript stale
  acl      scripting
  tips     request_policy:all_nodes response_policy:all_succeeded
  usage    <script>

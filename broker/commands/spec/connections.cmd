# The connection itself, and the sessions of others.
group connection

command AUTH
  summary  Signs this connection in.
  cost     O(p) for p passwords of the user
  since    1.0.0
  flags    noscript loading stale fast no_auth allow_busy
  acl      connection
  usage    [<username>@6.0.0] <password>

container CLIENT
  summary  Looks at connections and manages them.
  since    2.4.0

command CLIENT CACHING
  summary  Says whether the keys of the next command are to be tracked.
  cost     O(1)
  since    6.0.0
  flags    noscript loading stale
  acl      connection
  usage    (mode: YES|NO)

command CLIENT GETNAME
  summary  Returns the name of this connection.
  cost     O(1)
  since    2.6.9
  flags    noscript loading stale
  acl      connection

command CLIENT GETREDIR
  summary  Returns the connection that gets the invalidations of this one.
  cost     O(1)
  since    6.0.0
  flags    noscript loading stale
  acl      connection

command CLIENT HELP
  summary  Lists what can be asked here.
  cost     O(1)
  since    5.0.0
  flags    loading stale
  acl      connection

command CLIENT ID
  summary  Returns the ID of this connection.
  cost     O(1)
  since    5.0.0
  flags    noscript loading stale
  acl      connection

command CLIENT INFO
  summary  Describes this connection.
  cost     O(1)
  since    6.2.0
  flags    noscript loading stale
  acl      connection
  tips     nondeterministic_output

command CLIENT KILL
  summary  Closes connections.
  cost     O(n) for n connections
  since    2.4.0
  arity    -3
  flags    admin noscript loading stale
  acl      connection
  usage    (filter: <ip:port:string>!2.8.12|(new-format: [ID <client-id:int>@2.8.12]|[TYPE
           (normal_master_slave_pubsub:
           NORMAL|MASTER@3.2.0|SLAVE|REPLICA@5.0.0|PUBSUB)@2.8.12]|[USER <username>]|[ADDR
           <ip:port:string>]|[LADDR <ip:port:string>@6.2.0]|[SKIPME <yes/no>]|[MAXAGE
           <maxage:int>@7.4.0])...)

command CLIENT LIST
  summary  Describes all connections, one a line.
  cost     O(n) for n connections
  since    2.4.0
  flags    admin noscript loading stale
  acl      connection
  tips     nondeterministic_output
  usage    [TYPE (normal_master_replica_pubsub: NORMAL|MASTER|REPLICA|PUBSUB)@5.0.0]
           [ID (id: <client-id:int>...)@6.2.0]

command CLIENT NO-EVICT
  summary  Exempts this connection from being closed for lack of memory.
  cost     O(1)
  since    7.0.0
  flags    admin noscript loading stale
  acl      connection
  usage    (enabled: ON|OFF)

command CLIENT PAUSE
  summary  Makes the commands of all connections wait for a while.
  cost     O(1)
  since    2.9.50
  flags    admin noscript loading stale
  acl      connection
  usage    <timeout:int> [(mode: WRITE|ALL)@6.2.0]

command CLIENT REPLY
  summary  Switches replies to this connection off or on.
  cost     O(1)
  since    3.2.0
  flags    noscript loading stale
  acl      connection
  usage    (on_off_skip: ON|OFF|SKIP)

command CLIENT SETNAME
  summary  Names this connection.
  cost     O(1)
  since    2.6.9
  flags    noscript loading stale
  acl      connection
  usage    <connection-name>

command CLIENT TRACKING
  summary  Makes the server tell when a key that was read here changes.
  cost     O(1), or O(p) for p prefixes
  since    6.0.0
  flags    noscript loading stale
  acl      connection
  usage    (status: ON|OFF) [REDIRECT <client-id:int>] [PREFIX <prefix>]... [BCAST] [OPTIN]
           [OPTOUT] [NOLOOP]

command CLIENT TRACKINGINFO
  summary  Tells how this connection tracks keys.
  cost     O(1)
  since    6.2.0
  flags    noscript loading stale
  acl      connection

command CLIENT UNBLOCK
  summary  Ends the waiting of another connection.
  cost     O(log n) for n connections
  since    5.0.0
  flags    admin noscript loading stale
  acl      connection
  usage    <client-id:int> [timeout_error: TIMEOUT|ERROR]

command CLIENT UNPAUSE
  summary  Ends CLIENT PAUSE.
  cost     O(n) for n paused connections
  since    6.2.0
  flags    admin noscript loading stale
  acl      connection

command ECHO
  summary  Returns the words it is given.
  cost     O(1)
  since    1.0.0
  flags    loading stale fast
  acl      connection
  usage    <message>

command HELLO
  summary  Agrees on the protocol version; may sign in and name the connection.
  cost     O(1)
  since    6.0.0
  flags    noscript loading stale fast no_auth allow_busy
  acl      connection
  usage    [arguments: <protover:int> [AUTH (username_password: <username> <password>)] [SETNAME
           <clientname>]]

command PING
  summary  Answers, to show that the server is there.
  cost     O(1)
  since    1.0.0
  flags    fast
  acl      connection
  tips     request_policy:all_shards response_policy:all_succeeded
  usage    [<message>]

command QUIT
  summary  Closes this connection.
  cost     O(1)
  since    1.0.0
  arity    -1
  flags    noscript loading stale fast no_auth allow_busy
  acl      connection

command RESET
  summary  Puts this connection back to how it began.
  cost     O(1)
  since    6.2.0
  flags    noscript loading stale fast no_auth allow_busy
  acl      connection

command SELECT
  summary  Chooses the database of this connection.
  cost     O(1)
  since    1.0.0
  flags    loading stale fast
  acl      connection
  usage    <index:int>

command CLIENT NO-TOUCH
  summary  Keeps the reads of this connection from counting as use of a key.
  cost     O(1)
  since    7.2.0
  flags    noscript loading stale
  acl      connection
  usage    (enabled: ON|OFF)

command CLIENT SETINFO
  summary  Notes the name or version of the library that opened this connection.
  cost     O(1)
  since    7.2.0
  flags    noscript loading stale
  acl      connection
  tips     request_policy:all_nodes response_policy:all_succeeded
  usage    (attr: LIB-NAME <libname>|LIB-VER <libver>)

command CLIENT OVERFLOW
  summary  Chooses what becomes of messages that this connection does not read in time.
  cost     O(n) for n messages that wait
  since    8.10.0
  flags    noscript loading stale
  acl      connection
  usage    (mode: DISCONNECT|DROP-OLDEST|DROP-NEWEST|LATEST) [LIMIT <bytes:int>]

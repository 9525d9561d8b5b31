# Lists, the queues of Redis.
group list

command BLMOVE
  summary  Moves an element from one list to another, waiting for one if need be.
  cost     O(1)
  since    6.2.0
  flags    write denyoom noscript blocking
  acl      list
  keys     1 rw access delete
  keys     2 rw insert
  usage    <source:key> <destination:key#1> (wherefrom: LEFT|RIGHT) (whereto: LEFT|RIGHT)
           <timeout:double>

command BLMPOP
  summary  Takes elements from the first non-empty list, or waits for one.
  cost     O(k + m) for k keys and m elements
  since    7.0.0
  flags    write blocking
  acl      list
  keys     count at 2 rw access delete
  usage    <timeout:double> <numkeys:int> <key:key>... (where: LEFT|RIGHT) [COUNT <count:int>]

command BLPOP
  summary  Takes the first element of the first non-empty list, or waits for one.
  cost     O(k) for k keys
  since    2.0.0
  flags    write noscript blocking
  acl      list
  keys     1..-2 rw access delete
  usage    <key:key>... <timeout:double>

command BRPOP
  summary  Takes the last element of the first non-empty list, or waits for one.
  cost     O(k) for k keys
  since    2.0.0
  flags    write noscript blocking
  acl      list
  keys     1..-2 rw access delete
  usage    <key:key>... <timeout:double>

command BRPOPLPUSH
  summary  Moves the last element of a list to the front of another, waiting for one if need be.
  cost     O(1)
  since    2.2.0
  flags    write denyoom noscript blocking
  acl      list
  keys     1 rw access delete
  keys     2 rw insert
  replaced 6.2.0 by BLMOVE RIGHT LEFT
  usage    <source:key> <destination:key#1> <timeout:double>

command LINDEX
  summary  Returns the element at a position.
  cost     O(n) for n elements on the way
  since    1.0.0
  flags    readonly
  acl      list
  keys     1 ro access
  usage    <key:key> <index:int>

command LINSERT
  summary  Puts an element before or behind another one.
  cost     O(n) for n elements on the way
  since    2.2.0
  flags    write denyoom
  acl      list
  keys     1 rw insert
  usage    <key:key> (where: BEFORE|AFTER) <pivot> <element>

command LLEN
  summary  Counts the elements of a list.
  cost     O(1)
  since    1.0.0
  flags    readonly fast
  acl      list
  keys     1 ro
  usage    <key:key>

command LMOVE
  summary  Moves an element from one end of a list to an end of another.
  cost     O(1)
  since    6.2.0
  flags    write denyoom
  acl      list
  keys     1 rw access delete
  keys     2 rw insert
  usage    <source:key> <destination:key#1> (wherefrom: LEFT|RIGHT) (whereto: LEFT|RIGHT)

command LMPOP
  summary  Takes elements from the first non-empty list.
  cost     O(k + m) for k keys and m elements
  since    7.0.0
  flags    write
  acl      list
  keys     count at 1 rw access delete
  usage    <numkeys:int> <key:key>... (where: LEFT|RIGHT) [COUNT <count:int>]

command LPOP
  summary  Takes elements from the front.
  cost     O(m) for m elements
  since    1.0.0
  flags    write fast
  acl      list
  keys     1 rw access delete
  usage    <key:key> [<count:int>@6.2.0]

command LPOS
  summary  Tells where in a list an element is.
  cost     O(n)
  since    6.0.6
  flags    readonly
  acl      list
  keys     1 ro access
  usage    <key:key> <element> [RANK <rank:int>] [COUNT <num-matches:int>] [MAXLEN <len:int>]

command LPUSH
  summary  Puts elements at the front, creating the list if needed.
  cost     O(m) for m elements
  since    1.0.0
  flags    write denyoom fast
  acl      list
  keys     1 rw insert
  usage    <key:key> <element>...

command LPUSHX
  summary  Puts elements at the front of a list that exists.
  cost     O(m) for m elements
  since    2.2.0
  flags    write denyoom fast
  acl      list
  keys     1 rw insert
  usage    <key:key> <element>...

command LRANGE
  summary  Returns the elements between two positions.
  cost     O(s + m) for a start s elements from the nearer end and m elements
  since    1.0.0
  flags    readonly
  acl      list
  keys     1 ro access
  usage    <key:key> <start:int> <stop:int>

command LREM
  summary  Removes elements equal to a given one.
  cost     O(n)
  since    1.0.0
  flags    write
  acl      list
  keys     1 rw delete
  usage    <key:key> <count:int> <element>

command LSET
  summary  Replaces the element at a position.
  cost     O(n) for n elements on the way
  since    1.0.0
  flags    write denyoom
  acl      list
  keys     1 rw update
  usage    <key:key> <index:int> <element>

command LTRIM
  summary  Keeps only the elements between two positions.
  cost     O(m) for m elements removed
  since    1.0.0
  flags    write
  acl      list
  keys     1 rw delete
  usage    <key:key> <start:int> <stop:int>

command RPOP
  summary  Takes elements from the end.
  cost     O(m) for m elements
  since    1.0.0
  flags    write fast
  acl      list
  keys     1 rw access delete
  usage    <key:key> [<count:int>@6.2.0]

command RPOPLPUSH
  summary  Moves the last element of a list to the front of another.
  cost     O(1)
  since    1.2.0
  flags    write denyoom
  acl      list
  keys     1 rw access delete
  keys     2 rw insert
  replaced 6.2.0 by LMOVE RIGHT LEFT
  usage    <source:key> <destination:key#1>

command RPUSH
  summary  Puts elements at the end, creating the list if needed.
  cost     O(m) for m elements
  since    1.0.0
  flags    write denyoom fast
  acl      list
  keys     1 rw insert
  usage    <key:key> <element>...

command RPUSHX
  summary  Puts elements at the end of a list that exists.
  cost     O(m) for m elements
  since    2.2.0
  flags    write denyoom fast
  acl      list
  keys     1 rw insert
  usage    <key:key> <element>...

command BLMOVEM
  summary  Moves several elements from one list to another, waiting until there are enough.
  cost     O(m) for m elements
  since    8.10.0
  flags    write denyoom noscript blocking
  acl      list
  keys     1 rw access delete
  keys     2 rw insert
  usage    <source:key> <destination:key#1> (wherefrom: LEFT|RIGHT) (whereto: LEFT|RIGHT)
           <timeout:double> [batch: (amount: COUNT <count:int>|EXACTLY <exactly:int>) (order: OBO|BULK)]

command LMOVEM
  summary  Moves several elements from one list to another, in one go.
  cost     O(m) for m elements
  since    8.10.0
  flags    write denyoom
  acl      list
  keys     1 rw access delete
  keys     2 rw insert
  usage    <source:key> <destination:key#1> (wherefrom: LEFT|RIGHT) (whereto: LEFT|RIGHT)
           [batch: (amount: COUNT <count:int>|EXACTLY <exactly:int>) (order: OBO|BULK)]

# Strings seen as bits.
group bitmap

command BITCOUNT
  summary  Counts the bits that are set.
  cost     O(n) for n bytes
  since    2.6.0
  flags    readonly
  acl      bitmap
  keys     1 ro access
  usage    <key:key> [index: <start:int> <end:int> [(index_unit: BYTE|BIT)@7.0.0]]

command BITFIELD
  summary  Reads and changes integers of any width inside a string.
  cost     O(1) an operation
  since    3.2.0
  flags    write denyoom
  acl      bitmap
  keys     1 rw access update variable
  reader   bitfield
  usage    <key:key> [(operation: GET (encoding_offset: <encoding> <offset:int>)|(write: [OVERFLOW
           (wrap_sat_fail: WRAP|SAT|FAIL)] (write_operation: SET (encoding_offset_value:
           <encoding> <offset:int> <value:int>)|INCRBY (encoding_offset_increment: <encoding>
           <offset:int> <increment:int>))))...]

command BITFIELD_RO
  summary  Reads integers of any width inside a string.
  cost     O(1) an operation
  since    6.0.0
  flags    readonly fast
  acl      bitmap
  keys     1 ro access
  usage    <key:key> [GET (encoding_offset: <encoding> <offset:int>)]...

command BITOP
  summary  Combines strings bit by bit and stores the outcome.
  cost     O(n) for n bytes
  since    2.6.0
  flags    write denyoom
  acl      bitmap
  keys     2 ow update
  keys     3..-1 ro access
  usage    <operation> <destkey:key> <key:key#1>...

command BITPOS
  summary  Finds the first bit that is set, or clear.
  cost     O(n) for n bytes
  since    2.8.7
  flags    readonly
  acl      bitmap
  keys     1 ro access
  usage    <key:key> <bit:int>
           [index: <start:int> [end_index: <end:int> [(index_unit: BYTE|BIT)@7.0.0]]]

command GETBIT
  summary  Returns one bit of a string.
  cost     O(1)
  since    2.2.0
  flags    readonly fast
  acl      bitmap
  keys     1 ro access
  usage    <key:key> <offset:int>

command SETBIT
  summary  Sets or clears one bit of a string.
  cost     O(1)
  since    2.2.0
  flags    write denyoom
  acl      bitmap
  keys     1 rw access update
  usage    <key:key> <offset:int> <value:int>

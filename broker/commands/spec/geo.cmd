# Places on earth, kept in a sorted set.
group geo

command GEOADD
  summary  Adds members with their places on earth, or moves them.
  cost     O(log n) a member
  since    3.2.0
  flags    write denyoom
  acl      geo
  keys     1 rw update
  usage    <key:key> [(condition: NX|XX)@6.2.0] [change=CH@6.2.0]
           (longitude_latitude_member: <longitude:double> <latitude:double> <member>)...

command GEODIST
  summary  Tells how far two members are from each other.
  cost     O(1)
  since    3.2.0
  flags    readonly
  acl      geo
  keys     1 ro access
  usage    <key:key> <member1> <member2> [unit: M|KM|FT|MI]

command GEOHASH
  summary  Returns places as geohash texts.
  cost     O(m) for m members
  since    3.2.0
  arity    -2
  flags    readonly
  acl      geo
  keys     1 ro access
  usage    <key:key> <member>...

command GEOPOS
  summary  Returns longitude and latitude of members.
  cost     O(m) for m members
  since    3.2.0
  arity    -2
  flags    readonly
  acl      geo
  keys     1 ro access
  usage    <key:key> <member>...

command GEORADIUS
  summary  Finds the members within a distance of a point, and may store them.
  cost     O(n + m log m) for n members in the area searched and m found
  since    3.2.0
  flags    write denyoom
  acl      geo
  keys     1 ro access
  keys     after STORE from 6 ow update
  keys     after STOREDIST from 6 ow update
  replaced 6.2.0 by GEOSEARCH BYRADIUS, GEOSEARCHSTORE
  usage    <key:key> <longitude:double> <latitude:double> <radius:double> (unit: M|KM|FT|MI)
           [WITHCOORD] [WITHDIST] [WITHHASH] [count: COUNT <count:int> [ANY@6.2.0]]
           [order: ASC|DESC] [STORE <key:key#1>] [STOREDIST <key:key#2>]

command GEORADIUS_RO
  summary  Finds the members within a distance of a point.
  cost     O(n + m log m) for n members in the area searched and m found
  since    3.2.10
  flags    readonly
  acl      geo
  keys     1 ro access
  replaced 6.2.0 by GEOSEARCH BYRADIUS
  usage    <key:key> <longitude:double> <latitude:double> <radius:double> (unit: M|KM|FT|MI)
           [WITHCOORD] [WITHDIST] [WITHHASH] [count: COUNT <count:int> [ANY@6.2.0]]
           [order: ASC|DESC]

command GEORADIUSBYMEMBER
  summary  Finds the members within a distance of another member, and may store them.
  cost     O(n + m log m) for n members in the area searched and m found
  since    3.2.0
  flags    write denyoom
  acl      geo
  keys     1 ro access
  keys     after STORE from 5 ow update
  keys     after STOREDIST from 5 ow update
  replaced 6.2.0 by GEOSEARCH BYRADIUS FROMMEMBER, GEOSEARCHSTORE
  usage    <key:key> <member> <radius:double> (unit: M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH]
           [count: COUNT <count:int> [ANY]] [order: ASC|DESC] [STORE <key:key#1>]
           [STOREDIST <key:key#2>]

command GEORADIUSBYMEMBER_RO
  summary  Finds the members within a distance of another member.
  cost     O(n + m log m) for n members in the area searched and m found
  since    3.2.10
  flags    readonly
  acl      geo
  keys     1 ro access
  replaced 6.2.0 by GEOSEARCH BYRADIUS FROMMEMBER
  usage    <key:key> <member> <radius:double> (unit: M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH]
           [count: COUNT <count:int> [ANY]] [order: ASC|DESC]

command GEOSEARCH
  summary  Finds the members inside a circle or a box.
  cost     O(n + m log m) for n members in the area searched and m found
  since    6.2.0
  flags    readonly
  acl      geo
  keys     1 ro access
  usage    <key:key> (from: FROMMEMBER <member>|FROMLONLAT (longitude_latitude: <longitude:double>
           <latitude:double>)) (by: (circle: BYRADIUS <radius:double> (unit: M|KM|FT|MI))|(box:
           BYBOX <width:double> <height:double> (unit: M|KM|FT|MI))) [order: ASC|DESC]
           [count: COUNT <count:int> [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]

command GEOSEARCHSTORE
  summary  Stores the members inside a circle or a box.
  cost     O(n + m log m) for n members in the area searched and m found
  since    6.2.0
  flags    write denyoom
  acl      geo
  keys     1 ow update
  keys     2 ro access
  usage    <destination:key> <source:key#1> (from: FROMMEMBER <member>|FROMLONLAT
           (longitude_latitude: <longitude:double> <latitude:double>)) (by: (circle: BYRADIUS
           <radius:double> (unit: M|KM|FT|MI))|(box: BYBOX <width:double> <height:double> (unit:
           M|KM|FT|MI))) [order: ASC|DESC] [count: COUNT <count:int> [ANY]] [STOREDIST]

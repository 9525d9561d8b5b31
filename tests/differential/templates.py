"""What can be asked: one line for each form of a command, and how they are read.

    <name>       a word that Words makes; <k.lz> a key that mostly holds a list or a sorted set
    [ a b ]      may be missing
    ( a | b )    one of these
    a ...        the word or group before it, one to four times
    WORD         itself

Lines of UNORDERED have replies whose order means nothing; those of TIMED are integers that time has
a hand in.
"""

LINES = """
SET <k.tn> <text> [ ( NX | XX ) ] [ GET ] [ ( EX <span> | PX <span> | EXAT <date> | PXAT <datems> | KEEPTTL ) ]
SET <k.n> <int>
SET <k.t> <text>
SET <k.t> <text>
GET <k.tn>
GET <k.tn>
GETDEL <k.tn>
GETEX <k.tn> [ ( EX <span> | PX <span> | EXAT <date> | PXAT <datems> | PERSIST ) ]
GETSET <k.tn> <text>
SETNX <k.tn> <text>
SETEX <k.t> <span> <text>
PSETEX <k.t> <span> <text>
APPEND <k.tn> <text>
STRLEN <k.tnb>
SETRANGE <k.tb> <offset> <text>
GETRANGE <k.tbn> <int> <int>
SUBSTR <k.tbn> <int> <int>
MGET <any> ...
MSET ( <k.tn> <text> ) ...
MSETNX ( <k.tnm> <text> ) ...
INCR <k.n>
DECR <k.n>
INCRBY <k.n> <int>
DECRBY <k.n> <int>
INCRBYFLOAT <k.n> <float>
LCS <k.tn> <k.tn> [ LEN ] [ IDX ] [ MINMATCHLEN <int> ] [ WITHMATCHLEN ]
SETBIT <k.b> <offset> <bit>
SETBIT <k.b> <offset> <bit>
GETBIT <k.b> <offset>
BITCOUNT <k.bt> [ <int> <int> [ ( BYTE | BIT ) ] ]
BITPOS <k.bt> <bit> [ <int> [ <int> [ ( BYTE | BIT ) ] ] ]
BITOP ( AND | OR | XOR | NOT ) <k.b> <k.btn> ...
BITFIELD <k.b> ( GET <bittype> <bitoffset> | SET <bittype> <bitoffset> <int> | INCRBY <bittype> <bitoffset> <int> | OVERFLOW ( WRAP | SAT | FAIL ) ) ...
BITFIELD_RO <k.b> ( GET <bittype> <bitoffset> ) ...
PFADD <k.p> <member> ...
PFADD <k.p> <member> ...
PFCOUNT <k.p> ...
PFMERGE <k.p> <k.p> ...
PFDEBUG ( ENCODING | DECODE | TODENSE ) <k.p>
LPUSH <k.l> <element> ...
RPUSH <k.l> <element> ...
RPUSH <k.l> <element> ...
LPUSHX <k.lm> <element> ...
RPUSHX <k.lm> <element> ...
LPOP <k.l> [ <count> ]
RPOP <k.l> [ <count> ]
LLEN <k.l>
LRANGE <k.l> <int> <int>
LINDEX <k.l> <int>
LSET <k.l> <int> <element>
LINSERT <k.l> ( BEFORE | AFTER ) <element> <element>
LREM <k.l> <int> <element>
LTRIM <k.l> <int> <int>
LPOS <k.l> <element> [ RANK <int> ] [ COUNT <count> ] [ MAXLEN <count> ]
LMOVE <k.l> <k.l> ( LEFT | RIGHT ) ( LEFT | RIGHT )
RPOPLPUSH <k.l> <k.l>
LMPOP <numkeys> <k.l> <k.l> ( LEFT | RIGHT ) [ COUNT <count> ]
BLPOP <k.lm> <k.l> <timeout>
BRPOP <k.l> <timeout>
BLMOVE <k.l> <k.l> ( LEFT | RIGHT ) ( LEFT | RIGHT ) <timeout>
BRPOPLPUSH <k.l> <k.l> <timeout>
BLMPOP <timeout> <numkeys> <k.l> <k.l> ( LEFT | RIGHT ) [ COUNT <count> ]
HSET <k.h> ( <field> <text> ) ...
HSET <k.h> ( <field> <text> ) ...
HMSET <k.h> ( <field> <text> ) ...
HSETNX <k.h> <field> <text>
HGET <k.h> <field>
HMGET <k.h> <field> ...
HDEL <k.h> <field> ...
HLEN <k.h>
HSTRLEN <k.h> <field>
HEXISTS <k.h> <field>
HKEYS <k.h>
HVALS <k.h>
HGETALL <k.h>
HINCRBY <k.h> <field> <int>
HINCRBYFLOAT <k.h> <field> <float>
SADD <k.s> <member> ...
SADD <k.s> <member> ...
SADD <k.s> <int> ...
SREM <k.s> <member> ...
SISMEMBER <k.s> <member>
SMISMEMBER <k.s> <member> ...
SCARD <k.s>
SMEMBERS <k.s>
SMOVE <k.s> <k.s> <member>
SPOP <k.s> 1000
SINTER <k.s> ...
SUNION <k.s> ...
SDIFF <k.s> ...
SINTERSTORE <k.s> <k.s> ...
SUNIONSTORE <k.s> <k.s> ...
SDIFFSTORE <k.s> <k.s> ...
SINTERCARD <numkeys> <k.s> <k.s> [ LIMIT <count> ]
SRANDMEMBER <k.s> 100000
SRANDMEMBER nothing [ <int> ]
ZADD <k.z> ( <score> <member> ) ...
ZADD <k.z> ( <score> <member> ) ...
ZADD <k.z> [ ( NX | XX ) ] [ ( GT | LT ) ] [ CH ] [ INCR ] ( <score> <member> ) ...
ZADD <k.y> 0 <member> 0 <member> [ 0 <member> 0 <member> 0 <member> ]
ZADD <k.y> [ ( NX | XX ) ] 0 <member>
ZREM <k.y> <member>
ZRANK <k.y> <member>
ZINCRBY <k.z> <score> <member>
ZREM <k.z> <member> ...
ZCARD <k.z>
ZSCORE <k.z> <member>
ZMSCORE <k.z> <member> ...
ZRANK <k.z> <member>
ZREVRANK <k.z> <member>
ZCOUNT <k.z> <bound> <bound>
ZLEXCOUNT <k.y> <name> <name>
ZRANGE <k.z> <int> <int> [ REV ] [ WITHSCORES ]
ZRANGE <k.z> <bound> <bound> BYSCORE [ REV ] [ LIMIT <int> <int> ] [ WITHSCORES ]
ZRANGE <k.y> <name> <name> BYLEX [ REV ] [ LIMIT <int> <int> ]
ZRANGESTORE <k.z> <k.z> <int> <int> [ REV ]
ZRANGESTORE <k.z> <k.z> <bound> <bound> BYSCORE [ REV ] [ LIMIT <int> <int> ]
ZRANGESTORE <k.z> <k.y> <name> <name> BYLEX [ REV ] [ LIMIT <int> <int> ]
ZREVRANGE <k.z> <int> <int> [ WITHSCORES ]
ZRANGEBYSCORE <k.z> <bound> <bound> [ WITHSCORES ] [ LIMIT <int> <int> ]
ZREVRANGEBYSCORE <k.z> <bound> <bound> [ WITHSCORES ] [ LIMIT <int> <int> ]
ZRANGEBYLEX <k.y> <name> <name> [ LIMIT <int> <int> ]
ZREVRANGEBYLEX <k.y> <name> <name> [ LIMIT <int> <int> ]
ZREMRANGEBYRANK <k.z> <int> <int>
ZREMRANGEBYSCORE <k.z> <bound> <bound>
ZREMRANGEBYLEX <k.y> <name> <name>
ZPOPMIN <k.z> [ <count> ]
ZPOPMAX <k.z> [ <count> ]
ZMPOP <numkeys> <k.z> <k.z> ( MIN | MAX ) [ COUNT <count> ]
BZPOPMIN <k.zm> <k.z> <timeout>
BZPOPMAX <k.z> <timeout>
BZMPOP <timeout> <numkeys> <k.z> <k.z> ( MIN | MAX ) [ COUNT <count> ]
ZUNION <numkeys> <k.zs> <k.zs> [ WEIGHTS <float> <float> ] [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
ZINTER <numkeys> <k.zs> <k.zs> [ WEIGHTS <float> <float> ] [ AGGREGATE ( SUM | MIN | MAX ) ] [ WITHSCORES ]
ZDIFF <numkeys> <k.zs> <k.zs> [ WITHSCORES ]
ZUNIONSTORE <k.z> <numkeys> <k.zs> <k.zs> [ WEIGHTS <float> <float> ] [ AGGREGATE ( SUM | MIN | MAX ) ]
ZINTERSTORE <k.z> <numkeys> <k.zs> <k.zs> [ WEIGHTS <float> <float> ] [ AGGREGATE ( SUM | MIN | MAX ) ]
ZDIFFSTORE <k.z> <numkeys> <k.zs> <k.zs>
ZINTERCARD <numkeys> <k.zs> <k.zs> [ LIMIT <count> ]
ZRANDMEMBER nothing [ <int> ]
HRANDFIELD nothing [ <int> ]
GEOADD <k.g> [ ( NX | XX ) ] [ CH ] ( <longitude> <latitude> <member> ) ...
GEOADD <k.g> <longitude> <latitude> <member> <longitude> <latitude> <member>
GEODIST <k.gz> <member> <member> [ <unit> ]
GEOHASH <k.gz> <member> ...
GEOPOS <k.gz> <member> ...
GEOSEARCH <k.g> ( FROMMEMBER <member> | FROMLONLAT <longitude> <latitude> ) ( BYRADIUS <size> <unit> | BYBOX <size> <size> <unit> ) [ ( ASC | DESC ) ] [ COUNT <count> [ ANY ] ] [ WITHCOORD ] [ WITHDIST ] [ WITHHASH ]
GEOSEARCHSTORE <k.gz> <k.g> FROMLONLAT <longitude> <latitude> BYRADIUS <size> <unit> [ STOREDIST ]
GEORADIUS <k.g> <longitude> <latitude> <size> <unit> [ WITHCOORD ] [ WITHDIST ] [ WITHHASH ] [ COUNT <count> [ ANY ] ] [ ( ASC | DESC ) ]
GEORADIUS <k.g> <longitude> <latitude> <size> <unit> ( STORE | STOREDIST ) <k.gz>
GEORADIUS_RO <k.g> <longitude> <latitude> <size> <unit> [ WITHDIST ]
GEORADIUSBYMEMBER <k.g> <member> <size> <unit> [ WITHDIST ] [ ASC ]
GEORADIUSBYMEMBER_RO <k.g> <member> <size> <unit>
SORT <k.lz> [ BY ( <pattern> | t* | h1->* | n* ) ] [ LIMIT <int> <int> ] [ GET ( # | t* | h1->* | h*->a | <pattern> ) ] [ ( ASC | DESC ) ] [ ALPHA ] [ STORE <k.l> ]
SORT <k.s> ALPHA [ ( ASC | DESC ) ] [ LIMIT <int> <int> ] [ GET # GET t* ] [ STORE <k.l> ]
SORT_RO <k.lzs> ALPHA
XADD <k.x> [ NOMKSTREAM ] [ ( MAXLEN | MINID ) [ = ] ( <count> | <id> ) ] <addid> ( <field> <text> ) ...
XADD <k.x> <addid> <field> <text>
XADD <k.x> <addid> f <text>
XLEN <k.x>
XRANGE <k.x> <id> <id> [ COUNT <count> ]
XRANGE <k.x> - + [ COUNT <count> ]
XREVRANGE <k.x> <id> <id> [ COUNT <count> ]
XREVRANGE <k.x> + - [ COUNT <count> ]
XDEL <k.x> <id> ...
XTRIM <k.x> ( MAXLEN | MINID ) [ = ] ( <count> | <id> )
XSETID <k.x> <id> [ ENTRIESADDED <int> MAXDELETEDID <id> ]
XREAD [ COUNT <count> ] STREAMS <k.x> <k.x> <id> <id>
XREAD [ COUNT <count> ] STREAMS <k.x> <id>
XREAD [ COUNT <count> ] BLOCK 10 STREAMS <k.x> <id>
XGROUP CREATE <k.x> <group> ( <id> | $ | 0 ) [ MKSTREAM ] [ ENTRIESREAD <int> ]
XGROUP SETID <k.x> <group> ( <id> | $ ) [ ENTRIESREAD <int> ]
XGROUP DESTROY <k.x> other
XGROUP CREATECONSUMER <k.x> <group> <consumer>
XGROUP DELCONSUMER <k.x> <group> <consumer>
XREADGROUP GROUP <group> <consumer> [ COUNT <count> ] [ NOACK ] STREAMS <k.x> ( > | > | <id> )
XREADGROUP GROUP grp alice STREAMS <k.x> >
XACK <k.x> <group> <id> ...
XPENDING <k.x> <group>
XPENDING <k.x> <group> [ IDLE <int> ] <id> <id> <count> [ <consumer> ]
XPENDING <k.x> <group> - + 10 [ <consumer> ]
XCLAIM <k.x> <group> claimant 0 <id> ... [ RETRYCOUNT <count> ] [ FORCE ] [ JUSTID ] [ LASTID <id> ]
XAUTOCLAIM <k.x> <group> claimant 0 <id> [ COUNT <count> ] [ JUSTID ]
XINFO STREAM <k.x> [ FULL [ COUNT <count> ] ]
XINFO GROUPS <k.x>
DEL <any> ...
UNLINK <any>
EXISTS <any> ...
TYPE <any>
RENAME <any> <any>
RENAMENX <any> <any>
COPY <any> <any> [ DB <db> ] [ REPLACE ]
MOVE <any> <db>
TOUCH <any> ...
KEYS <pattern>
OBJECT ENCODING <any>
OBJECT REFCOUNT <k.lhz>
EXPIRE <any> <span> [ ( NX | XX | GT | LT ) ]
PEXPIRE <any> <span> [ ( NX | XX | GT | LT ) ]
EXPIREAT <any> <date> [ ( NX | XX | GT | LT ) ]
PEXPIREAT <any> <datems> [ ( NX | XX | GT | LT ) ]
PERSIST <any>
TTL <any>
PTTL <any>
EXPIRETIME <any>
PEXPIRETIME <any>
PING [ <text> ]
ECHO <text>
SELECT <db>
SELECT 0
NOSUCH <text>
WATCH <any>
UNWATCH
FLUSHDB
RANDOMKEY x
"""

UNORDERED = frozenset(b'SMEMBERS SINTER SUNION SDIFF HKEYS HVALS KEYS SPOP SRANDMEMBER'.split())
PAIRED = frozenset([b'HGETALL'])
TIMED = frozenset(b'TTL PTTL EXPIRETIME PEXPIRETIME'.split())


def parse(line):
    """A line as a list of parts: ('word', text), ('make', name), ('maybe', parts), ('one', lists),
    ('many', part)."""
    words = line.split()
    parts, at = read_parts(words, 0, ())
    assert at == len(words), line
    return parts


def read_parts(words, at, ends):
    parts = []
    while at < len(words) and words[at] not in ends:
        word = words[at]
        at += 1
        if word == '[':
            inner, at = read_parts(words, at, (']',))
            at += 1
            parts.append(('maybe', inner))
        elif word == '(':
            choices = []
            while True:
                inner, at = read_parts(words, at, ('|', ')'))
                choices.append(inner)
                at += 1
                if words[at - 1] == ')':
                    break
            parts.append(('one', choices))
        elif word == '...':
            parts.append(('many', parts.pop()))
        elif word.startswith('<'):
            parts.append(('make', word[1:-1]))
        else:
            parts.append(('word', word.encode()))
    return parts, at


def fill(parts, words, into):
    random = words.random
    for kind, what in parts:
        if kind == 'word':
            into.append(what.lower() if random.random() < 0.1 else what)
        elif kind == 'make':
            into.append(words.make(what))
        elif kind == 'maybe':
            if random.random() < 0.35:
                fill(what, words, into)
        elif kind == 'one':
            fill(random.choice(what), words, into)
        else:
            for _ in range(random.choice((1, 1, 2, 3, 4))):
                fill([what], words, into)


TEMPLATES = [parse(line) for line in LINES.split('\n') if line.strip()]

#!/usr/bin/env python3
"""Asks the same of random users here and on an oracle.

    acl_compare.py PORT ORACLE_PORT [USERS [SEED]]

Every category must have the same commands, of those that both servers have. Then
users are made of random rules, rule by rule: both servers must take or refuse each,
in the same words, and ACL DRYRUN must say the same of random requests. Rules that
are printed here, read by the oracle, must make a user of whom that is still true.

`%RW~*` is `~*` here and not on the oracle, so that it is not among the rules.
"""
import random
import sys

from command_compare import Link

CATEGORIES = (
    "keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub "
    "admin fast slow blocking dangerous connection transaction scripting"
).split()
PATTERNS = ["a", "a*", "b", "b*", "k?", "[ab]", "x"]
KEYS = ["a", "ab", "b", "k1", "x", "y", "0", "1", "2"]
WORDS = (
    "allkeys resetkeys allchannels resetchannels allcommands nocommands on off nopass resetpass "
    "clearselectors reset >p <p #0 +nosuch -@nosuch foo ( ) (foo) +select|0 +get|x -get|x "
    "+config|get|x +config|nosuch ~* &* %R~* sanitize-payload"
).split()

# K stands for any key.
REQUESTS = """
GET K; SET K v; SET K v GET; MGET K K; MSET K v K v; DEL K K; COPY K K; RENAME K K; SORT K;
SORT K STORE K; SORT_RO K; EVAL s 1 K; EVAL s 3 K; EVAL_RO s 2 K K; BITFIELD K GET u8 0;
BITFIELD K SET u8 0 1; BITOP AND K K K; LPUSH K v; LPOP K; LMOVE K K LEFT RIGHT; BLPOP K K 0;
LMPOP 2 K K LEFT; BLMPOP 0 1 K LEFT; SADD K v; SMOVE K K v; SINTERSTORE K K K; SINTERCARD 2 K K;
ZADD K 1 v; ZRANGESTORE K K 0 1; ZUNIONSTORE K 2 K K; ZINTERCARD 1 K; ZCOUNT K 0 1; HSET K f v;
HGETALL K; HEXISTS K f; XADD K * f v; XREAD STREAMS K K 0 0; XREADGROUP GROUP g c STREAMS K >;
XGROUP CREATE K g 0; XINFO STREAM K; XACK K g 1; XLEN K; XDEL K 1; GEOADD K 0 0 m;
GEORADIUS K 0 0 1 m STORE K; GEORADIUS K 0 0 1 m STOREDIST K;
GEOSEARCHSTORE K K FROMMEMBER m BYRADIUS 1 m; PFADD K v; PFCOUNT K K; PFMERGE K K; EXPIRE K 1;
TTL K; TYPE K; OBJECT ENCODING K; MEMORY USAGE K; DUMP K; RESTORE K 0 v; TOUCH K; EXISTS K;
UNLINK K; GETSET K v; GETDEL K; GETEX K; INCR K; APPEND K v; STRLEN K; SETRANGE K 0 v;
GETRANGE K 0 1; LCS K K; SUBSCRIBE K; SUBSCRIBE K K; PSUBSCRIBE K; PSUBSCRIBE a*; SSUBSCRIBE K K;
PUBLISH K m; SPUBLISH K m; UNSUBSCRIBE K; PING; AUTH x; CONFIG GET x; CLIENT LIST; ACL LIST;
KEYS K; SCAN 0; FLUSHALL; WATCH K; MULTI; SWAPDB 0 1; MOVE K 1; SETBIT K 0 1; GETBIT K 0;
BITCOUNT K; BITPOS K 1; SPOP K; SRANDMEMBER K; SDIFF K K; LINSERT K BEFORE a b; LRANGE K 0 1;
RPOPLPUSH K K; BRPOPLPUSH K K 0; ZPOPMIN K; BZPOPMIN K 0; ZMPOP 1 K MIN; ZRANGE K 0 1; ZDIFF 2 K K;
ZSCORE K m; ZRANK K m; XAUTOCLAIM K g c 0 0; XCLAIM K g c 0 1; XPENDING K g; XTRIM K MAXLEN 0;
XRANGE K - +; DEBUG OBJECT K; LATENCY RESET; SCRIPT LOAD x; RANDOMKEY; SELECT 0; SELECT 1; HELLO;
RESET; QUIT; RENAMENX K K; PERSIST K; SUBSTR K 0 1; HINCRBY K f 1; HSCAN K 0; ZSCAN K 0; GET;
NOSUCH; CONFIG NOSUCH
"""
REQUESTS = [request.split() for request in REQUESTS.split(";")]


class Pair:
    """The two servers, and what they disagreed on."""

    def __init__(self, port, oracle):
        self.ours = Link(port, 2)
        self.oracle = Link(oracle, 2)
        self.compared = 0
        self.complaints = []

    def agree(self, *words):
        ours, theirs = self.ours.ask(*words), self.oracle.ask(*words)
        self.compared += 1
        if ours != theirs:
            self.complaints.append("%s\n    here   %s\n    oracle %s" % (words, ours, theirs))
        return ours == theirs


def compare_categories(pair, common):
    for category in CATEGORIES:
        ours = set(pair.ours.ask("ACL", "CAT", category)) & common
        theirs = set(pair.oracle.ask("ACL", "CAT", category)) & common
        pair.compared += 1
        if ours != theirs:
            pair.complaints.append("@%s: %s" % (category, sorted(ours ^ theirs)))


def random_rule(chance, commands):
    kind = chance.random()
    if kind < 0.25:
        return chance.choice("+-") + "@" + chance.choice(CATEGORIES + ["all"])
    if kind < 0.5:
        return chance.choice("+-") + chance.choice(commands)
    if kind < 0.75:
        return chance.choice(["~", "%R~", "%W~", "%RW~"]) + chance.choice(PATTERNS)
    if kind < 0.85:
        return "&" + chance.choice(PATTERNS)
    if kind < 0.9:
        rules = [random_rule(chance, commands) for _ in range(3)]
        return "(%s)" % " ".join(rule for rule in rules if rule[0] not in "()><#")
    return chance.choice(WORDS)


def random_request(chance):
    request = chance.choice(REQUESTS)
    return [chance.choice(KEYS) if word == "K" else word for word in request]


def line_of(link, name):
    begin = "user %s " % name
    return next(line for line in link.ask("ACL", "LIST") if line.startswith(begin))


def compare_user(pair, chance, commands):
    if not pair.agree("ACL", "SETUSER", "random", "reset", "resetchannels"):
        return
    for _ in range(chance.randint(1, 9)):
        if not pair.agree("ACL", "SETUSER", "random", random_rule(chance, commands)):
            return
    requests = [random_request(chance) for _ in range(25)]
    for request in requests:
        pair.agree("ACL", "DRYRUN", "random", *request)

    rules = line_of(pair.ours, "random").split()[2:]
    if pair.oracle.ask("ACL", "SETUSER", "random", "reset", *rules) != "OK":
        pair.complaints.append("the oracle cannot read %s" % rules)
    for request in requests:
        pair.agree("ACL", "DRYRUN", "random", *request)


def main():
    pair = Pair(int(sys.argv[1]), int(sys.argv[2]))
    users = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 30)
    chance = random.Random(seed)
    common = set(pair.ours.ask("COMMAND", "LIST")) & set(pair.oracle.ask("COMMAND", "LIST"))

    compare_categories(pair, common)
    for _ in range(users):
        compare_user(pair, chance, sorted(common))
    for complaint in pair.complaints[:20]:
        print(complaint)
    print("acl_compare: %d compared, %d differ (seed %d)"
          % (pair.compared, len(pair.complaints), seed))
    return 1 if pair.complaints else 0


if __name__ == "__main__":
    sys.exit(main())

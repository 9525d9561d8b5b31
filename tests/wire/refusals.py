#!/usr/bin/env python3
"""Asks two servers everything wrong that can be asked of each command, and compares the answers byte by byte.

    refusals.py MILLRACE [--oracle redis-server] [--protocol 3] [--only ZADD,XADD] [--show N]

What a command may be given is taken from the oracle's COMMAND DOCS. From that follow its shapes: with what must be
given alone, and with each option and each alternative once. Each shape is asked whole, cut after every word, with
words too many, with an option twice and one that there is not; with each number that is none, too large or of
another kind in place of each number; with a key of each type, and none, in place of each key. Every request finds
the same data. Replies must be the same, errors to the letter.

What may differ is in ALLOWED, with the reason. Last line: `refusals: N passed, N failed`.
"""
import argparse, collections, pathlib, re, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "differential"))
from free_port import free_port
from resp import Broken, Link, show  # noqa: E402

INTEGERS = ["notint", "", "1.5", " 1", "1 ", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
            "-9223372036854775809", "18446744073709551615", "18446744073709551616", "2147483648", "4294967296", "-1", "0", "-0", "01",
            "+1", "1e5", "0x10", "nan", "inf", "1" * 40]
DOUBLES = ["abc", "", "nan", "-nan", "inf", "-inf", "+inf", "infinity", "1e400", "-1e400", "1e-400", "1.0x", " 1", "0x1p3", "(1", "(",
           "-0", "1e308", ".", "1" * 400, "9223372036854775808", "-1", "1e18"]
IDS = ["abc", "", "1", "1-", "-1", "1-1-1", "1-x", "18446744073709551615", "18446744073709551616", "18446744073709551615-18446744073709551615",
       "18446744073709551615-18446744073709551616", "0", "0-0", "*", "$", ">", "-", "+", "(", "(1-1", "(0-0", "1-*", "5-*", " 1-1", "1.5"]
NAMES = ["a", "", "[", "(", "[a", "(a", "-", "+", "1", "(1", "((1", "nan", "(nan", "inf", "1.5", "-1", "99999999999999999999", "u0", "u64", "i64",
         "i65", "u63", "x8", "u", "i-1", "i08", "U8", "u8 "]
KEYS = ("text", "number", "list", "set", "zset", "hash", "stream", "none")
DATA = """
redis.call('FLUSHALL')
redis.call('SET', 'text', 'some text')
redis.call('SET', 'number', '9223372036854775806')
redis.call('RPUSH', 'list', 'a', 'b', 'c')
redis.call('SADD', 'set', 'a', 'b', '1')
redis.call('ZADD', 'zset', 1, 'a', 2, 'b', 3, 'c')
redis.call('HSET', 'hash', 'a', '1', 'b', 'x', 'c', '1.5')
redis.call('XADD', 'stream', '1-1', 'a', 'b')
redis.call('XADD', 'stream', '2-1', 'c', 'd')
redis.call('XGROUP', 'CREATE', 'stream', 'g', '1-1')
"""
NATURAL = {"string": "number", "bitmap": "text", "generic": "text", "list": "list", "set": "set", "sorted-set": "zset", "geo": "zset",
           "hash": "hash", "stream": "stream", "hyperloglog": "none", "scripting": "text"}
VALUES = {"numkeys": "1", "timeout": "0.01", "cursor": "0", "group": "g", "groupname": "g", "consumer": "c", "consumername": "c",
          "id": "1-1", "ID": "1-1", "id-or-$": "1-1", "start": "0", "end": "5", "stop": "2", "script": "return 1", "sha1": "f" * 40,
          "encoding": "u8", "offset": "0", "member": "a", "element": "a", "field": "a", "min": "0", "max": "10", "longitude": "13.5",
          "latitude": "38.1", "value": "7", "host": "127.0.0.1", "port": "1", "password": "x", "username": "default", "pattern": "*",
          "increment": "1", "decrement": "1", "index": "0", "pivot": "a", "min-idle-time": "0", "threshold": "10", "unix-time-seconds":
          "2000000000", "unix-time-milliseconds": "2000000000000", "serialized-value": "bad", "version": "3", "score": "1",
          "min-slaves": "0", "numreplicas": "0", "numlocal": "0", "protover": "2", "bit": "1", "destination-db": "1", "index1": "0",
          "index2": "1", "last-id": "3-1", "entries-added": "5", "max-deleted-id": "1-1", "function-code": "#!lua name=x\n"}
# What ends the connection or the server, writes files, or answers for as long as the connection lives: these are only
# asked with words too few or, where their number is fixed, too many.
DANGEROUS = {"shutdown", "debug", "monitor", "sync", "psync", "replconf", "quit", "failover", "replicaof", "slaveof", "save", "bgsave",
             "bgrewriteaof", "client|kill", "client|pause", "client|reply", "client|no-evict", "restore-asking", "pfselftest", "asking",
             "readonly", "readwrite", "subscribe", "psubscribe", "ssubscribe", "reset"}
UNASKED = {"debug", "quit", "unsubscribe", "punsubscribe", "sunsubscribe"}
# Of these only what they refuse is compared: what they change is the server, or what they answer is long and about it.
ONLY_CUT = {"config|set", "config|rewrite", "config|resetstat", "acl|setuser", "acl|deluser", "acl|save", "acl|load", "module|load",
            "module|loadex", "migrate", "function|restore", "swapdb", "hello", "auth", "client|tracking", "lolwut"}
BLOCKING = {"blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop", "xread", "xreadgroup", "wait"}
# What these answer differs between any two servers, by chance or in length; those below, in order.
VARYING = {"xadd", "client", "latency", "slowlog", "memory", "lolwut", "hello", "acl", "time", "randomkey", "pubsub", "command", "info",
           "config", "object", "function", "module", "xinfo", "dump", "scan", "sscan", "spop", "srandmember", "zrandmember", "hrandfield",
           "cluster", "script", "xgroup", "role", "lastsave"}
UNORDERED = {"sunion", "sdiff", "sinter", "keys", "smembers"}
# A pattern over a request's words, joined by blanks: why its answers may differ.
ALLOWED = [
    (r"^x.* {2}1-1", "the oracle takes a blank in front of an ID; here an ID is digits"),
    (r"^xread .* \+( |$)", "XREAD + is the last entry, as in newer versions"),
    (r"^xread(group)? .*block 9223372036854775807", "a wait that ends past all time is refused, as in newer versions"),
    (r"^wait \w+ 9223372036854775807", "the same of WAIT"),
    (r"^xgroup (create|setid) \w+ \w+ [-+]", "- and + are the ends of all IDs, as in newer versions"),
    (r"^(zrank|zrevrank) \w+ \w+ extra", "newer versions take WITHSCORE here"),
    (r"^xreadgroup .* 18446744073709551615-18446744073709551615", "the greatest ID is an ID; the oracle takes it for >"),
    (r"^lpos .* rank -9223372036854775808", "no element is that far from the end; the oracle finds one by overflow"),
    (r"^script debug", "the oracle asks whether more requests have come, and here they have"),
]
# Sentences that begin so mean the same: newer versions name the command and say what else may stand there.
SENTENCES = (b"ERR Unbalanced",)


class Word(str):
    """A word of a request and what it is: a key, a number, a name."""

    def __new__(cls, text, kind="token"):
        word = str.__new__(cls, text)
        word.kind = kind
        return word


class Server:
    def __init__(self, words, protocol):
        self.protocol = protocol
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="refusals")
        self.process = subprocess.Popen([*words, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(1200):
            try:
                self.connect()
                break
            except OSError:
                time.sleep(0.05)

    def connect(self):
        self.link = Link(self.port, timeout=10)

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- What a command may be given ----

def as_map(reply):
    """What COMMAND DOCS says, as dictionaries."""
    kind, value = reply
    if kind != b"*":
        return value.decode() if isinstance(value, bytes) else value
    if value and len(value) % 2 == 0 and all(part[0] == b"$" for part in value[::2]):
        names = [part[1].decode() for part in value[::2]]
        if not all(re.fullmatch(r"[a-z_0-9|-]+", name) for name in names) or len(set(names)) < len(names):
            return [as_map(part) for part in value]
        return {name: as_map(part) for name, part in zip(names, value[1::2])}
    return [as_map(part) for part in value]


def leaf(arg, natural):
    kind, name = arg["type"], arg["name"]
    if kind == "key":
        return Word(natural, "key")
    if kind == "double":
        return Word(VALUES.get(name, "1.5"), "double")
    if kind in ("integer", "unix-time"):
        return Word(VALUES.get(name, "1"), "integer")
    if natural == "stream" and name in ("id", "ID", "id-or-$", "start", "end", "last-id", "max-deleted-id", "threshold", "lastid",
                                        "group-last-id", "entries-read"):
        return Word(VALUES.get(name, "1-1"), "id")
    if natural == "zset" and name in ("min", "max", "start", "stop"):
        return Word(VALUES[name], "name")
    if name == "encoding":
        return Word("u8", "name")
    return Word(VALUES.get(name, name), "string")


def variants(arg, natural):
    """What an argument may look like: the least first, then each option and alternative once."""
    token = [Word(arg["token"])] if arg.get("token", None) is not None and arg["token"] != "" else []
    if arg["type"] == "pure-token":
        return [token or [Word(arg["name"])]]
    if arg["type"] == "oneof":
        found = [variant for part in arg["arguments"] for variant in variants(part, natural)]
    elif arg["type"] == "block":
        found = in_a_row(arg["arguments"], natural)
    else:
        found = [[leaf(arg, natural)]]
    found = [token + variant for variant in found]
    if "multiple" in arg.get("flags", []):
        found.append(found[0] + (found[0] if "multiple_token" in arg["flags"] or not token else found[0][1:]))
    return found


def in_a_row(arguments, natural):
    optional = ["optional" in arg.get("flags", []) for arg in arguments]
    each = [variants(arg, natural) for arg in arguments]
    least = [[] if may else found[0] for may, found in zip(optional, each)]
    rows = [least]
    for i, found in enumerate(each):
        for variant in found if optional[i] else found[1:]:
            rows.append(least[:i] + [variant] + least[i + 1:])
    return [[word for part in row for word in part] for row in rows]


def commands(docs, prefix=()):
    """(name, leading words, group, arguments) of each command and subcommand."""
    for name, doc in docs.items():
        words = [*prefix, Word(name.split("|")[-1])]
        if doc.get("subcommands"):
            yield name, words, doc["group"], None
            yield from commands(doc["subcommands"], words)
        else:
            yield name, words, doc["group"], doc.get("arguments", [])


# ---- What is asked ----

def of_numbers(shape):
    for i, word in enumerate(shape):
        values = {"integer": INTEGERS, "double": DOUBLES, "id": IDS, "name": NAMES}.get(word.kind)
        for value in values or ():
            yield shape[:i] + [Word(value, word.kind)] + shape[i + 1:]


def of_keys(shape):
    for i, word in enumerate(shape):
        if word.kind == "key":
            for key in KEYS:
                yield shape[:i] + [Word(key, "key")] + shape[i + 1:]


def with_keys(shape, key):
    return [Word(key, "key") if word.kind == "key" else word for word in shape]


def of_options(shape, lead, least):
    """An option twice, one that there is not, and the words of the shape twice."""
    extra = [word for word in shape if word.kind == "token"][lead:]
    for token in extra:
        i = shape.index(token)
        yield shape[:i] + [Word("NOSUCH")] + shape[i + 1:]
        yield shape[:i] + [Word(token.lower())] + shape[i + 1:]
        yield shape[:i] + shape[i + 1:]
    if len(shape) > len(least):
        yield shape + shape[len(least):]
        for cut in range(1, len(shape) - len(least)):
            yield shape + shape[len(least):len(least) + cut]


def of_pairs(shapes, least):
    """Two options together that each shape has one of."""
    tails = [shape[len(least):] for shape in shapes if shape[:len(least)] == least and len(shape) > len(least)]
    for a in tails:
        for b in tails:
            if a is not b and len(tails) < 24:
                yield least + a + b


def requests(name, lead, group, arguments, arity):
    natural = NATURAL.get(group, "text")
    if arguments is None:
        yield lead
        yield lead + [Word("nosuch")]
        yield lead + [Word("nosuch"), Word("a"), Word("b")]
        return
    shapes = [lead + row for row in in_a_row(arguments, natural)]
    least = shapes[0]
    if name in DANGEROUS:
        for count in range(len(lead), abs(arity)):
            yield least[:count]
        for more in range(1, 4) if arity > 0 else ():
            yield (least + [Word("extra")] * (arity + more))[:arity + more]
        return
    for shape in shapes:
        for cut in range(len(lead), len(shape)):
            yield shape[:cut]
    if name in ONLY_CUT:
        return
    for shape in shapes:
        yield shape
        yield shape + [Word("extra")]
        yield shape + [Word("extra"), Word("1")]
        for key in (natural, "none", "list" if natural != "list" else "text"):
            keyed = with_keys(shape, key)
            yield keyed
            yield from of_numbers(keyed)
            yield from of_options(keyed, len(lead), with_keys(least, key))
        yield from of_keys(shape)
    yield from of_pairs(shapes, least)


# ---- Asking ----

def ask(server, batch, blocking):
    words, replies = [], []
    for request in batch:
        words += [["RESET"], ["HELLO", server.protocol], ["EVAL", DATA, "0"]]
        words += [["MULTI"], request, ["EXEC"]] if blocking else [request]
    server.link.send(words)
    for _ in batch:
        ready = [server.link.hear() for _ in range(3)]
        if ready[0] != (b"+", b"RESET") or ready[2] not in ((b"$", None), (b"_", b"")):
            sys.exit(f"the data cannot be made: {ready}")
        replies.append([server.link.hear() for _ in range(3 if blocking else 1)])
    return replies


def same(a, b, unordered):
    """Whether two replies are the same; an error also if it means the same in other words."""
    if a[0] != b[0]:
        return False
    if a[0] == b"-":
        return a == b or (a[1].startswith(SENTENCES) and b[1].startswith(SENTENCES))
    if not isinstance(a[1], list) or not isinstance(b[1], list):
        return a == b
    if unordered:
        return len(a[1]) == len(b[1]) and sorted(map(repr, a[1])) == sorted(map(repr, b[1]))
    return len(a[1]) == len(b[1]) and all(same(x, y, False) for x, y in zip(a[1], b[1]))


def agree(name, ours, theirs):
    if b"-" not in (ours[-1][0], theirs[-1][0]) and name.split("|")[0] in VARYING:
        return True
    return all(same(a, b, name in UNORDERED) for a, b in zip(ours, theirs))


def allowed(request, counts):
    line = " ".join(request)
    reason = next((reason for pattern, reason in ALLOWED if re.search(pattern, line, re.I)), None)
    counts[reason] += 1
    return reason is not None


def compare(servers, name, wanted, problems, counts):
    blocking = name in BLOCKING
    for first in range(0, len(wanted), 100):
        batch = wanted[first:first + 100]
        try:
            answers = [ask(server, batch, blocking) for server in servers]
        except (Broken, OSError) as problem:
            problems.append((batch[0], f"the connection broke among {len(batch)} requests: {problem}", ""))
            for server in servers:
                server.connect()
            continue
        for request, ours, theirs in zip(batch, *answers):
            counts["asked"] += 1
            counts["refused"] += theirs[-1][0] == b"-" or (blocking and theirs[1][0] == b"-")
            if not agree(name, ours, theirs) and not allowed(request, counts):
                problems.append((request, " ".join(map(show, ours)), " ".join(map(show, theirs))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--oracle", default="redis-server")
    parser.add_argument("--only")
    parser.add_argument("--protocol", default="2", choices="23", help="RESP2 or RESP3")
    parser.add_argument("--show", type=int, default=60)
    args = parser.parse_args()
    servers = [Server([words], args.protocol) for words in (args.millrace, args.oracle)]
    problems, counts, began = [], collections.Counter(), time.time()
    try:
        docs = as_map(servers[1].link.ask("COMMAND", "DOCS"))
        for name, lead, group, arguments in sorted(commands(docs), key=lambda row: row[0]):
            if name.split("|")[0] in UNASKED or (args.only and name.upper() not in args.only.upper().split(",")):
                continue
            arity = int(servers[1].link.ask("COMMAND", "INFO", name)[1][0][1][1][1])
            wanted = list({tuple(request): request for request in requests(name, lead, group, arguments, arity)}.values())
            counts["commands"] += 1
            compare(servers, name, wanted, problems, counts)
    finally:
        for server in servers:
            server.end()
    for request, ours, theirs in problems[:args.show]:
        print(" ".join(repr(str(word))[1:-1] or "''" for word in request)[:160], "\n    here:  ", ours[:300], "\n    oracle:", theirs[:300])
    for _, reason in ALLOWED:
        print(f"{counts[reason]:6} may differ: {reason}")
    print(f"{counts['commands']} commands, {counts['asked']} requests, {counts['refused']} of them refused by the oracle, "
          f"{time.time() - began:.0f} s")
    print(f"refusals: {counts['asked'] - len(problems)} passed, {len(problems)} failed")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

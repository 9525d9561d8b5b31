#!/usr/bin/env python3
"""RESTORE of mutated payloads whose checksum was made right again: refused, or a value that is whole.

    restore.py MILLRACE [--mutations N] [--seed N] [--seeds FOLDER] [--stall MS]

Values of every type and encoding are made and dumped, those that older versions wrote are taken from the
fuzzer's seeds, and libraries of functions are dumped too. Each mutation changes a few bytes of one of them,
or cuts, doubles or joins parts. What is taken is read in every way, dumped and restored again to an equal
value, written to, and removed. No request may end the server or keep it longer than a bound. A busy machine
makes others wait too, so what took long is done again, and what counts is its shortest time or, if that is less,
the server's time on a processor. Memory is what the kernel saw at most.
Runs 4,000 mutations, 200,000 with LONG=1 in the environment.
"""
import argparse, collections, os, pathlib, random, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "differential"))
from free_port import free_port
from resp import Broken, Link  # noqa: E402

POLYNOMIAL = 0x95AC9329AC4BC9B5  # CRC64 as Redis takes it: Jones, reflected
LIMITS = ("list-max-listpack-size", "list-compress-depth", "hash-max-listpack-entries", "set-max-intset-entries",
          "set-max-listpack-entries", "zset-max-listpack-entries", "stream-node-max-entries", "hll-sparse-max-bytes")


def crc_table():
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
        yield crc


TABLE = tuple(crc_table())


def sealed(body):
    """A payload with the version and the checksum that it should have."""
    body = body + b"\x0a\x00"
    crc = 0
    for byte in body:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return body + crc.to_bytes(8, "little")


class Server:
    def __init__(self, binary):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="restore")
        self.errors = open(f"{self.folder}/stderr", "wb")
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.folder,
             "--enable-debug-command", "yes"],
            stdout=self.errors, stderr=self.errors)
        for _ in range(1200):
            try:
                self.link = Link(self.port, timeout=120)
                break
            except OSError:
                time.sleep(0.05)
        self.say(b"CONFIG", b"SET", b"save", b"")

    def say(self, *words):
        return self.link.ask(*words)

    def peak(self, name="VmHWM"):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(name)) / 1024

    def cpu(self):
        """Seconds of all its threads."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as stat:
                total += int(stat.read().split()[0])
        return total / 1e9

    def end(self):
        """Its status, and what it said if it was not content: a leak is told at the end."""
        self.process.terminate()
        status = self.process.wait()
        said = open(f"{self.folder}/stderr", errors="replace").read()
        shutil.rmtree(self.folder, ignore_errors=True)
        return status, said if status not in (0, -15) else ""


def fill(server):
    """Dumps values of all forms; returns what to mutate, by name."""
    say = server.say
    usual = {name: say(b"CONFIG", b"GET", name.encode())[1][1][1] for name in LIMITS}
    bodies = {}

    def limits(**changed):
        for name in LIMITS:
            say(b"CONFIG", b"SET", name, str(changed.get(name.replace("-", "_"), usual[name].decode())))

    def keep(name, *requests):
        say("DEL", "k")
        for request in requests:
            reply = say(*request)
            if reply[0] == b"-":
                sys.exit(f"{name}: {request[:4]}: {reply}")
        bodies[name] = say("DUMP", "k")[1][:-10]

    def hash_of(count, size=1):
        return ["HSET", "k"] + [word for i in range(count) for word in (f"field{i}", str(i * 1001) if i % 3 else "v" * size + str(i))]

    def zset_of(count):
        return ["ZADD", "k"] + [word for i in range(count) for word in (repr(i * 7919 % 1009 / (1 + i % 4)), f"member{i}")]

    stream = [["XADD", "k", f"{i}-{i % 3 + 1}", "user", f"u{i}", "kind", "view" if i % 5 else "a longer word"] for i in range(1, 60)]
    groups = [["XGROUP", "CREATE", "k", "g", "0"], ["XGROUP", "CREATE", "k", "h", "30-1", "ENTRIESREAD", "3"],
              ["XGROUP", "CREATECONSUMER", "k", "g", "idle"], ["XREADGROUP", "GROUP", "g", "alice", "COUNT", "7", "STREAMS", "k", ">"],
              ["XREADGROUP", "GROUP", "g", "bob", "COUNT", "5", "STREAMS", "k", ">"], ["XACK", "k", "g", "2-3"],
              ["XREADGROUP", "GROUP", "h", "carol", "COUNT", "3", "STREAMS", "k", ">"], ["XDEL", "k", "5-3", "20-3"]]
    limits()
    keep("string int8", ["SET", "k", "12"])
    keep("string int32", ["SET", "k", "-123456789"])
    keep("string int64", ["SET", "k", "1234567890123456789"])
    keep("string raw", ["SET", "k", "some text of no great length"])
    keep("string lzf", ["SET", "k", "abcabc" * 100])
    keep("string long", ["SET", "k", bytes(random.Random(1).randrange(256) for _ in range(20000))])
    keep("hyperlog sparse", ["PFADD", "k"] + [str(i) for i in range(100)])
    limits(hll_sparse_max_bytes=0)
    keep("hyperlog dense", ["PFADD", "k"] + [str(i) for i in range(500)])
    limits()
    elements = [str(i * 77777) if i % 2 else "element %d" % i for i in range(60)]
    keep("list packed", ["RPUSH", "k"] + elements[:20])
    limits(list_max_listpack_size=5)
    keep("quicklist", ["RPUSH", "k"] + elements, ["RPUSH", "k", "x" * 9000])
    limits(list_max_listpack_size=8, list_compress_depth=1)
    keep("list compressed", ["RPUSH", "k"] + ["the same text again and again %d" % i for i in range(60)])
    limits(list_max_listpack_size=-1)
    keep("list long", ["RPUSH", "k"] + ["element %d" % i for i in range(2000)])
    limits()
    keep("hash packed", hash_of(8))
    keep("hash table", hash_of(12, 100))
    keep("hash table long", hash_of(1500))
    keep("hash with dues", hash_of(8), ["HPEXPIREAT", "k", "60000000000000", "FIELDS", "2", "field1", "field4"],
         ["HEXPIRE", "k", "100000", "FIELDS", "1", "field2"])
    keep("hash table with dues", hash_of(10, 100), ["HEXPIRE", "k", "100000", "FIELDS", "3", "field1", "field2", "field3"])
    keep("set ints 16", ["SADD", "k"] + [str(i * 11 - 40) for i in range(20)])
    keep("set ints 64", ["SADD", "k"] + [str((i - 9) * 10**15) for i in range(20)])
    keep("set packed", ["SADD", "k", "a", "b", "17", "", "a longer member"])
    keep("set table", ["SADD", "k", "m" * 100, "1", "two", "3"])
    keep("set table long", ["SADD", "k"] + [f"member{i}" for i in range(2000)])
    keep("zset packed", zset_of(10))
    keep("zset table", zset_of(10), ["ZADD", "k", "inf", "m" * 100, "-inf", "n"])
    keep("zset table long", zset_of(1500))
    keep("geo", ["GEOADD", "k", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania"])
    limits(hash_max_listpack_entries=5000, zset_max_listpack_entries=5000, set_max_listpack_entries=5000, set_max_intset_entries=5000)
    keep("hash packed long", hash_of(1000))
    keep("zset packed long", zset_of(1000))
    keep("set packed long", ["SADD", "k"] + [f"member{i}" for i in range(1500)])
    keep("set ints long", ["SADD", "k"] + [str(i * 3) for i in range(4000)])
    limits()
    keep("stream", *stream)
    keep("stream with groups", *stream, *groups)
    limits(stream_node_max_entries=4)
    keep("stream of many nodes", *stream, *groups)
    keep("stream long", *[["XADD", "k", "*", "f", str(i)] for i in range(700)], ["XGROUP", "CREATE", "k", "g", "0"],
         ["XREADGROUP", "GROUP", "g", "c", "COUNT", "400", "STREAMS", "k", ">"])
    keep("stream empty", stream[0], ["XTRIM", "k", "MAXLEN", "0"])
    limits()
    say("DEL", "k")
    library = "#!lua name=%s\nredis.register_function('%s_f', function(keys, args) return args[1] end)\n" + \
        "redis.register_function{function_name='%s_g', callback=function() return 1 end, flags={'no-writes'}}"
    for name in ("one", "two"):
        say("FUNCTION", "LOAD", library % (name, name, name))
    bodies["functions"] = say("FUNCTION", "DUMP")[1][:-10]
    say("FUNCTION", "FLUSH")
    return bodies


def old_encodings(folder):
    """What other versions wrote: seeds of the fuzzer whose first byte says that they are one value."""
    seeds = sorted(pathlib.Path(folder).iterdir())
    return {"seed " + seed.name: seed.read_bytes()[1:] for seed in seeds if seed.read_bytes()[0] % 2 == 0}


def mutate(chance, bodies, names):
    name = chance.choice(names)
    body = bytearray(bodies[name])
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(body) + 1)
        size = chance.choice((1, 1, 2, 4, 8, chance.randrange(40)))
        how = chance.randrange(11)
        if how == 0:
            body[at:at + size] = b""
        elif how == 1:
            body[at:at] = bytes(chance.randrange(256) for _ in range(size))
        elif how == 2:
            body[at:at] = body[at:at + size]
        elif how == 3:
            body[at:at + 4] = chance.choice((b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\x00\x00\x00\x00"))
        elif how == 4:
            body[at:at] = chance.choice((b"\x80\xff\xff\xff\xff", b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff", b"\xc3\x05\x44\x00", b"\x7f\xff"))
        elif how == 5 and chance.random() < 0.2:
            other = bodies[chance.choice(names)]
            start = chance.randrange(len(other))
            body[at:at + size] = other[start:start + chance.randrange(200)]
        elif how == 6 and chance.random() < 0.3:
            body[0:1] = bytes([chance.randrange(32)])
        elif body:
            at = min(at, len(body) - 1)
            body[at] = chance.choice((body[at] ^ 1 << chance.randrange(8), chance.randrange(256), body[at] + 1 & 255, body[at] - 1 & 255,
                                      0, 1, 0x7F, 0x80, 0xFE, 0xFF, 0xC0, 0xC3, 0xF0))
    return name, bytes(body)


READS = {
    b"string": (("GET", "k"), ("STRLEN", "k"), ("GETRANGE", "k", "3", "-2"), ("BITCOUNT", "k"), ("PFCOUNT", "k")),
    b"list": (("LRANGE", "k", "0", "-1"), ("LLEN", "k"), ("LINDEX", "k", "-2"), ("LPOS", "k", "x"), ("LRANGE", "k", "-5", "-1")),
    b"hash": (("HGETALL", "k"), ("HLEN", "k"), ("HSCAN", "k", "0", "COUNT", "1000"), ("HRANDFIELD", "k", "5", "WITHVALUES"),
              ("HPTTL", "k", "FIELDS", "1", "field1"), ("HGET", "k", "field3")),
    b"set": (("SMEMBERS", "k"), ("SCARD", "k"), ("SSCAN", "k", "0", "COUNT", "1000"), ("SRANDMEMBER", "k", "5"), ("SINTER", "k", "k"),
             ("SISMEMBER", "k", "17")),
    b"zset": (("ZRANGE", "k", "0", "-1", "WITHSCORES"), ("ZREVRANGE", "k", "0", "-1"), ("ZCOUNT", "k", "-inf", "+inf"),
              ("ZRANGEBYLEX", "k", "-", "+"), ("ZRANK", "k", "member3"), ("ZSCAN", "k", "0", "COUNT", "1000")),
    b"stream": (("XRANGE", "k", "-", "+"), ("XREVRANGE", "k", "+", "-"), ("XLEN", "k"), ("XINFO", "STREAM", "k", "FULL", "COUNT", "0"),
                ("XINFO", "GROUPS", "k"), ("XPENDING", "k", "g"), ("XPENDING", "k", "g", "-", "+", "1000"), ("XINFO", "CONSUMERS", "k", "g")),
}
WRITES = {
    b"string": (("APPEND", "k", "more"), ("SETRANGE", "k", "5", "x"), ("PFADD", "k", "element")),
    b"list": (("LPUSH", "k", "new"), ("LSET", "k", "1", "other"), ("LREM", "k", "1", "x"), ("RPOP", "k"), ("LTRIM", "k", "1", "-2")),
    b"hash": (("HSET", "k", "field3", "x" * 80), ("HDEL", "k", "field1"), ("HEXPIRE", "k", "100", "FIELDS", "1", "field3")),
    b"set": (("SADD", "k", "new", "18"), ("SREM", "k", "17"), ("SPOP", "k", "2")),
    b"zset": (("ZADD", "k", "3", "new"), ("ZINCRBY", "k", "2", "member3"), ("ZPOPMIN", "k", "2"), ("ZREMRANGEBYRANK", "k", "1", "2")),
    b"stream": (("XADD", "k", "*", "f", "v"), ("XREADGROUP", "GROUP", "g", "alice", "COUNT", "3", "STREAMS", "k", ">"),
                ("XAUTOCLAIM", "k", "g", "bob", "0", "0"), ("XTRIM", "k", "MAXLEN", "5"), ("XACK", "k", "g", "1-2"),
                ("XGROUP", "DESTROY", "k", "h")),
}


class Run:
    def __init__(self, server):
        self.server, self.counts = server, collections.Counter()
        self.worst, self.slowest, self.waited = 0, "", 0
        self.trouble = []

    def batch(self, requests):
        began = time.time()
        self.server.link.send(requests)
        replies = [self.server.link.hear() for _ in requests]
        self.waited = max(self.waited, time.time() - began)
        return replies

    def timed(self, name, body):
        """Tries one, and again what took long."""
        self.waited = 0
        self.one(name, body)
        shortest, counts = self.waited, collections.Counter(self.counts)
        for _ in range(3 if shortest > 0.01 else 0):
            before = self.server.cpu()
            self.waited = 0
            self.one(name, body)
            shortest = min(shortest, self.waited, self.server.cpu() - before)
        self.counts = counts
        if shortest > self.worst:
            self.worst, self.slowest = shortest, name

    def look(self, name):
        """All that can be read of k, its dump restored as another, then written to."""
        kind = self.batch([("TYPE", "k")])[0][1]
        if kind == b"none":
            self.counts["gone at once"] += 1
            return
        self.counts["taken"] += 1
        self.counts[f"taken as {kind.decode()}"] += 1
        replies = self.batch([*READS[kind], ("OBJECT", "ENCODING", "k"), ("MEMORY", "USAGE", "k", "SAMPLES", "0"), ("DUMP", "k")])
        again = self.batch([("RESTORE", "k2", "0", replies[-1][1] or b"", "REPLACE"), ("DEBUG", "DIGEST-VALUE", "k", "k2")])
        if "dues" not in name and kind != b"hash":
            if again[0] != (b"+", b"OK"):
                self.trouble.append(f"{name}: its own dump is refused: {again[0]}")
            elif again[1][1][0] != again[1][1][1]:
                self.trouble.append(f"{name}: restored from its dump it differs")
        self.batch(list(WRITES[kind]) + list(READS[kind]))

    def functions(self, payload):
        reply = self.batch([("FUNCTION", "RESTORE", payload, "FLUSH")])[0]
        if reply[0] == b"-":
            self.counts["refused"] += 1
            return
        self.counts["taken"] += 1
        self.counts["taken as functions"] += 1
        self.batch([("FUNCTION", "LIST", "WITHCODE"), ("FUNCTION", "DUMP"), ("FCALL", "one_f", "0", "x"), ("FUNCTION", "FLUSH")])

    def one(self, name, body):
        payload = sealed(body)
        if name == "functions":
            self.functions(payload)
            return
        reply = self.batch([("RESTORE", "k", "0", payload, "REPLACE")])[0]
        if reply[0] == b"-":
            self.counts["refused"] += 1
            return
        self.look(name)
        self.batch([("DEL", "k", "k2")])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("millrace")
    parser.add_argument("--mutations", type=int, default=200000 if os.environ.get("LONG") == "1" else 4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", default=str(here.parent / "fuzz/seeds/rdb"))
    parser.add_argument("--stall", type=float, default=100, help="milliseconds")
    args = parser.parse_args()
    server = Server(args.millrace)
    bodies = fill(server)
    bodies.update(old_encodings(args.seeds))
    # Long payloads take a while to seal here; there are fewer of them.
    names = [name for name, body in bodies.items() for _ in range(1 if len(body) > 8000 else 4 if len(body) > 2000 else 12)]
    chance, run = random.Random(args.seed), Run(server)
    for name, body in bodies.items():
        run.one(name, body)
    whole, run.counts = run.counts["taken"], collections.Counter()
    before, began, name, body = server.peak(), time.time(), "", b""
    try:
        for i in range(args.mutations):
            name, body = mutate(chance, bodies, names)
            run.timed(name, body)
            if i % 500 == 499 and server.say("DBSIZE") != (b":", b"0"):
                run.trouble.append(f"after {i + 1} mutations keys are left")
    except (Broken, OSError) as problem:
        run.trouble.append(f"the server went away ({problem}) at a mutated {name}: {body!r}")
    peak, now = (server.peak(), server.peak("VmRSS")) if server.process.poll() is None else (0, 0)
    status, said = server.end()
    if said:
        run.trouble.append(f"it ended with {status}: {said[-3000:]}")
    if run.worst * 1000 > args.stall:
        run.trouble.append(f"a mutated {run.slowest} took {run.worst * 1000:.1f} ms")
    counts = run.counts
    print(f"{whole} payloads, {args.mutations} mutations in {time.time() - began:.0f} s: {counts['refused']} refused, {counts['taken']} taken "
          f"({', '.join(f'{kind[9:]} {count}' for kind, count in sorted(counts.items()) if kind.startswith('taken as'))})")
    print(f"longest {run.worst * 1000:.1f} ms, of all the server was asked at once about a mutated {run.slowest}; "
          f"memory {before:.1f} MB before, {peak:.1f} MB at most, {now:.1f} MB at the end")
    for line in run.trouble[:20]:
        print("   ", line)
    print(f"restore: {args.mutations - len(run.trouble)} passed, {len(run.trouble)} failed")
    sys.exit(bool(run.trouble))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compares the memory of Millrace with that of redis-server: bytes of RSS for each thing kept.

    memory.py MILLRACE [--redis redis-server] [--keys N] [--entries N] [--connections N] [--scale S]
              [--only key,ttl] [--shapes]

--shapes measures many sizes of strings and of small collections instead, and prints those first that
come off worst; half an hour. --scale multiplies the number of things of every measure (0.1: a tenth). Every figure has a fresh
server of its own, on loopback, persistence off: RSS (/proc/PID/status) after filling less RSS
before, divided by how many things were put in. RSS is read when it has stood still for a second,
so that buffers that were only needed for filling have had time to go back. A pending entry is
measured as what reading a stream adds to that stream.
"""
import argparse, os, resource, shutil, socket, subprocess, sys, tempfile, time

BATCH = 1000


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, binary):
        self.port, self.folder = free_port(), tempfile.mkdtemp(prefix="memory")
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--maxclients", "20000", "--dir", self.folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.socket = self.connect()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{binary} does not answer")

    def connect(self):
        link = socket.create_connection(("127.0.0.1", self.port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link

    def rss(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    def settled(self, still=1, patience=30):
        """RSS once it has hardly changed for so many seconds."""
        last, since, end = self.rss(), time.time(), time.time() + patience
        while time.time() - since < still and time.time() < end:
            time.sleep(0.1)
            now = self.rss()
            if abs(now - last) > 4096 + last // 2000:
                last, since = now, time.time()
        return self.rss()

    def say(self, words, link=None):
        """One command, its whole reply read up to a PING's behind it."""
        link = link or self.socket
        link.sendall(command(*words) + command(b"ECHO", b"all said"))
        return self.hear(b"$8\r\nall said\r\n", link)

    def hear(self, end, link):
        got = b""
        while not got.endswith(end):
            more = link.recv(1 << 18)
            if not more:
                sys.exit("the server went away")
            got = (got + more)[-65536:]
        if got.startswith(b"-") or b"\r\n-" in got:
            sys.exit("refused: " + got[:200].decode(errors="replace"))
        return got

    def fill(self, count, make):
        """count commands in batches; make(i) gives the words of the i-th."""
        for first in range(0, count, BATCH):
            batch = b"".join(command(*make(i)) for i in range(first, min(first + BATCH, count)))
            self.socket.sendall(batch + command(b"ECHO", b"all said"))
            self.hear(b"$8\r\nall said\r\n", self.socket)

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def name(i):
    return b"key:%012d" % i


def value(i):
    return b"%032d" % (i * 2654435761 % 10**12) if i % 2 else b"value %026d" % i


def entry(i):
    return (b"XADD", b"stream", b"*", b"user", b"%d" % (100000 + i % 899999), b"kind", b"view",
            b"page", b"%d" % (i * 7919 % 10000))


def filled(server, commands, words, things=None, still=2):
    """What each of so many things takes that so many commands put in."""
    server.say((b"PING",))
    before = server.settled()
    server.fill(commands, words)
    return (server.settled(still=still, patience=60) - before) / (things or commands)


def keys(server, args, words):
    return filled(server, args.keys, words)


def scaled(count):
    """A measure of `count` commands, each of which puts in one thing. Arrays that tables have
    outgrown are given back to the kernel after some seconds, which are waited for."""
    return lambda words: lambda server, args: filled(server, int(count * args.scale), words, still=12)


def large(add):
    """A collection of two million elements, put in twenty at a time; add(i) gives the words of one."""
    def run(server, args):
        count = int(2000000 * args.scale) // 20 * 20
        head = add(0)[0]
        return filled(server, count // 20,
                      lambda i: (head, b"large", *(word for at in range(20) for word in add(scattered(i * 20 + at))[1])),
                      count)
    return run


def scattered(i):
    """The i-th of eight-digit numbers in no order that a tree could like."""
    return i * 48271017 % 99999989


def text(i):
    return b"member:%08d" % i


def small_hash(i):
    return (b"HSET", b"user:%08d" % i, b"name", b"User Number %d" % i, b"email", b"user%d@example.com" % i,
            b"visits", b"%d" % (i % 1000), b"seen", b"%d" % (1700000000 + i), b"country", b"de")


def small_set(member):
    return lambda i: (b"SADD", b"set:%08d" % i, *(member(scattered(i * 50 + at)) for at in range(50)))


def small_zset(i):
    return (b"ZADD", b"zset:%08d" % i, *(word for at in range(50) for word in
                                        (b"%d" % (scattered(i * 50 + at) % 10000), text(scattered(i * 50 + at)))))


def stream(server, args):
    before = server.settled()
    server.fill(args.entries, entry)
    return (server.settled() - before) / args.entries


def pending(server, args):
    server.fill(args.entries, entry)
    server.say((b"XGROUP", b"CREATE", b"stream", b"group", b"0"))
    before = server.settled()
    for i in range(args.entries // 100):
        server.say((b"XREADGROUP", b"GROUP", b"group", b"worker%d" % (i % 8), b"COUNT", b"100",
                    b"STREAMS", b"stream", b">"))
    return (server.settled() - before) / (args.entries // 100 * 100)


def connections(server, args):
    server.say((b"PING",))
    before, links = server.settled(), []
    for _ in range(args.connections):
        links.append(server.connect())
        server.say((b"PING",), links[-1])
    # Servers take buffers back from idle connections step by step, and their allocator gives the
    # pages back only after some more seconds.
    return (server.settled(still=12, patience=60) - before) / args.connections


def subscriptions(server, args):
    links = [server.connect() for _ in range(50)]
    for link in links:
        server.say((b"PING",), link)
    before, each = server.settled(), args.subscriptions // len(links)
    for number, link in enumerate(links):
        for first in range(0, each, 100):
            names = [b"channel:%03d:%06d" % (number, i) for i in range(first, first + 100)]
            link.sendall(command(b"SUBSCRIBE", *names))
            server.hear(names[-1] + b"\r\n:%d\r\n" % (first + 100), link)
    return (server.settled() - before) / (each * len(links))


def fan(server, args):
    links = [server.connect() for _ in range(50)]
    for link in links:
        server.say((b"PING",), link)
    before = server.settled()
    for link in links:
        for first in range(0, 2000, 100):
            names = [b"channel:%06d" % i for i in range(first, first + 100)]
            link.sendall(command(b"SUBSCRIBE", *names))
            server.hear(names[-1] + b"\r\n:%d\r\n" % (first + 100), link)
    return (server.settled() - before) / (2000 * len(links))


MEASURES = {
    "key": ("key of 16, value of 32", lambda s, a: keys(s, a, lambda i: (b"SET", name(i), value(i)))),
    "ttl": ("the same with a TTL", lambda s, a: keys(s, a, lambda i: (b"SET", name(i), value(i), b"EX",
                                                                   b"%d" % (100000 + i % 5000)))),
    "integer": ("key of 16, integer", lambda s, a: keys(s, a, lambda i: (b"SET", name(i), b"%d" % (i * 7 + 20000)))),
    "small": ("5 million small strings", scaled(5000000)(lambda i: (b"SET", name(i), b"value %d" % (i % 1000)))),
    "hash": ("1 million hashes of 5 fields", scaled(1000000)(small_hash)),
    "intset": ("100,000 sets of 50 integers", scaled(100000)(small_set(lambda i: b"%d" % i))),
    "set": ("100,000 sets of 50 strings", scaled(100000)(small_set(text))),
    "zset": ("100,000 sorted sets of 50", scaled(100000)(small_zset)),
    "large_zset": ("member, sorted set of 2 million", large(lambda i: (b"ZADD", (b"%d" % (i * 7919 % 10000019), text(i))))),
    "large_hash": ("field, hash of 2 million", large(lambda i: (b"HSET", (b"field:%09d" % i, b"value:%09d" % i)))),
    "large_set": ("member, set of 2 million", large(lambda i: (b"SADD", (text(i),)))),
    "entry": ("stream entry, 3 fields", stream),
    "pending": ("pending entry", pending),
    "connection": ("idle connection", connections),
    "subscription": ("subscription, own channel", subscriptions),
    "shared": ("subscription, 50 a channel", fan),
}


def shaped(kind, elements, length):
    """What fills a server with such values (length 0: integers), each made by one command, streams
    by one an entry; and how many of them come to some fifty megabytes."""
    def element(i):
        return b"%d" % (i * 7919 % 10000) if length == 0 else (b"%x." % i * length)[:length]

    def member(i, at):
        return b"%d" % (i % 1000 * 1000 + at) if length == 0 else (b"%x." % (i * 1000 + at) * length)[:length]

    def words(i):
        key, ats = name(i), range(elements)
        if kind == "string":
            return b"SET", key, element(i)
        if kind == "list":
            return b"RPUSH", key, *(element(i + at) for at in ats)
        if kind == "hash":
            return b"HSET", key, *(word for at in ats for word in (b"field%d" % at, element(i + at)))
        if kind == "set":
            return b"SADD", key, *(member(i, at) for at in ats)
        if kind == "zset":
            return b"ZADD", key, *(word for at in ats for word in (b"%d" % ((i + at) * 31 % 10000), member(i, at)))
        return b"XADD", name(i // elements), b"*", b"user", element(i), b"page", element(i + 1)

    count = int(min(100000, 5e7 / (80 + elements * (length + 12))))
    commands = elements if kind == "stream" else 1
    return lambda server, args: filled(server, int(count * args.scale) * commands, words, int(count * args.scale))


def shapes():
    for length in (0, 10, 44, 64, 100, 250, 500, 512, 1000, 2000, 4000, 10000):
        yield "string", 1, length
    for kind in ("list", "hash", "set", "zset", "stream"):
        for elements in (1, 5, 20, 50, 100, 200):
            for length in (0, 10, 32, 100):
                yield kind, elements, length


def compare_shapes(args):
    rows = []
    for kind, elements, length in shapes():
        figures = both(args, shaped(kind, elements, length))
        title = f"{kind} of {elements} x {length or 'integers'}"
        rows.append((figures[0] / figures[1], f"{title:33}{figures[0]:>10.1f}{figures[1]:>10.1f}"))
        print(f"  {len(rows)} {title}", end="\r", file=sys.stderr)
    for ratio, row in sorted(rows, reverse=True):
        print(f"{row}{ratio:>8.2f}")


def both(args, run):
    figures = []
    for binary in (args.millrace, args.redis):
        server = Server(binary)
        try:
            figures.append(run(server, args))
        finally:
            server.end()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--redis", default="redis-server")
    parser.add_argument("--keys", type=int, default=2000000)
    parser.add_argument("--entries", type=int, default=1000000)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--subscriptions", type=int, default=200000)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--shapes", action="store_true")
    parser.add_argument("--only", default=",".join(MEASURES))
    args = parser.parse_args()
    for count in ("keys", "entries", "connections", "subscriptions"):
        setattr(args, count, int(getattr(args, count) * args.scale))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"{'bytes of RSS for each':33}{'millrace':>10}{'redis':>10}{'ratio':>8}")
    if args.shapes:
        return compare_shapes(args)
    for measure in args.only.split(","):
        title, run = MEASURES[measure]
        figures = both(args, run)
        print(f"{title:33}{figures[0]:>10.1f}{figures[1]:>10.1f}{figures[0] / figures[1]:>8.2f}", flush=True)


if __name__ == "__main__":
    main()

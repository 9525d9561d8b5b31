#!/usr/bin/env python3
"""Compares the streams of Millrace with those of redis-server, side by side in one run.

    streams.py MILLRACE [--redis redis-server] [--entries N] [--runs N] [--only xadd,fan-out]

CPU is the time that the server's threads were on a processor (/proc/PID/task/*/schedstat) for one operation;
memory is RSS. A fresh server each, on loopback, persistence off. Of several runs the least counts.
"""
import argparse, os, select, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from memory import Server, command, entry

END = b"$8\r\nall said\r\n"


class Measured(Server):
    def cpu(self):
        """Microseconds on a processor, of all threads."""
        folder = f"/proc/{self.process.pid}/task"
        total = 0
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/schedstat") as stat:
                total += int(stat.read().split()[0])
        return total / 1000

    def paced(self, requests, at_once):
        """Requests that are ready as bytes, so many at once, each batch answered before the next."""
        for first in range(0, len(requests), at_once):
            batch = b"".join(requests[first:first + at_once])
            self.socket.sendall(batch + command(b"ECHO", b"all said"))
            self.hear(END, self.socket)

    def cost(self, requests, at_once):
        """CPU of one request; the ECHO of each batch is counted with it for both servers alike."""
        before = self.cpu()
        self.paced(requests, at_once)
        return (self.cpu() - before) / len(requests)

    def ask(self, *words):
        self.socket.sendall(command(*words))
        return self.answer()

    def answer(self):
        """One reply: integers, strings and arrays."""
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            sys.exit(line.decode())
        if kind in b"+":
            return rest
        if kind == b":":
            return int(rest)
        count = int(rest)
        if kind == b"$":
            return None if count < 0 else self.exactly(count + 2)[:-2]
        return [self.answer() for _ in range(max(count, 0))]

    def exactly(self, count):
        while len(self.kept) < count:
            self.kept += self.socket.recv(1 << 16)
        got, self.kept = self.kept[:count], self.kept[count:]
        return got

    def line(self):
        while b"\r\n" not in self.kept:
            self.kept += self.socket.recv(1 << 16)
        got, self.kept = self.kept.split(b"\r\n", 1)
        return got

    kept = b""


def xadd_1(server, args):
    return server.cost([command(*entry(i)) for i in range(20000)], 1)


def xadd_32(server, args):
    return server.cost([command(*entry(i)) for i in range(320000)], 32)


def xadd_maxlen(server, args):
    words = [command(b"XADD", b"stream", b"MAXLEN", b"~", b"1000", *entry(i)[2:]) for i in range(320000)]
    return server.cost(words, 32)


def xadd_idmp(server, args):
    if server.redis:
        return None
    words = [command(b"XADD", b"stream", b"IDMP", b"p%d" % (i % 10), b"%d" % i, *entry(i)[2:]) for i in range(160000)]
    return server.cost(words, 32)


def xrange_100(server, args):
    server.fill(100000, entry)
    first = [server.ask(b"XRANGE", b"stream", b"-", b"+", b"COUNT", b"1")[0][0]]
    ids = first + [b"(" + first[0]] * 9
    return server.cost([command(b"XRANGE", b"stream", ids[i % 10], b"+", b"COUNT", b"100") for i in range(5000)], 8)


def group(server, entries):
    server.fill(entries, lambda i: (b"XADD", b"stream", b"%d-1" % (i + 1), *entry(i)[3:]))
    server.ask(b"XGROUP", b"CREATE", b"stream", b"g", b"0")


def read_ack_1(server, args):
    group(server, 100000)
    words = []
    for i in range(100000):
        words.append(command(b"XREADGROUP", b"GROUP", b"g", b"c", b"COUNT", b"1", b"STREAMS", b"stream", b">") +
                     command(b"XACK", b"stream", b"g", b"%d-1" % (i + 1)))
    return server.cost(words, 16)


def read_ack_100(server, args):
    group(server, 200000)
    words = []
    for i in range(2000):
        ids = [b"%d-1" % (100 * i + j + 1) for j in range(100)]
        words.append(command(b"XREADGROUP", b"GROUP", b"g", b"c", b"COUNT", b"100", b"STREAMS", b"stream", b">") +
                     command(b"XACK", b"stream", b"g", *ids))
    return server.cost(words, 1) / 100


def pending_million(server, args):
    group(server, args.entries)
    for i in range(args.entries // 1000):
        server.say((b"XREADGROUP", b"GROUP", b"g", b"c%d" % (i % 8), b"COUNT", b"1000", b"STREAMS", b"stream", b">"))


def autoclaim(server, args):
    """The whole search: from 0-0 until the cursor is 0-0 again, or all are found."""
    pending_million(server, args)
    far = [b"%d-1" % (1 + i * (args.entries // 100)) for i in range(100)]
    server.ask(b"XCLAIM", b"stream", b"g", b"c0", b"0", *far, b"IDLE", b"36000000", b"JUSTID")
    before, found, cursor = server.cpu(), 0, b"0-0"
    while True:
        got = server.ask(b"XAUTOCLAIM", b"stream", b"g", b"other", b"3600000", cursor, b"COUNT", b"100", b"JUSTID")
        cursor, found = got[0], found + len(got[1])
        if cursor == b"0-0" or found == 100:
            break
    if found != 100:
        sys.exit(f"{found} entries were idle")
    return server.cpu() - before


def fan_out(server, readers):
    """CPU of one delivery to a reader that waits, its waiting again included."""
    links = [server.connect() for _ in range(readers)]
    again = command(b"XREAD", b"BLOCK", b"0", b"STREAMS", b"stream", b"$")
    rounds = max(20, 20000 // readers)
    poll = select.poll()
    by_number = {link.fileno(): link for link in links}
    for link in links:
        link.sendall(again)
        poll.register(link, select.POLLIN)

    def wait(count):
        while server.ask(b"INFO", b"clients").split(b"blocked_clients:")[1].split(b"\r\n")[0] != b"%d" % count:
            time.sleep(0.001)

    wait(readers)
    spent = 0
    for i in range(rounds):
        before = server.cpu()
        server.ask(b"XADD", b"stream", b"*", b"message", b"x" * 100)
        heard = 0
        while heard < readers:
            for number, _ in poll.poll(1000):
                by_number[number].recv(65536)
                heard += 1
        for link in links:
            link.sendall(again)
        spent += server.cpu() - before
        before = server.cpu()
        wait(readers)
    for link in links:
        link.close()
    return spent / rounds / readers


def xdel_half(server, args):
    group(server, args.entries)
    words = []
    for i in range(0, args.entries, 200):
        words.append(command(b"XDEL", b"stream", *[b"%d-1" % (i + j + 1) for j in range(0, 200, 2)]))
    cost = server.cost(words, 1) / 100
    if server.ask(b"XLEN", b"stream") != args.entries // 2:
        sys.exit("XDEL left something else")
    return cost


def look_after_xdel(server, args):
    xdel_half(server, args)
    server.ask(b"XGROUP", b"SETID", b"stream", b"g", b"%d-1" % (args.entries // 2))
    return server.cost([command(b"XLEN", b"stream") + command(b"XINFO", b"STREAM", b"stream") +
                        command(b"XINFO", b"GROUPS", b"stream") for _ in range(5000)], 10)


def bytes_short(server, args):
    before = server.settled()
    server.fill(args.entries, entry)
    return (server.settled() - before) / args.entries


def bytes_long(server, args):
    before = server.settled()
    server.fill(args.entries // 4, lambda i: (b"XADD", b"stream", b"*", b"message", b"%0100d" % (i * 7919) if i % 2
                                              else b"text %095d" % i))
    return (server.settled() - before) / (args.entries // 4)


def bytes_pending(server, args):
    group(server, args.entries)
    before = server.settled()
    for i in range(args.entries // 1000):
        server.say((b"XREADGROUP", b"GROUP", b"g", b"c%d" % (i % 8), b"COUNT", b"1000", b"STREAMS", b"stream", b">"))
    return (server.settled() - before) / args.entries


ROWS = [
    ("bytes-short", "bytes an entry, three short fields", bytes_short),
    ("bytes-long", "bytes an entry, one field of 100 bytes", bytes_long),
    ("bytes-pending", "bytes a pending entry", bytes_pending),
    ("xadd-1", "XADD, P=1, us", xadd_1),
    ("xadd-32", "XADD, P=32, us", xadd_32),
    ("xadd-maxlen", "XADD MAXLEN ~ 1000, P=32, us", xadd_maxlen),
    ("xadd-idmp", "XADD IDMP, P=32, us", xadd_idmp),
    ("xrange", "XRANGE COUNT 100, us a request", xrange_100),
    ("read-1", "XREADGROUP COUNT 1 + XACK, P=32, us an entry", read_ack_1),
    ("read-100", "XREADGROUP COUNT 100 + XACK, us an entry", read_ack_100),
    ("autoclaim", "XAUTOCLAIM, 100 idle of all pending, us", autoclaim),
    ("fan-out-50", "XREAD BLOCK, 50 readers, us a delivery", lambda server, args: fan_out(server, 50)),
    ("fan-out-1000", "XREAD BLOCK, 1000 readers, us a delivery", lambda server, args: fan_out(server, 1000)),
    ("xdel", "XDEL of every second entry, us an entry", xdel_half),
    ("look", "XLEN + XINFO STREAM + GROUPS after it, us", look_after_xdel),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--redis", default="redis-server")
    parser.add_argument("--entries", type=int, default=1000000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    only = [word for word in args.only.split(",") if word]
    print("%-46s %10s %10s %7s" % ("", "millrace", "redis", "ratio"))
    for key, title, run in ROWS:
        if only and key not in only:
            continue
        best = {}
        for _ in range(args.runs):
            for binary in (args.millrace, args.redis):
                server = Measured(binary)
                server.redis = binary == args.redis
                got = run(server, args)
                server.end()
                if got is not None:
                    best[binary] = min(got, best.get(binary, got))
        ours, theirs = best[args.millrace], best.get(args.redis)
        if theirs is None:
            print("%-46s %10.2f" % (title, ours), flush=True)
        else:
            print("%-46s %10.2f %10.2f %7.3f" % (title, ours, theirs, ours / theirs), flush=True)


if __name__ == "__main__":
    main()

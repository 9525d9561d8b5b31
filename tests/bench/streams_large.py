#!/usr/bin/env python3
"""Large streams beside redis-server: how long they take to load, and how long commands on them keep others waiting.

    streams_large.py MILLRACE [--redis redis-server] [--entries 10000000] [--pending 1000000]
                     [--only load,XTRIM] [--runs 1] [--most 5]

Each server is filled with its AOF on, ended and started over its log, over a rewritten log of statements and over a
snapshot; the time is from the start to the first answer that is no -LOADING. Then, for each command, a server is started
over the snapshot: the command is said while another connection pings. Told are the longest wait for an answer to PING,
what it was before the command, and the command's own time (INFO commandstats); of several runs the least. A ping waits
for the machine too: ours is judged by its longest turn (DEBUG LONGEST-TURN) without what it spent ready to run while
others had the CPU, told last. It must be under --most milliseconds wherever the answer is short; if not, the exit
status is 1.
"""
import argparse, multiprocessing, os, shutil, socket, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from memory import Server, command, entry, free_port

END = b"$8\r\nall said\r\n"
HOLDERS = 8


def id_of(i):
    return b"%d-1" % (i + 1)


class Kept(Server):
    """A server over a folder that outlives it."""

    def __init__(self, binary, folder, *options):
        self.port, self.folder = free_port(), folder
        began = time.time()
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", folder,
             "--client-output-buffer-limit", "normal 0 0 0", "--enable-debug-command", "yes", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                self.socket = self.connect()
                self.socket.sendall(b"PING\r\n")
                if self.socket.recv(100).startswith(b"+PONG"):
                    break
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"{binary} does not start")
            time.sleep(0.01)
        self.took = time.time() - began

    def hear(self, end, link):
        """The end alone is looked at: replies are cut anywhere."""
        got = b""
        while not got.endswith(end):
            got = (got + link.recv(1 << 18))[-1 << 16:]
        return got

    def stop(self, *words):
        try:
            self.socket.sendall(command(*words))
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait()

    def info(self, section, key):
        text = self.say((b"INFO", section)).decode()
        return text.split(key + ":")[1].split("\r\n")[0]

    def until(self, key, value):
        while self.info(b"persistence", key) != value:
            time.sleep(0.05)


def fill(server, args):
    tail = command(b"ECHO", b"all said")
    for first in range(0, args.entries, 10000):
        server.socket.sendall(b"".join(command(b"XADD", b"stream", id_of(i), *entry(i)[3:])
                                       for i in range(first, first + 10000)) + tail)
        server.hear(END, server.socket)
    server.say((b"XGROUP", b"CREATE", b"stream", b"g", b"0"))
    for i in range(args.pending // 1000):
        server.say((b"XREADGROUP", b"GROUP", b"g", b"c%d" % (i % HOLDERS), b"COUNT", b"1000", b"STREAMS", b"stream",
                    b">"))


def keep_pinging(port, told):
    """In a process of its own, until somebody says to stop: the worst ping so far, in seconds."""
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    worst = 0
    while not told.poll():
        began = time.perf_counter()
        link.sendall(b"PING\r\n")
        link.recv(64)
        worst = max(worst, time.perf_counter() - began)
        time.sleep(0.0002)
    told.send(worst)


def worst_ping(server, words):
    """Says commands while another connection pings; a second in which nothing is said shows the machine's own."""
    worst = []
    for said in ([(b"PING",)], words):
        ours, theirs = multiprocessing.Pipe()
        pinger = multiprocessing.Process(target=keep_pinging, args=(server.port, theirs))
        pinger.start()
        time.sleep(0.3)
        for one in said:
            server.say(one)
        time.sleep(0.7)
        ours.send("stop")
        worst.append(ours.recv() * 1000)
        pinger.join()
    return worst[1], worst[0]


def longest_own(server, stat):
    """Of the commands of a name, the time of all of them."""
    own = server.info(b"commandstats", "cmdstat_" + stat)
    return int(own.split("usec=")[1].split(",")[0]) / int(own.split("calls=")[1].split(",")[0]) / 1000


def longest_turn(server):
    """Milliseconds since this was last asked, without waiting for a CPU; None if the server does not know."""
    server.socket.sendall(command(b"DEBUG", b"LONGEST-TURN") + command(b"ECHO", b"all said"))
    words = Server.hear(server, END, server.socket).split(b"\r\n")
    if not words[0].startswith(b"*"):
        return None
    figures = [int(word[1:]) for word in words if word.startswith(b":")]
    return (figures[0] - figures[2]) / 1000


def loads(binary, args, folder):
    rows = {}
    aof = ("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0")
    server = Kept(binary, folder, *aof)
    fill(server, args)
    server.stop(b"SHUTDOWN")
    server = Kept(binary, folder, *aof, "--aof-use-rdb-preamble", "no")
    rows["load the log as it was written, s"] = server.took
    began = time.time()
    server.say((b"BGREWRITEAOF",))
    server.until("aof_rewrite_in_progress", "0")
    rows["rewrite it as statements, s"] = time.time() - began
    server.stop(b"SHUTDOWN")
    server = Kept(binary, folder, *aof)
    rows["load the rewritten log, s"] = server.took
    server.say((b"SAVE",))
    server.stop(b"SHUTDOWN", b"NOSAVE")
    shutil.rmtree(os.path.join(folder, "appendonlydir"))
    rows["snapshot, MB"] = os.path.getsize(os.path.join(folder, "dump.rdb")) / 1e6
    server = Kept(binary, folder, "--appendonly", "no")
    rows["load the snapshot, s"] = server.took
    rows["RSS, MB"] = server.rss() / 1e6
    server.stop(b"SHUTDOWN", b"NOSAVE")
    return rows


# title, what is said before, what is said while others wait, the command's name in INFO, whether its answer is short
def cases(args):
    half, last = args.entries // 2, args.entries - 1
    held = [id_of(i) for i in range(0, args.pending, max(1, args.pending // 10000))][:10000]
    row = [id_of(i) for i in range(half, half + 10000)]
    everything = [(b"XREADGROUP", b"GROUP", b"g", b"c0", b"COUNT", b"1000000", b"STREAMS", b"stream", b">")]
    one_holder = [(b"XAUTOCLAIM", b"stream", b"g", b"alice", b"0", b"0", b"COUNT", b"%d" % args.pending, b"JUSTID")]
    return [
        ("XGROUP DESTROY", [], [(b"XGROUP", b"DESTROY", b"stream", b"g")], "xgroup|destroy", True),
        ("XGROUP DELCONSUMER of an eighth", [], [(b"XGROUP", b"DELCONSUMER", b"stream", b"g", b"c3")],
         "xgroup|delconsumer", True),
        ("XGROUP DELCONSUMER of all", one_holder, [(b"XGROUP", b"DELCONSUMER", b"stream", b"g", b"alice")],
         "xgroup|delconsumer", True),
        ("XGROUP SETID", [], [(b"XGROUP", b"SETID", b"stream", b"g", b"0")], "xgroup|setid", True),
        ("XSETID", [], [(b"XSETID", b"stream", id_of(last + 5))], "xsetid", True),
        ("XTRIM MAXLEN to half", [], [(b"XTRIM", b"stream", b"MAXLEN", b"=", b"%d" % half)], "xtrim", True),
        ("XTRIM MAXLEN ~ to half", [], [(b"XTRIM", b"stream", b"MAXLEN", b"~", b"%d" % half, b"LIMIT", b"0")],
         "xtrim", True),
        ("XTRIM MINID", [], [(b"XTRIM", b"stream", b"MINID", b"=", id_of(last - 3))], "xtrim", True),
        ("XTRIM to nothing", [], [(b"XTRIM", b"stream", b"MAXLEN", b"0")], "xtrim", True),
        ("XTRIM DELREF *", [], [(b"XTRIM", b"stream", b"MAXLEN", b"=", b"%d" % half, b"DELREF")], "xtrim", True),
        ("XTRIM ACKED *", [(b"XGROUP", b"SETID", b"stream", b"g", b"$")],
         [(b"XTRIM", b"stream", b"MAXLEN", b"=", b"%d" % half, b"ACKED")], "xtrim", True),
        ("XADD MAXLEN", [], [(b"XADD", b"stream", b"MAXLEN", b"1", b"*", b"f", b"v")], "xadd", True),
        ("XDEL of 1000 in a row", [], [(b"XDEL", b"stream", *row[:1000])], "xdel", True),
        ("XDELEX DELREF of 1000 *", [], [(b"XDELEX", b"stream", b"DELREF", b"IDS", b"1000", *held[:1000])], "xdelex", True),
        ("XACK of 1000", [], [(b"XACK", b"stream", b"g", *held[:1000])], "xack", True),
        ("XAUTOCLAIM, nothing idle", [], [(b"XAUTOCLAIM", b"stream", b"g", b"alice", b"3600000", b"0")], "xautoclaim",
         True),
        ("XAUTOCLAIM COUNT 1000 JUSTID", [],
         [(b"XAUTOCLAIM", b"stream", b"g", b"alice", b"0", b"0", b"COUNT", b"1000", b"JUSTID")], "xautoclaim", True),
        ("XPENDING", [], [(b"XPENDING", b"stream", b"g")], "xpending", True),
        ("XPENDING IDLE, nothing idle", [],
         [(b"XPENDING", b"stream", b"g", b"IDLE", b"3600000", b"-", b"+", b"1000")], "xpending", True),
        ("XINFO STREAM FULL", [], [(b"XINFO", b"STREAM", b"stream", b"FULL")], "xinfo|stream", True),
        ("XINFO GROUPS", [(b"XDEL", b"stream", id_of(half))], [(b"XINFO", b"GROUPS", b"stream")], "xinfo|groups", True),
        ("XCFGSET MAXAGE *", [], [(b"XCFGSET", b"stream", b"MAXAGE", b"1")], "xcfgset", True),
        ("XCFGSET MAXBYTES *", [], [(b"XCFGSET", b"stream", b"MAXBYTES", b"100000")], "xcfgset", True),
        ("XCFGSET WORKQUEUE *", [(b"XGROUP", b"SETID", b"stream", b"g", b"$")],
         [(b"XCFGSET", b"stream", b"WORKQUEUE", b"1")], "xcfgset", True),
        ("DEL", [], [(b"DEL", b"stream")], "del", True),
        ("UNLINK", [], [(b"UNLINK", b"stream")], "unlink", True),
        ("SET over it", [], [(b"SET", b"stream", b"x")], "set", True),
        ("PEXPIRE, and its end", [], [(b"PEXPIRE", b"stream", b"100")], "pexpire", True),
        ("FLUSHALL", [], [(b"FLUSHALL",)], "flushall", True),
        ("MEMORY USAGE", [], [(b"MEMORY", b"USAGE", b"stream")], "memory|usage", True),
        ("COPY", [], [(b"COPY", b"stream", b"other")], "copy", False),
        ("XAUTOCLAIM of all JUSTID", [], one_holder, "xautoclaim", False),
        ("XREADGROUP COUNT 1000000", [], everything, "xreadgroup", False),
        ("XPENDING - + of all", [], [(b"XPENDING", b"stream", b"g", b"-", b"+", b"%d" % args.pending)], "xpending",
         False),
        ("XRANGE - + COUNT 1000000", [], [(b"XRANGE", b"stream", b"-", b"+", b"COUNT", b"1000000")], "xrange", False),
    ]


def wait_for(binary, folder, case, args):
    """What is judged, worst ping, worst before, own time; None where the server does not know the command."""
    title, before, words, stat, _ = case
    if title.endswith("*") and binary == args.redis:
        return None
    best = None
    for _ in range(args.runs):
        server = Kept(binary, folder, "--appendonly", "no")
        for said in before:
            server.say(said)
        ours = binary == args.millrace
        if ours:
            longest_turn(server)
        ping, calm = worst_ping(server, words)
        turn = longest_turn(server) if ours else None
        got = (turn if turn is not None else ping, ping, calm, longest_own(server, stat))
        server.stop(b"SHUTDOWN", b"NOSAVE")
        best = got if best is None else min(best, got)
    return best


def wanted(title, args):
    only = [word.lower() for word in args.only.split(",") if word]
    return not only or any(word in title.lower() for word in only)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--redis", default="redis-server")
    parser.add_argument("--entries", type=int, default=10000000)
    parser.add_argument("--pending", type=int, default=1000000)
    parser.add_argument("--only", default="")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--most", type=float, default=5)
    args = parser.parse_args()
    servers = (args.millrace, args.redis)
    folders = [tempfile.mkdtemp(prefix="large") for _ in servers]
    late = []
    try:
        rows = [loads(server, args, folder) for server, folder in zip(servers, folders)]
        print("%d entries, %d pending %21s %10s" % (args.entries, args.pending, "millrace", "redis"))
        for title in rows[0]:
            print("%-40s %10.2f %10.2f" % (title, rows[0][title], rows[1][title]), flush=True)
            if "load" in title and rows[0][title] > rows[1][title]:
                late.append(title)
        print("\n%-34s %-27s %-27s %s" % ("worst ping (before), own time, ms", "millrace", "redis", "our longest turn"))
        for case in cases(args):
            if not wanted(case[0], args):
                continue
            got = [wait_for(server, folder, case, args) for server, folder in zip(servers, folders)]
            told = ["%8.2f (%5.2f) %9.2f   " % one[1:] if one else "%26s " % "" for one in got]
            print("%-34s %s %s %8.2f" % (case[0].rstrip(" *"), *told, got[0][0]), flush=True)
            if case[4] and got[0][0] >= args.most:
                late.append(case[0].rstrip(" *"))
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    print("too long: " + (", ".join(late) or "nothing"))
    sys.exit(bool(late))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Large streams beside redis-server: how long they take to load, and how long removing them stalls others.

    streams_large.py MILLRACE [--redis redis-server] [--entries 10000000] [--pending 1000000]

Each server is filled with its AOF on, ended and started over its log, over a rewritten log of statements and over a
snapshot; the time is from the start to the first answer that is no -LOADING. Then XGROUP DESTROY, XTRIM and DEL are
said while another connection pings; told are the worst ping and the command's own time (INFO commandstats).
"""
import argparse, multiprocessing, os, shutil, socket, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from memory import Server, command, entry, free_port

END = b"$8\r\nall said\r\n"


class Kept(Server):
    """A server over a folder that outlives it."""

    def __init__(self, binary, folder, *options):
        self.port, self.folder = free_port(), folder
        began = time.time()
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", folder, *options],
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
    batch = b"".join(command(*entry(i)) for i in range(10000)) + command(b"ECHO", b"all said")
    for _ in range(args.entries // 10000):
        server.socket.sendall(batch)
        server.hear(END, server.socket)
    server.say((b"XGROUP", b"CREATE", b"stream", b"g", b"0"))
    for i in range(args.pending // 1000):
        server.say((b"XREADGROUP", b"GROUP", b"g", b"c%d" % (i % 8), b"COUNT", b"1000", b"STREAMS", b"stream", b">"))


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
    told.send(worst)


def worst_ping(server, words, stat):
    """Says a command while another connection pings; a second in which nothing is said shows the machine's own."""
    worst = []
    for said in ((b"PING",), words):
        ours, theirs = multiprocessing.Pipe()
        pinger = multiprocessing.Process(target=keep_pinging, args=(server.port, theirs))
        pinger.start()
        time.sleep(0.3)
        server.say(said)
        time.sleep(0.7)
        ours.send("stop")
        worst.append(ours.recv() * 1000)
        pinger.join()
    own = server.info(b"commandstats", "cmdstat_" + stat).split("usec=")[1].split(",")[0]
    return worst[1], int(own) / 1000, worst[0]


def measure(binary, args):
    folder = tempfile.mkdtemp(prefix="large")
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
    half = b"%d" % (args.entries // 2)
    for title, words, stat in (("XGROUP DESTROY", (b"XGROUP", b"DESTROY", b"stream", b"g"), "xgroup|destroy"),
                               ("XTRIM to half", (b"XTRIM", b"stream", b"MAXLEN", b"=", half), "xtrim"),
                               ("DEL", (b"DEL", b"stream"), "del")):
        ping, own, idle = worst_ping(server, words, stat)
        rows[title + ": worst ping, ms"] = ping
        rows[title + ": worst ping before, ms"] = idle
        rows[title + ": its own time, ms"] = own
    server.stop(b"SHUTDOWN", b"NOSAVE")
    shutil.rmtree(folder, ignore_errors=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--redis", default="redis-server")
    parser.add_argument("--entries", type=int, default=10000000)
    parser.add_argument("--pending", type=int, default=1000000)
    args = parser.parse_args()
    ours = measure(args.millrace, args)
    theirs = measure(args.redis, args)
    print("%-40s %10s %10s" % ("", "millrace", "redis"))
    for title in ours:
        print("%-40s %10.2f %10.2f" % (title, ours[title], theirs[title]))


if __name__ == "__main__":
    main()

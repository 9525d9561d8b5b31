#!/usr/bin/env python3
"""Streams against bad input: counts of IDs that lie, huge counts, IDs at both ends, ids of messages of a megabyte, and
very many groups and consumers. Each answer is known; another connection pings all the time.

    stream_bounds.py MILLRACE [--many N] [--loose]

Told are the memory of a group and of a consumer, the server's own longest turn while each command ran (DEBUG
LONGEST-TURN without what it spent waiting for a processor), and the longest wait for a PING. Memory and turns are judged
by bounds that stand beside the commands; the wait is not: it is the machine's, too. With --loose,
for sanitizers, neither is.
100,000 groups and as many consumers, a million with LONG=1 in the environment.
"""
import argparse, multiprocessing, os, pathlib, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "differential"))
from free_port import free_port
from resp import Link, show  # noqa: E402

MOST = str(2**63 - 1)
LAST = f"{2**64 - 1}-{2**64 - 1}"
MEGABYTE = b"i" * (1 << 20)
GROUP_BYTES, CONSUMER_BYTES = 320, 160
NAMED = 5000  # groups or consumers made in one send

WRONG_COUNT = "Number of IDs must be a positive integer"
WRONG_NUMBER = "parameter must match the number of arguments"
NO_INTEGER = "value is not an integer or out of range"


class Server:
    def __init__(self, binary):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="stream_bounds")
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder,
             "--enable-debug-command", "yes", "--client-output-buffer-limit", "normal 0 0 0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(1200):
            try:
                self.link = Link(self.port, timeout=120)
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{binary} does not start")

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024

    def end(self):
        self.process.terminate()
        status = self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        return status


def keep_pinging(port, told):
    """In a process of its own, until somebody says to stop: how many were answered, the longest wait in seconds, and when it began."""
    link = Link(port, timeout=120)
    answered, worst = 0, (0, 0)
    while not told.poll():
        began = time.perf_counter()
        if link.ask("PING") != (b"+", b"PONG"):
            break
        worst = max(worst, (time.perf_counter() - began, began))
        answered += 1
        time.sleep(0.002)
    told.send((answered, *worst))


class Run:
    def __init__(self, server, many, loose):
        self.server, self.many, self.loose = server, many, loose
        self.passed = self.failed = 0
        self.said = []  # and when

    def judge(self, good, what):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print(f"FAILED  {what}")

    def bound(self, measured, most, what):
        self.judge(self.loose or measured <= most, f"{what}: {measured:.2f}, at most {most:g}")

    def say(self, words, wanted):
        """One request and what its answer holds, as `show` writes it."""
        if isinstance(words, str):
            words = words.split()
        self.said.append((b" ".join(w if isinstance(w, bytes) else w.encode() for w in words)[:60].decode(), time.perf_counter()))
        told = show(self.server.link.ask(*words))
        self.judge(wanted in told, f"{b' '.join(w if isinstance(w, bytes) else w.encode() for w in words)[:120]!r}: "
                                   f"{told[:300]}, wanted {wanted}")

    def turn(self):
        took, _, queued = (int(part[1]) for part in self.server.link.ask("DEBUG", "LONGEST-TURN")[1])
        return (took - queued) / 1000

    def timed(self, words, wanted, most):
        """The same, with the turn of the server that took longest, and how many milliseconds it may take."""
        self.turn()
        self.say(words, wanted)
        took = self.turn()
        print(f"  {words:<58} longest turn {took:8.2f} ms, at most {most:g}")
        self.bound(took, most, words)

    # -- What lies.

    def lying_counts(self):
        self.say("XADD s 1-1 f v", "'1-1'")
        self.say("XADD s 2-1 f v", "'2-1'")
        self.say("XGROUP CREATE s g 0", "OK")
        self.say("XREADGROUP GROUP g c STREAMS s >", "'2-1'")
        for front, none, other in (("XDELEX s", WRONG_COUNT, WRONG_NUMBER), ("XDELEX s KEEPREF", WRONG_COUNT, WRONG_NUMBER),
                                   ("XACKDEL s g", WRONG_COUNT, WRONG_NUMBER), ("XACKDEL s g ACKED", WRONG_COUNT, WRONG_NUMBER),
                                   ("XNACK s g FAIL", "numids must be a positive", "match numids"),
                                   ("XNACK s g SILENT", "numids must be a positive", "match numids")):
            for count in ("0", "-1", str(2**63), str(-2**63), str(2**64 - 1), "x", ""):
                self.say([*front.split(), "IDS", count, "1-1", "2-1"], none)
            for count in ("3", str(2**31), str(2**32 + 2), MOST):
                self.say(f"{front} IDS {count} 1-1 2-1", other)
            self.say(f"{front} IDS 1 1-1 2-1", "syntax error" if front[1] != "N" else "Unrecognized XNACK option '2-1'")
            self.say(f"{front} IDS", "wrong number of arguments")
        self.say("XLEN s", ":'2'")
        self.say("XPENDING s g", ":'2'")

    def huge_counts(self):
        for words in ("XRANGE s - + COUNT %s", "XREVRANGE s + - COUNT %s", "XREAD COUNT %s STREAMS s 0", "XREAD MAXCOUNT %s STREAMS s 0",
                      "XREAD MAXSIZE %s STREAMS s 0", "XREADGROUP GROUP g c COUNT %s STREAMS s 0", "XPENDING s g - + %s",
                      "XREADGROUP GROUP g c MAXCOUNT %s STREAMS s 0", "XREADGROUP GROUP g c MAXSIZE %s STREAMS s 0",
                      "XINFO STREAM s FULL COUNT %s"):
            self.say(words % MOST, "'2-1'")
            self.say(words % 2**63, NO_INTEGER)
        for words in ("XTRIM s MAXLEN %s", "XTRIM s MAXLEN ~ 100 LIMIT %s"):
            self.say(words % MOST, ":'0'")
            self.say(words % 2**63, NO_INTEGER)
        self.say("XREADGROUP GROUP g c CLAIM %s STREAMS s >" % MOST, "*nil")
        self.say("XPENDING s g IDLE %s - + 5" % MOST, "*[]")
        for count in (MOST, str(2**63), "0", "-1"):
            self.say(f"XAUTOCLAIM s g c 0 0 COUNT {count}", "COUNT must be > 0")
        for option in ("RETRYCOUNT", "TIME", "IDLE"):
            self.say(f"XCLAIM s g c 0 1-1 {option} {MOST} JUSTID", "'1-1'")
            self.say(f"XCLAIM s g c 0 1-1 {option} {2**63} JUSTID", f"Invalid {option} option")
        self.say("DEL s", ":'1'")

    def both_ends(self):
        full = "exhausted the last possible ID"
        for words, wanted in (
                ("XADD e 0-0 f v", "must be greater than 0-0"), ("XADD e 0-1 f v", "'0-1'"),
                (f"XADD e {2**64 - 1}-{2**64 - 2} f v", str(2**64 - 2)), (f"XADD e {LAST} f v", LAST), ("XADD e * f v", full),
                (f"XADD e {2**64 - 1}-* f v", full), (f"XADD e {LAST} f v", full), (f"XADD e {2**64}-1 f v", "Invalid stream ID"),
                (f"XADD e 1-{2**64} f v", "Invalid stream ID"), (f"XRANGE e ({LAST} +", "invalid start ID"),
                ("XRANGE e - (0-0", "invalid end ID"), ("XRANGE e - (0-1", "*[]"), (f"XRANGE e {LAST} +", LAST),
                (f"XREVRANGE e + {LAST}", LAST), (f"XREAD STREAMS e {LAST}", "*nil"), ("XREAD STREAMS e +", LAST),
                (f"XGROUP CREATE e g {LAST} ENTRIESREAD {MOST}", "OK"), ("XREADGROUP GROUP g c STREAMS e >", "*nil"),
                ("XGROUP SETID e g 0", "OK"), ("XINFO GROUPS e", "'lag', :'3'"), ("XREADGROUP GROUP g c STREAMS e >", LAST),
                (f"XREADGROUP GROUP g c STREAMS e {LAST}", "*[]"), (f"XPENDING e g {LAST} + 10", f"*[*[$'{LAST}', $'c'"),
                (f"XPENDING e g ({LAST} + 10", "invalid start ID"), ("XPENDING e g - (0-0 10", "invalid end ID"),
                (f"XAUTOCLAIM e g d 0 {LAST}", f"*[$'0-0', *[*[$'{LAST}'"), (f"XAUTOCLAIM e g d 0 ({LAST}", "invalid start ID"),
                ("XAUTOCLAIM e g d 0 0 COUNT 2", f"*[$'{LAST}', *[*[$'0-1'"),
                (f"XCLAIM e g c 0 {LAST} 0-1 0-0 JUSTID", f"*[$'{LAST}', $'0-1']"),
                (f"XSETID e {LAST} ENTRIESADDED {MOST} MAXDELETEDID {LAST}", "OK"), ("XINFO GROUPS e", "'lag', :'0'"),
                (f"XNACK e g FAIL IDS 2 {LAST} 0-0", ":'1'"), ("DEBUG RELOAD", "OK"), ("XADD e * f v", full),
                ("XPENDING e g", f"*[:'3', $'0-1', $'{LAST}'"), (f"XACK e g {LAST}", ":'1'"),
                (f"XDELEX e IDS 3 {LAST} 0-1 0-0", "*[:'1', :'1', :'-1']"), (f"XACKDEL e g IDS 2 {LAST} 0-1", "*[:'-1', :'1']"),
                (f"XTRIM e MINID {LAST}", ":'1'"), ("XLEN e", ":'0'"), ("XADD e * f v", full), ("DEL e", ":'1'")):
            self.say(words, wanted)

    def long_messages(self):
        """Of an id no more is kept than tells it from others, however long it is."""
        ids = [MEGABYTE + str(i).encode() for i in range(20)]
        before = self.server.resident()
        self.say(["XADD", "u", "IDMP", b"p", MEGABYTE, "1-1", "f", "v"], "-'ERR")
        self.say(["XADD", "u", "IDMP", MEGABYTE, MEGABYTE, "*", "f", "v"], "$'")
        self.turn()
        for _ in range(2):
            for message in ids:
                self.say(["XADD", "u", "IDMP", b"p", message, "*", "f", "v"], "$'")
        took = self.turn()
        self.say(["XADD", "u", "IDMPAUTO", MEGABYTE, "*", "f", "v"], "$'")
        self.say("XLEN u", f":'{len(ids) + 2}'")
        weighs = int(self.server.link.ask("MEMORY", "USAGE", "u", "SAMPLES", "0")[1])
        grown = (self.server.resident() - before) / 1e6
        print(f"  ids of a megabyte, {len(ids) + 2} of them: the stream weighs {weighs} bytes, the server has grown by {grown:.1f} MB, "
              f"longest turn {took:.2f} ms")
        self.bound(weighs, 10000, "ids of a megabyte: bytes of the stream")
        self.bound(grown, 16, "ids of a megabyte: MB of the server")
        self.say("XCFGSET u IDMP-MAXSIZE 10001", "must be between")
        self.say(f"XCFGSET u IDMP-MAXSIZE {MOST}", "must be between")
        self.say("DEL u", ":'1'")

    # -- Very many.

    def make(self, what, most, words):
        link = self.server.link
        self.said.append((f"making {what}s", time.perf_counter()))
        before = self.server.resident()
        self.turn()
        began = time.time()
        for first in range(0, self.many, NAMED):
            count = min(NAMED, self.many - first)
            link.send([[*words, f"name:{i:011d}", *(["0"] if what == "group" else [])] for i in range(first, first + count)])
            if any(link.hear()[0] == b"-" for _ in range(count)):
                self.judge(False, f"a {what} was refused")
        bytes_each = (self.server.resident() - before) / self.many
        print(f"  {self.many} {what}s in {time.time() - began:.1f} s: {bytes_each:.0f} bytes each, at most {most}; "
              f"longest turn {self.turn():.2f} ms")
        self.bound(bytes_each, most, f"bytes of a {what}")

    def many_groups(self):
        scale = self.many / 100000
        middle, last = f"name:{self.many // 2:011d}", f"name:{self.many - 1:011d}"
        self.say("XADD s 1-1 f v", "'1-1'")
        self.make("group", GROUP_BYTES, ["XGROUP", "CREATE", "s"])
        for words, wanted, most in (
                ("XADD s 2-1 f v", "'2-1'", 5), ("XINFO STREAM s", f"'groups', :'{self.many}'", 5),
                (f"XREADGROUP GROUP {middle} c STREAMS s >", "'2-1'", 5), (f"XACK s {middle} 1-1", ":'1'", 5),
                ("XDELEX s ACKED IDS 1 2-1", "*[:'2']", 40 * scale), ("XTRIM s MAXLEN 0 ACKED", ":'0'", 40 * scale),
                ("XDELEX s DELREF IDS 1 2-1", "*[:'1']", 40 * scale), (f"XPENDING s {middle}", "*[:'0'", 5),
                (f"XGROUP DESTROY s {middle}", ":'1'", 5), (f"XPENDING s {middle}", "NOGROUP", 5), ("MEMORY USAGE s", ":", 5)):
            self.timed(words, wanted, most)
        self.turn()
        self.said.append(("XINFO GROUPS s", time.perf_counter()))
        groups = self.server.link.ask("XINFO", "GROUPS", "s")[1]
        took = self.turn()
        names = [dict(zip((key[1] for key in group[1][::2]), (value[1] for value in group[1][1::2])))[b"name"] for group in groups]
        print(f"  {'XINFO GROUPS s':<58} longest turn {took:8.2f} ms, at most {100 * scale:g}")
        self.bound(took, 100 * scale, "XINFO GROUPS")
        self.judge(len(names) == self.many - 1 and names == sorted(names) and names[-1] == last.encode(),
                   "XINFO GROUPS does not tell all groups in order")
        self.timed("DEL s", ":'1'", 5)

    def many_consumers(self):
        scale = self.many / 100000
        one, last = "name:00000000001", f"name:{self.many - 1:011d}"
        self.say("XGROUP CREATE t g 0 MKSTREAM", "OK")
        self.make("consumer", CONSUMER_BYTES, ["XGROUP", "CREATECONSUMER", "t", "g"])
        self.say("XADD t 1-1 f v", "'1-1'")
        self.say("XADD t 2-1 f v", "'2-1'")
        for words, wanted, most in (
                ("XINFO GROUPS t", f"'consumers', :'{self.many}'", 5), (f"XREADGROUP GROUP g {last} STREAMS t >", "'2-1'", 5),
                ("XPENDING t g", f"*[:'2', $'1-1', $'2-1', *[*[$'{last}', $'2']]]", 40 * scale),
                (f"XPENDING t g - + 10 {last}", "'2-1'", 5), (f"XCLAIM t g {one} 0 2-1 JUSTID", "'2-1'", 5),
                ("XPENDING t g", f"*[*[$'{one}', $'1'], *[$'{last}', $'1']]", 40 * scale),
                (f"XAUTOCLAIM t g {one} 0 0 JUSTID", "*[$'1-1', $'2-1']", 5), (f"XGROUP DELCONSUMER t g {one}", ":'2'", 5),
                (f"XGROUP DELCONSUMER t g {last}", ":'0'", 5)):
            self.timed(words, wanted, most)
        self.turn()
        self.said.append(("XINFO CONSUMERS t g", time.perf_counter()))
        told = len(self.server.link.ask("XINFO", "CONSUMERS", "t", "g")[1])
        took = self.turn()
        print(f"  {'XINFO CONSUMERS t g':<58} longest turn {took:8.2f} ms, at most {100 * scale:g}")
        self.bound(took, 100 * scale, "XINFO CONSUMERS")
        self.judge(told == self.many - 2, f"XINFO CONSUMERS tells {told}")
        self.timed("XGROUP DESTROY t g", ":'1'", 5)
        self.say("DEL t", ":'1'")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--many", type=int, default=1000000 if os.environ.get("LONG") else 100000)
    parser.add_argument("--loose", action="store_true")
    args = parser.parse_args()
    server = Server(args.server)
    run = Run(server, args.many, args.loose)
    ours, theirs = multiprocessing.Pipe()
    pinger = multiprocessing.Process(target=keep_pinging, args=(server.port, theirs))
    pinger.start()
    try:
        for part in (run.lying_counts, run.huge_counts, run.both_ends, run.long_messages, run.many_groups, run.many_consumers):
            part()
        ours.send("stop")
        answered, worst, when = ours.recv()
        meanwhile = [words for words, began in run.said if began <= when + worst][-1]
        print(f"  {answered} pings meanwhile, the longest wait {worst * 1000:.1f} ms, at {meanwhile}")
        run.judge(answered > 100, f"{answered} pings were answered")
    finally:
        pinger.kill()
        pinger.join()
        status = server.end()
    run.judge(status == 0, f"the server ended with {status}")
    print(f"stream_bounds: {run.passed} passed, {run.failed} failed")
    sys.exit(run.failed > 0)


if __name__ == "__main__":
    main()

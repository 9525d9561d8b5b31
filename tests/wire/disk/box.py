"""Servers over a disk that a test rules: the shim's control, a load, and what must be there after it."""
import bisect
import ctypes
import mmap
import os
import random
import shutil
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "files"))
from server_files import Client, Refused, Server, info, wait_until  # noqa: E402,F401

MILLRACE = os.path.abspath(sys.argv[1])
SHIM = os.path.join(os.path.dirname(MILLRACE), "disk_shim.so")
LONG = bool(os.environ.get("LONG"))
# Directories are made and thrown away by the hundred: in memory, where there is such a place.
FOLDER = tempfile.mkdtemp(prefix="millrace-disk-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK)
                          else None)
KINDS = ("write", "fsync", "rename", "open", "fork", "mmap", "truncate", "reserve", "unlink",
         "mkdir")
NO_LIMIT = (1 << 64) - 1


class Control(ctypes.Structure):
    """struct disk_control of disk_shim.h."""
    _fields_ = [("lock", ctypes.c_uint32), ("armed", ctypes.c_uint32),
                ("first", ctypes.c_uint32), ("times", ctypes.c_uint32),
                ("error", ctypes.c_int32), ("hits", ctypes.c_uint32),
                ("forgets_sync", ctypes.c_uint32), ("sync_delay", ctypes.c_uint32),
                ("room", ctypes.c_uint64), ("asked", ctypes.c_uint32 * len(KINDS))]


class Disk:
    """A folder whose disk fails, forgets or fills up as told, and is recorded if wanted."""

    def __init__(self, name, recorded=False):
        self.folder = os.path.join(FOLDER, name)
        for path in (self.folder, self.folder + ".control", self.folder + ".record"):
            shutil.rmtree(path, ignore_errors=True)
            if os.path.exists(path):
                os.remove(path)
        os.mkdir(self.folder)
        with open(self.folder + ".control", "wb") as file:
            file.write(bytes(4096))
        with open(self.folder + ".control", "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 4096)
        self.control = Control.from_buffer(self.memory)
        self.control.room = NO_LIMIT
        self.record = self.folder + ".record" if recorded else None

    def arm(self, kind, nth, error, times=1):
        """The nth `kind` from now on fails, and `times` in a row."""
        self.disarm()
        self.control.asked[KINDS.index(kind)] = 0
        self.control.hits = 0
        self.control.first, self.control.times, self.control.error = nth, times, error
        self.control.armed = 1 + KINDS.index(kind)

    def disarm(self):
        self.control.armed = 0

    def asked(self, kind):
        return self.control.asked[KINDS.index(kind)]

    def environment(self):
        env = dict(os.environ, LD_PRELOAD=SHIM, DISK_FOLDER=self.folder,
                   DISK_CONTROL=self.folder + ".control")
        if self.record:
            env["DISK_RECORD"] = self.record
        return env


class Box(Server):
    """A server over a disk, or over a plain folder. Its log lies outside of it."""

    def __init__(self, disk, *options):
        plain = isinstance(disk, str)
        super().__init__(MILLRACE, disk if plain else disk.folder, *options)
        self.disk = None if plain else disk
        boxes.append(self)

    def log_path(self):
        return self.folder + ".log"

    def environment(self):
        return self.disk.environment() if self.disk else None

    def kill_settled(self):
        """With everysec a kill takes what was said while the disk was busy: waits until it is not."""
        client = self.client()
        if info(client, "aof_enabled") == "1":
            client("WAITAOF", 1, 0, 5000)
        self.kill()


boxes = []


def end_all():
    for box in boxes:
        box.end(9)
    boxes.clear()


# ---- A load that keeps account ----

class Writer(threading.Thread):
    """Says one thing after another. acked[i] is when number i + 1 was acknowledged."""

    def __init__(self, box, load, pause):
        super().__init__(daemon=True)
        self.acked = []
        self.said = 0
        self.refused = 0
        self.load, self.pause = load, pause
        self.client = box.client()

    def run(self):
        try:
            while not self.load.stopping:
                self.said += 1
                try:
                    self.say(self.said)
                    self.acked.append(time.monotonic())
                except Refused:
                    self.said -= 1
                    self.refused += 1
                    time.sleep(0.01)
                time.sleep(self.pause)
        except (OSError, EOFError, ValueError):
            pass

    def before(self, moment):
        """How many were acknowledged before a moment."""
        return bisect.bisect_left(self.acked, moment)

    def judge(self, has, moment, grace):
        """`has` came back. Returns how old the oldest acknowledged loss is, in seconds."""
        promised = self.before(moment - grace)
        name = type(self).__name__
        assert has >= promised, "%s: %d came back of %d acknowledged %.3f s before and more" % (
            name, has, promised, grace)
        assert has <= self.said, "%s: %d came back, only %d were said" % (name, has, self.said)
        return moment - self.acked[has] if has < self.before(moment) else 0.0


class Setter(Writer):
    """Every ninth value is longer than a page or two, so that a page of it alone may be lost."""
    KEYS = 20

    @staticmethod
    def value(number):
        return b"%d," % number * (2500 if number % 9 == 4 else 1)

    def say(self, number):
        self.client("SET", "k%d" % (number % self.KEYS), self.value(number))

    def check(self, client, moment, grace):
        values = []
        for held in client("MGET", *["k%d" % i for i in range(self.KEYS)]):
            values.append(int(held.split(b",")[0]) if held else 0)
            assert not held or held == self.value(values[-1]), "a value is not what was set"
        last = max(values)
        for i, value in enumerate(values):  # all before the last are there, none is older
            assert value == max(last - (last - i) % self.KEYS, 0), (i, value, last)
        return self.judge(last, moment, grace)


class Mover(Writer):
    """LMOVE; every tenth is a push of ten. What is there is 1..n, in two lists, once each."""

    def say(self, number):
        if number % 11 == 1:
            first = number // 11 * 10
            self.client("RPUSH", "from", *range(first + 1, first + 11))
        else:
            self.client("LMOVE", "from", "to", "LEFT", "RIGHT")

    def check(self, client, moment, grace):
        left, moved = client("LRANGE", "from", 0, -1), client("LRANGE", "to", 0, -1)
        both = [int(v) for v in moved + left]
        assert both == list(range(1, len(both) + 1)) and len(both) % 10 == 0, "moves: %s" % both
        return self.judge(len(both) // 10 + len(moved), moment, grace)


class Adder(Writer):
    def say(self, number):
        self.client("XADD", "s", "*", "n", number)

    def check(self, client, moment, grace):
        numbers = [int(entry[1][1]) for entry in client("XRANGE", "s", "-", "+")]
        assert numbers == list(range(1, len(numbers) + 1)), "entries: %s" % numbers
        return self.judge(len(numbers), moment, grace)


class Reader(Writer):
    """XREADGROUP and XACK of the entries of a stream of its own."""

    def __init__(self, box, load, pause):
        super().__init__(box, load, pause)
        try:
            self.client("XGROUP", "CREATE", "r", "g", "0", "MKSTREAM")
        except Refused:
            pass

    def say(self, number):
        step, entry = number % 3, (number + 2) // 3
        if step == 1:
            self.client("XADD", "r", "%d-1" % entry, "n", entry)
        elif step == 2:
            self.client("XREADGROUP", "GROUP", "g", "c", "COUNT", 1, "STREAMS", "r", ">")
        else:
            self.client("XACK", "r", "g", "%d-1" % (number // 3))

    def check(self, client, moment, grace):
        if client("EXISTS", "r") == 0:
            return self.judge(0, moment, grace)
        added = len(client("XRANGE", "r", "-", "+"))
        group = client("XINFO", "GROUPS", "r")
        if not group:
            return self.judge(0, moment, grace)
        fields = dict(zip(group[0][::2], group[0][1::2]))
        delivered = int(fields[b"last-delivered-id"].split(b"-")[0])
        pending = [int(p[0].split(b"-")[0]) for p in client("XPENDING", "r", "g", "-", "+", 1000)]
        assert added - delivered in (0, 1), (added, delivered)
        assert pending in ([], [delivered]), pending
        acked = delivered - len(pending)
        return self.judge(added + delivered + acked, moment, grace)


class Batcher(Writer):
    def say(self, number):
        for words in (("MULTI",), ("INCR", "a"), ("RPUSH", "b", number), ("INCR", "c"), ("EXEC",)):
            self.client(*words)

    def check(self, client, moment, grace):
        a, b, c = int(client("GET", "a") or 0), client("LLEN", "b"), int(client("GET", "c") or 0)
        assert a == b == c, "a transaction is in parts: %s" % ((a, b, c),)
        return self.judge(a, moment, grace)


class Load:
    """One writer of each kind."""

    def __init__(self, box, pause=0.0):
        self.stopping = False
        self.writers = [kind(box, self, pause) for kind in (Setter, Mover, Adder, Reader, Batcher)]
        for writer in self.writers:
            writer.start()

    def stop(self):
        self.stopping = True
        for writer in self.writers:
            writer.join(20)
            writer.client.close()

    def total(self):
        return sum(len(writer.acked) for writer in self.writers)

    def check(self, client, moment=float("inf"), grace=0.0):
        """All that was acknowledged `grace` seconds before the moment is there. The oldest loss."""
        return max(writer.check(client, moment, grace) for writer in self.writers)


# ---- Cases ----

cases = []


def case(function):
    cases.append(function)
    return function


class Skipped(Exception):
    """Why a case cannot be tried here."""


def run(name, extra=lambda: ""):
    """Runs all cases, or those that the command line names; prints what came of it."""
    wanted = sys.argv[2:]
    passed = failed = skipped = 0
    began = time.time()
    for one in cases:
        if wanted and one.__name__ not in wanted:
            continue
        started = time.time()
        try:
            said = one() or ""
            passed += 1
            print("  %-64s %5.1f s  %s" % (one.__name__, time.time() - started, said), flush=True)
        except Skipped as why:
            skipped += 1
            print("  %s: skipped: %s" % (one.__name__, why))
        except Exception as error:  # whatever went wrong is told, and the others go on
            failed += 1
            import traceback
            print("  %s: %s %s" % (one.__name__, type(error).__name__, error))
            print("    " + "    ".join(traceback.format_tb(error.__traceback__)[-3:]))
        finally:
            end_all()
    if os.environ.get("KEEP") and failed:
        print("kept: " + FOLDER)
    else:
        shutil.rmtree(FOLDER, ignore_errors=True)
    print("%s: %d passed, %d failed, %d skipped (%.0f s)%s" % (
        name, passed, failed, skipped, time.time() - began, extra()))
    sys.exit(failed > 0)

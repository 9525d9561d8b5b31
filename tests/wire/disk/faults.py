#!/usr/bin/env python3
"""The n-th write, fsync, open, rename, ... of a thing fails, for every n until none fails.

    faults.py MILLRACE [CASE ...]       LONG=1: every n instead of some, and several in a row

After each: whoever asked was told, or the log says it; nothing was acknowledged that is not
there after a kill -9 and a start; and without the fault the server does all of it again.
"""
import errno
import os
import random
import shutil
import time

from box import (KINDS, LONG, Box, Disk, Refused, case, info, run, wait_until)

LOG = ("--appendonly", "yes", "--save", "")
USUAL = {"write": errno.EIO, "fsync": errno.EIO, "rename": errno.EIO, "open": errno.EMFILE,
         "fork": errno.EAGAIN, "truncate": errno.EIO, "reserve": errno.ENOSPC,
         "unlink": errno.EIO, "mkdir": errno.EACCES, "mmap": errno.ENOMEM}
OTHER = {"write": errno.ENOSPC, "fsync": errno.ENOSPC, "open": errno.ENOSPC,
         "rename": errno.ENOSPC}
chance = random.Random(int(os.environ.get("SEED", 1)))
figures = {"faults": 0, "kinds": set()}


class Ledger:
    """What was acknowledged, in doubt, or refused."""

    def __init__(self):
        self.count = 0      # of units that are there for certain
        self.doubtful = 0   # and of those that may be
        self.number = 0
        self.sure = {}
        self.maybe = {}

    def tell(self, box, times=3):
        """Says some things; returns the refusals."""
        refusals = []
        for _ in range(times):
            self.number += 1
            key, value = "k%d" % (self.number % 30), b"%d" % self.number
            try:
                client = box.client()
                client("SET", key, value)
                self.sure[key] = value
                self.maybe.pop(key, None)
                client("MULTI")
                client("INCR", "a")
                client("RPUSH", "b", self.number)
                client("EXEC")
                self.count += 1
            except Refused as why:
                refusals.append(str(why))
                if "EXECABORT" not in str(why) and str(why).startswith("ERR"):
                    raise
            except (EOFError, ConnectionError):
                refusals.append("the connection was closed")
                self.maybe.setdefault(key, set()).add(value)
                self.doubtful += 1
            finally:
                client.close()
        return refusals

    def check(self, client):
        for key, value in self.sure.items():
            found = client("GET", key)
            assert found == value or found in self.maybe.get(key, ()), (
                "%s is %s, acknowledged was %s" % (key, found, value))
        a, b = int(client("GET", "a") or 0), client("LLEN", "b")
        assert a == b, "a transaction is in parts: %d %d" % (a, b)
        assert self.count <= a <= self.count + self.doubtful, (a, self.count, self.doubtful)
        # What was in doubt is settled now.
        self.count, self.doubtful = a, 0
        for key in list(self.maybe):
            found = client("GET", key)
            if found is not None:
                self.sure[key] = found
        self.maybe.clear()


def serves_again(box, ledger):
    """Without the fault writes are taken again, by themselves."""
    return wait_until(lambda: not ledger.tell(box, 1))


def leftovers(folder):
    return [name for _, _, names in os.walk(folder) for name in names
            if name.startswith("temp-") or name.endswith(".new")]


def enumerate_faults(name, options, action, kinds, again=None, silent=(), words=(), times=1,
                     errors=USUAL, prepare=None, most=0):
    """`action(box, ledger)` with each fault; it returns what it was told went wrong. `most`: so many of a
    kind at most, in the short form."""
    most = 0 if LONG else most
    disk = Disk(name)
    ledger = Ledger()
    box = Box(disk, *options)
    box.words += words
    if prepare:
        prepare(disk)
    assert box.start(), box.said()
    ledger.tell(box, 20)
    total = 0
    for kind in kinds:
        nth = 1
        while True:
            said = len(box.said())
            disk.arm(kind, nth, errors[kind], times)
            where = "%s %d of %s" % (kind, nth, name)
            if os.environ.get("TELL"):
                print("    " + where, flush=True)
            told = action(box, ledger)
            disk.disarm()
            hit = disk.control.hits
            log = box.said()[said:]
            if hit:
                total += 1
                figures["kinds"].add(kind)
                known = os.strerror(errors[kind]) in log or told
                assert known or kind in silent, where + " failed, and nobody was told: " + log
            assert serves_again(box, ledger), where + ": writes are not taken again: " + log
            told = action(box, ledger)
            assert not told, where + ": without the fault: %s" % told
            ledger.check(box.client())
            box.kill_settled()
            assert box.start(), where + ": " + box.said()[-500:]
            ledger.check(box.client())
            left = leftovers(disk.folder)
            assert not left, where + ": left behind: %s" % left
            if not hit or (most and nth >= most):
                break
            nth += 1 if LONG or most else chance.randrange(1, 24)
            assert nth < 300, where + ": no end"
    figures["faults"] += total
    return "%d faults" % total


def bgsave(box, ledger):
    client, told = box.client(), []
    before = info(client, "rdb_last_save_time")
    try:
        client("BGSAVE")
    except Refused as why:
        told.append(str(why))
    told += ledger.tell(box)
    wait_until(lambda: info(client, "rdb_bgsave_in_progress") == "0")
    if info(client, "rdb_last_bgsave_status") != "ok":
        told.append("rdb_last_bgsave_status " + str(before))
    return told


def save(box, ledger):
    told = ledger.tell(box)
    try:
        box.client()("SAVE")
    except Refused as why:
        told.append(str(why))
    return told


def rewritten(client):
    return (info(client, "aof_rewrite_in_progress") == "0" and
            info(client, "aof_rewrite_scheduled") == "0")


def rewrite(box, ledger):
    client, told = box.client(), []
    try:
        client("BGREWRITEAOF")
    except Refused as why:
        if "in progress" not in str(why):  # a log that was mended asks for one by itself
            told.append(str(why))
    told += ledger.tell(box)
    time.sleep(0.03)
    # While the disk stays away a rewrite waits for it: it must end once the fault is gone.
    if not wait_until(lambda: rewritten(client), 10 if box.disk.control.armed else 60):
        told.append("the rewrite waits for the disk")
    if info(client, "aof_last_bgrewrite_status") != "ok":
        told.append("aof_last_bgrewrite_status")
    return told


def grow(box, ledger):
    """A rewrite that nobody asked for."""
    client, told = box.client(), []
    before = int(info(client, "aof_rewrites") or 0)
    client("CONFIG", "SET", "auto-aof-rewrite-min-size", 100, "auto-aof-rewrite-percentage", 10)
    told += ledger.tell(box, 12)
    wait_until(lambda: int(info(client, "aof_rewrites")) > before,
               1 if box.disk.control.armed else 60)
    client("CONFIG", "SET", "auto-aof-rewrite-percentage", 0)
    assert wait_until(lambda: rewritten(client)), "the rewrite has no end"
    if info(client, "aof_last_bgrewrite_status") != "ok":
        told.append("aof_last_bgrewrite_status")
    return told


def append(box, ledger):
    return ledger.tell(box)


def append_and_wait(box, ledger):
    told = ledger.tell(box)
    time.sleep(1.2)  # the fsync of this second
    return told + ledger.tell(box, 1)


FILE_KINDS = ("write", "fsync", "rename", "open", "unlink", "mkdir")


@case
def bgsave_fails_anywhere():
    return enumerate_faults("bgsave", LOG, bgsave,
                            FILE_KINDS + ("fork",), silent=("unlink",))


@case
def save_fails_anywhere():
    return enumerate_faults("save", LOG, save, FILE_KINDS, silent=("unlink",))


@case
def bgrewriteaof_fails_anywhere():
    return enumerate_faults("rewrite", LOG + ("--appendfsync", "always"), rewrite,
                            FILE_KINDS + ("fork", "truncate", "reserve"),
                            silent=("unlink", "truncate", "reserve"))


@case
def a_rewrite_by_size_fails_anywhere():
    kinds = FILE_KINDS + ("fork",) if LONG else ("fork", "rename")
    return enumerate_faults("by-size", LOG, grow, kinds, silent=("unlink",), most=1)


@case
def an_append_under_always_fails_anywhere():
    return enumerate_faults("always", LOG + ("--appendfsync", "always"), append,
                            ("write", "fsync", "reserve", "truncate"), silent=("reserve",), most=2)


@case
def an_append_under_everysec_fails_anywhere():
    return enumerate_faults("everysec", LOG, append_and_wait,
                            ("write", "fsync", "reserve", "truncate") if LONG
                            else ("write", "fsync"), silent=("reserve",), most=1)


@case
def appends_fail_several_times_in_a_row():
    said = [enumerate_faults("row", LOG + ("--appendfsync", "always"), append, ("write", "fsync"),
                             times=3, most=1)]
    if LONG:
        for errors in (USUAL, OTHER):
            for times in (1, 2, 1000):
                enumerate_faults("row", LOG, rewrite, ("write", "fsync", "rename", "open"),
                                 times=times, errors=errors)
    return said[0]


def rewrite_options(command):
    def act(box, _):
        client = box.client()
        chosen = "1000%d" % (int(time.time() * 1000) % 100)
        try:
            client("CONFIG", "SET", "slowlog-max-len", chosen)
            client("ACL", "SETUSER", "user" + chosen, "on", "nopass")
            client(*command)
            return []
        except Refused as why:
            return [str(why)]
    return act


@case
def config_rewrite_and_acl_save_fail_anywhere():
    def prepare(disk):
        with open(os.path.join(disk.folder, "millrace.conf"), "w") as file:
            file.write("# kept\nappendonly yes\nsave \"\"\naclfile %s/users.acl\n" % disk.folder)
        with open(os.path.join(disk.folder, "users.acl"), "w") as file:
            file.write("user default on nopass ~* &* +@all\n")
    said = []
    for command, file in (("CONFIG", "REWRITE"), "millrace.conf"), (("ACL", "SAVE"), "users.acl"):
        def act(box, ledger):
            path = os.path.join(box.folder, file)
            with open(path, "rb") as old:
                before = old.read()
            told = rewrite_options(command)(box, ledger)
            with open(path, "rb") as new:
                after = new.read()
            assert after, file + " is empty"
            if told and not told[0].startswith("unsure"):
                assert after == before or b"1000" in after, file + " is neither old nor new"
            return told
        name = "conf-" + file.split(".")[0]
        path = os.path.join(os.path.dirname(Disk(name).folder), name, "millrace.conf")
        said.append(enumerate_faults(name, (), act, ("write", "fsync", "rename", "open"),
                                     words=(path,), prepare=prepare))
    return ", ".join(said)


@case
def a_start_fails_anywhere():
    total = 0
    for first in (True, False):
        disk = Disk("start-%s" % first)
        kept = disk.folder + ".kept"
        ledger = Ledger()
        if not first:
            box = Box(disk, *LOG)
            assert box.start()
            ledger.tell(box, 20)
            assert not rewrite(box, ledger)
            ledger.tell(box, 5)
            box.kill_settled()
            with open(box.path("appendonlydir", "appendonly.aof.2.incr.aof"), "ab") as log:
                log.write(b"*3\r\n$3\r\nSET")  # so that there is something to cut
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(disk.folder, kept)
        for kind in FILE_KINDS + ("truncate",):
            nth = 1
            while True:
                shutil.rmtree(disk.folder)
                shutil.copytree(kept, disk.folder)
                box = Box(disk, *LOG)
                said = len(box.said()) if os.path.exists(box.log_path()) else 0
                disk.arm(kind, nth, USUAL[kind])
                started = box.start()
                disk.disarm()
                log = box.said()[said:]
                where = "%s %d of a %s start" % (kind, nth, "first" if first else "second")
                if started:
                    ledger.check(box.client())
                    assert wait_until(lambda: info(box.client(), "aof_rewrite_in_progress") == "0")
                else:
                    assert os.strerror(USUAL[kind]) in log, where + ": no reason: " + log
                    total += 1
                box.kill()
                assert box.start(), where + ", then without: " + box.said()[-500:]
                ledger.check(box.client())
                box.client()("SET", "x", 1)
                box.kill()
                if not disk.control.hits:
                    break
                nth += 1
        shutil.rmtree(kept)
    figures["faults"] += total
    return "%d faults" % total


@case
def where_memory_is_refused_it_ends_in_order_and_has_everything():
    """The allocator ends the process rather than say no: that is the answer that is documented."""
    ended = 0
    disk = Disk("memory")
    ledger = Ledger()
    for nth in range(1, 40 if LONG else 12):
        box = Box(disk, *LOG, "--appendfsync", "always")
        assert box.start(), box.said()
        ledger.tell(box, 3)
        said = len(box.said())
        disk.arm("mmap", nth, errno.ENOMEM, 1000000)
        client = box.client()
        try:
            for i in range(60):
                client("SET", "big%d" % i, b"x" * (1 << 20))
                ledger.tell(box, 1)
        except (EOFError, ConnectionError, Refused):
            pass
        disk.disarm()
        hit = disk.control.hits
        if box.process.poll() is not None:
            ended += 1
            log = box.said()[said:]
            assert "memory" in log.lower(), "it ended without a word: " + log
            box.process = None
        box.kill()
        assert box.start(), box.said()[-500:]
        ledger.check(box.client())
        box.client()("FLUSHALL")
        ledger = Ledger()
        box.kill()
        if not hit:
            break
    figures["faults"] += ended
    return "%d ends" % ended


if __name__ == "__main__":
    run("faults", lambda: " %d faults, of %s" % (figures["faults"],
                                                 " ".join(sorted(figures["kinds"]))))

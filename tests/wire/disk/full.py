#!/usr/bin/env python3
"""The disk is full, then has room again.

    full.py MILLRACE [CASE ...]

On a tmpfs of eight megabytes where one may be mounted, otherwise that part is skipped; and
on a disk that only says so (the shim), which needs no rights.
"""
import ctypes
import os
import subprocess
import time

from box import (FOLDER, Box, Disk, Refused, Skipped, case, info, run, wait_until)

LOG = ("--appendonly", "yes", "--save", "")
SIZE = 8 << 20
libc = ctypes.CDLL(None, use_errno=True)
figures = {"refused": 0, "acknowledged": 0}


class Told:
    """Values that were acknowledged, of some kilobytes each."""

    def __init__(self):
        self.keys = {}
        self.number = 0

    def tell(self, client):
        """One more. What it was refused with, or None."""
        self.number += 1
        key, value = "key%d" % (self.number % 40), b"%d " % self.number * 3000
        try:
            client("SET", key, value)
            self.keys[key] = value
            figures["acknowledged"] += 1
            return None
        except Refused as why:
            figures["refused"] += 1
            return str(why)

    def check(self, client):
        for key, value in self.keys.items():
            assert client("GET", key) == value, "%s is not what was acknowledged" % key


class SmallDisk:
    """A real one."""

    def __init__(self, name):
        self.folder = os.path.join(FOLDER, name)
        os.mkdir(self.folder)
        if libc.mount(b"none", self.folder.encode(), b"tmpfs", 0, b"size=%d" % SIZE) != 0:
            raise Skipped("mount is not permitted here: " + os.strerror(ctypes.get_errno()))

    def box(self, *options):
        return Box(self.folder, *options)

    def fill(self):
        with open(os.path.join(self.folder, "filler"), "wb", buffering=0) as file:
            for size in (1 << 16, 4096):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def empty(self):
        os.remove(os.path.join(self.folder, "filler"))

    def end(self):
        libc.umount2(self.folder.encode(), 2)


class SayingDisk:
    """One that says so."""

    def __init__(self, name):
        self.disk = Disk(name)
        self.folder = self.disk.folder
        self.disk.control.room = SIZE

    def box(self, *options):
        return Box(self.disk, *options)

    def fill(self):
        self.disk.control.room = 0

    def empty(self):
        self.disk.control.room = SIZE

    def end(self):
        pass


def refused_until_full(told, client):
    """Writes until it is refused."""
    for _ in range(2000):
        why = told.tell(client)
        if why:
            return why
    raise AssertionError("the disk is never full")


def fill_and_empty(disk, sync, before=lambda client: None):
    told = Told()
    box = disk.box(*LOG, "--appendfsync", sync, "--auto-aof-rewrite-percentage", "0")
    try:
        assert box.start(), box.said()
        client = box.client()
        for _ in range(40):
            assert told.tell(client) is None
        before(client)
        for _ in range(2):
            disk.fill()
            why = refused_until_full(told, client)
            assert why.startswith("MISCONF") and "No space left" in why, why
            time.sleep(0.2)
            refused_until_full(told, client)  # what was kept in reserve is given back, and used up
            told.check(client)  # reading goes on
            assert info(client, "aof_last_write_status") == "err"
            disk.empty()
            assert wait_until(lambda: told.tell(client) is None), "it does not recover"
            for _ in range(20):
                assert told.tell(client) is None
            assert info(client, "aof_last_write_status") == "ok"
        # Full again, and killed: what was acknowledged is there, now or when there is room.
        disk.fill()
        refused_until_full(told, client)
        box.kill_settled()
        if not box.start():
            assert "No space left" in box.said().splitlines()[-1] or \
                "No space left" in box.said()[-400:], box.said()[-400:]
            disk.empty()
            assert box.start(), box.said()[-500:]
        else:
            told.check(box.client())
            disk.empty()
        client = box.client()
        told.check(client)
        assert wait_until(lambda: told.tell(client) is None)
        box.kill_settled()
        assert box.start(), box.said()[-500:]
        told.check(box.client())
        hole = any(b"\0" * 64 in open(os.path.join(where, name), "rb").read()
                   for where, _, names in os.walk(disk.folder) for name in names
                   if name.endswith("incr.aof"))
        assert not hole, "there is a hole in the log"
    finally:
        box.kill()
        disk.end()


def rewrite(client):
    client("BGREWRITEAOF")
    time.sleep(0.05)
    assert wait_until(lambda: info(client, "aof_rewrite_in_progress") == "0" and
                      info(client, "aof_rewrite_scheduled") == "0")
    assert info(client, "aof_last_bgrewrite_status") == "ok"


@case
def disk_full_with_always():
    fill_and_empty(SmallDisk("always"), "always")


@case
def disk_full_with_everysec():
    fill_and_empty(SmallDisk("everysec"), "everysec")


@case
def disk_full_after_a_rewrite_with_everysec_leaves_no_hole():
    fill_and_empty(SmallDisk("rewritten"), "everysec", rewrite)


@case
def a_disk_that_says_it_is_full_with_always():
    fill_and_empty(SayingDisk("says-always"), "always")


@case
def a_disk_that_says_it_is_full_after_a_rewrite_with_everysec():
    fill_and_empty(SayingDisk("says-everysec"), "everysec", rewrite)


@case
def saving_and_rewriting_on_a_full_disk_fail_and_leave_what_was():
    disk, told = SmallDisk("saving"), Told()
    box = disk.box(*LOG, "--rdbcompression", "no", "--auto-aof-rewrite-percentage", "0")
    try:
        assert box.start(), box.said()
        client = box.client()
        for _ in range(40):
            assert told.tell(client) is None
        client("SAVE")
        disk.fill()
        for words in (("SAVE",), ("BGSAVE",), ("BGREWRITEAOF",)):
            try:
                client(*words)
                status = "rdb_last_bgsave" if "SAVE" in words[0] else "aof_last_bgrewrite"
                failed = wait_until(lambda: info(client, status + "_status") == "err")
            except Refused:
                failed = True
            assert failed, "%s did not fail on a full disk" % words
            told.check(client)
        left = [n for _, _, names in os.walk(disk.folder) for n in names if n.startswith("temp-")]
        assert not left, left
        disk.empty()
        assert client("SAVE") == "OK"
        assert wait_until(lambda: told.tell(client) is None)
        rewrite(client)
        box.kill()
        assert box.start(), box.said()[-500:]
        told.check(box.client())
    finally:
        box.kill()
        disk.end()


if __name__ == "__main__":
    try:
        run("full", lambda: " %(acknowledged)d acknowledged, %(refused)d refused" % figures)
    finally:
        subprocess.run(["sh", "-c", "grep -o '%s/[^ ]*' /proc/mounts | xargs -r umount -l" % FOLDER])

#!/usr/bin/env python3
"""kill -9 without appendfsync always: what was acknowledged is in the kernel's hands.

    kill.py MILLRACE [CASE ...]         LONG=1: 60 lives instead of 8

Servers die under load, while they rewrite, save or do neither. An answer waits for the log's
thread to write, but two milliseconds at most where that waits for the disk: a machine that
is very busy may take longer, so one life in eight may lose something; each is printed.

Where each fsync takes half a second, with `everysec`, what was said meanwhile is not in the
kernel's hands yet: how old the oldest loss was is printed, and two seconds is the most.
"""
import os
import random
import shutil
import time

from box import FOLDER, LONG, Box, Disk, Load, Refused, case, run

LIVES = 60 if LONG else 8
KEYS = 200000  # so that a child takes its time
chance = random.Random(int(os.environ.get("SEED", 1)))
figures = {"acknowledged": 0, "lives": 0, "lost": 0}


def live(box, command):
    """Until it is killed."""
    load, client = Load(box), box.client()
    client("DEBUG", "POPULATE", KEYS)
    until = time.time() + chance.uniform(0.2, 0.8)
    while time.time() < until:
        try:
            client(*command)
        except Refused:
            pass  # one of them runs
        time.sleep(0.05)
    box.kill()
    load.stop()
    return load


def kill_often(policy):
    lost = []
    for life in range(LIVES):
        command = ("PING", "BGREWRITEAOF", "BGSAVE")[life % 3]
        folder = os.path.join(FOLDER, "killed")
        shutil.rmtree(folder, ignore_errors=True)
        box = Box(folder, "--appendonly", "yes", "--appendfsync", policy, "--save", "",
                  "--auto-aof-rewrite-percentage", "0")
        assert box.start(), box.said()
        load = live(box, (command,))
        figures["acknowledged"] += load.total()
        figures["lives"] += 1
        assert box.start(), box.said()[-500:]
        try:
            load.check(box.client())
        except AssertionError as why:
            lost.append("%s: %s" % (command, why))
        box.kill()
    figures["lost"] += len(lost)
    assert len(lost) <= LIVES // 8, "\n    ".join(lost)
    return "; ".join(lost)


@case
def with_everysec_a_kill_takes_nothing():
    return kill_often("everysec")


@case
def with_no_a_kill_takes_nothing():
    return kill_often("no")


def kill_while_the_disk_is_slow(policy, grace):
    """The oldest loss of many lives, in seconds, while fsyncs, rewrites and turns to a new file are under way."""
    oldest = 0.0
    for life in range(LIVES // 2):
        disk = Disk("slow")
        disk.control.sync_delay = 500000
        box = Box(disk, "--appendonly", "yes", "--appendfsync", policy, "--save", "",
                  "--auto-aof-rewrite-percentage", "0")
        assert box.start(), box.said()
        load, client = Load(box, 0.001), box.client()
        time.sleep(chance.uniform(0.3, 1.2))
        if life % 4 != 3:
            client("BGREWRITEAOF")
        time.sleep(chance.uniform(0.0, 3.0))
        moment = time.monotonic()
        box.kill()
        load.stop()
        figures["acknowledged"] += load.total()
        figures["lives"] += 1
        disk.control.sync_delay = 0
        assert box.start(), box.said()[-500:]
        oldest = max(oldest, load.check(box.client(), moment, grace))
        box.kill()
    return oldest


@case
def with_everysec_and_a_slow_disk_a_kill_takes_two_seconds_at_most():
    return "the oldest loss was %.2f s old" % kill_while_the_disk_is_slow("everysec", 2.0)


@case
def with_always_and_a_slow_disk_a_kill_takes_nothing():
    assert kill_while_the_disk_is_slow("always", 0.0) == 0.0


if __name__ == "__main__":
    run("kill", lambda: " %(lives)d lives, %(acknowledged)d acknowledged, %(lost)d lost some" % figures)

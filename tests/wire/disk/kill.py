#!/usr/bin/env python3
"""kill -9 without appendfsync always: what was acknowledged is in the kernel's hands.

    kill.py MILLRACE [CASE ...]         LONG=1: 60 lives instead of 8

Servers die under load, while they rewrite, save or do neither. An answer waits for the log's
thread to write, but two milliseconds at most where that waits for the disk: a machine that
is very busy may take longer, so one life in eight may lose something; each is printed.
"""
import os
import random
import shutil
import time

from box import FOLDER, LONG, Box, Load, Refused, case, run

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


if __name__ == "__main__":
    run("kill", lambda: " %(lives)d lives, %(acknowledged)d acknowledged, %(lost)d lost some" % figures)

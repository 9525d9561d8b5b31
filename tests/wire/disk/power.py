#!/usr/bin/env python3
"""Power cuts: a server lives on a recorded disk; the folder is rebuilt as a cut at many
moments would have left it, in each of the ways a disk may take, and started.

    power.py MILLRACE [CASE ...]        LONG=1: 400 cuts a life, in every way; CUTS=0: at every step

With appendfsync always nothing is lost that was acknowledged before the cut; with everysec
at most what was acknowledged in the last two seconds; what the figure was is printed.
"""
import os
import random
import shutil
import subprocess
import threading
import time

from box import (FOLDER, LONG, Box, Client, Disk, Load, Refused, case, info, run, wait_until)
from power_cut import (CREATE, FOLDER_SYNC_BEGIN, MKDIR, RENAME, SYNC_END, TRUNCATE, UNLINK, WAYS,
                       WRITE, Machine, check_rules, read_record)

LOG = ("--appendonly", "yes", "--save", "")
CUTS = int(os.environ.get("CUTS", 300 if LONG else 16))  # of each life; 0: at every step
GRACE = 2.0
PAUSE = 0.002 if LONG else 0.006  # of each writer between two things it says
figures = {"cuts": 0, "acknowledged": 0, "worst": 0.0}
chance = random.Random(int(os.environ.get("SEED", 1)))


def is_done(client):
    return (info(client, "aof_rewrite_in_progress") == "0" and
            info(client, "aof_rewrite_scheduled") == "0" and
            info(client, "rdb_bgsave_in_progress") == "0")


def ask(client, *words):
    """Has something saved or rewritten, and waits until it is."""
    try:
        client(*words)
    except Refused as why:
        assert "already" in str(why) or "in progress" in str(why), why
    time.sleep(0.02)
    assert wait_until(lambda: is_done(client)), words


def choose(steps, first, cuts):
    """Where to cut: around all that changes names, and elsewhere at random."""
    places = range(first, len(steps) + 1)
    if cuts == 0 or len(places) <= cuts:
        return list(places)
    telling = [i + after for i in places[:-1] for after in (0, 1) if steps[i].kind in
               (CREATE, TRUNCATE, RENAME, UNLINK, MKDIR, FOLDER_SYNC_BEGIN)]
    some = chance.sample(telling, min(len(telling), cuts * 2 // 3))
    return sorted(set(some + chance.sample(list(places), cuts - len(some))))


def try_cuts(disk, judge, options, first=0, ways=WAYS, cuts=CUTS):
    """Judges each cut: judge(client, moment). Returns how many there were."""
    steps = read_record(disk.record)
    machine = Machine()
    done = 0
    places = choose(steps, first, cuts)
    for at in range(len(steps) + 1):
        if at in places:
            moment = steps[at].began if at < len(steps) else float("inf")
            for way in ways if LONG else [WAYS[done % len(WAYS)]]:
                if way in ways:
                    cut(machine, way, moment, judge, options, "step %d" % at)
                done += 1
        if at < len(steps):
            machine.step(steps[at])
    figures["cuts"] += done
    return done


def unfinished(folder):
    return [name for _, _, names in os.walk(folder) for name in names if name.startswith("temp-")]


def cut(machine, way, moment, judge, options, where):
    folder = os.path.join(FOLDER, "cut")
    shutil.rmtree(folder, ignore_errors=True)
    if os.path.exists(folder + ".log"):
        os.remove(folder + ".log")
    machine.rebuild(folder, way, random.Random(chance.random()))
    shutil.rmtree(folder + ".kept", ignore_errors=True)
    shutil.copytree(folder, folder + ".kept")
    box = Box(folder, *options)
    try:
        assert box.start(), "it does not start: " + box.said()[-600:]
        client = box.client()
        judge(client, moment)
        # A manifest that is just being written is not left behind: it goes by itself.
        assert wait_until(lambda: not unfinished(folder), 5), "left behind: %s" % unfinished(folder)
    except AssertionError as why:
        raise AssertionError("cut at %s, %s: %s" % (where, way, why)) from why
    finally:
        box.kill()


def judge_load(load, grace, since=0.0):
    def judge(client, moment):
        if moment < since:
            return
        worst = load.check(client, moment, grace)
        figures["worst"] = max(figures["worst"], worst)
    return judge


def life(disk, options, pause, seconds=0.0):
    """First start, load, rewrite, snapshot, rewrites by size, an orderly end."""
    box = Box(disk, *options)
    assert box.start(), box.said()
    client = box.client()
    load = Load(box, pause)
    began = time.time()
    time.sleep(0.1)
    ask(client, "BGREWRITEAOF")
    ask(client, "BGSAVE")
    if LONG or disk.control.sync_delay == 0:
        client("CONFIG", "SET", "auto-aof-rewrite-min-size", "1kb",
               "auto-aof-rewrite-percentage", 60)
    while time.time() - began < seconds:
        time.sleep(0.05)
    time.sleep(0.15)
    assert wait_until(lambda: is_done(client))
    load.stop()
    figures["acknowledged"] += load.total()
    try:
        client("SHUTDOWN")
    except EOFError:
        pass
    box.process.wait(10)
    box.process = None
    return load


@case
def the_rules_of_rebuilding_hold():
    check_rules()


@case
def always_a_power_cut_loses_nothing_acknowledged():
    disk = Disk("always", recorded=True)
    load = life(disk, LOG + ("--appendfsync", "always"), PAUSE)
    cuts = try_cuts(disk, judge_load(load, 0.0), LOG)
    return "%d cuts, %d acknowledged" % (cuts, load.total())


@case
def a_power_cut_during_a_rewrite_starts_with_everything_durable():
    disk = Disk("rewriting", recorded=True)
    box = Box(disk, *LOG, "--appendfsync", "always")
    assert box.start(), box.said()
    client = box.client()
    load = Load(box, PAUSE)
    time.sleep(0.1)
    first = len(read_record(disk.record))
    for _ in range(3):
        ask(client, "BGREWRITEAOF")
    load.stop()
    box.kill()
    figures["acknowledged"] += load.total()
    cuts = try_cuts(disk, judge_load(load, 0.0), LOG, first=first)
    return "%d cuts, %d acknowledged" % (cuts, load.total())


@case
def everysec_a_power_cut_takes_two_seconds_at_most():
    disk = Disk("everysec", recorded=True)
    disk.control.sync_delay = 300000 if LONG else 150000  # slow, so that much is under way
    figures["worst"] = 0.0
    load = life(disk, LOG + ("--appendfsync", "everysec"), PAUSE, 4.0 if LONG else 2.5)
    cuts = try_cuts(disk, judge_load(load, GRACE), LOG)
    return "%d cuts, %d acknowledged, the oldest loss was %.2f s old" % (
        cuts, load.total(), figures["worst"])


@case
def a_log_of_statements_bears_it_too():
    disk = Disk("statements", recorded=True)
    options = LOG + ("--appendfsync", "always", "--aof-use-rdb-preamble", "no")
    load = life(disk, options, PAUSE)
    cuts = try_cuts(disk, judge_load(load, 0.0), options)
    return "%d cuts, %d acknowledged" % (cuts, load.total())


@case
def turning_the_log_on_keeps_what_is_acknowledged_once_it_is_on():
    disk = Disk("turned-on", recorded=True)
    box = Box(disk, "--save", "", "--appendfsync", "always")
    assert box.start(), box.said()
    client = box.client()
    load = Load(box, PAUSE)
    time.sleep(0.1)
    client("CONFIG", "SET", "appendonly", "yes")
    time.sleep(0.01)
    assert wait_until(lambda: is_done(client))
    on_since = time.monotonic()
    time.sleep(0.15)
    load.stop()
    figures["acknowledged"] += load.total()
    box.kill()
    cuts = try_cuts(disk, judge_load(load, 0.0, on_since), LOG)
    # Off and on again: the log from before is what a cut brings back, until the new one is whole.
    return "%d cuts, %d acknowledged" % (cuts, load.total())


@case
def turning_the_log_off_and_on_never_loses_the_one_before():
    disk = Disk("off-and-on", recorded=True)
    box = Box(disk, *LOG, "--appendfsync", "always")
    assert box.start(), box.said()
    client = box.client()
    load = Load(box, PAUSE)
    time.sleep(0.2)
    load.stop()
    figures["acknowledged"] += load.total()
    first = len(read_record(disk.record))
    for value in ("no", "yes", "no", "yes"):
        client("CONFIG", "SET", "appendonly", value)
        time.sleep(0.01)
        assert wait_until(lambda: is_done(client))
    box.kill()
    return "%d cuts" % try_cuts(disk, judge_load(load, 0.0), LOG, first=first)


def two_lives(name, sync, point):
    """Killed in one life, and the power cut in the next: what the first left unsynced counts too."""
    disk = Disk(name, recorded=True)
    box = Box(disk, *LOG, "--appendfsync", sync)
    if point:
        os.environ["MILLRACE_END_AT"] = point
    try:
        assert box.start(), box.said()
    finally:
        os.environ.pop("MILLRACE_END_AT", None)
    load = Load(box, PAUSE)
    time.sleep(0.15)
    if point:
        try:
            box.client()("BGREWRITEAOF")
        except EOFError:
            pass
        assert box.process.wait(10) == -9, "it did not come by " + point
        box.process = None
    else:
        box.kill()
    load.stop()
    first = len(read_record(disk.record))
    assert box.start(), box.said()
    client, told = box.client(), []
    for number in range(60):
        client("SET", "told:%d" % number, number)
        told.append(time.monotonic())
        time.sleep(0.002)
    time.sleep(0 if sync == "always" else 2.2)
    box.kill()
    ended = time.monotonic()

    def judge(client, moment):
        load.check(client, moment, 0.0 if sync == "always" else GRACE)
        promised = [i for i, when in enumerate(told)
                    if when < min(moment, ended) - (0 if sync == "always" else GRACE)]
        for i in promised:
            assert client("GET", "told:%d" % i) == b"%d" % i, "told:%d of the second life" % i

    return try_cuts(disk, judge, LOG, first=first, cuts=CUTS // 2)


@case
def a_kill_and_then_a_power_cut_lose_nothing():
    cuts = sum(two_lives("two-" + point.split(":")[0], "always", point)
               for point in ("manifest_renamed:3", "increment_begun:1", "base_renamed:1"))
    return "%d cuts" % (cuts + two_lives("two-everysec", "everysec", None))


@case
def a_snapshot_that_was_told_is_there():
    disk = Disk("snapshots", recorded=True)
    box = Box(disk, "--save", "")
    assert box.start(), box.said()
    client = box.client()
    saved = []  # (when SAVE said OK, what it holds at least)
    for number in range(1, 6):
        client("SET", "n", number, "EX", 100000)
        client("SET", "m", number)
        if number % 2:
            client("SAVE")
        else:
            ask(client, "BGSAVE")
        saved.append((time.monotonic(), number))
    try:
        client("SHUTDOWN", "SAVE")
    except EOFError:
        pass
    box.process.wait(10)
    box.process = None

    def judge(client, moment):
        promised = max([number for when, number in saved if when < moment], default=0)
        n, m = int(client("GET", "n") or 0), int(client("GET", "m") or 0)
        assert n == m and promised <= n <= promised + 1, (n, m, promised)

    return "%d cuts" % try_cuts(disk, judge, ("--save", ""), ways=WAYS)


@case
def a_disk_that_forgets_fsync_is_found_out():
    """The test of this test: with an fsync that does nothing it must fail."""
    disk = Disk("forgets", recorded=True)
    disk.control.forgets_sync = 1
    box = Box(disk, *LOG, "--appendfsync", "always")
    assert box.start(), box.said()
    load = Load(box, PAUSE)
    time.sleep(0.1)
    load.stop()
    box.kill()
    found = []

    def judge(client, moment):
        try:
            load.check(client, moment, 0.0)
        except AssertionError as why:
            found.append(str(why))

    try:
        try_cuts(disk, judge, LOG, first=len(read_record(disk.record)) - 10, ways=("bare",))
    except AssertionError as why:
        found.append(str(why))
    assert found, "a broker that syncs nothing passed"
    return "found: " + found[0].splitlines()[0][:60]


if __name__ == "__main__":
    run("power", lambda: " %(cuts)d power cuts, %(acknowledged)d acknowledged, oldest loss with "
                         "everysec %(worst).2f s" % figures)

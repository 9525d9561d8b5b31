#!/usr/bin/env python3
"""The server's processor time for a message to many: delivery_cost.py BINARY [ORACLE]

Messages of 1 KiB to a crowd that reads, one by one and in bursts of 20. With an oracle runs
of both take turns, and the middle one of each counts: at most 0.7 of its time.
LONG=1: 1,000 subscribers and five runs of 4,000 messages; else 200 and one run.
"""
import os
import statistics
import sys

from crowd import publish
from link import Claims

LONG = os.environ.get("LONG") == "1"
CROWD = 1000 if LONG else 200
MESSAGES = 4000
ROUNDS = 5 if LONG else 1
MOST = 0.7


def main():
    claims = Claims("delivery_cost")
    binaries = sys.argv[1:3]
    for burst, name in ((1, "one by one"), (20, "in bursts of 20")):
        runs = {binary: [] for binary in binaries}
        for _ in range(ROUNDS):
            for binary in binaries:
                runs[binary].append(publish(binary, CROWD, 0, MESSAGES, burst))
        cpu = [statistics.median(run["cpu"] for run in runs[binary]) for binary in binaries]
        what = "a delivery to %d, %s: %.2f us of processor" % (CROWD, name, cpu[0])
        if len(cpu) > 1:
            bound = MOST if LONG or burst == 1 else 0.9
            claims.verdict("5", cpu[0] <= bound * cpu[1], what + ", %s %.2f us: %.2f of it" %
                           (os.path.basename(binaries[1]), cpu[1], cpu[0] / cpu[1]))
        else:
            claims.that(all(run["heard"] == CROWD for run in runs[binaries[0]]), what)
    claims.end()


main()

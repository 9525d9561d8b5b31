#!/usr/bin/env python3
"""Whether a publisher feels that some stall: subscribers_p99.py BINARY

Runs with and without stalled subscribers take turns, a server each, since the machine may do
other things meanwhile. Of each kind the middle p99 counts; with those who stall it is to be
within 1.5 times of that without. Stalled ones are closed at their limit in every run.
LONG=1: seven runs of each with 1,000 subscribers and 15,000 messages; else short ones.
"""
import os
import statistics
import sys

from crowd import publish
from link import Claims

LONG = os.environ.get("LONG") == "1"
CROWD = 1000 if LONG else 200
STALLED = 10 if LONG else 4
MESSAGES = 15000 if LONG else 2000
ROUNDS = 7 if LONG else 3


def main():
    claims = Claims("subscribers_p99")
    runs = {0: [], STALLED: []}
    for turn in range(ROUNDS):
        # Who is first changes too.
        for stalled in sorted(runs, reverse=turn % 2 == 1):
            runs[stalled].append(publish(sys.argv[1], CROWD - stalled, stalled, MESSAGES))
    p99, p50, cpu = ({stalled: statistics.median(run[what] for run in some)
                      for stalled, some in runs.items()} for what in ("p99", "p50", "cpu"))
    for stalled, some in runs.items():
        print("  %2d stalled: p99 %s ms; medians: p99 %.2f ms, p50 %.2f ms, %.2f us of processor "
              "for a delivery" % (stalled, " ".join("%.2f" % run["p99"] for run in some),
                                  p99[stalled], p50[stalled], cpu[stalled]))
    claims.that(not LONG or all(run["closed"] == STALLED for run in runs[STALLED]),
                "stalled ones were closed in every run")
    ratio = p99[STALLED] / p99[0]
    claims.verdict("5", ratio < (1.5 if LONG else 5), "publisher's p99 with %d of %d stalled is "
                   "%.2f times that without (median of %d runs each; %.2f and %.2f ms)" %
                   (STALLED, CROWD, ratio, ROUNDS, p99[STALLED], p99[0]))
    claims.end()


main()

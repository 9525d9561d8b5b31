#!/usr/bin/env python3
"""Subscribers, some of which stall: subscribers.py BINARY

A crowd subscribes, a few of it never read. A publisher sends messages of 1 KiB and waits
for each answer. Memory stays within the limits, and all others receive everything.
LONG=1: 1,000 subscribers, 10 stalled, 100,000 messages; else some of each.
"""
import os
import sys

from crowd import LIMIT, publish
from link import Claims

LONG = os.environ.get("LONG") == "1"
CROWD = 1000 if LONG else 200
STALLED = 10 if LONG else 4
MESSAGES = 100000 if LONG else 5000


def main():
    claims = Claims("subscribers")
    # What a stalled one may hold, by reference: one copy for all, and the sockets' own buffers.
    bound = STALLED * LIMIT + (64 << 20)
    got = publish(sys.argv[1], CROWD - STALLED, STALLED, MESSAGES)
    claims.verdict("5", got["heard"] == CROWD - STALLED,
                   "with %d stalled %d of the other %d receive all %d messages" %
                   (STALLED, got["heard"], CROWD - STALLED, MESSAGES))
    claims.verdict("5", got["grown"] < bound, "memory grows by %.1f MiB at the peak, %d were "
                   "closed" % (got["grown"] / (1 << 20), got["closed"]))
    claims.end()


main()

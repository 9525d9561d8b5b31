#!/usr/bin/env python3
"""How well eviction chooses: evict_quality.py BINARY [ORACLE]

A cache of fixed memory is asked for keys of a Zipf distribution (0.99), once pure and
once with scans between, which touch each key once; a miss is filled in. Prints the hit
ratio for LRU and LFU, and what a write at the limit costs. With an oracle the hit ratios
must not be below its own, and writes at least as many. How long others wait: evict_stall.py.
"""
import itertools
import os
import statistics
import sys
import time

from evict_trace import zipf
from link import Claims, Server, request

LONG = os.environ.get("LONG") == "1"
KEYS = 100000 if LONG else 20000
REQUESTS = 600000 if LONG else 48000
VALUE = b"v" * 100
SHARE = 0.1  # of the keys that fit, about, if one takes so much:
KEY_BYTES = 220


def trace(scans, seed=1):
    """Keys to ask for; with scans every fifth part is a run over keys that never come again."""
    source = zipf(KEYS, 0.99, seed)
    fresh = itertools.count(KEYS)
    for i in range(REQUESTS):
        yield next(fresh) if scans and i % 5000 < 1000 else next(source)


def hit_ratio(binary, policy, scans):
    options = ("--maxmemory-policy", policy)
    with Server(binary, *options) as server:
        link = server.link()
        empty = int(link.info("memory")["used_memory"])
        link.ask("CONFIG", "SET", "maxmemory", empty + int(KEYS * SHARE) * KEY_BYTES)
        link.ask("CONFIG", "RESETSTAT")
        keys = trace(scans)
        hits = asked = 0
        while True:
            batch = list(itertools.islice(keys, 64))
            if not batch:
                break
            # The first third warms up.
            found = link.ask_all([("GET", "k:%d" % key) for key in batch])
            if asked > REQUESTS // 3:
                hits += sum(value is not None for key, value in zip(batch, found) if key < KEYS)
            asked += len(batch)
            link.ask_all([("SET", "k:%d" % key, VALUE)
                          for key, value in zip(batch, found) if value is None])
        wanted = sum(key < KEYS for i, key in enumerate(trace(scans)) if i > REQUESTS // 3)
        evicted = int(link.info("stats")["evicted_keys"])
        return hits / wanted, evicted


def writes_at_limit(binary):
    with Server(binary, "--maxmemory", "20mb", "--maxmemory-policy", "allkeys-lru") as server:
        link = server.link()
        link.ask_all([("SET", "w:%d" % i, VALUE) for i in range(150000)], 1000)
        batches = [b"".join(request(("SET", "x:%d" % (j * 100 + i), VALUE)) for i in range(100))
                   for j in range(600)]
        began = time.perf_counter()
        used = server.processor_time()
        for batch in batches:
            link.socket.sendall(batch)
            for _ in range(100):
                link.file.readline()
        return (60000 / (time.perf_counter() - began),
                (server.processor_time() - used) / 60000 * 1e6)


def main():
    binary = sys.argv[1]
    oracle = sys.argv[2] if len(sys.argv) > 2 else None
    claims = Claims("evict_quality")
    for policy in ("allkeys-lru", "allkeys-lfu"):
        for scans in (False, True):
            ratio, evicted = hit_ratio(binary, policy, scans)
            what = "%s, Zipf 0.99%s: hit ratio %.2f %%" % (policy, " with scans" if scans else "",
                                                          100 * ratio)
            if oracle:
                other, _ = hit_ratio(oracle, policy, scans)
                claims.verdict("3", ratio >= other - 0.002, what + ", %s %.2f %%: %.3f times" %
                               (os.path.basename(oracle), 100 * other, ratio / other))
            else:
                claims.that(ratio > 0.5 and evicted > KEYS // 4, what)
    # By turns, since the machine may do other things: the middle one of each counts.
    rounds = 3 if oracle else 1
    here, there = [], []
    for _ in range(rounds):
        here.append(writes_at_limit(binary))
        there += [writes_at_limit(oracle)] if oracle else []
    rate, cpu = (statistics.median(one[i] for one in here) for i in range(2))
    what = "SET at the limit: %.0f a second, %.2f us of processor each" % (rate, cpu)
    if oracle:
        other_rate, other_cpu = (statistics.median(one[i] for one in there) for i in range(2))
        claims.verdict("3", cpu <= other_cpu, what + "; %s %.0f, %.2f us: %.2f times as many" %
                       (os.path.basename(oracle), other_rate, other_cpu, other_cpu / cpu))
    else:
        claims.that(rate > 1000, what)
    claims.end()


main()

#!/usr/bin/env python3
"""A cache and three job queues in one server at its limit: cache_and_queues.py BINARY [ORACLE]

A plain list whose workers are away, a list with a processing list beside it, and a
stream with a group hold a backlog of jobs while a cache fills whatever memory is left. No job may be lost and no
worker may hear an error. LONG=1 runs ten minutes, else a few seconds. With an oracle the
same load shows within a minute what is lost there.
"""
import itertools
import os
import random
import sys
import time

from evict_trace import zipf
from link import Claims, Refused, Server

LONG = os.environ.get("LONG") == "1"
SECONDS = 600 if LONG else 5
EVICTED = 100  # keys, at least: so it was at its limit
ELSEWHERE = min(SECONDS, 60)
BACKLOG = 2000
BATCH = 20
QUEUES = ("plain", "reliable", "stream")


class Jobs:
    """What was put into a queue and what came out."""

    def __init__(self):
        self.put = set()
        self.done = set()
        self.next = itertools.count()

    def fresh(self, count):
        return ["job:%d:" % next(self.next) + "x" * 400 for _ in range(count)]


def produce(link, jobs, errors):
    for name in QUEUES:
        backlog = len(jobs[name].put) - len(jobs[name].done)
        if backlog > BACKLOG:
            continue
        # Whoever works on the plain queue is away until the end.
        if name == "plain" and len(jobs[name].put) >= BACKLOG:
            continue
        fresh = jobs[name].fresh(2 * BATCH)
        if name == "stream":
            replies = link.ask_all([("XADD", "q:stream", "*", "job", job) for job in fresh])
        else:
            replies = link.ask_all([("RPUSH", "q:" + name, job) for job in fresh])
        for job, reply in zip(fresh, replies):
            if isinstance(reply, Refused):
                errors["producer"] += 1
            else:
                jobs[name].put.add(job)


def work(link, jobs, errors, count, queues=QUEUES):
    def done(name, job):
        jobs[name].done.add(job.decode())

    taken = link.ask("LPOP", "q:plain", count) if "plain" in queues else None
    if isinstance(taken, Refused):
        errors["worker"] += 1
    else:
        for job in taken or []:
            done("plain", job)
    taken = link.ask_all([("LMOVE", "q:reliable", "q:processing", "LEFT", "RIGHT")] * count)
    for job in taken:
        if isinstance(job, Refused):
            errors["worker"] += 1
        elif job is not None and isinstance(link.ask("LREM", "q:processing", 1, job), int):
            done("reliable", job)
    taken = link.ask("XREADGROUP", "GROUP", "g", "w", "COUNT", count, "STREAMS", "q:stream", ">")
    if isinstance(taken, Refused):
        errors["worker"] += 1
        link.ask("XGROUP", "CREATE", "q:stream", "g", "0", "MKSTREAM")
    elif taken:
        for entry in taken[0][1]:
            reply = link.ask("XACK", "q:stream", "g", entry[0])
            link.ask("XDEL", "q:stream", entry[0])
            if isinstance(reply, Refused):
                errors["worker"] += 1
            else:
                done("stream", entry[1][1])


def evicted(link):
    return int(link.info("stats")["evicted_keys"])


def run(binary, options, setup, seconds):
    with Server(binary, *options) as server:
        link = server.link()
        for words in setup:
            link.ask(*words)
        link.ask("XGROUP", "CREATE", "q:stream", "g", "0", "MKSTREAM")
        jobs = {name: Jobs() for name in QUEUES}
        errors = {"worker": 0, "producer": 0}
        cache = zipf(200000, 0.7, 3)
        hits = asked = 0
        until = time.time() + seconds
        at_most = until + 60  # a slow machine takes longer to come to the limit
        chance = random.Random(5)
        while time.time() < until or (evicted(link) <= EVICTED and time.time() < at_most):
            produce(link, jobs, errors)
            if chance.random() < 0.8:
                work(link, jobs, errors, BATCH, QUEUES[1:])
            keys = ["c:%d" % next(cache) for _ in range(100)]
            found = link.ask_all([("GET", key) for key in keys])
            hits += sum(value is not None for value in found)
            asked += len(keys)
            link.ask_all([("SET", key, b"v" * 200)
                          for key, value in zip(keys, found) if value is None])
        gone = evicted(link)
        for _ in range(1000):
            if all(len(queue.put - queue.done) == 0 for queue in jobs.values()):
                break
            before = sum(len(queue.done) for queue in jobs.values())
            work(link, jobs, errors, 200)
            if sum(len(queue.done) for queue in jobs.values()) == before:
                break
        lost = {name: len(queue.put - queue.done) for name, queue in jobs.items()}
        return {"lost": sum(lost.values()), "by": lost, "errors": errors,
                "put": sum(len(queue.put) for queue in jobs.values()),
                "ratio": hits / asked, "evicted": gone}


def tell(name, result):
    print("  %s: %d jobs, %d lost %s, %d errors of workers, %d of producers, cache hit ratio "
          "%.1f %%, %d keys evicted" %
          (name, result["put"], result["lost"], result["by"], result["errors"]["worker"],
           result["errors"]["producer"], 100 * result["ratio"], result["evicted"]))


def main():
    claims = Claims("cache_and_queues")
    limit = ("--maxmemory", "12mb", "--maxmemory-policy", "allkeys-lru")
    result = run(sys.argv[1], limit + ("--maxmemory-queues", "9mb"), [], SECONDS)
    tell("here", result)
    claims.that(result["evicted"] > EVICTED, "the server was at its limit")
    claims.verdict("4", result["lost"] == 0 and result["errors"]["worker"] == 0,
                   "in %d s of load %d of %d jobs were lost, workers heard %d errors, hit ratio "
                   "of the cache %.1f %%" % (SECONDS, result["lost"], result["put"],
                                             result["errors"]["worker"], 100 * result["ratio"]))
    if len(sys.argv) > 2:
        other = run(sys.argv[2], limit, [], ELSEWHERE)
        tell(os.path.basename(sys.argv[2]), other)
        claims.that(other["lost"] > 0, "the same load elsewhere loses %d jobs" % other["lost"])
    claims.end()


main()

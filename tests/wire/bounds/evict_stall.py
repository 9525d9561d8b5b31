#!/usr/bin/env python3
"""How long others wait while most of the data is evicted: evict_stall.py BINARY

Fills a server, sets maxmemory to a little of that, and looks for the longest turn of its
loop until all is evicted, as DEBUG LONGEST-TURN tells it: the time in which others had the
processor does not count, nor in the short version any wait for threads that others hold up. Sixteen sessions ask meanwhile, some of them for what makes room first.
Once with small strings, and with strings and hashes of 10 MB, hashes of some thousand
fields, small hashes, and keys that expire. LONG=1: 1 GB of each, else 64 MB.
"""
import os
import sys
import threading
import time

from link import Claims, Server, request

LONG = os.environ.get("LONG") == "1"
BYTES = (1024 if LONG else 64) << 20
LIMIT = 8 << 20
WORST = 5.0  # milliseconds
ASKING = 16


def fill(link, words, count, at_once):
    """Says words(0) to words(count - 1) in pipelines, and reads no more than the ends of lines."""
    for begin in range(0, count, at_once):
        some = range(begin, min(begin + at_once, count))
        link.socket.sendall(b"".join(request(words(i)) for i in some))
        for _ in some:
            link.file.readline()


def small_strings(link):
    fill(link, lambda i: ("SET", "k:%d" % i, b"v" * 900), BYTES >> 10, 1000)


def expiring_strings(link):
    fill(link, lambda i: ("SET", "k:%d" % i, b"v" * 900, "EX", 1000 + i % 5000), BYTES >> 10, 1000)


def large_strings(link):
    fill(link, lambda i: ("SET", "k:%d" % i, b"v" * (10 << 20)), BYTES // (10 << 20), 1)


def hashes(fields, size):
    def words(i):
        flat = []
        for field in range(fields):
            flat += ["field:%d" % field, b"v" * size]
        return ["HSET", "k:%d" % i] + flat

    count = max(4, BYTES // (fields * (size + 60)))
    return lambda link: fill(link, words, count, 1 if fields > 1000 else 100)


SHAPES = {
    "strings of 900 bytes": small_strings,
    "strings of 900 bytes that expire": expiring_strings,
    "strings of 10 MB": large_strings,
    "hashes of 100,000 fields": hashes(100000, 64),
    "hashes of 4,000 fields": hashes(4000, 64),
    "hashes of 60 long fields": hashes(60, 200),
}


def ask_on(server, stop, waits, writes):
    link = server.link()
    i = 0
    while not stop.is_set():
        at = time.perf_counter()
        if writes:
            link.ask("SET", "fresh:%d" % (i % 1000), "v")
        else:
            link.ask("PING")
        waits.append(time.perf_counter() - at)
        time.sleep(0.0005)
        i += 1


def worst_turn(binary, fill_with):
    with Server(binary, "--maxmemory-policy", "allkeys-lru",
                "--enable-debug-command", "yes") as server:
        link = server.link()
        fill_with(link)
        waits, stop = [], threading.Event()
        threads = [threading.Thread(target=ask_on, args=(server, stop, waits, i % 4 == 0))
                   for i in range(ASKING)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        used = int(link.info("memory")["used_memory"])
        link.ask("CONFIG", "SET", "latency-monitor-threshold", 1)
        link.ask("DEBUG", "LONGEST-TURN")
        time.sleep(0.5)
        calm = [part / 1000 for part in link.ask("DEBUG", "LONGEST-TURN")]
        waits.clear()
        began = time.perf_counter()
        link.ask("CONFIG", "SET", "maxmemory", LIMIT)
        while (int(link.info("memory")["used_memory"]) > LIMIT + (1 << 20) and
               time.perf_counter() - began < 120):
            time.sleep(0.05)
        took = time.perf_counter() - began
        time.sleep(1.2)
        stop.set()
        for thread in threads:
            thread.join()
        turn = [part / 1000 for part in link.ask("DEBUG", "LONGEST-TURN")]
        events = {event[0].decode(): event[3] for event in link.ask("LATENCY", "LATEST")}
        waits.sort()
        memory = link.info("memory")
        return {"turn": turn, "calm": calm, "took": took, "events": events,
                "evicted": used - int(memory["used_memory"]),
                "kept": int(memory["used_memory_dataset"]) / LIMIT,
                "p99": 1e3 * waits[len(waits) * 99 // 100] if waits else 0}


def main():
    claims = Claims("evict_stall")
    wanted = sys.argv[2:]
    worst = 0
    for name, fill_with in SHAPES.items():
        if wanted and not any(word in name for word in wanted):
            continue
        got = worst_turn(sys.argv[1], fill_with)
        took, on_cpu, queued = got["turn"]
        held = took - queued if LONG else on_cpu
        worst = max(worst, held)
        claims.that(held < WORST and got["evicted"] > BYTES // 2,
                    "%s: %d MB evicted in %.1f s, the longest turn %.2f ms (%.2f of it on a "
                    "processor; others had that for %.2f more; %.2f before), ninety-nine in a "
                    "hundred answers within %.2f ms%s" %
                    (name, got["evicted"] >> 20, got["took"], took - queued, on_cpu, queued,
                     got["calm"][0] - got["calm"][2], got["p99"],
                     " %s" % got["events"] if got["events"] else ""))
        if "900 bytes" in name:
            claims.that(got["kept"] > 0.7, "of the new limit %.0f %% hold data" %
                        (100 * got["kept"]))
    claims.verdict("3", worst < WORST, "worst stall while %d MB are evicted after CONFIG SET "
                   "maxmemory: %.2f ms (below %d asked)" % (BYTES >> 20, worst, WORST))
    claims.end()


if __name__ == "__main__":
    main()

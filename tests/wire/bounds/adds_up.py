#!/usr/bin/env python3
"""The parts of memory add up: adds_up.py BINARY [ITEMS]

Fills a server with every type, measures all keys one by one (MEMORY TYPES), adds
what MEMORY STATS says is overhead, and compares the sum with the bytes that the
allocator says are handed out: they are within 2 % of each other. An empty server
uses well under a megabyte.
"""
import random
import sys
import time

from link import Claims, Server, pairs


def fill(link, items):
    chance = random.Random(1)
    commands = []

    def text(most):
        return b"v" * chance.randint(1, most)

    for i in range(items):
        commands.append(("SET", "str:%d" % i, text(300)))
        if i % 10 == 0:
            commands.append(("EXPIRE", "str:%d" % i, 10000))
        if i % 20 == 0:
            commands.append(["RPUSH", "l:%d" % (i // 1000)] + [text(100) for _ in range(20)])
            commands.append(("XADD", "st:%d" % (i // 5000), "*", "f", text(80), "g", i))
            commands.append(["HSET", "h:%d" % (i // 1000)] +
                            [word for k in range(10) for word in ("f%d" % (i + k), text(80))])
            commands.append(["SADD", "s:%d" % (i // 1000)] +
                            ["m%d" % chance.randint(0, 10**9) for _ in range(10)])
            commands.append(["ZADD", "z:%d" % (i // 1000)] +
                            [word for _ in range(10)
                             for word in (chance.random(), "m%d" % chance.randint(0, 10**9))])
            commands.append(("HSET", "hs:%d" % i, "a", "b", "c", "d"))
        if i % 1000 == 0:
            commands.append(("SET", "big:%d" % i, b"x" * 20000))
        if i % 5000 == 0:
            commands.append(("XGROUP", "CREATE", "st:%d" % (i // 5000), "g", "0", "MKSTREAM"))
    commands.append(("SELECT", 3))
    commands += [("SET", "other:%d" % i, i) for i in range(1000)]
    commands.append(("SELECT", 0))
    refused = [reply for reply in link.ask_all(commands) if str(reply).startswith("ERR")]
    if refused:
        raise SystemExit(refused[0])
    for i in range(items // 5000):
        link.ask("XREADGROUP", "GROUP", "g", "alice", "COUNT", 100000, "STREAMS", "st:%d" % i, ">")


def measured(link):
    """Bytes of all keys, by type."""
    of = {}
    for database in pairs(link.ask("MEMORY", "TYPES", "SAMPLES", "0")).values():
        for name, type_ in pairs(database).items():
            of[name] = of.get(name, 0) + pairs(type_)["bytes"]
    return of


def add_up(link, claims, what):
    """Claims that what was measured and the overhead are what the allocator handed out."""
    of = measured(link)
    stats = pairs(link.ask("MEMORY", "STATS"))
    total = sum(of.values()) + stats["overhead.total"]
    allocated = stats["allocator.allocated"]
    claims.that(abs(total / allocated - 1) < 0.02,
                "%smeasured %d + overhead %d are %.2f %% of the allocator's %d" %
                (what, sum(of.values()), stats["overhead.total"], 100 * total / allocated,
                 allocated))
    return of, stats


def with_replica(claims, binary, items):
    """The backlog is full, a replica follows, and one hears nothing of what it is sent."""
    with Server(binary, "--repl-backlog-size", "8mb", "--appendonly", "yes",
                "--repl-diskless-sync-delay", "0",
                "--client-output-buffer-limit", "replica 0 0 0") as server, \
            Server(binary, "--replicaof", "127.0.0.1 %d" % server.port) as replica:
        link = server.link()
        follower = replica.link()
        for _ in range(300):
            if follower.info("replication").get("master_link_status") == "up":
                break
            time.sleep(0.1)
        claims.that(follower.info("replication").get("master_link_status") == "up",
                    "a replica follows")
        fill(link, items)
        deaf = server.link(receive_bytes=4096)
        deaf.say("PSYNC", "?", "-1")
        time.sleep(1)
        link.ask_all([("SET", "churn:%d" % (i % 100), b"c" * 1000) for i in range(12000)])
        time.sleep(1.5)  # what the log's thread holds is nobody's for a moment
        memory = link.info("memory")
        claims.that(int(memory["mem_replication_backlog"]) > 8000000,
                    "the backlog takes %s bytes, replicas %s" %
                    (memory["mem_replication_backlog"], memory["mem_clients_slaves"]))
        add_up(link, claims, "with replicas: ")
        for _ in range(100):
            if (follower.info("replication").get("slave_repl_offset") ==
                    link.info("replication").get("master_repl_offset")):
                break
            time.sleep(0.1)
        add_up(follower, claims, "on the replica: ")
        deaf.close()


def main():
    binary = sys.argv[1]
    items = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    claims = Claims("adds_up")
    with Server(binary) as server:
        link = server.link()
        used = int(link.info("memory")["used_memory"])
        claims.that(used < 600 * 1024, "an empty server uses %d bytes" % used)
        fill(link, items)
        readers = [server.link() for _ in range(200)]
        for reader in readers:
            reader.ask("SUBSCRIBE", "news")
        of, stats = add_up(link, claims, "")
        print("  " + ", ".join("%s %d" % pair for pair in sorted(of.items())))
        claims.that(len(of) == 6, "every type was measured")
        claims.that(abs(stats["dataset.bytes"] / sum(of.values()) - 1) < 0.02,
                    "the dataset by subtraction is %.2f %% of the dataset as measured" %
                    (100 * stats["dataset.bytes"] / sum(of.values())))
        link.ask("FLUSHALL")
        link.ask("SELECT", 3)
        for reader in readers:
            reader.close()
        link.ask("PING")
        claims.that(link.ask("MEMORY", "TYPES") == [], "nothing is measured where nothing is")
        for _ in range(50):
            left = int(link.info("memory")["used_memory"]) - used
            if left < 300 << 10:
                break
            time.sleep(0.1)
        claims.that(left < 300 << 10, "after FLUSHALL %d bytes more are in use than before" % left)
    with_replica(claims, binary, items // 2)
    claims.end()


main()

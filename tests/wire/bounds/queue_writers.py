#!/usr/bin/env python3
"""Writers that wait for room in full queues: queue_writers.py BINARY

Hundreds wait with maxmemory-queues-wait; some hang up. When there is room all others are
served, and nobody is left. They go on too when the limit is lifted, and leave no trace when
they are killed.
"""
import random
import sys
import time

from link import Claims, Refused, Server

WRITERS = 400
LEAVING = 150


def waiting_becomes(link, count):
    for _ in range(200):
        if int(link.info("memory")["queue_waiting_writers"]) == count:
            return True
        time.sleep(0.05)
    return False


def waits(server, link, *words):
    """Somebody who says something and waits."""
    writer = server.link()
    number = writer.ask("CLIENT", "ID")
    writer.say(*words)
    return writer, number, waiting_becomes(link, 1)


def main():
    claims = Claims("queue_writers")
    with Server(sys.argv[1], "--maxmemory-queues", "1mb") as server:
        link = server.link()
        while not isinstance(link.ask("RPUSH", "q", "x" * 500), Refused):
            pass
        link.ask("CONFIG", "SET", "maxmemory-queues-wait", "60000")
        writers = [server.link() for _ in range(WRITERS)]
        for i, writer in enumerate(writers):
            writer.say("RPUSH", "r", str(i))
        claims.that(waiting_becomes(link, WRITERS), "%d writers wait" % WRITERS)
        gone = set(random.Random(1).sample(range(WRITERS), LEAVING))
        for i in gone:
            writers[i].close()
        claims.that(waiting_becomes(link, WRITERS - LEAVING), "%d of them hang up" % LEAVING)
        link.ask("DEL", "q")
        claims.that(waiting_becomes(link, 0), "nobody waits once there is room")
        served = [int(number) for number in link.ask("LRANGE", "r", 0, -1)]
        claims.that(sorted(served) == sorted(set(range(WRITERS)) - gone),
                    "all others were served, and nobody else")
        claims.that(int(link.info("clients")["blocked_clients"]) == 0, "and nobody is blocked")

        link.ask("CONFIG", "SET", "maxmemory-queues", "100")
        writer, _, held = waits(server, link, "RPUSH", "r", "z")
        link.ask("CONFIG", "SET", "maxmemory-queues", "0")
        claims.that(held and writer.read() == len(served) + 1, "a limit that is lifted lets go")
        link.ask("CONFIG", "SET", "maxmemory-queues", "100")
        _, number, held = waits(server, link, "RPUSH", "r", "z")
        claims.that(held and link.ask("CLIENT", "KILL", "ID", number) == 1 and
                    waiting_becomes(link, 0), "who is killed waits no longer")
        claims.that(link.ask("LLEN", "r") == len(served) + 1, "and wrote nothing")
    claims.end()


main()

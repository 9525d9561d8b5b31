#!/usr/bin/env python3
"""Storms of connections: storms.py BINARY [CONNECTIONS]

Thousands of connections open and close, more than maxclients and more than there
are descriptors: who is one too many is told so, the others are served, and when
all are gone the counts are what they were.
"""
import resource
import socket
import sys
import time

from link import Claims, Link, Refused, Server

REFUSED = "ERR max number of clients reached"


def counts(link):
    clients, stats = link.info("clients"), link.info("stats")
    return {"connected": int(clients["connected_clients"]),
            "blocked": int(clients["blocked_clients"]),
            "channels": int(stats["pubsub_channels"]),
            "watched": int(clients.get("tracking_clients", 0)),
            "memory": int(link.info("memory")["used_memory"])}


def storm(port, connections, at_once, claims, most):
    """Opens connections in waves; each does one thing and most go away without a word."""
    served = refused = other = 0
    opened = 0
    while opened < connections:
        wave = []
        for i in range(min(at_once, connections - opened)):
            try:
                wave.append(Link(port))
            except OSError:
                other += 1
            opened += 1
        things = [("PING",), ("SUBSCRIBE", "news"), ("BLPOP", "queue", "0"), ("WATCH", "key"),
                  ("CLIENT", "TRACKING", "ON", "BCAST"), ("MULTI",), ("GET", "key")]
        for i, link in enumerate(wave):
            try:
                link.say(*things[i % len(things)])
            except OSError:
                pass
        for i, link in enumerate(wave):
            if i % len(things) == 2:
                # It waits: only a refusal would come.
                link.socket.settimeout(0.001 if served else 0.5)
            try:
                reply = link.read()
                if isinstance(reply, Refused) and reply == REFUSED:
                    refused += 1
                elif isinstance(reply, Refused):
                    other += 1
                else:
                    served += 1
            except socket.timeout:
                served += 1
            except (OSError, ConnectionError):
                other += 1
        for link in wave:
            link.close()
        time.sleep(0.02)
    claims.that(served + refused + other == connections,
                "of %d connections %d were served, %d refused with a clear error, %d lost" %
                (connections, served, refused, other))
    claims.that(served >= connections * most // at_once // 2, "service went on in the storm")
    claims.that(other <= connections // 100, "hardly any was closed without a word")


def settle(link, before, claims):
    for _ in range(100):
        now = counts(link)
        if now["connected"] <= before["connected"] and now["blocked"] == 0:
            break
        time.sleep(0.05)
    for what in ("connected", "blocked", "channels", "watched"):
        claims.that(now[what] == before[what], "%s: %d before, %d after" %
                    (what, before[what], now[what]))
    claims.that(now["memory"] - before["memory"] < 2 << 20,
                "memory: %d KiB more than before" % ((now["memory"] - before["memory"]) >> 10))


def main():
    binary = sys.argv[1]
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    claims = Claims("storms")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with Server(binary, "--maxclients", "200") as server:
        link = server.link()
        before = counts(link)
        storm(server.port, connections, 400, claims, 199)
        settle(link, before, claims)
        stats = link.info("stats")
        claims.that(int(stats["rejected_connections"]) > connections // 4,
                    "INFO counts %s rejected connections" % stats["rejected_connections"])
    with Server(binary, "--maxclients", "10000", limit_files=200) as server:
        link = server.link()
        most = int(link.ask("CONFIG", "GET", "maxclients")[1])
        claims.that(most < 200, "with 200 descriptors maxclients is brought down to %d" % most)
        before = counts(link)
        storm(server.port, connections // 5, 400, claims, most - 1)
        settle(link, before, claims)
        claims.that(link.ask("PING") == "PONG" and server.alive(), "the server is well")
    claims.end()


main()

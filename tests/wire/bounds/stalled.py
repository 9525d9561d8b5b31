#!/usr/bin/env python3
"""Who does not read costs no copies: stalled.py BINARY

A client that asks 1,500 times for a value of 1 MiB and does not read; and twenty
subscribers that do not read messages of 1 MiB. Replies and messages are shared.
"""
import os
import sys
import time

from link import Claims, Server, request

MIB = 1 << 20


def large_replies(binary, claims, bound):
    with Server(binary) as server:
        link = server.link()
        link.ask("SET", "large", os.urandom(MIB))
        before = server.resident()
        reader = server.link(receive_bytes=4096)
        reader.socket.sendall(request(("GET", "large")) * 1500)
        peak = 0
        for _ in range(20):
            time.sleep(0.1)
            peak = max(peak, server.resident())
        claims.that(peak - before < bound,
                    "1,500 unread replies of 1 MiB cost %.1f MiB" % ((peak - before) / MIB))
        omem = [line for line in link.ask("CLIENT", "LIST").decode().split("\n")
                if "omem=0 " not in line]
        print("  " + " ".join(word for word in omem[0].split() if word[:4] in ("obl=", "omem")))
        reader.close()
        claims.that(link.ask("PING") == "PONG", "and service goes on")
        link.ask("SET", "large", "small")
        time.sleep(0.2)


def large_messages(binary, claims, bound):
    with Server(binary, "--client-output-buffer-limit", "pubsub 0 0 0") as server:
        link = server.link()
        readers = [server.link(receive_bytes=4096) for _ in range(20)]
        for reader in readers:
            reader.ask("SUBSCRIBE", "news")
        before = server.resident()
        peak = 0
        body = os.urandom(MIB)
        for _ in range(32):
            link.ask("PUBLISH", "news", body)
            peak = max(peak, server.resident())
        claims.that(peak - before < bound,
                    "32 messages of 1 MiB for 20 who do not read cost %.1f MiB at the peak" %
                    ((peak - before) / MIB))
        for reader in readers:
            reader.close()


def main():
    binary = sys.argv[1]
    claims = Claims("stalled")
    stock = "redis" in os.path.basename(binary)
    large_replies(binary, claims, 1 << 40 if stock else 50 * MIB)
    large_messages(binary, claims, 1 << 40 if stock else 45 * MIB)
    claims.end()


main()

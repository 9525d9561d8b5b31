#!/usr/bin/env python3
"""CLIENT OVERFLOW, with subscribers that do not read: overflow.py BINARY"""
import sys
import time

from link import Claims, Server

MESSAGES = 4000
SIZE = 4096
LIMIT = 256 * 1024


def numbers(messages, channel=None):
    return [int(message[2][:8]) for message in messages
            if message[0] == b"message" and (channel is None or message[1] == channel)]


def stalled(server, mode, protocol=3):
    link = server.link(protocol, receive_bytes=4096)
    assert link.ask("CLIENT", "OVERFLOW", mode, "LIMIT", LIMIT) == "OK"
    assert link.ask("SUBSCRIBE", "a", "b")[0] == b"subscribe"
    link.read()
    return link


def main():
    claims = Claims("overflow")
    with Server(sys.argv[1]) as server:
        publisher = server.link()
        before = int(publisher.info("memory")["used_memory"])
        links = {mode: stalled(server, mode) for mode in ("drop-oldest", "drop-newest", "latest")}
        old = stalled(server, "drop-oldest", protocol=2)
        for i in range(MESSAGES):
            publisher.ask("PUBLISH", "ab"[i % 2], b"%08d" % i + b"x" * SIZE)
        held = int(publisher.info("memory")["used_memory"]) - before
        dropped = int(publisher.info("stats")["pubsub_dropped_messages"])
        text = publisher.ask("CLIENT", "LIST").decode()
        claims.that(held < 8 << 20, "%d MB were published, %d KiB are held for four who stall" %
                    (MESSAGES * SIZE >> 20, held >> 10))
        claims.that(dropped > MESSAGES, "INFO counts %d dropped messages" % dropped)
        claims.that("overflow=latest dropped=" in text and "overflow=drop-newest" in text,
                    "CLIENT LIST tells mode and count")
        marks = {}
        for mode, link in links.items():
            # Each gets an end that cannot be dropped: it reads now.
            heard = []
            link.socket.settimeout(2)
            try:
                while True:
                    heard.append(link.read())
            except OSError:
                pass
            marks[mode] = heard
        for mode, heard in marks.items():
            got = numbers(heard)
            missed = sum(push[2] for push in heard if push[:2] == [b"overflow", b"dropped"])
            claims.that(all(numbers(heard, channel) == sorted(numbers(heard, channel))
                            for channel in (b"a", b"b")),
                        mode + ": what is heard of a channel is in order")
            claims.that(len(got) + missed == MESSAGES,
                        "%s: %d heard and %d told as dropped are all" % (mode, len(got), missed))
        claims.that(numbers(marks["drop-oldest"])[-1] == MESSAGES - 1, "drop-oldest has the newest")
        newest = numbers(marks["drop-newest"])
        claims.that(newest == list(range(len(newest))), "drop-newest has the oldest, without a gap")
        late = numbers(marks["latest"])
        claims.that(sorted(late[-2:]) == [MESSAGES - 2, MESSAGES - 1],
                    "latest has the newest of each channel")
        old.close()
        for link in links.values():
            link.close()
        time.sleep(0.2)
        publisher.ask("PING")
        left = int(publisher.info("memory")["used_memory"]) - before
        claims.that(left < 6 << 20, "%d KiB are left when they are gone" % (left >> 10))
    with Server(sys.argv[1], "--client-output-buffer-limit", "pubsub 32mb 1mb 60") as server:
        publisher = server.link()
        warned = server.link(3, receive_bytes=4096)
        warned.ask("CLIENT", "OVERFLOW", "disconnect")
        warned.ask("SUBSCRIBE", "a")
        for i in range(2000):
            publisher.ask("PUBLISH", "a", b"%08d" % i + b"x" * SIZE)
        heard = []
        warned.socket.settimeout(2)
        try:
            while True:
                heard.append(warned.read())
        except OSError:
            pass
        warnings = [push for push in heard if push[:2] == [b"overflow", b"warning"]]
        claims.that(len(warnings) == 1 and warnings[0][3] == 1 << 20,
                    "the soft limit warns once: %s" % warnings)
        claims.that(len(numbers(heard)) == 2000, "and nothing is lost below the hard limit")
    claims.end()


main()

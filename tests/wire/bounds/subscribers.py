#!/usr/bin/env python3
"""Subscribers, some of which stall: subscribers.py BINARY [ORACLE]

A crowd subscribes, a few of it never read. A publisher sends messages of 1 KiB and
waits for each answer. Memory stays within the limits, all others receive everything,
and the publisher's p99 is within 1.5 times of a run in which nobody stalls.
LONG=1: 1,000 subscribers, 10 stalled, 100,000 messages; else a tenth of each, twice over.
With an oracle its processor time for each delivery is compared too.
"""
import os
import selectors
import socket
import sys
import threading
import time

from link import Claims, Link, Server

LONG = os.environ.get("LONG") == "1"
CROWD = 1000 if LONG else 200
STALLED = 10 if LONG else 4
MESSAGES = 100000 if LONG else 5000
SIZE = 1024
LIMIT = 8 << 20


class Crowd(threading.Thread):
    """All who read, in one thread of a process of its own: counts bytes, looks at none."""

    def __init__(self, port, count, expected):
        super().__init__(daemon=True)
        self.expected = expected
        self.sockets = []
        self.selector = selectors.DefaultSelector()
        self.got = {}
        for _ in range(count):
            link = Link(port)
            link.ask("SUBSCRIBE", "news")
            link.socket.setblocking(False)
            self.sockets.append(link)
            self.got[link.socket.fileno()] = 0
            self.selector.register(link.socket, selectors.EVENT_READ)
        self.done = 0

    def run(self):
        until = time.time() + (900 if LONG else 60)
        room = bytearray(1 << 20)
        while self.done < len(self.sockets) and time.time() < until:
            for key, _ in self.selector.select(1):
                try:
                    got = key.fileobj.recv_into(room)
                except OSError:
                    got = 0
                if got == 0:
                    self.selector.unregister(key.fileobj)
                    continue
                self.got[key.fd] += got
                if self.got[key.fd] == self.expected:
                    self.done += 1


def crowd_process(port, count, expected, pipe):
    """Runs the crowd in a child; says when all listen, and how many heard everything."""
    reader, writer = pipe
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        crowd = Crowd(port, count, expected)
        os.write(writer, b"+")
        crowd.run()
        os.write(writer, b"%08d" % crowd.done)
        os._exit(0)
    os.close(writer)
    os.read(reader, 1)
    return pid


def run(binary, stalled_count, burst=1):
    options = ("--client-output-buffer-limit", "pubsub %d 0 0" % LIMIT)
    body = b"m" * SIZE
    expected = MESSAGES * len(b">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1024\r\n" + body + b"\r\n")
    times = []
    with Server(binary, *options) as server:
        link = server.link()
        stalled = [server.link(receive_bytes=4096) for _ in range(stalled_count)]
        for one in stalled:
            one.ask("SUBSCRIBE", "news")
        pipe = os.pipe()
        reader = pipe[0]
        pid = crowd_process(server.port, CROWD - stalled_count, expected, pipe)
        before, began = server.resident(), server.processor_time()
        peak = 0
        message = b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$1024\r\n" + body + b"\r\n"
        for i in range(MESSAGES // burst):
            at = time.perf_counter()
            link.socket.sendall(message * burst)
            for _ in range(burst):
                link.file.readline()
            times.append(time.perf_counter() - at)
            if i % 500 == 0:
                peak = max(peak, server.resident())
        told = os.read(reader, 8)
        used = server.processor_time() - began
        os.waitpid(pid, 0)
        os.close(reader)
        deliveries = MESSAGES * (CROWD - stalled_count)
        closed = int(link.info("stats").get("client_output_buffer_limit_disconnections", 0))
        return {"complete": int(told), "p99": sorted(times)[len(times) * 99 // 100],
                "grown": peak - before, "cpu": used / deliveries, "closed": closed}


def main():
    binary = sys.argv[1]
    claims = Claims("subscribers")
    # What a stalled one may hold, by reference: one copy for all, and the sockets' own buffers.
    bound = STALLED * LIMIT + (64 << 20)
    calm = run(binary, 0)
    stormy = run(binary, STALLED)
    claims.that(calm["complete"] == CROWD, "all %d receive all %d messages" % (CROWD, MESSAGES))
    claims.that(stormy["complete"] == CROWD - STALLED,
                "with %d stalled the other %d of %d receive everything" %
                (STALLED, stormy["complete"], CROWD))
    claims.that(stormy["grown"] < bound, "memory grows by %.1f MiB at the peak, %d were closed" %
                (stormy["grown"] / (1 << 20), stormy["closed"]))
    ratio = stormy["p99"] / calm["p99"]
    claims.that(ratio < (1.5 if LONG else 5), "publisher's p99 %.2f ms, %.2f ms without stalled: %.2f times" %
                (1e3 * stormy["p99"], 1e3 * calm["p99"], ratio))
    burst = run(binary, 0, burst=20)
    print("  processor time for a delivery: %.2f us one by one, %.2f us in bursts of 20" %
          (1e6 * calm["cpu"], 1e6 * burst["cpu"]))
    if len(sys.argv) > 2:
        name = os.path.basename(sys.argv[2])
        single, oracle = run(sys.argv[2], 0), run(sys.argv[2], 0, burst=20)
        print("  %s: %.2f us one by one, %.2f us in bursts" %
              (name, 1e6 * single["cpu"], 1e6 * oracle["cpu"]))
        claims.that(calm["cpu"] <= 0.7 * single["cpu"],
                    "one by one that is %.2f of %s" % (calm["cpu"] / single["cpu"], name))
        claims.that(burst["cpu"] <= (0.7 if LONG else 0.9) * oracle["cpu"],
                    "in bursts that is %.2f of %s" % (burst["cpu"] / oracle["cpu"], name))
    claims.end()


main()

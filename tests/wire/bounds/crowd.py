"""Many who subscribe to one channel, some of whom never read, and one who publishes."""
import os
import selectors
import time

from link import Link, Server

SIZE = 1024
LIMIT = 8 << 20


class Crowd:
    """All who read, in a process of its own: counts bytes, looks at none."""

    def __init__(self, port, count, expected):
        self.expected = expected
        self.links = []
        self.selector = selectors.DefaultSelector()
        self.got = {}
        self.done = 0
        for _ in range(count):
            link = Link(port)
            link.ask("SUBSCRIBE", "news")
            link.socket.setblocking(False)
            self.links.append(link)
            self.got[link.socket.fileno()] = 0
            self.selector.register(link.socket, selectors.EVENT_READ)

    def read_all(self, seconds):
        until = time.time() + seconds
        room = bytearray(1 << 20)
        while self.done < len(self.links) and time.time() < until:
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


def begin_crowd(port, count, expected, pipe, seconds):
    """Runs the crowd in a child, which says when all listen, and how many heard everything."""
    reader, writer = pipe
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        crowd = Crowd(port, count, expected)
        os.write(writer, b"+")
        crowd.read_all(seconds)
        os.write(writer, b"%08d" % crowd.done)
        os._exit(0)
    os.close(writer)
    os.read(reader, 1)
    return pid


def publish(binary, listeners, stalled, messages, burst=1, seconds=600):
    """
    One run with a server of its own: what a publish takes, how many heard everything, what
    memory grew by, the server's processor time for each delivery, and how many were closed.
    """
    options = ("--client-output-buffer-limit", "pubsub %d 0 0" % LIMIT)
    body = b"m" * SIZE
    expected = messages * len(b">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1024\r\n" + body + b"\r\n")
    message = b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$1024\r\n" + body + b"\r\n"
    times = []
    with Server(binary, *options) as server:
        link = server.link()
        silent = [server.link(receive_bytes=4096) for _ in range(stalled)]
        for one in silent:
            one.ask("SUBSCRIBE", "news")
        pipe = os.pipe()
        pid = begin_crowd(server.port, listeners, expected, pipe, seconds)
        before, began = server.resident(), server.processor_time()
        peak = 0
        for i in range(messages // burst):
            at = time.perf_counter()
            link.socket.sendall(message * burst)
            for _ in range(burst):
                link.file.readline()
            times.append(time.perf_counter() - at)
            if i % 500 == 0:
                peak = max(peak, server.resident())
        heard = int(os.read(pipe[0], 8))
        used = server.processor_time() - began
        os.waitpid(pid, 0)
        os.close(pipe[0])
        closed = int(link.info("stats").get("client_output_buffer_limit_disconnections", 0))
        times.sort()
        return {"heard": heard, "p99": 1e3 * times[len(times) * 99 // 100],
                "p50": 1e3 * times[len(times) // 2], "grown": peak - before,
                "cpu": 1e6 * used / (messages * listeners), "closed": closed}

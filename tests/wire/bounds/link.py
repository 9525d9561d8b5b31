"""A server of one's own, and connections to it, for the checks of this folder.

    with Server(binary, "--maxmemory", "1mb") as server:
        link = server.link()
        link.ask("SET", "k", "v")

Every server listens on a free port of 127.0.0.1, works in a temporary folder and
is ended by its pid. Refusals come back as Refused, not as exceptions.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time


class Refused(str):
    """An error line."""


def request(words):
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(out)


class Link:
    """One connection, with a reader for RESP2 and RESP3."""

    def __init__(self, port, protocol=2, receive_bytes=0):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)
        if protocol == 3:
            self.ask("HELLO", "3")

    def say(self, *words):
        self.socket.sendall(request(words))

    def ask(self, *words):
        self.say(*words)
        return self.read()

    def ask_all(self, commands, at_once=500):
        """Says many commands in pipelines; returns the replies."""
        replies = []
        for i in range(0, len(commands), at_once):
            part = commands[i:i + at_once]
            self.socket.sendall(b"".join(request(words) for words in part))
            replies += [self.read() for _ in part]
        return replies

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection was closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b",":
            return float(rest)
        if kind == b"#":
            return rest == b"t"
        if kind == b"_" or (kind in b"$*" and rest == b"-1"):
            return None
        if kind in b"$=":
            return self.file.read(int(rest) + 2)[:-2]
        if kind in b"*~>":
            return [self.read() for _ in range(int(rest))]
        if kind == b"%":
            return [self.read() for _ in range(2 * int(rest))]
        raise SystemExit("cannot read " + repr(line))

    def info(self, section):
        text = self.ask("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def close(self):
        self.file.close()
        self.socket.close()


def pairs(flat):
    """A map that came as an array."""
    return {flat[i].decode(): flat[i + 1] for i in range(0, len(flat), 2)}


def free_port():
    for port in range(21000 + os.getpid() % 500 * 9, 30000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise SystemExit("no port is free")


class Server:
    def __init__(self, binary, *options, limit_files=0):
        self.folder = tempfile.mkdtemp(prefix="millrace-bounds-")
        self.port = free_port()
        command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder,
                   "--save", ""] + list(options)
        if limit_files:
            command = ["sh", "-c", "ulimit -n %d; exec \"$@\"" % limit_files, "sh"] + command
        self.log = open(os.path.join(self.folder, "log"), "w")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL)
        for _ in range(200):
            try:
                link = Link(self.port)
                if link.ask("PING") == "PONG":
                    link.close()
                    return
            except (OSError, ConnectionError):
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.end()
        raise SystemExit(binary + " does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def link(self, protocol=2, receive_bytes=0):
        return Link(self.port, protocol, receive_bytes)

    def alive(self):
        return self.process.poll() is None

    def resident(self):
        """Bytes of memory that the process has."""
        with open("/proc/%d/statm" % self.process.pid) as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def processor_time(self):
        """Seconds of processor time so far, of the server and not of the system's work for it."""
        with open("/proc/%d/stat" % self.process.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Claims:
    """Counts what holds and what does not; ends with the line that the stages count."""

    def __init__(self, name):
        self.name = name
        self.passed = self.failed = 0

    def that(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        print("  %s %s" % ("ok     " if holds else "FAILED ", what), flush=True)

    def verdict(self, point, holds, what):
        """A claim that answers for a point of what the broker must show; run.sh repeats these."""
        self.that(holds, what)
        print("VERDICT %-4s %-3s %s" % (point, "yes" if holds else "NO", what), flush=True)

    def end(self):
        print("%s: %d passed, %d failed" % (self.name, self.passed, self.failed), flush=True)
        sys.exit(1 if self.failed else 0)

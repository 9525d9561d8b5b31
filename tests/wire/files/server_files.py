"""Servers over folders, and a client, for tests of what is on disk."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_port import free_port                                         # noqa: E402


class Refused(Exception):
    """An error reply."""


class Client:
    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.file = self.socket.makefile("rb")

    def send(self, *words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            if not isinstance(word, bytes):
                word = str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
        self.socket.sendall(b"".join(parts))

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        length = int(rest)
        if length < 0:
            return None
        if kind == b"$":
            return self.file.read(length + 2)[:-2]
        return [self.read() for _ in range(length)]

    def __call__(self, *words):
        self.send(*words)
        return self.read()

    def many(self, requests):
        requests = list(requests)
        for at in range(0, len(requests), 500):
            for request in requests[at:at + 500]:
                self.send(*request)
            for _ in requests[at:at + 500]:
                self.read()

    def close(self):
        self.file.close()
        self.socket.close()


class Server:
    """A server over a folder. `start` says whether it answers, it and no other."""

    def __init__(self, program, folder, *options):
        self.program, self.folder, self.options = program, folder, options
        self.words = [program]  # and a configuration file, if there is one
        self.process = None
        os.makedirs(folder, exist_ok=True)

    def start(self, *more, wait=True):
        for _ in range(5):
            said = len(self.said()) if os.path.exists(self.log_path()) else 0
            self.begin(more)
            if not wait:
                return True
            if self.answers():
                if self.is_ours():
                    return True
                self.kill()  # another server answers at that port
            elif "Address already in use" not in self.said()[said:]:
                return False
        return False

    def begin(self, more):
        self.port = free_port()
        self.log = open(self.log_path(), "ab")
        self.process = subprocess.Popen(
            [*self.words, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder,
             "--enable-debug-command", "yes", *self.options, *more],
            env=self.environment(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def answers(self):
        """Waits until somebody does, or it has ended."""
        def asked():
            if self.process.poll() is not None:
                return True
            try:
                client = Client(self.port)
                client("PING")
                client.close()
                return True
            except (OSError, EOFError, Refused):
                return False

        if wait_until(asked) and self.process.poll() is None:
            return True
        if self.process.poll() is not None:
            self.process = None
        return False

    def is_ours(self):
        try:
            client = Client(self.port)
            ours = info(client, "process_id") == str(self.process.pid)
            client.close()
            return ours
        except (OSError, EOFError, Refused):
            return False

    def log_path(self):
        return os.path.join(self.folder, "log")

    def environment(self):
        """What differs from ours, or None."""
        return None

    def client(self):
        return Client(self.port)

    def kill(self):
        self.end(signal.SIGKILL)

    def end(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def said(self):
        with open(self.log_path(), "rb") as log:
            return log.read().decode(errors="replace")

    def path(self, *names):
        return os.path.join(self.folder, *names)


def fill(client, seed=1):
    """Every type in every encoding, and what surrounds them."""
    import random
    chance = random.Random(seed)
    requests = [("SET", "int", 12345), ("SET", "negative", -7), ("SET", "big", 1 << 40),
                ("SET", "text", "hello"), ("SET", "same", "a" * 500), ("SET", "empty", ""),
                ("SET", "bytes", bytes(range(256))), ("SET", "expires", "v", "PX", 100000000),
                ("SET", "", "the empty key"), ("APPEND", "raw", "abc"), ("APPEND", "raw", "def")]
    for size in (1, 5, 100, 128, 129, 700):
        for i in range(size):
            requests += [
                ("RPUSH", "list%d" % size, chance.choice([i, "x" * chance.randrange(80), -i * 99999])),
                ("HSET", "hash%d" % size, "f%d" % i, chance.choice([i, "v" * chance.randrange(60)])),
                ("ZADD", "zset%d" % size, chance.choice([i, i * 1.5, "inf", -3, "1e300"]), "m%d" % i),
                ("SADD", "set%d" % size, "e%d" % i),
                ("SADD", "ints%d" % size, i * chance.choice([1, 100000, 10 ** 12]))]
    requests += [("RPUSH", "biglist", "y" * 20000, "z" * 100000, "w"),
                 ("HSET", "bighash", "f", "q" * 1000), ("PEXPIRE", "hash5", 99999999),
                 ("GEOADD", "geo", 13.36, 38.11, "Palermo"),
                 ("PFADD", "hyperlog", *range(1000))]
    for i in range(350):
        requests.append(("XADD", "stream", "%d-%d" % (1000 + i // 3, i % 3 + 1), "a", i, "b",
                         "x" * chance.randrange(30)))
        if i % 7 == 0:
            requests.append(("XADD", "stream", "%d-*" % (1000 + i // 3), "c", i)
                            if i % 3 == 2 else ("SET", "filler", i))
    requests += [("XDEL", "stream", "1001-1", "1002-2"), ("XTRIM", "stream", "MAXLEN", 300),
                 ("XGROUP", "CREATE", "stream", "g1", "0"), ("XGROUP", "CREATE", "stream", "g2", "$"),
                 ("XREADGROUP", "GROUP", "g1", "alice", "COUNT", 10, "STREAMS", "stream", ">"),
                 ("XREADGROUP", "GROUP", "g1", "bob", "COUNT", 20, "STREAMS", "stream", ">"),
                 ("XGROUP", "CREATECONSUMER", "stream", "g2", "carol"),
                 ("XGROUP", "CREATE", "nothing", "g", "0", "MKSTREAM"),
                 ("XADD", "gone", "5-5", "a", 1), ("XDEL", "gone", "5-5"),
                 ("SELECT", 3), ("SET", "other", "database"), ("ZADD", "z", 1, "a"), ("SELECT", 0)]
    client.many(requests)
    first = client("XPENDING", "stream", "g1", "-", "+", 1)[0][0]
    client("XACK", "stream", "g1", first)


def digest(client):
    """With what a Redis leaves out, if it is none."""
    try:
        return client("DEBUG", "DIGEST", "WHOLE")
    except Refused:
        return client("DEBUG", "DIGEST")


def wait_until(what, seconds=60):
    """Whether it comes true: waiting long costs nothing where it does, on a busy machine too."""
    until = time.time() + seconds
    while time.time() < until:
        if what():
            return True
        time.sleep(0.01)
    return False


def info(client, field):
    for line in client("INFO", "everything").decode().splitlines():
        if line.startswith(field + ":"):
            return line.split(":", 1)[1]
    return None


def rewrite(client):
    client("BGREWRITEAOF")
    time.sleep(0.15)
    return wait_until(lambda: info(client, "aof_rewrite_in_progress") == "0" and
                      info(client, "aof_rewrite_scheduled") == "0")


def copy_folder(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("log", "*.lock"))

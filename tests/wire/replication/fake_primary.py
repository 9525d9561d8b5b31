"""A primary that says what a test has it say."""
import socket
import threading
import time

HISTORY = b"0123456789abcdef0123456789abcdef01234567"


class Link:
    """One connection of a replica, seen from the primary."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(10)
        self.file = connection.makefile("rb")

    def hear(self):
        """The next statement, as words; None when the replica is gone."""
        try:
            line = self.file.readline()
            while line == b"\n":
                line = self.file.readline()
            if not line:
                return None
            if not line.startswith(b"*"):
                return line.split()
            words = []
            for _ in range(int(line[1:])):
                size = int(self.file.readline()[1:])
                words.append(self.file.read(size + 2)[:-2])
            return words
        except (OSError, ValueError):
            return None

    def say(self, data):
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def greet(self):
        """Everything up to PSYNC; returns its words."""
        while True:
            words = self.hear()
            if words is None:
                return None
            name = words[0].upper()
            if name in (b"PSYNC", b"SYNC"):
                return words
            if name == b"PING":
                self.say(b"+PONG\r\n")
            elif words[:2] == [b"REPLCONF", b"ACK"]:
                continue
            else:
                self.say(b"+OK\r\n")

    def acknowledged(self, offset, seconds=8):
        """Whether the replica says that it has this offset."""
        until = time.time() + seconds
        while time.time() < until:
            words = self.hear()
            if words is None:
                return False
            if words[:2] == [b"REPLCONF", b"ACK"] and int(words[2]) >= offset:
                return int(words[2]) == offset
        return False

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.file.close()
        self.socket.close()


class FakePrimary:
    """Has `talk(link, number)` run for each connection, in a thread."""

    def __init__(self, talk):
        self.talk = talk
        self.count = 0
        self.links = []
        self.failed = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            link = Link(connection)
            self.links.append(link)
            self.count += 1
            threading.Thread(target=self.run, args=(link, self.count), daemon=True).start()

    def run(self, link, number):
        try:
            self.talk(link, number)
        except Exception as error:      # the test looks at it
            self.failed = error

    def close(self):
        self.listener.close()
        for link in self.links:
            try:
                link.close()
            except OSError:
                pass


def statement(*words):
    out = b"*%d\r\n" % len(words)
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out += b"$%d\r\n%s\r\n" % (len(word), word)
    return out

"""A connection that speaks RESP2 or RESP3 and keeps replies as they came.

A reply is a pair (kind, value): the kind is the first byte of its line, the
value bytes for all that is one line or a bulk, None for nothing, a list of
replies for aggregates. Nothing is converted, so that two replies are equal
only if every byte of them is.
"""
import socket

AGGREGATES = b'*~>%|'


class Broken(Exception):
    """The other side closed the connection, or said what is no reply."""


class Link:
    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile('rb', 1 << 16)

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, requests):
        self.socket.sendall(b''.join(encode(words) for words in requests))

    def hear(self):
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise Broken(repr(line))
        kind, rest = line[:1], line[1:-2]
        if kind in b'$=!':
            if rest == b'-1':
                return kind, None
            body = self.file.read(int(rest) + 2)
            if not body.endswith(b'\r\n'):
                raise Broken(repr(body[:100]))
            return kind, body[:-2]
        if kind in AGGREGATES:
            if rest == b'-1':
                return kind, None
            return kind, [self.hear() for _ in range(int(rest) * (2 if kind in b'%|' else 1))]
        if kind not in b'+-:_,#(':
            raise Broken(repr(line))
        return kind, rest

    def ask(self, *words):
        self.send([words])
        return self.hear()


def encode(words):
    parts = [b'*%d\r\n' % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b'$%d\r\n%s\r\n' % (len(word), word))
    return b''.join(parts)


def show(reply):
    """A reply in words, for people."""
    kind, value = reply
    if isinstance(value, list):
        return kind.decode() + '[' + ', '.join(show(part) for part in value) + ']'
    if value is None:
        return kind.decode() + 'nil'
    text = repr(value)[1:]
    return kind.decode() + (text if len(text) < 300 else '%s...(%d)' % (text[:300], len(value)))

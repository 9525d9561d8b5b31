#!/usr/bin/env python3
"""Compares what COMMAND says here with what it says on an oracle.

    command_compare.py PORT ORACLE_PORT

Every row that both servers have must agree in COMMAND INFO and COMMAND DOCS, in
RESP2 and RESP3, but for what is told in words: summaries, costs, histories,
notes, and what replaces a command. Arguments younger than the oracle are left
out of the comparison. COMMAND GETKEYSANDFLAGS must agree on a list of requests.
"""
import socket
import sys

PROSE = {"summary", "complexity", "history", "replaced_by", "notes"}
ORACLE_VERSION = (7, 0)

REQUESTS = [
    "get k", "set k v", "set k v get", "mset a 1 b 2", "mset a", "msetnx a 1 b 2", "del a b c",
    "rename a b", "copy a b", "sort k by x limit 0 1 get y store d", "sort_ro k get x",
    "eval s 2 a b c", "eval s 0", "eval s 3 a", "fcall f 1 k", "xread count 2 streams a b 0 0",
    "xreadgroup group streams c streams k >", "xread block 1 a 0", "xgroup create k g $",
    "xgroup nosuch k", "zunionstore d 2 a b", "zunionstore d 0 a", "zunion 2 a", "zdiff 1 a",
    "lmpop 2 a b left", "blmpop 0 1 a left", "zmpop 1 a min", "bzmpop 0 1 a min", "blpop a b 0",
    "sintercard 2 a b", "georadius k 1 2 3 m store d", "georadius k 1 2 3 m storedist d",
    "georadiusbymember k a 3 m", "migrate h 1 k 0 1", "migrate h 1  0 1 keys a b",
    "migrate h 1 k 0 1 keys a b", "bitfield k get u8 0", "bitfield k set u8 0 1", "bitop and d a",
    "pfmerge d a", "pfcount a b", "object encoding k", "memory usage k", "ssubscribe a",
    "spublish a m", "subscribe a", "ping x", "nosuch x", "get a b", "config get x", "watch a b",
    "xclaim k g c 1 1-1", "smove a b m", "restore k 0 v", "getex k ex 1", "expire k 1 nx",
]


class Refused(str):
    """An error line."""


class Link:
    """One connection, with a reply reader for RESP2 and RESP3."""

    def __init__(self, port, protocol):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")
        if protocol == 3:
            self.ask("HELLO", "3")

    def ask(self, *words):
        request = b"*%d\r\n" % len(words)
        for word in words:
            data = word.encode()
            request += b"$%d\r\n%s\r\n" % (len(data), data)
        self.socket.sendall(request)
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise SystemExit("the connection was closed")
        kind, rest = line[:1], line[1:-2].decode()
        if kind in b"+":
            return rest
        if kind == b"-":
            return Refused(rest)
        if kind == b":":
            return int(rest)
        if kind == b"_" or (kind in b"$*" and rest == "-1"):
            return None
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2].decode()
        if kind in b"*~":
            items = [self.read() for _ in range(int(rest))]
            return Several(items, kind.decode())
        if kind == b"%":
            return Pairs((self.read(), self.read()) for _ in range(int(rest)))
        raise SystemExit("cannot read " + repr(line))


class Several(list):
    def __init__(self, items, kind):
        super().__init__(items)
        self.kind = kind


class Pairs(dict):
    pass


def pairs(value):
    """A map, also where RESP2 shows it as a list of names and values."""
    if isinstance(value, dict):
        return value
    return dict(zip(value[0::2], value[1::2]))


def shape(value):
    """Whether a reply was a map, set or array, so that RESP3 types are compared too."""
    return "%" if isinstance(value, Pairs) else getattr(value, "kind", "")


# Commands that took more words after the oracle's version: what their arity was there.
GROWN = {"zrank": 3, "zrevrank": 3}


def young(argument):
    since = argument.get("since")
    return since is not None and tuple(int(x) for x in since.split(".")[:2]) > ORACLE_VERSION


def plain_argument(value):
    argument = dict(pairs(value))
    argument["shape"] = shape(value)
    if "flags" in argument:
        argument["flags"] = (shape(argument["flags"]), sorted(argument["flags"]))
    if "arguments" in argument:
        argument["arguments"] = plain_arguments(argument["arguments"])
    return argument


def plain_arguments(values):
    """Those the oracle knows; a choice between young ones only is young itself."""
    arguments = [plain_argument(value) for value in values]
    return [argument for argument in arguments
            if not young(argument) and argument.get("arguments") != []]


def plain_docs(value):
    docs = {name: part for name, part in pairs(value).items() if name not in PROSE}
    docs["shape"] = shape(value)
    docs.pop("subcommands", None)
    if "doc_flags" in docs:
        docs["doc_flags"] = (shape(docs["doc_flags"]), sorted(docs["doc_flags"]))
    if "arguments" in docs:
        docs["arguments"] = plain_arguments(docs["arguments"])
    return docs


def plain_part(value):
    part = pairs(value)
    return shape(value), part["type"], shape(part["spec"]), dict(pairs(part["spec"]))


def plain_row(row):
    rules = []
    for value in row[8]:
        rule = pairs(value)
        rules.append((shape(value), shape(rule["flags"]), sorted(rule["flags"]),
                      plain_part(rule["begin_search"]), plain_part(rule["find_keys"])))
    arity = GROWN.get(row[0], row[1]) if row[1] < 0 else row[1]
    return [row[0], arity, (shape(row[2]), sorted(row[2])), row[3], row[4], row[5],
            (shape(row[6]), sorted(row[6])), (shape(row[7]), sorted(row[7])), shape(row[8]), rules,
            shape(row[9])]


def rows_of(link):
    """All rows by full name, subcommands beside their containers."""
    rows = {}
    for row in link.ask("COMMAND"):
        rows[row[0]] = plain_row(row)
        for sub in row[9]:
            rows[sub[0]] = plain_row(sub)
    return rows


def docs_of(link):
    docs = {}
    for name, value in pairs(link.ask("COMMAND", "DOCS")).items():
        docs[name] = plain_docs(value)
        for sub, part in pairs(pairs(value).get("subcommands", [])).items():
            docs[sub] = plain_docs(part)
    return docs


def compare(what, ours, theirs, complaints):
    shared = 0
    for name, value in sorted(ours.items()):
        if name not in theirs:
            continue
        shared += 1
        if value != theirs[name]:
            complaints.append("%s %s\n  here   %s\n  oracle %s" % (what, name, value, theirs[name]))
    return shared


def keys_of(value):
    if value is None or isinstance(value, str):
        return value
    return [(key, shape(flags), sorted(flags)) for key, flags in value]


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    port, oracle_port = int(sys.argv[1]), int(sys.argv[2])
    complaints, compared = [], 0
    for protocol in (2, 3):
        here, oracle = Link(port, protocol), Link(oracle_port, protocol)
        rows = rows_of(here)
        compared += compare("INFO", rows, rows_of(oracle), complaints)
        compared += compare("DOCS", docs_of(here), docs_of(oracle), complaints)
        for name, row in rows.items():
            again = here.ask("COMMAND", "INFO", name)
            if plain_row(again[0]) != row:
                complaints.append("INFO %s differs from its row in COMMAND" % name)
        if set(here.ask("COMMAND", "LIST")) != set(rows):
            complaints.append("LIST differs from COMMAND")
        if here.ask("COMMAND", "COUNT") != len([name for name in rows if "|" not in name]):
            complaints.append("COUNT differs from COMMAND")
        for request in REQUESTS:
            words = request.split(" ")
            full = words[0] + "|" + words[1]
            if words[0] not in rows and words[0] != "nosuch":
                continue
            if words[0] + "|" in "".join(rows) and full not in rows and words[1] != "nosuch":
                continue
            ours = keys_of(here.ask("COMMAND", "GETKEYSANDFLAGS", *words))
            theirs = keys_of(oracle.ask("COMMAND", "GETKEYSANDFLAGS", *words))
            compared += 1
            if ours != theirs:
                complaints.append("keys of %s\n  here   %s\n  oracle %s" % (request, ours, theirs))
    for complaint in complaints:
        print(complaint)
    print("command_compare: %d compared, %d differ" % (compared, len(complaints)))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())

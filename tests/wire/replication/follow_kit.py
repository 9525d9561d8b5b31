"""What the cases of a replica share: servers that end with their case, who holds the same."""
import os
import random
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "files"))
sys.path.insert(0, os.path.join(HERE, "..", "..", "differential"))
import differential                                                     # noqa: E402
from fake_primary import FakePrimary                                    # noqa: E402
from server_files import Client, Refused, Server, fill, info, wait_until  # noqa: E402
from templates import TEMPLATES                                         # noqa: E402
from words import Words                                                 # noqa: E402

MILLRACE = os.path.abspath(sys.argv[1])
REDIS = sys.argv[2] if len(sys.argv) > 2 else "redis-server"
FOLDER = tempfile.mkdtemp(prefix="millrace-follow-")
WRITES = int(os.environ.get("WRITES", "1500"))
servers = []
fakes = []
cases = []


def case(function):
    cases.append(function)
    return function


def server(program, name, *options, fresh=True):
    path = os.path.join(FOLDER, name)
    if fresh:
        shutil.rmtree(path, ignore_errors=True)
    one = Server(program, path, "--save", "", *options)
    assert one.start(), one.said()
    servers.append(one)
    return one


def fake(talk):
    one = FakePrimary(talk)
    fakes.append(one)
    return one


def follow(replica, primary):
    client = replica.client()
    client("REPLICAOF", "127.0.0.1", primary.port)
    client.close()


def is_up(replica):
    try:
        client = replica.client()
        found = info(client, "master_link_status") == "up"
        client.close()
        return found
    except (OSError, EOFError, Refused):
        return False


def offset_of(one, field="master_repl_offset"):
    client = one.client()
    found = int(info(client, field))
    client.close()
    return found


def caught_up(primary, replica):
    return wait_until(lambda: is_up(replica) and offset_of(primary) == offset_of(replica))


def contents(one):
    """All there is, in a form that does not tell who keeps it."""
    client = one.client()
    held = {}
    for db in range(16):
        client("SELECT", db)
        for key in client("KEYS", "*"):
            kind = client("TYPE", key)
            if kind == "string":
                value = client("GET", key)
            elif kind == "list":
                value = client("LRANGE", key, 0, -1)
            elif kind == "set":
                value = sorted(client("SMEMBERS", key))
            elif kind == "hash":
                flat = client("HGETALL", key)
                value = sorted(zip(flat[::2], flat[1::2]))
            elif kind == "zset":
                value = client("ZRANGE", key, 0, -1, "WITHSCORES")
            elif kind == "stream":
                value = [client("XRANGE", key, "-", "+"), client("XLEN", key),
                         [[g[1], g[3], g[5], g[7]] for g in client("XINFO", "GROUPS", key)],
                         [client("XPENDING", key, g[1], "-", "+", 1000)
                          and [p[:2] + p[3:] for p in client("XPENDING", key, g[1], "-", "+", 1000)]
                          for g in client("XINFO", "GROUPS", key)]]
            else:
                value = None
            held[db, key] = (kind, client("PEXPIRETIME", key), value)
    held["functions"] = sorted(str(one) for one in client("FUNCTION", "LIST"))
    client.close()
    return held


def same(primary, replica):
    """Whether both hold the same; says what not."""
    assert caught_up(primary, replica), replica.said()[-2000:]
    first, second = contents(primary), contents(replica)
    for key in sorted(set(first) | set(second), key=str):
        if first.get(key) != second.get(key):
            print("    %s\n      primary %r\n      replica %r" %
                  (key, first.get(key), second.get(key)))
    return first == second


def write_at_random(primary, seed, count=None):
    """What clients write, as the differential comparison makes it up."""
    words = Words(random.Random(seed))
    client = Client(primary.port)
    left = count or WRITES
    while left > 0:
        batch = differential.make_batch(words, TEMPLATES)
        left -= len(batch)
        for request in batch:
            name = request[0].upper()
            if name in (b"DEBUG", b"CONFIG", b"SHUTDOWN", b"MONITOR", b"SUBSCRIBE", b"PSUBSCRIBE",
                        b"SSUBSCRIBE", b"QUIT", b"RESET", b"HELLO", b"CLIENT", b"SWAPDB", b"WAIT"):
                continue
            try:
                client(*request)
            except Refused:
                pass
            except (EOFError, OSError):
                client = Client(primary.port)
    client.close()


def end_all():
    for one in servers:
        if one.process is not None:
            one.kill()
    for one in fakes:
        one.close()
    servers.clear()
    fakes.clear()

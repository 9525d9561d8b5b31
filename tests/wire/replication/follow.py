#!/usr/bin/env python3
"""A replica: of redis-server, of its own kind, and of primaries that lie.

    follow.py MILLRACE [REDIS-SERVER] [CASE ...]

Each case is a function whose name is the sentence it proves. Last line:
follow: N passed, N failed, N skipped.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "files"))
sys.path.insert(0, os.path.join(HERE, "..", "..", "differential"))
import differential                                                     # noqa: E402
from fake_primary import HISTORY, FakePrimary, statement                # noqa: E402
from server_files import (Client, Refused, Server, fill, free_port, info,  # noqa: E402
                          wait_until)
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


# ---- Of redis-server ----

def of_redis(*options, primary_options=()):
    primary = server(REDIS, "primary", *primary_options)
    replica = server(MILLRACE, "replica", *options)
    client = primary.client()
    fill(client)
    follow(replica, primary)
    assert wait_until(lambda: is_up(replica)), replica.said()[-2000:]
    return primary, replica


@case
def all_data_of_redis_comes_through_a_file_with_its_length():
    primary, replica = of_redis(primary_options=("--repl-diskless-sync", "no"))
    assert same(primary, replica)
    assert "receiving streamed" not in replica.said()


@case
def all_data_of_redis_comes_through_a_file_with_a_mark():
    primary, replica = of_redis(primary_options=("--repl-diskless-sync-delay", "0"))
    assert same(primary, replica)
    assert "with EOF to disk" in replica.said()


@case
def all_data_of_redis_comes_straight_into_empty_databases():
    primary, replica = of_redis("--repl-diskless-load", "on-empty-db",
                                primary_options=("--repl-diskless-sync-delay", "0"))
    assert same(primary, replica)
    assert "with EOF to parser" in replica.said()


@case
def all_data_of_redis_takes_the_place_of_ours_when_it_is_whole():
    primary, replica = of_redis("--repl-diskless-load", "swapdb",
                                primary_options=("--repl-diskless-sync-delay", "0"))
    assert same(primary, replica)
    assert "Swapping active DB with loaded DB" in replica.said()


@case
def random_writes_on_redis_are_the_same_here():
    primary, replica = of_redis(primary_options=("--repl-diskless-sync-delay", "0"))
    for seed in range(3):
        write_at_random(primary, seed)
        assert same(primary, replica)
    assert "CRITICAL" not in replica.said(), replica.said()


@case
def what_a_replica_heard_is_in_its_own_log():
    primary, replica = of_redis("--appendonly", "yes",
                                primary_options=("--repl-diskless-sync-delay", "0"))
    write_at_random(primary, 7)
    assert same(primary, replica)
    client = replica.client()
    assert wait_until(lambda: info(client, "aof_rewrite_in_progress") == "0" and
                      info(client, "aof_rewrite_scheduled") == "0")
    time.sleep(1.2)
    held = contents(primary)
    replica.kill()
    primary.kill()
    assert replica.start()
    found = contents(replica)
    for key in held:
        assert held[key] == found.get(key), (key, held[key], found.get(key))


@case
def a_lost_link_goes_on_from_where_it_was():
    primary, replica = of_redis(primary_options=("--repl-diskless-sync-delay", "0"))
    client = primary.client()
    for number in range(10):
        client("SET", "n", number)
        client("CLIENT", "KILL", "TYPE", "slave")
        client("INCR", "counted")
    assert same(primary, replica)
    assert info(client, "sync_full") == "1", info(client, "sync_full")
    ours = replica.client()
    assert ours("CLIENT", "KILL", "TYPE", "master") == 1
    client("INCR", "counted")
    assert same(primary, replica)
    assert info(client, "sync_full") == "1", info(client, "sync_full")


@case
def a_replica_started_again_goes_on_from_its_snapshot():
    primary, replica = of_redis(primary_options=("--repl-diskless-sync-delay", "0"))
    client = primary.client()
    assert same(primary, replica)
    ours = replica.client()
    ours("SAVE")
    replica.kill()
    client("SELECT", 3)
    client("SET", "meanwhile", 1)
    assert replica.start("--replicaof", "127.0.0.1 %d" % primary.port)
    client("SET", "afterwards", 1)
    assert same(primary, replica)
    assert info(client, "sync_full") == "1", replica.said()[-3000:]


@case
def a_replica_killed_while_it_is_written_to_comes_back():
    primary, replica = of_redis("--appendonly", "yes",
                                primary_options=("--repl-diskless-sync-delay", "0"))
    writer = threading.Thread(target=write_at_random, args=(primary, 11))
    writer.start()
    for _ in range(3):
        time.sleep(0.4)
        replica.kill()
        assert replica.start("--replicaof", "127.0.0.1 %d" % primary.port)
    writer.join()
    assert same(primary, replica)


@case
def a_primary_killed_and_started_again_is_followed_again():
    primary, replica = of_redis(primary_options=("--repl-diskless-sync-delay", "0"))
    port = primary.port
    primary.kill()
    client = replica.client()
    assert wait_until(lambda: info(client, "master_link_status") == "down")
    assert int(info(client, "master_link_down_since_seconds")) >= 0
    assert primary.start("--port", str(port), wait=False)
    primary.port = port

    def answers():
        try:
            return Client(port)("SET", "another", "history") == "OK"
        except OSError:
            return False
    assert wait_until(answers)
    assert same(primary, replica)


@case
def keys_expire_when_the_primary_says_so():
    primary, replica = of_redis(primary_options=("--repl-diskless-sync-delay", "0"))
    client, ours = primary.client(), replica.client()
    client("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    client("SET", "brief", 1, "PX", 50)
    assert caught_up(primary, replica)
    time.sleep(0.2)
    assert ours("GET", "brief") is None and ours("EXISTS", "brief") == 0
    before = ours("DBSIZE")
    assert client("GET", "brief") is None
    assert caught_up(primary, replica)
    assert ours("DBSIZE") == before - 1


@case
def a_password_and_a_user_are_told():
    primary = server(REDIS, "primary", "--repl-diskless-sync-delay", "0")
    primary.client()("CONFIG", "SET", "requirepass", "secret")
    replica = server(MILLRACE, "replica")
    follow(replica, primary)
    assert wait_until(lambda: "NOAUTH" in replica.said())
    client = replica.client()
    client("CONFIG", "SET", "masterauth", "secret")
    assert wait_until(lambda: is_up(replica))
    first = primary.client()
    first("AUTH", "secret")
    first("ACL", "SETUSER", "copier", "on", ">other", "+psync", "+replconf", "+ping")
    client("CONFIG", "SET", "masteruser", "copier", "masterauth", "other")
    client("CLIENT", "KILL", "TYPE", "master")
    assert wait_until(lambda: is_up(replica))
    assert wait_until(lambda: b"copier" in first("CLIENT", "LIST", "TYPE", "replica"))


@case
def promoted_it_goes_on_with_a_history_of_its_own():
    primary, replica = of_redis(primary_options=("--repl-diskless-sync-delay", "0"))
    assert same(primary, replica)
    ours = replica.client()
    old = info(ours, "master_replid")
    ours("REPLICAOF", "NO", "ONE")
    assert info(ours, "role") == "master" and info(ours, "master_replid") != old
    assert info(ours, "master_replid2") == old
    assert ours("SET", "mine", 1) == "OK"
    assert ours("CONFIG", "GET", "replicaof") == [b"replicaof", b""]


# ---- Of its own kind ----

def chain_of(count, *options):
    chain = [server(MILLRACE, "first", "--repl-diskless-sync-delay", "0", *options)]
    fill(chain[0].client())
    for number in range(1, count):
        chain.append(server(MILLRACE, "link%d" % number, "--repl-diskless-sync-delay", "0", *options))
        follow(chain[-1], chain[-2])
        assert wait_until(lambda: is_up(chain[-1])), chain[-1].said()[-2000:]
    return chain


@case
def three_in_a_row_have_the_same():
    chain = chain_of(3)
    write_at_random(chain[0], 21)
    assert same(chain[0], chain[1]) and same(chain[0], chain[2])
    assert "CRITICAL" not in chain[1].said() + chain[2].said()
    digests = [one.client()("DEBUG", "DIGEST") for one in chain]
    assert len(set(digests)) == 1, digests


@case
def the_middle_of_three_is_killed_and_comes_back():
    chain = chain_of(3, "--appendonly", "yes")
    writer = threading.Thread(target=write_at_random, args=(chain[0], 22))
    writer.start()
    for _ in range(2):
        time.sleep(0.4)
        port = chain[1].port
        chain[1].kill()
        assert chain[1].start("--replicaof", "127.0.0.1 %d" % chain[0].port, "--port", str(port),
                              wait=False)
        chain[1].port = port
    writer.join()
    assert same(chain[0], chain[1]) and same(chain[0], chain[2])


@case
def the_first_dies_the_next_takes_over_and_the_last_goes_on_in_part():
    chain = chain_of(2)
    third = server(MILLRACE, "third")
    follow(third, chain[0])
    write_at_random(chain[0], 23, 500)
    assert same(chain[0], chain[1]) and same(chain[0], third)
    chain[0].kill()
    chain[1].client()("REPLICAOF", "NO", "ONE")
    heir = chain[1].client()
    heir("SET", "after", "the change")
    follow(third, chain[1])
    assert same(chain[1], third)
    assert info(heir, "sync_partial_ok") == "1" and info(heir, "sync_full") == "0"
    # The old primary comes back as a replica; its own history is behind.
    assert chain[0].start("--replicaof", "127.0.0.1 %d" % chain[1].port)
    assert same(chain[1], chain[0])


@case
def roles_change_back_and_forth_without_a_full_synchronization():
    one, two = chain_of(2)
    for number in range(6):
        first, second = (one, two) if number % 2 == 0 else (two, one)
        first.client()("SET", "turn", number)
        assert same(first, second)
        second.client()("REPLICAOF", "NO", "ONE")
        follow(first, second)
        assert wait_until(lambda: is_up(first))
    fulls = [int(info(each.client(), "sync_full")) for each in (one, two)]
    assert sorted(fulls) == [0, 1], fulls


@case
def failover_does_not_wait_for_the_next_tick():
    one, two = (server(MILLRACE, name, "--repl-diskless-sync-delay", "0", "--hz", "1")
                for name in ("one", "two"))
    follow(two, one)
    assert wait_until(lambda: is_up(two))
    asked = one.client()
    asked("SET", "key", "value")

    def acknowledged():
        _, offset, replicas = asked("ROLE")
        return len(replicas) == 1 and int(replicas[0][2]) == offset
    assert wait_until(acknowledged)
    assert asked("FAILOVER") == "OK"
    assert asked("ROLE")[0] == b"slave"
    assert wait_until(lambda: two.client()("ROLE")[0] == b"master")


@case
def stock_sentinels_watch_and_fail_over():
    one, two, three = (server(MILLRACE, name, "--repl-diskless-sync-delay", "0")
                       for name in ("one", "two", "three"))
    follow(two, one)
    follow(three, one)
    assert wait_until(lambda: is_up(two) and is_up(three))
    sentinels = []
    try:
        for number in range(3):
            port = free_port()
            path = os.path.join(FOLDER, "sentinel%d" % number)
            os.makedirs(path, exist_ok=True)
            with open(path + "/conf", "w") as conf:
                conf.write("port %d\nbind 127.0.0.1\ndir %s\n"
                           "sentinel monitor it 127.0.0.1 %d 2\n"
                           "sentinel down-after-milliseconds it 1500\n"
                           "sentinel failover-timeout it 10000\n" % (port, path, one.port))
            sentinels.append(subprocess.Popen([REDIS, path + "/conf", "--sentinel"],
                                              stdout=subprocess.DEVNULL))
        asked = []

        def know_both():
            try:
                asked[:] = asked or [Client(port)]
                return len(asked[0]("SENTINEL", "REPLICAS", "it")) == 2
            except OSError:
                return False
        assert wait_until(know_both)
        time.sleep(3)  # until they know of one another too
        asked, = asked
        one.client()("SET", "key", "before")
        assert caught_up(one, two) and caught_up(one, three)
        one.kill()

        def primary():
            return int(asked("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "it")[1])
        assert wait_until(lambda: primary() != one.port)
        heir, other = (two, three) if primary() == two.port else (three, two)
        assert same(heir, other)
        assert info(heir.client(), "sync_partial_ok") == "1"
        assert heir.client()("GET", "key") == b"before"
    finally:
        for each in sentinels:
            each.terminate()
            each.wait(20)


# ---- Fake primaries ----

def snapshot_of(redis_options=()):
    """A small snapshot, as redis-server writes it."""
    one = server(REDIS, "snapshot", *redis_options)
    client = one.client()
    client("SET", "from", "snapshot")
    client("RPUSH", "list", *range(50))
    client("ZADD", "zset", 1, "a", 2, "b")
    client("SAVE")
    with open(one.path("dump.rdb"), "rb") as data:
        found = data.read()
    one.kill()
    return found


MARK = b"f" * 20 + b"0" * 20
STREAM = (statement("SELECT", 0) + statement("SET", "a", 1) + statement("PING") +
          statement("MULTI") + statement("INCR", "a") + statement("SADD", "set", "x", "y") +
          statement("EXEC") + statement("SELECT", 2) + statement("LPUSH", "l", "a b", "c\r\nd"))


def sized(data):
    return b"$%d\r\n" % len(data) + data


def marked(data):
    return b"$EOF:" + MARK + b"\r\n" + data + MARK


def whole(link, data, stream=b"", form=sized, wait=True):
    """Answers a greeting with all data, and the stream."""
    if link.greet() is None:
        return False
    link.say(b"+FULLRESYNC " + HISTORY + b" 0\r\n")
    link.say(b"\n\n" + form(data))
    if wait and form is marked and not link.acknowledged(0):
        return False
    return link.say(stream)


@case
def the_offset_counts_every_byte_that_was_done():
    data = snapshot_of()
    results = []

    def talk(link, number):
        assert whole(link, data, STREAM)
        results.append(link.acknowledged(len(STREAM)))
        for cut in range(1, len(STREAM)):
            link.say(STREAM[:cut])
            link.say(STREAM[cut:])
            if not cut % 10:
                link.say(statement("REPLCONF", "GETACK", "*"))

    primary = fake(talk)
    replica = server(MILLRACE, "replica")
    follow(replica, primary)
    times = len(STREAM)
    extra = (len(STREAM) - 1) // 10 * len(statement("REPLCONF", "GETACK", "*"))
    assert wait_until(lambda: offset_of(replica) == len(STREAM) * times + extra), offset_of(replica)
    client = replica.client()
    assert client("GET", "from") == b"snapshot"
    client("SELECT", 2)
    assert client("LLEN", "l") == 2 * times
    assert results == [True] and primary.failed is None


@case
def a_cut_anywhere_in_the_greeting_is_survived():
    data = snapshot_of()
    lines = [b"+PONG\r\n", b"+OK\r\n", b"+OK\r\n", b"+FULLRESYNC " + HISTORY + b" 0\r\n",
             sized(data)]
    said = b"".join(lines)
    # Every byte of the talking and of the first of the data; of the rest, some.
    cuts = list(range(0, len(said) - len(data) + 12)) + list(range(len(said) - len(data), len(said), 29))

    for options in ((), ("--repl-diskless-load", "swapdb")):
        done = []

        def talk(link, number):
            cut = cuts[number - 1] if number <= len(cuts) else len(said)
            at = 0
            for line in lines[:-1]:
                # What a greeting waits for is said when it asked.
                if at == 0 or at >= len(lines[0]) + len(lines[1]) + len(lines[2]):
                    if link.hear() is None:
                        return
                if at == len(lines[0]):
                    link.hear()
                link.say(line[:max(0, cut - at)])
                at += len(line)
                if cut < at:
                    link.close()
                    return
            link.say(said[at:cut])
            if cut < len(said):
                link.close()
                return
            done.append(number)
            link.acknowledged(0)

        primary = fake(talk)
        replica = server(MILLRACE, "replica", *options)
        client = replica.client()
        client("REPLICAOF", "127.0.0.1", primary.port)

        # It tries again each second; asking again asks at once.
        other = fake(lambda link, number: link.close())
        until = time.time() + 60
        while not done and time.time() < until:
            count = primary.count
            client("REPLICAOF", "127.0.0.1", other.port)
            client("REPLICAOF", "127.0.0.1", primary.port)
            wait_until(lambda: primary.count > count, 2)
            time.sleep(0.012)
        assert done, primary.count
        assert wait_until(lambda: client("EXISTS", "from") == 1), replica.said()[-2000:]
        replica.end()
        primary.close()
        other.close()


@case
def a_cut_anywhere_in_the_stream_goes_on_behind_what_was_done():
    data = snapshot_of()
    wrong = []
    done = threading.Event()

    def talk(link, number):
        if number == 1:
            whole(link, data, STREAM[:1])
            link.acknowledged(0)
            link.close()
            return
        words = link.greet()
        if words is None:
            return
        offset = int(words[2]) - 1
        if words[1] != HISTORY or offset < 0 or offset > len(STREAM):
            wrong.append(words)
        link.say(b"+CONTINUE\r\n" + STREAM[offset:min(number, len(STREAM))])
        if number > len(STREAM):
            done.set()
            return
        time.sleep(0.003)
        link.close()

    primary = fake(talk)
    replica = server(MILLRACE, "replica")
    follow(replica, primary)
    assert done.wait(60), replica.said()[-1500:]
    assert wait_until(lambda: offset_of(replica) == len(STREAM))
    client = replica.client()
    assert not wrong and client("GET", "a") == b"2"
    client("SELECT", 2)
    assert client("LRANGE", "l", 0, -1) == [b"c\r\nd", b"a b"]


@case
def lies_about_data_are_found_and_ours_is_kept_with_swapdb():
    data = snapshot_of()
    chance = random.Random(5)
    lies = [b"REDIS9999", b"garbage" * 100, data[:9] + b"\xff", data[:-1], b"\0" * 1000,
            data[:20] + b"\xfe\x81\xff\xff\xff\xff\xff\xff\xff\xff" + data[20:],
            data[:9] + b"\xfb\x81" + b"\xff" * 8 + b"\x81" + b"\xff" * 8 + data[9:],
            data[:9] + b"\x00\x81" + b"\x7f" * 8 + b"x"]
    for _ in range(30):
        spoiled = bytearray(data)
        spoiled[chance.randrange(9, len(data))] ^= 1 << chance.randrange(8)
        lies.append(bytes(spoiled))

    for options, kept in (((), False), (("--repl-diskless-load", "swapdb"), True)):
        def talk(link, number):
            lie = lies[(number - 1) % len(lies)]
            if whole(link, lie, form=sized if number % 2 else marked, wait=False):
                link.acknowledged(0, 2)
            link.close()

        primary = fake(talk)
        replica = server(MILLRACE, "replica", *options)
        client = replica.client()
        client("SET", "ours", 1)
        other = fake(lambda link, number: link.close())
        while primary.count < len(lies):
            count = primary.count
            client("REPLICAOF", "127.0.0.1", other.port)
            client("REPLICAOF", "127.0.0.1", primary.port)
            assert wait_until(lambda: primary.count > count), replica.said()[-2000:]
            told = replica.said().count("Internal error in RDB")
            wait_until(lambda: replica.said().count("Internal error in RDB") > told or
                       is_up(replica), 0.4)
        assert wait_until(lambda: client("PING") == "PONG")
        assert not kept or client("GET", "ours") == b"1"
        assert info(client, "master_link_status") == "down"
        assert int(info(client, "used_memory")) < 60 << 20
        assert "Failed trying to load the MASTER synchronization DB" in replica.said()
        replica.end()


@case
def a_length_that_lies_costs_nothing():
    def talk(link, number):
        link.greet()
        link.say(b"+FULLRESYNC " + HISTORY + b" 0\r\n")
        link.say([b"$9223372036854775807\r\nREDIS0010", b"$-5\r\n", b"$0\r\n", b"$x\r\n", b"*3\r\n",
                  b"-ERR no\r\n", b"y" * 100000, b"$EOF:short\r\n"][(number - 1) % 8])
        time.sleep(0.1)
        link.close()

    primary = fake(talk)
    replica = server(MILLRACE, "replica")
    client = replica.client()
    other = fake(lambda link, number: link.close())
    for number in range(16):
        client("REPLICAOF", "127.0.0.1", other.port)
        client("REPLICAOF", "127.0.0.1", primary.port)
        assert wait_until(lambda: primary.count > number)
        time.sleep(0.1)
    assert client("PING") == "PONG" and int(info(client, "used_memory")) < 30 << 20
    assert "Bad protocol from MASTER" in replica.said()


@case
def nonsense_in_the_greeting_is_logged_and_tried_again():
    answers = [b"-ERR go away\r\n", b"x" * 100000, b"\0\0\0\0\r\n", b"$5\r\nhello\r\n", b"+" + b"p" * 9000]

    def talk(link, number):
        link.hear()
        link.say(answers[(number - 1) % len(answers)])
        time.sleep(0.2)
        link.close()

    primary = fake(talk)
    replica = server(MILLRACE, "replica")
    follow(replica, primary)
    assert wait_until(lambda: primary.count > len(answers)), primary.count
    assert "Error reply to PING from master" in replica.said()
    assert "endless line" in replica.said()


@case
def nonsense_in_the_stream_ends_the_link_and_nothing_else():
    data = snapshot_of()
    nonsense = [b"*1\r\n$-1\r\n", b"*-5\r\n*x\r\n", b"z" * 200000, b"*1000000000000\r\n",
                b"*2\r\n$99999999999\r\n", b"\r\n\r\nNONSENSE words\r\n*1\r\n%"]

    def talk(link, number):
        whole(link, data, statement("SET", "fine", number) + nonsense[(number - 1) % len(nonsense)])
        link.acknowledged(1 << 40, 1)
        link.close()

    primary = fake(talk)
    replica = server(MILLRACE, "replica")
    client = replica.client()
    follow(replica, primary)
    assert wait_until(lambda: primary.count > 2 * len(nonsense)), primary.count
    assert "Protocol error" in replica.said() and "== CRITICAL ==" in replica.said()
    assert client("PING") == "PONG" and int(info(client, "used_memory")) < 40 << 20


@case
def who_drips_is_waited_for_and_who_is_silent_is_not():
    data = snapshot_of()

    def talk(link, number):
        if number == 1:                 # silent in the midst of the data
            link.greet()
            link.say(b"+FULLRESYNC " + HISTORY + b" 0\r\n" + sized(data)[:50])
            time.sleep(6)
        else:                           # a byte at a time
            link.greet()
            link.say(b"+FULLRESYNC " + HISTORY + b" 0\r\n")
            for _ in range(6):          # preparing for longer than repl-timeout
                time.sleep(0.5)
                link.say(b"\n")
            for byte in sized(data) + STREAM:
                link.say(bytes([byte]))
                time.sleep(0.001)
            link.acknowledged(len(STREAM))
            time.sleep(5)               # silent for too long

    primary = fake(talk)
    replica = server(MILLRACE, "replica", "--repl-timeout", "2", "--repl-diskless-load", "swapdb")
    client = replica.client()
    follow(replica, primary)
    assert wait_until(lambda: is_up(replica)), replica.said()[-2000:]
    assert "Timeout receiving bulk data" in replica.said()
    assert client("GET", "from") == b"snapshot"
    assert wait_until(lambda: "MASTER timeout: no data nor PING received" in replica.said())


@case
def errors_of_statements_are_logged_and_do_not_stop_the_stream():
    data = snapshot_of()
    stream = (statement("SELECT", 0) + statement("LPUSH", "from", "x") + statement("NOSUCH", 1) +
              statement("SET", "on", "we go"))
    primary = fake(lambda link, number: whole(link, data, stream) and link.acknowledged(1 << 40))
    replica = server(MILLRACE, "replica")
    client = replica.client()
    follow(replica, primary)
    assert wait_until(lambda: offset_of(replica) == len(stream))
    assert client("GET", "on") == b"we go"
    assert replica.said().count("== CRITICAL ==") == 2, replica.said()


@case
def while_data_loads_others_are_refused_or_served_the_old():
    data = snapshot_of()
    go_on = threading.Event()

    def talk(link, number):
        link.greet()
        link.say(b"+FULLRESYNC " + HISTORY + b" 0\r\n" + marked(data)[:150])
        go_on.wait(20)
        link.say(marked(data)[150:])
        link.acknowledged(1 << 40)

    primary = fake(talk)
    replica = server(MILLRACE, "replica", "--repl-diskless-load", "on-empty-db")
    client = replica.client()
    follow(replica, primary)
    assert wait_until(lambda: info(client, "loading") == "1")
    try:
        client("GET", "from")
        assert False
    except Refused as refused:
        assert "LOADING" in str(refused)
    assert info(client, "master_sync_in_progress") == "1"
    go_on.set()
    assert wait_until(lambda: is_up(replica))
    assert client("GET", "from") == b"snapshot"


@case
def the_same_history_loads_beside_data_that_is_served():
    data = snapshot_of()
    go_on = threading.Event()

    def talk(link, number):
        if number == 1:
            whole(link, data, statement("SELECT", 0) + statement("SET", "old", 1), form=marked)
            time.sleep(0.5)
            link.close()
            return
        link.greet()
        link.say(b"+FULLRESYNC " + HISTORY + b" 500\r\n" + marked(data)[:150])
        go_on.wait(20)
        link.say(marked(data)[150:])
        link.acknowledged(1 << 40)

    primary = fake(talk)
    replica = server(MILLRACE, "replica", "--repl-diskless-load", "swapdb")
    client = replica.client()
    follow(replica, primary)
    assert wait_until(lambda: info(client, "async_loading") == "1"), replica.said()
    assert client("GET", "old") == b"1" and info(client, "loading") == "0"
    try:
        client("SET", "old", 2)
        assert False
    except Refused as refused:
        assert "READONLY" in str(refused)
    go_on.set()
    assert wait_until(lambda: is_up(replica))
    assert client("GET", "old") is None and offset_of(replica) == 500


@case
def without_its_primary_it_can_be_told_to_refuse():
    replica = server(MILLRACE, "replica", "--replica-serve-stale-data", "no")
    client = replica.client()
    client("SET", "key", 1)
    client("REPLICAOF", "127.0.0.1", 1)
    for request, code in ((("GET", "key"), "MASTERDOWN"), (("SET", "key", 2), "READONLY")):
        try:
            client(*request)
            assert False, request
        except Refused as refused:
            assert str(refused).startswith(code), refused
    assert info(client, "master_link_status") == "down"
    client("CONFIG", "SET", "replica-serve-stale-data", "yes")
    assert client("GET", "key") == b"1"
    client("CONFIG", "SET", "replica-read-only", "no")
    assert client("SET", "key", 3) == "OK"


@case
def who_waits_is_let_go_when_it_becomes_a_replica():
    replica = server(MILLRACE, "replica")
    client, waiting = replica.client(), replica.client()
    waiting.send("BLPOP", "nothing", 0)
    assert wait_until(lambda: info(client, "blocked_clients") == "1")
    client("REPLICAOF", "127.0.0.1", 1)
    try:
        waiting.read()
        assert False
    except Refused as refused:
        assert str(refused).startswith("UNBLOCKED"), refused


def main():
    wanted = sys.argv[3:]
    passed = failed = 0
    for one in cases:
        if wanted and one.__name__ not in wanted:
            continue
        began = time.time()
        try:
            one()
            passed += 1
            print("ok      %s (%.1f s)" % (one.__name__.replace("_", " "), time.time() - began))
        except (AssertionError, OSError, EOFError, Refused, Exception):
            failed += 1
            print("FAILED  %s" % one.__name__.replace("_", " "))
            traceback.print_exc(file=sys.stdout)
        finally:
            for each in servers:
                if each.process is not None and each.process.poll() is not None:
                    print("        %s ended with %s\n%s" %
                          (each.program, each.process.returncode, each.said()[-1500:]))
            end_all()
        sys.stdout.flush()
    shutil.rmtree(FOLDER, ignore_errors=True)
    print("follow: %d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

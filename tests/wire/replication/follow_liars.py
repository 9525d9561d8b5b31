"""A replica of primaries that are none: they lie, drip, fall silent, or cut at any byte."""
import random
import threading
import time

from follow_kit import MILLRACE, REDIS, case, fake, follow, is_up, offset_of, server
from fake_primary import HISTORY, statement
from server_files import Refused, info, wait_until


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
def lies_about_data_are_found_and_ours_is_kept():
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

    for options in ((), ("--repl-diskless-load", "swapdb")):
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
        assert client("GET", "ours") == b"1"
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

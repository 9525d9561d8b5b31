"""Replicas of their own kind: rows of them, and changes of who leads."""
import os
import subprocess
import threading
import time

from follow_kit import (FOLDER, MILLRACE, REDIS, case, caught_up, follow, is_up, same, server,
                        write_at_random)
from server_files import Client, fill, free_port, info, wait_until


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
def with_always_what_wait_counts_outlives_the_replica():
    """Its acknowledgement is an answer like others: it leaves when its log has on disk what it is about."""
    for _ in range(5):
        primary = server(MILLRACE, "first", "--repl-diskless-sync-delay", "0")
        replica = server(MILLRACE, "second", "--appendonly", "yes", "--appendfsync", "always")
        follow(replica, primary)
        assert wait_until(lambda: is_up(replica)), replica.said()[-2000:]
        ours = replica.client()
        assert wait_until(lambda: info(ours, "aof_rewrite_in_progress") == "0" and
                          info(ours, "aof_rewrite_scheduled") == "0")
        client = primary.client()
        for number in range(20):
            client("SET", "written", number)
        assert client("WAIT", 1, 20000) == 1
        replica.kill()
        assert replica.start()
        assert replica.client()("GET", "written") == b"19", replica.said()[-2000:]
        primary.kill()
        replica.kill()


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

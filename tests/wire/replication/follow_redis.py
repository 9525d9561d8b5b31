"""A replica of redis-server: all data, the stream behind it, and what comes between them."""
import threading
import time

from follow_kit import (MILLRACE, REDIS, case, caught_up, contents, follow, is_up, same, server,
                        write_at_random)
from server_files import Client, fill, info, wait_until


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

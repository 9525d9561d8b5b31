#!/usr/bin/env python3
"""What is on disk: exchanged with redis-server both ways, damaged, torn, taken away.

    files.py MILLRACE [REDIS-SERVER] [CASE ...]

Each case is a function whose name is the sentence it proves. Last line:
files: N passed, N failed, N skipped.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import managed
import slow_disk
import starting
from server_files import (Client, Refused, Server, copy_folder, digest, fill, free_port, info,
                          rewrite, wait_until)

MILLRACE = os.path.abspath(sys.argv[1])
REDIS = sys.argv[2] if len(sys.argv) > 2 else "redis-server"
FOLDER = tempfile.mkdtemp(prefix="millrace-files-")
LOG = ("--appendonly", "yes", "--save", "")
servers = []
cases = []


def case(function):
    cases.append(function)
    return function


def folder(name):
    path = os.path.join(FOLDER, name)
    shutil.rmtree(path, ignore_errors=True)
    return path


def server(program, name, *options, fresh=True):
    one = Server(program, folder(name) if fresh else os.path.join(FOLDER, name), *options)
    servers.append(one)
    return one


def why(one):
    """The reason for which a server did not start, the last time."""
    return [line for line in one.said().splitlines() if "Cannot start" in line][-1]


def digest_of_snapshot(program, path, name):
    """What a server makes of a snapshot."""
    one = server(program, name, "--save", "")
    shutil.copy(path, one.path("dump.rdb"))
    assert one.start(), one.said()
    client = one.client()
    found = digest(client)
    one.end()
    return found


# ---- Exchange ----

def exchange_snapshots(first, second, tag):
    """Saved by one, loaded and saved by the other, loaded by the first: nothing is changed."""
    here = server(first, tag + "-here", "--save", "")
    assert here.start(), here.said()
    client = here.client()
    fill(client)
    client("SAVE")
    before = digest(client)
    here.end()
    there = server(second, tag + "-there", "--save", "")
    shutil.copy(here.path("dump.rdb"), there.path("dump.rdb"))
    assert there.start(), there.said()
    there.client()("SAVE")
    there.end()
    assert digest_of_snapshot(first, there.path("dump.rdb"), tag + "-back") == before


@case
def a_snapshot_of_redis_is_loaded_and_comes_back_the_same():
    exchange_snapshots(REDIS, MILLRACE, "theirs")


@case
def a_snapshot_of_ours_is_loaded_by_redis_and_comes_back_the_same():
    exchange_snapshots(MILLRACE, REDIS, "ours")


def exchange_logs(first, second, tag, preamble):
    options = LOG + ("--aof-use-rdb-preamble", preamble)
    here = server(first, tag + "-here", *options)
    assert here.start(), here.said()
    client = here.client()
    fill(client)
    assert rewrite(client)
    fill_more = [("SET", "behind%d" % i, "the base " * 4) for i in range(400)]
    client.many(fill_more + [("MULTI",), ("INCR", "n"), ("RPUSH", "list5", "m"), ("EXEC",),
                             ("DEL", "list1"), ("XADD", "stream", "5000-1", "f", "v")])
    before = digest(client)
    here.end()
    there = server(second, tag + "-there", *options)
    copy_folder(here.folder, there.folder)
    assert there.start(), there.said()
    there.client()("SAVE")
    there.client()("SET", "more", "of it")
    assert rewrite(there.client())
    there.client()("DEL", "more")
    there.end()
    assert digest_of_snapshot(first, there.path("dump.rdb"), tag + "-back") == before
    again = server(first, tag + "-again", *options)
    copy_folder(there.folder, again.folder)
    assert again.start(), again.said()
    assert digest(again.client()) == before
    again.end()


@case
def a_log_of_redis_with_a_snapshot_as_base_goes_there_and_back():
    exchange_logs(REDIS, MILLRACE, "log-theirs-yes", "yes")


@case
def a_log_of_redis_of_statements_goes_there_and_back():
    exchange_logs(REDIS, MILLRACE, "log-theirs-no", "no")


@case
def a_log_of_ours_with_a_snapshot_as_base_goes_there_and_back():
    exchange_logs(MILLRACE, REDIS, "log-ours-yes", "yes")


@case
def a_log_of_ours_of_statements_goes_there_and_back():
    exchange_logs(MILLRACE, REDIS, "log-ours-no", "no")


# ---- Damage ----

def filled_log(name, keys=600):
    """A log that was ended in good order; returns server, its increment's path, its digest."""
    one = server(MILLRACE, name, *LOG)
    assert one.start(), one.said()
    client = one.client()
    client.many([("SET", "key%d" % i, "value %d " % i * 3) for i in range(keys)])
    found = digest(client)
    one.end()
    return one, one.path("appendonlydir", "appendonly.aof.1.incr.aof"), found


@case
def a_log_torn_inside_multi_is_cut_and_later_writes_live():
    one, path, before = filled_log("torn-multi")
    with open(path, "ab") as log:
        log.write(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$5\r\nhalf1\r\n$1\r\nx\r\n"
                  b"*3\r\n$3\r\nSET\r\n$5\r\nha")
    assert one.start(), one.said()
    client = one.client()
    assert digest(client) == before
    client.many([("SET", "later%d" % i, i) for i in range(1000)])
    one.kill()
    assert one.start(), one.said()
    client = one.client()
    assert client("EXISTS", *["later%d" % i for i in range(1000)]) == 1000
    assert client("EXISTS", "half1") == 0
    one.end()


@case
def a_tail_of_zeros_or_garbage_is_cut_and_nothing_else():
    for tail in (b"\0" * 4096, b"\0" * 3, os.urandom(3000).replace(b"*", b"x").replace(b"#", b"y")):
        one, path, before = filled_log("tail")
        with open(path, "ab") as log:
            log.write(tail)
        assert one.start(), one.said()
        assert digest(one.client()) == before
        assert "%d bytes of garbage were cut off" % len(tail) in one.said(), one.said()
        one.end()


@case
def a_bit_flipped_in_the_log_is_named_and_refused():
    one, path, before = filled_log("flip")
    with open(path, "rb") as log:
        content = bytearray(log.read())
    last_seal = content.rindex(b"#sum ")
    chance = random.Random(7)
    for _ in range(100):
        bit = chance.randrange(8 * last_seal)
        content[bit // 8] ^= 1 << bit % 8
        with open(path, "wb") as log:
            log.write(content)
        content[bit // 8] ^= 1 << bit % 8
        assert not one.start(), "bit %d went unseen" % bit
        said = why(one)
        assert "appendonly.aof.1.incr.aof" in said and "offset" in said, said
    with open(path, "wb") as log:
        log.write(content)
    assert one.start() and digest(one.client()) == before
    one.end()


@case
def a_bit_flipped_in_a_snapshot_is_named_and_refused():
    one = server(MILLRACE, "flip-snapshot", "--save", "")
    assert one.start(), one.said()
    fill(one.client())
    one.client()("SAVE")
    one.end()
    with open(one.path("dump.rdb"), "rb") as file:
        content = bytearray(file.read())
    chance = random.Random(8)
    for _ in range(100):
        bit = chance.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        with open(one.path("dump.rdb"), "wb") as file:
            file.write(content)
        content[bit // 8] ^= 1 << bit % 8
        assert not one.start(), "bit %d went unseen" % bit
        said = why(one)
        assert "dump.rdb" in said, said


@case
def missing_parts_of_a_log_are_named_and_the_start_refused():
    one, _, _ = filled_log("missing")
    assert one.start()
    assert rewrite(one.client())
    one.client()("SET", "more", "data")
    one.end()
    manifest = one.path("appendonlydir", "appendonly.aof.manifest")
    base = one.path("appendonlydir", "appendonly.aof.2.base.rdb")
    increment = one.path("appendonlydir", "appendonly.aof.2.incr.aof")
    with open(manifest, "rb") as file:
        whole = file.read()

    def refused(what, names):
        assert not one.start(), what + " went unseen"
        said = why(one)
        assert names in said, said

    os.remove(manifest)
    refused("a missing manifest", "appendonly.aof.manifest is missing")
    for length in (len(whole) // 2, len(whole) - 1):
        with open(manifest, "wb") as file:
            file.write(whole[:length])
        refused("half a manifest", "manifest")
    with open(manifest, "wb") as file:
        file.write(whole)
    for path in (base, increment):
        os.rename(path, path + ".away")
        refused("a missing file", os.path.basename(path))
        os.rename(path + ".away", path)
    shutil.copy(base, base + ".away")
    os.truncate(base, 0)
    refused("an empty base", "appendonly.aof.2.base.rdb is empty")
    shutil.copy(base + ".away", base)
    os.truncate(base, os.path.getsize(base) - 5)
    refused("a base cut short", "appendonly.aof.2.base.rdb")
    shutil.move(base + ".away", base)
    assert one.start(), one.said()
    one.end()


@case
def an_emptied_first_base_is_named_and_the_start_refused():
    one, _, _ = filled_log("emptied")
    os.truncate(one.path("appendonlydir", "appendonly.aof.1.base.rdb"), 0)
    assert not one.start()
    assert "appendonly.aof.1.base.rdb is empty" in one.said()


@case
def a_second_server_on_the_same_folder_is_refused():
    for options in (LOG, ("--save", "900 1")):
        one = server(MILLRACE, "shared", *options)
        assert one.start(), one.said()
        client = one.client()
        second = server(MILLRACE, "shared", *options, fresh=False)
        assert not second.start()
        assert "another server" in second.said() or "already" in second.said(), second.said()
        client.many([("SET", "k%d" % i, i) for i in range(500)])
        if options != LOG:
            client("SAVE")
        one.kill()
        assert one.start(), one.said()
        assert one.client()("DBSIZE") == 500
        one.kill()


@case
def servers_told_nothing_but_a_port_may_share_a_folder_and_only_the_first_saves():
    path = folder("unplaced")
    os.makedirs(path)
    running = []
    try:
        for attempt in range(2):
            port = free_port()
            running.append(subprocess.Popen([MILLRACE, "--port", str(port)], cwd=path,
                                            stdout=subprocess.DEVNULL))
            wait_until(lambda: answers(port))
            client = Client(port)
            client("SET", "by", attempt)
            assert (client("CONFIG", "GET", "save")[1] == b"") == (attempt == 1)
        try:
            client("SAVE")
            assert False, "the second saved"
        except Refused as said:
            assert "another server" in str(said), said
        for one in reversed(running):
            one.terminate()
            assert one.wait(30) == 0
    finally:
        for one in running:
            one.kill()
    one = server(MILLRACE, "unplaced", fresh=False)
    assert one.start(), one.said()
    assert one.client()("GET", "by") == b"0"
    one.kill()


def answers(port):
    try:
        return Client(port)("PING")
    except OSError:
        return False


@case
def a_second_server_is_refused_also_if_only_one_of_them_has_a_log():
    log, rules = ("--appendonly", "yes", "--save", "900 1"), ("--appendonly", "no", "--save", "900 1")
    for first, other in ((log, rules), (rules, log)):
        one = server(MILLRACE, "shared", *first)
        assert one.start(), one.said()
        second = server(MILLRACE, "shared", *other, fresh=False)
        assert not second.start()
        assert "another server" in second.said(), second.said()
        one.kill()


def refused_by_owner(client, *words):
    try:
        client(*words)
    except Refused as said:
        return "another server" in str(said)
    return False


@case
def servers_with_logs_of_different_names_may_share_a_folder_and_only_the_first_saves():
    options = ("--appendonly", "yes", "--save", "900 1")
    one = server(MILLRACE, "logs", *options)
    other = server(MILLRACE, "logs", *options, "--appendfilename", "other.aof", fresh=False)
    same = server(MILLRACE, "logs", *options, fresh=False)
    os.makedirs(one.path("appendonlydir"))
    for name in ("temp-appendonly.aof-base", "temp-appendonly.aof-other-base"):
        open(one.path("appendonlydir", name), "wb").close()  # left by a kill; of a third log
    assert one.start() and other.start(), one.said()
    assert not os.path.exists(one.path("appendonlydir", "temp-appendonly.aof-base"))
    assert os.path.exists(one.path("appendonlydir", "temp-appendonly.aof-other-base"))
    assert "keeps NO snapshots" in other.said()
    assert not same.start()
    one.client()("SET", "whose", "first")
    client = other.client()
    client("SET", "whose", "second")
    assert client("CONFIG", "GET", "save")[1] == b""
    for words in (("SAVE",), ("BGSAVE",), ("DEBUG", "RELOAD"), ("SHUTDOWN", "SAVE"),
                  ("CONFIG", "SET", "save", "900 1")):
        assert refused_by_owner(client, *words) or words[0] == "SHUTDOWN", words
    assert client("CONFIG", "GET", "save")[1] == b"" and client("GET", "whose") == b"second"
    one.end()
    assert client("CONFIG", "SET", "save", "900 1") == "OK"
    other.kill()
    assert digest_of_snapshot(MILLRACE, other.path("dump.rdb"), "logs-first") != "0" * 40
    assert one.start() and one.client()("GET", "whose") == b"first"
    assert other.start() and other.client()("GET", "whose") == b"second"
    one.kill()
    other.kill()


@case
def a_name_that_another_server_owns_cannot_be_set_later():
    options = ("--save", "900 1", "--enable-protected-configs", "yes")
    one, other = server(MILLRACE, "here", *options), server(MILLRACE, "there", *options)
    assert one.start() and other.start()
    client = other.client()
    assert refused_by_owner(client, "CONFIG", "SET", "dir", one.folder)
    assert client("CONFIG", "GET", "dir")[1].decode() == os.path.realpath(other.folder)
    assert client("CONFIG", "SET", "dir", one.folder, "dbfilename", "other.rdb") == "OK"
    assert refused_by_owner(client, "CONFIG", "SET", "dbfilename", "dump.rdb")
    assert client("SAVE") == "OK" and os.path.exists(one.path("other.rdb"))
    assert not os.path.exists(one.path("dump.rdb"))
    third = server(MILLRACE, "there", *options, fresh=False)
    assert third.start(), third.said()
    third.kill()
    one.kill()
    other.kill()


@case
def a_name_is_owned_as_long_as_a_child_writes_it():
    one = server(MILLRACE, "left", "--save", "900 1", "--enable-protected-configs", "yes")
    assert one.start(), one.said()
    client = one.client()
    client.many([("SET", "k%d" % i, "v") for i in range(100)])
    client("CONFIG", "SET", "rdb-key-save-delay", 10000)
    client("BGSAVE")
    client("CONFIG", "SET", "dbfilename", "later.rdb")
    second = server(MILLRACE, "left", "--save", "900 1", fresh=False)
    assert not second.start() and "another server" in second.said()
    client("CONFIG", "SET", "dbfilename", "dump.rdb")
    client("CONFIG", "SET", "dbfilename", "later.rdb")
    assert wait_until(lambda: info(client, "rdb_bgsave_in_progress") == "0")
    assert second.start(), second.said()
    assert second.client()("DBSIZE") == 100
    second.kill()
    one.kill()


@case
def a_replica_that_owns_no_name_follows_all_the_same():
    one = server(MILLRACE, "primary", "--save", "900 1", "--repl-diskless-sync-delay", "0")
    assert one.start(), one.said()
    one.client()("SAVE")
    one.client()("SET", "k", "v")
    other = server(MILLRACE, "primary", "--save", "", "--replicaof", "127.0.0.1", str(one.port),
                   fresh=False)
    before = open(one.path("dump.rdb"), "rb").read()
    assert other.start(), other.said()
    assert wait_until(lambda: other.client()("GET", "k") == b"v"), other.said()
    assert "NOT kept as a snapshot" in other.said()
    assert open(one.path("dump.rdb"), "rb").read() == before
    assert not [name for name in os.listdir(one.folder) if name.startswith("temp-")]
    other.kill()
    one.kill()


def refusal_of(client, *words):
    """What it was refused with; "" if its connection was closed; None if it was done."""
    try:
        client(*words)
    except Refused as said:
        return str(said)
    except (EOFError, ConnectionError):
        return ""
    return None


@case
def a_log_that_is_removed_under_its_server_is_noticed_and_made_anew():
    for policy, path in (("always", "appendonlydir"), ("everysec", "appendonlydir"),
                         ("always", "appendonlydir/appendonly.aof.1.incr.aof")):
        one = server(MILLRACE, "removed", *LOG, "--appendfsync", policy)
        assert one.start(), one.said()
        one.client()("SET", "before", "it")
        if os.path.isdir(one.path(path)):
            shutil.rmtree(one.path(path))
        else:
            os.unlink(one.path(path))
        if policy == "always":  # nothing is acknowledged from then on
            assert refusal_of(one.client(), "SET", "behind", "it") is not None
        assert wait_until(lambda: (refusal_of(one.client(), "SET", "n", 1) or "").startswith("MISCONF"))
        client = one.client()
        assert "the file was removed" in refusal_of(client, "SET", "n", 2)
        assert "the file was removed" in one.said()
        assert client("GET", "before") == b"it"
        client("CONFIG", "SET", "appendonly", "no")
        if path != "appendonlydir":
            shutil.rmtree(one.path("appendonlydir"))  # the manifest names what is not there
        client("CONFIG", "SET", "appendonly", "yes")
        assert wait_until(lambda: os.path.exists(one.path("appendonlydir", "appendonly.aof.manifest"))
                          and info(client, "aof_rewrite_in_progress") == "0")
        assert client("SET", "after", "it") == "OK"
        one.kill()
        assert one.start(), one.said()
        assert [one.client()("GET", k) for k in ("before", "after")] == [b"it", b"it"]
        one.kill()


@case
def a_folder_that_is_removed_under_its_server_is_an_error_of_the_next_save():
    one = server(MILLRACE, "gone", "--save", "900 1")
    assert one.start(), one.said()
    client = one.client()
    client("SET", "k", "v")
    shutil.rmtree(one.folder)
    assert "No such file or directory" in refusal_of(client, "SAVE")
    assert client("GET", "k") == b"v"
    one.kill()


# ---- Snapshots ----

@case
def shutdown_saves_by_rules_or_as_it_is_told():
    one = server(MILLRACE, "shutdown", "--save", "900 1")
    for word, there in (("NOSAVE", 0), ("SAVE", 1), (None, 2)):
        assert one.start(), one.said()
        client = one.client()
        client("SET", "key %s" % word, 1)
        try:
            client("SHUTDOWN", *([word] if word else []))
        except EOFError:
            pass
        one.process.wait(10)
        one.process = None
        assert one.start(), one.said()
        assert one.client()("DBSIZE") == there
        one.kill()
    one = server(MILLRACE, "shutdown-log", *LOG)
    assert one.start()
    one.client()("SET", "k", "v")
    try:
        one.client()("SHUTDOWN", "NOSAVE")
    except EOFError:
        pass
    one.process.wait(10)
    one.process = None
    assert not os.path.exists(one.path("dump.rdb"))
    assert one.start() and one.client()("GET", "k") == b"v"
    one.end()


@case
def a_signal_saves_by_rules_or_as_it_was_told():
    for option, signal_sent, saved in (
            ("shutdown-on-sigterm default", signal.SIGTERM, True),
            ("shutdown-on-sigterm nosave", signal.SIGTERM, False),
            ("shutdown-on-sigint nosave now force", signal.SIGTERM, True),
            ("shutdown-on-sigint nosave now force", signal.SIGINT, False)):
        name, *words = option.split()
        one = server(MILLRACE, "signal", "--save", "900 1", "--" + name, *words)
        assert one.start(), one.said()
        one.client()("SET", "k", "v")
        one.process.send_signal(signal_sent)
        assert one.process.wait(10) == 0
        one.process = None
        assert os.path.exists(one.path("dump.rdb")) == saved, option
    one = server(MILLRACE, "signal", "--save", "900 1", "--shutdown-on-sigterm", "save")
    assert one.start()
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(10) == 0
    one.process = None
    assert os.path.exists(one.path("dump.rdb"))


@case
def a_kill_while_a_child_saves_leaves_the_snapshot_before():
    one = server(MILLRACE, "killed", "--save", "")
    assert one.start(), one.said()
    client = one.client()
    client.many([("SET", "k%d" % i, "v" * 100) for i in range(2000)])
    client("SAVE")
    for _ in range(5):
        client = one.client()
        client("SET", "new", "value")
        client("CONFIG", "SET", "rdb-key-save-delay", 500)
        client("BGSAVE")
        time.sleep(random.random() / 3)
        one.kill()
        assert one.start(), one.said()
        assert one.client()("DBSIZE") == 2000
    one.end()


@case
def a_child_holds_neither_its_servers_port_nor_its_locks():
    """It may die a second after a server that is killed, and another is to start at once."""
    one = server(MILLRACE, "held", "--save", "3600 1", "--appendonly", "yes", "--rdb-key-save-delay", "1000")
    assert one.start(), one.said()
    client = one.client()
    client.many([("SET", "k%d" % i, i) for i in range(3000)])
    for command in ("BGSAVE", "BGREWRITEAOF"):
        client(command)
        assert wait_until(lambda: len(children_of(one)) == 1), one.said()
        child = children_of(one)[0]
        assert wait_until(lambda: not held_by(child), 2), held_by(child)
        os.kill(child, signal.SIGKILL)
        assert wait_until(lambda: info(client, "rdb_bgsave_in_progress") == "0" and
                          info(client, "aof_rewrite_in_progress") == "0")
    one.kill()


def children_of(one):
    with open("/proc/%d/task/%d/children" % (one.process.pid, one.process.pid)) as children:
        return [int(child) for child in children.read().split()]


def held_by(process):
    held = []
    for name in os.listdir("/proc/%d/fd" % process):
        try:
            link = os.readlink("/proc/%d/fd/%s" % (process, name))
        except FileNotFoundError:
            continue  # closed meanwhile
        if int(name) > 2 and (link.startswith("socket:") or link.endswith(".lock")):
            held.append(link)
    return held


@case
def rules_save_by_themselves():
    one = server(MILLRACE, "rules", "--save", "1 5")
    assert one.start(), one.said()
    client = one.client()
    client.many([("SET", "k%d" % i, i) for i in range(4)])
    time.sleep(2.5)
    assert not os.path.exists(one.path("dump.rdb"))
    client("SET", "k5", 5)
    assert wait_until(lambda: os.path.exists(one.path("dump.rdb")))
    assert wait_until(lambda: info(client, "rdb_changes_since_last_save") == "0")
    one.kill()
    assert one.start() and one.client()("DBSIZE") == 5
    one.end()


@case
def while_snapshots_fail_writes_are_refused_and_then_taken_again():
    one = server(MILLRACE, "misconf", "--save", "900 1")
    assert one.start(), one.said()
    client = one.client()
    client("SET", "k", "v")
    os.mkdir(one.path("dump.rdb"))
    client("BGSAVE")
    assert wait_until(lambda: info(client, "rdb_last_bgsave_status") == "err")
    for words in (("SET", "k", "x"), ("PING",)):
        try:
            client(*words)
            raise AssertionError("not refused")
        except Refused as error:
            assert str(error).startswith("MISCONF Redis is configured to save RDB snapshots")
    assert client("GET", "k") == b"v"
    os.rmdir(one.path("dump.rdb"))
    client("BGSAVE")
    assert wait_until(lambda: info(client, "rdb_last_bgsave_status") == "ok")
    assert client("SET", "k", "x") == "OK"
    one.end(signal.SIGKILL)


@case
def who_asks_while_data_is_loaded_is_told_so():
    one = server(MILLRACE, "loading", "--save", "", "--rdbcompression", "no")
    assert one.start(), one.said()
    one.client()("DEBUG", "POPULATE", 20000, "key", 1000)
    one.client()("SAVE")
    one.end()
    one.start("--key-load-delay", "100", "--loading-process-events-interval-bytes", "100kb",
              wait=False)
    client = None
    for _ in range(100):
        try:
            client = Client(one.port)
            break
        except OSError:
            time.sleep(0.02)
    try:
        client("GET", "key:1")
        raise AssertionError("not refused")
    except Refused as error:
        assert str(error) == "LOADING Redis is loading the dataset in memory"
    assert info(client, "loading") == "1"
    assert float(info(client, "loading_loaded_perc")) < 100
    assert wait_until(lambda: info(client, "loading") == "0")
    assert len(client("GET", "key:1")) == 1000
    one.end()
    one.start("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "100kb",
              wait=False)
    time.sleep(0.5)
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(5) == 0
    one.process = None


@case
def keys_migrate_to_redis_and_back():
    here, there = server(MILLRACE, "migrate-here", *LOG), server(REDIS, "migrate-there", "--save", "")
    assert here.start() and there.start()
    client, other = here.client(), there.client()
    fill(client)
    client("SELECT", 0)
    keys = sorted(client("KEYS", "*"))
    before = digest(client)
    try:
        client("MIGRATE", "127.0.0.1", there.port, "int", 99, 5000)
        raise AssertionError("not refused")
    except Refused as error:
        assert "DB index is out of range" in str(error)
    assert client("MIGRATE", "127.0.0.1", there.port, "", 0, 5000, "KEYS", *keys) == "OK"
    assert client("DBSIZE") == 0 and other("DBSIZE") == len(keys)
    other("SET", keys[1], "in the way")
    other("MIGRATE", "127.0.0.1", here.port, "", 0, 5000, "KEYS", *keys)
    client("SET", keys[1], "x")
    assert client("DBSIZE") == len(keys) and other("DBSIZE") == 0
    here.kill()
    assert here.start() and here.client()("DBSIZE") == len(keys)
    assert before != digest(here.client())
    here.kill()
    there.end()


# ---- millrace check ----

def check(*words):
    done = subprocess.run([MILLRACE, "check", *words], stdout=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout.decode()


@case
def the_version_of_redis_is_where_programs_look_for_it():
    def told(program):
        line = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
        name, rest = line.split(" server ")
        return name, [word.split("=")[0] for word in rest.split()], rest
    name, words, rest = told(MILLRACE)
    assert name == "Millrace" and rest.startswith("v=7."), rest
    assert words == told(REDIS)[1] + ["millrace_version"], rest


def in_background(name, port, *options):
    """Starts a server that leaves; what the command that did so ended with, and said."""
    path = folder(name)
    os.makedirs(path)
    done = subprocess.run([MILLRACE, "--port", str(port), "--bind", "127.0.0.1", "--dir", path,
                           "--daemonize", "yes", "--pidfile", os.path.join(path, "pid"), *options],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr, path


@case
def a_log_begun_beside_a_snapshot_is_warned_of_and_the_advice_works():
    first = server(MILLRACE, "beside-snapshot", "--save", "")
    assert first.start(), first.said()
    first.client()("SET", "k", "v")
    first.client()("SAVE")
    first.kill()
    copy = folder("beside-snapshot-copy")
    copy_folder(first.folder, copy)
    log = server(MILLRACE, "beside-snapshot", *LOG, fresh=False)
    assert log.start() and log.client()("DBSIZE") == 0
    assert "There is a snapshot, dump.rdb, and no log" in log.said(), log.said()
    log.end()
    told = log.said().count("There is a snapshot")
    assert log.start() and log.said().count("There is a snapshot") == told
    log.end()
    advised = server(MILLRACE, "beside-snapshot-copy", "--save", "", fresh=False)
    assert advised.start("--appendonly", "no"), advised.said()
    advised.client()("CONFIG", "SET", "appendonly", "yes")
    assert wait_until(lambda: info(advised.client(), "aof_rewrite_in_progress") == "0" and
                      info(advised.client(), "aof_last_bgrewrite_status") == "ok")
    advised.end()
    assert advised.start("--appendonly", "yes"), advised.said()
    assert advised.client()("GET", "k") == b"v"


@case
def words_that_print_something_take_no_more_words():
    for word, said in (("help", "Usage:"), ("version", "v="), ("options", "\n#maxmemory ")):
        alone = subprocess.run([MILLRACE, word], capture_output=True, text=True)
        assert alone.returncode == 0 and said in alone.stdout, word
        more = subprocess.run([MILLRACE, word, "x"], capture_output=True, text=True)
        assert more.returncode == 1 and "no more words" in more.stderr, word


@case
def who_starts_a_server_in_the_background_finds_it_listening():
    for attempt in range(20):
        port = free_port()
        status, said, path = in_background("background", port)
        assert status == 0, said
        with open(os.path.join(path, "pid")) as pid:
            pid = int(pid.read())
        try:
            assert info(Client(port), "process_id") == str(pid)  # at once: nobody waits here
        finally:
            os.kill(pid, signal.SIGKILL)


@case
def who_starts_a_server_in_the_background_learns_that_it_could_not():
    status, said, _ = in_background("background", free_port(), "--aclfile", "/nowhere/users")
    assert status == 1 and "did not start" in said, (status, said)


@case
def check_tells_what_is_in_files_and_mends_a_torn_end():
    one, path, before = filled_log("check")
    client = None
    assert one.start()
    client = one.client()
    fill(client)
    client("SAVE")
    before = digest(client)
    one.end()
    status, said = check(one.folder)
    assert status == 0 and "keys" in said and "large:" in said and "fine" in said, said
    size = os.path.getsize(path)
    with open(path, "ab") as log:
        log.write(b"*3\r\n$3\r\nSET\r\n$1\r\nk")
    status, said = check(path)
    assert status == 1 and "--fix would cut off 18 bytes" in said, said
    status, said = check(one.path("appendonlydir", "appendonly.aof.manifest"), "--fix")
    assert status == 0 and "18 bytes were cut off" in said, said
    assert os.path.getsize(path) == size
    with open(one.path("dump.rdb"), "r+b") as file:
        file.seek(100)
        byte = file.read(1)
        file.seek(100)
        file.write(bytes([byte[0] ^ 1]))
    status, said = check(one.path("dump.rdb"))
    assert status == 2 and "DAMAGED" in said, said
    os.remove(one.path("dump.rdb"))
    assert one.start() and digest(one.client()) == before
    one.end()


@case
def check_changes_nothing_in_what_is_no_log():
    path = os.path.join(FOLDER, "letter.txt")
    for text in (b"Dear Ada,\n", b"# port 6379\n", b"x"):
        with open(path, "wb") as file:
            file.write(text)
        for words in ((path,), (path, "--fix"), ("--fix", path)):
            status, said = check(*words)
            assert status == 2 and "neither a snapshot nor a log" in said, said
        with open(path, "rb") as file:
            assert file.read() == text
    for words in ((), ("--fox", path), ("--fix",)):
        assert check(*words) == (2, ""), words


# ---- Those in files of their own ----

def from_elsewhere(function):
    def run():
        function(server, MILLRACE, FOLDER)
    run.__name__ = function.__name__
    return case(run)


for each in starting.CASES + slow_disk.CASES + managed.CASES:
    from_elsewhere(each)


def main():
    wanted = sys.argv[3:]
    passed = failed = skipped = 0
    for one in cases:
        if wanted and one.__name__ not in wanted:
            continue
        if REDIS in one.__code__.co_names and shutil.which(REDIS) is None:
            skipped += 1
            continue
        try:
            one()
            passed += 1
        except Exception as error:  # whatever went wrong is told, and the others go on
            failed += 1
            import traceback
            where = traceback.extract_tb(error.__traceback__)[1]
            print("%s: line %d: %s %s" % (one.__name__, where.lineno, type(error).__name__, error))
        finally:
            for started in servers:
                started.end(signal.SIGKILL)
            servers.clear()
    shutil.rmtree(FOLDER, ignore_errors=True)
    print("files: %d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return failed > 0


sys.exit(main())

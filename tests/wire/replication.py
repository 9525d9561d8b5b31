#!/usr/bin/env python3
"""A primary and its replicas, driven at random: whoever follows must have the same data.

    replication.py MILLRACE [--replica BINARY ...] [--seed N] [--rounds N]

Each replica given (redis-server, say, or MILLRACE itself, which is the usual) follows a Millrace that is told
commands of all types at random, alone, in MULTI and in scripts, with keys that expire. Data comes by file and by
pipe; links are cut, and replicas must go on from where they were; a replica is ended and comes back. After each round
what both hold must be the same, and DEBUG DIGEST if both are of one maker. Then replicas that are none: who says nonsense, who does not read, who goes in
the midst of it.

The last line is `replication: N passed, N failed`.
"""
import argparse, os, random, shutil, socket, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "differential"))
from free_port import free_port
from differential import blocks, contents, is_fair, make_request, normal
from resp import Broken, Link
from templates import TEMPLATES
from words import Words

BATCH, BATCHES = 60, 12
PATIENCE = 60  # seconds
NOT_ASKED = {b"WAIT", b"SHUTDOWN", b"DEBUG", b"CONFIG", b"CLIENT", b"SUBSCRIBE", b"PSUBSCRIBE", b"MULTI", b"EXEC"}


class Server:
    def __init__(self, binary, *options):
        self.binary, self.options = binary, options
        self.folder = tempfile.mkdtemp(prefix="replication")
        self.port = free_port()
        self.start()

    def start(self):
        log = open(os.path.join(self.folder, "log"), "a")
        self.process = subprocess.Popen(
            [self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
             "--enable-debug-command", "yes", *self.options], stdout=log, stderr=log)
        for _ in range(2400):
            try:
                self.link = Link(self.port, timeout=30)
                if self.link.ask("PING") == (b"+", b"PONG"):
                    return
                self.link.close()
            except (OSError, Broken):
                pass
            time.sleep(0.025)
        raise SystemExit("%s does not start" % self.binary)

    def ask(self, *words):
        return self.link.ask(*words)[1]

    def info(self, field, section="everything"):
        for line in self.ask("INFO", section).split(b"\r\n"):
            if line.startswith(field.encode() + b":"):
                return line.split(b":", 1)[1].decode()

    def end(self, kill=False):
        self.process.kill() if kill else self.process.terminate()
        self.process.wait()
        self.link.close()

    def remove(self):
        if self.process.poll() is None:
            self.end(kill=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Trouble(Exception):
    pass


def until(what, true):
    """Waiting long costs nothing where it comes true, on a busy machine too."""
    end = time.time() + PATIENCE
    while time.time() < end:
        if true():
            return
        time.sleep(0.02)
    raise Trouble("not within %d s: %s" % (PATIENCE, what))


def may_ask(request):
    """Nothing that waits, or that an older replica does not know; what is random is welcome."""
    if not request:
        return False
    name, upper = request[0].upper(), [word.upper() for word in request]
    if name in NOT_ASKED or blocks(name, upper):
        return False
    told = name.startswith(b"X") or name.startswith(b"SORT")
    return not told or is_fair([word for word in request if word not in (b"*", b"$", b"~")])


def make_some(primary, words):
    """A batch of writes as sessions say them, some in MULTI, some by a script, some in another database."""
    chance = words.random
    requests = []
    while len(requests) < BATCH:
        request = make_request(words, TEMPLATES)
        if not may_ask(request):
            continue
        roll = chance.random()
        if roll < 0.1:
            more = make_request(words, TEMPLATES)
            requests += [["MULTI"], request, more if may_ask(more) else ["PING"], ["EXEC"]]
        elif roll < 0.2:
            requests.append(["EVAL", "return redis.pcall(unpack(ARGV))", "0"] + request)
        elif roll < 0.25:
            requests.append(["SELECT", chance.randrange(3)])
        elif roll < 0.3:
            requests.append(["SET", "short%d" % chance.randrange(9), "x", "PX", chance.randrange(1, 30)])
        requests.append(request)
    primary.link.send(requests)
    for _ in requests:
        primary.link.hear()
    primary.ask("DISCARD")


def sync(primary, replica):
    primary.ask("SELECT", 0)
    until("the replica is up", lambda: replica.info("master_link_status") == "up")
    until("offsets are the same",
          lambda: replica.info("master_repl_offset", "replication") == primary.info("master_repl_offset", "replication"))


def compare(primary, replica):
    """Nothing may go by itself meanwhile: what expires has gone, or is told in time."""
    for _ in range(50):
        sync(primary, replica)
        before = primary.info("master_repl_offset")
        ours, theirs = holdings(primary), holdings(replica)
        if ours == theirs:
            break
        if primary.info("master_repl_offset") == before:
            time.sleep(0.05)
    else:
        raise Trouble("data differs: " + "; ".join("%s: %s and %s" % (key, ours.get(key), theirs.get(key))
                      for key in sorted(set(ours) | set(theirs)) if ours.get(key) != theirs.get(key))[:2000])
    if primary.binary == replica.binary:
        ours, theirs = primary.ask("DEBUG", "DIGEST", "WHOLE"), replica.ask("DEBUG", "DIGEST", "WHOLE")
        if ours != theirs and primary.info("master_repl_offset") == before:
            raise Trouble("digests differ")


def holdings(server):
    """What each key holds, as far as servers of two makers can be compared."""
    held = {}
    for db in range(3):
        server.ask("SELECT", db)
        keys = sorted(word for _, word in server.ask("KEYS", "*"))
        server.link.send([["TYPE", key] for key in keys])
        kinds = [server.link.hear()[1] for _ in keys]
        server.link.send([["PEXPIRETIME", key] for key in keys])
        times = [server.link.hear()[1] for _ in keys]
        server.link.send([contents(key, kind) for key, kind in zip(keys, kinds)])
        for key, kind, due in zip(keys, kinds, times):
            held[db, key] = kind, due, normal(contents(key, kind), server.link.hear())
        for key, kind in zip(keys, kinds):
            if kind == b"stream":
                groups = server.link.ask("XINFO", "STREAM", key, "FULL")
                held[db, key] += normal([b"XINFO"], groups)
    server.ask("SELECT", 0)
    return held


def follow(replica, primary):
    replica.ask("REPLICAOF", "127.0.0.1", primary.port)


def walk(millrace, binary, seed, rounds, piped):
    chance = random.Random(seed)
    primary = Server(millrace, "--repl-diskless-sync", "yes" if piped else "no", "--repl-diskless-sync-delay", "0",
                     "--repl-backlog-size", "4mb", "--client-output-buffer-limit", "replica 0 0 0")
    replica = Server(binary, "--repl-diskless-load", chance.choice(("disabled", "swapdb")))
    words = Words(chance)
    try:
        for _ in range(BATCHES):
            make_some(primary, words)
        follow(replica, primary)
        until("all data has come", lambda: replica.info("master_link_status") == "up")
        compare(primary, replica)
        partial = 0
        for turn in range(rounds):
            for _ in range(BATCHES):
                make_some(primary, words)
                if chance.random() < 0.1:
                    primary.ask("CLIENT", "KILL", "TYPE", "replica")
            if turn % 3 == 1:
                replica.end()
                make_some(primary, words)
                replica.start()
                follow(replica, primary)
            compare(primary, replica)
            before = int(primary.info("sync_partial_ok"))
            primary.ask("CLIENT", "KILL", "TYPE", "replica")
            make_some(primary, words)
            compare(primary, replica)
            partial += int(primary.info("sync_partial_ok")) - before
        if partial < rounds - 1:
            raise Trouble("it went on from where it was %d times of %d" % (partial, rounds))
        waited = primary.ask("WAIT", 1, 5000)
        if waited != b"1":
            raise Trouble("WAIT says %s" % waited)
        if primary.process.poll() is not None:
            raise Trouble("the primary has ended")
    finally:
        primary.remove()
        replica.remove()


def several(millrace, binary, seed):
    """Three at once, of which one is killed while data comes; then one follows another."""
    primary = Server(millrace, "--repl-diskless-sync-delay", "1", "--repl-diskless-sync-max-replicas", "3",
                     "--rdb-key-save-delay", "200")
    replicas = [Server(binary) for _ in range(3)]
    words = Words(random.Random(seed))
    try:
        primary.link.send([["SET", "key%d" % i, "x" * 500] for i in range(3000)])
        for _ in range(3000):
            primary.link.hear()
        for replica in replicas:
            follow(replica, primary)
        until("the save runs", lambda: primary.info("rdb_bgsave_in_progress") == "1")
        replicas[1].end(kill=True)
        make_some(primary, words)
        for replica in (replicas[0], replicas[2]):
            until("all data has come", lambda: replica.info("master_link_status") == "up")
            compare(primary, replica)
        if primary.info("sync_full") != "3":
            raise Trouble("sync_full is %s" % primary.info("sync_full"))
    finally:
        for server in [primary] + replicas:
            server.remove()


def raw(primary, *lines):
    link = socket.create_connection(("127.0.0.1", primary.port), timeout=10)
    for line in lines:
        if line is not lines[0]:
            link.recv(5)  # nothing may be answered still
        link.sendall(line)
    return link


def hostile(millrace, seed):
    """Replicas that are none. Others are served all the time, and memory comes back."""
    chance = random.Random(seed)
    primary = Server(millrace, "--client-output-buffer-limit", "replica 8mb 0 0", "--repl-backlog-size", "16kb",
                     "--repl-diskless-sync-delay", "0", "--repl-timeout", "2")
    try:
        for i in range(300):
            words = [b"REPLCONF"] + [chance.choice((b"ack", b"capa", b"listening-port", b"ip-address", b"x" * 5000,
                     b"\x00\xff", b"-1", b"99999999999999999999", b"rdb-filter-only", b"rdb-only", b"eof", b"getack",
                     b"fack")) for _ in range(chance.randrange(7))]
            if chance.random() < 0.3:
                words = [b"PSYNC", chance.choice((b"?", b"x" * 40, b"")), chance.choice((b"-1", b"1", b"9" * 8))]
            link = raw(primary, b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            if chance.random() < 0.5:
                link.settimeout(0.02)
                try:
                    link.recv(chance.choice((1, 10, 10000)))
                except OSError:
                    pass
            if chance.random() < 0.3:
                try:
                    link.sendall(chance.choice((b"PING\r\n", b"*1\r\n$4\r\nSYNC\r\n", b"garbage\x00\r\n", b"GET x\r\n",
                                                b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$3\r\n-12\r\n")))
                except OSError:
                    pass
            link.close()
        until("they are gone", lambda: primary.info("connected_slaves") == "0")
        used = int(primary.info("used_memory"))

        slow = raw(primary, b"SYNC\r\n")
        until("it is online", lambda: "online" in (primary.info("slave0") or ""))
        for i in range(60):
            primary.ask("SET", "big", "x" * 1000000)
        until("who does not read is gone", lambda: primary.info("connected_slaves") == "0")
        slow.close()
        primary.ask("DEL", "big")
        until("memory comes back", lambda: int(primary.info("used_memory")) < used + 4000000)

        # Large data, and a replica that takes nothing of it: its child ends with it.
        primary.link.send([["SET", "key%d" % i, os.urandom(1000)] for i in range(20000)])
        for _ in range(20000):
            primary.link.hear()
        for hello in ([b"SYNC\r\n"], [b"REPLCONF capa eof\r\n", b"PSYNC ? -1\r\n"]):
            stuck = raw(primary, *hello)
            until("it is there", lambda: primary.info("connected_slaves") == "1")
            until("it is sent away", lambda: primary.info("connected_slaves") == "0")
            stuck.close()
            until("no child is left", lambda: primary.info("rdb_bgsave_in_progress") == "0")
        if primary.ask("PING") != b"PONG":
            raise Trouble("no answer")
    finally:
        primary.remove()


def small_pipes(millrace):
    """A child that has next to nothing to write ends before its pipe is read: all of it comes."""
    primary = Server(millrace, "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--hz", "500")
    try:
        for turn in range(40):
            replica = raw(primary, b"REPLCONF capa eof\r\n", b"PSYNC ? -1\r\n")
            replica.settimeout(PATIENCE)
            heard = b""
            while b"$EOF:" not in heard or heard.count(mark_of(heard)) < 2:
                part = replica.recv(65536)
                if not part:
                    raise Trouble("sync %d ended behind %d bytes" % (turn, len(heard)))
                heard += part
            replica.close()
    except socket.timeout:
        raise Trouble("sync %d does not end: %r" % (turn, heard[:80]))
    finally:
        primary.remove()


def mark_of(heard):
    """What ends a snapshot that comes by pipe; it is told in front of it."""
    return heard.split(b"$EOF:", 1)[-1][:40]


def disks(millrace):
    """WAIT and WAITAOF count what replicas say of their memory and of their disks."""
    primary = Server(millrace)
    replica = raw(primary, b"SYNC\r\n")
    try:
        until("it is online", lambda: "online" in (primary.info("slave0") or ""))
        primary.ask("SET", "k", "v")
        offset = int(primary.info("master_repl_offset"))

        def say(*words):
            words = [str(word).encode() for word in words]
            replica.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            time.sleep(0.1)

        say("REPLCONF", "ACK", offset - 1)
        if primary.ask("WAIT", 1, 50) != b"0":
            raise Trouble("WAIT counts who has not all")
        offset = int(primary.info("master_repl_offset"))
        say("REPLCONF", "ACK", offset, "FACK", offset - 100)
        if primary.ask("WAIT", 1, 5000) != b"1" or primary.ask("WAITAOF", 0, 1, 50)[1] != (b":", b"0"):
            raise Trouble("WAIT, or WAITAOF of a disk that has not all")
        offset = int(primary.info("master_repl_offset"))
        say("REPLCONF", "ACK", offset, "FACK", offset)
        if primary.ask("WAITAOF", 0, 1, 5000) != [(b":", b"0"), (b":", b"1")]:
            raise Trouble("WAITAOF does not count a disk")
    finally:
        replica.close()
        primary.remove()


def log_of_replica(millrace):
    """WAITAOF counts a Millrace that follows, once its log has what was said; none without a log."""
    primary = Server(millrace)
    replica = Server(millrace, "--replicaof", "127.0.0.1 %d" % primary.port)
    try:
        until("it follows", lambda: replica.info("master_link_status") == "up")
        primary.ask("SET", "k", "v")
        if primary.ask("WAIT", 1, 5000) != b"1" or primary.ask("WAITAOF", 0, 1, 1500)[1] != (b":", b"0"):
            raise Trouble("a replica without a log is counted as if its disk had it")
        replica.ask("CONFIG", "SET", "appendonly", "yes")
        if primary.ask("WAITAOF", 0, 1, 10000)[1] != (b":", b"1"):
            raise Trouble("a log that begins is not counted")
        for fsync in "everysec", "always":
            replica.ask("CONFIG", "SET", "appendfsync", fsync)
            for number in range(3):
                primary.ask("INCR", "n")
                if primary.ask("WAITAOF", 0, 1, 10000)[1] != (b":", b"1"):
                    raise Trouble("the log of a replica is not counted: appendfsync %s" % fsync)
        replica.end(kill=True)
        replica.options = ("--appendonly", "yes")
        replica.start()
        if replica.ask("GET", "n") != b"6":
            raise Trouble("what WAITAOF promised is not on the replica's disk")
    finally:
        replica.remove()
        primary.remove()


def own_writes(millrace):
    """WAIT is about what the session itself wrote: others may write on."""
    primary = Server(millrace)
    replica = raw(primary, b"SYNC\r\n")
    other = Link(primary.port, timeout=30)
    try:
        until("it is online", lambda: "online" in (primary.info("slave0") or ""))

        def acknowledge():
            offset = str(int(primary.info("master_repl_offset"))).encode()
            replica.sendall(b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$%d\r\n%s\r\n" % (len(offset), offset))
            time.sleep(0.1)

        other.ask("PUBLISH", "c", "m")
        if other.ask("WAIT", 1, 50)[1] != b"1":
            raise Trouble("who wrote nothing has to wait")
        primary.ask("SET", "k", "v")
        acknowledge()
        other.ask("SET", "k", "w")
        if primary.ask("WAIT", 1, 5000) != b"1" or other.ask("WAIT", 1, 50)[1] != b"0":
            raise Trouble("WAIT does not tell sessions apart")
        acknowledge()
        other.ask("GET", "k")
        primary.ask("INCR", "n")
        if primary.ask("WAIT", 1, 50) != b"0" or other.ask("WAIT", 1, 50)[1] != b"1":
            raise Trouble("WAIT does not tell sessions apart the second time")
    finally:
        other.close()
        replica.close()
        primary.remove()


def scores(millrace):
    """oom-score-adj: the score follows the role, and a child that saves has one of its own."""
    server = Server(millrace, "--rdb-key-save-delay", "10000000")

    def score(pid):
        with open("/proc/%d/oom_score_adj" % pid) as file:
            return int(file.read()) - first

    def has(pid, wanted):
        until("%d has the score %d" % (pid, wanted), lambda: score(pid) == wanted)

    try:
        pid, first = server.process.pid, 0
        first = score(pid)
        server.ask("CONFIG", "SET", "oom-score-adj", "yes", "oom-score-adj-values", "10 20 30")
        has(pid, 10)
        server.ask("REPLICAOF", "127.0.0.1", 1)
        has(pid, 20)
        server.ask("REPLICAOF", "NO", "ONE")
        has(pid, 10)
        server.ask("SET", "k", "v")
        server.ask("BGSAVE")
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            has(int(file.read().split()[0]), 30)
        has(pid, 10)
        server.ask("CONFIG", "SET", "oom-score-adj", "no")
        has(pid, 0)
    finally:
        server.remove()


def leftovers(millrace):
    """A replica killed in the midst of a full sync removes the file it was writing when it starts again."""
    primary = Server(millrace, "--rdb-key-save-delay", "500", "--repl-diskless-sync-delay", "0")
    primary.ask("DEBUG", "POPULATE", 20000, "key", 500)
    replica = Server(millrace, "--replicaof", "127.0.0.1 %d" % primary.port, "--repl-diskless-load", "disabled")

    def files():
        names = [os.path.join(replica.folder, name) for name in os.listdir(replica.folder)]
        return [name for name in names if "/temp-" in name and os.path.getsize(name) > 0]

    try:
        until("data comes", files)
        replica.end(kill=True)
        if not files():
            raise Trouble("it was killed too late")
        replica.options = ()
        replica.start()
        if files():
            raise Trouble("the file stays")
    finally:
        replica.remove()
        primary.remove()


def roles_change(millrace):
    """What was said in the turn in which a role changes counts in the old role, and once."""
    def at_once(server, *requests):
        """Several requests in one send, answered in one turn."""
        with socket.create_connection(("127.0.0.1", server.port)) as link:
            link.sendall(b"".join(b" ".join(request) + b"\r\n" for request in requests))
            heard = b""
            while heard.count(b"\r\n") < len(requests):
                heard += link.recv(1000)

    first, second, third = (Server(millrace, "--repl-diskless-sync-delay", "0") for _ in range(3))
    everybody = (first, second, third)
    try:
        for replica in (second, third):
            follow(replica, first)
        for number in range(6):
            if first.ask("SET", "n", "0") != b"OK" or first.ask("WAIT", 2, 10000) != b"2":
                raise Trouble("the replicas do not follow")
            # The next primary may have some of it when it is told, and who waits may have more.
            second.link.send([("DEBUG", "SLEEP", "0.05")])
            at_once(first, *[(b"INCR", b"n")] * 10)
            at_once(second, (b"REPLICAOF", b"NO", b"ONE"))
            if second.link.hear()[1] != b"OK":
                raise Trouble("it does not sleep")
            follow(third, second)
            at_once(first, (b"SET", b"late%d" % number, b"v"), (b"REPLICAOF", b"127.0.0.1", b"%d" % second.port))
            until("all follow", lambda: all(one.info("master_link_status") == "up" for one in (first, third)))
            second.ask("SET", "after", str(number))
            if second.ask("WAIT", 2, 10000) != b"2":
                raise Trouble("not all follow")
            held = [[one.ask("GET", "n"), one.ask("DBSIZE"), one.ask("DEBUG", "DIGEST")] for one in everybody]
            if held[0] != held[1] or held[1] != held[2]:
                raise Trouble("change %d: they hold %s" % (number, held))
            first, second, third = second, third, first
    finally:
        for server in everybody:
            server.remove()


def errors(millrace):
    """A statement that ends in an error ends a replica with propagation-error-behavior, and no writable one."""
    primary = Server(millrace)
    replica = Server(millrace, "--replicaof", "127.0.0.1 %d" % primary.port, "--propagation-error-behavior", "panic")
    try:
        until("it follows", lambda: replica.info("master_link_status") == "up")
        replica.ask("CONFIG", "SET", "replica-read-only", "no")
        replica.ask("SET", "k", "v")
        primary.ask("LPUSH", "k", "a")
        until("the error is counted", lambda: replica.info("unexpected_error_replies") == "1")
        replica.ask("CONFIG", "SET", "replica-read-only", "yes", "propagation-error-behavior", "ignore")
        primary.ask("LPUSH", "k", "a")
        until("the error is passed over", lambda: replica.info("unexpected_error_replies") == "2")
        replica.ask("CONFIG", "SET", "propagation-error-behavior", "panic-on-replicas")
        primary.ask("LPUSH", "k", "a")
        until("it ends", lambda: replica.process.poll() is not None)
        with open(os.path.join(replica.folder, "log"), errors="replace") as log:
            if "WRONGTYPE" not in log.read().split("propagation-error-behavior")[0]:
                raise Trouble("it does not say which error")
    finally:
        replica.remove()
        primary.remove()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("millrace")
    arguments.add_argument("--replica", action="append")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=4)
    asked = arguments.parse_args()
    passed = failed = 0
    checks = []
    for binary in asked.replica or [asked.millrace]:
        name = os.path.basename(binary)
        checks += [("%s, by file" % name, lambda b=binary: walk(asked.millrace, b, asked.seed, asked.rounds, False)),
                   ("%s, by pipe" % name, lambda b=binary: walk(asked.millrace, b, asked.seed + 1, asked.rounds, True)),
                   ("three of %s" % name, lambda b=binary: several(asked.millrace, b, asked.seed))]
    checks.append(("next to nothing by pipe", lambda: small_pipes(asked.millrace)))
    checks.append(("acknowledgements", lambda: disks(asked.millrace)))
    checks.append(("disk of a replica", lambda: log_of_replica(asked.millrace)))
    checks.append(("scores for the kernel", lambda: scores(asked.millrace)))
    checks.append(("own writes", lambda: own_writes(asked.millrace)))
    checks.append(("what a killed sync leaves", lambda: leftovers(asked.millrace)))
    checks.append(("roles that change", lambda: roles_change(asked.millrace)))
    checks.append(("errors in statements", lambda: errors(asked.millrace)))
    checks.append(("hostile ones", lambda: hostile(asked.millrace, asked.seed)))
    for name, check in checks:
        began = time.time()
        try:
            check()
            passed += 1
            print("ok      %-30s %.1f s" % (name, time.time() - began))
        except (Trouble, Broken, OSError) as trouble:
            failed += 1
            print("FAILED  %s: %s" % (name, trouble))
    print("replication: %d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

"""Cases with a disk that takes its time: who waits for it, and who does not."""
import os
import subprocess
import time

SHIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "slow_disk.c")


def build(folder):
    """The library to preload, or None where there is no compiler."""
    path = os.path.join(folder, "slow_disk.so")
    made = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", path, SHIM, "-ldl"],
                          capture_output=True)
    return path if made.returncode == 0 else None


def start(case_server, program, folder, name, fsync_ms, *options):
    """A server for which each fsync takes so much longer; None where that cannot be."""
    shim = build(folder)
    if shim is None:
        return None
    one = case_server(program, name, "--save", "", "--appendonly", "yes", "--auto-aof-rewrite-percentage", "0",
                      *options)
    one.environment = lambda: {**os.environ, "LD_PRELOAD": shim, "MILLRACE_FSYNC_USEC": str(fsync_ms * 1000)}
    assert one.start(), one.said()
    return one


def stood_in_queue(one):
    """Seconds that we and the threads of a server have been ready and had no processor."""
    tasks = ["/proc/self"] + ["/proc/%d/task/%s" % (one.process.pid, task)
                              for task in os.listdir("/proc/%d/task" % one.process.pid)]
    total = 0
    for task in tasks:
        try:
            with open(task + "/schedstat") as told:
                total += int(told.read().split()[1])
        except (OSError, IndexError):
            pass
    return total / 1e9


class Watch:
    """Time since it was made, less what a busy machine took of it."""

    def __init__(self, one):
        self.one, self.began, self.queued = one, time.monotonic(), stood_in_queue(one)

    def seconds(self):
        return time.monotonic() - self.began - (stood_in_queue(self.one) - self.queued)


def took(one, run, *words):
    watch = Watch(one)
    answer = run(*words)
    return watch.seconds(), answer


def with_always_writers_wait_and_readers_do_not(case_server, program, folder):
    one = start(case_server, program, folder, "slow-always", 400, "--appendfsync", "always")
    if one is None:
        return
    writer, second, reader = one.client(), one.client(), one.client()
    began, watch = time.monotonic(), Watch(one)
    writer.send("SET", "a", "1")
    time.sleep(0.05)
    second.send("INCR", "n")  # in the turns meanwhile: it shares the next fsync
    waited, value = took(one, reader, "GET", "a")
    assert value == b"1" and waited < 0.3, waited
    # Its own answers come in its order: what it reads after writing waits too.
    second.send("GET", "a")
    assert writer.read() == "OK"
    assert time.monotonic() - began > 0.35
    assert second.read() == 1 and second.read() == b"1"
    assert watch.seconds() < 1.5, watch.seconds()
    many = [one.client() for _ in range(20)]
    for client in many:
        client.send("INCR", "n")
    watch = Watch(one)
    assert sorted(client.read() for client in many) == list(range(2, 22))
    # Not one fsync each.
    assert watch.seconds() < 2.5, watch.seconds()
    one.end()


def a_session_that_goes_on_writing_is_answered_all_the_same(case_server, program, folder):
    one = start(case_server, program, folder, "slow-pipeline", 50, "--appendfsync", "always")
    if one is None:
        return
    client = one.client()
    sent = got = 0
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        client.send("INCR", "n")
        sent += 1
        if sent - got > 200:  # never waits until all is answered
            got += 1
            assert client.read() == got
    assert got > 50, got
    while got < sent:
        got += 1
        assert client.read() == got
    one.end()


def with_everysec_nobody_waits_for_half_a_second_of_disk(case_server, program, folder):
    one = start(case_server, program, folder, "slow-everysec", 500, "--appendfsync", "everysec")
    if one is None:
        return
    client = one.client()
    longest = 0.0
    until = time.monotonic() + 4
    while time.monotonic() < until:
        longest = max(longest, took(one, client, "INCR", "n")[0])
        time.sleep(0.001)
    assert longest < 0.25, longest
    one.end()


def what_is_two_seconds_late_holds_writers_back_and_nobody_else(case_server, program, folder):
    one = start(case_server, program, folder, "slow-late", 4000, "--appendfsync", "everysec")
    if one is None:
        return
    client, reader = one.client(), one.client()
    began = time.monotonic()
    held = 0.0
    client.socket.settimeout(0.05)
    while time.monotonic() - began < 20 and held < 0.5:
        client.send("INCR", "n")
        watch, held = Watch(one), 0.0
        while held < 0.5:
            waited, pong = took(one, reader, "PING")
            assert pong == "PONG" and waited < 0.3, waited
            try:
                client.socket.recv(100)
                break
            except TimeoutError:
                held = watch.seconds()
    late = time.monotonic() - began
    assert held >= 0.5 and late > 1.8, (held, late)
    client.socket.settimeout(30)
    assert client.socket.recv(100).startswith(b":")
    one.end()


def a_rewrite_waits_for_no_fsync(case_server, program, folder):
    one = start(case_server, program, folder, "slow-rewrite", 700, "--appendfsync", "everysec")
    if one is None:
        return
    client = one.client()
    client("SET", "a", "1")
    time.sleep(1.2)  # an fsync is under way
    client("SET", "a", "2")
    longest = took(one, client, "BGREWRITEAOF")[0]
    until = time.monotonic() + 20
    while time.monotonic() < until:
        longest = max(longest, took(one, client, "PING")[0])
        if b"aof_rewrite_in_progress:0" in client("INFO", "persistence"):
            break
        time.sleep(0.01)
    assert longest < 0.3, longest
    client("INCR", "n")
    assert client("WAITAOF", 1, 0, 20000)[0] == 1
    one.end()
    assert one.start(), one.said()
    client = one.client()
    assert client("GET", "a") == b"2" and client("GET", "n") == b"1"
    one.end()


def a_shutdown_answers_what_waits_for_the_disk_first(case_server, program, folder):
    one = start(case_server, program, folder, "slow-shutdown", 300, "--appendfsync", "always")
    if one is None:
        return
    writer, second, ender = one.client(), one.client(), one.client()
    writer.send("SET", "a", "1")
    time.sleep(0.05)
    second.send("INCR", "n")
    time.sleep(0.05)
    writer.send("INCR", "n")
    ender.send("SHUTDOWN", "NOSAVE")
    assert writer.read() == "OK"
    assert second.read() == 1
    assert writer.read() == 2
    assert one.process.wait(60) == 0
    one.process = None
    assert one.start(), one.said()
    client = one.client()
    assert client("GET", "a") == b"1" and client("GET", "n") == b"2"
    one.end()


CASES = [with_always_writers_wait_and_readers_do_not, a_session_that_goes_on_writing_is_answered_all_the_same,
         with_everysec_nobody_waits_for_half_a_second_of_disk,
         what_is_two_seconds_late_holds_writers_back_and_nobody_else, a_rewrite_waits_for_no_fsync,
         a_shutdown_answers_what_waits_for_the_disk_first]

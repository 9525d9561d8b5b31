"""Cases of how a server starts: configuration files as others bring them, and who is told."""
import os
import signal
import subprocess

# What a redis.conf or valkey.conf says that nobody has touched, of all versions from 7.0 to 9,
# but for where it listens and what it writes.
UNTOUCHED = """
bind 127.0.0.1 -::1
protected-mode yes
tcp-backlog 511
timeout 0
tcp-keepalive 300
daemonize no
pidfile /nowhere/redis_6379.pid
loglevel notice
logfile ""
databases 16
always-show-logo no
hide-user-data-from-log yes
set-proc-title yes
proc-title-template "{title} {listen-addr} {server-mode}"
locale-collate ""
stop-writes-on-bgsave-error yes
rdbcompression yes
rdbchecksum yes
dbfilename dump.rdb
rdb-del-sync-files no
dir ./
replica-serve-stale-data yes
replica-read-only yes
repl-diskless-sync yes
repl-diskless-sync-delay 5
repl-diskless-sync-max-replicas 0
repl-diskless-load disabled
dual-channel-replication-enabled no
repl-disable-tcp-nodelay no
replica-priority 100
acllog-max-len 128
lazyfree-lazy-eviction yes
lazyfree-lazy-expire yes
lazyfree-lazy-server-del yes
replica-lazy-flush yes
lazyfree-lazy-user-del yes
lazyfree-lazy-user-flush no
oom-score-adj no
oom-score-adj-values 0 200 800
disable-thp yes
appendonly no
appendfilename "appendonly.aof"
appenddirname "appendonlydir"
appendfsync everysec
no-appendfsync-on-rewrite no
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
aof-load-truncated yes
aof-use-rdb-preamble yes
aof-timestamp-enabled no
slowlog-log-slower-than 10000
slowlog-max-len 128
latency-monitor-threshold 0
notify-keyspace-events ""
hash-max-listpack-entries 512
hash-max-listpack-value 64
list-max-listpack-size -2
list-compress-depth 0
set-max-intset-entries 512
set-max-listpack-entries 128
set-max-listpack-value 64
zset-max-listpack-entries 128
zset-max-listpack-value 64
hll-sparse-max-bytes 3000
stream-node-max-bytes 4096
stream-node-max-entries 100
activerehashing yes
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica 256mb 64mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
hz 10
dynamic-hz yes
aof-rewrite-incremental-fsync yes
rdb-save-incremental-fsync yes
jemalloc-bg-thread yes
"""

# What stands there behind a #, and does not ask for what there is not.
TOUCHED = """
max-new-connections-per-cycle 10
max-new-tls-connections-per-cycle 1
repl-rdb-channel no
replica-full-sync-buffer-limit 0
cluster-announce-human-nodename ""
cluster-slot-stats-enabled no
cluster-compatibility-sample-ratio 0
cluster-slot-migration-handoff-max-lag-bytes 1mb
cluster-slot-migration-write-pause-timeout 10000
key-memory-histograms no
aof-load-corrupt-tail-max-size 0
server-cpulist ""
bgsave-cpulist ""
supervised auto
syslog-ident redis
syslog-facility local0
crash-log-enabled no
"""


def begin(case_server, program, name, text, *options):
    """A server that reads such a file."""
    one = case_server(program, name, *options)
    with open(one.path("some.conf"), "w") as file:
        file.write(text)
    one.words = [program, one.path("some.conf")]
    return one


def a_redis_conf_as_it_comes_is_followed(case_server, program, folder):
    for text in (UNTOUCHED, UNTOUCHED + TOUCHED):
        one = begin(case_server, program, "untouched", text)
        assert one.start(), one.said()
        assert one.client()("SET", "k", "v") == "OK"
        # The file cannot be written, which is told of and hinders nobody.
        assert "Failed to write PID file /nowhere/redis_6379.pid" in one.said(), one.said()
        one.end()


def the_redis_conf_of_this_machine_is_followed(case_server, program, folder):
    path = "/etc/redis/redis.conf"
    if not os.access(path, os.R_OK):
        return
    one = case_server(program, "of-debian", "--daemonize", "no", "--logfile", "", "--pidfile", "")
    one.words = [program, path]
    assert one.start(), one.said()
    one.end()


def a_second_server_leaves_the_pid_file_of_the_first(case_server, program, folder):
    one = case_server(program, "pid-file")
    one.options = ("--pidfile", one.path("pid"))
    assert one.start(), one.said()
    done = subprocess.run([program, "--port", str(one.port), "--bind", "127.0.0.1", "--dir", one.folder,
                           *one.options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "Address already in use" in done.stdout, done.stdout
    with open(one.path("pid")) as file:
        assert int(file.read()) == one.process.pid
    one.end()
    assert not os.path.exists(one.path("pid"))


def crash(one, how="SEGFAULT", ended_by=signal.SIGSEGV):
    assert one.start(), one.said()
    client = one.client()
    try:
        client("DEBUG", how)
    except (EOFError, OSError):
        pass
    assert one.process.wait(30) == -ended_by
    one.process = None
    return one.said()


def a_crash_is_reported_if_it_is_to_be(case_server, program, folder):
    one = case_server(program, "crash")
    assert "WHAT IT WAS" in crash(one)
    assert "Out of memory" in crash(one, "OOM", signal.SIGABRT)
    one = case_server(program, "crash-quiet", "--crash-log-enabled", "no")
    said = crash(one)
    assert "WHAT IT WAS" not in said and "signal" not in said, said


CASES = [a_redis_conf_as_it_comes_is_followed, the_redis_conf_of_this_machine_is_followed,
         a_second_server_leaves_the_pid_file_of_the_first,
         a_crash_is_reported_if_it_is_to_be]

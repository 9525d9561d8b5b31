"""python3-redis: strings, pipelines, transactions, pub/sub, blocking pops, streams."""
import os, sys, threading, time

try:
    import redis
except ImportError:
    print("no python3-redis")
    sys.exit(77)

port = int(os.environ["PORT"])


def connect(**options):
    return redis.Redis(host="127.0.0.1", port=port, decode_responses=True, **options)


r = connect()
r.flushall()
assert r.ping() and r.set("k", "v", ex=100) and r.get("k") == "v" and 98 <= r.ttl("k") <= 100
assert r.mset({"a": 1, "b": 2}) and r.mget("a", "b", "c") == ["1", "2", None]
assert r.hset("h", mapping={"f": "v", "g": "w"}) == 2 and r.hgetall("h") == {"f": "v", "g": "w"}
assert r.sadd("s", "x", "y") == 2 and r.smembers("s") == {"x", "y"}
assert r.zadd("z", {"a": 1.5, "b": 2}) == 2 and r.zrange("z", 0, -1, withscores=True) == [("a", 1.5), ("b", 2.0)]
assert sorted(r.scan_iter("*")) == ["a", "b", "h", "k", "s", "z"]
assert dict(r.hscan_iter("h")) == {"f": "v", "g": "w"}
assert r.info()["redis_version"].startswith("7.") and "uptime_in_seconds" in r.info("server")
assert r.config_get("appendonly") == {"appendonly": "yes"}
assert len(r.client_list()) >= 1 and isinstance(r.client_id(), int)
assert r.command_count() > 50 and "get" in r.command()

# A pipeline of many, and one that is a transaction with WATCH.
with r.pipeline(transaction=False) as pipe:
    for i in range(10000):
        pipe.rpush("many", i)
    assert pipe.execute()[-1] == 10000
with r.pipeline() as pipe:
    pipe.watch("a")
    value = int(pipe.get("a"))
    pipe.multi()
    pipe.set("a", value + 1).incr("a").lrange("many", 0, 2)
    assert pipe.execute() == [True, 3, ["0", "1", "2"]]
with r.pipeline() as pipe:
    pipe.watch("a")
    r.set("a", 9)
    pipe.multi()
    pipe.set("a", 1)
    try:
        pipe.execute()
        assert False, "the watched key was changed"
    except redis.WatchError:
        pass


def increment(pipe):
    pipe.multi()
    pipe.incr("a")


assert r.transaction(increment, "a") == [10]

# Blocking pops: a worker waits while another thread brings work.
heard = []
worker = threading.Thread(target=lambda: heard.extend(connect().blpop(["q1", "q2"], timeout=5) for _ in range(3)))
worker.start()
time.sleep(0.2)
r.rpush("q2", "one")
r.rpush("q1", "two", "three")
worker.join(10)
assert sorted(value for _, value in heard) == ["one", "three", "two"], heard
started = time.time()
assert r.blpop("nothing", timeout=1) is None and 0.9 < time.time() - started < 3
assert r.rpush("src", "m") and r.blmove("src", "dst", 1, "LEFT", "RIGHT") == "m" and r.brpoplpush("dst", "src", 1) == "m"

# Pub/sub: channels, patterns, a listening thread, and unsubscribing.
p = r.pubsub()
p.subscribe("news")
p.psubscribe("sport.*")
kinds = [p.get_message(timeout=2)["type"] for _ in range(2)]
assert kinds == ["subscribe", "psubscribe"], kinds
assert r.publish("news", "hello") == 1 and r.publish("sport.golf", "hole") == 1
assert p.get_message(timeout=2)["data"] == "hello"
message = p.get_message(timeout=2)
assert (message["pattern"], message["channel"], message["data"]) == ("sport.*", "sport.golf", "hole")
assert r.pubsub_numsub("news") == [("news", 1)] and r.pubsub_numpat() == 1
p.unsubscribe(); p.punsubscribe()
p.close()
got = []
p = r.pubsub(ignore_subscribe_messages=True)
p.subscribe(**{"flood": lambda m: got.append(m["data"])})
thread = p.run_in_thread(sleep_time=0.01)
for i in range(1000):
    r.publish("flood", i)
deadline = time.time() + 10
while len(got) < 1000 and time.time() < deadline:
    time.sleep(0.01)
thread.stop(); thread.join(5)
assert got == [str(i) for i in range(1000)], len(got)

# Streams with a group.
first = r.xadd("s1", {"f": "v"})
r.xgroup_create("s1", "g", 0)
assert r.xreadgroup("g", "alice", {"s1": ">"}) == [["s1", [(first, {"f": "v"})]]]
assert r.xpending("s1", "g")["pending"] == 1
assert r.xautoclaim("s1", "g", "bob", 0)[1] == [(first, {"f": "v"})]
assert r.xack("s1", "g", first) == 1
assert r.xinfo_stream("s1")["length"] == 1 and r.xinfo_groups("s1")[0]["name"] == "g"
assert r.xinfo_consumers("s1", "g")[0]["pending"] == 0
assert r.xread({"s1": "0"}, block=10)[0][0] == "s1" and r.xread({"s1": "$"}, block=10) == []

# Bytes stay bytes.
raw = redis.Redis(host="127.0.0.1", port=port)
raw.set(b"\x00\xff", bytes(range(256)))
assert raw.get(b"\x00\xff") == bytes(range(256))
raw.set("large", b"x" * 5_000_000)
assert len(raw.get("large")) == 5_000_000
r.flushall()
print("redis-py", redis.__version__)

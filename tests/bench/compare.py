#!/usr/bin/env python3
"""Compares Millrace with redis-server: requests per second and server CPU per request.

    compare.py MILLRACE [--redis redis-server] [--requests N] [--rounds R] [--list ten|keyspace|large]
               [--only GET,SET] [--keys K]

There are three lists: the ten workloads of a broker; all that redis-benchmark asks by default and
what else the keyspace is asked most; ranks and ranges of a sorted set of two million. Both servers run at once on loopback, persistence off, and are measured in turns by the same
redis-benchmark with 50 connections, so that what else the machine does hits both alike. CPU is
what the kernel charged the server's process (/proc/PID/schedstat, nanoseconds). The figure of a
workload is the median of its rounds; what counts are the ratios.
"""
import argparse, os, random, re, shutil, socket, statistics, subprocess, sys, tempfile, time

WORKLOADS = {
    "GET": "GET key:__rand_int__",
    "SET": "SET key:__rand_int__ xxxxxxxxxxxxxxxx",
    "INCR": "INCR counter:__rand_int__",
    "LPUSH": "LPUSH list element",
    "RPOP": "RPOP list",
    "SADD": "SADD set element:__rand_int__",
    "HSET": "HSET hash field:__rand_int__ value",
    "ZADD": "ZADD zset __rand_int__ element:__rand_int__",
    "XADD": "XADD stream MAXLEN ~ 100000 * field value",
    "PUBLISH": "PUBLISH channel message",
    "PING": "PING",
    "RPUSH": "RPUSH list element",
    "LPOP": "LPOP list",
    "SPOP": "SPOP set",
    "ZPOPMIN": "ZPOPMIN zset",
    "MSET": "MSET " + " ".join(["key:__rand_int__ xxxxxxxxxxxxxxxx"] * 10),
    "MGET": "MGET" + " key:__rand_int__" * 10,
    "LRANGE_100": "LRANGE long_list 0 99",
    "LRANGE_300": "LRANGE long_list 0 299",
    "LRANGE_500": "LRANGE long_list 0 499",
    "LRANGE_600": "LRANGE long_list 0 599",
    "HGET": "HGET wide_hash field:__rand_int__",
    "HGETALL": "HGETALL small_hash",
    "HGETALL_500": "HGETALL large_hash",
    "SMEMBERS": "SMEMBERS small_set",
    "SISMEMBER": "SISMEMBER set_one __rand_int__",
    "SINTER": "SINTER set_one set_two",
    "SINTER_INT": "SINTER ints_one ints_two",
    "ZSCORE": "ZSCORE rated element:__rand_int__",
    "ZRANK": "ZRANK rated element:__rand_int__",
    "ZRANGE": "ZRANGE small_zset 0 -1",
    "ZRANGE_100": "ZRANGE rated 0 99 WITHSCORES",
    "ZRANGEBYSCORE": "ZRANGEBYSCORE rated __rand_int__ +inf LIMIT 0 10",
    "EXPIRE": "EXPIRE key:__rand_int__ 100000",
    "DEL": "DEL key:__rand_int__",
    "APPEND": "APPEND text:__rand_int__ x",
    "SETBIT": "SETBIT bits {random} 1",
    "ZRANK_2M": "ZRANK large element:__rand_int__",
    "ZSCORE_2M": "ZSCORE large element:__rand_int__",
    "ZCOUNT_2M": "ZCOUNT large __rand_int__ +inf",
    "ZRANGEBYSCORE_2M": "ZRANGEBYSCORE large __rand_int__ +inf LIMIT 0 10",
    "ZRANGE_2M": "ZRANGE large {random} {random+9}",
    "ZREVRANGE_2M": "ZREVRANGE large {random} {random+99}",
}
LISTS = {
    "ten": "GET SET INCR LPUSH RPOP SADD HSET ZADD XADD PUBLISH",
    "keyspace": "PING SET GET INCR LPUSH RPUSH LPOP RPOP SADD SPOP HSET ZADD ZPOPMIN MSET LRANGE_100 LRANGE_300 LRANGE_500 "
                "LRANGE_600 MGET HGET HGETALL HGETALL_500 SMEMBERS SISMEMBER SINTER SINTER_INT ZSCORE ZRANK ZRANGE ZRANGE_100 "
                "ZRANGEBYSCORE EXPIRE DEL APPEND SETBIT",
    "large": "ZRANK_2M ZSCORE_2M ZCOUNT_2M ZRANGEBYSCORE_2M ZRANGE_2M ZREVRANGE_2M",
}
# What a workload takes away is put in first, as often as it will be taken.
NEEDS = {"LPOP": "LPUSH", "RPOP": "LPUSH", "SPOP": "SADD", "ZPOPMIN": "ZADD", "DEL": "SET", "EXPIRE": "SET", "GET": "SET", "MGET": "SET"}
# A reply of many elements takes as long as many requests.
HEAVY = {"LRANGE_100": 4, "LRANGE_300": 10, "LRANGE_500": 20, "LRANGE_600": 20, "HGETALL_500": 20, "SINTER": 10,
         "SINTER_INT": 4, "ZRANGE_100": 4, "SMEMBERS": 4, "MSET": 2, "MGET": 2, "ZREVRANGE_2M": 4}
LARGE = 2000000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, binary, name):
        self.name, self.port, self.folder = name, free_port(), tempfile.mkdtemp(prefix="compare")
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if "PONG" in self.cli("PING"):
                return
            time.sleep(0.05)
        sys.exit(f"{name} does not answer")

    def cli(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True,
                              text=True).stdout

    def cpu(self):
        """Nanoseconds of CPU, all threads."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as stat:
                total += int(stat.read().split()[0])
        return total

    def say(self, commands):
        """Has many commands done, a thousand at a time."""
        with socket.create_connection(("127.0.0.1", self.port)) as link:
            for first in range(0, len(commands), 1000):
                self.blast(link, commands[first:first + 1000])

    @staticmethod
    def blast(link, commands):
        """Sends commands at once and waits until all are answered."""
        link.sendall(b"".join(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
                              for words in commands) + b"ECHO all-said\r\n")
        end, got = b"$8\r\nall-said\r\n", b""
        while not got.endswith(end):
            got = got[-64:] + link.recv(1 << 18)

    def put(self, names):
        """What workloads only read."""
        kinds = [("HSET", "wide_hash", 100000, lambda i: (b"field:%012d" % i, b"value")),
                 ("HSET", "small_hash", 20, lambda i: (b"field:%d" % i, b"value:%d" % i)),
                 ("HSET", "large_hash", 500, lambda i: (b"field:%d" % i, b"value:%d" % i)),
                 ("RPUSH", "long_list", 1000, lambda i: (b"element:%d" % i,)),
                 ("SADD", "small_set", 100, lambda i: (b"member:%d" % i,)),
                 ("SADD", "set_one", 1000, lambda i: (b"%012d" % i,)),
                 ("SADD", "set_two", 1000, lambda i: (b"%012d" % (i * 2),)),
                 ("SADD", "ints_one", 500, lambda i: (b"%d" % i,)),
                 ("SADD", "ints_two", 500, lambda i: (b"%d" % (i * 2),)),
                 ("ZADD", "small_zset", 20, lambda i: (b"%d" % i, b"member:%d" % i)),
                 ("ZADD", "rated", 100000, lambda i: (b"%d" % (i * 7919 % 100003), b"element:%012d" % i)),
                 ("ZADD", "large", LARGE, lambda i: (b"%d" % (i * 7919 % 2000003), b"element:%012d" % i))]
        for add, key, count, make in kinds:
            if any(key in WORKLOADS[name].split() for name in names):
                for first in range(0, count, 100000):
                    self.say([(add.encode(), key.encode(), *(word for i in range(at, min(at + 20, count)) for word in make(i)))
                              for at in range(first, min(first + 100000, count), 20)])

    def measure_ranks(self, words, requests, pipeline):
        """A load of our own, since redis-benchmark knows no two words that depend on each other."""
        chance = random.Random(1)
        wide = re.search(r"{random\+(\d+)}", words)
        lines = pipeline * (2 * (int(wide[1]) + 1) + 1 if wide else 1)
        asked = []
        for _ in range(requests // pipeline):
            starts = [chance.randrange(LARGE - 1000) for _ in range(pipeline)]
            batch = [[str(start + int(word[7:-1] or 0)) if word[0] == "{" else word for word in words.split()]
                     for start in starts]
            asked.append("".join(f"*{len(request)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in request)
                                 for request in batch).encode())
        links = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(50)]
        before, began = self.cpu(), time.time()
        for first in range(0, len(asked), len(links)):
            busy = list(zip(links, asked[first:first + len(links)]))
            for link, batch in busy:
                link.sendall(batch)
            for link, _ in busy:
                got = 0
                while got < lines:
                    got += link.recv(1 << 18).count(b"\n")
        result = requests / (time.time() - began), (self.cpu() - before) / requests
        for link in links:
            link.close()
        return result

    def measure(self, words, requests, pipeline, keys):
        if "{" in words:
            return self.measure_ranks(words, min(requests, 50000), pipeline)
        before = self.cpu()
        out = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), "-c", "50", "-n", str(requests), "-P", str(pipeline),
             "-r", str(keys), "--csv", *words.split()], capture_output=True, text=True).stdout
        cpu = (self.cpu() - before) / requests
        rate = float(re.findall(r'"([\d.]+)"', out.splitlines()[-1])[0])
        return rate, cpu

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--redis", default="redis-server")
    parser.add_argument("--requests", type=int, default=200000, help="at P=32; a quarter of that at P=1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keys", type=int, default=100000)
    parser.add_argument("--list", default="ten", choices=LISTS)
    parser.add_argument("--only")
    parser.add_argument("--pipelines", default="1,32")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else LISTS[args.list].split()
    keys = LARGE if all(name.endswith("_2M") for name in names) else args.keys
    slower = []
    ours, theirs = Server(args.millrace, "millrace"), Server(args.redis, "redis")
    print(f"{'':21}{'requests/s':>24}{'':10}{'server CPU us/request':>24}")
    print(f"{'workload':17}{'P':>4}{'millrace':>12}{'redis':>12}{'ratio':>8}{'millrace':>14}{'redis':>12}{'ratio':>8}")
    try:
        for server in (ours, theirs):
            server.put(names)
        for name in names:
            for pipeline in map(int, args.pipelines.split(",")):
                requests = (args.requests if pipeline > 1 else args.requests // 4) // HEAVY.get(name, 1)
                results = {ours: [], theirs: []}
                for turn in range(args.rounds):
                    for server in (ours, theirs) if turn % 2 == 0 else (theirs, ours):
                        if name in NEEDS:
                            server.cli("DEL", *(key for key in ("list", "set", "zset") if key in WORKLOADS[name].split()), "-")
                            server.measure(WORKLOADS[NEEDS[name]], requests, 32, keys)
                        results[server].append(server.measure(WORKLOADS[name], requests, pipeline, keys))
                a, b = [[statistics.median(column) for column in zip(*results[s])] for s in (ours, theirs)]
                print(f"{name:17}{pipeline:>4}{a[0]:>12.0f}{b[0]:>12.0f}{a[0] / b[0]:>8.2f}"
                      f"{a[1] / 1e3:>14.2f}{b[1] / 1e3:>12.2f}{a[1] / b[1]:>8.2f}", flush=True)
                if a[1] > b[1]:
                    slower.append(f"{name} P={pipeline}")
        print(f"{len(slower)} above redis-server's CPU a request" + ": " * bool(slower) + ", ".join(slower))
    finally:
        ours.end()
        theirs.end()


if __name__ == "__main__":
    main()

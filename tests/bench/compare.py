#!/usr/bin/env python3
"""Compares Millrace with redis-server: requests per second and server CPU per request.

    compare.py MILLRACE [--redis redis-server] [--requests N] [--rounds R] [--only GET,SET] [--keys K]

Both servers run at once on loopback, persistence off, and are measured in turns by the same
redis-benchmark with 50 connections, so that what else the machine does hits both alike. CPU is
what the kernel charged the server's process (/proc/PID/schedstat, nanoseconds). The figure of a
workload is the median of its rounds; what counts are the ratios.
"""
import argparse, os, re, shutil, socket, statistics, subprocess, sys, tempfile, time

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
}


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

    def measure(self, words, requests, pipeline, keys):
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
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--pipelines", default="1,32")
    args = parser.parse_args()
    ours, theirs = Server(args.millrace, "millrace"), Server(args.redis, "redis")
    print(f"{'':14}{'requests/s':>24}{'':10}{'server CPU us/request':>24}")
    print(f"{'workload':10}{'P':>4}{'millrace':>12}{'redis':>12}{'ratio':>8}{'millrace':>14}{'redis':>12}{'ratio':>8}")
    try:
        for name in args.only.split(","):
            for pipeline in map(int, args.pipelines.split(",")):
                requests = args.requests if pipeline > 1 else args.requests // 4
                results = {ours: [], theirs: []}
                for turn in range(args.rounds):
                    for server in (ours, theirs) if turn % 2 == 0 else (theirs, ours):
                        if name == "RPOP":
                            server.cli("DEL", "list")
                            server.measure(WORKLOADS["LPUSH"], requests, 32, args.keys)
                        results[server].append(server.measure(WORKLOADS[name], requests, pipeline, args.keys))
                a, b = [[statistics.median(column) for column in zip(*results[s])] for s in (ours, theirs)]
                print(f"{name:10}{pipeline:>4}{a[0]:>12.0f}{b[0]:>12.0f}{a[0] / b[0]:>8.2f}"
                      f"{a[1] / 1e3:>14.2f}{b[1] / 1e3:>12.2f}{a[1] / b[1]:>8.2f}", flush=True)
    finally:
        ours.end()
        theirs.end()


if __name__ == "__main__":
    main()

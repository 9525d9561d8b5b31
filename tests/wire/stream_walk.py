#!/usr/bin/env python3
"""Random stream commands against a server that is ended, killed and loaded again: its data must be the same.

    stream_walk.py MILLRACE [--steps N] [--seeds 1,2,3]

Every few hundred commands DEBUG DIGEST is taken; then the log is loaded (DEBUG LOADAOF), or rewritten and loaded, as
statements or behind a snapshot, or a snapshot is (DEBUG RELOAD), or the server is killed and started again. What
time takes away is switched off for the comparison, and no answer may be an error that a command does not know.
"""
import argparse, random, shutil, socket, subprocess, sys, tempfile, time

from free_port import free_port

KEYS, GROUPS, CONSUMERS = ("s", "t"), ("g", "h"), ("a", "b", "c")
KNOWN = ("NOGROUP", "BUSYGROUP", "no such key", "smaller", "requires the key")


class Walk:
    def __init__(self, binary, seed):
        self.binary, self.random = binary, random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix="stream_walk")
        self.port = free_port()
        self.entries = self.random.choice((1, 3, 10, 100))
        self.ids = {key: [] for key in KEYS}
        self.trouble = []
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
             "--appendonly", "yes", "--enable-debug-command", "yes", "--auto-aof-rewrite-percentage", "0",
             "--stream-node-max-entries", str(self.entries)], stdout=subprocess.DEVNULL)
        for _ in range(1200):
            try:
                link = socket.create_connection(("127.0.0.1", self.port))
                break
            except OSError:
                time.sleep(0.05)
        self.link = link.makefile("rwb", buffering=0)
        while str(self.say("PING")).startswith("-"):
            time.sleep(0.02)

    def say(self, *words):
        words = [str(word).encode() for word in words]
        self.link.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.hear()

    def hear(self):
        line = self.link.readline()[:-2]
        if line[:1] in b"+-":
            return line.decode()
        if line[:1] == b":":
            return int(line[1:])
        count = int(line[1:])
        if line[:1] == b"*":
            return None if count < 0 else [self.hear() for _ in range(count)]
        got = b""
        while count >= 0 and len(got) < count + 2:
            got += self.link.read(count + 2 - len(got))
        return None if count < 0 else got[:-2].decode("latin1")

    def some_id(self, key):
        if self.ids[key] and self.random.random() < 0.95:
            return self.random.choice(self.ids[key][-60:])
        return "%d-%d" % (self.random.randrange(1, 50), self.random.randrange(3))

    def trimming(self, key):
        how = self.random.choice("=~")
        return self.random.choice((["MAXLEN", how, self.random.randrange(60)], ["MINID", how, self.some_id(key)]))

    def rule(self):
        return self.random.choice(([], ["KEEPREF"], ["DELREF"], ["ACKED"]))

    # Each gives the words of one command.

    def xadd(self, key, group, consumer):
        chance, words = self.random, ["XADD", key]
        if chance.random() < 0.2:
            words += self.trimming(key) + self.rule()
        if chance.random() < 0.3:
            words += chance.choice((["IDMP", "p%d" % chance.randrange(3), "m%d" % chance.randrange(50)],
                                    ["IDMPAUTO", "q"]))
        return words + ["*", "f", chance.randrange(20)] + (["g", "v" * chance.randrange(30)] * (chance.random() < 0.3))

    def read(self, key, group, consumer):
        chance = self.random
        options = chance.choice(([], ["COUNT", chance.randrange(1, 4)], ["COUNT", 3], ["CLAIM", chance.choice((0, 5, 50))],
                                 ["NOACK"], ["NOACK", "CLAIM", 3], ["MAXCOUNT", 2], ["MAXSIZE", 30, "CLAIM", 2]))
        return ["XREADGROUP", "GROUP", group, consumer, *options, "STREAMS", key, chance.choice((">", ">", ">", "0"))]

    def xack(self, key, group, consumer):
        return ["XACK", key, group] + [self.some_id(key) for _ in range(self.random.randrange(1, 5))]

    def xclaim(self, key, group, consumer):
        chance = self.random
        options = chance.choice(([], ["FORCE"], ["JUSTID"], ["IDLE", chance.randrange(1000)], ["LASTID", self.some_id(key)],
                                 ["RETRYCOUNT", chance.randrange(400)], ["TIME", 12345, "FORCE", "JUSTID"]))
        return ["XCLAIM", key, group, consumer, chance.choice((0, 10)), self.some_id(key), self.some_id(key), *options]

    def xautoclaim(self, key, group, consumer):
        return ["XAUTOCLAIM", key, group, consumer, self.random.choice((0, 20)), "0", "COUNT",
                self.random.randrange(1, 5)] + self.random.choice(([], ["JUSTID"]))

    def two(self, key):
        return ["IDS", 2, self.some_id(key), self.some_id(key)]

    def xnack(self, key, group, consumer):
        return ["XNACK", key, group, self.random.choice(("SILENT", "FAIL", "FATAL")), *self.two(key),
                *self.random.choice(([], ["FORCE"], ["RETRYCOUNT", 5]))]

    def delete(self, key, group, consumer):
        return self.random.choice((["XDEL", key, self.some_id(key), self.some_id(key)],
                                   ["XDELEX", key, *self.rule(), *self.two(key)],
                                   ["XACKDEL", key, group, *self.rule(), *self.two(key)]))

    def xtrim(self, key, group, consumer):
        return ["XTRIM", key, *self.trimming(key), *self.rule()]

    def create(self, key, group, consumer):
        return ["XGROUP", "CREATE", key, group, self.random.choice(("0", "$", self.some_id(key))), "MKSTREAM"]

    def manage(self, key, group, consumer):
        return self.random.choice((
            ["XGROUP", "SETID", key, group, self.random.choice(("0", "$", self.some_id(key)))],
            ["XGROUP", "SETID", key, group, "0", "ENTRIESREAD", self.random.randrange(9)],
            ["XGROUP", "DESTROY", key, group], ["XGROUP", "DELCONSUMER", key, group, consumer],
            ["XGROUP", "CREATECONSUMER", key, group, consumer], ["XSETID", key, self.some_id(key)],
            ["COPY", key, "u", "REPLACE"], ["RENAME", "u", "w"], ["DEL", self.random.choice(("w", "w", key))]))

    def xcfgset(self, key, group, consumer):
        return ["XCFGSET", key, *self.random.choice((
            ["MAXBYTES", self.random.choice((0, 500, 3000))], ["MAXAGE", self.random.choice((0, 50, 1000))],
            ["WORKQUEUE", self.random.randrange(2)], ["WORKQUEUE", 0],
            ["GROUP-TTL", self.random.choice((0, 30, 1000))], ["IDMP-MAXSIZE", self.random.randrange(1, 50)]))]

    CHOICES = ((xadd, 30), (read, 20), (xack, 12), (xclaim, 5), (xautoclaim, 4), (xnack, 5), (delete, 12), (xtrim, 2),
               (create, 3), (manage, 4), (xcfgset, 1))

    def step(self):
        make = self.random.choices([each for each, _ in self.CHOICES], [weight for _, weight in self.CHOICES])[0]
        key = self.random.choice(KEYS)
        words = make(self, key, self.random.choice(GROUPS), self.random.choice(CONSUMERS))
        inside = self.random.random() < 0.02
        if inside:
            self.say("MULTI")
            self.say(*words)
            self.say("XADD", key, "*", "f", "v")
            self.say("EXEC")
            return
        answer = self.say(*words)
        if not isinstance(answer, str):
            return
        if not answer.startswith("-"):
            self.ids[key] += [answer] * (words[0] == "XADD")
        elif not any(known in answer for known in KNOWN):
            self.trouble.append("%s: %s" % (" ".join(map(str, words)), answer))

    def rewrite(self):
        self.say("CONFIG", "SET", "aof-use-rdb-preamble", self.random.choice(("yes", "no")))
        self.say("BGREWRITEAOF")
        time.sleep(0.05)
        while "aof_rewrite_in_progress:1" in self.say("INFO", "persistence"):
            time.sleep(0.01)

    def again(self):
        """Loads all data once more, in one of the ways there are; says which."""
        how = self.random.choice(("the log", "a rewritten log", "a snapshot", "the log after a crash"))
        if how == "the log after a crash":
            self.process.kill()
            self.process.wait()
            self.start()
            return how
        if how == "a rewritten log":
            self.rewrite()
        self.say("DEBUG", "RELOAD" if how == "a snapshot" else "LOADAOF")
        return how

    def dumps(self):
        """All of every stream: who was active when, who comes next, what producers published."""
        return [self.say("DUMP", key) for key in (*KEYS, "u", "w")]

    def compare(self):
        for key in (*KEYS, "u", "w"):
            self.say("XCFGSET", key, "MAXAGE", 0, "GROUP-TTL", 0, "MAXBYTES", 0)
        time.sleep(0.02)
        before = self.say("DEBUG", "DIGEST", "WHOLE")
        while before != self.say("DEBUG", "DIGEST", "WHOLE"):
            before = self.say("DEBUG", "DIGEST", "WHOLE")
        whole = self.dumps()
        how = self.again()
        if before != self.say("DEBUG", "DIGEST", "WHOLE"):
            self.trouble.append("%s gives other data" % how)
        if how == "a snapshot" and whole != self.dumps():
            self.trouble.append("%s gives what is no part of the digest otherwise" % how)

    def run(self, steps):
        done = compared = 0
        while done < steps and not self.trouble:
            for _ in range(self.random.randrange(20, 400)):
                self.step()
                done += 1
            self.compare()
            compared += 1
        self.process.terminate()
        if self.process.wait() != 0:
            self.trouble.append("the server ended with %d" % self.process.returncode)
        shutil.rmtree(self.folder, ignore_errors=True)
        return compared


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("millrace")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seeds", default="1,2,3")
    args = parser.parse_args()
    passed = failed = 0
    for seed in args.seeds.split(","):
        walk = Walk(args.millrace, int(seed))
        passed += walk.run(args.steps)
        failed += len(walk.trouble)
        passed -= len(walk.trouble) > 0
        for trouble in walk.trouble[:5]:
            print("seed %s: %s" % (seed, trouble))
    print("stream_walk: %d passed, %d failed" % (passed, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

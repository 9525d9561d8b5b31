"""activedefrag: memory in thin slabs comes back, nothing changes, nobody waits long.

    defrag.py BINARY

Values of all types are made, three of four keys go, and what was lost is to come back.
Then the same while others write and read; the keyspace is compared with what a reload
makes of it.
"""
import sys
import threading
import time

from link import Claims, Refused, Server

KEYS = 60000
OPTIONS = {
    "activedefrag": "yes",
    "active-defrag-ignore-bytes": "1mb",
    "active-defrag-threshold-lower": "5",
    "active-defrag-threshold-upper": "80",
    "active-defrag-max-scan-fields": "500",
    "active-defrag-cycle-min": "25",
    "active-defrag-cycle-max": "50",
    "latency-monitor-threshold": "1",
}


def fill(link):
    """Neighbours in memory belong to different keys, some of which go."""
    commands = []
    for i in range(KEYS):
        commands.append(["SET", "s:%d" % i, "x" * (i % 250)])
        if i % 3 == 0:
            commands.append(["SET", "e:%d" % i, "y" * 60, "PX", 100000000 + i])
    for i in range(200):
        for j in range(60):
            name = "element-%d-%d" % (i, j)
            commands.append(["RPUSH", "l:%d" % i, name * 4])
            commands.append(["SADD", "set:%d" % i, name])
            commands.append(["ZADD", "z:%d" % i, j, name])
            commands.append(["HSET", "h:%d" % i, name, "v" * 30])
            commands.append(["XADD", "x:%d" % i, "%d-1" % (j + 1), "f", name * 3])
    for j in range(20000):
        commands.append(["ZADD", "z:large", j % 700, "member:%d" % j])
        commands.append(["HSET", "h:large", "field:%d" % j, "value:%d" % j])
        commands.append(["RPUSH", "l:large", "entry:%d" % j * 5])
        commands.append(["SADD", "set:large", "member:%d" % j])
        commands.append(["SET", "between:%d" % j, "b" * 40])
        if j % 4 == 0:
            commands.append(["XADD", "x:large", "%d-1" % (j + 1), "f", "text:%d" % j])
    for i in (1, 2):
        commands.append(["XGROUP", "CREATE", "x:large", "group%d" % i, "0"])
        commands.append(["XREADGROUP", "GROUP", "group%d" % i, "reader%d" % i, "COUNT", 3000,
                         "STREAMS", "x:large", ">"])
    refused = [r for r in link.ask_all(commands) if isinstance(r, Refused)]
    assert not refused, refused[:3]


def thin_out(link):
    gone = []
    for i in range(KEYS):
        if i % 4:
            gone += [["DEL", "s:%d" % i], ["DEL", "e:%d" % i]]
    for i in range(200):
        if i % 4:
            gone.append(["DEL"] + [kind + ":%d" % i for kind in ("l", "set", "z", "h", "x")])
    for j in range(20000):
        gone.append(["DEL", "between:%d" % j])
        if j % 4:
            gone += [["ZREM", "z:large", "member:%d" % j], ["HDEL", "h:large", "field:%d" % j],
                     ["SREM", "set:large", "member:%d" % j]]
    link.ask_all(gone)


def lost(link):
    figures = link.info("memory")
    return float(figures["allocator_frag_ratio"]), int(figures["allocator_frag_bytes"])


def wait_for_end(link, seconds):
    """True once it ran and rests again."""
    until = time.time() + seconds
    ran = False
    while time.time() < until:
        stats = link.info("everything")
        running = stats["active_defrag_running"] != "0"
        ran = ran or running or int(stats["active_defrag_hits"]) > 0
        if ran and not running:
            return True
        time.sleep(0.05)
    return False


def quiet(claims, binary):
    with Server(binary, "--appendonly", "no", "--enable-debug-command", "yes",
                "--stream-node-max-entries", "10", "--list-max-listpack-size", "8") as server:
        link = server.link()
        fill(link)
        thin_out(link)
        ratio, bytes_lost = lost(link)
        digest = link.ask("DEBUG", "DIGEST", "WHOLE")
        claims.that(ratio > 1.5, "lost at first: ratio %.2f, %d KiB" % (ratio, bytes_lost // 1024))
        for name, value in OPTIONS.items():
            link.ask("CONFIG", "SET", name, value)
        claims.that(wait_for_end(link, 60), "it begins, and ends")
        after, bytes_after = lost(link)
        stats = link.info("stats")
        claims.that(after < 1.1, "lost afterwards: ratio %.2f, %d KiB; %s blocks moved, %s left, "
                    "%s keys moved, %s left, %s ms"
                    % (after, bytes_after // 1024, stats["active_defrag_hits"],
                       stats["active_defrag_misses"], stats["active_defrag_key_hits"],
                       stats["active_defrag_key_misses"], stats["total_active_defrag_time"]))
        claims.that(link.ask("DEBUG", "DIGEST", "WHOLE") == digest, "no value changed")
        worst = [e for e in link.ask("LATENCY", "LATEST") if e[0] == b"active-defrag-cycle"]
        print("  longest slice: %s ms" % (worst[0][3] if worst else "less than 1"))
        link.ask("DEBUG", "RELOAD")
        claims.that(link.ask("DEBUG", "DIGEST", "WHOLE") == digest, "nor is anything amiss on disk")


def busy(claims, binary):
    stop = threading.Event()
    failures = []

    def work(server, seed):
        link = server.link()
        i = seed
        while not stop.is_set():
            i = (i * 1103515245 + 12345) % (1 << 31)
            key = i % 500
            replies = link.ask_all([
                ["SET", "w%d:%d" % (seed, key), "x" * (i % 300)],
                ["LPUSH", "wl:%d" % (key % 20), "e%d" % i * 5], ["RPOP", "wl:%d" % (key % 20)],
                ["HSET", "h:large", "field:%d" % (i % 20000), "w%d" % i],
                ["ZADD", "z:large", i % 900, "member:%d" % (i % 20000)],
                ["SADD", "set:large", "member:%d" % (i % 20000)],
                ["XADD", "x:busy", "MAXLEN", "500", "*", "f", "v" * (i % 90)],
                ["DEL", "s:%d" % (i % KEYS)], ["GET", "e:%d" % (i % KEYS)],
            ])
            failures.extend(r for r in replies if isinstance(r, Refused))

    with Server(binary, "--appendonly", "no", "--enable-debug-command", "yes") as server:
        link = server.link()
        fill(link)
        for name, value in OPTIONS.items():
            link.ask("CONFIG", "SET", name, value)
        link.ask("CONFIG", "SET", "active-defrag-threshold-lower", "0")
        workers = [threading.Thread(target=work, args=(server, seed)) for seed in (1, 2)]
        for worker in workers:
            worker.start()
        thin_out(link)
        pings = []
        until = time.time() + 5
        while time.time() < until:
            began = time.time()
            link.ask("PING")
            pings.append(time.time() - began)
            time.sleep(0.002)
        stop.set()
        for worker in workers:
            worker.join()
        pings.sort()
        moved = int(link.info("stats")["active_defrag_hits"])
        claims.that(moved > 1000 and not failures,
                    "%d blocks moved while others worked; errors %s" % (moved, failures[:2]))
        print("  pings meanwhile: p50 %.2f ms, p99 %.2f ms" % (
            1e3 * pings[len(pings) // 2], 1e3 * pings[len(pings) * 99 // 100]))
        link.ask("CONFIG", "SET", "activedefrag", "no")
        digest = link.ask("DEBUG", "DIGEST", "WHOLE")
        link.ask("DEBUG", "RELOAD")
        claims.that(link.ask("DEBUG", "DIGEST", "WHOLE") == digest, "what is there is what a reload makes")


def main():
    claims = Claims("defrag")
    quiet(claims, sys.argv[1])
    busy(claims, sys.argv[1])
    claims.end()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""How long others wait while one command works on something big.

    stalls.py [--scale 1.0] [--runs 1] [--only WORD] SERVER ...

Each case fills a fresh server, then gives one command while another connection pings without pause. Told
is the longest time between two answers to PING, in milliseconds, for each server, and how long the command
itself took: of several runs, the median of each. With --scale 1.0 collections have 5 million elements.

A ping waits for the machine too, when others use it. So for a server that knows DEBUG LONGEST-TURN the time
of its longest turn follows, without what it spent ready to run while others had the CPU, and in brackets
what of that it was on a CPU itself. Of another server follows what its main thread was on a CPU from the
request to the end of the reply. The last column compares the first server with the second: its longest turn
with the shorter of the other's longest ping and time on a CPU.
"""
import argparse
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'differential'))
import resp

FILLS = {
    'set': "for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('SADD',KEYS[1],'member:'..i) end",
    'list': "for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('RPUSH',KEYS[1],'element:'..i) end",
    'hash': "for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('HSET',KEYS[1],'field:'..i,i) end",
    'zset': "for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('ZADD',KEYS[1],i,'member:'..i) end",
    'stream': "for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('XADD',KEYS[1],i..'-1','f',i) end",
    'keys': "for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('SET','key:'..i,i) end",
}
BIG = 5000000
MILLION = 1000000
DUMP_OF_A = object() # stands for what DUMP a says
TYPES = ('set', 'list', 'hash', 'zset', 'stream')

# name, what is filled, how many, what is asked before, and the command
CASES = [('DEL ' + kind, kind, BIG, [], ['DEL', 'big']) for kind in TYPES]
CASES += [('UNLINK ' + kind, kind, BIG, [], ['UNLINK', 'big']) for kind in TYPES]
CASES += [('SET over ' + kind, kind, BIG, [], ['SET', 'big', 'x']) for kind in TYPES]
CASES += [('expiry of ' + kind, kind, BIG, [], ['PEXPIRE', 'big', '200']) for kind in TYPES]
CASES += [('RENAME over ' + kind, kind, BIG, [['SET', 'a', 'x']], ['RENAME', 'a', 'big']) for kind in TYPES]
CASES += [('SUNIONSTORE over ' + kind, kind, BIG, [['SADD', 'a', 'x']], ['SUNIONSTORE', 'big', 'a'])
          for kind in TYPES]
CASES += [('RESTORE over ' + kind, kind, BIG, [['SET', 'a', 'x']], ['RESTORE', 'big', '0', DUMP_OF_A, 'REPLACE'])
          for kind in TYPES]
CASES += [('COPY over ' + kind, kind, BIG, [['SET', 'a', 'x']], ['COPY', 'a', 'big', 'REPLACE']) for kind in TYPES]
CASES += [('FLUSHALL with ' + kind, kind, BIG, [], ['FLUSHALL']) for kind in TYPES]
CASES += [('FLUSHDB SYNC with ' + kind, kind, BIG, [], ['FLUSHDB', 'SYNC']) for kind in TYPES]
CASES += [('FLUSHDB ASYNC with ' + kind, kind, BIG, [], ['FLUSHDB', 'ASYNC']) for kind in TYPES]
CASES += [('SWAPDB, FLUSHDB ' + kind, kind, BIG, [['SWAPDB', '0', '1'], ['SELECT', '1']], ['FLUSHDB'])
          for kind in TYPES]
CASES += [
    ('FLUSHALL of keys', 'keys', MILLION, [], ['FLUSHALL']),
    ('FLUSHALL ASYNC', 'keys', MILLION, [], ['FLUSHALL', 'ASYNC']),
    ('KEYS *', 'keys', MILLION, [], ['KEYS', '*']),
    ('KEYS nothing', 'keys', MILLION, [], ['KEYS', 'nothing*x']),
    ('SRANDMEMBER -5000000', 'set', MILLION, [], ['SRANDMEMBER', 'big', '-5000000']),
    ('SMEMBERS', 'set', MILLION, [], ['SMEMBERS', 'big']),
    ('HGETALL', 'hash', MILLION, [], ['HGETALL', 'big']),
    ('LRANGE', 'list', MILLION, [], ['LRANGE', 'big', '0', '-1']),
    ('ZRANGE', 'zset', MILLION, [], ['ZRANGE', 'big', '0', '-1', 'WITHSCORES']),
    ('XRANGE', 'stream', MILLION, [], ['XRANGE', 'big', '-', '+']),
    ('SPOP 1000000', 'set', MILLION, [], ['SPOP', 'big', '1000000']),
    ('ZUNIONSTORE', 'zset', MILLION, [], ['ZUNIONSTORE', 'd', '1', 'big']),
    ('ZINTERSTORE', 'zset', MILLION, [], ['ZINTERSTORE', 'd', '2', 'big', 'big']),
    ('ZRANGESTORE', 'zset', MILLION, [], ['ZRANGESTORE', 'd', 'big', '0', '-1']),
    ('ZREMRANGEBYRANK', 'zset', MILLION, [], ['ZREMRANGEBYRANK', 'big', '0', '-2']),
    ('SUNIONSTORE', 'set', MILLION, [], ['SUNIONSTORE', 'd', 'big']),
    ('SINTERSTORE', 'set', MILLION, [], ['SINTERSTORE', 'd', 'big', 'big']),
    ('SDIFFSTORE', 'set', MILLION, [], ['SDIFFSTORE', 'd', 'big', 'none']),
    ('SORT', 'list', MILLION, [], ['SORT', 'big', 'ALPHA', 'LIMIT', '0', '10']),
    ('COPY set', 'set', MILLION, [], ['COPY', 'big', 'd']),
    ('COPY zset', 'zset', MILLION, [], ['COPY', 'big', 'd']),
    ('LTRIM', 'list', BIG, [], ['LTRIM', 'big', '0', '0']),
    ('LREM', 'list', BIG, [], ['LREM', 'big', '0', 'nothing']),
    ('XTRIM', 'stream', BIG, [], ['XTRIM', 'big', 'MAXLEN', '0']),
    ('SETRANGE 512 MB', None, 0, [], ['SETRANGE', 'big', '536870900', 'x']),
    ('SETBIT 512 MB', None, 0, [], ['SETBIT', 'big', '4294967295', '1']),
    ('APPEND to 512 MB', None, 0, [['SETRANGE', 'big', '500000000', 'x']], ['APPEND', 'big', 'y' * 1000]),
    ('BITCOUNT 512 MB', None, 0, [['SETRANGE', 'big', '536870900', 'x']], ['BITCOUNT', 'big']),
    ('BITOP 512 MB', None, 0, [['SETRANGE', 'big', '536870900', 'x']], ['BITOP', 'NOT', 'd', 'big']),
    ('GET 512 MB', None, 0, [['SETRANGE', 'big', '536870900', 'x']], ['GET', 'big']),
    ('DEL 512 MB', None, 0, [['SETRANGE', 'big', '536870900', 'x']], ['DEL', 'big']),
    ('SADD of a million', None, 0, [], ['SADD', 'big'] + ['member:%d' % i for i in range(MILLION)]),
    ('DEL of a million', 'keys', MILLION, [], ['DEL'] + ['key:%d' % i for i in range(MILLION)]),
    ('MSET of a million', None, 0, [], ['MSET'] + ['key:%d' % (i // 2) for i in range(MILLION)]),
    ('LPUSH of a million', None, 0, [], ['LPUSH', 'big'] + ['element:%d' % i for i in range(MILLION)]),
    ('HSET of a million', None, 0, [], ['HSET', 'big'] + ['field:%d' % (i // 2) for i in range(MILLION)]),
    ('ZADD of a million', None, 0, [], ['ZADD', 'big'] + [word for i in range(MILLION // 2) for word in (i, 'member:%d' % i)]),
    ('HRANDFIELD -5000000', 'hash', MILLION, [], ['HRANDFIELD', 'big', '-5000000']),
    ('ZRANDMEMBER -5000000', 'zset', MILLION, [], ['ZRANDMEMBER', 'big', '-5000000']),
    ('PFCOUNT of 10000', None, 0, [], ['PFCOUNT'] + ['h%d' % i for i in range(10000)]),
    ('LCS', None, 0, [['SETRANGE', 'big', '11000', 'x'], ['SETRANGE', 'b', '11000', 'y']], ['LCS', 'big', 'b']),
]


def ping(port, stop, worst):
    """Pings until told to stop; notes the longest time between two answers."""
    link = socket.create_connection(('127.0.0.1', port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while not stop.is_set():
        began = time.perf_counter()
        link.sendall(b'PING\r\n')
        link.recv(100)
        took = time.perf_counter() - began
        if took > worst.value:
            worst.value = took
        time.sleep(0.0002)


def start(program, folder):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [program, '--port', str(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no',
         '--client-output-buffer-limit', 'normal 0 0 0', '--enable-debug-command', 'yes'],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            if resp.Link(port, 900).ask('PING')[1] == b'PONG':
                return process, port
        except OSError:
            time.sleep(0.05)
    raise SystemExit(program + ' does not start')


def on_cpu(process):
    """Seconds that the main thread of a server was on a CPU."""
    with open('/proc/%d/task/%d/schedstat' % (process.pid, process.pid)) as file:
        return int(file.read().split()[0]) / 1e9


def skip(link, size=1 << 20):
    """Reads a reply of any length without keeping it; returns its kind."""
    line = link.file.readline()
    kind, rest = line[:1], line[1:-2]
    if kind in b'$=' and rest != b'-1':
        left = int(rest) + 2
        while left > 0:
            left -= len(link.file.read(min(left, size)))
    elif kind in resp.AGGREGATES and rest != b'-1':
        for _ in range(int(rest)):
            skip(link)
    return line[:60]


def measure(program, case, scale):
    name, fill, count, before, command = case
    folder = tempfile.mkdtemp(prefix='millrace-stalls-')
    process, port = start(program, folder)
    try:
        link = resp.Link(port, 900)
        count = int(count * scale)
        if fill:
            for first in range(1, count + 1, 20000):
                reply = link.ask('EVAL', FILLS[fill], 1, 'big', first, min(first + 19999, count))
                if reply[0] == b'-':
                    raise SystemExit(resp.show(reply))
        for request in before:
            link.ask(*request)
        request = resp.encode([link.ask('DUMP', 'a')[1] if word is DUMP_OF_A else word for word in command])
        stop, worst = multiprocessing.Event(), multiprocessing.Value('d', 0.0)
        pinger = multiprocessing.Process(target=ping, args=(port, stop, worst))
        pinger.start()
        time.sleep(0.3)
        calm, worst.value = worst.value, 0.0
        link.ask('DEBUG', 'LONGEST-TURN')
        used = on_cpu(process)
        began = time.perf_counter()
        link.socket.sendall(request)
        said = skip(link)
        took = time.perf_counter() - began
        used = (on_cpu(process) - used) * 1000
        time.sleep(1.2 if name.startswith('expiry') else 0.5)
        stop.set()
        pinger.join()
        turn = link.ask('DEBUG', 'LONGEST-TURN')
        if turn[0] == b'*':
            turn = [int(word[1]) / 1000 for word in turn[1]]
            return worst.value * 1000, took * 1000, turn[0] - turn[2], turn[1], said
        return worst.value * 1000, took * 1000, used, None, said
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def median(server, case, args):
    """Runs a case several times; the middle of each figure."""
    runs = [measure(server, case, args.scale) for _ in range(args.runs)]
    middle = [sorted(run[at] or 0 for run in runs)[len(runs) // 2] for at in range(4)]
    return middle[0], middle[1], middle[2], None if runs[0][3] is None else middle[3], runs[0][4]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('servers', nargs='+')
    parser.add_argument('--scale', type=float, default=1.0)
    parser.add_argument('--runs', type=int, default=1)
    parser.add_argument('--only', default='', help='cases with one of these words, parted by |')
    args = parser.parse_args()
    only = args.only.lower().split('|')
    print('%-24s' % 'longest wait (ms)' + ''.join('%-45s' % ('   ' + os.path.basename(server)) for server in args.servers))
    for case in CASES:
        if not any(word in case[0].lower() for word in only):
            continue
        line = '%-24s' % case[0]
        stalls = []
        for server in args.servers:
            worst, took, own, cpu, said = median(server, case, args)
            stalls.append(min(worst, own) if cpu is None else own)
            figures = '%9.1f (took %8.1f) %7.1f' % (worst, took, own)
            if cpu is not None:
                figures += ' (%.1f)' % cpu
            if said[:1] == b'-':
                figures += repr(said)
            line += '%-45s' % figures
        if len(stalls) == 2:
            line += '%6.2f' % (stalls[0] / max(stalls[1], 0.001))
        print(line.rstrip())
        sys.stdout.flush()


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
"""What it costs to keep what is written: Millrace beside redis-server.

    durable.py MILLRACE [--redis redis-server] [--only throughput,latency] [--requests N] [--rounds R]
               [--writers 50] [--fsync-usec N,...] [--megabytes 1400] [--seconds 8]

Throughput: SET by 50 connections without pipelining, with appendfsync always and everysec, measured in turns
by the same redis-benchmark, both servers up; CPU is what the kernel charged the server for a request. With
--fsync-usec each fsync takes so much longer for both (slow_disk.c), which shows what a slower disk would.

Latency: how long a pinging connection and a writing one wait, the 99.9th percentile and the longest: without
persistence, with everysec, with everysec while each fsync takes half a second more, also while a third
connection writes 40 megabytes a second, during BGSAVE and during BGREWRITEAOF of so many megabytes. The moment of the fork is told apart (latest_fork_usec).
"""
import argparse, multiprocessing, os, re, shutil, socket, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def build_shim(folder):
    path = os.path.join(folder, 'slow_disk.so')
    subprocess.run(['cc', '-std=c11', '-D_GNU_SOURCE', '-O2', '-shared', '-fPIC', '-o', path,
                    os.path.join(HERE, 'slow_disk.c'), '-ldl'], check=True)
    return path


class Server:
    def __init__(self, binary, name, options, shim=None, usec=0, root=None):
        self.name, self.port = name, free_port()
        self.folder = tempfile.mkdtemp(prefix='durable-', dir=root)
        environment = dict(os.environ)
        self.counter = self.folder + '/fsyncs'
        if usec:
            with open(self.counter, 'wb') as counter:
                counter.write(bytes(8))
            environment.update(LD_PRELOAD=shim, MILLRACE_FSYNC_USEC=str(usec), MILLRACE_FSYNC_COUNT=self.counter)
        self.process = subprocess.Popen(
            [binary, '--port', str(self.port), '--bind', '127.0.0.1', '--save', '', '--dir', self.folder,
             '--enable-debug-command', 'yes', *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        for _ in range(600):
            if 'PONG' in self.cli('PING'):
                return
            time.sleep(0.05)
        sys.exit(name + ' does not answer')

    def cli(self, *words):
        return subprocess.run(['redis-cli', '-p', str(self.port), *words], capture_output=True, text=True).stdout

    def info(self, field):
        return int(re.search(field + r':(-?\d+)', self.cli('INFO', 'everything')).group(1))

    def cpu(self):
        total = 0
        for task in os.listdir('/proc/%d/task' % self.process.pid):
            with open('/proc/%d/task/%s/schedstat' % (self.process.pid, task)) as stat:
                total += int(stat.read().split()[0])
        return total

    def fsyncs(self):
        if not os.path.exists(self.counter):
            return 0
        with open(self.counter, 'rb') as counter:
            return int.from_bytes(counter.read(8), 'little')

    def load(self, requests, writers):
        before, fsyncs = self.cpu(), self.fsyncs()
        out = subprocess.run(
            ['redis-benchmark', '-p', str(self.port), '-c', str(writers), '-n', str(requests), '-r', '100000',
             '--csv', 'SET', 'key:__rand_int__', 'x' * 16], capture_output=True, text=True).stdout
        return (float(re.findall(r'"([\d.]+)"', out.splitlines()[-1])[0]), (self.cpu() - before) / requests,
                requests / max(self.fsyncs() - fsyncs, 1) if self.fsyncs() else 0)

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def throughput(args, shim):
    print('%-10s%10s%24s%10s%30s%22s' % ('', 'fsync', 'requests/s', '', 'server CPU us/request', 'requests/fsync'))
    print('%-10s%10s%14s%10s%10s%14s%8s%8s%14s%8s' % ('policy', '+us', 'millrace', 'redis', 'ratio', 'millrace',
                                                      'redis', 'ratio', 'millrace', 'redis'))
    for policy in ('always', 'everysec', 'no', 'off'):
        for usec in args.fsync_usec if policy == 'always' else [0]:
            options = ['--appendonly', 'no' if policy == 'off' else 'yes']
            if policy != 'off':
                options += ['--appendfsync', policy]
            servers = [Server(args.millrace, 'millrace', options, shim, usec, args.folder),
                       Server(args.redis, 'redis', options, shim, usec, args.folder)]
            try:
                results = {server: [] for server in servers}
                requests = args.requests if usec < 1000 else max(args.requests // (usec // 500), 2000)
                for turn in range(args.rounds):
                    for server in servers if turn % 2 == 0 else reversed(servers):
                        results[server].append(server.load(requests, args.writers))
                ours, theirs = [[statistics.median(column) for column in zip(*results[server])]
                                for server in servers]
                print('%-10s%10d%14.0f%10.0f%10.2f%14.2f%8.2f%8.2f%14.1f%8.1f' %
                      (policy, usec, ours[0], theirs[0], ours[0] / theirs[0], ours[1] / 1e3, theirs[1] / 1e3,
                       ours[1] / theirs[1], ours[2], theirs[2]), flush=True)
            finally:
                for server in servers:
                    server.end()


def ask(port, request, stop, results):
    """Asks again and again; notes when each answer was asked for and how long it took."""
    link = socket.create_connection(('127.0.0.1', port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    samples = []
    while not stop.is_set():
        began = time.monotonic()
        link.sendall(request)
        link.recv(100)
        samples.append((began, time.monotonic() - began))
        time.sleep(0.0003)
    results.put(samples)


def flood(port, stop):
    """Writes about 40 megabytes a second, in values of 100 kilobytes."""
    link = socket.create_connection(('127.0.0.1', port))
    value = b'$100000\r\n' + b'x' * 100000 + b'\r\n'
    count = 0
    while not stop.is_set():
        link.sendall(b'*3\r\n$3\r\nSET\r\n$3\r\nf%02d\r\n' % (count % 100) + value)
        link.recv(100)
        count += 1
        time.sleep(0.0025)


def watch(server, seconds, command=None, done=None, flooded=False):
    """p99.9 and longest of PING and SET in ms, the fork's moment left out; and how long that was."""
    requests = [b'PING\r\n', b'*3\r\n$3\r\nSET\r\n$1\r\nw\r\n$64\r\n' + b'x' * 64 + b'\r\n']
    stop = multiprocessing.Event()
    queues = [multiprocessing.Queue() for _ in requests]
    askers = [multiprocessing.Process(target=ask, args=(server.port, request, stop, queue))
              for request, queue in zip(requests, queues)]
    if flooded:
        multiprocessing.Process(target=flood, args=(server.port, stop), daemon=True).start()
    for asker in askers:
        asker.start()
    time.sleep(0.5)
    began = time.monotonic()
    fork = 0.0
    if command:
        link = socket.create_connection(('127.0.0.1', server.port))
        began = time.monotonic()
        link.sendall(command + b'\r\n')
        link.recv(200)
        asked = time.monotonic()
        while server.info(done) > 0 and time.monotonic() - began < 300:
            time.sleep(0.3)
        fork = server.info('latest_fork_usec') / 1e6
        time.sleep(1)
    else:
        time.sleep(seconds)
    stop.set()
    result = []
    for queue, asker in zip(queues, askers):
        samples = [(at, took) for at, took in queue.get() if at > began - 0.1]
        asker.join()
        if command:
            samples = [(at, took) for at, took in samples
                       if not (at < asked + fork + 0.02 and at + took > began and took >= fork * 0.8)]
        took = sorted(took for _, took in samples)
        result += [took[int(len(took) * 0.999)] * 1e3, took[-1] * 1e3]
    return result + [fork * 1e3]


def latency(args, shim):
    print('%-34s%-10s%12s%10s%12s%10s%10s' % ('ms', '', 'PING p99.9', 'longest', 'SET p99.9', 'longest', 'fork'))
    everysec = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--auto-aof-rewrite-percentage', '0']
    cases = [
        ('without persistence', ['--appendonly', 'no'], 0, 0, None, None),
        ('everysec', everysec, 0, 0, None, None),
        ('everysec, fsync +500 ms', everysec, 500000, 0, None, None),
        ('everysec, fsync +500 ms, 40 MB/s', everysec, 500000, 0, None, None),
        ('BGREWRITEAOF, fsync +500 ms', everysec, 500000, 10, b'BGREWRITEAOF', 'aof_rewrite_in_progress'),
        ('BGSAVE', ['--appendonly', 'no'], 0, args.megabytes, b'BGSAVE', 'rdb_bgsave_in_progress'),
        ('BGSAVE, everysec', everysec, 0, args.megabytes, b'BGSAVE', 'rdb_bgsave_in_progress'),
        ('BGREWRITEAOF, everysec', everysec, 0, args.megabytes, b'BGREWRITEAOF', 'aof_rewrite_in_progress'),
    ]
    for title, options, usec, megabytes, command, done in cases:
        if args.case not in title:
            continue
        for binary, name in ((args.millrace, 'millrace'), (args.redis, 'redis')):
            server = Server(binary, name, options, shim, usec, args.folder)
            try:
                if megabytes:
                    link = socket.create_connection(('127.0.0.1', server.port))
                    link.sendall(b'DEBUG POPULATE %d key 1000\r\n' % (megabytes * 1000))
                    if link.recv(100)[:1] != b'+':
                        sys.exit(name + ' does not populate')
                    time.sleep(2)
                found = watch(server, args.seconds, command, done, 'MB/s' in title)
                print('%-34s%-10s%12.2f%10.2f%12.2f%10.2f%10.1f' % (title, name, *found), flush=True)
            finally:
                server.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('millrace')
    parser.add_argument('--redis', default='redis-server')
    parser.add_argument('--only', default='throughput,latency')
    parser.add_argument('--requests', type=int, default=100000)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--writers', type=int, default=50)
    parser.add_argument('--fsync-usec', default='0,500,2000,8000')
    parser.add_argument('--megabytes', type=int, default=1400)
    parser.add_argument('--seconds', type=float, default=8)
    parser.add_argument('--case', default='', help='only latency in cases that are named like this')
    parser.add_argument('--folder', help='where data folders are made; the disk that is measured')
    args = parser.parse_args()
    args.fsync_usec = [int(usec) for usec in args.fsync_usec.split(',')]
    args.millrace = os.path.abspath(args.millrace)
    with tempfile.TemporaryDirectory() as folder:
        shim = build_shim(folder)
        if 'throughput' in args.only:
            throughput(args, shim)
        if 'latency' in args.only:
            latency(args, shim)


if __name__ == '__main__':
    main()

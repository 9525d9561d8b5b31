#!/usr/bin/env python3
"""How long a start over large files takes, and how large the files are: Millrace beside redis-server.

    load.py MILLRACE [--redis redis-server] [--keys 5000000] [--rounds 3] [--folder DIR]

redis-server is filled with keys of a number each (DEBUG POPULATE), some lists, hashes, sets and sorted sets, and
writes a snapshot, a log of statements and a log of what was said as it was. Each server loads each of these in
turn; told is the median of the time from its first word to its readiness, and of its CPU time. Then each
writes the same data anew, and the sizes are compared.
"""
import argparse, os, shutil, socket, statistics, subprocess, sys, tempfile, time

MIXED = '''for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  redis.call('RPUSH', 'list:'..i, i, 'element:'..i, i * 7)
  redis.call('HSET', 'hash:'..i, 'name', 'n'..i, 'age', i % 90)
  redis.call('SADD', 'set:'..i, i, i + 1, i * 3)
  redis.call('ZADD', 'zset:'..i, i, 'a', i / 3, 'b')
end'''


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Server:
    """Started over a folder; `took` is the time until it answers."""
    def __init__(self, binary, folder, *options):
        self.port, self.folder = free_port(), folder
        began = time.monotonic()
        self.process = subprocess.Popen(
            [binary, '--port', str(self.port), '--bind', '127.0.0.1', '--dir', folder, '--save', '',
             '--enable-debug-command', 'yes', '--enable-protected-configs', 'yes', *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                link = socket.create_connection(('127.0.0.1', self.port))
                link.sendall(b'PING\r\n')
                if link.recv(100).startswith(b'+PONG'):
                    break
                link.close()
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(binary + ' does not start')
            time.sleep(0.02)
        self.took = time.monotonic() - began
        with open('/proc/%d/stat' % self.process.pid) as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
        self.cpu = (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def cli(self, *words):
        return subprocess.run(['redis-cli', '-p', str(self.port), *words], capture_output=True, text=True).stdout

    def settle(self, field):
        while field + ':1' in self.cli('INFO', 'persistence'):
            time.sleep(0.2)

    def end(self, gently=False):
        (self.process.terminate if gently else self.process.kill)()
        self.process.wait()


def folder_size(path):
    total = 0
    for top, _, names in os.walk(path):
        total += sum(os.path.getsize(os.path.join(top, name)) for name in names)
    return total


def fill(server, keys):
    server.cli('DEBUG', 'POPULATE', str(keys * 9 // 10), 'key', '32')
    for first in range(1, keys // 40 + 1, 5000):
        server.cli('EVAL', MIXED, '0', str(first), str(min(first + 4999, keys // 40)))


def make_files(args, root):
    folders = {name: os.path.join(root, name) for name in ('snapshot', 'statements', 'said')}
    for folder in folders.values():
        os.mkdir(folder)
    server = Server(args.redis, folders['snapshot'])
    fill(server, args.keys)
    server.cli('SAVE')
    server.cli('CONFIG', 'SET', 'dir', folders['statements'])
    server.cli('CONFIG', 'SET', 'aof-use-rdb-preamble', 'no')
    server.cli('CONFIG', 'SET', 'appendonly', 'yes')
    time.sleep(1)
    server.settle('aof_rewrite_in_progress')
    server.end(True)
    server = Server(args.redis, folders['said'], '--appendonly', 'yes', '--auto-aof-rewrite-percentage', '0')
    load = subprocess.Popen(['redis-cli', '-p', str(server.port), '--pipe'], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL)
    for i in range(args.keys):
        key, value = b'key:%d' % i, b'value:%026d' % i
        load.stdin.write(b'*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$32\r\n%s\r\n' % (len(key), key, value))
    load.stdin.close()
    load.wait()
    server.end(True)
    return folders


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('millrace')
    parser.add_argument('--redis', default='redis-server')
    parser.add_argument('--keys', type=int, default=5000000)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--folder')
    args = parser.parse_args()
    binaries = [os.path.abspath(args.millrace), args.redis]
    root = tempfile.mkdtemp(prefix='load-', dir=args.folder)
    try:
        folders = make_files(args, root)
        print('%-34s%12s%10s%8s%14s%10s%8s' % ('load, seconds', 'millrace', 'redis', 'ratio', 'CPU millrace', 'redis',
                                              'ratio'))
        for name, folder in folders.items():
            options = [] if name == 'snapshot' else ['--appendonly', 'yes']
            results = {binary: [] for binary in binaries}
            for turn in range(args.rounds):
                for binary in binaries if turn % 2 == 0 else reversed(binaries):
                    server = Server(binary, folder, *options)
                    results[binary].append((server.took, server.cpu))
                    server.end()
            ours, theirs = [[statistics.median(column) for column in zip(*results[binary])] for binary in binaries]
            print('%-34s%12.2f%10.2f%8.2f%14.2f%10.2f%8.2f' %
                  ('%s, %d MB' % (name, folder_size(folder) >> 20), ours[0], theirs[0], ours[0] / theirs[0], ours[1],
                   theirs[1], ours[1] / theirs[1]), flush=True)
        sizes = {'snapshot': [], 'log of statements': []}
        for binary in binaries:
            again = tempfile.mkdtemp(dir=root)
            shutil.copy(os.path.join(folders['snapshot'], 'dump.rdb'), again)
            server = Server(binary, again)
            server.cli('SAVE')
            sizes['snapshot'].append(os.path.getsize(os.path.join(again, 'dump.rdb')))
            server.cli('CONFIG', 'SET', 'aof-use-rdb-preamble', 'no')
            server.cli('CONFIG', 'SET', 'appendonly', 'yes')
            time.sleep(1)
            server.settle('aof_rewrite_in_progress')
            server.end(True)
            sizes['log of statements'].append(folder_size(os.path.join(again, 'appendonlydir')))
            shutil.rmtree(again)
        for name, (ours, theirs) in sizes.items():
            print('%-34s%12d%10d%8.3f' % (name + ', bytes', ours, theirs, ours / theirs))
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == '__main__':
    main()

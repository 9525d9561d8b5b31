#!/usr/bin/env python3
"""Asks two servers the same at random, and compares what they answer, byte for byte.

    differential.py --server MILLRACE [--oracle redis-server] [--seconds 60] [--seed N] [--keep-going]

Both are started on free ports in folders of their own and ended again. Requests come in episodes,
each with a fresh data set, a protocol and limits of its own; what an episode asks follows from the
seed and its number, so `--seed N --episode E` asks it again. What is unordered is sorted first; what
depends on time may differ by a little. After each batch types, encodings and contents of all keys are
compared too. A difference is cut down to the fewest requests that show it.

Now and then our server is started again, and must hold the same then.

The last line is `differential: N passed, N failed`, where one is an episode.
"""
import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import resp
from templates import PAIRED, TEMPLATES, TIMED, UNORDERED, fill
from words import ALL_KEYS, Words

BATCH = 40           # requests sent at once
BATCHES = 12         # of an episode
LIMITS = {           # options that decide how values are kept, and what they may be
    'list-max-listpack-size': ['-2', '-1', '4', '128'],
    'list-compress-depth': ['0', '1'],
    'hash-max-listpack-entries': ['128', '5', '0'],
    'hash-max-listpack-value': ['64', '10'],
    'set-max-intset-entries': ['512', '4'],
    'zset-max-listpack-entries': ['128', '5', '0'],
    'zset-max-listpack-value': ['64', '10'],
    'hll-sparse-max-bytes': ['3000', '40'],
    'stream-node-max-entries': ['100', '3'],
    'notify-keyspace-events': ['', 'KEA', 'KEAn'],
    'proto-max-bulk-len': ['1mb'],
}
SCRIPT = b'return redis.call(unpack(ARGV))'
UNBALANCED = b'ERR Unbalanced'  # in the words of a newer version
NEWER_FIELDS = (b'nacked-count', b'active-time', b'inactive', b'idmp-duration', b'idmp-maxsize', b'pids-tracked',
                b'iids-tracked', b'iids-added', b'iids-duplicates')
NEWER_EVENTS = (b'xgroup-createconsumer',)
TIME_FIELDS = (b'idle', b'inactive', b'seen-time', b'active-time', b'delivery-time', b'pel-time',
               b'lag', b'entries-read',  # which are exact here
               b'radix-tree-nodes')       # of which there are none


# ---- Requests ----

def make_request(words, templates):
    request = []
    fill(words.random.choice(templates), words, request)
    roll = words.random.random()
    if roll < 0.03:
        spoil(request, words)
    if words.random.random() < 0.04 and is_fair(request):
        return [b'EVAL', SCRIPT, b'0'] + request
    return request


def spoil(request, words):
    """Makes a request that nobody would send."""
    chance = words.random
    at = chance.randrange(len(request))
    kind = chance.randrange(5)
    if kind == 0 and len(request) > 1:
        del request[at]
    elif kind == 1:
        request.insert(at, request[at])
    elif kind == 2 and at > 0:
        request[at] = words.make_hostile()
    elif kind == 3:
        request.append(words.make_hostile())
    elif at > 0:
        other = chance.randrange(1, len(request))
        request[at], request[other] = request[other], request[at]


def make_batch(words, templates):
    """Some requests, some of them in transactions."""
    batch = []
    while len(batch) < BATCH:
        if words.random.random() < 0.03:
            batch.append([b'MULTI'])
            for _ in range(words.random.randrange(4)):
                batch.append(make_request(words, templates))
            batch.append([b'DISCARD' if words.random.random() < 0.1 else b'EXEC'])
        else:
            batch.append(make_request(words, templates))
    return [request for request in batch if is_fair(request)]


def asked_by(request):
    """The request that a script passes on, or the request itself."""
    return request[3:] if request[:2] == [b'EVAL', SCRIPT] and len(request) > 3 else request


def is_fair(request):
    """Whether both servers can be asked: not what is newer here, random, or about the server."""
    request = asked_by(request)
    name = request[0].upper()
    upper = [word.upper() for word in request]
    if name == b'RANDOMKEY':
        return len(request) > 1
    if name in (b'SRANDMEMBER', b'SPOP', b'HRANDFIELD', b'ZRANDMEMBER'):
        return request[1:] and (request[1] in (b'nothing', b'NOTHING') or request[2:] in ([b'1000'], [b'100000']))
    if name in (b'ZRANK', b'ZREVRANK') and len(request) > 3:
        return False            # WITHSCORE
    if name == b'XSETID' and b'MAXDELETEDID' in upper:
        return False            # is minded at other times
    if name.startswith(b'X') and (b' 1' in request or b'+1' in request):
        return False            # an ID to the oracle
    if blocks(name, upper):
        return False
    if name == b'XREAD' and b'+' in request:
        return False            # the last entry
    if name == b'XGROUP' and (b'-' in request or b'+' in request):
        return False            # the ends of all IDs
    if name in (b'SORT', b'SORT_RO') and b'ALPHA' in upper and b'BY' in upper and \
            (b'LIMIT' in upper or b'STORE' in upper):
        return False            # which of equals come first
    if name.startswith(b'X') and any(word in (b'*', b'$') for word in request[2:]) and name == b'XADD':
        return False            # the clock
    if b'HELP' in upper:
        return False            # words of our own
    return b'~' not in request  # how much is approximate differs


def blocks(name, upper):
    """Whether it may wait for longer than this test has time."""
    if name in (b'BLMPOP', b'BZMPOP'):
        word = upper[1:2]
    elif name.startswith(b'B') and name not in (b'BITCOUNT', b'BITPOS', b'BITOP', b'BITFIELD',
                                                b'BITFIELD_RO'):
        word = upper[-1:]
    elif b'BLOCK' in upper:
        word = upper[upper.index(b'BLOCK') + 1:][:1]
        return word not in ([], [b'10'])
    else:
        return False
    try:
        return len(word) == 1 and (float(word[0]) == 0 or float(word[0]) > 0.05)
    except ValueError:
        return word[0][:2].upper() == b'0X'


# ---- Replies ----

def plain(reply):
    """What sorts."""
    return repr(reply)


def without_times(reply):
    kind, value = reply
    if not isinstance(value, list):
        return reply
    parts = [without_times(part) for part in value]
    for newer in NEWER_FIELDS:
        at = [part[1] for part in parts].index(newer) if (b'$', newer) in parts else -1
        if at >= 0:
            del parts[at:at + 2]
    for i in range(1, len(parts)):
        if parts[i - 1][1] == b'consumers':  # XCLAIM makes one even if it claims nothing
            parts[i] = (b':', b'?')
        if parts[i - 1][1] in TIME_FIELDS and parts[i][0] in b':$_':
            parts[i] = (b':', b'?')
    return kind, parts


def normal(request, reply):
    """A reply as it is compared."""
    request = asked_by(request)
    name = request[0].upper()
    kind, value = reply
    if kind == b'-':
        return kind, UNBALANCED if value.startswith(b'ERR Unbalanced') else value
    if [word.upper() for word in request[:2]] == [b'XGROUP', b'CREATECONSUMER'] and kind == b':':
        return kind, b'?'  # whoever read in vain is known here, as from 7.2 on
    if name in UNORDERED and isinstance(value, list):
        return kind, sorted(value, key=plain)
    if name in PAIRED and isinstance(value, list):
        return kind, sorted(zip(value[::2], value[1::2]), key=plain)
    if name in TIMED and kind == b':' and int(value) > 0:
        return kind, int(value)
    if name in (b'SORT', b'SORT_RO') and isinstance(value, list) and \
            (request[1][:1] == b's' or b'BY' in [word.upper() for word in request] or
             any(part[1] is not None and b'\0' in part[1] for part in value)):
        return kind, sorted(value, key=plain)
    if name in (b'GEOSEARCH', b'GEORADIUS', b'GEORADIUSBYMEMBER', b'GEORADIUS_RO') and \
            isinstance(value, list):
        return kind, sorted(value, key=plain)
    if name == b'XPENDING' and isinstance(value, list):
        return kind, [untimed_pending(part) for part in value]
    if name == b'XINFO':
        return without_times(untimed_full(reply))
    return reply


def untimed_pending(part):
    """An entry of XPENDING without its idle time."""
    if isinstance(part[1], list) and len(part[1]) == 4:
        id_, consumer, _, times = part[1]
        return part[0], [id_, consumer, times]
    return part


def untimed_full(reply):
    """XINFO STREAM FULL without the times of deliveries: of id, consumer, time, count, or the same
    without a consumer, the integer before the last."""
    kind, value = reply
    if not isinstance(value, list):
        return reply
    parts = [untimed_full(part) for part in value]
    if len(parts) in (3, 4) and parts[0][0] == b'$' and parts[-1][0] == b':' and \
            parts[-2][0] == b':' and len(parts[-2][1]) > 9:
        parts[-2] = (b':', b'?')
    return kind, parts


def alike(request, ours, theirs, sorting=False):
    request = asked_by(request)
    a, b = normal(request, ours), normal(request, theirs)
    if a == b:
        return True
    if theirs == (b'$', b'skiplist') and ours == (b'$', b'listpack') and sorting:
        return True
    if request[0].upper() in TIMED and a[0] == b[0] == b':' and isinstance(a[1], int) and \
            isinstance(b[1], int):
        near = 2 if request[0].upper() in (b'TTL', b'EXPIRETIME') else 2000
        return abs(a[1] - b[1]) <= near
    return False


# ---- Asking both ----

class Pair:
    """Our server and the oracle, with the state that replies depend on."""

    def __init__(self, ours, oracle):
        self.links = [resp.Link(ours), resp.Link(oracle)]
        self.listeners = [resp.Link(ours), resp.Link(oracle)]
        self.others = [resp.Link(ours), resp.Link(oracle)]  # the first may be within MULTI
        for link in self.listeners:
            link.ask('PSUBSCRIBE', '*')

    def ask_all(self, requests):
        for link in self.links:
            link.send(requests)
        return list(zip(*[[link.hear() for _ in requests] for link in self.links]))

    def hear_events(self):
        """What was published since the last time, by either."""
        heard = []
        for other, listener in zip(self.others, self.listeners):
            messages = []
            other.ask('PUBLISH', 'all heard', '')
            while not messages or messages[-1][0] != b'all heard':
                _, (_, _, (_, channel), (_, payload)) = listener.hear()
                if not messages or messages[-1] != (channel, payload):
                    messages.append((channel, payload))
            heard.append([one for one in messages if not any(newer in part for newer in NEWER_EVENTS for part in one)])
        return heard

    def close(self):
        for link in self.links + self.listeners + self.others:
            link.close()


def contents(key, kind):
    """The request that shows all of a key."""
    return {
        b'string': [b'GET', key], b'list': [b'LRANGE', key, b'0', b'-1'], b'hash': [b'HGETALL', key],
        b'set': [b'SMEMBERS', key], b'zset': [b'ZRANGE', key, b'0', b'-1', b'WITHSCORES'],
        b'stream': [b'XRANGE', key, b'-', b'+'],
    }.get(kind, [b'EXISTS', key])


def compare(requests, replies, sorting=False):
    """The first request whose replies differ, with them, or None; and what is queued is known by
    its request when EXEC answers."""
    queued = None
    for at, (request, (ours, theirs)) in enumerate(zip(requests, replies)):
        name = request[0].upper()
        if queued is not None and ours == theirs == (b'+', b'QUEUED'):
            queued.append(request)
            continue
        if name == b'EXEC' and queued is not None and isinstance(ours[1], list) and \
                isinstance(theirs[1], list) and len(ours[1]) == len(theirs[1]) == len(queued):
            for inner, one, other in zip(queued, ours[1], theirs[1]):
                if not alike(inner, one, other, sorting):
                    return at, inner, one, other
            queued = None
            continue
        if not alike(request, ours, theirs, sorting):
            return at, request, ours, theirs
        if name == b'MULTI' and ours[0] == b'+':
            queued = []
        elif name in (b'EXEC', b'DISCARD'):
            queued = None
    return None


def look(pair):
    """Asks for every key what it holds and how. Returns requests and replies."""
    asked = [[b'SELECT', b'0']]
    replies = pair.ask_all(asked)
    types = [[b'TYPE', key] for key in ALL_KEYS]
    kinds = pair.ask_all(types)
    more = []
    for key, (ours, theirs) in zip(ALL_KEYS, kinds):
        if ours == theirs and ours[1] != b'none':
            more += [[b'OBJECT', b'ENCODING', key], [b'PEXPIRETIME', key], contents(key, ours[1])]
    return asked + types + more, replies + kinds + pair.ask_all(more)


def exchange(pair):
    """Has each server restore what the other dumps. Returns requests and replies, or what was refused."""
    ours, oracle = pair.links
    asked, replies = [], []
    for key in ALL_KEYS:
        for giver, taker in ((ours, oracle), (oracle, ours)):
            payload = giver.ask('DUMP', key)[1]
            if not payload:
                continue
            answer = taker.ask('RESTORE', 'taken', '0', payload, 'REPLACE')
            if answer != (b'+', b'OK'):
                return [[b'RESTORE', key, b'0', payload]], [(answer, (b'+', b'OK'))]
            show = contents(key, giver.ask('TYPE', key)[1])
            asked.append(show)
            replies.append((giver.ask(*show), taker.ask(*contents(b'taken', taker.ask('TYPE', 'taken')[1]))))
            taker.ask('DEL', 'taken')
    return asked, replies


def begin(pair, config, protocol):
    setup = [[b'DISCARD'], [b'UNWATCH'], [b'HELLO', b'%d' % protocol], [b'SELECT', b'0'], [b'FLUSHALL']]
    setup += [[b'CONFIG', b'SET', name.encode(), value.encode()] for name, value in config]
    for request, replies in zip(setup, pair.ask_all(setup)):
        for reply in replies:
            if reply[0] == b'-' and request[0] != b'DISCARD':
                raise SystemExit('%r: %r' % (request, reply))


def unlike_events(heard):
    """The first message that only one of them published, as if it had been asked for."""
    ours, theirs = heard
    for i in range(max(len(ours), len(theirs))):
        one, other = (each[i] if i < len(each) else None for each in heard)
        if one != other:
            return i, [b'events'], (b'>', repr(one).encode()), (b'>', repr(other).encode())
    return None


def try_requests(ports, config, protocol, requests, sorting):
    """Runs requests on fresh data. The first difference, or None."""
    pair = Pair(*ports)
    try:
        begin(pair, config, protocol)
        for at in range(0, len(requests), 500):
            replies = pair.ask_all(requests[at:at + 500])
            found = compare(requests[at:at + 500], replies, sorting) or unlike_events(pair.hear_events())
            if found:
                return found
        asked, replies = look(pair)
        return compare(asked, replies, sorting) or compare(*exchange(pair))
    finally:
        pair.close()


def shrink(ports, config, protocol, requests, found, until, sorting):
    """The fewest requests that still differ in the same command."""
    name = found[1][0].upper()
    size = max(1, len(requests) // 2)
    while time.time() < until:
        at = len(requests) - size
        shrunk = False
        while at > -size and time.time() < until:
            fewer = requests[:max(at, 0)] + requests[at + size:]
            again = try_requests(ports, config, protocol, fewer, sorting)
            if again and again[1][0].upper() == name:
                requests, found, shrunk = fewer, again, True
            at -= size
        if size == 1 and not shrunk:
            break
        size = max(1, size // 2) if not shrunk or size > 1 else 1
    return requests, found


def episode(ports, seed, number):
    """Runs one. Returns None, or what tells of a difference."""
    chance = random.Random('%d/%d' % (seed, number))
    # The oracle's SORT makes sorted sets large for good, so that half of the time there is none.
    templates = [one for one in TEMPLATES if number % 2 or not one[0][1].startswith(b'SORT')]
    config = [(name, chance.choice(values)) for name, values in LIMITS.items()]
    protocol = chance.choice((2, 3))
    words = Words(chance)
    pair = Pair(*ports)
    asked = []
    try:
        begin(pair, config, protocol)
        for _ in range(BATCHES):
            batch = make_batch(words, templates)
            found = compare(batch, pair.ask_all(batch), number % 2)
            asked += batch
            heard = pair.hear_events()
            found = found or unlike_events(heard)
            if not found:
                seen, replies = look(pair)
                found = compare(seen, replies, number % 2)
            if not found and len(asked) > BATCHES * BATCH * 0.9:
                found = compare(*exchange(pair))
            if found:
                return config, protocol, asked, found
    finally:
        pair.close()
    return None


def tell(ports, trouble, seed, number, patience):
    config, protocol, asked, found = trouble
    asked, found = shrink(ports, config, protocol, asked, found, time.time() + patience, number % 2)
    print('DIFFERENT: --seed %d --episode %d, RESP%d' % (seed, number, protocol))
    for name, value in config:
        print('  CONFIG SET %s %s' % (name, value or "''"))
    for request in asked[-25:]:
        print('  > ' + ' '.join(show_word(word) for word in request))
    at, request, ours, theirs = found
    print('  asked  ' + ' '.join(show_word(word) for word in request))
    print('  ours   ' + resp.show(ours))
    print('  oracle ' + resp.show(theirs))
    sys.stdout.flush()


def show_word(word):
    text = repr(word)[2:-1]
    if len(text) > 80:
        return '"%s..."(%d)' % (text[:60], len(word))
    return text if text and ' ' not in text and "'" not in text else '"%s"' % text


# ---- Servers ----

class Server:
    def __init__(self, program, folder, options):
        self.program, self.folder, self.options = program, folder, options
        os.makedirs(folder, exist_ok=True)
        self.log = open(os.path.join(folder, 'log'), 'ab')
        self.process = None
        self.start()

    def start(self):
        for _ in range(50):
            with socket.socket() as probe:
                probe.bind(('127.0.0.1', 0))
                self.port = probe.getsockname()[1]
            self.process = subprocess.Popen(
                [self.program, '--port', str(self.port), '--bind', '127.0.0.1', '--dir', self.folder,
                 '--enable-debug-command', 'yes'] + self.options,
                stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
            if self.answers():
                return
        raise SystemExit('%s does not start; see %s' % (self.program, self.log.name))

    def answers(self):
        for _ in range(200):
            if self.process.poll() is not None:
                return False
            try:
                link = resp.Link(self.port)
                answer = link.ask('PING')
                link.close()
                if answer == (b'+', b'PONG'):
                    return True
            except OSError:
                pass
            time.sleep(0.05)
        return False

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


def holdings(port):
    """For each key of a server what it holds."""
    link = resp.Link(port)
    held = {}
    try:
        for db in ('0', '1'):
            link.ask('SELECT', db)
            for _, key in sorted(link.ask('KEYS', '*')[1]):
                kind = link.ask('TYPE', key)[1]
                held[db, key] = [kind, link.ask('PEXPIRETIME', key)]
                # A HyperLogLog is kept as the options say, which are others now.
                is_log = kind == b'string' and link.ask('PFCOUNT', key)[0] == b':'
                held[db, key].append(link.ask('PFCOUNT', key) if is_log
                                     else link.ask('DEBUG', 'DIGEST-VALUE', key))
                if kind in (b'list', b'zset', b'stream'):
                    held[db, key].append(link.ask(*contents(key, kind)))
                if kind == b'stream':
                    told = without_times(link.ask('XINFO', 'STREAM', key, 'FULL'))[1]
                    held[db, key].append(told[:2] + told[4:])  # its parts follow from the options
    finally:
        link.close()
    return held


def replays(server):
    """Whether the AOF holds what the server does."""
    held = holdings(server.port)
    server.stop()
    server.start()
    read = holdings(server.port)
    if held == read:
        return True
    print('DIFFERENT: what the AOF holds')
    for key in sorted(set(held) | set(read)):
        if held.get(key) != read.get(key):
            print('  %s\n    was %s\n    is  %s' % (key, held.get(key), read.get(key)))
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--server', required=True)
    parser.add_argument('--oracle', default='redis-server')
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--episode', type=int)
    parser.add_argument('--keep-going', action='store_true')
    parser.add_argument('--patience', type=float, default=20, help='seconds to shrink a difference in')
    args = parser.parse_args()

    print('differential: --seed %d' % args.seed)
    sys.stdout.flush()
    folder = tempfile.mkdtemp(prefix='millrace-differential-')
    servers = []
    passed = failed = asked = 0
    try:
        servers.append(Server(args.server, folder + '/ours', ['--appendonly', 'yes']))
        servers.append(Server(args.oracle, folder + '/oracle', ['--save', '']))
        end = time.time() + args.seconds
        number = args.episode or 0
        while time.time() < end and (failed == 0 or args.keep_going):
            ports = [server.port for server in servers]
            try:
                trouble = episode(ports, args.seed, number)
                asked += BATCH * BATCHES
                if trouble:
                    tell(ports, trouble, args.seed, number, args.patience)
            except (resp.Broken, OSError) as error:
                trouble = error
                print('BROKEN: --seed %d --episode %d: %r' % (args.seed, number, error))
            for server in servers:
                if not server.alive():
                    print('%s ended with %s' % (server.program, server.process.returncode))
                    sys.stdout.write(open(server.log.name, errors='replace').read()[-4000:])
                    server.start()
            failed += trouble is not None
            passed += trouble is None
            if args.episode is not None:
                break
            number += 1
            if number % 20 == 0 and not replays(servers[0]):
                failed += 1
                print('  after --seed %d --episode %d' % (args.seed, number - 1))
        ends_well = replays(servers[0])
        servers[0].stop()
        if servers[0].process.returncode != 0:
            print('%s ended with %s' % (args.server, servers[0].process.returncode))
            sys.stdout.write(open(servers[0].log.name, errors='replace').read()[-4000:])
            ends_well = False
        passed += ends_well
        failed += not ends_well
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print('about %d requests' % asked)
    print('differential: %d passed, %d failed' % (passed, failed))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())

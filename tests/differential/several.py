#!/usr/bin/env python3
"""Lets several sessions talk to two servers at random, and compares what each of them hears.

    several.py --server MILLRACE [--oracle redis-server] [--seconds 60] [--seed N] [--keep-going]

Four sessions wait, wake each other, watch, subscribe, publish, cache and listen to keyspace events,
on few keys, so that they meet. After each request everything that came to anybody is compared. On
its own connection a push may come in front of a reply or behind it; the order of patterns that one
message matches, and of what one step invalidates, is open.

The last line is `several: N passed, N failed`, where one is an episode.
"""
import argparse
import os
import random
import shutil
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import resp
from differential import Server, show_word

SESSIONS = 4
STEPS = 80
PATIENCE = 0.4       # seconds that a message may be late
EVENTS = ['', 'KEA', 'KElgzx', 'KEn$lshzxt']
LISTS = ['l1', 'l2']
KEYS = LISTS + ['z1', 'z2', 'x1', 's1', 'h1', 't1', 'n1']
ID = object()        # of the next session
SCRIPTS = ["redis.call('RPUSH', KEYS[1], 'a', 'b') return redis.call('LLEN', KEYS[1])",
           "redis.call('RPUSH', KEYS[1], 'a') redis.call('DEL', KEYS[1]) return 1",
           "redis.call('SET', KEYS[1], 'v') return redis.call('PUBLISH', 'c1', 'said')",
           "return redis.call('BLPOP', KEYS[1], 0)", "return redis.call('GET', KEYS[1])"]
# A line for each form; <k> is any key, <l> a list, <z> a sorted set, <c> a channel, <e> an element, <s> a
# side, <id> a session's id. Forms in front are as likely as they are often here.
FORMS = """
BLPOP <l> <k> 0|BRPOP <k> 0|BLPOP <l> 0|BRPOP <k> <l> <k> 0|BLMOVE <l> <l> <s> <s> 0|BRPOPLPUSH <l> <k> 0
BLMPOP 0 2 <l> <k> <s> COUNT 2|BLMPOP 0 1 <l> <s>|BZPOPMIN <z> <k> 0|BZPOPMAX <z> 0|BZMPOP 0 1 <z> MIN COUNT 2
XREAD BLOCK 0 STREAMS x1 $|XREAD BLOCK 0 STREAMS <k> 0|XREADGROUP GROUP g a STREAMS x1 >
LPUSH <l> <e>|RPUSH <l> <e> <e>|RPUSH <k> <e> <e> <e>|ZADD <z> 1 <e>|ZADD <z> 2 <e> 3 <e>|XADD x1 <xid> f v
RENAME <k> <k>|COPY <k> <k> REPLACE|LMOVE <l> <l> LEFT RIGHT|DEL <k>|DEL <k> <k>|SET <k> v|SET t1 <e>|INCR n1
SORT <l> ALPHA STORE <l>|ZUNIONSTORE <z> 1 <z>|SADD s1 <e>|SUNIONSTORE <k> s1|HSET h1 <e> v|GETSET t1 <e>
EXPIRE <k> 1000|EXPIRE <k> -1|PERSIST <k>|LPOP <l>|LRANGE <l> 0 -1|GET t1|MGET t1 n1|APPEND t1 <e>
FLUSHDB|MOVE <k> 1|SELECT 0|SELECT 0|SELECT 1|XGROUP CREATE x1 g $ MKSTREAM|XDEL x1 5-1|TOUCH <k>
MULTI|MULTI|EXEC|EXEC|EXEC|DISCARD|WATCH <k>|WATCH <k> <k>|UNWATCH|RESET
SUBSCRIBE <c>|SUBSCRIBE <c> <c>|PSUBSCRIBE c*|PSUBSCRIBE __key*__:*|PSUBSCRIBE __keyspace@0__:l*|SSUBSCRIBE <c>
UNSUBSCRIBE|UNSUBSCRIBE <c>|PUNSUBSCRIBE|PUNSUBSCRIBE c*|SUNSUBSCRIBE|PUBLISH <c> <e>|PUBLISH <c> <e>|SPUBLISH <c> <e>
PUBSUB NUMSUB c1 c2|PUBSUB NUMPAT|PUBSUB SHARDNUMSUB c1|PING|PING <e>|ECHO <e>
CLIENT TRACKING ON|CLIENT TRACKING ON BCAST|CLIENT TRACKING ON OPTIN|CLIENT TRACKING ON OPTOUT|CLIENT TRACKING OFF
CLIENT TRACKING ON NOLOOP|CLIENT TRACKING ON BCAST PREFIX l PREFIX t|CLIENT TRACKING ON REDIRECT <id>|CLIENT CACHING YES
CLIENT CACHING NO|CLIENT CACHING MAYBE|CLIENT REPLY OFF|CLIENT REPLY ON|CLIENT REPLY SKIP|CLIENT UNBLOCK <id>
CLIENT UNBLOCK <id> ERROR|HELLO 2|HELLO 3|EVAL <script> 1 <k>|EVAL <script> 1 <k>|EVAL <script> 1 <l>|DBSIZE
"""
FORMS = [form.split() for line in FORMS.split('\n') for form in line.split('|') if form.strip()]


def make_request(chance):
    words = {'<k>': lambda: chance.choice(KEYS), '<l>': lambda: chance.choice(LISTS), '<id>': lambda: ID,
             '<z>': lambda: chance.choice(('z1', 'z2')), '<c>': lambda: chance.choice(('c1', 'c2', 'other')),
             '<e>': lambda: 'e%d' % chance.randrange(9), '<s>': lambda: chance.choice(('LEFT', 'RIGHT')),
             '<xid>': lambda: '%d-1' % chance.randrange(1, 300), '<script>': lambda: chance.choice(SCRIPTS)}
    return [words.get(word, lambda: word)() for word in chance.choice(FORMS)]


class Ear:
    """A connection that is heard without waiting; replies are read as far as they are whole."""

    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.bytes = b''

    def say(self, words):
        self.socket.sendall(resp.encode(words))

    def hear(self):
        try:
            while True:
                got = self.socket.recv(1 << 16, socket.MSG_DONTWAIT)
                if not got:
                    raise resp.Broken('closed')
                self.bytes += got
        except BlockingIOError:
            pass
        heard, at = [], 0
        try:
            while at < len(self.bytes):
                reply, at = read(self.bytes, at)
                heard.append(reply)
        except IndexError:
            pass
        self.bytes = self.bytes[at:]
        return heard


def read(data, at):
    """The reply that begins there, and where it ends; IndexError if it is not whole."""
    end = data.find(b'\r\n', at)
    if end < 0:
        raise IndexError
    kind, rest, end = data[at:at + 1], data[at + 1:end], end + 2
    if kind in b'$=!' and rest != b'-1':
        if len(data) < end + int(rest) + 2:
            raise IndexError
        return (kind, data[end:end + int(rest)]), end + int(rest) + 2
    if kind in resp.AGGREGATES and rest != b'-1':
        parts = []
        for _ in range(int(rest) * (2 if kind in b'%|' else 1)):
            part, end = read(data, end)
            parts.append(part)
        return (kind, parts), end
    return (kind, None if rest == b'-1' and kind in b'$*' else rest), end


class Side:
    """One server and the sessions that talk to it."""

    def __init__(self, port, events):
        self.link = resp.Link(port)
        for setup in (['FLUSHALL'], ['SCRIPT', 'FLUSH'], ['CONFIG', 'SET', 'notify-keyspace-events', events]):
            self.link.ask(*setup)
        self.ears = [Ear(port) for _ in range(SESSIONS)]
        self.ids = []
        for ear in self.ears:
            ear.say(['CLIENT', 'ID'])
            heard = []
            while not heard:  # it may take a turn to be let in
                self.turn()
                heard = ear.hear()
            self.ids.append(heard[0][1])

    def turn(self):
        """Returns once what was said before has been answered, if it is answered at all."""
        for _ in range(2):
            self.link.ask('PING')

    def step(self, who, request):
        self.ears[who].say([self.ids[(who + 1) % SESSIONS] if word is ID else word for word in request])
        self.turn()
        return self.hear()

    def hear(self):
        return [[self.plain(reply) for reply in ear.hear()] for ear in self.ears]

    def plain(self, reply):
        """A reply without what differs between servers and says nothing."""
        kind, value = reply
        if isinstance(value, list):
            parts = [self.plain(part) for part in value]
            word = parts[0][1] if parts else None
            if word in (b'unsubscribe', b'punsubscribe', b'sunsubscribe'):
                parts[1] = (b'$', b'any')  # of all that is left, in any order
            elif word == b'server':  # HELLO tells a version and an id
                parts[3], parts[7] = (b'$', b'version'), (b':', b'id')
            return kind, parts
        return reply

    def close(self):
        for ear in self.ears:
            ear.socket.close()
        self.link.close()


def sorts(reply):
    """Where a reply stands among those of one step: replies, what has no order, other pushes."""
    kind, value = reply
    if isinstance(value, list) and value and value[0][1] == b'pmessage':
        return 1, repr(reply)
    return 2 if kind == b'>' else 0, ''


def in_order(heard):
    return [sorted((reply for reply in replies if not is_invalidation(reply)), key=sorts) +
            [invalidated(replies)] for replies in heard]


def is_invalidation(reply):
    value = reply[1]
    return isinstance(value, list) and len(value) > 1 and \
        value[-2][1] in (b'invalidate', b'__redis__:invalidate')


def invalidated(replies):
    """Which keys are, in however many messages. Flushing a database that is empty invalidates nothing here;
    and who waits in XREAD has not read anything that could be cached."""
    return sorted({key for reply in replies if is_invalidation(reply)
                   for _, key in reply[1][-1][1] or () if key != b'x1'})


def is_message(reply):
    return isinstance(reply[1], list) and reply[1] and reply[1][0][1] in (b'pmessage', b'message', b'invalidate')


def is_known(request, ours, theirs):
    """What is better here: whoever waits for a stream that goes hears NOGROUP, a consumer is there as
    soon as it reads, no message stands within the reply to EXEC, and who waits for a key is served also
    where something else stood there before."""
    text = repr((ours, theirs))
    return request[0] in ('ZUNIONSTORE', 'SUNIONSTORE', 'SORT', 'COPY', 'RENAME', 'EVAL') and \
        sum(map(len, ours)) > sum(map(len, theirs)) or 'NOGROUP' in text or 'UNBLOCKED the stream' in text or 'xgroup-createconsumer' in text or \
        any(is_message(part) for replies in theirs for kind, value in replies
            if kind == b'*' and isinstance(value, list) for part in value)


def episode(ports, seed, number):
    """Runs one. Returns None, or what was said and heard before the first difference."""
    chance = random.Random('several/%d/%d' % (seed, number))
    events = chance.choice(EVENTS)
    sides = [Side(port, events) for port in ports]
    said, queueing, silent = [], set(), set()
    try:
        for _ in range(STEPS):
            who, request = chance.randrange(SESSIONS), make_request(chance)
            if request[:2] == ['CLIENT', 'REPLY'] and who in queueing or request == ['MULTI'] and who in silent:
                continue  # what goes of the answer to EXEC is nobody's plan
            said.append((who, request))
            heard = [side.step(who, request) for side in sides]
            if request[0] in ('MULTI', 'EXEC', 'DISCARD', 'RESET'):
                (queueing.add if request[0] == 'MULTI' else queueing.discard)(who)
            if request[:2] == ['CLIENT', 'REPLY']:
                (silent.discard if request[2] == 'ON' else silent.add)(who)
            if in_order(heard[0]) == in_order(heard[1]):
                continue
            time.sleep(PATIENCE)
            heard = [[a + b for a, b in zip(one, side.hear())] for one, side in zip(heard, sides)]
            if in_order(heard[0]) != in_order(heard[1]):
                return None if is_known(request, *heard) else (events, said, heard)
    finally:
        for side in sides:
            side.close()
    return None


def tell(trouble, seed, number):
    events, said, (ours, theirs) = trouble
    print('DIFFERENT: --seed %d --episode %d, notify-keyspace-events %r' % (seed, number, events))
    for who, request in said[-80:]:
        print('  %d> %s' % (who, ' '.join('<id>' if word is ID else show_word(word.encode()) for word in request)))
    for who in range(SESSIONS):
        if ours[who] != theirs[who]:
            print('  %d heard  %s' % (who, ' '.join(map(resp.show, ours[who]))))
            print('    oracle %s' % ' '.join(map(resp.show, theirs[who])))
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--server', required=True)
    parser.add_argument('--oracle', default='redis-server')
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--episode', type=int)
    parser.add_argument('--episodes', type=int, default=1 << 30, help='at most so many')
    parser.add_argument('--keep-going', action='store_true')
    args = parser.parse_args()

    print('several: --seed %d' % args.seed)
    folder = tempfile.mkdtemp(prefix='millrace-several-')
    servers = []
    passed = failed = 0
    try:
        servers.append(Server(args.server, folder + '/ours', ['--appendonly', 'no']))
        servers.append(Server(args.oracle, folder + '/oracle', ['--save', '']))
        end = time.time() + args.seconds
        number = args.episode or 0
        args.episodes = max(args.episodes, number + 1)
        while time.time() < end and number < args.episodes and (failed == 0 or args.keep_going):
            try:
                trouble = episode([server.port for server in servers], args.seed, number)
                if trouble:
                    tell(trouble, args.seed, number)
            except (resp.Broken, OSError) as error:
                trouble = error
                print('BROKEN: --seed %d --episode %d: %r' % (args.seed, number, error))
            failed += trouble is not None
            passed += trouble is None
            number += 1
            if args.episode is not None or not all(server.alive() for server in servers):
                break
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print('several: %d passed, %d failed' % (passed, failed))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())

"""Words for requests: what is usual, what lies at an edge, and what is hostile."""

KEYS = {  # by the type that they mostly hold
    't': [b't1', b't2', b't3'],           # text
    'n': [b'n1', b'n2'],                  # numbers
    'b': [b'b1', b'b2'],                  # bits
    'l': [b'l1', b'l2', b'l3'],
    'h': [b'h1', b'h2'],
    's': [b's1', b's2', b's3'],
    'z': [b'z1', b'z2', b'z3'],
    'y': [b'y1', b'y2'],                  # sorted sets of one score: names have an order
    'g': [b'g1', b'g2'],                  # places
    'p': [b'p1', b'p2', b'p3'],           # HyperLogLogs
    'x': [b'x1', b'x2'],                  # streams
    'm': [b'missing'],
}
ALL_KEYS = sorted(key for keys in KEYS.values() for key in keys)
ANY_KEYS = [key for key in ALL_KEYS if key not in KEYS['y']]

INTEGERS = [b'0', b'1', b'-1', b'2', b'3', b'5', b'7', b'10', b'-2', b'-3', b'100', b'1000', b'-100']
EDGES = [b'9223372036854775807', b'-9223372036854775808', b'9223372036854775808',
         b'-9223372036854775809', b'18446744073709551615', b'18446744073709551616', b'2147483647',
         b'2147483648', b'-2147483648', b'-2147483649', b'4294967295', b'4294967296', b'1e5', b'0x10',
         b'+1', b'01', b'-0', b'1.0', b' 1', b'1 ', b'', b'a', b'4611686018427387904',
         b'99999999999999999999999999999999999999', b'9007199254740993', b'-9223372036854775807']
FLOATS = [b'0', b'1', b'-1', b'1.5', b'-2.25', b'0.1', b'3.14159', b'1e10', b'100', b'2.0', b'1e-7',
          b'-0.30000000000000004', b'17', b'123456.789']
FLOAT_EDGES = [b'inf', b'-inf', b'+inf', b'nan', b'-nan', b'Infinity', b'1e308', b'-1e308', b'1e309',
               b'1e-320', b'5e-324', b'1e-400', b'-0', b'-0.0', b'0x1p3', b'1_0', b'', b' 1', b'1 ', b'1e',
               b'.5', b'5.', b'9007199254740993', b'1.7976931348623157e308', b'nan(1)', b'a', b'--1',
               b'1e17', b'12345678901234567890', b'0.1e1', b'1e21', b'123456789012345678901234']
TEXTS = [b'a', b'b', b'c', b'd', b'e', b'foo', b'bar', b'hello world', b'', b'1', b'2', b'3', b'10',
         b'-5', b'1.5', b'x' * 63, b'y' * 64, b'z' * 65, b'\x00\xff\r\n', b'\xc3\xa9', b'w' * 200,
         b'0', b'00', b'12345678901234567890', b'abcabc', b'Hello', b'HELLO', b'9223372036854775807',
         b'v' * 43, b'v' * 44, b'v' * 45, b'-0', b'127', b'128', b'32767', b'32768', b'8388607', b'8388608']
PATTERNS = [b'*', b'a*', b'?', b'[a-c]*', b'h?llo', b'*o*', b'[^a]', b'\\*', b'nothing', b'', b'[', b'**',
            b'[a', b'x*', b'h[^e]llo', b'*1', b't?', b'[z-a]*', b'\\']
IDS = [b'0', b'0-1', b'1', b'1-1', b'1-2', b'2-1', b'3-0', b'5-5', b'10-0', b'10-3', b'100', b'100-5',
       b'18446744073709551615-18446744073709551615', b'18446744073709551615', b'-', b'+', b'0-0']
ID_EDGES = [b'', b'-1', b'1-', b'-1-1', b'a', b'1-a', b'1-1-1', b'18446744073709551616', b'(1-1', b'(', b'(+',
            b'(-', b'$', b'>', b'*', b'1-*', b'5-*', b'0-*', b'1-18446744073709551616', b'01-01',
            b'18446744073709551615-*']
UNITS = [b'm', b'km', b'ft', b'mi', b'KM', b'x']


class Words:
    """Makes words by the name that a template gives them."""

    def __init__(self, random):
        self.random = random

    def one(self, usual, edges=(), rare=0.12):
        if edges and self.random.random() < rare:
            return self.random.choice(edges)
        return self.random.choice(usual)

    def key(self, kind):
        if kind != 'y' and self.random.random() < 0.04:
            return self.random.choice(ANY_KEYS)
        return self.random.choice(KEYS[kind])

    def make(self, name):
        if name.startswith('k.'):
            return self.key(self.random.choice(name[2:]))
        return getattr(self, 'make_' + name)()

    def make_any(self):
        return self.random.choice(ANY_KEYS)

    def make_int(self):
        if self.random.random() < 0.3:
            return b'%d' % self.random.randrange(-20, 40)
        return self.one(INTEGERS, EDGES)

    def make_count(self):  # small, so that replies stay so
        return self.one([b'0', b'1', b'2', b'3', b'5', b'10', b'100'], EDGES + [b'-1', b'-5'], 0.1)

    def make_numkeys(self):
        return self.one([b'1', b'2', b'2', b'2', b'3'], EDGES + [b'0', b'-1'], 0.1)

    def make_float(self):
        if self.random.random() < 0.2:
            return repr(self.random.uniform(-100, 100)).encode()
        return self.one(FLOATS, FLOAT_EDGES)

    def make_score(self):
        if self.random.random() < 0.5:
            return b'%d' % self.random.randrange(-3, 12)
        return self.make_float()

    def make_bound(self):
        head = self.one([b'', b'', b'('], [b'[', b'(('], 0.05)
        return head + self.one([b'-inf', b'+inf', self.make_score(), self.make_score()])

    def make_name(self):  # the bound of a range by names
        return self.one([b'-', b'+', b'[' + self.make_member(), b'(' + self.make_member()],
                        [b'', b'[', b'(', b'a', b'--', b'+x'])

    def make_text(self):
        return self.one(TEXTS)

    def make_member(self):
        if self.random.random() < 0.3:
            return b'm%d' % self.random.randrange(40)
        if self.random.random() < 0.3:
            return b'%d' % self.random.randrange(-50, 300)
        return self.one(TEXTS)

    make_field = make_member
    make_element = make_member

    def make_pattern(self):
        return self.one(PATTERNS)

    def make_offset(self):
        return self.one([b'0', b'1', b'5', b'7', b'8', b'9', b'31', b'63', b'64', b'100', b'1000', b'-1'],
                        [b'4294967295', b'4294967296', b'-5', b'a', b'', b'536870912', b'9223372036854775807',
                         b'#1', b'1e3', b'34359738367999'], 0.07)

    def make_bitoffset(self):
        return self.one([b'0', b'1', b'5', b'8', b'#0', b'#1', b'#3', b'63', b'100'],
                        [b'-1', b'#-1', b'#', b'a', b'', b'9223372036854775807', b'4294967296',
                         b'#9223372036854775807'], 0.07)

    def make_bittype(self):
        return self.one([b'u1', b'u8', b'i8', b'i16', b'u63', b'i64', b'i1', b'u5', b'i33'],
                        [b'u64', b'i65', b'u0', b'i0', b'x8', b'u', b'', b'u8x', b'I8', b'u-1', b'u08'], 0.07)

    def make_bit(self):
        return self.one([b'0', b'1'], [b'2', b'-1', b'a', b''], 0.05)

    def make_id(self):
        if self.random.random() < 0.5:
            return b'%d-%d' % (self.random.randrange(0, 30), self.random.randrange(0, 4))
        return self.one(IDS, ID_EDGES)

    def make_addid(self):
        if self.random.random() < 0.9:
            return b'%d-%d' % (self.random.randrange(1, 200), self.random.randrange(0, 5))
        return self.one([b'0-1', b'1', b'5-*', b'150-*', b'200-*'], ID_EDGES[:-10] + [b'0-0', b'0'])

    def make_group(self):
        return self.one([b'grp', b'grp', b'other', b'none'])

    def make_consumer(self):
        return self.one([b'alice', b'bob', b'carol', b''])

    def make_longitude(self):
        if self.random.random() < 0.9:
            return repr(self.random.gauss(13, 3)).encode()
        return self.one([b'180', b'-180', b'179.5', b'0'], [b'181', b'nan', b'inf', b'a', b'', b'-180.1'], 0.3)

    def make_latitude(self):
        if self.random.random() < 0.9:
            return repr(self.random.gauss(38, 3)).encode()
        return self.one([b'85.05', b'-85.05112878', b'70', b'0'], [b'86', b'nan', b'a', b'', b'-90'], 0.3)

    def make_size(self):
        if self.random.random() < 0.6:
            return repr(self.random.uniform(0, 1000)).encode()
        return self.one([b'0', b'1', b'100', b'500', b'10000'], [b'-1', b'nan', b'inf', b'a', b'', b'1e300'])

    def make_unit(self):
        return self.one(UNITS[:5], UNITS[5:], 0.04)

    def make_date(self):  # seconds since 1970, far from now in either direction
        return self.one([b'4102444800', b'4102444801', b'5000000000', b'9999999999'],
                        EDGES + [b'1', b'0', b'-1', b'1000000000'], 0.2)

    def make_datems(self):
        return self.one([b'4102444800000', b'4102444800001', b'5000000000123'],
                        EDGES + [b'1', b'0', b'-1'], 0.2)

    def make_span(self):  # durations in either unit, never soon over
        return self.one([b'100000', b'500000', b'12345678'], EDGES + [b'0', b'-1'], 0.2)

    def make_timeout(self):
        return self.one([b'0.01', b'0.02'], [b'-1', b'a', b'', b'nan', b'inf', b'1e300', b'-0.1'], 0.2)

    def make_db(self):
        return self.one([b'0', b'1'], [b'-1', b'16', b'a', b'99999999999999999999'], 0.1)

    def make_hostile(self):
        return self.one([b'', b'\x00', b'a' * 1000, b'*', b'-', b'+', b'(', b'[', b'$', b'%s%n', b'\xff\xfe',
                         b'nan', b'inf', b'-inf', b'NX', b'XX', b'COUNT', b'LIMIT', b'GET', b'ASC', b'WITHSCORES',
                         b'STORE', b'LEFT', b'MATCH', b'KEEPTTL', b'BY', b'EX', b'~', b'='] + EDGES + FLOAT_EDGES)

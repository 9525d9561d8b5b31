"""Keys as caches are asked for them."""
import bisect
import itertools
import random


def zipf(count, exponent, seed):
    """Numbers below `count`, without end: a few of them often, most of them seldom."""
    weights = list(itertools.accumulate(1 / (i + 1) ** exponent for i in range(count)))
    chance = random.Random(seed)
    names = list(range(count))
    chance.shuffle(names)
    while True:
        yield names[bisect.bisect_left(weights, chance.random() * weights[-1])]

"""A port for a server under test."""
import random
import socket

# Below those that the kernel gives to whoever connects: a server that is started again
# finds its port free, and nobody's connection has it by chance.
FIRST, LAST = 21000, 31999


def free_port():
    """A port that nobody has just now; others who look at the same time begin elsewhere."""
    while True:
        port = random.SystemRandom().randint(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue

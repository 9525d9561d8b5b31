"""A server as a service of systemd, for files.py: what the manager hears, and in which order."""
import os
import socket

from server_files import Server


class Manager:
    """Listens where NOTIFY_SOCKET says, as systemd does."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(10)

    def hears(self):
        return self.socket.recv(4096).decode().splitlines()

    def close(self):
        self.socket.close()
        os.unlink(self.path)


class Service(Server):
    def __init__(self, manager, program, folder, *options):
        super().__init__(program, folder, *options)
        self.manager = manager

    def environment(self):
        return dict(os.environ, NOTIFY_SOCKET=self.manager.path)


def systemd_hears_that_the_data_is_loaded_and_that_the_end_begins(_server, program, folder):
    manager = Manager(os.path.join(folder, "notify"))
    # What daemonize says does not count: the manager watches the process that it started.
    one = Service(manager, program, os.path.join(folder, "service"), "--appendonly", "yes",
                  "--supervised", "systemd", "--daemonize", "yes")
    try:
        assert one.start(), one.said()
        assert manager.hears() == ["STATUS=Loading data"]
        assert manager.hears() == ["STATUS=Ready to accept connections", "READY=1"]
        assert "process_supervised:systemd" in one.client()("INFO", "server").decode()
        one.end()
        assert manager.hears() == ["STATUS=Ending", "STOPPING=1"]
    finally:
        one.kill()
        manager.close()


CASES = [systemd_hears_that_the_data_is_loaded_and_that_the_end_begins]

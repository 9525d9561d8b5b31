"""The record of a disk, and what a power cut at any step of it would have left.

A file and a folder each have what is durable and what was done since. An fsync makes
durable what was done to one of them before it began; nothing else does. In what was
not made durable a disk is free, so there are several ways to rebuild:

    bare     only what is durable
    process  all that was done: not the power went, but the process
    names    all names, of the bytes only what is durable: renames before data
    zeros    all names and lengths, zeros for the bytes that are not durable
    torn     of names the first few, of bytes each page or not, the end anywhere
    garbage  all names, whole writes up to somewhere, then garbage to the full length

`python3 power_cut.py` checks the rules on small records made by hand.
"""
import os
import random
import struct

STEP = struct.Struct("<IIQQQIIQ")
(CREATE, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, SYNC_FAILED, RENAME, LINK, UNLINK, MKDIR,
 FOLDER_SYNC_BEGIN, FOLDER_SYNC_END) = range(1, 13)
WAYS = ("bare", "names", "zeros", "torn", "garbage", "process")
PAGE = 4096


class Step:
    __slots__ = ("kind", "process", "began", "inode", "offset", "path", "other", "data")

    def __init__(self, kind, process=0, began=0, inode=0, offset=0, path="", other="", data=b""):
        self.kind, self.process, self.began, self.inode = kind, process, began, inode
        self.offset, self.path, self.other, self.data = offset, path, other, data


def read_record(path):
    with open(path, "rb") as file:
        bytes_ = file.read()
    steps, at = [], 0
    while at + STEP.size <= len(bytes_):
        kind, process, began, inode, offset, first, second, length = STEP.unpack_from(bytes_, at)
        at += STEP.size
        name = bytes_[at:at + first].decode()
        other = bytes_[at + first:at + first + second].decode()
        at += first + second
        steps.append(Step(kind, process, began / 1e9, inode, offset, name, other,
                          bytes_[at:at + length]))
        at += length
    return steps


def put(content, offset, data):
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data


class File:
    """What is durable, and the changes since: (offset, bytes), or (length, None)."""

    def __init__(self):
        self.durable = bytearray()
        self.changes = []
        self.lost = set()  # places in `changes` that a failed fsync gave up

    def apply(self, content, changes):
        for offset, data in changes:
            if data is None:
                if len(content) > offset:
                    del content[offset:]
                else:
                    content.extend(bytes(offset - len(content)))
            else:
                put(content, offset, data)
        return content

    def now(self):
        return self.apply(bytearray(self.durable), self.changes)

    def sync(self, count):
        """The first `count` changes become durable, but for those that were given up."""
        self.apply(self.durable, [c for i, c in enumerate(self.changes[:count])
                                  if i not in self.lost])
        self.lost = {i - count for i in self.lost if i >= count}
        del self.changes[:count]

    def cut(self, way, chance):
        if way == "process":
            return self.now()
        content = bytearray(self.durable)
        if way in ("bare", "names") or not self.changes:
            return content
        whole = self.now()
        if way == "zeros":
            return self.with_rest(content, whole, lambda length: bytes(length))
        if way == "garbage":
            kept = chance.randrange(len(self.changes) + 1)
            self.apply(content, self.changes[:kept])
            return self.with_rest(content, whole, chance.randbytes)
        # torn: each page of what was written is on disk or not; the length is some length
        for page in range(0, len(whole), PAGE):
            if chance.random() < 0.5:
                put(content, page, whole[page:page + PAGE])
        longest = max(len(self.durable), len(whole))
        shortest = min(len(self.durable), len(whole))
        del content[chance.randint(shortest, longest):]
        return content

    @staticmethod
    def with_rest(content, whole, fill):
        """To the full length, but never less than what is durable."""
        if len(whole) > len(content):
            content.extend(fill(len(whole) - len(content)))
        return content


class Folder:
    """Names by their inode: durable ones, and changes since: [(name, inode or None), ...]."""

    def __init__(self):
        self.durable = {}
        self.changes = []

    @staticmethod
    def apply(names, changes):
        for change in changes:
            for name, inode in change:
                if inode is None:
                    names.pop(name, None)
                else:
                    names[name] = inode
        return names

    def now(self):
        return self.apply(dict(self.durable), self.changes)

    def sync(self, count):
        self.apply(self.durable, self.changes[:count])
        del self.changes[:count]

    def cut(self, way, chance):
        if way == "bare":
            return dict(self.durable)
        if way == "torn":
            return self.apply(dict(self.durable),
                              self.changes[:chance.randrange(len(self.changes) + 1)])
        return self.now()


class Machine:
    """Goes through steps one by one; may be cut between any two."""

    def __init__(self):
        self.files = {}
        self.folders = {"": Folder()}
        self.begun = {}

    @staticmethod
    def split(path):
        folder, _, name = path.rpartition("/")
        return folder, name

    def step(self, step):
        getattr(self, "_%d" % step.kind)(step)

    def _1(self, step):  # CREATE
        folder, name = self.split(step.path)
        self.files[step.inode] = File()
        self.folders[folder].changes.append([(name, step.inode)])

    def _2(self, step):  # WRITE
        self.files[step.inode].changes.append((step.offset, step.data))

    def _3(self, step):  # TRUNCATE
        self.files[step.inode].changes.append((step.offset, None))

    def _4(self, step):  # SYNC_BEGIN
        file = self.files[step.inode]
        self.begun[step.offset] = [file, len(file.changes)]

    def _5(self, step):  # SYNC_END
        file, count = self.begun.pop(step.offset)
        file.sync(count)
        for other in self.begun.values():  # of the same file, begun meanwhile
            if other[0] is file:
                other[1] = max(0, other[1] - count)

    def _6(self, step):  # SYNC_FAILED: the kernel holds the pages for clean from now on
        file = self.files[step.inode]
        file.lost.update(range(len(file.changes)))

    def _7(self, step):  # RENAME
        (here, old), (there, new) = self.split(step.path), self.split(step.other)
        inode = self.folders[here].now()[old]
        if here == there:
            self.folders[here].changes.append([(old, None), (new, inode)])
        else:
            self.folders[there].changes.append([(new, inode)])
            self.folders[here].changes.append([(old, None)])

    def _8(self, step):  # LINK
        (here, old), (there, new) = self.split(step.path), self.split(step.other)
        self.folders[there].changes.append([(new, self.folders[here].now()[old])])

    def _9(self, step):  # UNLINK
        folder, name = self.split(step.path)
        self.folders[folder].changes.append([(name, None)])

    def _10(self, step):  # MKDIR
        folder, name = self.split(step.path)
        self.folders[step.path] = Folder()
        self.folders[folder].changes.append([(name, "/" + step.path)])

    def _11(self, step):  # FOLDER_SYNC_BEGIN
        folder = self.folders[step.path]
        self.begun[step.offset] = [folder, len(folder.changes)]

    def _12(self, step):  # FOLDER_SYNC_END
        self._5(step)

    def rebuild(self, target, way, chance, path=""):
        """Writes what a cut now would leave."""
        os.makedirs(target, exist_ok=True)
        for name, inode in self.folders[path].cut(way, chance).items():
            if isinstance(inode, str):
                self.rebuild(os.path.join(target, name), way, chance, inode[1:])
            elif inode in self.files:
                with open(os.path.join(target, name), "wb") as file:
                    file.write(self.files[inode].cut(way, chance))


# ---- The rules, on records made by hand ----

def left(steps, way, seed=1):
    import shutil
    import tempfile
    machine = Machine()
    for step in steps:
        machine.step(step)
    folder = tempfile.mkdtemp()
    machine.rebuild(folder, way, random.Random(seed))
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), "rb") as file:
                found[os.path.relpath(os.path.join(where, name), folder)] = file.read()
    shutil.rmtree(folder)
    return found


def check_rules():
    sync = [Step(SYNC_BEGIN, inode=1, offset=7), Step(SYNC_END, inode=1, offset=7)]
    names = [Step(FOLDER_SYNC_BEGIN, path="", offset=8), Step(FOLDER_SYNC_END, offset=8)]
    made = [Step(CREATE, inode=1, path="a"), Step(WRITE, inode=1, data=b"hello")]
    # A file is durable in two steps, its bytes and its name.
    assert left(made, "bare") == {}
    assert left(made + sync, "bare") == {}
    assert left(made + names, "bare") == {"a": b""}
    assert left(made + sync + names, "bare") == {"a": b"hello"}
    assert left(made, "process") == {"a": b"hello"}
    assert left(made, "names") == {"a": b""}
    assert left(made, "zeros") == {"a": bytes(5)}
    assert len(left(made, "garbage")["a"]) == 5
    # What is written while an fsync runs is not covered by it.
    during = made + sync[:1] + [Step(WRITE, inode=1, offset=5, data=b"!")] + sync[1:] + names
    assert left(during, "bare") == {"a": b"hello"} and left(during, "process") == {"a": b"hello!"}
    # Nor what was written before one that failed, by the next that does not.
    failed = made + [Step(SYNC_FAILED, inode=1), Step(WRITE, inode=1, offset=5, data=b"!")] + sync
    assert left(failed + names, "bare") == {"a": bytes(5) + b"!"}
    # Written anew it is.
    again = failed + [Step(WRITE, inode=1, data=b"again!")] + sync + names
    assert left(again, "bare") == {"a": b"again!"}
    # A rename is nothing until the folder is synced, and takes its bytes with it or not.
    renamed = made + names + [Step(RENAME, path="a", other="b")]
    assert left(renamed, "bare") == {"a": b""} and left(renamed, "names") == {"b": b""}
    assert left(renamed + names, "bare") == {"b": b""}
    assert set(tuple(left(renamed, "torn", seed)) for seed in range(20)) == {("a",), ("b",)}
    # Cut short, and not durably.
    short = made + sync + names + [Step(TRUNCATE, inode=1, offset=2)]
    assert left(short, "bare") == {"a": b"hello"} and left(short, "process") == {"a": b"he"}
    assert left(short + sync, "bare") == {"a": b"he"}
    # Removed, and there again.
    gone = made + sync + names + [Step(UNLINK, path="a")]
    assert left(gone, "bare") == {"a": b"hello"} and left(gone, "process") == {}
    # Folders in folders.
    below = [Step(MKDIR, path="d"), Step(CREATE, inode=2, path="d/f")]
    inner = [Step(FOLDER_SYNC_BEGIN, path="d", offset=9), Step(FOLDER_SYNC_END, offset=9)]
    assert left(below + inner, "bare") == {} and left(below + inner + names, "bare") == {"d/f": b""}
    # Two fsyncs at a time.
    two = made + [Step(SYNC_BEGIN, inode=1, offset=1), Step(WRITE, inode=1, offset=5, data=b"!"),
                  Step(SYNC_BEGIN, inode=1, offset=2), Step(SYNC_END, inode=1, offset=1),
                  Step(SYNC_END, inode=1, offset=2)] + names
    assert left(two, "bare") == {"a": b"hello!"}
    print("power_cut: the rules hold")


if __name__ == "__main__":
    check_rules()

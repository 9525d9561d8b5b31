#!/usr/bin/env python3
"""Does what README.md says, literally: readme.py PORT [README]

Console blocks are run line by line, and each line must answer what is printed below it, as on a
terminal; Python blocks must print the block that follows them. All of it in the order of the page
and on one server, as a reader would. IDs of stream entries differ from run to run: those of the
page are replaced by those that came. Every link to a file must lead somewhere.

Whatever talks to the standard port is sent to PORT. Last line: readme: N passed, N failed.
"""
import os, re, select, shutil, subprocess, sys, tempfile, time

ID = re.compile(r"\b\d{13}-\d+\b")
ELSEWHERE = "# in one terminal"
PATIENCE = 10

# Python programs of the page use the standard port; this file is read before they begin.
REDIRECTION = """
import os
try:
    import redis
except ImportError:
    redis = None
if redis:
    class Redis(redis.Redis):
        def __init__(self, host="127.0.0.1", port=None, **options):
            super().__init__(host, port or int(os.environ["PORT"]), **options)
    redis.Redis = Redis
"""


class Running:
    """A command of the page, and what it has said so far."""

    def __init__(self, line, environment):
        self.said = ""
        self.process = subprocess.Popen(["sh", "-c", "exec " + line], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.file = self.process.stdout.fileno()

    def hear(self, enough):
        """Reads until the command ends, or has said enough, or patience does."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not enough(self.said):
            if not select.select([self.file], [], [], 0.1)[0]:
                continue
            part = os.read(self.file, 65536)
            if not part:
                break
            self.said += part.decode()
        return self.said

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def blocks(page):
    """The kind, the line number and the lines of each fenced block."""
    found, kind = [], None
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("```"):
            if kind is None:
                kind, begin, lines = line[3:].strip(), number + 1, []
            else:
                found.append((kind, begin, lines))
                kind = None
        elif kind is not None:
            lines.append(line)
    return found


class Reader:
    def __init__(self, environment):
        self.environment, self.ids = environment, {}
        self.passed = self.failed = 0

    def known(self, text):
        return ID.sub(lambda found: self.ids.get(found.group(), found.group()), text)

    def judge(self, where, what, expected, heard):
        for theirs, ours in zip(ID.findall(expected), ID.findall(heard)):
            self.ids.setdefault(theirs, ours)
        if self.known(expected).strip() == heard.strip():
            self.passed += 1
            return
        self.failed += 1
        print(f"README.md:{where}: {what}\n  should say\n{expected}\n  and says\n{heard}")

    def console(self, begin, lines):
        steps, waiting = [], []
        for number, line in enumerate(lines, begin):
            if line.startswith("$ "):
                steps.append((number, line[2:], []))
            else:
                steps[-1][2].append(line)
        for number, line, answer in steps:
            expected = "\n".join(answer)
            running = Running(self.known(line), self.environment)
            if ELSEWHERE in line:
                # It has to listen before the other lines are said; the rest is heard after them.
                first = expected.count("subscribe") + 1
                running.hear(lambda said: said.count("(integer)") + 1 >= first)
                waiting.append((number, line, expected, running))
                continue
            self.judge(number, line, expected, running.hear(lambda said: False))
            running.close()
        for number, line, expected, running in waiting:
            self.judge(number, line, expected,
                       running.hear(lambda said: len(said.strip()) >= len(expected.strip())))
            running.close()

    def python(self, begin, lines, expected):
        done = subprocess.run([sys.executable, "-c", "\n".join(lines)], env=self.environment,
                              capture_output=True, text=True, timeout=60)
        self.judge(begin, "the program", "\n".join(expected), done.stdout + done.stderr)

    def links(self, page, folder):
        for number, line in enumerate(page.splitlines(), 1):
            for target in re.findall(r"\]\(([^)#]+)\)", line):
                if "://" in target:
                    continue
                found = os.path.exists(os.path.join(folder, target))
                self.judge(number, "a link", target, target if found else "nothing is there")


def surroundings(folder, port):
    """An environment in which the standard port is another one."""
    for program in ("redis-cli", "millrace-cli"):
        real = shutil.which(program)
        if real:
            path = os.path.join(folder, program)
            with open(path, "w") as file:
                file.write(f'#!/bin/sh\nexec {real} --no-raw -p {port} "$@"\n')
            os.chmod(path, 0o755)
    with open(os.path.join(folder, "sitecustomize.py"), "w") as file:
        file.write(REDIRECTION)
    return dict(os.environ, PORT=port, PATH=folder + ":" + os.environ["PATH"], PYTHONPATH=folder,
                TERM="dumb", HOME=folder, PYTHONDONTWRITEBYTECODE="1")


def main():
    port = sys.argv[1]
    path = sys.argv[2] if len(sys.argv) > 2 else "README.md"
    with open(path) as file:
        page = file.read()
    with tempfile.TemporaryDirectory(prefix="millrace-readme-") as folder:
        reader = Reader(surroundings(folder, port))
        have_redis = subprocess.run([sys.executable, "-c", "import redis"],
                                    capture_output=True).returncode == 0
        everything = blocks(page)
        for (kind, begin, lines), following in zip(everything, everything[1:] + [("", 0, [])]):
            if kind == "console":
                reader.console(begin, lines)
            elif kind == "python" and have_redis:
                reader.python(begin, lines, following[2])
        reader.links(page, os.path.dirname(os.path.abspath(path)))
    skipped = "" if have_redis else ", 1 skipped"
    print(f"readme: {reader.passed} passed, {reader.failed} failed{skipped}")
    return reader.failed > 0


if __name__ == "__main__":
    sys.exit(main())

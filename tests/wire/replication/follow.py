#!/usr/bin/env python3
"""A replica: of redis-server, of its own kind, and of primaries that lie.

    follow.py MILLRACE [REDIS-SERVER] [CASE ...]

Each case is a function whose name is the sentence it proves. Last line:
follow: N passed, N failed, N skipped.
"""
import shutil
import sys
import time
import traceback

from follow_kit import FOLDER, cases, end_all, servers
import follow_redis  # noqa: F401
import follow_kin    # noqa: F401
import follow_liars  # noqa: F401


def main():
    wanted = sys.argv[3:]
    passed = failed = 0
    for one in cases:
        if wanted and one.__name__ not in wanted:
            continue
        began = time.time()
        try:
            one()
            passed += 1
            print("ok      %s (%.1f s)" % (one.__name__.replace("_", " "), time.time() - began))
        except Exception:
            failed += 1
            print("FAILED  %s" % one.__name__.replace("_", " "))
            traceback.print_exc(file=sys.stdout)
        finally:
            for each in servers:
                if each.process is not None and each.process.poll() is not None:
                    print("        %s ended with %s\n%s" %
                          (each.program, each.process.returncode, each.said()[-1500:]))
            end_all()
        sys.stdout.flush()
    shutil.rmtree(FOLDER, ignore_errors=True)
    print("follow: %d passed, %d failed, 0 skipped" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

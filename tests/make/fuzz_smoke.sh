#!/bin/sh
# Every fuzzer for some seconds, two at a time: fuzz_smoke.sh BUILD SECONDS FUZZER ...
# What one finds is kept in BUILD/fuzz-found. Last line: N passed, N failed.
set -u
build=$1 seconds=$2
shift 2
passed=0 failed=0
mkdir -p "$build/test" "$build/fuzz-found"

begin() { # begin NAME: in the background
    mkdir -p "$build/corpus/$1"
    seeds=tests/fuzz/seeds/$1
    [ -d "$seeds" ] || seeds=
    "$build/fuzz_$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2560 -verbosity=1 \
        -artifact_prefix="$build/fuzz-found/$1-" "$build/corpus/$1" $seeds \
        >"$build/test/fuzz_$1.log" 2>&1 </dev/null &
}
end() { # end NAME PID
    if wait "$2"; then
        passed=$((passed + 1))
        printf '  ok      %-16s %s\n' "$1" "$(tail -1 "$build/test/fuzz_$1.log")"
    else
        failed=$((failed + 1))
        printf '  FAILED  %-16s %s\n' "$1" "$build/test/fuzz_$1.log"
        tail -40 "$build/test/fuzz_$1.log" | sed 's/^/          | /'
    fi
}
while [ $# -gt 0 ]; do
    begin "$1"; first=$!
    if [ $# -gt 1 ]; then
        begin "$2"; second=$!
        end "$1" "$first"; end "$2" "$second"
        shift
    else
        end "$1" "$first"
    fi
    shift
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

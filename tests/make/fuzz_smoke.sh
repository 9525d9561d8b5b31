#!/bin/sh
# Every fuzzer for some seconds, two at a time: [SEED=N] fuzz_smoke.sh BUILD SECONDS FUZZER ...
# What one finds is kept in BUILD/fuzz-found. Last line: N passed, N failed.
# With SEED each begins from the seeds in tests/fuzz alone and tries the same inputs in the same
# order, as far as its seconds reach; without, it goes on at random from what earlier runs kept.
# Where things lie in memory is compared too and steers the search: with SEED it is not shuffled.
set -u
build=$1 seconds=$2
shift 2
passed=0 failed=0
mkdir -p "$build/test" "$build/fuzz-found"
still=
if [ -n "${SEED:-}" ] && setarch -R true 2>/dev/null; then
    still='setarch -R'
fi

begin() { # begin NAME: in the background
    corpus=$build/corpus/$1 chance=
    if [ -n "${SEED:-}" ]; then
        corpus=$build/corpus/seeded/$1 chance=-seed=$SEED
        rm -rf "$corpus"
    fi
    mkdir -p "$corpus"
    seeds=tests/fuzz/seeds/$1
    [ -d "$seeds" ] || seeds=
    $still "$build/fuzz_$1" $chance -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2560 -verbosity=1 \
        -artifact_prefix="$build/fuzz-found/$1-" "$corpus" $seeds \
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

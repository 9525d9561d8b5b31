#!/bin/sh
# Every workload of millrace-bench for half a second against a running server.
# bench_smoke.sh BENCH PORT [HOST]
#
# Passes if the run ends well, every workload counts something and nothing is lost, in a closed
# and in an open loop, with one thread and with two; and if bad options are refused.
set -eu
bench=$1
port=$2
host=${3:-127.0.0.1}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

complain() {
    echo "bench_smoke: $1"
    cat "$folder/table"
    exit 1
}

# run NAME OPTIONS...: one run, all of whose figures must be there.
run() {
    name=$1
    shift
    "$bench" -h "$host" -p "$port" -r 1000 --seconds 0.5 --subscribers 10 --json "$folder/json" "$@" \
        >"$folder/table" 2>&1 || complain "$name: status $?"
    lines=$(grep -c '"per_second"' "$folder/json")
    [ "$lines" -eq 13 ] || complain "$name: $lines measures, not 13"
    if grep -qE '"(count|per_second|p50)":[[:space:]]*0,?$' "$folder/json"; then
        complain "$name: a count of nothing"
    fi
    if grep -qE '"missing":[[:space:]]*[1-9]' "$folder/json"; then complain "$name: something is missing"; fi
    if grep -q '"trouble"' "$folder/json"; then complain "$name: trouble"; fi
}

run plain
run pipelined -P 16 -t 2
run open --rate 500 -t 2

for bad in '-p none' '-c 0' '--workloads nothing' '--rate -1' '--compare nowhere' '--nonsense'; do
    status=0
    # shellcheck disable=SC2086
    "$bench" $bad >"$folder/table" 2>&1 || status=$?
    [ "$status" -eq 2 ] && grep -q '^millrace-bench: ' "$folder/table" || complain "$bad: status $status"
done
echo "9 workloads, plain, pipelined and at a rate; 6 bad options refused"
echo "bench_smoke: 9 passed, 0 failed"

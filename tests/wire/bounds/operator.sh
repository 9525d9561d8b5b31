#!/bin/sh
# The operator's exercise with stock redis-cli: operator.sh BINARY
#
# --maxmemory 1mb with noeviction: writes in a loop end in the OOM error while reads work.
# With allkeys-lru old keys go and new ones stay. Stock redis-cli looks for large and hot keys.
set -u
binary=${1:?usage: operator.sh BINARY}
command -v redis-cli >/dev/null || { echo "no redis-cli here"; echo "operator: 0 passed, 0 failed"; exit 0; }
folder=$(mktemp -d /tmp/millrace-operator-XXXXXX) || exit 1
port=$((22000 + $$ % 4000))
while redis-cli -p "$port" ping >/dev/null 2>&1; do port=$((port + 1)); done
"$binary" --port "$port" --bind 127.0.0.1 --dir "$folder" --save '' --maxmemory 1mb \
    --maxmemory-policy noeviction >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
passed=0 failed=0
claim() { # claim WHAT COMMAND ...: holds if the command succeeds
    what=$1
    shift
    if "$@"; then passed=$((passed + 1)); echo "  ok      $what"
    else failed=$((failed + 1)); echo "  FAILED  $what"; fi
}
cli() { redis-cli -p "$port" "$@"; }
for wait in 1 2 3 4 5 6 7 8 9 10; do cli ping 2>/dev/null | grep -q PONG && break; sleep 0.2; done

value=$(printf '%0512d' 0)
i=0
while [ "$i" -lt 4000 ]; do echo "SET key:$i $value"; i=$((i + 1)); done >"$folder/writes"
cli <"$folder/writes" >"$folder/said" 2>&1
written=$(grep -c '^OK' "$folder/said")
refused=$(grep -c "OOM command not allowed when used memory > 'maxmemory'" "$folder/said")
claim "noeviction: $written writes of 512 bytes fit in 1 MB, $refused are refused with OOM" \
    [ "$written" -gt 800 -a "$refused" -gt 1000 -a $((written + refused)) -eq 4000 ]
claim "reads work meanwhile" [ "$(cli get key:7)" = "$value" ]
claim "deletes work meanwhile" [ "$(cli del key:7)" = 1 ]
claim "nothing was evicted" sh -c "redis-cli -p $port info stats | grep -q 'evicted_keys:0'"

cli config set maxmemory-policy allkeys-lru >/dev/null
sed 's/key:/new:/' "$folder/writes" | cli >"$folder/said" 2>&1
claim "allkeys-lru: all 4000 writes succeed" [ "$(grep -c '^OK' "$folder/said")" = 4000 ]
claim "the newest keys are there" [ "$(cli exists new:3999 new:3998 new:3997)" = 3 ]
claim "the old ones went" [ "$(cli exists key:1 key:2 key:3 key:4 new:1 new:2)" -le 1 ]
used=$(cli info memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')
# Room is made before a write; since then there was the last write, and somebody who asks.
claim "used_memory is $used, within 1 MB" [ "$used" -le $((1048576 + 16384)) ]

cli config set maxmemory 0 >/dev/null
cli config set maxmemory-policy allkeys-lfu >/dev/null
cli rpush list a b c d e >/dev/null
cli setrange large 100000 x >/dev/null
i=0
while [ "$i" -lt 500 ]; do echo "GET large"; i=$((i + 1)); done | cli >/dev/null
cli --bigkeys >"$folder/said" 2>&1
claim "redis-cli --bigkeys finds the largest string and list" \
    sh -c "grep -q 'Biggest string found .\"*large' $folder/said && grep -q 'Biggest *list found .\"*list' $folder/said"
cli --memkeys >"$folder/said" 2>&1
claim "redis-cli --memkeys finds it too" grep -q 'Biggest string found .*large.* has 1[0-9]* bytes' "$folder/said"
cli --hotkeys >"$folder/said" 2>&1
claim "redis-cli --hotkeys finds the hot key" grep -q 'hot key found with counter: [0-9]*.*large' "$folder/said"
echo "operator: $passed passed, $failed failed"
[ "$failed" -eq 0 ]

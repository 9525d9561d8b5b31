#!/bin/sh
# Instructions that the server spends on one request: callgrind.sh BUILD [REQUESTS [PIPELINE]]
#
# Ten standard commands, one connection; so many requests are sent at once, 1 unless
# told. The same commands as in tests/bench/compare.py. Unlike time, the numbers are the same on a busy machine.
set -u
build=$1 requests=${2:-2000} pipeline=${3:-1}
folder=$(mktemp -d /tmp/millrace-callgrind-XXXXXX) || exit 1
trap 'kill -KILL "$server" 2>/dev/null; rm -rf "$folder"' EXIT # it may want to save
trap 'exit 1' INT TERM
port=$((21000 + $$ % 6000))

valgrind -q --tool=callgrind --callgrind-out-file="$folder/out" \
    "$build/millrace" --port "$port" --bind 127.0.0.1 --dir "$folder" >"$folder/log" 2>&1 </dev/null &
server=$!
until redis-cli -p "$port" ping 2>/dev/null | grep -q PONG; do
    kill -0 "$server" 2>/dev/null || { cat "$folder/log"; exit 1; }
    sleep 0.2
done
dumps=0
measure() { # measure NAME WORD ...
    name=$1
    shift
    redis-benchmark -p "$port" -c 1 -n 200 -r 1000 -q "$@" >/dev/null 2>&1 # what happens once
    callgrind_control --zero "$server" >/dev/null 2>&1
    redis-benchmark -p "$port" -c 1 -P "$pipeline" -n "$requests" -r 1000 -q "$@" >/dev/null 2>&1
    callgrind_control --dump "$server" >/dev/null 2>&1
    dumps=$((dumps + 1))
    total=$(sed -n 's/^totals: //p' "$folder/out.$dumps")
    printf '  %-10s %7d\n' "$name" $((total / requests))
}
echo "  instructions a request"
measure GET GET key:__rand_int__
measure SET SET key:__rand_int__ xxxxxxxxxxxxxxxx
measure INCR INCR counter:__rand_int__
measure LPUSH LPUSH list element
measure RPOP RPOP list
measure SADD SADD set element:__rand_int__
measure HSET HSET hash field:__rand_int__ value
measure ZADD ZADD zset __rand_int__ element:__rand_int__
measure XADD XADD stream MAXLEN '~' 100000 '*' field value
measure PUBLISH PUBLISH channel message

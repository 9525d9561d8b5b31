# redis-cli: one-shot, quoting, raw, pipes, scan, RESP3, latency, pub/sub.
set -eu
cli() { redis-cli -p "$PORT" "$@"; }
same() { [ "$1" = "$2" ] || { echo "expected: $2"; echo "got:      $1"; exit 1; }; }

cli flushall >/dev/null
same "$(cli set greeting 'hello world')" OK
same "$(cli get greeting)" "hello world"
same "$(cli --no-raw get greeting)" '"hello world"'
same "$(cli --no-raw get nothing)" '(nil)'
same "$(cli --no-raw rpush l a b c)" '(integer) 3'
same "$(cli --no-raw lrange l 0 -1)" '1) "a"
2) "b"
3) "c"'
same "$(cli --no-raw lpush greeting x)" '(error) WRONGTYPE Operation against a key holding the wrong kind of value'
same "$(cli -3 --no-raw hgetall nothing)" '(empty hash)'
cli hset h f v >/dev/null
same "$(cli -3 --no-raw hgetall h)" '1# "f" => "v"'
same "$(cli -r 3 incr n | tail -1)" 3
same "$(cli -n 5 dbsize)" 0
same "$(printf 'value\n' | cli -x set piped; cli get piped)" 'OK
value'
same "$(printf 'set a 1\nincr a\nget a\n' | cli)" 'OK
2
2'
same "$(cli -u "redis://127.0.0.1:$PORT/3" set inthree 1)" OK
same "$(cli --csv lrange l 0 -1)" '"a","b","c"'
same "$(cli --json -3 hgetall h)" '{"f":"v"}'
i=0
while [ $i -lt 2000 ]; do printf 'SET scan:%d %d\r\n' $i $i; i=$((i + 1)); done | cli --pipe | grep -q 'errors: 0, replies: 2000'
same "$(cli --scan --pattern 'scan:*' | sort -u | wc -l)" 2000
cli --bigkeys >/dev/null
timeout 2 redis-cli -p "$PORT" --latency >/dev/null || true
timeout 2 redis-cli -p "$PORT" subscribe news >"$FOLDER/heard" &
sleep 0.5
same "$(cli publish news hello)" 1
wait $! || true
grep -q hello "$FOLDER/heard"
cli command docs get >/dev/null
cli info >/dev/null
cli client list | grep -q 'cmd=client|list'
# A terminal asks for COMMAND DOCS to complete words; its own prompt must come up.
printf 'ping\nquit\n' | cli | grep -q PONG
cli flushall >/dev/null
echo "one-shot, RESP3, pipes, scan, subscribe"

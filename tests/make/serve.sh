#!/bin/sh
# Runs the broker for `make run`: serve.sh run PORT DATA BUILD
#
# Says first what will run, where, how durable it is, and what to try.
# serve.sh check PORT only looks whether the port is free, before anything is built.
set -u
port=$2

case $port in
'' | *[!0-9]*) echo "make run: PORT must be a number, not '$port'" >&2; exit 1 ;;
esac
if [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
    echo "make run: PORT must be from 1 to 65535, not $port" >&2
    exit 1
fi
# A listener's line in the kernel's table has the port in hexadecimal and the state 0A.
if cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$port") [0-9A-F]+:0000 0A "; then
    echo "make run: port $port is taken by another program." >&2
    echo "          Choose one that is free:  make run PORT=$((port + 1))" >&2
    exit 1
fi
[ "$1" = run ] || exit 0
data=$3 build=$4
mkdir -p "$data" || exit 1
[ "$port" -eq 6379 ] && at='' || at=" -p $port"
[ "$port" -eq 6379 ] && demo='' || demo=" PORT=$port"
cat <<TEXT

  Millrace $("$build/millrace" --version | sed -E 's/.* millrace_version=([^ ]+).*/\1/') on 127.0.0.1:$port    (Ctrl-C ends it in good order)
  data in $data/appendonlydir: every write is logged, and on disk within a second
  (appendfsync everysec; "always" waits for the disk before each reply)

  Try, in another terminal:
$(printf '    %-56s %s\n' "$build/millrace-cli$at set greeting hello" 'one command' \
    "$build/millrace-cli$at" 'a prompt, with TAB and hints' \
    "make demo$demo" 'producers, workers, a crash, an audit')

TEXT
exec "$build/millrace" --bind 127.0.0.1 --port "$port" --dir "$data" --appendonly yes

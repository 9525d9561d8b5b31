#!/bin/sh
# Stock programs, unmodified, against a server: run.sh BINARY [NAME ...]
#
# Starts the binary in a temporary folder, runs every check of this folder
# against it (or those named), and stops it by its pid. A check whose Debian
# package is missing is skipped. Last line: stock: N passed, N failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:?usage: run.sh BINARY [NAME ...]}
shift
folder=$(mktemp -d /tmp/millrace-stock-XXXXXX)
python=/usr/bin/python3
PYTHONPATH= "$python" -c '' 2>/dev/null || python=python3

port=$("$python" - <<'PY'
import socket
for port in range(21500, 30000):
    probe = socket.socket()
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break
PY
)
case $(basename "$binary") in
redis-server*) set_up="--save" ;;
*) set_up="" ;;
esac
${binary} --port "$port" --bind 127.0.0.1 --dir "$folder" --appendonly yes --appendfsync everysec \
    ${set_up:+--save ""} >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

tries=0
until redis-cli -p "$port" ping 2>/dev/null | grep -q PONG; do
    tries=$((tries + 1))
    if [ "$tries" -gt 200 ] || ! kill -0 "$server" 2>/dev/null; then
        echo "stock: $binary does not answer"; tail -5 "$folder/log"
        echo "stock: 0 passed, 1 failed"
        exit 1
    fi
    sleep 0.05
done

passed=0 failed=0 skipped=0
for check in "$here"/check_*; do
    name=$(basename "$check"); name=${name#check_}; name=${name%.*}
    if [ $# -gt 0 ]; then case " $* " in *" $name "*) ;; *) continue ;; esac; fi
    case $check in *.py) shell=$python ;; *) shell=sh ;; esac
    PORT=$port FOLDER=$folder PYTHON=$python timeout 120 "$shell" "$check" >"$folder/out" 2>&1
    case $? in
    0) passed=$((passed + 1)); echo "  ok      $name: $(tail -1 "$folder/out")" ;;
    77) skipped=$((skipped + 1)); echo "  skipped $name: $(tail -1 "$folder/out")" ;;
    *) failed=$((failed + 1)); echo "  FAILED  $name"; tail -30 "$folder/out" | sed 's/^/          /' ;;
    esac
    if ! kill -0 "$server" 2>/dev/null; then
        echo "  the server is gone; its log ends with:"; tail -20 "$folder/log"
        failed=$((failed + 1)); break
    fi
done
echo "stock: $passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]

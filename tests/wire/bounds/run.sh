#!/bin/sh
# What keeps within bounds: run.sh BINARY [CHECK ...]
#
# Runs every check of this folder, or those named, each with servers of its own. Set LONG=1 for
# the long versions, which take up to ten minutes each, and ORACLE=redis-server to compare with it
# where a check can. At the end come the verdicts on what the broker must show, by number.
# Last line: bounds: N passed, N failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:?usage: run.sh BINARY [CHECK ...]}
shift
python=/usr/bin/python3
"$python" -c '' 2>/dev/null || python=python3
passed=0 failed=0
said=$(mktemp) || exit 1
verdicts=$(mktemp) || exit 1
trap 'rm -f "$said" "$verdicts"' EXIT
for check in "$here"/*.py "$here"/*.sh; do
    name=$(basename "$check"); name=${name%.*}
    case $name in run | link | crowd | evict_trace) continue ;; esac
    if [ $# -gt 0 ]; then case " $* " in *" $name "*) ;; *) continue ;; esac; fi
    case $check in *.py) shell=$python ;; *) shell=sh ;; esac
    echo "$name"
    case $name in
    cache_and_queues | evict_quality | delivery_cost) oracle=${ORACLE:-} ;;
    *) oracle= ;;
    esac
    timeout "${LIMIT:-3600}" "$shell" "$check" "$binary" ${oracle:+"$oracle"} >"$said" 2>&1
    status=$?
    grep -v '^VERDICT' "$said"
    sed -n "s/^VERDICT/  ($name) point/p" "$said" >>"$verdicts"
    counts=$(sed -n 's/^[a-z0-9_]*: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$said" | tail -1)
    good=${counts%% *} bad=${counts##* }
    if [ -z "$counts" ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
        good=${good:-0} bad=1
    fi
    passed=$((passed + good)) failed=$((failed + bad))
done
if [ -s "$verdicts" ]; then
    echo "verdicts"
    cat "$verdicts"
fi
echo "bounds: $passed passed, $failed failed"
[ "$failed" -eq 0 ]

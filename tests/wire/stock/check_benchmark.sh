# The whole default redis-benchmark, and again with a pipeline of 16.
set -eu
command -v redis-benchmark >/dev/null || { echo "no redis-benchmark"; exit 77; }
redis-benchmark -p "$PORT" -n 2000 -q >"$FOLDER/plain" 2>&1
redis-benchmark -p "$PORT" -n 8000 -P 16 -q >"$FOLDER/deep" 2>&1
for file in plain deep; do
    if tr '\r' '\n' <"$FOLDER/$file" | grep -iE '^(error|.*(ERR|WRONGTYPE))'; then exit 1; fi
    tests=$(tr '\r' '\n' <"$FOLDER/$file" | grep -c 'requests per second')
    [ "$tests" -ge 20 ] || { echo "only $tests results in $file"; cat "$FOLDER/$file"; exit 1; }
done
redis-cli -p "$PORT" flushall >/dev/null
echo "$tests workloads, plain and -P 16"

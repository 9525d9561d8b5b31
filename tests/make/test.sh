#!/bin/sh
# Runs stages of tests and counts: test.sh BUILD STAGE ...
#
# What a stage prints goes to BUILD/test/STAGE.log and is shown if it fails. Every
# program ends with what it counted, in one of the forms that counts() below knows. Last line: N passed, N failed.
set -u
build=$1
shift
# A make of its own: a server that outlived its test would hold the pipe of ours, which waits for it.
unset MAKEFLAGS MFLAGS MAKELEVEL
[ -z "${LONG:-}" ] || rounds=500
rounds=${ROUNDS:-${rounds:-50}}
logs=$build/test
passed=0 failed=0 skipped=0
servers=''
mkdir -p "$logs"
folder=$(mktemp -d /tmp/millrace-test-XXXXXX) || exit 1
end() {
    for pid in $servers; do kill "$pid" 2>/dev/null; done
    wait # a server that is ending still writes into the folder
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 1' INT TERM

PATH=$PATH:$(sh tests/make/oracle.sh "$build")
export PATH
have() { command -v "$1" >/dev/null; }
# Debian's Python has Debian's packages; another one earlier on PATH may not.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

# Sanitizers stop at the first fault. A leak is one too.
export ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
export TSAN_OPTIONS="halt_on_error=1:${TSAN_OPTIONS:-}"

# counts LOG: prints passed, failed and skipped of what a program said.
counts() {
    awk '
        / passed, [0-9]+ failed/ { # NAME: N passed, N failed, N skipped: the last one counts
            p = f = s = 0
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^passed/) p = $(i - 1)
                if ($i ~ /^failed/) f = $(i - 1)
                if ($i ~ /^skipped/) s = $(i - 1)
            }
        }
        $1 == "tests" && NF == 6 { units += $4; f_units += $5 } # the table at the end of CUnit
        / the same, [0-9]+ different/ || / compared, [0-9]+ differ/ {
            f = $(NF - 1); p = $2 - (/compared/ ? f : 0)
        }
        $1 == "crash:" && $3 ~ /^rounds/ { p = $2 }
        $1 == "torn:" && $3 ~ /^cuts/ { f = $4; p = $2 - f }
        END { print p + units + 0, f + f_units + 0, s + 0 }' "$1"
}

# stage NAME COMMAND ...: runs it, counts, tells.
stage() {
    name=$1
    shift
    started=$(date +%s)
    "$@" >"$logs/$name.log" 2>&1 </dev/null
    status=$?
    set -- $(counts "$logs/$name.log")
    # Who ends badly without having counted a failure has failed once; so has who did nothing.
    [ "$status" -ne 0 ] && [ "$2" -eq 0 ] && set -- "$1" 1 "$3"
    [ "$1" -eq 0 ] && [ "$2" -eq 0 ] && [ "$3" -eq 0 ] && set -- 0 1 0
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    told="$1 passed, $2 failed"
    [ "$3" -eq 0 ] || told="$told, $3 skipped"
    if [ "$2" -eq 0 ]; then
        printf '  ok      %-14s %-40s %4d s\n' "$name" "$told" $(($(date +%s) - started))
    else
        printf '  FAILED  %-14s %-40s %4d s   %s\n' "$name" "$told" $(($(date +%s) - started)) \
            "$logs/$name.log"
        grep -vE '^  (CC|AR|LD|GEN) |^\s*$|\.\.\.passed|^ *(CUnit - A|http:..cunit)|^(Suite|Elapsed)|^ +(suites|asserts) |^Run Summ' "$logs/$name.log" | tail -60 | sed 's/^/          | /'
    fi
}
absent() {
    printf '  absent  %-14s %s\n' "$1" "$2"
}

# made TARGET: brings it up to date; what the compiler says is shown only if it refuses.
made() {
    make --no-print-directory BUILD="$build" "$@" >"$logs/build.log" 2>&1 </dev/null && return
    cat "$logs/build.log" >&2
    echo "make $* failed"
    return 1
}

# serve PROGRAM OPTION ...: starts it on a free port, which is then in $port.
serve() {
    port=$((21000 + $$ % 6000))
    for try in 1 2 3 4 5 6 7 8 9; do
        port=$((port + 7))
        "$build/millrace-cli" -p "$port" ping >/dev/null 2>&1 && continue
        mkdir -p "$folder/$port"
        "$@" --port "$port" --bind 127.0.0.1 --dir "$folder/$port" >"$folder/$port/log" 2>&1 </dev/null &
        servers="$servers $!"
        for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
            "$build/millrace-cli" -p "$port" ping 2>/dev/null | grep -q PONG && return
            kill -0 $! 2>/dev/null || break
            sleep 0.2
        done
    done
    echo "$1 does not answer"
    return 1
}

rooms='base storage streams pubsub millrace broker'
units() {
    wanted=
    for room in $rooms; do
        set -- tests/unit/"$room"/test_*.c
        [ -f "$1" ] && wanted="$wanted $build/unit-$room"
    done
    made $wanted || return 1
    bad=0
    for program in $wanted; do "$program" || bad=1; done
    return $bad
}
talks() { # talks OPTION ...
    made "$build/talk" "$build/millrace" || return 1
    "$build/talk" "$@" tests/wire/talks/*/*.talk
}
cli_compare() {
    serve "$build/millrace" && sh tests/wire/cli_compare.sh "$build/millrace-cli" "$port"
}
command_compare() {
    serve redis-server --save '' || return 1
    oracle=$port
    serve "$build/millrace" && "$python" tests/wire/command_compare.py "$port" "$oracle"
}
acl_compare() {
    serve redis-server --save '' || return 1
    oracle=$port
    serve "$build/millrace" && "$python" tests/wire/acl_compare.py "$port" "$oracle"
}
bench_smoke() {
    made "$build/millrace-bench" && serve "$build/millrace" || return 1
    sh tests/wire/bench_smoke.sh "$build/millrace-bench" "$port"
}
readme() { # in order, on a server of its own: README.md says what each command answers
    serve "$build/millrace" && "$python" tests/wire/readme.py "$port"
}
wire() { # wire PROGRAM WORD ...: a program of ours that tests a server from outside
    program=$1
    shift
    made "$build/$program" "$build/millrace" || return 1
    "$build/$program" --server "$build/millrace" "$@"
}

began=$(date +%s)
for want; do
    case $want in
    gates) stage gates sh tests/gates/run.sh "$build" ;;
    unit) stage unit units ;;
    talks) stage talks talks --server "$build/millrace" ;;
    replay) stage replay talks --server "$build/millrace" --replay ;;
    oracle)
        if have redis-server; then stage oracle talks --oracle
        else absent oracle 'no redis-server here'; fi ;;
    cli_compare)
        if have redis-cli; then stage cli_compare cli_compare
        else absent cli_compare 'no redis-cli here'; fi ;;
    command_compare | acl_compare)
        if have redis-server && have "$python"; then stage "$want" "$want"
        else absent "$want" 'no redis-server or python3 here'; fi ;;
    differential)
        if have redis-server && have python3; then
            # The same questions each time: what is green stays green. `make differential` asks others.
            stage differential python3 tests/differential/differential.py --seed 1 \
                --server "$build/millrace" --seconds "${DIFFERENTIAL_SECONDS:-30}"
        else absent differential 'no redis-server or python3 here'; fi ;;
    several)
        if have redis-server && have python3; then
            stage several python3 tests/differential/several.py --seed 1 --episodes 400 \
                --server "$build/millrace" --seconds "${DIFFERENTIAL_SECONDS:-30}"
        else absent several 'no redis-server or python3 here'; fi ;;
    stock)
        if have redis-cli; then stage stock sh tests/wire/stock/run.sh "$build/millrace"
        else absent stock 'no redis-cli here'; fi ;;
    bounds)
        if have python3; then
            made "$build/millrace" && stage bounds sh tests/wire/bounds/run.sh "$(realpath "$build/millrace")"
        else absent bounds 'no python3 here'; fi ;;
    files)
        if have redis-server && have "$python"; then
            made "$build/millrace" &&
                stage files "$python" tests/wire/files/files.py "$build/millrace" redis-server
        else absent files 'no redis-server or python3 here'; fi ;;
    kill | power | faults | full)
        if have "$python"; then
            made "$build/millrace" "$build/disk_shim.so" &&
                stage "$want" "$python" "tests/wire/disk/$want.py" "$build/millrace"
        else absent "$want" 'no python3 here'; fi ;;
    stream_walk)
        if have "$python"; then
            made "$build/millrace" && stage stream_walk "$python" tests/wire/stream_walk.py "$build/millrace"
        else absent stream_walk 'no python3 here'; fi ;;
    stream_bounds)
        if have "$python"; then
            # Under sanitizers memory and time are not the server's own.
            case ${KIND:-release} in release) loose='' ;; *) loose=--loose ;; esac
            made "$build/millrace" &&
                stage stream_bounds "$python" tests/wire/stream_bounds.py "$build/millrace" $loose
        else absent stream_bounds 'no python3 here'; fi ;;
    refusals)
        if have redis-server && have "$python"; then
            made "$build/millrace" && stage refusals "$python" tests/wire/refusals.py "$build/millrace"
        else absent refusals 'no redis-server or python3 here'; fi ;;
    restore)
        if have "$python"; then
            made "$build/millrace" && stage restore "$python" tests/wire/restore.py "$build/millrace"
        else absent restore 'no python3 here'; fi ;;
    follow)
        if have redis-server && have "$python"; then
            made "$build/millrace" &&
                stage follow "$python" tests/wire/replication/follow.py "$build/millrace" redis-server
        else absent follow 'no redis-server or python3 here'; fi ;;
    replication)
        if have "$python"; then
            others=
            if have redis-server; then others="--replica redis-server"; fi
            made "$build/millrace" &&
                # shellcheck disable=SC2086
                stage replication "$python" tests/wire/replication.py "$build/millrace" $others
        else absent replication 'no python3 here'; fi ;;
    bench_smoke) stage bench_smoke bench_smoke ;;
    readme)
        if have redis-cli && have "$python"; then stage readme readme
        else absent readme 'no redis-cli or python3 here'; fi ;;
    hostile | crash | torn)
        case $want in
        crash) options="--rounds $rounds${LONG:+ --points 8}" ;;
        *) options='' ;;
        esac
        stage "$want" wire "$want" $options ;;
    *) echo "no stage is called $want" >&2; exit 2 ;;
    esac
done
echo "  in $(($(date +%s) - began)) s"
[ "$skipped" -eq 0 ] || echo "  skipped: $skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

#!/bin/sh
# Runs the same commands through redis-cli and through ours, and compares what they
# print byte by byte: cli_compare.sh CLI PORT
# Both speak to the server on 127.0.0.1:PORT, whichever it is; keys begin with "cmp:".
cli=$1; port=$2
if [ -z "$cli" ] || [ -z "$port" ]; then
    echo "usage: cli_compare.sh CLI PORT" >&2; exit 2
fi
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
same=0; differ=0

judge() { # judge WHAT: the two outputs lie in $folder/theirs and $folder/ours
    # The names of the programs and the numbers of connections may differ, nothing else.
    sed -i -E 's/(redis|millrace)-cli/cli/; s/^id [0-9]+/id N/; s/"id"( => \(integer\) |,|:)[0-9]+/"id"\1N/' \
        "$folder/theirs" "$folder/ours"
    if cmp -s "$folder/theirs" "$folder/ours"; then
        same=$((same + 1))
    else
        differ=$((differ + 1))
        echo "differs: $1"
        diff "$folder/theirs" "$folder/ours" | cat -A | head -20
    fi
}
once() { # once WORD...: one command, status and stderr included
    (timeout 10 redis-cli -p "$port" "$@" 2>&1; echo "status $?") > "$folder/theirs" < /dev/null
    (timeout 10 "$cli" -p "$port" "$@" 2>&1; echo "status $?") > "$folder/ours" < /dev/null
    judge "$*"
}
lines() { # lines OPTION...: a conversation from a pipe, its lines on standard input
    cat > "$folder/lines"
    timeout 10 redis-cli -p "$port" "$@" < "$folder/lines" > "$folder/theirs" 2>&1
    timeout 10 "$cli" -p "$port" "$@" < "$folder/lines" > "$folder/ours" 2>&1
    judge "conversation $* : $(head -c 60 "$folder/lines" | tr '\n' ';')"
}
fed() { # fed TEXT OPTION...: one command with TEXT on standard input
    text=$1; shift
    (printf "$text" | timeout 40 redis-cli -p "$port" "$@" 2>&1; echo "status $?") > "$folder/theirs"
    (printf "$text" | timeout 40 "$cli" -p "$port" "$@" 2>&1; echo "status $?") > "$folder/ours"
    judge "fed $*"
}
heard() { # heard WORD...: a command that listens; three messages are published meanwhile
    for who in theirs ours; do
        program=redis-cli; [ $who = ours ] && program=$cli
        timeout 1 "$program" -p "$port" "$@" > "$folder/$who" 2>&1 &
        sleep 0.3
        redis-cli -p "$port" publish cmp:a hello > /dev/null
        redis-cli -p "$port" publish cmp:b 'a "quoted"' > /dev/null
        redis-cli -p "$port" publish cmp:a '' > /dev/null
        wait $!
    done
    judge "heard $*"
}

redis-cli -p "$port" del cmp:list cmp:hash cmp:zset cmp:set cmp:stream cmp:string cmp:n > /dev/null
redis-cli -p "$port" rpush cmp:list a 'b"c' "$(printf 'x\ty\n\001\377\\')" '' 'd e' > /dev/null
for i in 1 2 3 4 5 6 7; do redis-cli -p "$port" rpush cmp:list "item $i" > /dev/null; done
redis-cli -p "$port" hset cmp:hash field value empty '' > /dev/null
redis-cli -p "$port" zadd cmp:zset 1 a 2.5 b inf c -inf d 1e30 e > /dev/null
redis-cli -p "$port" sadd cmp:set only > /dev/null
redis-cli -p "$port" xadd cmp:stream 1-1 a b c d > /dev/null
redis-cli -p "$port" xadd cmp:stream 1-2 e f > /dev/null
redis-cli -p "$port" set cmp:string "plain value" > /dev/null

for style in "--raw" "--no-raw" "-3 --raw" "-3 --no-raw" "--csv" "-3 --csv" "--json" "-2 --json" ""; do
    # The styles are lists of options: they are meant to be split.
    once $style ping
    once $style ping ''
    once $style ping 'two words'
    once $style get cmp:string
    once $style get cmp:none
    once $style lrange cmp:list 0 -1
    once $style lrange cmp:none 0 -1
    once $style hgetall cmp:hash
    once $style hgetall cmp:none
    once $style smembers cmp:set
    once $style smembers cmp:none
    once $style zscore cmp:zset b
    once $style zrange cmp:zset 0 -1 withscores
    once $style xrange cmp:stream - +
    once $style xread streams cmp:stream 0
    once $style xinfo stream cmp:stream
    once $style llen cmp:list
    once $style nosuchcommand
    once $style lrange cmp:string 0 -1
    once $style -e lrange cmp:string 0 -1
    once $style hset cmp:hash
    once $style mget cmp:string cmp:none
    once $style command docs get
    once $style -r 3 echo again
    once $style -n 2 get cmp:string
    once $style exec
done
once -d ';' lrange cmp:list 0 -1
once -D '|' -r 2 ping
once -d ';' -D '|' -3 hgetall cmp:hash
once --quoted-input echo '"a\x41\n"'
once --quoted-input echo '"open'
once -h no.such.host.invalid -e 2>/dev/null --badopt
once --show-pushes no -3 ping
fed 'from input\n' -x echo
fed 'from input' -X here set cmp:string here
fed 'from input' -X here get cmp:string
fed 'SET cmp:n 1\r\nINCR cmp:n\r\n*2\r\n$4\r\nINCR\r\n$5\r\ncmp:n\r\n' --pipe
fed 'SET cmp:n 1\r\nLPUSH cmp:n 1\r\n' --pipe
fed '' --pipe
once --scan --pattern 'cmp:*'
once --no-raw --scan --pattern 'cmp:s*'
for style in "" "--no-raw" "--csv" "--json" "-3 --no-raw"; do
    heard $style subscribe cmp:a cmp:b
    heard $style psubscribe 'cmp:*'
    lines $style <<'LINES'
set cmp:n 1
get cmp:n

get "unbalanced
get "two"words
echo "a\x41\n\t\"q\"\\"
echo 'single \'quoted\' \n'
echo ""
multi
incr cmp:n
lrange cmp:list 0 2
exec
multi
nosuch
exec
get cmp:n
discard
select 1
set cmp:n 5
3 incr cmp:n
0 ping
select 0
  lrange   cmp:list   0 0
hello 3
hgetall cmp:hash
reset
hgetall cmp:hash
quit
ping
LINES
done
redis-cli -p "$port" del cmp:list cmp:hash cmp:zset cmp:set cmp:stream cmp:string cmp:n > /dev/null
redis-cli -p "$port" -n 1 del cmp:n > /dev/null
echo "cli_compare: $same the same, $differ different"
[ "$differ" -eq 0 ]

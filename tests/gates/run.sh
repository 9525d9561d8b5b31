#!/bin/sh
# The gates: rules of the house that a compiler does not know. run.sh BUILD
#
# Each gate prints one line, and what it found if it is shut. Things that are
# only told (sizes, words) never shut a gate. What is dear is done by make, which
# checks again only what changed.
build=$1
make=${MAKE:-make}
passed=0
failed=0
work=$build/gates
mkdir -p "$work"

if git rev-parse --git-dir >/dev/null 2>&1; then
    files=$(git ls-files '*.c' '*.h')
else
    files=$(find broker clients pubsub storage streams tests -name '*.[ch]')
fi
# A file may have been taken away and not yet committed so.
sources=$(for file in $files; do [ -f "$file" ] && echo "$file"; done)

# gate NAME FILE: shut if the file has anything in it.
gate() {
    if [ -s "$2" ]; then
        failed=$((failed + 1))
        echo "SHUT  $1"
        sed 's/^/      /' "$2" | head -80
    else
        passed=$((passed + 1))
        echo "open  $1"
    fi
}

# made NAME TARGET: shut if make cannot bring the target up to date.
made() {
    if $make -s -k -j2 BUILD="$build" "$2" >"$work/$2.out" 2>&1; then
        : >"$work/$2.out"
    elif [ ! -s "$work/$2.out" ]; then
        echo "make $2 failed" >"$work/$2.out"
    fi
    gate "$1" "$work/$2.out"
}

awk -f tests/gates/source.awk $sources >"$work/source"
found() { # found KIND: the things of one kind, as file:line: what
    awk -F'\t' -v kind="$1" '$1 == kind { print $2 ": " $3 }' "$work/source"
}

{ awk -f tests/gates/layers.awk tests/gates/layers $sources
  found private | sed 's/: /: not for this folder: /'; } >"$work/layers"
gate 'lower rooms do not see upper rooms' "$work/layers"

for file in $sources; do echo "${file##*/}"; done | sort | uniq -d |
    sed 's/$/: more than one file is called so/' >"$work/names"
gate 'a file name means one file' "$work/names"

found banned >"$work/banned"
gate 'nobody writes where the end is not known' "$work/banned"

found bare >"$work/bare"
gate 'every exported function says what it does' "$work/bare"

made 'every header compiles alone, with gcc and clang' gate-headers
made 'everything compiles with clang' gate-clang
made 'everything compiles for release' gate-objects

objects=$(echo "$sources" | grep -E '^(broker|clients|pubsub|storage|streams)/.*\.c$' |
    while read -r file; do [ -f "$build/${file%.c}.o" ] && echo "$build/${file%.c}.o"; done)

# Some objects carry themselves a second time for the linker's optimiser. It knows no sections, and
# nm would rather read that; a plugin that is none has it read the code.
nm='nm --plugin=/dev/null'

# Constant tables of pointers are written once by the loader and are read-only after.
$nm -A -f sysv $objects 2>/dev/null | awk -F'|' '
    FILENAME != "-" { if (split($0, words, " ") && words[1] !~ /^#/) allowed[words[1]] = 1; next }
    $3 ~ /[BbDdCVvSs]/ && $7 !~ /\.data\.rel\.ro|\.rodata/ {
        split($1, place, ":"); name = place[2]; gsub(/ /, "", name); sub(/\.[0-9]+$/, "", name)
        if (!(name in allowed)) print place[1] ": " name
    }' tests/gates/globals.allowed - >"$work/globals"
gate 'no new writable globals' "$work/globals"

# What the library offers is for others, and the table calls the handlers. Of the rest, what no
# other object calls is looked for in the text of programs built apart: tests, benchmarks, tablegen.
$nm -A -g $objects 2>/dev/null | awk '
    $(NF - 1) == "U" { called[$NF] = 1 }
    $(NF - 1) == "T" && !/\/clients\/lib\// && $NF !~ /^(main$|do_)/ { at[$NF] = $1 }
    END { for (name in at) if (!(name in called)) { sub(/:.*/, "", at[name]); print at[name], name } }' |
    sort | while read -r object name; do
        [ "$(echo "$sources" | grep '\.c$' | xargs grep -lw "$name" | wc -l)" -gt 1 ] ||
        echo "$object: $name"
    done >"$work/own"
gate 'what is exported is called from another file' "$work/own"

awk -f tests/gates/rows.awk broker/protocol/errors.def broker/metrics/metrics.def \
    broker/config/options.def $sources | sort >"$work/rows"
gate 'no table has a row that nobody uses' "$work/rows"

awk -f tests/gates/mentions.awk "$build/gen/commands.c" broker/config/options.def \
    $(find tests/wire tests/unit -name '*.talk' -o -name '*.c' -o -name '*.sh' -o -name '*.py') |
    sort | sed 's/^/no test mentions the /' >"$work/mentions"
gate 'a test mentions every command and every option' "$work/mentions"

for kind in long word; do found $kind | sed "s/^/told  /"; done
echo "gates: $passed passed, $failed failed"
[ "$failed" -eq 0 ]

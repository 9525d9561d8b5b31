# Reads tests/gates/layers, then every source file named; complains of each
# #include "a/b.h" that reaches a room the table does not allow.
function room(path,   parts) {
    split(path, parts, "/")
    return ((parts[1] "/" parts[2]) in allowed) ? parts[1] "/" parts[2] : parts[1]
}
FILENAME ~ /gates\/layers$/ {
    if ($0 ~ /^#/ || NF == 0) next
    name = $1; sub(/:$/, "", name); allowed[name] = " " name " "
    for (i = 2; i <= NF; i++) allowed[name] = allowed[name] $i " "
    next
}
/^#include "/ {
    split($0, quoted, "\""); to = room(quoted[2]); from = room(FILENAME)
    if (index(allowed[from], " * ") || index(allowed[from], " " to " ")) next
    printf "%s:%d: %s may not include %s (%s)\n", FILENAME, FNR, from, to, quoted[2]
    bad++
}
END { exit bad > 0 }

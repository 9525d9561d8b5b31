# Reads C files as code: comments and what stands in quotes are taken out first.
# Prints one line for each thing found, "kind<tab>file:line<tab>what":
#   banned   a call of a function that does not know where its buffer ends
#   private  an x_private.h included from another folder
#   bare     an exported function in a header with no comment above it
#   long     a file past 600 lines or a function past 60
#   word     a word the house does not use
function say(kind, what) { print kind "\t" FILENAME ":" FNR "\t" what }
function folder(path) { sub(/\/[^\/]*$/, "", path); return path }

# The line with comments, strings and characters taken out.
function code_of(line,   out, at, two) {
    out = ""
    while (line != "") {
        if (in_comment) {
            at = index(line, "*/")
            if (at == 0) return out
            in_comment = 0; line = substr(line, at + 2); continue
        }
        if (!match(line, /\/\*|\/\/|"|'/)) return out line
        out = out substr(line, 1, RSTART - 1)
        two = substr(line, RSTART, 2)
        if (two == "/*") { in_comment = 1; line = substr(line, RSTART + 2); continue }
        if (two == "//") return out
        line = substr(line, RSTART)
        if (match(line, /^"([^"\\]|\\.)*"/) || match(line, /^'([^'\\]|\\.)*'/))
            line = substr(line, RLENGTH + 1)
        else
            line = substr(line, 2)
        out = out "\"\""
    }
    return out
}

function end_file() {
    if (lines > 600)
        print "long\t" previous "\t" lines " lines"
}

FNR == 1 {
    if (previous != "") end_file()
    previous = FILENAME
    in_comment = 0; commented = 0; header = FILENAME ~ /\.h$/; opened = 0; heading = ""
}
{ lines = FNR; code = code_of($0) }

/^#include ".*_private\.h"/ {
    split($0, quoted, "\"")
    if (folder(quoted[2]) != folder(FILENAME) && FILENAME !~ /^tests\//) say("private", quoted[2])
}
match(code, /(^|[^A-Za-z0-9_])(sprintf|vsprintf|strcpy|stpcpy|strcat|strncat|atoi|atol|atoll|atof|gets|strtok)[ ]*\(/) {
    say("banned", substr(code, RSTART, RLENGTH - 1))
}
match(code, /[A-Za-z0-9_]*([Ss]lave|[Cc]ontext)[A-Za-z0-9_]*/) {
    # Structs and functions of others' libraries are called what they are called.
    if (substr(code, RSTART, RLENGTH) !~ /^(SSL|EVP|u?context_t|msgpack)/)
        say("word", substr(code, RSTART, RLENGTH))
}

# A function begins with a brace at the margin and ends with one.
/^\{/ { opened = FNR; opener = heading }
/^\}/ {
    if (opened && FNR - opened - 1 > 60) say("long", opener " has " (FNR - opened - 1) " lines")
    opened = 0
}
/^[A-Za-z_].*\(/ { heading = $0; sub(/\(.*/, "", heading); sub(/.*[ *]/, "", heading) }

# In a header: a comment speaks for the paragraph it stands above.
header && /\*\/[ ]*$/ { commented = 1; next }
header && /^[ ]*$/ && !in_comment { commented = 0; next }
header && !commented && !in_comment && /^[A-Za-z_][A-Za-z0-9_ *]*[ *][a-z0-9_]+\(/ &&
    !/^(static|typedef|extern|return|else|if)/ {
    name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
    # What these five do is the same in every module.
    if (name !~ /_(new|free|init|clear|check)$/ && name !~ /^(suite_|LLVM)/) say("bare", name)
}
END { end_file() }

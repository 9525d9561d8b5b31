# Tells which commands and options no test mentions:
#   mentions.awk commands.c options.def TALK ... TEST ...
# A command with a second word counts as mentioned where both stand side by side.
# What only a comment or a title says is no test.
FILENAME ~ /commands\.c$/ {
    if (match($0, /\.full_name = "[^"]+"/))
        wanted[substr($0, RSTART + 14, RLENGTH - 15)] = "command"
    next
}
FILENAME ~ /options\.def$/ {
    if (match($0, /^OPTION_(BOOL|NUMBER|CHOICE|TEXT|NAME|WORDS|NOTICES|LIMITS)\([a-z0-9_]+, "[^"]+"/)) {
        split(substr($0, RSTART, RLENGTH), parts, "\"")
        wanted[parts[2]] = "option"
    }
    next
}
FILENAME ~ /\.talk$/ && /^(#|==)/ { next }
FILENAME ~ /\.[ch]$/ && /^ *(\/\*|\*)/ { next }
{
    line = tolower($0)
    if (FILENAME ~ /\.talk$/ && line ~ /^!resp3/) line = "hello"
    gsub(/[^a-z0-9_-]+/, " ", line)
    count = split(line, words, " ")
    for (i = 1; i <= count; i++) {
        seen[words[i]] = 1
        sub(/^-+/, "", words[i])
        seen[words[i]] = 1
        if (i < count) seen[words[i] "|" words[i + 1]] = 1
    }
}
END {
    for (name in wanted) if (!(name in seen)) {
        shown = name; sub(/\|/, " ", shown)
        print wanted[name] " " (wanted[name] == "command" ? toupper(shown) : shown)
    }
}

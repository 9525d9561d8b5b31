# Tells which rows of the tables nobody uses: rows.awk errors.def metrics.def options.def SOURCE ...
# A row of errors is used as REFUSAL_NAME; a counter or an option as the field of a struct,
# the option somewhere else than in broker/config, where all of them are read and shown.
function row(pattern, what,   parts) {
    if (match($0, pattern)) {
        split(substr($0, RSTART, RLENGTH), parts, /[(,]/)
        wanted[(what == "error" ? "REFUSAL_" : "") parts[2]] = what " " parts[2]
    }
}
FILENAME ~ /errors\.def$/ { row("^REFUSAL\\([A-Z0-9_]+,", "error"); next }
FILENAME ~ /metrics\.def$/ { row("^(COUNTER|GAUGE)\\([a-z0-9_]+,", "metric"); next }
FILENAME ~ /options\.def$/ { row("^OPTION_[A-Z]+\\([a-z0-9_]+,", "option"); next }
FILENAME !~ /^broker\// || FILENAME ~ /^broker\/config\// || /^ *(\/\*|\*)/ { next }
{
    line = $0
    while (match(line, /(->|\.)[a-z0-9_]+|REFUSAL_[A-Z0-9_]+/)) {
        word = substr(line, RSTART, RLENGTH)
        sub(/^(->|\.)/, "", word)
        seen[word] = 1
        line = substr(line, RSTART + RLENGTH)
    }
}
END {
    for (name in wanted) if (!(name in seen)) print "nobody uses the " wanted[name]
}

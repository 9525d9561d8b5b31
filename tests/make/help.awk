# Lists the targets of makefiles by what follows their ##; lines that begin with ##@ are headings.
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z][a-z _-]*:.*## / {
    name = $0; sub(/:.*/, "", name); gsub(/ /, "|", name)
    what = $0; sub(/.*## /, "", what)
    printf "  %-27s %s\n", "make " name, what
}

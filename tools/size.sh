#!/bin/sh
# Lines per directory, the longest files and the longest functions.
set -eu
cd "$(dirname "$0")/.."

sources() {
    find core plugins tests bench examples \( -name '*.c' -o -name '*.h' -o -name '*.cu' \) | sort
}

echo "lines  files  directory"
sources | xargs wc -l | awk '$2 != "total" {
    path = $2
    sub(/\/[^\/]*$/, "", path)
    lines[path] += $1
    files[path]++
    all += $1
    count++
}
END {
    for (path in lines) printf "%5d  %5d  %s\n", lines[path], files[path], path
    printf "%5d  %5d  all\n", all, count
}' | sort -k3

echo
echo "longest files"
sources | xargs wc -l | awk '$2 != "total"' | sort -rn | head -15

echo
echo "longest functions (lines from brace to brace)"
sources | xargs awk '
FNR == 1 { begin = 0 }
/^[A-Za-z_].*\(/ { name = $0 }
/^[A-Za-z_}].*\{$|^ .*\) \{$/ && !begin && name != "" && !/=|^(struct|union|enum|typedef)/ { begin = FNR }
/^}/ && begin {
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    printf "%5d  %s:%d %s\n", FNR - begin + 1, FILENAME, begin, name
    begin = 0
    name = ""
}' | sort -rn | head -15

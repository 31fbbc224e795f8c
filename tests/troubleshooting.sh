#!/bin/sh
# Every message of docs/troubleshooting.md is one that kindred gives: it stands in a golden file.
# $1: the source tree
set -eu
cd "$1"
status=0 count=0
golden=$(cat tests/cli/*.txt tests/golden/package/errors.txt)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The first column, whose … may be anything.
awk -F '`' '/^\| `/ {print $2}' docs/troubleshooting.md >"$folder/messages"
while read -r message; do
    pattern=$(printf '%s' "$message" | sed 's/[][\.*^$]/\\&/g; s/…/.*/g')
    count=$((count + 1))
    printf '%s\n' "$golden" | grep -q -e "$pattern" || { echo "no golden file has: $message"; status=1; }
done <"$folder/messages"
echo "$count messages"
test "$count" -ge 30
exit $status

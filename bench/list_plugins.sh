#!/bin/sh
# Lists 500 plugins whose constructors abort, so no code of theirs can have run; counts them, and
# prints the shortest of so many lists: bench/list_plugins.sh KINDRED PLUGIN [LISTS]
# PLUGIN is tests/plugin_corpus/aborts.so of a build; each copy gets an id of its own.
set -eu
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
count=500 lists=${3-1} best=
i=0
while [ $i -lt $count ]; do
    sed "s/aborts/$(printf 'p%05d' $i)/g" "$2" >"$folder/$i.so"
    i=$((i + 1))
done
for _ in $(seq "$lists"); do
    before=$(date +%s%N)
    "$1" plugin list --all --no-user-plugins --plugin-path "$folder" >"$folder/list"
    took=$((($(date +%s%N) - before) / 10000))
    best=$(printf '%s\n' "$best" "$took" | sort -n | awk 'NF {print; exit}')
done
listed=$(grep -c '^[a-z]*  *p0' "$folder/list") || true
echo "$listed plugins listed in $((best / 100)).$(printf %02d $((best % 100))) ms"
test "$listed" = $count

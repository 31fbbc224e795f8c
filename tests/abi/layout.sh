#!/bin/sh
# Writes the layout of the contract's headers: every struct's size, every member's offset and type,
# every named value. `layout.sh INCLUDE`, the folder that has kindred/; CC says which compiler.
set -eu
here=$(dirname "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for header in "$1"/kindred/*.h; do
    echo "#include <kindred/$(basename "$header")>"
done >"$folder/all.c"
${CC:-cc} -std=gnu11 -O0 -gdwarf-4 -fno-eliminate-unused-debug-types -I "$1" -c "$folder/all.c" -o "$folder/all.o"
{
    readelf --wide --debug-dump=rawline,info "$folder/all.o" | awk -f "$here/layout.awk"
    ${CC:-cc} -std=gnu11 -dM -E -I "$1" "$folder/all.c" | awk '
        $2 ~ /^KD_(ABI_MINOR|ABI_MINOR_LATEST|MIN_HOST_MINOR|ISA|LICENSE)$/ { next } # chosen, not fixed
        $2 ~ /^KD_[A-Z0-9_]+$/ && ($3 ~ /^[(]?-?[0-9]/ || $3 ~ /^"/) { print "value", $2, $3 }'
} | LC_ALL=C sort

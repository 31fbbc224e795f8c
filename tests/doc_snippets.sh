#!/bin/sh
# Every block of C in a page of the documentation compiles by itself, against the headers alone.
# $1: the folder of headers, then pages
set -eu
include=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for page in "$@"; do
    awk -v to="$folder/$(basename "$page" .md)" '
        /^```c$/ { on = 1; file = to "-" ++n ".c"; next }
        /^```/ { on = 0 }
        on { print > file }' "$page"
    ls "$folder/$(basename "$page" .md)"-*.c >/dev/null || { echo "$page: has no block of C"; exit 1; }
done
for block in "$folder"/*.c; do
    ${CC:-cc} -std=c11 -Wall -Wextra -Werror -Wno-unused-function -fsyntax-only -I "$include" "$block" || {
        cat "$block"
        exit 1
    }
done

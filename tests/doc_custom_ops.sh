#!/bin/sh
# The plugin that docs/custom-ops.md writes, its first block of C, passes every check.
# $1: the source tree, $2: the program
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
awk '/^```c$/ {on = ++n == 1; next} /^```/ {on = 0} on' "$1/docs/custom-ops.md" >"$folder/siglip.c"
cc -std=c11 -O2 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -I "$1/core/include" \
    -Wl,-z,defs,-z,now,-z,relro,-z,noexecstack,--build-id "-Wl,--version-script=$1/plugins/plugin.map" \
    "$folder/siglip.c" -o "$folder/siglip.so" -lm
"$2" plugin check --level 3 "$folder/siglip.so" >"$folder/log" || {
    cat "$folder/log"
    exit 1
}
grep -q 'pass  M10' "$folder/log" && grep -q 'pass  M11' "$folder/log" && grep -q 'passes level 3' "$folder/log"

#!/bin/sh
# The method that docs/write-a-method.md writes, taken from its blocks of C, builds in the project that
# `kindred plugin new` makes, passes every check and trains.
# $1: the source tree, $2: the build, $3: the prefix, $4: the folder of libraries in it
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
    cat "$folder/log"
    exit 1
}
meson install -C "$2" --no-rebuild --destdir "$folder/moved" >"$folder/log" 2>&1 || fail
export PKG_CONFIG_PATH="$folder/moved$3/$4/pkgconfig" HOME="$folder" XDG_CACHE_HOME="$folder/cache"
unset KINDRED_PLUGIN_PATH
cd "$folder"
"$folder/moved$3/bin/kindred" plugin new --kind method org.lab.attract >log
awk '/^```c$/ {on = 1; next} /^```/ {on = 0} on' "$1/docs/write-a-method.md" >attract/attract.c
test "$(grep -c . attract/attract.c)" -le 60 || { echo "more than 60 lines"; exit 1; }
(cd attract && meson setup build --werror && meson test -C build --print-errorlogs) >log 2>&1 || fail

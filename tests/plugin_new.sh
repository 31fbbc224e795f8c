#!/bin/sh
# What `kindred plugin new` writes builds, passes its tests and can be installed, with no path into
# the source tree: against an installed copy of kindred, for every kind.
# $1: the source tree, $2: the build, $3: the prefix, $4: the folder of libraries in it
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
    cat "$1"
    exit 1
}
meson install -C "$2" --no-rebuild --destdir "$folder/moved" >"$folder/log" 2>&1 || fail "$folder/log"
prefix=$folder/moved$3
kindred=$prefix/bin/kindred
export PKG_CONFIG_PATH="$prefix/$4/pkgconfig" HOME="$folder" XDG_CACHE_HOME="$folder/cache"
unset KINDRED_PLUGIN_PATH CFLAGS LDFLAGS
cd "$folder"

for kind in method backbone dataset eval device; do
    "$kindred" plugin new --kind $kind "org.lab.my_$kind" >log 2>&1 || fail log
    ! grep -rq 'my_plugin\|org\.example' "my_$kind" || fail log
    (cd "my_$kind" && meson setup build && meson test -C build --print-errorlogs) >log 2>&1 || fail log
    ! grep -q "$1" "my_$kind"/build/build.ninja || { echo "$kind: builds from the source tree"; exit 1; }
    meson install -C "my_$kind/build" >log 2>&1 || fail log
done
test "$("$kindred" plugin list | grep -c org.lab.my_)" = 5

# What is there already stays.
"$kindred" plugin new --kind eval my_eval >log 2>&1 && exit 1
grep -q 'my_eval is there already' log

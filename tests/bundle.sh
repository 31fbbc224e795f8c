#!/bin/sh
# A bundle of this build, unpacked where nothing else is and run with an empty environment, finds its
# plugins and every library in itself, and computes. Skips itself where patchelf is not installed.
# $1: the source tree, $2: the build
set -eu
command -v patchelf >/dev/null || {
    echo "left out: there is no patchelf, which makes bundles"
    exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1/tools/bundle.sh" "$2" "$folder/bundle.tar" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
mkdir "$folder/bare"
tar -C "$folder/bare" -xf "$folder/bundle.tar"
version=$("$2/kindred" --version | grep -o '[0-9][0-9.]*' | head -1)
test "$(ls "$folder/bare")" = "kindred-$version-linux-$(uname -m)"
top=$folder/bare/kindred-$version-linux-$(uname -m)

# The C library that it says it needs is no older than any file's, and no newer than this machine's.
needs=$(sed -n 's/^needs glibc \([0-9.]*\) or newer.*/\1/p' "$folder/log")
here=$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)
asked=$(find "$top" -name '*.so*' -exec readelf -V {} + | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2 | sort -V | tail -1)
printf '%s\n' "$asked" "$needs" "$here" | sort -VC || { cat "$folder/log"; echo "glibc: $asked, $here"; exit 1; }

# Only the C library's family comes from outside, and nothing is missing.
find "$top" \( -name '*.so*' -o -name kindred \) -type f | while read -r elf; do
    env -i /usr/bin/ldd "$elf" | grep -v -e "=> $top/" -e linux-vdso -e ld-linux -e 'statically linked' \
        -e '\blib\(c\|m\|dl\|pthread\|rt\|resolv\|mvec\)\.so\.[0-9]* => /' | sed "s|^|$elf: |"
done >"$folder/outside"
test ! -s "$folder/outside" || { cat "$folder/outside"; exit 1; }
# shellcheck disable=SC2016 # the loader expands it
cuda=$top/plugins/devices/cuda/cuda.so beside='$ORIGIN:$ORIGIN/../../../lib:/usr/local/cuda/lib64'
test ! -f "$cuda" || test "$(patchelf --print-rpath "$cuda")" = "$beside"

# It has the plugins of the build, its own copies, and they compute.
cd "$folder/bare"
env -i "$top/kindred" plugin list >"$folder/list"
env -i "$2/kindred" plugin list | diff - "$folder/list"
env -i "$top/kindred" plugin list --all --json | grep -o '"path": "[^"]*"' >"$folder/paths"
if grep -v "\"$top/" "$folder/paths"; then
    exit 1
fi
env -i OMP_WAIT_POLICY=passive "$top/kindred" check --device cpu --quick >"$folder/log" 2>&1 ||
    { cat "$folder/log"; exit 1; }

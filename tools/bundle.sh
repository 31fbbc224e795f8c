#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Packs a build so that it runs where neither kindred nor its libraries are installed:
#
#     tools/bundle.sh [BUILD] [FILE]      default: build, kindred-VERSION-linux-ARCH.tar.xz
#
# FILE's ending says how it is compressed. Prints the version of the C library that the bundle needs.
# The program, the plugins, and every library that they need, found by $ORIGIN from where they lie.
# Left to the machine: the C library's family, the GPU's driver, cuDNN and cuBLAS. Needs patchelf.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
command -v patchelf >/dev/null || {
    echo "bundle: patchelf is missing: apt-get install patchelf" >&2
    exit 1
}
version=$("$build/kindred" --version | awk '{sub(/,$/, "", $2); print $2; exit}')
name=kindred-$version-linux-$(uname -m)
file=$(realpath -m "${2:-$name.tar.xz}")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
top=$work/$name
mkdir -p "$top/lib/copyright" "$top/bench"
cp "$build/kindred" "$top/"
find "$build/plugins" -name '*.so' | while read -r plugin; do
    folder=$top/plugins/$(basename "$(dirname "$plugin")")
    case $plugin in */devices/*) folder=$top/plugins/devices/$(basename "$(dirname "$plugin")") ;; esac
    mkdir -p "$folder"
    cp "$plugin" "$folder/"
done
cp -r README.md LICENSE examples docs "$top/"
cp bench/gpu.sh bench/gpu.yaml bench/gpu_peer.py bench/peer.py "$top/bench/"

# The C library's family belongs to the machine, as do the driver and NVIDIA's libraries.
is_left() {
    case $1 in
    linux-vdso* | ld-linux* | libc.so* | libm.so* | libdl.so* | libpthread.so* | librt.so*) ;;
    libresolv.so* | libutil.so* | libnsl.so* | libmvec.so* | libanl.so*) ;;
    libcuda.so* | libcudnn* | libcublas* | libnvidia* | libnvrtc* | libcudart*) ;;
    *) return 1 ;;
    esac
}

# "name path" of each library that the files need, theirs included.
needed() {
    ldd "$@" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// {print $1, $3}' | sort -u
}

# shellcheck disable=SC2046 # paths of a build have no spaces here
needed "$top/kindred" $(find "$top/plugins" -name '*.so') | while read -r soname path; do
    is_left "$soname" && continue
    cp -L "$path" "$top/lib/$soname"
    package=$(dpkg-query -S "$(realpath "$path")" 2>/dev/null | cut -d: -f1 | head -1)
    if [ -n "$package" ] && [ -f "/usr/share/doc/$package/copyright" ]; then
        cp -L "/usr/share/doc/$package/copyright" "$top/lib/copyright/$package"
    fi
done

# Where the loader looks from $1. What the cuda device opens by name is the machine's: it may lie
# beside the device, or in the toolkit's usual folder.
# shellcheck disable=SC2016 # the loader expands it
places() {
    lib='$ORIGIN/'$(realpath --relative-to="$(dirname "$1")" "$top/lib")
    case $1 in
    */cuda.so) echo '$ORIGIN:'"$lib:/usr/local/cuda/lib64" ;;
    *) echo "$lib" ;;
    esac
}
elves() {
    find "$top" -type f \( -name '*.so' -o -name '*.so.*' -o -name kindred \)
}
elves | while read -r elf; do
    strip --strip-unneeded "$elf"
    patchelf --set-rpath "$(places "$elf")" "$elf"
done

# "VERSION FILE": the newest version of the C library that a file asks for.
newest=$(elves | while read -r elf; do
    readelf --version-info --wide "$elf" | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2 |
        sed "s|\$| ${elf#"$top/"}|"
done | sort -V | tail -1)

tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2020-01-01 00:00Z' \
    -caf "$file" "$name"
du -h "$file"
echo "needs glibc ${newest% *} or newer, for ${newest#* }"

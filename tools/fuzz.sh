#!/bin/sh
# Fuzzes a reader of outside bytes with libFuzzer, ASan and UBSan (needs clang): tools/fuzz.sh TARGET
# [SECONDS]. TARGET is a file of tests/fuzz: note, package, config, safetensors or image. What it finds
# lies in build-fuzz/TARGET; the corpus in tests/fuzz is only read.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:?which target} seconds=${2-60}
flags="-g -O1 -std=gnu11 -D_GNU_SOURCE -fno-sanitize-recover=undefined"
mkdir -p "$root/build-fuzz/objects" "$root/build-fuzz/$target"
cd "$root/build-fuzz"

# Of core, what reads; compiled once, and again where a source is newer.
for source in "$root"/core/base/*.c "$root"/core/config/*.c "$root"/core/plugin/*.c \
    "$root"/core/package/*.c "$root"/core/data/*.c; do
    object=objects/$(echo "${source#"$root"/core/}" | tr / -).o
    if [ ! -e "$object" ] || [ "$source" -nt "$object" ]; then
        # shellcheck disable=SC2086 # flags are words
        clang $flags -fsanitize=fuzzer-no-link,address,undefined -I "$root/core" -I "$root/core/include" \
            '-DKINDRED_VERSION="fuzz"' '-DKINDRED_TRIPLET="fuzz"' '-DKINDRED_LIBDIR="lib"' \
            '-DKINDRED_PLUGINDIR="/nowhere"' -c "$source" -o "$object"
    fi
done
# shellcheck disable=SC2086
clang $flags -fsanitize=fuzzer,address,undefined -I "$root/core" -I "$root/core/include" \
    "$root/tests/fuzz/$target.c" objects/*.o -larchive -ljansson -lsodium -lyaml -lturbojpeg -lspng \
    -lm -lpthread -ldl -o "fuzz_$target"
./"fuzz_$target" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=4096 -timeout=25 \
    -artifact_prefix="$target-" -print_final_stats=1 "$target" "$root/tests/fuzz/${target}_corpus"

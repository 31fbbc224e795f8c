#!/bin/sh
# Fuzzes the readers of packages with libFuzzer, ASan and UBSan (needs clang): what it finds lies in
# build-fuzz/. `tools/fuzz_package.sh [SECONDS]`
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
seconds=${1-60}
mkdir -p "$root/build-fuzz/package"
cd "$root/build-fuzz"
clang -g -O1 -std=gnu11 -D_GNU_SOURCE '-DKINDRED_VERSION="fuzz"' -I "$root/core" \
    -I "$root/core/include" -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
    "$root/tests/fuzz/package.c" "$root"/core/package/archive_unpack.c "$root"/core/package/manifest.c \
    "$root"/core/package/minisign.c "$root"/core/package/minisign_write.c \
    "$root"/core/package/package.c "$root"/core/plugin/text.c "$root"/core/base/arena.c \
    "$root"/core/base/file.c "$root"/core/base/directory.c "$root"/core/base/sha256.c \
    -larchive -ljansson -lsodium -lm -o fuzz_package
# New inputs go to build-fuzz/package; the corpus of the sources is only read.
./fuzz_package -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=4096 -print_final_stats=1 \
    package "$root/tests/fuzz/package_corpus"

#!/bin/sh
# Checks that clang-format would leave every source as it is.
set -eu
cd "$(dirname "$0")/.."

if ! command -v clang-format >/dev/null; then
    echo "check: clang-format is missing (Debian: apt-get install clang-format)" >&2
    exit 1
fi
find core plugins tests bench examples \( -name '*.c' -o -name '*.h' \) -exec \
    clang-format --dry-run --Werror {} +

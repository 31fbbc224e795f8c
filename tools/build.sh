#!/bin/sh
# Configures and compiles: `tools/build.sh` into build/, `tools/build.sh asan` into build-asan/ with
# AddressSanitizer and UndefinedBehaviorSanitizer, but without the cuda device, and
# `tools/build.sh asan-cuda` into build-asan-cuda/ with it.
set -eu
cd "$(dirname "$0")/.."

# Reports need lines of the source, and no more of what -g writes. That and -O1 halve compiling.
sanitized='-Db_sanitize=address,undefined -Ddebug=true -Doptimization=1 -Dc_args=-g1 -Dcpp_args=-g1'
case "${1-}" in
'') folder=build options= ;;
asan) folder=build-asan options="$sanitized -Dcuda=disabled" ;;
asan-cuda) folder=build-asan-cuda options=$sanitized ;;
*)
    echo "build: \"$1\" is no kind of build; there are asan and asan-cuda" >&2
    exit 2
    ;;
esac

if ! [ -f $folder/build.ninja ]; then
    # shellcheck disable=SC2086 # a list of words
    meson setup $folder $options
fi
exec ninja -C $folder

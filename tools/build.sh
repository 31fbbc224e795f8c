#!/bin/sh
# Configures and compiles: `tools/build.sh` into build/, `tools/build.sh asan` into build-asan/ with
# AddressSanitizer and UndefinedBehaviorSanitizer.
set -eu
cd "$(dirname "$0")/.."

case "${1-}" in
'') folder=build options= ;;
asan) folder=build-asan options='-Db_sanitize=address,undefined -Dbuildtype=debugoptimized' ;;
*)
    echo "build: \"$1\" is no kind of build; there is asan" >&2
    exit 2
    ;;
esac

if ! [ -f $folder/build.ninja ]; then
    # shellcheck disable=SC2086 # a list of words
    meson setup $folder $options
fi
exec ninja -C $folder

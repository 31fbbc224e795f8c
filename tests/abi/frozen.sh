#!/bin/sh
# The contract's structs and values are those of the golden text, whose numbers plugins were built
# with. `make golden` writes it anew, but only when it grew; docs/abi.md says what may change.
# $1: the source tree
set -eu
here=$1/tests/abi
golden=$here/contract.txt
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v readelf >/dev/null || {
    echo "needs readelf (Debian: apt-get install binutils)"
    exit 77
}

# verdict INCLUDE: 0 as the golden text, 1 grew, 2 breaks plugins; what differs is in $folder/said
verdict() {
    "$here/layout.sh" "$1" >"$folder/now.txt"
    status=0
    awk -f "$here/compare.awk" "$golden" "$folder/now.txt" >"$folder/said" || status=$?
    return $status
}

# planted WANT HEADER SED: that edit of a header gets that verdict, or the comparison is worth nothing
planted() {
    rm -rf "$folder/include"
    cp -r "$1/core/include" "$folder/include"
    sed -i "$4" "$folder/include/kindred/$3"
    ! cmp -s "$1/core/include/kindred/$3" "$folder/include/kindred/$3" || {
        echo "frozen.sh: $3 has nothing to plant in: $4"
        exit 1
    }
    got=0
    verdict "$folder/include" || got=$?
    [ $got = "$2" ] || {
        echo "frozen.sh: $3 with $4 is judged $got, should be $2:"
        cat "$folder/said"
        exit 1
    }
}

status=0
test ! -e "$golden" && [ -n "${KINDRED_REWRITE_GOLDEN-}" ] && "$here/layout.sh" "$1/core/include" >"$golden"
verdict "$1/core/include" || status=$?
if [ $status = 1 ] && [ -n "${KINDRED_REWRITE_GOLDEN-}" ]; then
    cp "$folder/now.txt" "$golden"
    echo "written anew, with:"
    cat "$folder/said"
elif [ $status = 1 ]; then
    echo "The contract grew, as it may (docs/abi.md):"
    cat "$folder/said"
    echo "Write it into the golden text with \`make golden\`, read its diff, and commit both."
    exit 1
elif [ $status != 0 ]; then
    echo "The contract CHANGED: plugins that were built before would read or call the wrong thing."
    cat "$folder/said"
    echo "Put new members at the end of a table that may grow, give new values numbers of their own, or"
    echo "add a named extension: docs/abi.md. (While the ABI is 0: to break it on purpose, write a"
    echo "decision, remove tests/abi/contract.txt and run \`make golden\`; tests/older shows whom it hurts.)"
    exit 1
fi

# What the comparison is for.
planted "$1" 2 device.h 's/^    uint32_t alignment;/    uint32_t inserted;\n&/'
planted "$1" 2 graph.h 's/int64_t dim\[KD_MAX_RANK\];/&\n    int64_t more;/'
planted "$1" 2 op.h 's/^#define KD_OP_ALIAS 2u/#define KD_OP_ALIAS 64u/'
planted "$1" 2 eval.h 's/int32_t classes;/uint32_t classes;/'
planted "$1" 2 dataset.h 's/(\*count)(const kd_set \*set)/(*count)(const kd_set *set, int flags)/'
planted "$1" 2 method.h '/uint32_t n_programs, program_stride;/d'
planted "$1" 2 error.h 's/char hint\[512\]/char hint[256]/'
planted "$1" 1 plugin.h 's/^};/    void (*newest)(void);\n};/'
planted "$1" 1 method.h 's/int32_t side; .*/&\n/; s/^    int32_t reserved;/    int32_t rotation;/'
planted "$1" 1 error.h 's/^#define KD_E_INTERNAL 8/&\n#define KD_E_BUSY 9/'
planted "$1" 1 device_extensions.h 's/^#define KD_DEVICE_COPY/typedef struct kd_device_new { uint32_t size; } kd_device_new;\n&/'

#!/bin/sh
# Prints what every kernel takes of a multiprocessor, and fails when one spills registers to memory.
# `tools/cuda_resources.sh NVCC FLAG... -- FILE.cu...`
set -eu
arguments=
while [ "$1" != -- ]; do
    arguments="$arguments $1"
    shift
done
shift

report() {
    for file; do
        for arch in sm_80 sm_90; do
            # shellcheck disable=SC2086 # flags are words
            $arguments -arch=$arch -Xptxas -v -cubin -o /dev/null "$file" 2>&1 || echo "FAILED $file"
        done
    done
}

printf '%-6s %9s %6s %7s %7s  %s\n' arch registers spills shared stack kernel
report "$@" | if command -v c++filt > /dev/null; then c++filt; else cat; fi | awk '
/Compiling entry function/ {
    split($0, part, "\047")
    kernel = part[2]
    arch = part[4]
}
/bytes stack frame/ {
    for (i = 1; i < NF; i++) {
        if ($(i + 1) == "bytes" && $(i + 2) == "stack") stack = $i
        if ($(i + 1) == "bytes" && $(i + 2) == "spill") spills += $i
    }
}
/Used [0-9]+ registers/ {
    match($0, /Used [0-9]+/)
    registers = substr($0, RSTART + 5, RLENGTH - 5)
    shared = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH - 11) : 0
    printf "%-6s %9d %6d %7d %7d  %s\n", arch, registers, spills, shared, stack, kernel
    bad += spills > 0
    kernels++
    spills = stack = 0
}
/FAILED|error/ { print; bad++ }
END {
    printf "%d kernels, %d that spill or fail\n", kernels, bad
    exit bad > 0 || kernels == 0
}'

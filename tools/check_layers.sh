#!/bin/sh
# Checks who may include what, as ARCHITECTURE.md's table says, and that core/ computes nothing by
# itself: no vendor's compute library, no OpenMP. `tools/check_layers.sh [ROOT]`
set -eu
cd "${1-$(dirname "$0")/..}"

includes() {
    find core plugins examples \( -name '*.c' -o -name '*.h' -o -name '*.cu' \) -exec \
        grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null {} + || true
}

includes | awk '
BEGIN {
    # room: rooms that it may include; every room may include the contract, <kindred/...>
    may["base"] = "base"
    may["config"] = "base config"
    may["graph"] = "base graph"
    may["data"] = "base data"
    may["plugin"] = "base config plugin"
    may["package"] = "base config plugin package"
    may["fetch"] = "base fetch"
    may["train"] = may["report"] = "base config graph data plugin train report"
    may["study"] = "base config graph data plugin train study"
    may["report"] = may["study"] " report"
    may["check"] = may["train"] " check"
    may["cli"] = may["check"] " study package fetch cli"
    libc = " assert complex ctype errno fenv float inttypes limits locale math signal stdalign" \
           " stdarg stdbool stddef stdint stdio stdlib string time "
    vendor = "^(oneapi/|dnnl|mkl|cblas|lapacke|omp\\.h|cuda|cudnn|cublas|nccl|nvrtc|hip/|rocblas|" \
             "immintrin|x86intrin|arm_neon)"
}

function complain(why) {
    printf "%s:%s: includes %s: %s\n", file, line, name, why
    bad++
}

function has(words, word) {
    return index(" " words " ", " " word " ") > 0
}

function beside(path, other) {
    sub(/[^\/]*$/, "", path)
    if ((getline unused < (path other)) < 0) {
        return 0
    }
    close(path other)
    return 1
}

function room_of(path, parts) {
    split(path, parts, "/")
    return parts[1]
}

function check_contract() {
    if (system_header ? name !~ /^kindred\// && !has(libc, gensub_h(name)) : 1) {
        complain("the contract includes libc and itself only")
    }
}

function gensub_h(text) {
    sub(/\.h$/, "", text)
    return text
}

function check_core(room) {
    if (system_header) {
        if (name ~ vendor && !(room == "report" && name == "lapacke.h")) {
            complain("core/ holds no compute; that is a device plugin'"'"'s")
        }
    } else if (name ~ /\.\./) {
        complain("no way up")
    } else if (name !~ /\// ? !beside(file, name) : !has(may[room], room_of(name))) {
        complain("core/" room " may include " may[room] " and the contract")
    }
}

function check_plugin() {
    if (system_header ? name ~ /^(base|config|graph|data|plugin|train|report|cli)\// : 1) {
        if (system_header || name ~ /\// || !beside(file, name)) {
            complain("a plugin includes the contract, its own folder and its vendor library only")
        }
    }
}

{
    file = $0
    sub(/:.*/, "", file)
    line = substr($0, length(file) + 2)
    sub(/:.*/, "", line)
    system_header = $0 ~ /include[ \t]*</
    if (!match($0, /[<"][^>"]+[>"]/)) {
        next
    }
    name = substr($0, RSTART + 1, RLENGTH - 2)
    seen++
    split(file, part, "/")
    if (file ~ /^core\/include\//) {
        check_contract()
    } else if (part[1] == "core" && (part[2] in may)) {
        check_core(part[2])
    } else if (part[1] == "core") {
        complain("core/" part[2] " is not in the table of tools/check_layers.sh")
    } else {
        check_plugin()
    }
}

END {
    if (seen == 0) {
        print "no include was found: run from the root of the sources"
    }
    exit bad > 0 || seen == 0
}'

if grep -rnE 'dnnl|openmp|cuda' core --include=meson.build; then
    echo "core/ links to no compute library" >&2
    exit 1
fi

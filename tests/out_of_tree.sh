#!/bin/sh
# The example plugin, built as its README says with nothing but the headers, is described and trains.
# $1: the source tree, $2: the program
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
program=$(realpath "$2")
id=org.example.alignment_uniformity

cc -std=c11 -O2 -fPIC -shared -fvisibility=hidden -I "$1/core/include" -Wl,-z,defs \
    "$1/examples/plugin/alignment_uniformity.c" -o "$folder/plugin.so"
"$program" plugin describe --plugin "$folder/plugin.so" $id | grep -q 'spread'
cd "$folder"
export XDG_CACHE_HOME="$folder/cache"
"$program" train "$1/examples/tiny.yaml" --plugin "$folder/plugin.so" "method={plugin: $id, output: 16}" \
    train.epochs=1 data.count=64 train.batch=16 evals=[] >log 2>&1 || {
    cat log
    exit 1
}
grep -q '"uniformity"' runs/tiny/metrics.jsonl
grep -q $id runs/tiny/plugins.lock

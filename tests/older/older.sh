#!/bin/sh
# Plugins built from the contract's headers of an earlier day are described, pass every check and train
# together, with today's host.
# $1: the source tree, $2: the program, $3: the folder of the older plugins
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
program=$(realpath "$2")
cd "$folder"
export XDG_CACHE_HOME="$folder/cache" HOME="$folder"
unset KINDRED_PLUGIN_PATH
fail() {
    cat "$1"
    echo "older.sh: $2"
    exit 1
}

# These headers are the older ones: what came later is not in them.
! grep -q step_key "$1/tests/older/include/kindred/graph.h"
grep -q step_key "$1/core/include/kindred/graph.h"

# name options: a network small enough for the reference device's plain loops
while read -r name options; do
    file=$3/older_$name.so
    "$program" plugin describe "older.$name" --plugin "$file" >log 2>&1 || fail log "describe $name"
    # shellcheck disable=SC2086 # words
    "$program" plugin check --level 3 "$file" $options >log 2>&1 || fail log "check $name"
    grep -q 'passes level 3' log || fail log "check $name"
done <<END
simclr
resnet depth=18 stem=tiny width=4
knn
gratings
loops
END

# All of them in one run. A device of three ops trains nothing, and says so.
plugins="--plugin $3/older_simclr.so --plugin $3/older_resnet.so --plugin $3/older_knn.so
    --plugin $3/older_gratings.so --plugin $3/older_loops.so"
cat >run.yaml <<'END'
name: older
data: {plugin: older.gratings, count: 96, size: 16}
views:
  - {size: 16, count: 2, normalize: store, ops: [random_resized_crop, flip]}
backbone: {plugin: older.resnet, depth: 18, stem: tiny, width: 4}
method: {plugin: older.simclr, hidden: 16, output: 8}
optimizer: {name: sgd, lr: 0.1}
train: {epochs: 2, batch: 32}
checkpoint: {every_epochs: 1}
evals:
  - plugin: older.knn
    k: 5
    train: {plugin: older.gratings, count: 64, size: 16}
    test: {plugin: older.gratings, count: 32, size: 16, seed: 1}
END
# shellcheck disable=SC2086 # words
"$program" train run.yaml $plugins 'device={plugin: cpu, threads: 1}' >log 2>&1 || fail log train
for id in simclr resnet knn gratings; do
    grep -q "older\.$id" runs/older/plugins.lock || fail runs/older/plugins.lock "$id is not in it"
done
grep -q '"accuracy"' runs/older/metrics.jsonl || fail runs/older/metrics.jsonl 'no eval'
# shellcheck disable=SC2086
"$program" train run.yaml $plugins 'device={plugin: older.loops}' name=none >log 2>&1 && fail log 'three ops trained'
grep -q "no kernel for op" log || fail log 'no clear error'

#!/bin/sh
# A small version of one of the paper's studies comes to its table, cut to a step of 16 pairs a run.
# $1: the source tree, $2: the program, $3: the study, $4: its rows
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
source=$(realpath "$1") program=$(realpath "$2")
export XDG_CACHE_HOME="$folder/cache"
cd "$folder"
"$program" study "$source/examples/paper/small/$3.yaml" 'seeds=[1]' train.steps=1 train.batch=16 data.count=64 \
    schedule.warmup_epochs=0 'evals=[{plugin: knn, k: 3}]' 'device={plugin: cpu, threads: 1}' >log 2>&1 || {
    cat log
    exit 1
}
grep "^$4 of $4 runs are done" "studies/small-$3/table.md" || { cat log; exit 1; }

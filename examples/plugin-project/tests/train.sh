#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Trains as run.yaml says, with the files as they were built; the run says who brought which op. What
# kindred has packed of the arrays is made anew when one of them changes.
# $1: kindred, $2: the method, $3: the dataset, $4: what writes arrays, $5: run.yaml
set -eu
method=$(realpath "$2")
dataset=$(realpath "$3")
run=$(realpath "$5")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$4" "$folder"
cd "$folder"
export XDG_CACHE_HOME="$folder/cache"
train() {
    "$1" train "$run" --plugin "$method" --plugin "$dataset" "device={plugin: $2}" name="$2" >log 2>&1 || {
        cat log
        exit 1
    }
    grep -q '"uniformity"' "runs/$2/metrics.jsonl"
    grep -q '"alignment_uniformity::spread"' "runs/$2/plugins.lock"
    grep -q '"org.example.npy"' "runs/$2/plugins.lock"
}
train "$1" cpu
train "$1" reference

packed() {
    find "$XDG_CACHE_HOME" -name '*.safetensors' | wc -l
}
before=$(packed)
touch -d '2001-02-03' labels.npy
rm -r runs/cpu
train "$1" cpu
test "$(packed)" -gt "$before"

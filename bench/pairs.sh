#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Semantic pairs of CIFAR-100 against augmented views, in equal steps, kNN on held-out images:
#   bench/pairs.sh cifar-100-binary [seed [override ...]]
# The runs and the manifest go into the current folder. Arms: semantic (both images of a pair),
# augmented (two views of the first), and all (two views of any of the 50,000 images: as many images
# as semantic sees, half as often).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kindred="${KINDRED:-$here/../build/kindred}"
data=$1 seed=${2:-1}
shift $(($# < 2 ? $# : 2))
"${PYTHON:-python3}" "$here/pairs_manifest.py" "$data" --seed "$seed" > "pairs-$seed.csv"
run() {
    arm=$1
    shift
    "$kindred" train "$here/pairs.yaml" "name=pairs-$arm-$seed" "seed=$seed" "data.path=$data" \
        "evals.0.train.path=$data" "evals.0.test.path=$data" "$@"
}
run semantic "data.pairs.manifest=pairs-$seed.csv" "$@"
run augmented "data.pairs.manifest=pairs-$seed.csv" data.pairs.arm=augmented "$@"
# 97 steps an epoch of pairs, 195 of images: as many steps in all, the warm-up as long.
run all 'data.pairs={arm: augmented}' train.steps=776 schedule.warmup_epochs=0.5 "$@"

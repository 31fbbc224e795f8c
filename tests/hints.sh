#!/bin/sh
# What hints tell people to write is what the program takes: each row is a source file, the words
# that a hint of it quotes, and the same as words of a command line, which must be understood.
# $1: the source tree, $2: the program
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XDG_CACHE_HOME="$folder/cache"
program=$(realpath "$2")
cd "$folder"

failed=0
while IFS='|' read -r file quoted word; do
    if ! grep -qF -- "$quoted" "$1/$file"; then
        echo "$file no longer has the hint: $quoted"
        failed=1
    elif ! "$program" plan "$1/examples/tiny.yaml" "$word" >log 2>&1; then
        echo "$file: $quoted"
        cat log
        failed=1
    fi
done <<'END'
core/train/run_load.c|device: {plugin: %s}|device={plugin: cpu}
core/train/run_load.c|views: [{recipe: simclr, size: 64, count: 2}]|views=[{recipe: simclr, size: 64, count: 2}]
core/train/recipe.c|ops: [random_resized_crop: {}, ...]|views=[{size: 16, count: 2, ops: [random_resized_crop: {}, flip]}]
core/train/recipe_ops.c|{size: 64, ops: [...], normalize: imagenet}|views=[{size: 64, count: 2, ops: [resize], normalize: imagenet}]
core/train/recipe.c|normalize: store|views=[{recipe: simclr, size: 16, count: 2, normalize: store}]
core/cli/cli_eval.c|evals.0={plugin: knn}|evals.0={plugin: knn}
core/data/decode.c|data.on_error: skip|data.on_error=skip
core/data/store.c|data.store.cache|data.store.cache=store
core/include/kindred/device.h|device: {plugin: reference}|device={plugin: reference}
plugins/devices/cpu/onednn.c|device: {plugin: reference}|device={plugin: reference}
plugins/devices/cpu/onednn.c|precision: f32|precision=f32
core/include/kindred/device.h|precision: f32|precision=f32
plugins/devices/cuda/device.c|device: {plugin: cpu}|device={plugin: cpu}
plugins/devices/cuda/node.c|device: {plugin: cpu}|device={plugin: cpu}
END

# A device is a map: the word alone is refused.
if grep -rnE '"[^"]*device: (cpu|reference|cuda)' "$1/core" "$1/plugins"; then
    echo "these hints name a device as no run can; write device: {plugin: NAME}"
    failed=1
fi
exit $failed

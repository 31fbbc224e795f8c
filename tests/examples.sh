#!/bin/sh
# Every example of a run is understood, and its step compiles, on a few images of the kind of data
# that it names.
# $1: the source tree, $2: the program
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
program=$(realpath "$2")
export XDG_CACHE_HOME="$folder/cache"

# count bytes that are not all the same
bytes() {
    seq 100000 | head -c "$1"
}

# idx file magic count: 28 x 28 images (magic 3) or labels (1)
idx() {
    {
        printf '\000\000\010\00%d\000\000\000\040' "$2"
        [ "$2" = 1 ] || printf '\000\000\000\034\000\000\000\034'
        if [ "$2" = 1 ]; then head -c 32 /dev/zero; else bytes $((32 * 784)); fi
    } >"$folder/idx/$1"
}

mkdir "$folder/cifar" "$folder/idx" "$folder/image_folder" "$folder/image_folder/cat"
for batch in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
    for image in $(seq 8); do
        printf '\001'
        bytes 3072
    done >"$folder/cifar/$batch.bin"
done
for split in train t10k; do
    idx $split-images-idx3-ubyte 3
    idx $split-labels-idx1-ubyte 1
done
for pair in $(seq 32); do
    for side in 1 2; do
        base64 -d >"$folder/image_folder/cat/${pair}_$side.png" <<END
iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAE0lEQVR42mNgENGwCUhhABEVPQARAgNJLSjfSwAA
AABJRU5ErkJggg==
END
    done
done

failed=0
cd "$folder"
for run in $(find "$1/examples" -name '*.yaml' | sort); do
    data=$(awk '/^data:/ {inside = 1} inside && sub(/.*plugin: */, "") {sub(/[,}].*/, ""); print; exit}' "$run")
    path=
    [ ! -d "$data" ] || path=data.path=$folder/$data
    if ! "$program" plan "$run" device.plugin=reference train.batch=16 ${path:+"$path"} >log 2>&1; then
        echo "$run:"
        cat log
        failed=1
    fi
done
exit $failed

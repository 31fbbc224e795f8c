#!/bin/sh
# Every example of a run is understood, and its step compiles, on a few images of the kind of data
# that it names. Examples of studies are test_study's, those of plugins plugin_project.sh's.
# $1: the source tree, $2: the program
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
program=$(realpath "$2")
export XDG_CACHE_HOME="$folder/cache"
cd "$folder"

# bytes count: of several values
bytes() {
    seq 100000 | head -c "$1"
}

# idx file rank: 32 images of 28 x 28 pixels (rank 3), or their labels (1)
idx() {
    {
        printf "\000\000\010\00$2\000\000\000\040"
        [ "$2" = 1 ] || printf '\000\000\000\034\000\000\000\034'
        if [ "$2" = 1 ]; then bytes 32 | tr '\n1-9' '\000\001-\011'; else bytes $((32 * 784)); fi
    } >"idx/$1"
}

mkdir cifar idx image_folder
mkdir image_folder/cat image_folder/dog
for batch in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
    for image in $(seq 8); do
        printf '\001'
        bytes 3072
    done >"cifar/$batch.bin"
done
for split in train t10k; do
    idx $split-images-idx3-ubyte 3
    idx $split-labels-idx1-ubyte 1
done
base64 -d >picture.png <<END
iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAE0lEQVR42mNgENGwCUhhABEVPQARAgNJLSjfSwAA
AABJRU5ErkJggg==
END
for pair in $(seq 16); do
    for image in "cat/${pair}_1" "cat/${pair}_2" "dog/${pair}_1" "dog/${pair}_2"; do
        cp picture.png "image_folder/$image.png"
    done
done

failed=0
for run in $(grep -rL '^matrix:' --include='*.yaml' "$1/examples" | grep -v -e /paper/ -e /plugin-project/ | sort); do
    data=$(awk '/^data:/ {inside = 1} inside && sub(/.*plugin: */, "") {sub(/[,}].*/, ""); print; exit}' "$run")
    path=
    [ ! -d "$data" ] || path="data.path=$data"
    case $run in # clusters are fewer than samples
    *deepcluster*) path="$path method.prototypes=[8,8]" ;;
    esac
    if ! "$program" plan "$run" device.plugin=reference train.batch=16 $path >log 2>&1; then
        echo "$run:"
        cat log
        failed=1
    fi
done
exit $failed

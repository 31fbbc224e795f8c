#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The dataset passes every check on arrays that are right, and names what is wrong with others.
# $1: kindred, $2: the dataset, $3: what writes arrays
set -eu
module=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$3" "$folder"
cd "$folder"
for images in images gray; do
    "$1" plugin check "$module" images=$images.npy labels=labels.npy >log || { cat log; exit 1; }
done
while read -r images labels words; do
    ! "$1" plugin check "$module" images="$images.npy" labels="$labels.npy" >log || { cat log; exit 1; }
    grep -q "$words" log || { cat log; echo "$images $labels: not \"$words\""; exit 1; }
done <<END
short labels short.npy: is shorter than its header says
channels labels channels.npy: is not uint8
deep labels deep.npy: holds another sort of array
floats labels floats.npy: holds another sort of array
images few few.npy: has not one label for each image
absent labels absent.npy: No such file
END

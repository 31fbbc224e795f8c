#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pairs up the training images of CIFAR-100 at random within their fine class, each used once.

    bench/pairs_manifest.py cifar-100-binary --seed 1 > pairs.csv

Writes a manifest (index_a, index_b, label) for `data.pairs.manifest` of the dataset plugin `cifar`:
25,000 pairs, which together hold every training image.
"""
import argparse
import pathlib
import random
import sys

RECORD = 2 + 3072  # coarse label, fine label, pixels


def pairs(labels, seed):
    by_class = {}
    for index, label in enumerate(labels):
        by_class.setdefault(label, []).append(index)
    chance, found = random.Random(seed), []
    for label in sorted(by_class):
        images = by_class[label]
        chance.shuffle(images)
        found += [(a, b, label) for a, b in zip(images[::2], images[1::2])]
    return sorted(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="cifar-100-binary")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    data = (args.folder / "train.bin").read_bytes()
    if not data or len(data) % RECORD:
        sys.exit(f"{args.folder / 'train.bin'}: {len(data)} bytes are not records of CIFAR-100")
    print("index_a,index_b,label")
    for pair in pairs(data[1::RECORD], args.seed):
        print(*pair, sep=",")


if __name__ == "__main__":
    main()

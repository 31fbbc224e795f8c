#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes resize.h: what Pillow's Image.resize gives for pictures that a formula makes.

Needs Pillow. test_decode.c makes the same pictures and compares byte by byte."""
import PIL
from PIL import Image

CASES = [(13, 17, 5, 7, 3), (17, 13, 7, 13, 1), (4, 3, 6, 5, 3), (8, 8, 3, 8, 1), (375, 500, 96, 128, 3),
         (64, 64, 48, 48, 3)]
FILTERS = [("BILINEAR", Image.Resampling.BILINEAR), ("BICUBIC", Image.Resampling.BICUBIC)]


def picture(height, width, channels):
    data = bytes((x * 7 + y * 13 + c * 29 + x * y % 11 * 23) % 256
                 for y in range(height) for x in range(width) for c in range(channels))
    return Image.frombytes("RGB" if channels == 3 else "L", (width, height), data)


def fnv(data):
    h = 14695981039346656037
    for b in data:
        h = (h ^ b) * 1099511628211 % 2**64
    return h


print("/* SPDX-License-Identifier: Apache-2.0")
print(f" * Made by make_resize.py with Pillow {PIL.__version__}: do not edit. */")
print("/* clang-format off */")
print("/* height, width, to_height, to_width, channels, filter, first bytes, FNV-1a of all bytes */")
for case in CASES:
    h, w, th, tw, c = case
    for name, kind in FILTERS:
        out = picture(h, w, c).resize((tw, th), kind).tobytes()
        first = ", ".join(str(b) for b in out[:8])
        print(f"{{{h}, {w}, {th}, {tw}, {c}, FILTER_{name}, {{{first}}}, 0x{fnv(out):016x}u}},")

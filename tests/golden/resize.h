/* SPDX-License-Identifier: Apache-2.0
 * Made by make_resize.py with Pillow 13.0.0: do not edit. */
/* clang-format off */
/* height, width, to_height, to_width, channels, filter, first bytes, FNV-1a of all bytes */
{13, 17, 5, 7, 3, FILTER_BILINEAR, {43, 72, 101, 95, 108, 137, 118, 133}, 0x98532d8950e24b83u},
{13, 17, 5, 7, 3, FILTER_BICUBIC, {33, 66, 95, 94, 105, 136, 117, 135}, 0xb3be6ffdd67eb72eu},
{17, 13, 7, 13, 1, FILTER_BILINEAR, {12, 41, 70, 91, 120, 92, 121, 143}, 0xc4dc2a85c2181c48u},
{17, 13, 7, 13, 1, FILTER_BICUBIC, {10, 34, 61, 90, 117, 91, 118, 139}, 0xb71553ce67d2a7ecu},
{4, 3, 6, 5, 3, FILTER_BILINEAR, {0, 29, 58, 3, 32, 61, 7, 36}, 0x82656dfedff032c7u},
{4, 3, 6, 5, 3, FILTER_BICUBIC, {0, 27, 56, 1, 30, 59, 5, 34}, 0x94b8b1c0afe153c2u},
{8, 8, 3, 8, 1, FILTER_BILINEAR, {14, 47, 79, 91, 124, 96, 129, 141}, 0xc7efdf8b2feb7890u},
{8, 8, 3, 8, 1, FILTER_BICUBIC, {12, 39, 73, 91, 124, 91, 125, 137}, 0x290a4b08803b69bdu},
{375, 500, 96, 128, 3, FILTER_BILINEAR, {85, 101, 130, 125, 122, 141, 120, 115}, 0xada1db25fca3afe6u},
{375, 500, 96, 128, 3, FILTER_BICUBIC, {79, 98, 129, 129, 123, 141, 117, 114}, 0x8e0a549a6434698au},
{64, 64, 48, 48, 3, FILTER_BILINEAR, {8, 37, 66, 25, 54, 83, 43, 72}, 0x26c12bf970f65c1eu},
{64, 64, 48, 48, 3, FILTER_BICUBIC, {4, 33, 62, 19, 48, 77, 34, 64}, 0xa0a9d06b666ad7c3u},

/* SPDX-License-Identifier: Apache-2.0
 * What turns a convolution into a matrix product: patches of x as rows of a matrix, or, on maps
 * smaller than the kernel, the weight spread out into the matrix from all of x to all of y. */
#ifndef CPU_PATCHES_H
#define CPU_PATCHES_H

#include "onednn.h"

/* x [n, h, w, c], weight [o, kh, kw, c], y [n, oh, ow, o]; `type` is that of x and y. */
typedef struct geometry {
    int64_t n, h, w, c, o, kh, kw, oh, ow, stride, padding;
    int32_t type;
} geometry;

/* Loops of a plan; `work` is the geometry. */

/* x -> patches [n oh ow, kh kw c], of x's type */
plan_loop gather_patches;
/* gradient of patches, f32 -> dx [n, h, w, c] */
plan_loop add_patches;
/* weight -> [oh ow o, h w c], of its type */
plan_loop spread_weight;
/* f32 gradient of that -> dweight, f32 */
plan_loop fold_weight;

#endif

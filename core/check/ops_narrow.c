/* SPDX-License-Identifier: Apache-2.0
 * Cases of ops that store in bf16 what they make in f32. Last of the table, for a case's draws
 * depend on its place. */
#include "check/ops.h"

#include <kindred/augment.h>

static const int64_t codes[] = {KD_AUGMENT_RANDOM_RESIZED_CROP,
                                KD_AUGMENT_FLIP,
                                KD_AUGMENT_COLOR_JITTER,
                                KD_AUGMENT_BLUR,
                                KD_AUGMENT_SOLARIZE,
                                KD_AUGMENT_ROTATE,
                                KD_AUGMENT_NORMALIZE};
static const double arguments[][KD_AUGMENT_ARGS] = {
    {0.2, 1, 0.75, 1.3333, 1},
    {0.5},
    {0.5, 0.4, 0.4, 0.4, 0.1},
    {0.6, 0, 0.5, 2},
    {0.5, 0.5},
    {0.5, 20, 1},
    {0.5, 0.4, 0.6, 0.2, 0.3, 0.25},
};
#define CODES 7

/* arg: size, channels, dtype */
static void augment(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("view", 1),
                             KD_I("size", c->arg[0]),
                             KD_I("channels", c->arg[1]),
                             KD_IS("ops", codes, CODES),
                             KD_FS("args", arguments[0], CODES * KD_AUGMENT_ARGS),
                             KD_I("dtype", c->arg[2])};
    out[0] = kd_emit(c->op, in, 3, attrs, 6);
}

/* Images of 9 x 11 and of 12 x 10 pixels in colour, one after the other. */
static const double rows[] = {0, 9, 11, 0, 297, 12, 10, 1, 0, 9, 11, 2, 297, 12, 10, 3};
/* The second begins within the store and ends outside. */
static const double broken_rows[] = {0, 9, 11, 0, 298, 12, 10, 1};

#define STORE(images, list)                                                                        \
    .in = {{WHOLE(KD_U8, 0, 256, 657)},                                                            \
           {WHOLE(KD_I64, 0, 1, images, 4), VALUES(list)},                                         \
           {WHOLE(KD_I64, 0, 1000, 2)}}

#define ROUNDED_VIEW                                                                               \
    .tolerance = 1e-6, .why = "a value that is off by a little may round to a neighbour in bf16"

const op_case ops_narrow_cases[] = {
    {"augment", "an image that is not all there", .build = augment, STORE(2, broken_rows),
     .arg = {8, 3}},
    {"narrow_augment", .build = augment, STORE(4, rows), .arg = {11, 3, KD_BF16}, ROUNDED_VIEW},
    {"narrow_augment", "one channel", .build = augment, STORE(4, rows), .arg = {12, 1, KD_BF16},
     ROUNDED_VIEW},
    {"narrow_augment", "large", .build = augment, STORE(2, rows), .arg = {112, 3, KD_BF16},
     ROUNDED_VIEW},
    {"narrow_augment", "an image that is not all there", .build = augment, STORE(2, broken_rows),
     .arg = {8, 3, KD_BF16}, ROUNDED_VIEW},
    {NULL},
};

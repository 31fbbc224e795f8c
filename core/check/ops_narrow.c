/* SPDX-License-Identifier: Apache-2.0
 * Cases of ops that store in bf16 what they make, or are given, in f32. */
#include "check/ops.h"

#include <kindred/augment.h>
#include <math.h>

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

/* All inputs. */
static void cast_all(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    uint32_t count = 0;
    while (count < OP_MAX_OUTPUTS && c->in[count].given) {
        count++;
    }
    s->api->emit(s, c->op, in, count, NULL, 0, out, count);
}

/* Three inputs over and over, as MANY tensors, of which some are looked at. */
#define MANY 150
static void cast_many(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    static const int shown[OP_MAX_OUTPUTS] = {0, 1, 127, 128, MANY - 1};
    kd_tensor *from[MANY], *to[MANY];
    for (int i = 0; i < MANY; i++) {
        from[i] = in[i % 3];
    }
    s->api->emit(s, c->op, from, MANY, NULL, 0, to, MANY);
    for (int i = 0; i < OP_MAX_OUTPUTS; i++) {
        out[i] = to[shown[i]];
    }
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

static const double specials[] = {1 + 0x1p-8, 1 + 3 * 0x1p-8, 3.4e38,    -HUGE_VAL,
                                  NAN,        -0.0,           0x1.8p-133};

const op_case ops_narrow_cases[] = {
    {"cast_all", .build = cast_all, .in = {{REAL(ANY)}, {REAL(3, 5)}, {REAL(ANY, 33)}}},
    {"cast_all", "one", .build = cast_all, .in = {{REAL(12)}}},
    {"cast_all", "nothing in between", .build = cast_all,
     .in = {{REAL(0)}, {REAL(7)}, {REAL(0, 3)}, {REAL(0)}, {REAL(16)}}},
    {"cast_all", "beside each other", .build = cast_all,
     .in = {{REAL(1), VALUES(specials)},
            {REAL(7), VALUES(specials)},
            {REAL(8), VALUES(specials)},
            {REAL(9), VALUES(specials)}}},
    {"cast_all", "whole blocks and more", .build = cast_all,
     .in = {{REAL(8192)}, {REAL(8193)}, {REAL(8191)}, {REAL(3, 8192)}, {REAL(5)}}},
    {"cast_all", "many", .build = cast_many, .in = {{REAL(5)}, {REAL(2, 8)}, {REAL(1)}}},

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

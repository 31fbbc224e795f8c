/* SPDX-License-Identifier: Apache-2.0
 * Cases of pooling and batch normalisation. */
#include "check/ops.h"

#include <kindred/augment.h>
#include <math.h>

/* arg: kernel, stride, padding */
static void max_pool2d(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("kernel", c->arg[0]), KD_I("stride", c->arg[1]),
                             KD_I("padding", c->arg[2])};
    s->api->emit(s, "max_pool2d", in, 1, attrs, 3, out, 2);
}

/* arg: kernel, stride, padding, height, width. The second input is where a maximum may lie: bytes
 * below the square of the kernel. */
static void max_pool2d_grad(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("kernel", c->arg[0]), KD_I("stride", c->arg[1]),
                             KD_I("padding", c->arg[2]), KD_I("height", c->arg[3]),
                             KD_I("width", c->arg[4])};
    out[0] = kd_emit("max_pool2d_grad", in, 2, attrs, 5);
}

static uint32_t given(const op_case *c) {
    uint32_t count = 0;
    while (count < OP_MAX_INPUTS && c->in[count].given) {
        count++;
    }
    return count;
}

/* arg: relu; number: eps, momentum */
static void batch_norm(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_F("eps", c->number[0]), KD_F("momentum", c->number[1]),
                             KD_I("relu", c->arg[0])};
    s->api->emit(s, c->op, in, given(c), attrs, 3, out, 5);
}

/* arg: relu; number: eps */
static void batch_norm_inference(const op_case *c, kd_scope s, kd_tensor *const *in,
                                 kd_tensor **out) {
    const kd_attr attrs[] = {KD_F("eps", c->number[0]), KD_I("relu", c->arg[0])};
    out[0] = kd_emit("batch_norm_inference", in, given(c), attrs, 2);
}

/* arg: relu, outputs */
static void batch_norm_grad(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {KD_I("relu", c->arg[0])};
    s->api->emit(s, c->op, in, given(c), attrs, 1, out, (uint32_t)c->arg[1]);
}

/* Lists of ops behind the cut, by arg[2]. Those with p below 1 do not apply to every view. */
typedef struct augment_list {
    int64_t count;
    int64_t code[8];
    double argument[8][KD_AUGMENT_ARGS];
} augment_list;

static const augment_list augment_lists[] = {
    {3,
     {KD_AUGMENT_RANDOM_RESIZED_CROP, KD_AUGMENT_FLIP, KD_AUGMENT_NORMALIZE},
     {{0.2, 1, 0.75, 1.3333}, {0.5}, {0.5, 0.4, 0.6, 0.2, 0.3, 0.25}}},
    {8,
     {KD_AUGMENT_RANDOM_RESIZED_CROP, KD_AUGMENT_COLOR_JITTER, KD_AUGMENT_GRAYSCALE,
      KD_AUGMENT_COLOR_JITTER, KD_AUGMENT_BLUR, KD_AUGMENT_COLOR_JITTER, KD_AUGMENT_BLUR,
      KD_AUGMENT_SOLARIZE},
     {{0.2, 1, 0.75, 1.3333, 1},
      {0.5, 0.4, 0.4, 0.4, 0.1},
      {0},
      {0.5, 0.8, 0.8, 0.8, 0.2},
      {0.6, 0, 0.5, 2},
      {1, 0.4, 0, 0.4, 0},
      {0.6, 2, 0.5, 2},
      {0.5, 0.5}}},
    {4,
     {KD_AUGMENT_CENTER_CROP, KD_AUGMENT_ROTATE, KD_AUGMENT_ROTATE, KD_AUGMENT_NORMALIZE},
     {{1.2, 1}, {0.7, 20, 0}, {0.7, 20, 1}, {0.5, 0.4, 0.6, 0.2, 0.3, 0.25}}},
    {8,
     {KD_AUGMENT_RESIZE, KD_AUGMENT_FLIP, KD_AUGMENT_ROTATE, KD_AUGMENT_COLOR_JITTER,
      KD_AUGMENT_SOLARIZE, KD_AUGMENT_GRAYSCALE, KD_AUGMENT_BLUR, KD_AUGMENT_NORMALIZE},
     {{1},
      {1},
      {1, 30, 1},
      {1, 0.4, 0.4, 0.4, 0.1},
      {1, 0.5},
      {1},
      {1, 0, 0.1, 2},
      {0.5, 0.4, 0.6, 0.2, 0.3, 0.25}}},
};

/* Of two images of unequal size in one store; arg: size, channels, list. */
static void augment(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const augment_list *list = &augment_lists[c->arg[2]];
    const kd_attr attrs[] = {KD_I("view", 1), KD_I("size", c->arg[0]), KD_I("channels", c->arg[1]),
                             KD_IS("ops", list->code, list->count),
                             KD_FS("args", &list->argument[0][0], list->count * KD_AUGMENT_ARGS)};
    out[0] = kd_emit("augment", in, 3, attrs, 5);
}

static const double image_rows[] = {0, 9, 11, 5, 297, 12, 10, 6};
/* Samples 0 to 7 of a list of two or three jitters: with and without each. */
static const double jitter_rows[] = {0, 9, 11, 0, 297, 12, 10, 1, 0, 9, 11, 2, 297, 12, 10, 3,
                                     0, 9, 11, 4, 297, 12, 10, 5, 0, 9, 11, 6, 297, 12, 10, 7};

static const double level[] = {5};
static const double ties[] = {1, 3, 3, -1, 3, 2, 3, 3};
static const double low[] = {-HUGE_VAL, -1e30, -7};
/* Shifts that decide for a whole channel whether ReLU passes it. */
static const double far_up_and_down[] = {9, -9, 9};
static const double none[] = {0};

/* gamma, beta, running mean, running variance of c channels */
#define VECTORS(c)                                                                                 \
    {REAL(c), .low = 0.5, .high = 2}, {REAL(c)}, {REAL(c)}, {                                      \
        REAL(c), .low = 0.5, .high = 2                                                             \
    }
/* gamma, mean, inv_std of c channels, for the gradient */
#define STATISTICS(c)                                                                              \
    {REAL(c), .low = 0.5, .high = 2}, {REAL(c)}, {                                                 \
        REAL(c), .low = 0.5, .high = 2                                                             \
    }

/* Of the gradient of a sum. */
#define ROUNDED_SUM                                                                                \
    .bf16_tolerance = 1e-3, .why = "dz, a sum of two, is rounded to bf16 where it is kept"

const op_case ops_image_cases[] = {
    {"max_pool2d", "2x2", .build = max_pool2d, .in = {{IN(2, 4, 6, 3), .distinct = true}},
     .arg = {2, 2, 0}, .gradient = true},
    {"max_pool2d", "3x3, overlapping", .build = max_pool2d,
     .in = {{IN(1, 5, 6, 2), .distinct = true}}, .arg = {3, 2, 1}, .gradient = true},
    {"max_pool2d", "stem", .build = max_pool2d, .in = {{IN(3, 17, 19, 13)}}, .arg = {3, 2, 1}},
    {"max_pool2d", "first of equals", .build = max_pool2d, .in = {{IN(1, 6, 8, 1), VALUES(ties)}},
     .arg = {3, 1, 1}},
    {"max_pool2d", "all equal", .build = max_pool2d, .in = {{IN(1, 5, 5, 17), VALUES(level)}},
     .arg = {3, 1, 1}},
    {"max_pool2d", "far below zero", .build = max_pool2d, .in = {{IN(1, 5, 5, 3), VALUES(low)}},
     .arg = {3, 1, 1}},
    {"max_pool2d", "one pixel", .build = max_pool2d, .in = {{IN(2, 1, 1, 5)}}, .arg = {3, 2, 1}},
    {"max_pool2d", "large", .build = max_pool2d, .in = {{IN(4, 32, 32, 64)}}, .arg = {3, 2, 1}},
    {"max_pool2d", "2x2, whole packs", .build = max_pool2d, .in = {{IN(2, 5, 7, 16)}},
     .arg = {2, 2, 0}},
    {"max_pool2d", "5x5", .build = max_pool2d, .in = {{IN(2, 7, 9, 16)}}, .arg = {5, 2, 2}},
    {"max_pool2d", "nothing", .build = max_pool2d, .in = {{IN(0, 4, 4, 3)}}, .arg = {2, 2, 0}},
    {"max_pool2d_grad", "2x2", .build = max_pool2d_grad,
     .in = {{IN(2, 3, 4, 5)}, {WHOLE(KD_U8, 0, 4, 2, 3, 4, 5)}}, .arg = {2, 2, 0, 6, 8}},
    {"max_pool2d_grad", "pixels left over", .build = max_pool2d_grad,
     .in = {{IN(2, 3, 4, 5)}, {WHOLE(KD_U8, 0, 4, 2, 3, 4, 5)}}, .arg = {2, 2, 0, 7, 9}},
    {"max_pool2d_grad", "overlapping", .build = max_pool2d_grad,
     .in = {{IN(2, 3, 4, 17)}, {WHOLE(KD_U8, 4, 5, 2, 3, 4, 17)}}, .arg = {3, 1, 1, 3, 4}},
    {"max_pool2d_grad", "stem", .build = max_pool2d_grad,
     .in = {{IN(2, 9, 10, 35)}, {WHOLE(KD_U8, 0, 9, 2, 9, 10, 35)}}, .arg = {3, 2, 1, 17, 19}},
    {"max_pool2d_grad", "stem, whole packs", .build = max_pool2d_grad,
     .in = {{IN(2, 4, 5, 16)}, {WHOLE(KD_U8, 0, 9, 2, 4, 5, 16)}}, .arg = {3, 2, 1, 8, 9}},
    {"max_pool2d_grad", "gaps between windows", .build = max_pool2d_grad,
     .in = {{IN(2, 2, 3, 8)}, {WHOLE(KD_U8, 0, 4, 2, 2, 3, 8)}}, .arg = {2, 3, 0, 6, 9}},
    {"max_pool2d_grad", "meeting in one pixel", .build = max_pool2d_grad,
     .in = {{IN(1, 2, 2, 17)}, {WHOLE(KD_U8, 8, 9, 1, 2, 2, 17)}}, .arg = {3, 1, 0, 4, 4}},

    {"batch_norm", "gradient", .build = batch_norm, .in = {{IN(5, 3)}, VECTORS(3)},
     .number = {1e-5, 0.1}, .gradient = true},
    {"batch_norm", "gradient, relu", .build = batch_norm,
     .in = {{IN(5, 3)},
            {REAL(3), .low = 0.5, .high = 2},
            {REAL(3), VALUES(far_up_and_down)},
            {REAL(3)},
            {REAL(3), .low = 0.5, .high = 2}},
     .arg = {1}, .number = {1e-5, 0.1}, .gradient = true},
    {"batch_norm", "gradient, residual", .build = batch_norm,
     .in = {{IN(2, 1, 2, 3)}, VECTORS(3), {IN(2, 1, 2, 3)}}, .number = {1e-3, 0.1},
     .gradient = true},
    {"batch_norm", "gradient, residual and relu", .build = batch_norm,
     .in = {{IN(6, 3)}, VECTORS(3), {IN(6, 3), .gap = 9, .high = 10}}, .arg = {1},
     .number = {1e-5, 0.1}, .gradient = true},
    {"batch_norm", "images", .build = batch_norm,
     .in = {{IN(3, 5, 7, 17), .low = -2, .high = 4}, VECTORS(17)}, .number = {1e-5, 0.1}},
    {"batch_norm", "relu", .build = batch_norm, .in = {{IN(3, 5, 7, 16)}, VECTORS(16)}, .arg = {1},
     .number = {1e-5, 0.1}},
    {"batch_norm", "residual and relu", .build = batch_norm,
     .in = {{IN(3, 5, 7, 31)}, VECTORS(31), {IN(3, 5, 7, 31)}}, .arg = {1}, .number = {1e-5, 0.1}},
    {"batch_norm", "residual", .build = batch_norm,
     .in = {{IN(3, 5, 7, 31)}, VECTORS(31), {IN(3, 5, 7, 31)}}, .number = {1e-5, 0.25}},
    {"batch_norm", "any channels", .build = batch_norm, .in = {{IN(19, ANY)}, VECTORS(ANY)},
     .number = {1e-5, 0.1}},
    {"batch_norm", "two rows", .build = batch_norm, .in = {{IN(2, 5)}, VECTORS(5)},
     .number = {1e-5, 0.1}},
    {"batch_norm", "a constant", .build = batch_norm, .in = {{IN(9, 5), VALUES(level)}, VECTORS(5)},
     .number = {1e-5, 0.1}},
    {"batch_norm", "large", .build = batch_norm, .in = {{IN(16, 16, 16, 64)}, VECTORS(64)},
     .arg = {1}, .number = {1e-5, 0.1}},
    {"batch_norm", "many rows", .build = batch_norm, .in = {{IN(9, 1000, 8)}, VECTORS(8)},
     .number = {1e-5, 0.1}},
    {"batch_norm", "far from zero", .build = batch_norm,
     .in = {{REAL(64, 5), .low = 100, .high = 101}, VECTORS(5)}, .number = {1e-5, 0.1},
     .tolerance = 1e-8, .why = "x near 100 keeps 17 of 24 bits of its deviations"},

    {"batch_norm_in_place", .build = batch_norm, .in = {{IN(3, 5, 7, 17)}, VECTORS(17)},
     .number = {1e-5, 0.1}},
    {"batch_norm_in_place", "residual and relu", .build = batch_norm,
     .in = {{IN(3, 5, 7, 16)}, VECTORS(16), {IN(3, 5, 7, 16)}}, .arg = {1}, .number = {1e-5, 0.25}},

    {"batch_norm_inference", .build = batch_norm_inference, .in = {{IN(3, 5, 7, 17)}, VECTORS(17)},
     .number = {1e-5}},
    {"batch_norm_inference", "gradient", .build = batch_norm_inference,
     .in = {{IN(2, 1, 2, 3)}, VECTORS(3)}, .number = {1e-3}, .gradient = true},
    {"batch_norm_inference", "gradient, relu", .build = batch_norm_inference,
     .in = {{IN(5, 3)},
            {REAL(3), .low = 0.5, .high = 2},
            {REAL(3), VALUES(far_up_and_down)},
            {REAL(3)},
            {REAL(3), .low = 0.5, .high = 2}},
     .arg = {1}, .number = {1e-5}, .gradient = true},
    {"batch_norm_inference", "gradient, residual and relu", .build = batch_norm_inference,
     .in = {{IN(6, 3)}, VECTORS(3), {IN(6, 3), .gap = 9, .high = 10}}, .arg = {1}, .number = {1e-5},
     .gradient = true},
    {"batch_norm_inference", "relu", .build = batch_norm_inference,
     .in = {{IN(7, ANY)}, VECTORS(ANY)}, .arg = {1}, .number = {1e-5}},
    {"batch_norm_inference", "residual and relu", .build = batch_norm_inference,
     .in = {{IN(7, 31)}, VECTORS(31), {IN(7, 31)}}, .arg = {1}, .number = {1e-3}},
    {"batch_norm_inference", "nothing", .build = batch_norm_inference,
     .in = {{IN(0, 5)}, VECTORS(5)}, .number = {1e-5}},

    {"batch_norm_grad", .build = batch_norm_grad,
     .in = {{IN(3, 5, 7, 17)}, {IN(3, 5, 7, 17)}, {IN(3, 5, 7, 17)}, STATISTICS(17)},
     .arg = {0, 3}},
    {"batch_norm_grad", "relu", .build = batch_norm_grad,
     .in = {{IN(9, ANY)}, {IN(9, ANY)}, {IN(9, ANY), .gap = 0.1}, STATISTICS(ANY)}, .arg = {1, 3}},
    {"batch_norm_grad", "residual", .build = batch_norm_grad,
     .in = {{IN(33, 16)}, {IN(33, 16)}, {IN(33, 16)}, STATISTICS(16)}, .arg = {0, 4}},
    {"batch_norm_grad", "residual and relu", .build = batch_norm_grad,
     .in = {{IN(4, 8, 8, 31)}, {IN(4, 8, 8, 31)}, {IN(4, 8, 8, 31)}, STATISTICS(31)},
     .arg = {1, 4}},
    {"batch_norm_grad", "all shut", .build = batch_norm_grad,
     .in = {{IN(9, 5)}, {IN(9, 5)}, {IN(9, 5), VALUES(none)}, STATISTICS(5)}, .arg = {1, 4}},
    {"batch_norm_grad", "large", .build = batch_norm_grad,
     .in = {{IN(16, 16, 16, 64)}, {IN(16, 16, 16, 64)}, {IN(16, 16, 16, 64)}, STATISTICS(64)},
     .arg = {1, 3}},

    {"batch_norm_grad_from_x", .build = batch_norm_grad,
     .in = {{IN(3, 5, 7, 17)}, {IN(3, 5, 7, 17)}, {REAL(17)}, STATISTICS(17)}, .arg = {0, 3}},
    {"batch_norm_grad_from_x", "relu", .build = batch_norm_grad,
     .in = {{IN(9, ANY)}, {IN(9, ANY)}, {REAL(ANY)}, STATISTICS(ANY)}, .arg = {1, 3}},
    {"batch_norm_grad_from_x", "channels that are open or shut", .build = batch_norm_grad,
     .in = {{IN(9, 6)}, {IN(9, 6)}, {REAL(6), VALUES(far_up_and_down)}, STATISTICS(6)},
     .arg = {1, 3}},
    {"batch_norm_grad_from_x", "images", .build = batch_norm_grad,
     .in = {{IN(4, 8, 8, 40)}, {IN(4, 8, 8, 40)}, {REAL(40)}, STATISTICS(40)}, .arg = {1, 3}},
    {"batch_norm_grad_from_x", "negative scales", .build = batch_norm_grad,
     .in = {{IN(33, 16)},
            {IN(33, 16)},
            {REAL(16)},
            {REAL(16), .low = -2, .high = -0.5},
            {REAL(16)},
            {REAL(16), .low = 0.5, .high = 2}},
     .arg = {1, 3}},
    {"batch_norm_grad_from_x", "large", .build = batch_norm_grad,
     .in = {{IN(16, 16, 16, 64)}, {IN(16, 16, 16, 64)}, {REAL(64)}, STATISTICS(64)}, .arg = {1, 3}},
    {"batch_norm_grad_from_x", "many rows", .build = batch_norm_grad,
     .in = {{IN(9, 1000, 8)}, {IN(9, 1000, 8)}, {REAL(8)}, STATISTICS(8)}, .arg = {1, 3}},
    {"batch_norm_grad_of_sum", .build = batch_norm_grad,
     .in = {{IN(3, 5, 7, 17)},
            {IN(3, 5, 7, 17)},
            {IN(3, 5, 7, 17)},
            STATISTICS(17),
            {IN(3, 5, 7, 17)}},
     .arg = {0, 4}, ROUNDED_SUM},
    {"batch_norm_grad_of_sum", "relu", .build = batch_norm_grad,
     .in = {{IN(9, ANY)}, {IN(9, ANY)}, {IN(9, ANY), .gap = 0.1}, STATISTICS(ANY), {IN(9, ANY)}},
     .arg = {1, 4}, ROUNDED_SUM},
    {"batch_norm_grad_of_sum", "large", .build = batch_norm_grad,
     .in = {{IN(16, 16, 16, 64)},
            {IN(16, 16, 16, 64)},
            {IN(16, 16, 16, 64)},
            STATISTICS(64),
            {IN(16, 16, 16, 64)}},
     .arg = {1, 4}, ROUNDED_SUM},

    {"augment", .build = augment,
     .in = {{WHOLE(KD_U8, 0, 256, 657)},
            {WHOLE(KD_I64, 0, 1, 2, 4), VALUES(image_rows)},
            {WHOLE(KD_I64, 0, 1000, 2)}},
     .arg = {8, 3}},
    {"augment", "smaller than a row", .build = augment,
     .in = {{WHOLE(KD_U8, 0, 256, 657)},
            {WHOLE(KD_I64, 0, 1, 2, 4), VALUES(image_rows)},
            {WHOLE(KD_I64, 0, 1000, 2)}},
     .arg = {2, 3}},
    {"augment", "large", .build = augment,
     .in = {{WHOLE(KD_U8, 0, 256, 657)},
            {WHOLE(KD_I64, 0, 1, 2, 4), VALUES(image_rows)},
            {WHOLE(KD_I64, 0, 1000, 2)}},
     .arg = {112, 3}},
    {"augment", "several jitters and blurs", .build = augment,
     .in = {{WHOLE(KD_U8, 0, 256, 657)},
            {WHOLE(KD_I64, 0, 1, 8, 4), VALUES(jitter_rows)},
            {WHOLE(KD_I64, 0, 1000, 2)}},
     .arg = {12, 3, 1}},
    {"augment", "several jitters and blurs of one channel", .build = augment,
     .in = {{WHOLE(KD_U8, 0, 256, 657)},
            {WHOLE(KD_I64, 0, 1, 8, 4), VALUES(jitter_rows)},
            {WHOLE(KD_I64, 0, 1000, 2)}},
     .arg = {12, 1, 1}},
    {"augment", "rotations", .build = augment,
     .in = {{WHOLE(KD_U8, 0, 256, 657)},
            {WHOLE(KD_I64, 0, 1, 8, 4), VALUES(jitter_rows)},
            {WHOLE(KD_I64, 0, 1000, 2)}},
     .arg = {9, 3, 2}},
    {"augment", "each alteration, of every view", .build = augment,
     .in = {{WHOLE(KD_U8, 0, 256, 657)},
            {WHOLE(KD_I64, 0, 1, 8, 4), VALUES(jitter_rows)},
            {WHOLE(KD_I64, 0, 1000, 2)}},
     .arg = {11, 3, 3}},
    {"augment", "each alteration, of one channel", .build = augment,
     .in = {{WHOLE(KD_U8, 0, 256, 657)},
            {WHOLE(KD_I64, 0, 1, 8, 4), VALUES(jitter_rows)},
            {WHOLE(KD_I64, 0, 1000, 2)}},
     .arg = {11, 1, 3}},
    {NULL},
};

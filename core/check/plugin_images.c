/* SPDX-License-Identifier: Apache-2.0
 * Colours from feature rows. */
#include "check/plugin_images.h"

#include <kindred/layers.h>

static uint8_t level(double x) {
    x = x < -1 ? -1 : x > 1 ? 1 : x;
    return (uint8_t)(128 + 100 * x);
}

/* The first five features, in which a class can stand, as a colour. */
static void paint(uint8_t *to, const float *x) {
    const uint8_t colour[3] = {level((double)x[0] - (double)x[3]),
                               level((double)x[1] - (double)x[4]), level((double)x[2])};
    for (int i = 0; i < IMAGE_BYTES; i++) {
        to[i] = colour[i % 3];
    }
}

static void fill(bench_images *b, int of, const float *features, const int32_t *label, int rows) {
    for (int i = 0; i < rows; i++) {
        paint(b->pixels[of] + (size_t)i * IMAGE_BYTES, features + (size_t)i * FEATURE_WIDTH);
        b->offset[of][i] = (int64_t)i * IMAGE_BYTES;
        b->label[of][i] = label[i];
    }
    b->store[of] = (store){.pixels = b->pixels[of],
                           .pixel_bytes = (int64_t)rows * IMAGE_BYTES,
                           .images = rows,
                           .samples = rows,
                           .offset = b->offset[of],
                           .height = b->height,
                           .width = b->height,
                           .channels = 3,
                           .classes = FEATURE_CLASSES,
                           .max_height = IMAGE_SIDE,
                           .max_width = IMAGE_SIDE};
    b->source[of] = (source){
        .store = &b->store[of],
        .samples = {.count = rows, .n_images = 1, .image = b->image, .label = b->label[of]}};
}

static void encode(const kd_encoder *encoder, kd_scope s, kd_tensor *images, bool train,
                   kd_features *ret) {
    static const int64_t area[] = {1, 2};
    (void)encoder;
    (void)train;
    kd_tensor *colour = kd_scale(kd_sum_axes(images, area, 2, false),
                                 1.0 / (double)(kd_dim(images, 1) * kd_dim(images, 2)));
    ret->pooled = kd_linear(s, "layer", colour, (kd_dense){.width = 8});
}

void bench_images_make(bench_images *b, const feature_rows *f) {
    for (int i = 0; i < FEATURE_ROWS; i++) {
        b->height[i] = IMAGE_SIDE;
        b->image[i] = i;
        b->position[i] = i;
    }
    fill(b, KD_OF_TRAIN, f->train, f->train_label, FEATURE_ROWS);
    fill(b, KD_OF_TEST, f->test, f->test_label, FEATURE_TESTS);
    b->view = (kd_augment){.size = IMAGE_SIDE, .channels = 3, .n_ops = 2};
    b->view.op[0] = KD_AUGMENT_CENTER_CROP;
    b->view.arg[0][0] = 1;
    b->view.op[1] = KD_AUGMENT_NORMALIZE;
    for (int i = 0; i < 3; i++) {
        b->view.arg[1][i] = 0.5;
        b->view.arg[1][3 + i] = 0.25;
    }
    b->encoder = (kd_encoder){.size = sizeof b->encoder, .encode = encode};
}

static bool go_on(void *context, const char *doing, kd_error *err) {
    (void)context;
    (void)doing;
    (void)err;
    return true;
}

learner_host bench_images_host(const bench_images *b, const plugin_kit *k) {
    return (learner_host){.table = k->device_table,
                          .device = k->device,
                          .graph = {.real = KD_F32, .ops = k->ops},
                          .encoder = &b->encoder,
                          .set = {{&b->source[KD_OF_TRAIN], FEATURE_ROWS, b->position},
                                  {&b->source[KD_OF_TEST], FEATURE_TESTS, b->position}},
                          .seed = 1,
                          .go_on = go_on};
}

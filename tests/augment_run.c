/* SPDX-License-Identifier: Apache-2.0
 * Runs one augmentation kernel the way a host does: prepare, run, release. */
#include "augment_run.h"

#include "base/arena.h"

#include <kindred/philox.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

int64_t view_values(const kd_augment *a) {
    return (int64_t)a->size * a->size * a->channels;
}

static void *run(kd_device *device, const kd_kernel *kernel, const kd_augment *a, const batch *b,
                 int32_t dtype) {
    const kd_attr attrs[] = {KD_I("view", a->view), KD_I("size", a->size),
                             KD_I("channels", a->channels), KD_IS("ops", a->op, a->n_ops),
                             KD_FS("args", a->arg[0], a->n_ops * KD_AUGMENT_ARGS)};
    const kd_spec in[] = {{KD_U8, 1, {b->bytes}}, {KD_I64, 2, {b->n, 4}}, {KD_I64, 1, {2}}};
    const kd_spec out = {dtype, 4, {b->n, a->size, a->size, a->channels}};
    const kd_node node = {.size = sizeof node,
                          .n_inputs = 3,
                          .n_outputs = 1,
                          .n_attrs = 5,
                          .op = "augment",
                          .path = "views",
                          .inputs = in,
                          .outputs = &out,
                          .attrs = attrs};
    const int64_t key[2] = {(int64_t)b->seed, b->epoch};
    kd_error err = KD_ERROR_INIT;
    void *state = NULL;
    size_t scratch_bytes = 0;
    cr_assert(kernel->prepare(device, &node, &state, &scratch_bytes, &err), "%s", err.message);

    const size_t bytes = kd_bytes(&out);
    void *views = kd_alloc(bytes), *scratch = kd_alloc(scratch_bytes);
    uint8_t *pixels = kd_alloc((size_t)b->bytes);
    memcpy(pixels, b->pixels, (size_t)b->bytes);
    memset(views, 0x7f, bytes);
    memset(scratch, 0xff, scratch_bytes); /* NaN: what another kernel left there does not matter */
    kernel->run(device, &node, state,
                (void *[]){pixels, (void *)(uintptr_t)b->rows, (void *)(uintptr_t)key},
                (void *[]){views}, scratch);
    kernel->release(device, state);
    free(scratch);
    free(pixels);
    return views;
}

float *run_f32(const kd_kernel *kernel, const kd_augment *a, const batch *b) {
    return run(NULL, kernel, a, b, KD_F32);
}

float *run_on(kd_device *device, const kd_kernel *kernel, const kd_augment *a, const batch *b) {
    return run(device, kernel, a, b, KD_F32);
}

double *run_f64(const kd_kernel *kernel, const kd_augment *a, const batch *b) {
    return run(NULL, kernel, a, b, KD_F64);
}

void add_op(kd_augment *a, int code, int n_args, const double *args) {
    cr_assert_lt(a->n_ops, KD_AUGMENT_MAX_OPS);
    a->op[a->n_ops] = code;
    for (int k = 0; k < KD_AUGMENT_ARGS; k++) {
        a->arg[a->n_ops][k] = k < n_args ? args[k] : 0;
    }
    a->n_ops++;
}

uint8_t *make_pixels(int64_t bytes, uint64_t seed) {
    uint8_t *pixels = kd_alloc((size_t)bytes);
    for (int64_t i = 0; i < bytes; i++) {
        const uint32_t noise = kd_philox_draw(seed, (uint32_t)i, 0, 0, 0).word[0] >> 26;
        pixels[i] = (uint8_t)(96 + 90 * sin(0.05 * (double)i) + noise);
    }
    return pixels;
}

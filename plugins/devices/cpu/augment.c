/* SPDX-License-Identifier: Apache-2.0
 * Views out of stored images: a thread makes one view at a time, in planes that stay in its cache.
 */
#include "augment.h"

#include "numbers.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

struct state {
    kd_augment a;
    int threads;
    size_t floats; /* of scratch, a thread */
};

static int32_t plane_of(int32_t size) {
    return (size * size + 15) / 16 * 16;
}

static size_t thread_floats(const kd_augment *a) {
    const size_t planes = 2 * (size_t)a->channels * (size_t)plane_of(a->size);
    const size_t sum =
        planes + CUT_COLUMNS + cut_taps_x(a->size) + KD_AUGMENT_MAX_SIDE + 2 * (size_t)a->size;
    return (sum + 15) / 16 * 16;
}

static bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    (void)device;
    kd_augment a;
    if (node->outputs[0].dtype != KD_F32 && node->outputs[0].dtype != KD_BF16) {
        return kd_fail(err, KD_E_UNSUPPORTED, "%s: augment gives f32 or bf16 on this device",
                       node->path);
    }
    if (!kd_augment_decode(node, &a, err)) {
        return false;
    }
    struct state *state = malloc(sizeof *state);
    if (!state) {
        return kd_fail(err, KD_E_MEMORY, "%s: no memory for augment", node->path);
    }
    *state = (struct state){.a = a, .threads = omp_get_max_threads(), .floats = thread_floats(&a)};
    *ret_state = state;
    *ret_scratch = (size_t)state->threads * state->floats * sizeof(float);
    return true;
}

static void release(kd_device *device, void *state) {
    (void)device;
    free(state);
}

static struct view view_over(const kd_augment *a, float *scratch) {
    struct view v = {.a = a, .plane = plane_of(a->size), .image = scratch};
    v.other = v.image + (size_t)a->channels * (size_t)v.plane;
    v.columns = v.other + (size_t)a->channels * (size_t)v.plane;
    v.tap_x = v.columns + CUT_COLUMNS;
    v.tap_y = v.tap_x + cut_taps_x(a->size);
    v.first_x = (int32_t *)(void *)(v.tap_y + KD_AUGMENT_MAX_SIDE);
    v.end_x = v.first_x + a->size;
    return v;
}

/* v->image -> element `at` of `to` and on, [size, size, channels], normalised where the list ends
 * with it. */
ALWAYS_INLINE void finish(const struct view *v, void *to, bool half, int64_t at) {
    const int32_t size = v->a->size, channels = v->a->channels, last = v->a->n_ops - 1;
    float factor[3] = {1, 1, 1}, offset[3] = {0, 0, 0};
    if (v->a->op[last] == KD_AUGMENT_NORMALIZE) {
        const double *mean = v->a->arg[last], *deviation = mean + 3;
        for (int32_t c = 0; c < channels; c++) {
            factor[c] = (float)(1 / deviation[c]);
            offset[c] = (float)(-mean[c] / deviation[c]);
        }
    }
    for (int32_t y = 0; y < size; y++) {
        for (int32_t x = 0; x < size; x++) {
            for (int32_t c = 0; c < channels; c++) {
                const float value = v->image[(int64_t)c * v->plane + x * size + y];
                store(to, half, at++, value * factor[c] + offset[c]);
            }
        }
    }
}

/* -> v->image, not normalised yet */
static void make_view(struct view *v, const uint8_t *pixels, const int64_t *row) {
    v->key.sample = (uint32_t)row[3];
    cut_view(v, pixels + row[0], (int32_t)row[1], (int32_t)row[2]);
    for (int i = 1; i < v->a->n_ops; i++) {
        if (v->a->op[i] != KD_AUGMENT_NORMALIZE) {
            alter_view(v, i);
        }
    }
}

static void write_view(const struct view *v, void *to, bool half, int64_t at) {
    if (half) {
        finish(v, to, true, at);
    } else {
        finish(v, to, false, at);
    }
}

static void run(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    (void)device;
    const struct state *s = state;
    const int64_t *rows = in[1], *key = in[2];
    const int64_t count = node->inputs[1].dim[0], bytes = node->inputs[0].dim[0];
    const int64_t values = (int64_t)s->a.size * s->a.size * s->a.channels;
    const bool half = node->outputs[0].dtype == KD_BF16;
#pragma omp parallel for num_threads(s->threads) schedule(dynamic)
    for (int64_t n = 0; n < count; n++) {
        const int thread = omp_get_thread_num();
        struct view v = view_over(&s->a, (float *)scratch + (size_t)thread * s->floats);
        v.key = (kd_view_key){
            .seed = (uint64_t)key[0], .epoch = (uint32_t)key[1], .view = (uint32_t)s->a.view};
        if (kd_row_fits(rows + 4 * n, s->a.channels, bytes)) {
            make_view(&v, in[0], rows + 4 * n);
            write_view(&v, out[0], half, n * values);
            continue;
        }
        for (int64_t i = 0; i < values; i++) {
            store(out[0], half, n * values + i, NAN);
        }
    }
}

const kd_kernel augment_kernel = {
    .size = sizeof(kd_kernel), .op = "augment", .prepare = prepare, .run = run, .release = release};

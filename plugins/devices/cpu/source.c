/* SPDX-License-Identifier: Apache-2.0
 * Ops that make a tensor of nothing, or of a key: constants and random numbers. */
#include "kernels.h"

#include "walk.h"

#include <kindred/philox.h>

#define GRAIN (16 * TILE)

static bool is_float(int32_t dtype) {
    return dtype == KD_F32 || dtype == KD_BF16;
}

/* One value everywhere, or start, start + 1, ... */
typedef struct source {
    void *y;
    int32_t dtype;
    double value;
    int64_t start, step;
} source;

static void source_span(const void *work, int64_t begin, int64_t end) {
    const source *s = work;
    const bool floats = is_float(s->dtype);
    const int as = floats ? AS_FLOAT : AS_INT;
    int64_t tile[TILE];
    for (int64_t at = begin; at < end; at += TILE) {
        const int64_t count = end - at < TILE ? end - at : TILE;
        void *y = walk_target(s->y, s->dtype, as, at, tile);
        for (int64_t i = 0; i < count; i++) {
            if (floats) {
                ((float *)y)[i] = (float)s->value;
            } else {
                ((int64_t *)y)[i] = s->start + s->step * (at + i);
            }
        }
        walk_write(s->y, s->dtype, as, at, count, y);
    }
}

void run_fill(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const kd_spec *y = &node->outputs[0];
    const double value = kd_attr_float(node, "value", 0);
    const source s = {out[0], y->dtype, value, is_float(y->dtype) ? 0 : (int64_t)value, 0};
    span_for(device, kd_elements(y), GRAIN, source_span, &s);
}

void run_range(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    const kd_spec *y = &node->outputs[0];
    const source s = {out[0], y->dtype, 0, kd_attr_int(node, "start", 0), 1};
    span_for(device, kd_elements(y), GRAIN, source_span, &s);
}

bool prepare_constant(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                      kd_error *err) {
    return accept_types(node, 1u << KD_F32 | 1u << KD_I32, err);
}

void run_constant(kd_device *device, const kd_node *node, void *state, void *const *in,
                  void *const *out, void *scratch) {
    uint32_t count;
    const double *values = kd_attr_floats(node, "values", &count);
    const bool floats = is_float(node->outputs[0].dtype);
    for (uint32_t i = 0; i < count; i++) {
        if (floats) {
            ((float *)out[0])[i] = (float)values[i];
        } else {
            ((int32_t *)out[0])[i] = (int32_t)values[i];
        }
    }
}

bool prepare_random(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    return accept_types(node, 1u << KD_F32 | 1u << KD_I64, err);
}

typedef struct draws {
    float *y;
    const uint64_t *key;
    uint32_t stream;
    int64_t count;
} draws;

/* Blocks [begin, end) of four elements. */
static void random_span(const void *work, int64_t begin, int64_t end) {
    const draws *d = work;
    for (int64_t block = begin; block < end; block++) {
        const kd_philox draw = kd_stream_draw(d->key[0], d->key[1], d->stream, (uint32_t)block);
        for (int64_t i = 0; i < 4 && 4 * block + i < d->count; i++) {
            d->y[4 * block + i] = kd_uniform(draw.word[i]);
        }
    }
}

void run_random(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const draws d = {out[0], in[0], (uint32_t)kd_attr_int(node, "stream", 0),
                     kd_elements(&node->outputs[0])};
    span_for(device, (d.count + 3) / 4, GRAIN / 16, random_span, &d);
}

/* SPDX-License-Identifier: Apache-2.0
 * A self-supervised method: says, once, how views become a loss. */
#ifndef KINDRED_METHOD_H
#define KINDRED_METHOD_H

#include <kindred/backbone.h>

/* The run's configured backbone. */
typedef struct kd_encoder kd_encoder;
struct kd_encoder {
    uint32_t size, reserved;
    void (*encode)(const kd_encoder *encoder, kd_scope s, kd_tensor *images, bool train,
                   kd_features *ret);
};

/* One view of each sample: augmented images [n, size, size, channels] of one recipe. Row i of every
 * view belongs to sample i of the batch, which is always the global batch. */
typedef struct kd_view {
    kd_tensor *images;
    const char *recipe; /* as configured */
    int32_t side;       /* which entry of `views:` in the YAML it comes from */
    int32_t reserved;
} kd_view;

typedef struct kd_method_input {
    uint32_t size;
    uint32_t n_views, view_stride; /* step by view_stride bytes: kd_view may grow */
    uint32_t reserved;
    const kd_view *views;
    const kd_encoder *encoder;
    int64_t samples;      /* in the whole set */
    kd_tensor *indices;   /* [n] i32: the samples of the batch */
} kd_method_input;

typedef struct kd_method {
    uint32_t size;
    uint32_t min_views, max_views; /* how many it works with; max 0: any number */
    uint32_t reserved;
    /* returns the scalar loss []. Everything under scope "encoder" is what export writes, so call
     * the encoder there. */
    kd_tensor *(*build)(const void *config, kd_scope s, const kd_method_input *in);
} kd_method;

static inline const kd_view *kd_view_at(const kd_method_input *in, uint32_t i) {
    return (const kd_view *)((const char *)in->views + (size_t)i * in->view_stride);
}

/* Features of training images [n, h, w, c] -> [n, width]. */
static inline kd_tensor *kd_encode(const kd_encoder *encoder, kd_scope s, kd_tensor *images) {
    kd_features features = {.size = sizeof features};
    encoder->encode(encoder, s, images, true, &features);
    return features.pooled;
}

#define KD_METHOD(...) KD_ENTRY(KD_KIND_METHOD, kd_method, __VA_ARGS__)

#endif

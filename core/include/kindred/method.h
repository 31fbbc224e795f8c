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
    int64_t samples;    /* in the whole set */
    kd_tensor *indices; /* [n] i32: the samples of the batch; NULL in programs without images */
    kd_tensor *labels;  /* [n] i32: their classes, -1 where unknown; NULL: the set has none */
    int64_t epoch_steps, total_steps;
} kd_method_input;

/* A program of the method's beside its training step: it shares parameters and states with it by
 * name, reads and assigns states, and trains nothing. */
#define KD_AT_START 0 /* once, before the first step of a run */
#define KD_AT_EPOCH 1 /* before the first step of every epoch, the first one too */
typedef struct kd_method_program {
    const char *name;
    int32_t when; /* KD_AT_ */
    /* Runs once a batch over the whole set, in its order, with views, indices and labels; the last
     * batch is filled up with the first samples. Otherwise it runs once, and has none of them. */
    bool over_samples;
    void (*build)(const void *config, kd_scope s, const kd_method_input *in);
} kd_method_program;

typedef struct kd_method {
    uint32_t size;
    uint32_t min_views, max_views; /* how many it works with; max 0: any number */
    uint32_t reserved;
    /* returns the scalar loss []. Everything under scope "encoder" is what export writes, so call
     * the encoder there: the student, or the teacher where that is what gets used. */
    kd_tensor *(*build)(const void *config, kd_scope s, const kd_method_input *in);
    /* NULL and 0: none. Of those with one trigger, the first in the list runs first. */
    const kd_method_program *programs;
    uint32_t n_programs, program_stride;
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

/* The same of views [begin, end), [(end - begin) n, width] in their order. Views of one size that
 * follow each other are one batch, whose norms see all of them; every other size is its own. */
static inline kd_tensor *kd_encode_views(const kd_method_input *in, kd_scope s, uint32_t begin,
                                         uint32_t end) {
    kd_tensor *views[64], *features[64];
    uint32_t batches = 0, last;
    end = end - begin < 64 ? end : begin + 64;
    for (uint32_t first = begin; first < end; first = last) {
        const int64_t size = kd_dim(kd_view_at(in, first)->images, 1);
        for (last = first; last < end; last++) {
            views[last - first] = kd_view_at(in, last)->images;
            if (kd_dim(views[last - first], 1) != size) {
                break;
            }
        }
        features[batches++] = kd_encode(in->encoder, s, kd_concat_all(views, last - first, 0));
    }
    return kd_concat_all(features, batches, 0);
}

#define KD_PROGRAMS(list_)                                                                         \
    .programs = (list_), .n_programs = sizeof(list_) / sizeof *(list_),                            \
    .program_stride = sizeof *(list_)

#define KD_METHOD(...) KD_ENTRY(KD_KIND_METHOD, kd_method, __VA_ARGS__)

#endif

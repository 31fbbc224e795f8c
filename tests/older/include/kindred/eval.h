/* SPDX-License-Identifier: Apache-2.0
 * An eval: measures an encoder by its frozen features. It loops over rows and declares programs for
 * the arithmetic, which run on the device. */
#ifndef KINDRED_EVAL_H
#define KINDRED_EVAL_H

#include <kindred/layers.h>
#include <kindred/plugin.h>

/* Features of one split, in host memory. */
typedef struct kd_feature_set {
    int64_t rows;
    int64_t width;
    const float *features; /* [rows, width] */
    const int32_t *labels; /* [rows] in [0, classes) */
} kd_feature_set;

typedef struct kd_program kd_program;

typedef struct kd_eval_input kd_eval_input;
struct kd_eval_input {
    uint32_t size;
    int32_t classes;
    uint64_t seed;
    kd_feature_set train, test;
    const kd_host *host;

    /* Builds, compiles and prepares a program: `build` describes its graph with inputs, outputs and
     * states. Freed with the eval, or earlier by program_close. */
    bool (*program_open)(const kd_eval_input *in, const char *name,
                         void (*build)(void *context, kd_scope s), void *context, kd_program **ret,
                         kd_error *err);
    void (*program_close)(const kd_eval_input *in, kd_program *program);
    /* Host memory in, host memory out; names as in the build. A state may be written and read too. */
    bool (*write)(kd_program *program, const char *name, const void *data, size_t bytes,
                  kd_error *err);
    bool (*run)(kd_program *program, kd_error *err);
    bool (*read)(kd_program *program, const char *name, void *data, size_t bytes, kd_error *err);
    /* True once the user asked to stop: return false with KD_E_CANCELLED. */
    bool (*cancelled)(const kd_eval_input *in);
};

typedef struct kd_eval_result {
    char name[64];      /* "accuracy" */
    double value;       /* a fraction, not per cent */
    char protocol[448]; /* how it was measured, whole: "kNN, k 200, T 0.1, cosine, ..." */
} kd_eval_result;

#define KD_MAX_RESULTS 8
typedef struct kd_eval_output {
    uint32_t size, n_results;
    kd_eval_result results[KD_MAX_RESULTS]; /* the first is the eval's headline */
} kd_eval_output;

typedef struct kd_eval {
    uint32_t size, reserved;
    bool (*run)(const void *config, const kd_eval_input *in, kd_eval_output *out, kd_error *err);
} kd_eval;

#define KD_EVAL(...) KD_ENTRY(KD_KIND_EVAL, kd_eval, __VA_ARGS__)

#endif

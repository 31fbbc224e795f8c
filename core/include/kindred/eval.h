/* SPDX-License-Identifier: Apache-2.0
 * An eval: measures an encoder by its frozen features, or by what a copy of it learns. It loops
 * over rows and declares programs for the arithmetic, which run on the device. */
#ifndef KINDRED_EVAL_H
#define KINDRED_EVAL_H

#include <kindred/augment.h>
#include <kindred/method.h>

/* Features of one split, in host memory. */
typedef struct kd_feature_set {
    int64_t rows;
    int64_t width;
    const float *features; /* [rows, width] */
    const int32_t *labels; /* [rows] in [0, classes), or all -1: see KD_EVAL_UNLABELLED */
} kd_feature_set;

/* Which rows of a set show what another row shows, but for one factor. */
typedef struct kd_variants {
    uint32_t size;
    int32_t factors;
    const int64_t *base;            /* [rows] the row of which it is a variant; -1: of none */
    const int32_t *factor;          /* [rows] in [0, factors): what alone differs; -1: of none */
    const char *const *factor_name; /* [factors] "background" */
} kd_variants;

typedef struct kd_program kd_program;
typedef struct kd_learner kd_learner;
typedef struct kd_eval_input kd_eval_input;

/* A copy of the encoder, with what the eval lays on top of it, that the eval trains. Its variables
 * are its own: the run's encoder stays as it is. Under the scope "encoder" they begin as the run's
 * of the same names, elsewhere with their initial values. It computes in the run's precision. */
typedef struct kd_learner_spec {
    uint32_t size;
    int32_t batch;                /* images of a step, and of a prediction */
    const kd_augment *train_view; /* how images are cut for a step, */
    const kd_augment *test_view;  /* and for predictions: in->learners->view, or made from it */
    const char *optimizer;        /* "sgd" or "adamw", as in a run's YAML */
    double momentum;              /* of sgd, with Nesterov's */
    /* images [batch, size, size, channels], labels i32 [batch]; returns the scalar loss []. Encode
     * in the scope "encoder" of s, in training mode or not. */
    kd_tensor *(*loss)(void *context, kd_scope s, const kd_encoder *encoder, kd_tensor *images,
                       kd_tensor *labels);
    /* Of the same names in s, without images that teach: returns [batch, n]. */
    kd_tensor *(*predict)(void *context, kd_scope s, const kd_encoder *encoder, kd_tensor *images);
} kd_learner_spec;

#define KD_OF_TRAIN 0
#define KD_OF_TEST 1
typedef struct kd_learners {
    uint32_t size, reserved;
    const kd_augment *view; /* that features are taken of: the centre, normalised */
    /* Closed with the eval, or earlier by close. `context` is for the two functions of the spec,
     * which are called once each, now. */
    bool (*open)(const kd_eval_input *in, const kd_learner_spec *spec, void *context,
                 kd_learner **ret, kd_error *err);
    void (*close)(const kd_eval_input *in, kd_learner *l);
    /* Back to the run's encoder and to initial values, as after open. */
    bool (*reset)(kd_learner *l, kd_error *err);
    /* One step on rows [batch] of the training set. `epoch` keys the augmentation with the seed.
     * fails with KD_E_CANCELLED when the user asked to stop */
    bool (*train)(kd_learner *l, const int64_t *rows, int64_t epoch, double lr, double weight_decay,
                  kd_error *err);
    /* Predictions [count, n] for so many rows of the training or test set (KD_OF_); rows NULL: the
     * first. fails as train */
    bool (*predict)(kd_learner *l, int32_t of, const int64_t *rows, int64_t count, float *ret,
                    kd_error *err);
} kd_learners;

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
    /* Host memory in, host memory out; names as in the build. A state may be written and read too.
     */
    bool (*write)(kd_program *program, const char *name, const void *data, size_t bytes,
                  kd_error *err);
    bool (*run)(kd_program *program, kd_error *err);
    bool (*read)(kd_program *program, const char *name, void *data, size_t bytes, kd_error *err);
    /* True once the user asked to stop: return false with KD_E_CANCELLED. */
    bool (*cancelled)(const kd_eval_input *in);
    /* Not 0 in a rehearsal: `kindred plan` runs the eval to see how much memory it takes. Features
     * are zeros, reads give zeros, programs compute nothing, and the result is dropped. The host
     * looks at what the process holds whenever one of the functions above is called, so an eval
     * need not know; but a loop may end as soon as all that it takes has been taken and written to.
     * One that takes seconds without the device is cancelled. Ask by kd_in_rehearsal. */
    uint32_t rehearsal, reserved;
    /* NULL: the test set has none. Ask by kd_test_variants. */
    const kd_variants *test_variants;
    /* NULL: an older host has none. Ask by kd_learners_of. */
    const kd_learners *learners;
};

/* For any host: an older one has no rehearsals. */
__attribute__((unused)) static inline bool kd_in_rehearsal(const kd_eval_input *in) {
    return in->size >= KD_END(kd_eval_input, rehearsal) && in->rehearsal != 0;
}

/* The same: an older host knows none. */
__attribute__((unused)) static inline const kd_variants *kd_test_variants(const kd_eval_input *in) {
    return in->size >= KD_END(kd_eval_input, test_variants) ? in->test_variants : NULL;
}

/* The same. */
__attribute__((unused)) static inline const kd_learners *kd_learners_of(const kd_eval_input *in) {
    return in->size >= KD_END(kd_eval_input, learners) ? in->learners : NULL;
}

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

#define KD_EVAL_LOWER_IS_BETTER 1u /* of the headline; without it, higher is */
#define KD_EVAL_TEST_ALONE 2u      /* needs no training set: `train` has no rows */
#define KD_EVAL_IMAGES 4u          /* needs no features (width 0, NULL): it has learners */
#define KD_EVAL_UNLABELLED 8u      /* with TEST_ALONE: copes with a test set without labels */
typedef struct kd_eval {
    uint32_t size, flags;
    bool (*run)(const void *config, const kd_eval_input *in, kd_eval_output *out, kd_error *err);
} kd_eval;

#define KD_EVAL(...) KD_ENTRY(KD_KIND_EVAL, kd_eval, __VA_ARGS__)

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Sets of features, and evals run on them; see eval_kit.h. */
#include "eval_kit.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static double unit(uint64_t key) {
    return (double)(mix(key * 0x9e3779b97f4a7c15u + 1) >> 11) / 4503599627370496.0 - 1;
}

set set_create(int64_t rows, int64_t width, int32_t classes, double noise, uint64_t seed) {
    set s = {.features = malloc((size_t)(rows * width) * sizeof *s.features),
             .labels = malloc((size_t)rows * sizeof *s.labels)};
    for (int64_t i = 0; i < rows; i++) {
        s.labels[i] = (int32_t)(mix(seed * 1000003 + (uint64_t)i) % (uint64_t)classes);
        for (int64_t k = 0; k < width; k++) {
            const double centre = unit((uint64_t)(s.labels[i] * 131071 + k));
            const double wobble = unit((seed << 40) + (uint64_t)(i * width + k));
            s.features[i * width + k] = (float)(centre + noise * wobble);
        }
    }
    s.set = (kd_feature_set){rows, width, s.features, s.labels};
    return s;
}

void set_destroy(set *s) {
    free(s->features);
    free(s->labels);
}

static bool run_eval(const built_eval *e, kd_eval_output *ret, kd_error *err) {
    built b;
    built_open(&b, "reference");
    const bool done = built_run_eval(&b, e, ret, err);
    built_close(&b);
    return done;
}

kd_eval_output eval_measure(const built_eval *e) {
    kd_eval_output out;
    kd_error err = KD_ERROR_INIT;
    cr_assert(run_eval(e, &out, &err), "%s", err.message);
    for (uint32_t i = 0; i < out.n_results; i++) {
        cr_assert(strlen(out.results[i].protocol) + 1 < sizeof out.results[i].protocol);
    }
    return out;
}

kd_error eval_refusal(const built_eval *e) {
    kd_eval_output out;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(run_eval(e, &out, &err));
    return err;
}

/* SPDX-License-Identifier: Apache-2.0
 * A method that writes down what the host gives it, for test_rules_run: what each step draws, what
 * is scheduled, which samples its programs see and in which order they run. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "org.example.diary", "1.0.0", struct none, "writes down", "nothing")

static kd_tensor *kept(kd_scope s, const char *name, int32_t type, int64_t rows, int64_t columns) {
    const kd_spec spec = {.dtype = type, .rank = 2, .dim = {rows, columns}};
    return kd_state(kd_child(s, "diary"), name, spec, (kd_init){0});
}

/* Sets row `at` of a table. */
static void note(kd_tensor *table, kd_tensor *at, kd_tensor *row) {
    kd_assign(table, kd_scatter_rows(table, at, KD_RESHAPE(row, 1, kd_dim(table, 1))));
}

static kd_tensor *now(kd_scope s) {
    return kd_state(kd_child(s, "diary"), "step", (kd_spec){KD_I32, 1, {1}}, (kd_init){0});
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config;
    const kd_schedule curve = {.shape = KD_SCHEDULE_COSINE, .from = 1, .to = 3, .end = 2};
    const int64_t steps = in->total_steps;
    kd_tensor *step = now(s), *value = kd_scheduled(s, "curve", curve);
    note(kept(s, "draws", KD_REAL, steps, 8), step,
         kd_random(kd_step_key(s), kd_stream("diary"), 1, (int64_t[]){8}));
    note(kept(s, "curve", KD_REAL, steps, 1), step, value);
    kd_assign(step, kd_add(step, kd_fill(s, (kd_spec){.dtype = KD_I32}, 1)));
    /* What the programs have computed moves the encoder. */
    kd_tensor *z = kd_encode_views(in, kd_child(s, "encoder"), 0, in->n_views);
    kd_tensor *tale = KD_RESHAPE(kept(s, "tale", KD_REAL, 1, 1), 1);
    z = kd_sub(z, kd_mul(kd_scale(tale, 0.01), value));
    return kd_mean(kd_mul(z, z));
}

static void begin(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config, (void)in;
    kd_tensor *tale = kept(s, "tale", KD_REAL, 1, 1);
    kd_assign(tale, kd_affine(tale, 1, 3));
}

static void doubled(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config, (void)in;
    kd_tensor *tale = kept(s, "tale", KD_REAL, 1, 1);
    kd_assign(tale, kd_affine(tale, 2, 1));
}

static void raised(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config, (void)in;
    kd_tensor *tale = kept(s, "tale", KD_REAL, 1, 1);
    kd_assign(tale, kd_affine(tale, 1, 10));
}

/* How often each sample was here, and the indices of the last batch. */
static void census(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config;
    const int64_t n = kd_dim(in->indices, 0);
    kd_tensor *seen = kept(s, "seen", KD_REAL, in->samples, 1),
              *last = kept(s, "last", KD_I32, n, 1);
    kd_tensor *ones = kd_fill(s, (kd_spec){.rank = 2, .dim = {n, 1}}, 1);
    kd_assign(seen, kd_add(seen, kd_scatter_add(in->indices, ones, in->samples)));
    kd_assign(last, KD_RESHAPE(in->indices, n, 1));
}

static const kd_method_program programs[] = {{"doubled", KD_AT_EPOCH, false, doubled},
                                             {"begin", KD_AT_START, false, begin},
                                             {"raised", KD_AT_EPOCH, false, raised},
                                             {"census", KD_AT_EPOCH, true, census}};

KD_METHOD(.min_views = 1, .build = build, KD_PROGRAMS(programs))

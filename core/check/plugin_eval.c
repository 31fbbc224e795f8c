/* SPDX-License-Identifier: Apache-2.0
 * Runs a checked eval on features that are known. */
#include "check/plugin_images.h"

#include "graph/internal.h"

/* How to make an eval quick that has such options; others run with their defaults. */
static const struct {
    const char *option, *yaml;
} quick[] = {
    {"k", "{k: 20}"},
    {"crop", "{epochs: 1, min_steps: 60, learning_rates: [0.5]}"},
    {"learning_rates",
     "{epochs: 5, min_steps: 150, learning_rates: [0.01, 0.1], weight_decays: [0.001]}"},
};

enum { FACTORS = 4 };
static const char *const factors[FACTORS] = {"background", "lighting", "occlusion", "style"};

/* After a row come the variants of it, one of each factor, among those of its class. */
static void name_variants(feature_rows *f) {
    int64_t base[FEATURE_CLASSES] = {0};
    int32_t seen[FEATURE_CLASSES] = {0};
    for (int64_t i = 0; i < FEATURE_TESTS; i++) {
        const int32_t c = f->test_label[i], factor = seen[c]++ % (1 + FACTORS) - 1;
        base[c] = factor < 0 ? i : base[c];
        f->base[i] = factor < 0 ? -1 : base[c];
        f->factor[i] = factor;
    }
}

void features_make(feature_rows *f, double signal, uint64_t seed) {
    for (int i = 0; i < FEATURE_ROWS + FEATURE_TESTS; i++) {
        const bool trains = i < FEATURE_ROWS;
        const int at = trains ? i : i - FEATURE_ROWS;
        const double drawn = kit_draw(seed, 1, (uint64_t)i) + 1;
        const int32_t label = (int32_t)(drawn * FEATURE_CLASSES / 2);
        float *x = (trains ? f->train : f->test) + at * FEATURE_WIDTH;
        for (int k = 0; k < FEATURE_WIDTH; k++) {
            const double noise = kit_draw(seed, 2, (uint64_t)(i * FEATURE_WIDTH + k));
            x[k] = (float)(signal * (k == label) + (1 - 0.95 * signal) * noise);
        }
        (trains ? f->train_label : f->test_label)[at] = label;
    }
    name_variants(f);
}

static void reverse(float *x, int32_t *label, int rows) {
    for (int i = 0, j = rows - 1; i < j; i++, j--) {
        for (int k = 0; k < FEATURE_WIDTH; k++) {
            const float kept = x[i * FEATURE_WIDTH + k];
            x[i * FEATURE_WIDTH + k] = x[j * FEATURE_WIDTH + k];
            x[j * FEATURE_WIDTH + k] = kept;
        }
        const int32_t kept = label[i];
        label[i] = label[j];
        label[j] = kept;
    }
}

static void reverse_variants(feature_rows *f) {
    const feature_rows was = *f;
    for (int i = 0; i < FEATURE_TESTS; i++) {
        const int from = FEATURE_TESTS - 1 - i;
        f->base[i] = was.base[from] < 0 ? -1 : FEATURE_TESTS - 1 - was.base[from];
        f->factor[i] = was.factor[from];
    }
}

void features_reverse(feature_rows *f) {
    reverse(f->train, f->train_label, FEATURE_ROWS);
    reverse(f->test, f->test_label, FEATURE_TESTS);
    reverse_variants(f);
}

/* The host's side. An eval sees a kd_eval_input alone; here is what belongs to it. */

static engine *running;
static const op_set *running_ops;
static learner_host learning;

static bool program_open(const kd_eval_input *in, const char *name,
                         void (*build)(void *context, kd_scope s), void *context, kd_program **ret,
                         kd_error *err) {
    (void)in;
    graph *g = graph_create(&(graph_options){.real = KD_F32, .ops = running_ops});
    build(context, graph_root(g));
    return engine_compile(running, g, name, ret, err);
}

static void close_program(const kd_eval_input *in, kd_program *p) {
    (void)in;
    program_close(p);
}

static bool open_learner(const kd_eval_input *in, const kd_learner_spec *spec, void *context,
                         kd_learner **ret, kd_error *err) {
    (void)in;
    return learner_create(&learning, spec, context, ret, err);
}

static void close_learner(const kd_eval_input *in, kd_learner *learner) {
    (void)in;
    learner_destroy(learner);
}

static bool never_cancelled(const kd_eval_input *in) {
    (void)in;
    return false;
}

static const char *quick_options(const plugin *p) {
    for (size_t i = 0; i < sizeof quick / sizeof *quick; i++) {
        if (kit_has_option(p, quick[i].option)) {
            return quick[i].yaml;
        }
    }
    return NULL;
}

bool bench_eval(plugin_kit *k, const feature_rows *f, size_t in_size, kd_eval_output *ret,
                kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    const kd_eval *table = k->subject->table;
    const void *options =
        kit_config(k, k->subject, k->options ? k->options : quick_options(k->subject), &why);
    if (!options) {
        options = kit_config(k, k->subject, NULL, err);
    }
    bench_images *images = arena_alloc(&k->memory, sizeof *images);
    bench_images_make(images, f);
    const kd_learners learners = learner_slots(&images->view, open_learner, close_learner);
    const kd_variants varied = {.size = sizeof varied,
                                .factors = FACTORS,
                                .base = f->base,
                                .factor = f->factor,
                                .factor_name = factors};
    const kd_eval_input all = {.size = sizeof all,
                               .classes = FEATURE_CLASSES,
                               .seed = 1,
                               .train = {FEATURE_ROWS, FEATURE_WIDTH, f->train, f->train_label},
                               .test = {FEATURE_TESTS, FEATURE_WIDTH, f->test, f->test_label},
                               .host = &k->host.table,
                               .program_open = program_open,
                               .program_close = close_program,
                               .write = program_write,
                               .run = program_run,
                               .read = program_read,
                               .cancelled = never_cancelled,
                               .test_variants = &varied,
                               .learners = &learners};
    const kd_eval_input *in = kit_at_the_edge(&all, in_size);
    if (!options || !in) {
        return options && kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    running = engine_create(k->device_table, k->device, 1);
    running_ops = k->ops;
    learning = bench_images_host(images, k);
    engine_use_ops(running, k->ops);
    *ret = (kd_eval_output){.size = sizeof *ret};
    const bool ok = engine_allocate(running, err) && table->run(options, in, ret, err);
    engine_destroy(running);
    running = NULL;
    return ok;
}

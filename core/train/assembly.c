/* SPDX-License-Identifier: Apache-2.0
 * Putting a run together, in the order in which mistakes are cheapest to find. */
#include "train/assembly.h"

#include "base/log.h"
#include "train/eval_labels.h"
#include "train/eval_programs.h"
#include "train/extraction.h"
#include "train/run_plugins.h"

#include <stdlib.h>

static bool load_plugins(assembly *a, kd_error *err) {
    const plugin *backbone =
        registry_load(a->plugins, KD_KIND_BACKBONE, a->run->backbone.name, err);
    const plugin *method =
        backbone ? registry_load(a->plugins, KD_KIND_METHOD, a->run->method.name, err) : NULL;
    if (!method) {
        return false;
    }
    a->encoder = encoder_of(backbone->table, a->run->backbone.config);
    a->method = method->table;
    for (int i = 0; i < a->run->n_evals; i++) {
        if (!registry_load(a->plugins, KD_KIND_EVAL, a->run->evals[i].part.name, err)) {
            return false;
        }
    }
    return true;
}

static bool check_views(const assembly *a, kd_error *err) {
    const uint32_t count = (uint32_t)a->run->view_list.count;
    const kd_method *m = a->method;
    if (count < m->min_views || (m->max_views && count > m->max_views)) {
        config_fail(a->run->views, err, "%u views, and method %s wants %s%u", count,
                    a->run->method.plugin->note.id, count < m->min_views ? "at least " : "at most ",
                    count < m->min_views ? m->min_views : m->max_views);
        return kd_hint(err, "`count` of a view says how many are cut by its recipe");
    }
    return true;
}

static bool check_batch(const assembly *a, kd_error *err) {
    const config_node *train = config_section(config_root(a->run->source), "train");
    const config_node *batch = config_child(train, "batch");
    if (run_total_steps(a->run, a->data->samples.count) > 0) {
        return true;
    }
    return config_fail(batch ? batch : train, err, "a batch of %d is more than the %lld samples",
                       a->run->train.batch, (long long)a->data->samples.count);
}

/* A probe learns from every sample of a batch. */
static bool check_probe(const assembly *a, kd_error *err) {
    const samples *list = &a->data->samples;
    int64_t unknown = 0;
    for (int64_t i = 0; i < list->count; i++) {
        unknown += list->label[i] < 0;
    }
    if (a->run->probe.lr == 0 || (unknown == 0 && list->classes >= 2)) {
        return true;
    }
    const config_node *section = config_section(config_root(a->run->source), "probe");
    if (unknown) {
        config_fail(config_child(section, "lr"), err,
                    "a probe needs labels, and %lld of %lld samples have none", (long long)unknown,
                    (long long)list->count);
    } else {
        config_fail(config_child(section, "lr"), err,
                    "a probe needs two classes, and the samples are of one");
    }
    return kd_hint(err, "leave `probe` out, or measure by `evals` on data that has labels");
}

/* An eval that needs no training set gets none: what would be said of it is said of its test set.
 */
static bool open_eval_images(assembly *a, const eval_part *eval, eval_data *ret, kd_error *err) {
    const char *whose = arena_print(&a->memory, "eval %s", eval->keys.name);
    if (!images_open(&a->images, &eval->test, &ret->test, err)) {
        return images_blame(&eval->test, whose, err);
    }
    if (eval_flags(eval) & KD_EVAL_TEST_ALONE) {
        ret->train = ret->test;
        return true;
    }
    return images_open(&a->images, &eval->train, &ret->train, err) ||
           images_blame(&eval->train, whose, err);
}

static bool open_images(assembly *a, unsigned what, kd_error *err) {
    images_init(&a->images, a->plugins, registry_host(a->plugins), &a->progress);
    if (!images_open(&a->images, &a->run->data, &a->data, err)) {
        return images_blame(&a->run->data, "data", err);
    }
    a->identity = images_identity(a->data, &a->memory);
    if (a->extra && !images_open(&a->images, a->extra, &a->extra_data, err)) {
        return images_blame(a->extra, "--data", err);
    }
    a->eval_data = arena_alloc(&a->memory, sizeof *a->eval_data * (size_t)(a->run->n_evals + 1));
    for (int i = 0; what & ASSEMBLE_EVALS && i < a->run->n_evals; i++) {
        const eval_part *eval = &a->run->evals[i];
        if (!open_eval_images(a, eval, &a->eval_data[i], err) ||
            !eval_labels_check(eval, &a->eval_data[i], err)) {
            return false;
        }
    }
    return !(what & ASSEMBLE_STEP) || (check_batch(a, err) && check_probe(a, err));
}

const kd_method_program *assembly_method_program(const assembly *a, uint32_t i) {
    return (const kd_method_program *)(const void *)((const char *)a->method->programs +
                                                     (size_t)i * a->method->program_stride);
}

static bool compile_further(assembly *a, const train_graph *t, const graph_options *options,
                            kd_error *err) {
    const uint32_t count = KD_HAS(kd_method, a->method, programs) ? a->method->n_programs : 0;
    a->further = arena_alloc(&a->memory, sizeof *a->further * (count + 1));
    for (uint32_t i = 0; i < count; i++) {
        const kd_method_program *program = assembly_method_program(a, i);
        graph *g = graph_create(options);
        build_method_program(g, t, program);
        if (!engine_compile(a->engine, g, program->name, &a->further[i], err) ||
            (program->over_samples &&
             !program_share_input(a->further[i], "pixels", a->step, err))) {
            return false;
        }
        a->n_further = i + 1;
    }
    return true;
}

static bool compile_step(assembly *a, kd_error *err) {
    const optimizer how = run_optimizer(a->run);
    const train_graph t = {.encoder = &a->encoder,
                           .method = a->method,
                           .method_config = a->run->method.config,
                           .views = &a->views,
                           .optimizer = &how,
                           .batch = a->run->train.batch,
                           .samples = a->data->samples.count,
                           .images = a->data->samples.n_images,
                           .pixel_bytes = a->data->store->pixel_bytes,
                           .labels = largest_label(a->data) >= 0,
                           .epoch_steps = run_epoch_steps(a->run, a->data->samples.count),
                           .total_steps = run_total_steps(a->run, a->data->samples.count),
                           .probe = {a->run->probe.lr, a->data->samples.classes}};
    graph_options options = a->machine.graph;
    options.draws = true;
    graph *g = graph_create(&options);
    build_train(g, &t);
    if (!engine_compile(a->engine, g, "step", &a->step, err)) {
        return false;
    }
    program_feed(a->step, REPORT_RING);
    a->reports_copied = program_keep_copy(a->step, REPORT_RING_NAME);
    engine_keep_copies(a->engine);
    return compile_further(a, &t, &options, err);
}

static bool read_views(assembly *a, kd_error *err) {
    const store *s = a->data->store;
    recipe_source pixels = {.channels = s->channels};
    memcpy(pixels.mean, s->mean, sizeof pixels.mean);
    memcpy(pixels.std, s->std, sizeof pixels.std);
    return recipe_parse(a->run->views, &pixels, &a->memory, &a->views, err);
}

bool assembly_compares(const assembly *a) {
    bool before = false;
    for (int i = 0; i < a->run->n_evals; i++) {
        before = before || a->run->evals[i].keys.before;
    }
    return before;
}

static bool allocate(assembly *a, unsigned what, kd_error *err) {
    return (!(what & ASSEMBLE_STEP) || pixels_load(a, err)) && engine_allocate(a->engine, err);
}

/* All that lies on the device, or was compiled for it. */
static bool put_on_device(assembly *a, unsigned what, kd_error *err) {
    run *r = a->run;
    if (!run_ops(r, &a->machine, a->plugins, &a->ops, err) || !read_views(a, err)) {
        return false;
    }
    a->machine.graph.ops = a->ops;
    a->engine = engine_create(a->machine.table, a->machine.device, (uint64_t)r->keys.seed);
    engine_use_ops(a->engine, a->ops);
    if ((what & ASSEMBLE_STEP && !compile_step(a, err)) || !features_compile(a, err) ||
        (what & ASSEMBLE_STEP && !pixels_decide(a, what & ASSEMBLE_EVALS, err))) {
        return false;
    }
    return !(what & ASSEMBLE_MEMORY) || allocate(a, what, err);
}

static void take_off_device(assembly *a) {
    features_finish(&a->features);
    features_finish(&a->pixels);
    engine_destroy(a->engine);
    pixels_release(a);
    op_set_destroy(a->ops);
    a->engine = NULL;
    a->ops = NULL;
    a->step = NULL;
    a->n_further = 0;
}

bool assembly_open(assembly *a, run *r, registry *plugins, const data_part *extra, unsigned what,
                   kd_error *err) {
    const kd_host *host = registry_host(plugins);
    *a = (assembly){.run = r, .plugins = plugins, .extra = extra};
    progress_init(&a->progress, stderr);
    log_set_sink(progress_log, &a->progress);
    if (!load_plugins(a, err) || !check_views(a, err) ||
        !machine_open(r, plugins, host, &a->machine, err) || !open_images(a, what, err)) {
        return false;
    }
    while (!put_on_device(a, what, err)) {
        if (!machine_can_be_left(&a->machine, err)) {
            return false;
        }
        take_off_device(a);
        if (!machine_open_next(r, plugins, host, &a->machine, err)) {
            return false;
        }
    }
    return true;
}

void assembly_close(assembly *a) {
    log_set_sink(NULL, NULL);
    take_off_device(a);
    machine_close(&a->machine);
    images_close(&a->images);
    arena_free(&a->memory);
}

/* SPDX-License-Identifier: Apache-2.0
 * Golden files of methods, put to work. */
#include "method_kit.h"

#include "train/schedule.h"

#include <kindred/update.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static double real_of(const method_kit *k, const char *key) {
    return strtod(golden_text(k->file, key), NULL);
}

static void read_views(method_kit *k) {
    golden_names sizes, sides;
    golden_split(golden_text(k->file, "sizes"), &sizes);
    golden_split(golden_text(k->file, "sides"), &sides);
    cr_assert(sizes.count <= METHOD_VIEWS && sides.count == sizes.count);
    k->n_views = sizes.count;
    for (int v = 0; v < k->n_views; v++) {
        k->size[v] = (int)strtol(sizes.name[v], NULL, 10);
        k->views[v] = (kd_view){.recipe = "none", .side = (int32_t)strtol(sides.name[v], NULL, 10)};
    }
    free(sizes.text);
    free(sides.text);
}

void method_open(method_kit *k, const char *name, const char *device, int32_t real) {
    kd_error err = KD_ERROR_INIT;
    *k = (method_kit){.name = name, .real = real};
    built_open(&k->b, device);
    const char *path = arena_print(&k->b.memory, "%s/golden/methods/%s.safetensors",
                                   getenv("KINDRED_TEST_SOURCE"), name);
    k->file = safetensors_open(path, &err);
    cr_assert(k->file, "%s", err.message);
    golden_split(golden_text(k->file, "parameters"), &k->parameters);
    golden_split(golden_text(k->file, "states"), &k->states);
    golden_split(golden_text(k->file, "programs"), &k->programs);
    const char *id = golden_text(k->file, "method");
    const plugin *p = registry_load(k->b.plugins, KD_KIND_METHOD, id, &err);
    cr_assert(p, "%s", err.message);
    k->table = p->table;
    k->config = built_config(&k->b, p, golden_text(k->file, "options"));
    k->encoder = built_encoder_of(&k->b, "resnet", golden_text(k->file, "backbone"));
    k->channels = golden_number(k->file, "channels");
    k->samples = golden_number(k->file, "samples");
    k->total = golden_number(k->file, "total");
    k->classes = golden_number(k->file, "classes");
    k->epoch_steps = golden_number(k->file, "epoch_steps");
    k->total_steps = golden_number(k->file, "total_steps");
    k->steps = golden_number(k->file, "steps");
    read_views(k);
    cr_assert(k->n_views >= (int)k->table->min_views);
    cr_assert(k->table->max_views == 0 || k->n_views <= (int)k->table->max_views);
}

void method_close(method_kit *k) {
    free(k->parameters.text);
    free(k->states.text);
    free(k->programs.text);
    safetensors_close(k->file);
    built_close(&k->b);
}

/* views: room for them. */
static kd_method_input input_of(const method_kit *k, kd_scope s, bool samples, kd_view *views) {
    kd_method_input in = {.size = sizeof in,
                          .view_stride = sizeof *views,
                          .encoder = &k->encoder.base,
                          .samples = k->total,
                          .epoch_steps = k->epoch_steps,
                          .total_steps = k->total_steps};
    for (int v = 0; samples && v < k->n_views; v++) {
        char name[16];
        snprintf(name, sizeof name, "view%d", v);
        const kd_spec spec = {.rank = 4, .dim = {k->samples, k->size[v], k->size[v], k->channels}};
        views[v] = k->views[v];
        views[v].images = kd_input(s, name, spec);
    }
    if (samples) {
        const kd_spec numbers = {KD_I32, 1, {k->samples}};
        in.views = views;
        in.n_views = (uint32_t)k->n_views;
        in.indices = kd_input(s, "indices", numbers);
        in.labels = k->classes ? kd_input(s, "labels", numbers) : NULL;
    }
    return in;
}

static void note_followers(method_kit *k, const list *variables) {
    for (int i = 0; i < variables->count; i++) {
        const struct value *v = variables->item[i];
        if (v->followed) {
            k->follows[k->n_follows].name = arena_text(&k->b.memory, v->name);
            k->follows[k->n_follows++].of = arena_text(&k->b.memory, v->followed->name);
        }
    }
}

graph *method_graph(method_kit *k, kd_tensor **ret_loss) {
    kd_error err = KD_ERROR_INIT;
    kd_view views[METHOD_VIEWS];
    graph *g = graph_create(&(graph_options){.real = k->real, .draws = true});
    const kd_method_input in = input_of(k, graph_root(g), true, views);
    *ret_loss = k->table->build(k->config, graph_root(g), &in);
    cr_assert(graph_check(g, &err), "%s: %s", k->name, err.message);
    k->n_follows = 0;
    note_followers(k, &g->averages);
    note_followers(k, &g->states);
    return g;
}

optimizer method_optimizer(const method_kit *k) {
    const double clip = real_of(k, "clip_each");
    return (optimizer){.name = golden_text(k->file, "optimizer"),
                       .lr = real_of(k, "lr"),
                       .momentum = real_of(k, "momentum"),
                       .beta1 = real_of(k, "beta1"),
                       .beta2 = real_of(k, "beta2"),
                       .eps = 1e-8,
                       .clip_norm = clip,
                       .clip_each = clip > 0};
}

static const kd_method_program *program_of(const method_kit *k, uint32_t i) {
    const char *all = (const char *)k->table->programs;
    return (const kd_method_program *)(const void *)(all + (size_t)i * k->table->program_stride);
}

static uint32_t count_programs(const method_kit *k) {
    return KD_HAS(kd_method, k->table, programs) ? k->table->n_programs : 0;
}

static kd_program *compile_further(const method_kit *k, engine *e, const kd_method_program *p) {
    kd_error err = KD_ERROR_INIT;
    kd_view views[METHOD_VIEWS];
    kd_program *ret;
    graph *g = graph_create(&(graph_options){.real = k->real, .draws = true});
    const kd_method_input in = input_of(k, graph_root(g), p->over_samples, views);
    p->build(k->config, graph_root(g), &in);
    cr_assert(engine_compile(e, g, p->name, &ret, &err), "%s: %s", p->name, err.message);
    return ret;
}

static void put_reals(engine *e, int i, const double *x) {
    kd_error err = KD_ERROR_INIT;
    const kd_spec *spec = &engine_variable(e, i)->spec;
    void *raw = malloc(kd_bytes(spec) + 1);
    for (int64_t n = 0; n < kd_elements(spec); n++) {
        switch (spec->dtype) {
        case KD_F64:
            ((double *)raw)[n] = x[n];
            break;
        case KD_F32:
            ((float *)raw)[n] = (float)x[n];
            break;
        default:
            cr_assert_eq(spec->dtype, KD_I32);
            ((int32_t *)raw)[n] = (int32_t)x[n];
        }
    }
    cr_assert(engine_write_variable(e, i, raw, kd_bytes(spec), &err), "%s", err.message);
    free(raw);
}

static const char *followed(const method_kit *k, const char *name) {
    for (int i = 0; i < k->n_follows; i++) {
        if (strcmp(k->follows[i].name, name) == 0) {
            return followed(k, k->follows[i].of);
        }
    }
    return name;
}

static void write_start(const method_kit *k, engine *e) {
    for (int i = 0; i < engine_variables(e); i++) {
        const variable *v = engine_variable(e, i);
        const char *name = followed(k, v->name);
        const bool computed = v->kind == VARIABLE_PARAMETER || name != v->name;
        char key[256];
        snprintf(key, sizeof key, "start.%s", name);
        const safetensor *stored = safetensors_find(k->file, key);
        const int64_t count = kd_elements(&v->spec);
        if (v->kind == VARIABLE_MOMENT || (!stored && !computed)) {
            continue;
        }
        double *x = malloc((size_t)(count + 1) * sizeof *x);
        cr_assert(!stored || kd_elements(&stored->spec) == count, "%s: %s", k->name, key);
        for (int64_t n = 0; n < count; n++) {
            x[n] = stored ? ((const double *)stored->data)[n] : golden_start(name, &v->spec, n);
        }
        put_reals(e, i, x);
        free(x);
    }
}

static void compile_programs(method_run *r) {
    const method_kit *k = r->kit;
    cr_assert(count_programs(k) <= METHOD_PROGRAMS && (int)count_programs(k) == k->programs.count,
              "%s: the file knows other programs", k->name);
    for (uint32_t i = 0; i < count_programs(k); i++) {
        cr_assert_str_eq(program_of(k, i)->name, k->programs.name[i]);
        r->further[i] = compile_further(k, r->engine, program_of(k, i));
    }
}

method_run method_compile(method_kit *k, graph *g, graph *second) {
    kd_error err = KD_ERROR_INIT;
    method_run r = {.kit = k, .engine = engine_create(k->b.device_table, k->b.device, 1)};
    cr_assert(engine_compile(r.engine, g, "step", &r.step, &err), "%s: %s", k->name, err.message);
    cr_assert(!second || engine_compile(r.engine, second, "second", &r.second, &err), "%s: %s",
              k->name, err.message);
    compile_programs(&r);
    cr_assert(engine_allocate(r.engine, &err), "%s", err.message);
    if (!k->fresh) {
        write_start(k, r.engine);
    }
    return r;
}

void method_run_close(method_run *r) {
    engine_destroy(r->engine);
}

static bool has_input(const kd_program *p, const char *name) {
    kd_spec spec;
    return program_input_spec(p, name, &spec);
}

static void write_images(const method_kit *k, kd_program *p, const char *prefix, int number) {
    kd_error err = KD_ERROR_INIT;
    for (int v = 0; v < k->n_views; v++) {
        const int64_t count = (int64_t)k->samples * k->size[v] * k->size[v] * k->channels;
        double *x = malloc((size_t)count * sizeof *x);
        char name[16], key[128];
        snprintf(name, sizeof name, "view%d", v);
        snprintf(key, sizeof key, "%s%s.%d", prefix, name, number);
        const uint64_t start = golden_key(key);
        for (int64_t i = 0; i < count; i++) {
            x[i] = golden_unit(start, (uint64_t)i);
        }
        cr_assert(program_write_reals(p, name, x, count, &err), "%s", err.message);
        free(x);
    }
}

/* index: of the first sample; -1: as the file says of step `number`. */
static void write_samples(const method_kit *k, kd_program *p, const char *prefix, int number,
                          int first) {
    kd_error err = KD_ERROR_INIT;
    const size_t bytes = (size_t)k->samples * sizeof(int32_t);
    int32_t *indices = malloc(bytes);
    const double *listed = golden_stored(k->file, "indices");
    for (int i = 0; i < k->samples; i++) {
        const ptrdiff_t at = (ptrdiff_t)number * k->samples + i;
        indices[i] = first < 0 ? (int32_t)listed[at] : (first + i) % k->total;
    }
    cr_assert(program_write(p, "indices", indices, bytes, &err), "%s", err.message);
    for (int i = 0; k->classes && i < k->samples; i++) {
        indices[i] %= k->classes;
    }
    cr_assert(!k->classes || program_write(p, "labels", indices, bytes, &err), "%s", err.message);
    free(indices);
    write_images(k, p, prefix, number);
}

/* The host's own value, which must be the file's. */
static double scheduled_value(const method_kit *k, const kd_schedule *s, const char *name,
                              int step) {
    const double got = schedule_scalar(s, step, k->epoch_steps, k->total_steps);
    char key[256];
    snprintf(key, sizeof key, "scheduled.%s", name);
    const double want = k->fresh ? got : golden_stored(k->file, key)[step];
    cr_assert(fabs(got - want) <= 1e-12 * fabs(want), "%s: %s of step %d is %.17g, not %.17g",
              k->name, name, step, got, want);
    return want;
}

static void write_clock(const method_kit *k, kd_program *p, int step) {
    kd_error err = KD_ERROR_INIT;
    for (int i = 0; i < program_schedules(p); i++) {
        kd_schedule s;
        const char *name = program_schedule(p, i, &s);
        const double value = scheduled_value(k, &s, name, step);
        cr_assert(program_write_reals(p, name, &value, 1, &err), "%s", err.message);
    }
    const int64_t key[2] = {golden_number(k->file, "seed"), step};
    cr_assert(!has_input(p, "step_key") || program_write(p, "step_key", key, sizeof key, &err));
    if (has_input(p, "hyper")) {
        const double hyper[KD_RATES] = {golden_stored(k->file, "rate")[step], real_of(k, "decay"),
                                        1 - pow(real_of(k, "beta1"), step + 1),
                                        1 - pow(real_of(k, "beta2"), step + 1), 1};
        cr_assert(program_write_reals(p, "hyper", hyper, KD_RATES, &err), "%s", err.message);
    }
}

static void run_further(method_run *r, uint32_t index, int step) {
    const method_kit *k = r->kit;
    const kd_method_program *program = program_of(k, index);
    const int batches = program->over_samples ? (k->total + k->samples - 1) / k->samples : 1;
    kd_error err = KD_ERROR_INIT;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.%d.", program->name, step);
    for (int i = 0; i < batches; i++) {
        if (program->over_samples) {
            write_samples(k, r->further[index], prefix, i, i * k->samples);
        }
        write_clock(k, r->further[index], step);
        cr_assert(program_run(r->further[index], &err), "%s: %s", program->name, err.message);
    }
}

static void feed(const method_run *r, kd_program *p, int step) {
    write_samples(r->kit, p, "", step, r->kit->fresh ? step * r->kit->samples : -1);
    write_clock(r->kit, p, step);
}

void method_feed(method_run *r, int step) {
    const method_kit *k = r->kit;
    for (int when = step == 0 ? KD_AT_START : KD_AT_EPOCH; when <= KD_AT_EPOCH; when++) {
        for (uint32_t i = 0; step % k->epoch_steps == 0 && i < count_programs(k); i++) {
            if (program_of(k, i)->when == when) {
                run_further(r, i, step);
            }
        }
    }
    feed(r, r->step, step);
}

void method_feed_second(method_run *r, int step) {
    feed(r, r->second, step);
}

void method_even_images(method_run *r) {
    const method_kit *k = r->kit;
    kd_error err = KD_ERROR_INIT;
    for (int v = 0; v < k->n_views; v++) {
        const int64_t count = (int64_t)k->samples * k->size[v] * k->size[v] * k->channels;
        double *x = calloc((size_t)count, sizeof *x);
        char name[16];
        snprintf(name, sizeof name, "view%d", v);
        cr_assert(program_write_reals(r->step, name, x, count, &err), "%s", err.message);
        free(x);
    }
}

double method_loss(const method_run *r, kd_program *p) {
    kd_error err = KD_ERROR_INIT;
    double loss;
    cr_assert(program_run(p, &err), "%s: %s", r->kit->name, err.message);
    cr_assert(program_read_scalar(p, "loss", &loss, &err), "%s", err.message);
    return loss;
}

/* SPDX-License-Identifier: Apache-2.0
 * What the host may rely on from every plugin of a kind, checked on each one of this build:
 * methods, backbones, devices. */
#include "check/conformance.h"
#include "built_plugins.h"
#include "graph/internal.h"
#include "leaks.h"

#include <math.h>
#include <stdlib.h>

/* Calls `check` with every plugin of a kind, loaded; there must be one. */
static void each_plugin(built *b, uint32_t kind, void (*check)(built *b, const plugin *p)) {
    kd_error err = KD_ERROR_INIT;
    int count = 0;
    for (int i = 0; i < registry_count(b->plugins); i++) {
        const plugin *p = registry_at(b->plugins, i);
        if (p->note.kind == kind && p->state == PLUGIN_CHOSEN) {
            const plugin *loaded = registry_load(b->plugins, kind, p->note.id, &err);
            cr_assert(loaded, "%s", err.message);
            check(b, loaded);
            count++;
        }
    }
    cr_assert_gt(count, 0);
}

static void with_reference(uint32_t kind, void (*check)(built *b, const plugin *p)) {
    built b;
    built_open(&b, "reference");
    each_plugin(&b, kind, check);
    built_close(&b);
}

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* In [-1, 1). */
static double draw(uint64_t stream, int64_t i) {
    return (double)(mix((stream << 32) + (uint64_t)i * 0x9e3779b97f4a7c15u) >> 11) /
               4503599627370496.0 -
           1;
}

/* Methods are built over a tiny ResNet, in double precision. */
enum { SAMPLES = 6, SIDE = 8, CHANNELS = 3, PIXELS = SAMPLES * SIDE * SIDE * CHANNELS };
static const char tiny_encoder[] = "{depth: 18, stem: cifar, width: 4}";

typedef struct training {
    built_encoder encoder;
    built_method method;
    engine *engine;
    kd_program *program;
} training;

/* Heads as narrow as the encoder, where the method has such options: the loops are plain ones. */
static const char *narrow(const plugin *p) {
    bool hidden = false, output = false;
    for (int i = 0; i < p->note.n_options; i++) {
        hidden = hidden || strcmp(p->note.options[i].name, "hidden") == 0;
        output = output || strcmp(p->note.options[i].name, "output") == 0;
    }
    return hidden && output ? "{hidden: 32, output: 32}" : NULL;
}

/* With the gradient of every parameter as an output where `gradients`, else with an optimizer. */
static training training_open(built *b, const plugin *p, bool gradients) {
    kd_error err = KD_ERROR_INIT;
    const kd_method *table = p->table;
    training t = {.encoder = built_encoder_of(b, "resnet", tiny_encoder)};
    t.method = (built_method){
        table, built_config(b, p, narrow(p)), NULL, (int)table->min_views, SAMPLES, SIDE, CHANNELS};
    built_method described = t.method;
    described.encoder = &t.encoder.base;
    graph *g = graph_create(&(graph_options){.real = KD_F64});
    kd_tensor *loss = built_loss(g, &described);
    if (gradients) {
        built_gradients(g, loss);
        kd_output(graph_root(g), "loss", loss);
    } else {
        graph_minimize(g, loss, &(optimizer){.name = "sgd", .momentum = 0.9});
    }
    t.engine = engine_create(b->device_table, b->device, 1);
    cr_assert(engine_compile(t.engine, g, "step", &t.program, &err), "%s: %s", p->note.id,
              err.message);
    cr_assert(engine_allocate(t.engine, &err), "%s", err.message);
    for (int i = 0; i < program_schedules(t.program); i++) {
        kd_schedule s;
        const char *name = program_schedule(t.program, i, &s);
        cr_assert(program_write_reals(t.program, name, &s.from, 1, &err), "%s", err.message);
    }
    double pixels[PIXELS];
    for (int v = 0; v < t.method.views; v++) {
        char name[16];
        snprintf(name, sizeof name, "view%d", v);
        for (int i = 0; i < PIXELS; i++) {
            pixels[i] = draw((uint64_t)v + 1, i);
        }
        cr_assert(program_write_reals(t.program, name, pixels, PIXELS, &err), "%s", err.message);
    }
    return t;
}

static double run_loss(training *t) {
    kd_error err = KD_ERROR_INIT;
    double loss;
    cr_assert(program_run(t->program, &err), "%s", err.message);
    cr_assert(program_read_scalar(t->program, "loss", &loss, &err), "%s", err.message);
    return loss;
}

static double step(training *t) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(program_write_reals(t->program, "hyper", (double[]){0.05, 1e-4, 1, 1, 1}, 5, &err),
              "%s", err.message);
    return run_loss(t);
}

static bool is_parameter(const training *t, int i) {
    return engine_variable(t->engine, i)->kind == VARIABLE_PARAMETER;
}

/* Every parameter has a gradient that is finite and not all zero. That it is the right one,
 * tests/test_method_derivatives.c says, which holds still what no gradient flows through. */
static void check_gradients(training *t, const char *id) {
    kd_error err = KD_ERROR_INIT;
    for (int i = 0; i < engine_variables(t->engine); i++) {
        const variable *v = engine_variable(t->engine, i);
        if (!is_parameter(t, i)) {
            continue;
        }
        const int64_t count = kd_elements(&v->spec);
        double *d = malloc((size_t)count * sizeof *d), largest = 0;
        char name[256];
        snprintf(name, sizeof name, "gradient.%s", v->name);
        cr_assert(program_read(t->program, name, d, (size_t)count * sizeof *d, &err), "%s",
                  err.message);
        for (int64_t k = 0; k < count; k++) {
            cr_assert(isfinite(d[k]));
            largest = fmax(largest, fabs(d[k]));
        }
        cr_assert_gt(largest, 0, "%s: %s has no gradient", id, v->name);
        free(d);
    }
}

static void check_method(built *b, const plugin *p) {
    const char *id = p->note.id;
    training t = training_open(b, p, true);
    cr_assert(isfinite(run_loss(&t)), "%s: the loss is not finite", id);
    check_gradients(&t, id);
    engine_destroy(t.engine);

    training one = training_open(b, p, false), two = training_open(b, p, false);
    for (int i = 0; i < 3; i++) {
        const double loss = step(&one);
        cr_assert(isfinite(loss), "%s: the loss is not finite", id);
        cr_assert_eq(step(&two), loss, "%s: two builds differ", id);
    }
    engine_destroy(one.engine);
    engine_destroy(two.engine);
}

TEST(method, has_right_gradients_and_repeats) {
    with_reference(KD_KIND_METHOD, check_method);
}

static kd_features describe(graph *g, const plugin *p, const void *config, const char *scope,
                            bool train) {
    kd_scope s = graph_root(g);
    kd_tensor *images = kd_input(s, "x", (kd_spec){.rank = 4, .dim = {2, 32, 32, 3}});
    kd_features f = {.size = sizeof f};
    ((const kd_backbone *)p->table)->build(config, kd_child(s, "%s", scope), images, train, &f);
    kd_error err = KD_ERROR_INIT;
    cr_assert(graph_check(g, &err), "%s: %s", p->note.id, err.message);
    return f;
}

static int64_t parameters_of(const graph *g) {
    int64_t count = 0;
    for (int i = 0; i < g->parameters.count; i++) {
        count += kd_elements(&((struct value *)g->parameters.item[i])->spec);
    }
    return count;
}

static void check_backbone(built *b, const plugin *p) {
    const void *config = built_config(b, p, NULL);
    graph *g = graph_create(&(graph_options){.real = KD_F32});
    const kd_features f = describe(g, p, config, "encoder", true);
    cr_assert_eq(kd_rank(f.pooled), 2);
    cr_assert_eq(kd_dim(f.pooled, 0), 2);
    cr_assert_eq(kd_spec_of(f.pooled).dtype, KD_F32);
    cr_assert(f.n_maps > 0 && f.n_maps <= KD_MAX_FEATURE_MAPS);
    for (uint32_t i = 0; i < f.n_maps; i++) {
        cr_assert(f.maps[i].name && kd_dim(f.maps[i].map, 0) == 2, "%s: map %u", p->note.id, i);
    }
    for (int i = 0; i < g->parameters.count; i++) {
        const char *name = ((struct value *)g->parameters.item[i])->name;
        cr_assert_eq(strncmp(name, "encoder.", 8), 0, "%s: %s is outside", p->note.id, name);
    }
    /* A second call shares everything; in eval mode, too. */
    const int parameters = g->parameters.count, states = g->states.count;
    const kd_features again = describe(g, p, config, "encoder", false);
    cr_assert_eq(kd_dim(again.pooled, 1), kd_dim(f.pooled, 1));
    cr_assert_eq(g->parameters.count, parameters);
    cr_assert_eq(g->states.count, states);
    describe(g, p, config, "other", true);
    cr_assert_eq(g->parameters.count, 2 * parameters);
    graph_destroy(g);
}

TEST(backbone, gives_features_and_shares_its_parameters) {
    with_reference(KD_KIND_BACKBONE, check_backbone);
}

/* Published counts: torchvision's and timm's models without their last layer. */
static const struct {
    const char *id, *options, *first, *last;
    int64_t parameters, width;
} encoders[] = {
    {"resnet", "{depth: 18}", "conv1.weight", "layer4.1.bn2.bias", 11176512, 512},
    {"resnet", "{depth: 34}", "conv1.weight", "layer4.2.bn2.bias", 21284672, 512},
    {"resnet", "{depth: 50}", "conv1.weight", "layer4.2.bn3.bias", 23508032, 2048},
    {"resnet", "{depth: 101}", "conv1.weight", "layer4.2.bn3.bias", 42500160, 2048},
    {"resnet", "{depth: 152}", "conv1.weight", "layer4.2.bn3.bias", 58143808, 2048},
    {"resnet", "{depth: 50, wide: 2}", "conv1.weight", "layer4.2.bn3.bias", 66834240, 2048},
    {"resnet", "{depth: 101, wide: 2}", "conv1.weight", "layer4.2.bn3.bias", 124837696, 2048},
    {"vit", "{size: tiny}", "cls_token", "norm.bias", 5524416, 192},
    {"vit", "{size: small}", "cls_token", "norm.bias", 21665664, 384},
    {"vit", "{size: small, patch: 8}", "cls_token", "norm.bias", 21670272, 384},
    {"vit", "{size: base}", "cls_token", "norm.bias", 85798656, 768},
    {"vit", "{size: base, pool: mean, drop_path: 0.1}", "cls_token", "fc_norm.bias", 85798656, 768},
    {"resnet", "{depth: 18, stem: cifar, width: 16}", "conv1.weight", "layer4.1.bn2.bias", 700176,
     128},
    {"resnet", "{depth: 18, stem: tiny}", "conv1.weight", "layer4.1.bn2.bias", 11168832, 512},
};

TEST(backbone, has_the_published_size) {
    built b;
    built_open(&b, "reference");
    kd_error err = KD_ERROR_INIT;
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders; i++) {
        const plugin *p = registry_load(b.plugins, KD_KIND_BACKBONE, encoders[i].id, &err);
        cr_assert(p, "%s", err.message);
        graph *g = graph_create(&(graph_options){.real = KD_F32});
        const kd_features f =
            describe(g, p, built_config(&b, p, encoders[i].options), "encoder", true);
        cr_assert_eq(parameters_of(g), encoders[i].parameters, "%s: %lld", encoders[i].options,
                     (long long)parameters_of(g));
        cr_assert_eq(kd_dim(f.pooled, 1), encoders[i].width);
        const struct value *first = g->parameters.item[0];
        const struct value *last = g->parameters.item[g->parameters.count - 1];
        cr_assert_str_eq(first->name + strlen("encoder."), encoders[i].first);
        cr_assert_str_eq(last->name + strlen("encoder."), encoders[i].last);
        graph_destroy(g);
    }
    built_close(&b);
}

static void check_opened(built *b, const plugin *p) {
    const kd_device_plugin *table = p->table;
    kd_error err = KD_ERROR_INIT;
    kd_device *device;
    if (!table->open(built_config(b, p, NULL), &b->host.table, &device, &err)) {
        cr_assert_eq(err.code, KD_E_UNSUPPORTED, "%s: %s", p->note.id, err.message);
        printf("not here: %s (%s)\n", p->note.id, err.message);
        return;
    }
    const check_device d = {.name = p->note.id, .table = table, .handle = device};
    for (const conformance *c = conformances; c->name; c++) {
        cr_expect(!conformance_applies(c, &d) || c->check(&d, &err), "%s: %s: %s", p->note.id,
                  c->name, err.message);
    }
    table->close(device);
}

TEST(device, conforms) {
    with_reference(KD_KIND_DEVICE, check_opened);
}

/* SPDX-License-Identifier: Apache-2.0
 * Builds the step of a checked method or backbone. */
#include "check/plugin_method.h"

#include "graph/internal.h"

#include <stdlib.h>

enum { SAMPLES = 6, CHANNELS = 3, MAX_VIEWS = 8 };

static void encode(const kd_encoder *base, kd_scope s, kd_tensor *images, bool train,
                   kd_features *ret) {
    const method_bench *b = (const void *)((const char *)base - offsetof(method_bench, encoder));
    b->backbone->build(b->backbone_config, s, images, train, ret);
}

/* Options that make a plugin narrow where it has them: the loops of the reference device are plain
 * ones, and what is wrong with a layer is wrong with eight channels. Depths stay as they are. */
static const struct {
    const char *has[2], *yaml;
} narrower[] = {
    {{"hidden", "output"}, "{hidden: 32, output: 32}"},
    {{"output", "output"}, "{output: 32}"},
    {{"width", "heads"}, "{width: 24, heads: 3}"},
    {{"width", "width"}, "{width: 8}"},
};

/* The options to run a plugin with: those that the check was asked to use, else narrow ones, else
 * its defaults. */
static const void *narrow_config(plugin_kit *k, const plugin *p, kd_error *err) {
    if (p == k->subject && k->options) {
        return kit_config(k, p, k->options, err);
    }
    for (size_t i = 0; i < sizeof narrower / sizeof *narrower; i++) {
        kd_error unfit = KD_ERROR_INIT;
        const char *const *has = narrower[i].has;
        const void *config = kit_has_option(p, has[0]) && kit_has_option(p, has[1])
                                 ? kit_config(k, p, narrower[i].yaml, &unfit)
                                 : NULL;
        if (config) {
            return config;
        }
    }
    return kit_config(k, p, NULL, err);
}

bool bench_open(method_bench *b, plugin_kit *k, plugin_case *c) {
    kd_error err = KD_ERROR_INIT;
    const bool is_method = c->note->kind == KD_KIND_METHOD;
    const plugin *method = is_method ? k->subject : kit_own(k, KD_KIND_METHOD, "simclr", &err);
    const plugin *backbone = is_method ? kit_own(k, KD_KIND_BACKBONE, "resnet", &err) : k->subject;
    *b = (method_bench){.kit = k, .seed = c->seed, .size = is_method ? 8 : 32};
    if (!method || !backbone) {
        rule_skip(c, "kindred's own plugins: %s", err.message);
        return false;
    }
    b->method = method->table;
    b->backbone = backbone->table;
    b->method_config = narrow_config(k, method, &err);
    b->backbone_config = is_method
                             ? kit_config(k, backbone, "{depth: 18, stem: cifar, width: 4}", &err)
                             : narrow_config(k, backbone, &err);
    if (!b->method_config || !b->backbone_config) {
        rule_skip(c, "cannot run with its defaults: %s", err.message);
        return false;
    }
    b->encoder = (kd_encoder){.size = sizeof b->encoder, .encode = encode};
    b->views = b->method->min_views ? (int)b->method->min_views : 1;
    return true;
}

static kd_tensor *build_loss(method_bench *b, graph *g) {
    kd_scope s = graph_root(g);
    kd_view views[MAX_VIEWS] = {0};
    for (int i = 0; i < b->views && i < MAX_VIEWS; i++) {
        char name[16];
        snprintf(name, sizeof name, "view%d", i);
        const kd_spec spec = {.rank = 4, .dim = {SAMPLES, b->size, b->size, CHANNELS}};
        views[i] = (kd_view){.images = kd_input(s, name, spec), .recipe = "none"};
    }
    const kd_spec classes = {KD_I32, 1, {SAMPLES}};
    const kd_method_input in = {.size = sizeof in,
                                .n_views = (uint32_t)b->views,
                                .view_stride = sizeof *views,
                                .views = views,
                                .encoder = &b->encoder,
                                .samples = SAMPLES,
                                .indices = kd_input(s, "indices", (kd_spec){KD_I32, 1, {SAMPLES}}),
                                .labels = b->unlabelled ? NULL : kd_input(s, "labels", classes),
                                .epoch_steps = 4,
                                .total_steps = 16};
    const kd_method_input *given = b->minor ? kit_at_the_edge(&in, b->minor->method_input) : &in;
    return given ? b->method->build(b->method_config, s, given) : NULL;
}

/* For a minor: its table of the graph, and an encoder that says its size. */
static const kd_graph_api *cut_tables(method_bench *b) {
    if (b->minor) {
        b->encoder.size = (uint32_t)b->minor->encoder;
    }
    return b->minor ? kit_at_the_edge(&graph_api, b->minor->graph) : NULL;
}

static bool is_constant(const struct node *n, int32_t real) {
    return n->op->flags & KD_OP_CONSTANT && n->view.n_inputs > 0 && n->out[0]->spec.dtype == real;
}

/* Puts an input in the place of a value, for all that read it. */
static void replace(graph *g, int nodes, struct value *was, struct value *now) {
    for (int i = 0; i < nodes; i++) {
        struct node *reader = g->nodes.item[i];
        for (uint32_t in = 0; in < reader->view.n_inputs; in++) {
            reader->in[in] = reader->in[in] == was ? now : reader->in[in];
        }
    }
}

/* What no gradient flows through is constant for a derivative: an input, or an output. */
static int hold(graph *g, ending end, kd_spec *spec) {
    const int nodes = g->nodes.count;
    int count = 0;
    for (int i = 0; i < nodes && count < BENCH_HELD; i++) {
        struct node *n = g->nodes.item[i];
        if (!is_constant(n, g->real)) {
            continue;
        }
        char name[32];
        snprintf(name, sizeof name, "held%d", count);
        spec[count++] = n->out[0]->spec;
        if (end == END_HELD) {
            replace(g, nodes, n->out[0], as_value(kd_input(graph_root(g), name, n->out[0]->spec)));
        } else {
            /* A copy: it may be a state's memory, which the step writes. */
            kd_output(graph_root(g), name, kd_emit1("copy", &n->out[0]->base));
        }
    }
    return count;
}

static void put_gradients(graph *g, kd_tensor *loss) {
    const int count = g->parameters.count;
    kd_tensor **wrt = kd_alloc(((size_t)count + 1) * sizeof *wrt);
    kd_tensor **gradient = kd_alloc(((size_t)count + 1) * sizeof *gradient);
    for (int i = 0; i < count; i++) {
        wrt[i] = g->parameters.item[i];
    }
    graph_root(g)->api->gradients(loss, wrt, (uint32_t)count, gradient);
    for (int i = 0; i < count; i++) {
        char name[256];
        snprintf(name, sizeof name, "gradient.%s", as_value(wrt[i])->name);
        kd_output(graph_root(g), name, gradient[i]);
    }
    free(wrt);
    free(gradient);
}

graph *bench_graph(method_bench *b, ending end, int *ret_held, kd_spec *held) {
    graph *g =
        graph_create(&(graph_options){.real = KD_F64, .ops = b->kit->ops, .api = cut_tables(b)});
    kd_tensor *loss = build_loss(b, g);
    kd_error err = KD_ERROR_INIT;
    *ret_held = 0;
    if (!loss || !graph_check(g, &err)) {
        return g;
    }
    if (end == END_TRAINS) {
        graph_minimize(g, loss, &(optimizer){.name = "sgd", .momentum = 0.9});
        return g;
    }
    *ret_held = hold(g, end, held);
    if (end == END_GRADIENTS) {
        put_gradients(g, loss);
    }
    kd_output(graph_root(g), "loss", loss);
    return g;
}

bool bench_feed(method_bench *b, kd_program *p, kd_error *err) {
    const int pixels = SAMPLES * b->size * b->size * CHANNELS;
    double *values = kd_alloc((size_t)pixels * sizeof *values);
    bool ok = true;
    for (int i = 0; i < program_schedules(p) && ok; i++) {
        kd_schedule s;
        const char *name = program_schedule(p, i, &s);
        ok = program_write_reals(p, name, &s.from, 1, err);
    }
    for (int v = 0; v < b->views && ok; v++) {
        char name[16];
        snprintf(name, sizeof name, "view%d", v);
        for (int i = 0; i < pixels; i++) {
            values[i] = kit_draw(b->seed, (uint64_t)v + 1, (uint64_t)i);
        }
        ok = program_write_reals(p, name, values, pixels, err);
    }
    const int32_t indices[SAMPLES] = {0, 1, 2, 3, 4, 5}, labels[SAMPLES] = {0, 1, 2, 0, 1, 2};
    kd_spec spec;
    ok = ok && (!program_input_spec(p, "indices", &spec) ||
                program_write(p, "indices", indices, sizeof indices, err));
    ok = ok && (!program_input_spec(p, "labels", &spec) ||
                program_write(p, "labels", labels, sizeof labels, err));
    free(values);
    return ok;
}

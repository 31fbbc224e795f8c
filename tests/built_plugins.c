/* SPDX-License-Identifier: Apache-2.0
 * Finds the plugins of this build through the host's own registry and puts them to work. */
#include "built_plugins.h"

#include "config/config.h"
#include "graph/internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>

void built_open(built *b, const char *device) {
    static const char *const kinds[] = {"devices", "backbones", "methods", "datasets", "evals"};
    const char *root = getenv("KINDRED_TEST_PLUGINS");
    cr_assert(root, "KINDRED_TEST_PLUGINS is not set");
    kd_error err = KD_ERROR_INIT;
    *b = (built){0};
    const char *folders[5];
    for (int i = 0; i < 5; i++) {
        folders[i] = arena_print(&b->memory, "%s/%s", root, kinds[i]);
    }
    const plugin_search search = {.folders = folders, .n_folders = 5, .no_user_plugins = true};
    b->plugins = registry_open(&search, &err);
    cr_assert(b->plugins, "%s", err.message);
    plugin_host_init(&b->host);
    const plugin *p = registry_load(b->plugins, KD_KIND_DEVICE, device, &err);
    cr_assert(p, "%s", err.message);
    b->device_table = p->table;
    cr_assert(b->device_table->open(built_config(b, p, NULL), &b->host.table, &b->device, &err),
              "%s", err.message);
}

void built_close(built *b) {
    b->device_table->close(b->device);
    plugin_host_finish(&b->host);
    registry_close(b->plugins);
    arena_free(&b->memory);
}

const void *built_config(built *b, const plugin *p, const char *yaml) {
    kd_error err = KD_ERROR_INIT;
    const char *text = yaml ? yaml : "{}";
    config *c = config_load_text(p->note.id, text, strlen(text), NULL, 0, &err);
    cr_assert(c, "%s", err.message);
    void *into = arena_alloc(&b->memory, p->note.config_size);
    cr_assert(config_fill(config_root(c), p->note.options, p->note.n_options, NULL, into,
                          p->note.config_size, &b->memory, &err),
              "%s", err.message);
    config_destroy(c);
    return into;
}

static void encode(const kd_encoder *base, kd_scope s, kd_tensor *images, bool train,
                   kd_features *ret) {
    const built_encoder *e = (const built_encoder *)base;
    e->backbone->build(e->config, s, images, train, ret);
}

built_encoder built_encoder_of(built *b, const char *id, const char *yaml) {
    kd_error err = KD_ERROR_INIT;
    const plugin *p = registry_load(b->plugins, KD_KIND_BACKBONE, id, &err);
    cr_assert(p, "%s", err.message);
    return (built_encoder){.base = {.size = sizeof(kd_encoder), .encode = encode},
                           .backbone = p->table,
                           .config = built_config(b, p, yaml)};
}

kd_tensor *built_loss(graph *g, const built_method *m) {
    kd_scope s = graph_root(g);
    kd_view views[8] = {0};
    cr_assert(m->views <= 8);
    for (int i = 0; i < m->views; i++) {
        char name[16];
        snprintf(name, sizeof name, "view%d", i);
        const kd_spec spec = {.rank = 4, .dim = {m->samples, m->size, m->size, m->channels}};
        views[i] = (kd_view){.images = kd_input(s, name, spec), .recipe = "none"};
    }
    const kd_method_input in = {
        .size = sizeof in,
        .n_views = (uint32_t)m->views,
        .view_stride = sizeof *views,
        .views = views,
        .encoder = m->encoder,
        .samples = m->samples,
        .indices = kd_input(s, "indices", (kd_spec){KD_I32, 1, {m->samples}}),
        .labels = kd_range(s, 0, m->samples),
    };
    return m->table->build(m->config, s, &in);
}

void built_gradients(graph *g, kd_tensor *loss) {
    const int count = g->parameters.count;
    kd_tensor *wrt[count], *gradient[count];
    for (int i = 0; i < count; i++) {
        wrt[i] = g->parameters.item[i];
    }
    graph_root(g)->api->gradients(loss, wrt, (uint32_t)count, gradient);
    for (int i = 0; i < count; i++) {
        char name[256];
        snprintf(name, sizeof name, "gradient.%s", as_value(wrt[i])->name);
        kd_output(graph_root(g), name, gradient[i]);
    }
}

static bool program_open(const kd_eval_input *in, const char *name,
                         void (*build)(void *context, kd_scope s), void *context, kd_program **ret,
                         kd_error *err) {
    const built_input *h = (const built_input *)in;
    graph *g = graph_create(&(graph_options){.real = h->real});
    build(context, graph_root(g));
    return engine_compile(h->engine, g, name, ret, err);
}

static void close_program(const kd_eval_input *in, kd_program *p) {
    (void)in;
    program_close(p);
}

static bool cancelled(const kd_eval_input *in) {
    built_input *h = (built_input *)(uintptr_t)in;
    return ++h->calls == h->cancel_after;
}

void built_input_open(built *b, const built_eval *e, built_input *ret) {
    kd_error err = KD_ERROR_INIT;
    *ret = (built_input){.in = {.size = sizeof ret->in,
                                .classes = e->classes,
                                .seed = e->seed,
                                .train = e->train,
                                .test = e->test,
                                .host = &b->host.table,
                                .program_open = program_open,
                                .program_close = close_program,
                                .write = program_write,
                                .run = program_run,
                                .read = program_read,
                                .cancelled = cancelled,
                                .test_variants = e->variants},
                         .engine = engine_create(b->device_table, b->device, e->seed),
                         .real = e->real,
                         .cancel_after = e->cancel_after};
    cr_assert(engine_allocate(ret->engine, &err), "%s", err.message);
}

void built_input_close(built_input *h) {
    engine_destroy(h->engine);
}

bool built_run_eval(built *b, const built_eval *e, kd_eval_output *ret, kd_error *err) {
    const plugin *p = registry_load(b->plugins, KD_KIND_EVAL, e->id, err);
    cr_assert(p, "%s", err->message);
    built_input h;
    built_input_open(b, e, &h);
    const kd_eval *table = p->table;
    *ret = (kd_eval_output){.size = sizeof *ret};
    const bool done = table->run(built_config(b, p, e->options), &h.in, ret, err);
    built_input_close(&h);
    return done;
}

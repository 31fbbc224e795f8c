/* SPDX-License-Identifier: Apache-2.0
 * What holds of every method by itself: what its gradients reach, where its loss starts, that it
 * repeats, that a run goes on after a cut; and that each method of this build has its cases. */
#include "leaks.h"
#include "method_cases.h"
#include "run_kit.h"

#include "base/file.h"

#include <math.h>
#include <stdlib.h>

/* A teacher takes no gradient because no path leads to it, not because nobody asks. */
EACH_METHOD_CASE(method, has_no_path_to_its_averages) {
    method_kit k;
    kd_tensor *loss;
    method_open(&k, c->file, "reference", KD_F64);
    graph *g = method_graph(&k, &loss);
    const int parameters = g->parameters.count, averages = g->averages.count;
    const int count = parameters + averages;
    kd_tensor *wrt[count], *gradient[count];
    for (int n = 0; n < count; n++) {
        wrt[n] = n < parameters ? g->parameters.item[n] : g->averages.item[n - parameters];
    }
    graph_root(g)->api->gradients(loss, wrt, (uint32_t)count, gradient);
    for (int n = 0; n < count; n++) {
        cr_expect_eq(as_value(wrt[n])->gradient != NULL, n < parameters, "%s: %s", k.name,
                     as_value(wrt[n])->name);
    }
    graph_destroy(g);
    method_close(&k);
    EXPECT_NO_LEAKS();
}

EACH_METHOD_CASE(method, starts_where_a_random_network_does) {
    method_kit k;
    kd_tensor *loss;
    kd_error err = KD_ERROR_INIT;
    if (c->within > 0) {
        method_open(&k, c->file, "reference", KD_F64);
        const char *id = golden_text(k.file, "method");
        const plugin *p = registry_load(k.b.plugins, KD_KIND_METHOD, id, &err);
        k.config = built_config(&k.b, p, c->sanity_options);
        k.fresh = true;
        k.samples = 32;
        k.total = 64;
        graph *g = method_graph(&k, &loss);
        kd_output(graph_root(g), "loss", loss);
        method_run r = method_compile(&k, g, NULL);
        method_feed(&r, 0);
        const double value = method_loss(&r, r.step);
        cr_expect_float_eq(value, c->sanity, c->within, "%s: %g", k.name, value);
        method_run_close(&r);
        method_close(&k);
    }
    EXPECT_NO_LEAKS();
}

/* Where all images are one, its projections are one: no distance, no covariance, and deviations
 * that are the root of 1e-4 in place of 1, at 25 a view or its half. */
TEST(vicreg, begins_at_its_variance_when_all_is_one) {
    static const struct {
        const char *options;
        double loss;
    } scalings[] = {{"{hidden: 64, output: 64}", 24.75},
                    {"{hidden: 64, output: 64, scaling: solo}", 49.5},
                    {"{hidden: 64, output: 64, scaling: paper}", 49.5}};
    for (size_t i = 0; i < sizeof scalings / sizeof *scalings; i++) {
        method_kit k;
        kd_tensor *loss;
        kd_error err = KD_ERROR_INIT;
        method_open(&k, "vicreg", "reference", KD_F64);
        const plugin *p = registry_load(k.b.plugins, KD_KIND_METHOD, "vicreg", &err);
        k.config = built_config(&k.b, p, scalings[i].options);
        k.fresh = true;
        graph *g = method_graph(&k, &loss);
        kd_output(graph_root(g), "loss", loss);
        method_run r = method_compile(&k, g, NULL);
        method_feed(&r, 0);
        method_even_images(&r);
        cr_expect_float_eq(method_loss(&r, r.step), scalings[i].loss, 1e-9, "%s: %.12g",
                           scalings[i].options, method_loss(&r, r.step));
        method_run_close(&r);
        method_close(&k);
    }
}

/* A run of bf16 rounds its layers, not the products that such a loss is made of. */
TEST(methods, of_correlations_multiply_in_real) {
    static const char *const files[] = {"barlow_twins", "barlow_twins_paper", "vicreg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        method_kit k;
        kd_error err = KD_ERROR_INIT;
        method_open(&k, files[i], "reference", KD_F32);
        graph *g = graph_create(&(graph_options){.real = KD_F32, .compute = KD_BF16});
        built_loss(g, &(built_method){.table = k.table,
                                      .config = k.config,
                                      .encoder = &k.encoder.base,
                                      .views = k.n_views,
                                      .samples = k.samples,
                                      .size = k.size[0],
                                      .channels = k.channels});
        cr_assert(graph_check(g, &err), "%s", err.message);
        int products = 0;
        for (int n = 0; n < g->nodes.count; n++) {
            const struct node *node = g->nodes.item[n];
            if (strcmp(node->op->name, "mul") == 0) {
                products++;
                cr_expect_eq(node->in_specs[0].dtype, KD_F32, "%s: %s", files[i], node->view.path);
            }
        }
        cr_expect(products > 0);
        graph_destroy(g);
        method_close(&k);
    }
}

EACH_METHOD_CASE(method, repeats_bit_for_bit) {
    static snapshot first, second;
    snapshot *const after[] = {&first, &second};
    method_kit k;
    method_open(&k, c->file, "cpu", KD_F32);
    const optimizer how = method_optimizer(&k);
    method_run twin[2];
    for (int n = 0; n < 2; n++) {
        kd_tensor *loss;
        graph *g = method_graph(&k, &loss);
        graph_minimize(g, loss, &how);
        twin[n] = method_compile(&k, g, NULL);
        for (int step = 0; step < 5; step++) {
            method_feed(&twin[n], step);
            cr_assert(isfinite(method_loss(&twin[n], twin[n].step)));
        }
        snapshot_take(&twin[n], after[n]);
    }
    for (int v = 0; v < engine_variables(twin[0].engine); v++) {
        const variable *shown = engine_variable(twin[0].engine, v);
        cr_assert(memcmp(first.data[v], second.data[v], kd_bytes(&shown->spec)) == 0, "%s: %s",
                  k.name, shown->name);
    }
    for (int n = 0; n < 2; n++) {
        snapshot_drop(&twin[n], after[n]);
        method_run_close(&twin[n]);
    }
    method_close(&k);
}

static void train_small(run_kit *kit, int how, const char *name, const method_case *c) {
    kd_error err = KD_ERROR_INIT;
    int outcome;
    const char *views = c->run_views;
    char title[64], method[512], viewed[512];
    snprintf(title, sizeof title, "name=run.%s", name);
    snprintf(method, sizeof method, "method=%s", c->run_options);
    snprintf(viewed, sizeof viewed, "views=%s", views ? views : "");
    const char *const words[] = {title, method, "checkpoint.keep=4", views ? viewed : NULL, NULL};
    cr_assert(kit_train(kit, how, words, &outcome, &err), "%s: %s", c->file, err.message);
}

static void forget(const char *name, int64_t after) {
    for (int64_t step = after + 4; step <= 16; step += 4) {
        kd_error err = KD_ERROR_INIT;
        char path[128];
        snprintf(path, sizeof path, "runs/run.%s/checkpoints/step-%lld", name, (long long)step);
        cr_assert(file_remove_tree(path, &err), "%s", err.message);
    }
}

/* As if killed after step 4, within the first epoch, and after step 8, between the two. */
EACH_METHOD_CASE(method, goes_on_bit_for_bit) {
    if (c->run_options) {
        run_kit kit;
        kit_open(&kit);
        train_small(&kit, FOLDER_NEW, "whole", c);
        train_small(&kit, FOLDER_NEW, "cut", c);
        for (int64_t after = 4; after <= 8; after += 4) {
            forget("cut", after);
            train_small(&kit, FOLDER_RESUME, "cut", c);
            cr_assert(kit_same_state("run.whole", "run.cut", 16), "%s: after step %lld", c->file,
                      (long long)after);
        }
        kit_close(&kit);
    }
    EXPECT_NO_LEAKS();
}

TEST(methods, have_golden_files_and_small_runs) {
    built b;
    built_open(&b, "reference");
    for (int n = 0; n < registry_count(b.plugins); n++) {
        const plugin *p = registry_at(b.plugins, n);
        bool golden = false, small = false;
        for (int i = 0; i < method_case_count && p->note.kind == KD_KIND_METHOD; i++) {
            method_kit k;
            method_open(&k, method_cases[i].file, "reference", KD_F64);
            const bool own = strcmp(golden_text(k.file, "method"), p->note.id) == 0;
            golden = golden || own;
            small = small || (own && method_cases[i].run_options);
            method_close(&k);
        }
        cr_expect(p->note.kind != KD_KIND_METHOD || (golden && small),
                  "%s has no row in method_cases.c", p->note.id);
    }
    built_close(&b);
}

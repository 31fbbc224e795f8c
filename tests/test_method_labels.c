/* SPDX-License-Identifier: Apache-2.0
 * What methods make of labels that are missing, and of batches that do not fit their options. */
#include "leaks.h"
#include "method_kit.h"

#include <criterion/criterion.h>
#include <math.h>

enum { BATCH = 8 };

/* Builds the method's graph of two views without labels; returns what it says. */
static const char *mistake(built *b, const char *id, const char *options) {
    kd_error err = KD_ERROR_INIT;
    const plugin *p = registry_load(b->plugins, KD_KIND_METHOD, id, &err);
    cr_assert(p, "%s", err.message);
    const kd_method *table = p->table;
    const built_encoder encoder = built_encoder_of(b, "resnet", "{depth: 18, width: 2}");
    graph *g = graph_create(&(graph_options){.real = KD_F32, .draws = true});
    const kd_spec images = {.rank = 4, .dim = {BATCH, 8, 8, 3}};
    const kd_view views[] = {{.images = kd_input(graph_root(g), "a", images)},
                             {.images = kd_input(graph_root(g), "b", images)}};
    const kd_method_input in = {.size = sizeof in,
                                .n_views = 2,
                                .view_stride = sizeof *views,
                                .views = views,
                                .encoder = &encoder.base,
                                .samples = 64,
                                .epoch_steps = 8,
                                .total_steps = 8};
    table->build(built_config(b, p, options), graph_root(g), &in);
    const bool good = graph_check(g, &err);
    graph_destroy(g);
    return good ? "" : arena_text(&b->memory, err.message);
}

TEST(methods, say_what_does_not_fit) {
    static const struct {
        const char *method, *options, *says;
    } wrong[] = {
        {"supcon", "{}", "supcon needs classes, and the data has no labels"},
        {"moco", "{queue: 7}", "queue: a queue of 7 rows cannot take the 8 of a batch"},
        {"moco", "{queue: 15, loss: sum}", "queue: a queue of 15 rows cannot take the 16"},
        {"moco", "{split: 3}", "a batch of 8 does not split into 3 parts"},
        {"nnclr", "{queue: 7}", "queue: a queue of 7 rows cannot take the 8 of a batch"},
        {"moco", "{queue: 8, split: 8}", ""},
        {"nnclr", "{queue: 8}", ""},
    };
    built b;
    built_open(&b, "reference");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *says = mistake(&b, wrong[i].method, wrong[i].options);
        const bool right = *wrong[i].says ? strstr(says, wrong[i].says) != NULL : !*says;
        cr_expect(right, "%s %s: %s", wrong[i].method, wrong[i].options, says);
    }
    built_close(&b);
}

/* The loss of the first step when sample i has label[i]. */
static double loss_with(method_kit *k, const int32_t *label) {
    kd_error err = KD_ERROR_INIT;
    kd_tensor *loss;
    graph *g = method_graph(k, &loss);
    kd_output(graph_root(g), "loss", loss);
    method_run r = method_compile(k, g, NULL);
    method_feed(&r, 0);
    cr_assert(program_write(r.step, "labels", label, BATCH * sizeof *label, &err));
    const double value = method_loss(&r, r.step);
    method_run_close(&r);
    return value;
}

TEST(supcon, takes_unlabelled_samples_for_classes_of_their_own) {
    static const int32_t unlabelled[BATCH] = {-1, -1, -1, -1, -1, -1, -1, -1},
                         apart[BATCH] = {0, 1, 2, 3, 4, 5, 6, 7},
                         some[BATCH] = {-1, 5, -1, 5, 0, -1, 1, -1},
                         some_apart[BATCH] = {2, 5, 3, 5, 0, 4, 1, 6};
    method_kit k;
    method_open(&k, "supcon", "reference", KD_F64);
    cr_assert_eq(k.samples, BATCH);
    const double alone = loss_with(&k, apart), mixed = loss_with(&k, some_apart);
    cr_expect_eq(loss_with(&k, unlabelled), alone);
    cr_expect_eq(loss_with(&k, some), mixed);
    cr_expect(fabs(alone - mixed) > 1e-6, "labels make no difference");
    method_close(&k);
}

/* SPDX-License-Identifier: Apache-2.0
 * Building a graph: sticky errors, scopes, states, types, gradients, fusion, and the text dump. */
#include "graph/graph.h"

#include "harness.h"
#include "small_graph.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static graph *make(int32_t real, int32_t compute) {
    return graph_create(&(graph_options){.real = real, .compute = compute});
}

static kd_tensor *input(graph *g, const char *name, int64_t rows, int64_t columns) {
    return kd_input(graph_root(g), name, (kd_spec){.rank = 2, .dim = {rows, columns}});
}

Test(graph, the_first_mistake_is_kept_with_its_path) {
    graph *g = make(KD_F32, 0);
    kd_scope s = kd_child(kd_child(graph_root(g), "encoder"), "layer%d", 1);
    kd_tensor *bad = kd_conv2d(s, "conv2", input(g, "x", 64, 2048), (kd_conv){.channels = 8});
    kd_tensor *after = kd_relu(kd_matmul(bad, input(g, "y", 3, 5)));
    cr_assert_eq(kd_dim(after, 0), 1);
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(graph_check(g, &err));
    cr_assert_str_eq(err.message,
                     "encoder.layer1.conv2: conv2d wants [n, h, w, c], got 2 dimensions");
    cr_assert(err.hint[0]);
    graph_destroy(g);
}

typedef struct mistake {
    const char *message; /* what must be in it */
    void (*build)(graph *g);
} mistake;

static void unknown_op(graph *g) {
    kd_emit1("frobnicate", input(g, "x", 2, 2));
}
static void unknown_layer(graph *g) {
    kd_compose(graph_root(g), "transformer", (kd_tensor *[]){input(g, "x", 2, 2)}, 1, NULL, 0);
}
static void shapes_differ(graph *g) {
    kd_add(input(g, "x", 2, 3), input(g, "y", 3, 2));
}
static void inner_differs(graph *g) {
    kd_matmul(input(g, "x", 2, 3), input(g, "y", 2, 3));
}
static void other_shape(graph *g) {
    kd_linear(graph_root(g), "head", input(g, "x", 2, 3), (kd_dense){.width = 4});
    kd_linear(graph_root(g), "head", input(g, "y", 2, 5), (kd_dense){.width = 4});
}
static void twice_assigned(graph *g) {
    kd_tensor *state =
        kd_state(graph_root(g), "queue", (kd_spec){.rank = 1, .dim = {3}}, (kd_init){0});
    kd_assign(state, kd_affine(state, 2, 0));
    kd_assign(state, kd_affine(state, 3, 0));
}
static void assigned_input(graph *g) {
    kd_tensor *x = input(g, "x", 2, 2);
    kd_assign(x, kd_relu(x));
}
static void vector_loss(graph *g) {
    kd_tensor *x = input(g, "x", 2, 2), *d;
    graph_root(g)->api->gradients(x, &x, 1, &d);
}
static void no_parameters(graph *g) {
    graph_minimize(g, kd_mean(input(g, "x", 2, 2)), &(optimizer){.name = "sgd"});
}
static void unknown_optimizer(graph *g) {
    graph_minimize(g, small_loss(g), &(optimizer){.name = "adagrad"});
}
static void reported_twice(graph *g) {
    kd_report(graph_root(g), "loss", kd_mean(input(g, "x", 2, 2)));
    kd_report(graph_root(g), "loss", kd_mean(input(g, "y", 2, 2)));
}
static void too_far(graph *g) {
    kd_slice(input(g, "x", 2, 2), 1, 1, 3);
}
static kd_tensor *bytes(graph *g, const char *name, int64_t side) {
    return kd_input(graph_root(g), name,
                    (kd_spec){.dtype = KD_U8, .rank = 4, .dim = {2, side, side, 3}});
}
static void pooled_bytes(graph *g) {
    kd_max_pool2d(bytes(g, "x", 4), 2, 2, 0);
}
static void other_positions(graph *g) {
    kd_tensor *dy = kd_cast(bytes(g, "x", 2), KD_REAL);
    kd_emit2("max_pool2d_grad", dy, bytes(g, "where", 1));
}
static void drawn_integers(graph *g) {
    kd_tensor *key =
        kd_input(graph_root(g), "key", (kd_spec){.dtype = KD_I64, .rank = 1, .dim = {2}});
    const kd_attr attrs[] = {KD_IS("dims", (const int64_t[]){3}, 1), KD_I("dtype", KD_I64)};
    kd_emit("random", &key, 1, attrs, 2);
}
static void other_graph(graph *g) {
    graph *other = make(KD_F32, 0);
    kd_add(input(g, "x", 2, 2), input(other, "x", 2, 2));
    graph_destroy(other);
}

static const mistake mistakes[] = {
    {"frobnicate is not an op of this host", unknown_op},
    {"'transformer' is not a layer of this host", unknown_layer},
    {"add: [2, 3] and [3, 2] do not broadcast", shapes_differ},
    {"matmul: [2, 3] @ [2, 3]: inner dimensions", inner_differs},
    {"head.weight: asked for again with another shape", other_shape},
    {"queue: assigned twice", twice_assigned},
    {"only a state can be assigned", assigned_input},
    {"the loss is not a scalar", vector_loss},
    {"no parameter to train", no_parameters},
    {"adagrad is not an op", unknown_optimizer},
    {"'loss' is declared twice", reported_twice},
    {"[1, 3) is outside of axis 1, which has 2", too_far},
    {"max_pool2d: wants a floating type", pooled_bytes},
    {"wants [n, h, w, c] and its u8 positions", other_positions},
    {"random: is real", drawn_integers},
    {"of another graph", other_graph},
};

Test(graph, every_mistake_has_its_message) {
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        graph *g = make(KD_F32, 0);
        mistakes[i].build(g);
        kd_error err = KD_ERROR_INIT;
        cr_assert_not(graph_check(g, &err), "'%s' was accepted", mistakes[i].message);
        cr_assert(strstr(err.message, mistakes[i].message), "'%s' is not in '%s'",
                  mistakes[i].message, err.message);
        graph_destroy(g);
    }
}

Test(graph, layers_compute_in_the_compute_type_and_everything_else_in_real) {
    graph *g = make(KD_F32, KD_BF16);
    kd_scope s = graph_root(g);
    kd_tensor *x = kd_input(s, "x", (kd_spec){.rank = 4, .dim = {2, 4, 4, 3}});
    kd_tensor *y = kd_conv2d(s, "conv", x, (kd_conv){.channels = 8, .kernel = 3});
    cr_assert_eq(kd_spec_of(y).dtype, KD_BF16);
    y = kd_relu(kd_batchnorm(s, "bn", y, true, (kd_norm){0}));
    cr_assert_eq(kd_spec_of(y).dtype, KD_BF16);
    kd_tensor *features = kd_mean_pool2d(y);
    cr_assert_eq(kd_spec_of(features).dtype, KD_F32);
    cr_assert_eq(kd_spec_of(kd_softmax(y)).dtype, KD_F32);
    kd_tensor *z = kd_linear(s, "head", features, (kd_dense){.width = 4});
    cr_assert_eq(kd_spec_of(z).dtype, KD_BF16);
    cr_assert_eq(kd_spec_of(kd_matmul_with(z, z, false, true)).dtype, KD_F32);
    kd_tensor *weight = kd_param(kd_child(s, "conv"), "weight",
                                 (kd_spec){.rank = 4, .dim = {8, 3, 3, 3}}, (kd_init){0});
    cr_assert_eq(kd_spec_of(weight).dtype, KD_F32);
    kd_tensor *d;
    s->api->gradients(kd_mean(kd_l2_normalize(z)), &weight, 1, &d);
    cr_assert_eq(kd_spec_of(d).dtype, KD_F32, "a weight's gradient is never rounded");
    kd_error err = KD_ERROR_INIT;
    cr_assert(graph_check(g, &err), "%s", err.message);
    graph_destroy(g);
}

/* Where the text of `g` must equal tests/golden/graphs/NAME; KINDRED_REWRITE_GOLDEN=1 rewrites it.
 */
static void check_golden(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/golden/graphs/%s", getenv("KINDRED_TEST_SOURCE"), name);
    const char *rewrite = getenv("KINDRED_REWRITE_GOLDEN");
    if (rewrite && *rewrite) {
        FILE *to = fopen(path, "w");
        cr_assert(to);
        fputs(text, to);
        fclose(to);
        return;
    }
    FILE *from = fopen(path, "r");
    cr_assert(from, "%s is missing; make golden", path);
    char *wanted = calloc(1, 1 << 20);
    const size_t length = fread(wanted, 1, (1 << 20) - 1, from);
    fclose(from);
    cr_assert(length == strlen(text) && memcmp(wanted, text, length) == 0,
              "the graph differs from %s; `make golden`, then read the diff. It is now:\n%s", path,
              text);
    free(wanted);
}

Test(graph, the_text_is_the_golden_one) {
    static const struct {
        const char *name;
        graph_options options;
    } cases[] = {{"small-f32.txt", {.real = KD_F32}},
                 {"small-unfused.txt", {.real = KD_F32, .keep_unfused = true}},
                 {"small-bf16.txt", {.real = KD_F32, .compute = KD_BF16}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g = graph_create(&cases[i].options);
        graph_minimize(g, small_loss(g),
                       &(optimizer){.name = "lars", .momentum = 0.9, .trust = 1e-3});
        char *text = graph_dump(g);
        check_golden(cases[i].name, text);
        free(text);
        graph_destroy(g);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * Ops on every device against numbers that kindred had no part in: PyTorch's, in float64 (made by
 * golden/make_ops.py), and a few that can be worked out by hand. */
#include "harness.h"
#include "leaks.h"

#include "base/safetensors.h"

#include <kindred/layers.h>
#include <kindred/update.h>
#include <math.h>
#include <stdlib.h>

/* One device in one type, with the file at hand. */
typedef struct golden {
    safetensors *file;
    eager *graph;
    kd_scope s;
    const char *device;
    double tolerance; /* normalised mean square error */
} golden;

static const safetensor *need(const golden *g, const char *group, const char *name) {
    kd_error err = KD_ERROR_INIT;
    char whole[96];
    snprintf(whole, sizeof whole, "%s.%s", group, name);
    const safetensor *t = safetensors_need(g->file, whole, NULL, &err);
    cr_assert(t, "%s", err.message);
    return t;
}

/* A tensor of the file: reals, or i32. */
static kd_tensor *load(const golden *g, const char *group, const char *name) {
    const safetensor *t = need(g, group, name);
    kd_spec spec = t->spec;
    const int64_t count = kd_elements(&spec);
    double *values = kd_alloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        values[i] = number_get(t->data, spec.dtype, i);
    }
    spec.dtype = spec.dtype == KD_F64 ? KD_REAL : spec.dtype;
    kd_tensor *loaded = eager_tensor(g->graph, spec, values);
    free(values);
    return loaded;
}

static void expect_values(const golden *g, kd_tensor *got, const double *want, int64_t count,
                          const char *what) {
    const char *why;
    cr_assert_eq(eager_status(g->graph, &why), EAGER_FINE, "%s: %s: %s", g->device, what, why);
    const kd_spec spec = kd_spec_of(got);
    cr_assert_eq(kd_elements(&spec), count, "%s: %s has another size", g->device, what);
    const double error = number_error(eager_read(got), want, count);
    cr_expect_leq(error, g->tolerance, "%s: %s: error %.2g", g->device, what, error);
}

static void expect(const golden *g, kd_tensor *got, const char *group, const char *name) {
    const safetensor *t = need(g, group, name);
    const int64_t count = kd_elements(&t->spec);
    double *want = kd_alloc((size_t)count * sizeof *want);
    for (int64_t i = 0; i < count; i++) {
        want[i] = number_get(t->data, t->spec.dtype, i);
    }
    expect_values(g, got, want, count, t->name);
    free(want);
}

/* Runs a check on each device in f32, and on the reference device in f64 too. */
static void on_all(void (*check)(const golden *g)) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const char *source = getenv("KINDRED_TEST_SOURCE");
    cr_assert(source, "KINDRED_TEST_SOURCE is not set");
    char path[4096];
    snprintf(path, sizeof path, "%s/golden/ops.safetensors", source);
    kd_error err = KD_ERROR_INIT;
    golden g = {.file = safetensors_open(path, &err)};
    cr_assert(g.file, "%s", err.message);
    for (int i = 0; i < 2 * count; i++) {
        const check_device *d = &devices[i / 2];
        const bool wide = i % 2 == 1;
        if (wide && strcmp(d->name, "reference") != 0) {
            continue;
        }
        g.device = d->name;
        g.graph = eager_create(d, wide ? KD_F64 : KD_F32, wide ? KD_F64 : KD_F32);
        g.s = eager_root(g.graph);
        g.tolerance = wide ? 1e-24 : 1e-10;
        check(&g);
        eager_destroy(g.graph);
    }
    safetensors_close(g.file);
    test_devices_close(devices, count);
}

/* Random123's known answer for counter 0 and key 0, and that nothing but all of it agrees. */
static void check_random(const golden *g) {
    static const double want[] = {0x6627e8 * 0x1p-24, 0xe169c5 * 0x1p-24, 0xbc57ac * 0x1p-24,
                                  0x9b00db * 0x1p-24};
    const kd_spec spec = {.dtype = KD_I64, .rank = 1, .dim = {2}};
    const int64_t four = 4;
    kd_tensor *key = eager_tensor(g->graph, spec, (double[]){0, 0});
    expect_values(g, kd_random(key, 0, 1, &four), want, 4, "random");
    kd_tensor *next = eager_tensor(g->graph, spec, (double[]){0, 1});
    kd_tensor *stream = kd_random(key, 1, 1, &four), *step = kd_random(next, 0, 1, &four);
    cr_expect_neq(eager_read(stream)[0], eager_read(step)[0], "a stream is another step's");
}

TEST(op_golden, random) {
    on_all(check_random);
}

static void check_conv2d(const golden *g) {
    static const struct {
        const char *name;
        int64_t stride, padding;
    } cases[] = {{"conv3x3", 1, 1}, {"conv3x3s2", 2, 1}, {"conv1x1s2", 2, 0}, {"conv7x7s3", 3, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = cases[i].name;
        kd_tensor *x = load(g, name, "x"), *w = load(g, name, "w"), *dy = load(g, name, "dy");
        const kd_attr attrs[] = {
            KD_I("stride", cases[i].stride),     KD_I("padding", cases[i].padding),
            KD_I("height", kd_dim(x, 1)),        KD_I("width", kd_dim(x, 2)),
            KD_I("kernel_height", kd_dim(w, 1)), KD_I("kernel_width", kd_dim(w, 2))};
        expect(g, kd_emit("conv2d", (kd_tensor *[]){x, w}, 2, attrs, 2), name, "y");
        expect(g, kd_emit("conv2d_input_grad", (kd_tensor *[]){dy, w}, 2, attrs, 4), name, "dx");
        expect(g, kd_emit("conv2d_weight_grad", (kd_tensor *[]){x, dy}, 2, attrs, 6), name, "dw");
    }
}

TEST(op_golden, conv2d) {
    on_all(check_conv2d);
}

static void check_matmul(const golden *g) {
    kd_tensor *a = load(g, "matmul", "a"), *b = load(g, "matmul", "b");
    kd_tensor *at = load(g, "matmul", "at"), *bt = load(g, "matmul", "bt");
    expect(g, kd_matmul_with(a, b, false, false), "matmul", "y");
    expect(g, kd_matmul_with(at, b, true, false), "matmul", "y");
    expect(g, kd_matmul_with(a, bt, false, true), "matmul", "y");
    expect(g, kd_matmul_with(at, bt, true, true), "matmul", "y");
}

TEST(op_golden, matmul) {
    on_all(check_matmul);
}

static void check_norm(const golden *g, const char *name, bool residual, bool relu) {
    kd_tensor *const in[] = {load(g, name, "x"),    load(g, name, "gamma"),
                             load(g, name, "beta"), load(g, name, "mean"),
                             load(g, name, "var"),  residual ? load(g, name, "r") : NULL};
    const uint32_t n_in = residual ? 6 : 5;
    const kd_attr attrs[] = {KD_F("eps", 1e-3), KD_F("momentum", 0.25), KD_I("relu", relu)};
    kd_tensor *out[5], *grad[4];
    g->s->api->emit(g->s, "batch_norm", in, n_in, attrs, 3, out, 5);
    expect(g, out[0], name, "y");
    expect(g, out[3], name, "new_mean");
    expect(g, out[4], name, "new_var");
    kd_tensor *const from[] = {load(g, name, "dy"), in[0], out[0], in[1], out[1], out[2]};
    g->s->api->emit(g->s, "batch_norm_grad", from, 6, attrs + 2, 1, grad, residual ? 4 : 3);
    expect(g, grad[0], name, "dx");
    expect(g, grad[1], name, "dgamma");
    expect(g, grad[2], name, "dbeta");
    if (residual) {
        expect(g, grad[3], name, "dr");
    }
    /* With the running statistics as they are after the step above. */
    kd_tensor *const later[] = {in[0], in[1], in[2], out[3], out[4], in[5]};
    expect(g, kd_emit("batch_norm_inference", later, n_in, attrs, 3), name, "inference");
}

static void check_batch_norm(const golden *g) {
    check_norm(g, "norm", false, false);
    check_norm(g, "norm_relu", false, true);
    check_norm(g, "norm_residual", true, true);
}

TEST(op_golden, batch_norm) {
    on_all(check_batch_norm);
}

static void check_pool(const golden *g, const char *name, int64_t kernel, int64_t padding) {
    kd_tensor *x = load(g, name, "x"), *out[2];
    const kd_attr attrs[] = {KD_I("kernel", kernel), KD_I("stride", 2), KD_I("padding", padding),
                             KD_I("height", kd_dim(x, 1)), KD_I("width", kd_dim(x, 2))};
    g->s->api->emit(g->s, "max_pool2d", &x, 1, attrs, 3, out, 2);
    expect(g, out[0], name, "y");
    kd_tensor *const from[] = {load(g, name, "dy"), out[1]};
    expect(g, kd_emit("max_pool2d_grad", from, 2, attrs, 5), name, "dx");
}

static void check_max_pool2d(const golden *g) {
    check_pool(g, "pool3x3", 3, 1);
    check_pool(g, "pool2x2", 2, 0);
}

TEST(op_golden, max_pool2d) {
    on_all(check_max_pool2d);
}

static void check_rows(const golden *g) {
    kd_tensor *x = load(g, "rows", "x"), *values, *indices;
    expect(g, kd_softmax(x), "rows", "softmax");
    expect(g, kd_log_softmax(x), "rows", "log_softmax");
    expect(g, kd_cross_entropy(x, load(g, "rows", "labels")), "rows", "cross_entropy");
    expect(g, kd_l2_normalize(x), "rows", "normalized");
    kd_top_k(x, 3, &values, &indices);
    expect(g, values, "rows", "top_values");
    expect(g, indices, "rows", "top_indices");
}

TEST(op_golden, rows) {
    on_all(check_rows);
}

/* Optimizers take several steps with a learning rate that changes. */
#define STEPS 4
#define ELEMENTS                                                                                   \
    17 /* a matrix of 12, which decays and adapts, and a bias of 5, which does neither */

typedef struct optimizer_case {
    const char *op, *name;
    double weight_decay;
    kd_attr attrs[5];
} optimizer_case;

#define ATTR_I(name_, value_)                                                                      \
    { .name = (name_), .type = KD_ATTR_INT, .i = (value_) }
#define ATTR_F(name_, value_)                                                                      \
    { .name = (name_), .type = KD_ATTR_FLOAT, .f = (value_) }
static const int64_t segments[] = {0, 12, KD_UPDATE_DECAY | KD_UPDATE_ADAPT, 0, 12, 5, 0, 0};
#define SEGMENTS                                                                                   \
    { .name = "segments", .type = KD_ATTR_INTS, .count = 8, .p = segments }
#define LARS(variant, trust, clip)                                                                 \
    {                                                                                              \
        SEGMENTS, ATTR_F("momentum", 0.9), ATTR_I("variant", variant), ATTR_F("trust", trust),     \
            ATTR_I("clip", clip)                                                                   \
    }

static const optimizer_case optimizers[] = {
    {"sgd", "sgd", 0.01, {SEGMENTS, ATTR_F("momentum", 0.9)}},
    {"sgd", "nesterov", 0.01, {SEGMENTS, ATTR_F("momentum", 0.9), ATTR_I("nesterov", 1)}},
    {"adamw",
     "adamw",
     0.05,
     {SEGMENTS, ATTR_F("beta1", 0.9), ATTR_F("beta2", 0.99), ATTR_F("eps", 1e-6)}},
    {"lars", "lars_fb", 0.01, LARS(KD_LARS_FB, 0.001, 0)},
    {"lars", "lars_google", 0.01, LARS(KD_LARS_GOOGLE, 0.001, 0)},
    {"lars", "lars_solo", 0.01, LARS(KD_LARS_SOLO, 0.02, 0)},
    {"lars", "lars_solo_clipped", 0.01, LARS(KD_LARS_SOLO, 0.02, 1)},
};

static uint32_t attrs_of(const optimizer_case *c) {
    uint32_t count = 0;
    while (count < 5 && c->attrs[count].name) {
        count++;
    }
    return count;
}

static kd_tensor *row_of(kd_tensor *matrix, int64_t row) {
    return KD_RESHAPE(kd_slice(matrix, 0, row, row + 1), ELEMENTS);
}

static void check_optimizer(const golden *g, const optimizer_case *c) {
    const bool adam = strcmp(c->op, "adamw") == 0;
    const uint32_t moments = adam ? 2 : 1;
    const kd_spec flat = {.rank = 1, .dim = {ELEMENTS}}, five = {.rank = 1, .dim = {5}};
    kd_tensor *grads = load(g, "update", "grads"), *want = load(g, "update", c->name);
    kd_tensor *kept[3] = {load(g, "update", "start"), eager_tensor(g->graph, flat, NULL),
                          eager_tensor(g->graph, flat, NULL)};
    /* Half the gradient, so that grad_scale has something to do. */
    kd_tensor *scale = eager_tensor(g->graph, (kd_spec){.rank = 0}, (double[]){2});
    const double *rate = need(g, "update", "rates")->data;
    for (int step = 0; step < STEPS; step++) {
        const double hyper[] = {rate[step], c->weight_decay, 1 - pow(0.9, step + 1),
                                1 - pow(0.99, step + 1), 1};
        kd_tensor *in[6], *out[3];
        uint32_t n = 0;
        in[n++] = kept[0];
        in[n++] = kd_scale(row_of(grads, step), 0.5);
        in[n++] = kept[1];
        if (adam) {
            in[n++] = kept[2];
        }
        in[n++] = eager_tensor(g->graph, five, hyper);
        in[n++] = scale;
        g->s->api->emit(g->s, c->op, in, n, c->attrs, attrs_of(c), out, moments + 1);
        memcpy(kept, out, (moments + 1) * sizeof *out);
        char what[64];
        snprintf(what, sizeof what, "%s, step %d", c->name, step + 1);
        expect_values(g, kept[0], eager_read(row_of(want, step)), ELEMENTS, what);
    }
}

static void check_optimizers(const golden *g) {
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
        check_optimizer(g, &optimizers[i]);
    }
}

TEST(op_golden, optimizers) {
    on_all(check_optimizers);
}

#define TENSOR(g, ...)                                                                             \
    eager_tensor((g)->graph,                                                                       \
                 (kd_spec){.rank = 1, .dim = {sizeof((double[]){__VA_ARGS__}) / sizeof(double)}},  \
                 (double[]){__VA_ARGS__})
#define EXPECT(g, got, what, ...)                                                                  \
    expect_values((g), (got), (double[]){__VA_ARGS__},                                             \
                  sizeof((double[]){__VA_ARGS__}) / sizeof(double), (what))

static void check_by_hand(const golden *g) {
    kd_tensor *x = TENSOR(g, -2, -0.5, 0, 3), *m = KD_RESHAPE(TENSOR(g, 1, 2, 3, 4, 5, 6), 2, 3);
    EXPECT(g, kd_relu(x), "relu", 0, 0, 0, 3);
    EXPECT(g, kd_abs(x), "abs", 2, 0.5, 0, 3);
    EXPECT(g, kd_affine(x, 2, 1), "affine", -3, 0, 1, 7);
    EXPECT(g, kd_maximum(x, TENSOR(g, -1)), "maximum", -1, -0.5, 0, 3);
    EXPECT(g, kd_transpose(m), "transpose", 1, 4, 2, 5, 3, 6);
    EXPECT(g, kd_sum_axes(m, (int64_t[]){0}, 1, false), "sum of columns", 5, 7, 9);
    EXPECT(g, kd_sum_axes(m, (int64_t[]){-1}, 1, true), "sum of rows", 6, 15);
    EXPECT(g, kd_slice(m, 1, 1, 3), "slice", 2, 3, 5, 6);
    EXPECT(g, kd_pad(m, 1, 1, 0), "pad", 0, 1, 2, 3, 0, 4, 5, 6);
    EXPECT(g, kd_concat(m, kd_neg(m), 1), "concat", 1, 2, 3, -1, -2, -3, 4, 5, 6, -4, -5, -6);
    EXPECT(g, kd_argmax(m), "argmax", 2, 2);
    EXPECT(g, kd_gather(m, kd_range(g->s, 1, 2)), "gather", 4, 5, 6);
    EXPECT(g, kd_scatter_add(kd_range(g->s, 1, 3), m, 3), "scatter_add", 0, 0, 0, 1, 2, 3, 4, 5, 6);
    EXPECT(g, kd_eye(g->s, 3), "eye", 1, 0, 0, 0, 1, 0, 0, 0, 1);
    EXPECT(g, kd_cast(x, KD_I32), "cast truncates", -2, 0, 0, 3);
    EXPECT(g, kd_where(kd_greater(x, TENSOR(g, -1)), x, kd_fill_like(x, 9)), "where", 9, -0.5, 0,
           3);
    EXPECT(g, kd_broadcast(TENSOR(g, 1, 2), 2, (int64_t[]){2, 2}), "broadcast", 1, 2, 1, 2);
    EXPECT(g, kd_mean(x), "mean", 0.125);
}

TEST(op_golden, by_hand) {
    on_all(check_by_hand);
}

static void check_max_pool_positions(const golden *g) {
    const kd_attr attrs[] = {KD_I("kernel", 2), KD_I("stride", 2), KD_I("padding", 1)};
    kd_tensor *x = KD_RESHAPE(TENSOR(g, 1, 7, 7, 2, 4, 5, 7, 7, 3), 1, 3, 3, 1), *out[2];
    g->s->api->emit(g->s, "max_pool2d", &x, 1, attrs, 3, out, 2);
    EXPECT(g, out[0], "maxima", 1, 7, 7, 7);
    EXPECT(g, out[1], "positions of the first maxima", 3, 2, 3, 2);
}

TEST(op_golden, max_pool2d_positions) {
    on_all(check_max_pool_positions);
}

/* What is broken stays visible: NaN goes through. */
static void check_nan(const golden *g) {
    kd_tensor *x = TENSOR(g, NAN, -1, HUGE_VAL, -HUGE_VAL), *one = TENSOR(g, 1);
    EXPECT(g, kd_relu(x), "relu of NaN", NAN, 0, HUGE_VAL, 0);
    EXPECT(g, kd_maximum(x, one), "maximum of NaN", NAN, 1, HUGE_VAL, 1);
    EXPECT(g, kd_maximum(one, x), "maximum with NaN", NAN, 1, HUGE_VAL, 1);
    EXPECT(g, kd_max_axes(x, NULL, 0, false), "max over NaN", NAN);
    EXPECT(g, kd_greater(x, x), "NaN is not greater", 0, 0, 0, 0);
    EXPECT(g, kd_equal(x, x), "NaN does not equal itself", 0, 1, 1, 1);
}

TEST(op_golden, nan) {
    on_all(check_nan);
}

static void check_relu_near_zero(const golden *g) {
    kd_tensor *const in[] = {KD_RESHAPE(TENSOR(g, -1e-4, 1e-4, -1e-6, 1e-6), 4, 1), TENSOR(g, 1),
                             TENSOR(g, 0), TENSOR(g, 0), TENSOR(g, 1)};
    const kd_attr attrs[] = {KD_F("eps", 0), KD_I("relu", 1)};
    EXPECT(g, kd_emit("batch_norm_inference", in, 5, attrs, 2), "relu", 0, 1e-4, 0, 1e-6);
}

TEST(op_golden, relu_near_zero) {
    on_all(check_relu_near_zero);
}

/* Nearest, and of two equally near the even one: 1 + 2^-8 lies between 1 and 1 + 2^-7. */
static void check_bf16(const golden *g) {
    kd_tensor *x = TENSOR(g, 1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 3.4e38);
    kd_tensor *back = kd_cast(kd_cast(x, KD_BF16), KD_REAL);
    EXPECT(g, back, "bf16", 1, 1 + 0x1p-6, 1 + 0x1p-7, HUGE_VAL);
    kd_tensor *tiny = TENSOR(g, 0x1.8p-133); /* between the first two numbers above 0 */
    EXPECT(g, kd_cast(kd_cast(tiny, KD_BF16), KD_REAL), "bf16 near zero", 0x1p-132);
}

TEST(op_golden, bf16) {
    on_all(check_bf16);
}

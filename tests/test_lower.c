/* SPDX-License-Identifier: Apache-2.0
 * Ops that stand for others where a device has kernels for them: what takes their place, what
 * stays, and that no number changes. On the reference device, with and without such a kernel. */
#include "graph/engine.h"

#include "check/numbers.h"
#include "check/table.h"
#include "lower_kit.h"
#include "small_graph.h"

#include <kindred/layers.h>

#include <criterion/criterion.h>
#include <stdlib.h>

#define STEPS 5
#define ROWS 4
#define SIDE 6
#define CHANNELS 5

static check_device devices[TEST_MAX_DEVICES];
static int n_devices;
static check_device *reference;

static const kd_device_plugin *plain; /* the reference without what stands for others */

/* All of them; the last one rounds once where two ops round twice. */
static const char *const stand_ins[] = {"batch_norm_grad_from_x",
                                        "batch_norm_grad_of_sum",
                                        "wide_sum",
                                        "batch_norm_in_place",
                                        "narrow_augment",
                                        "cast_all",
                                        "matmul_bias"};
#define STAND_INS 7

static void open_devices(void) {
    n_devices = test_devices_open(devices);
    reference = test_device_find(devices, n_devices, "reference");
    cr_assert(reference);
    plain = device_without(reference, stand_ins, STAND_INS);
}

static void close_devices(void) {
    test_devices_close(devices, n_devices);
}

TestSuite(lower, .init = open_devices, .fini = close_devices);

static const graph_options exact = {.real = KD_F64};

/* What came of some steps. */
typedef struct outcome {
    double loss[STEPS];
    program_cost cost;
    engine_plan plan;
    int by_y, by_x, of_sum; /* gradients of batch norm */
    int wide_sums, in_place, with_bias, copies;
} outcome;

static kd_tensor *conv_norm(kd_scope s, const char *name, kd_tensor *x) {
    kd_tensor *y = kd_conv2d(s, name, x, (kd_conv){.channels = CHANNELS, .kernel = 3});
    return kd_batchnorm(kd_child(s, "%s", name), "norm", y, true, (kd_norm){0});
}

static kd_tensor *block(kd_scope s, kd_tensor *x) {
    kd_tensor *y = kd_relu(conv_norm(s, "first", x));
    return kd_relu(kd_add(conv_norm(s, "second", y), x));
}

/* Five norms: three with a ReLU alone, two with a residual before it, of which the first one's
 * output goes two ways. */
static kd_tensor *loss(graph *g) {
    kd_scope s = graph_root(g);
    kd_tensor *x = kd_input(s, "x", (kd_spec){.rank = 4, .dim = {ROWS, SIDE, SIDE, 3}});
    kd_tensor *y = kd_relu(conv_norm(s, "stem", x));
    y = block(kd_child(s, "b"), block(kd_child(s, "a"), y));
    kd_tensor *z = kd_linear(s, "head", kd_mean_pool2d(y), (kd_dense){.width = ROWS});
    return kd_cross_entropy(z, kd_range(s, 0, ROWS));
}

static engine *create(const kd_device_plugin *table, kd_device *device,
                      const graph_options *options, kd_program **ret) {
    kd_error err = KD_ERROR_INIT;
    double x[ROWS * SIDE * SIDE * 3];
    graph *g = graph_create(options);
    graph_minimize(g, loss(g), &(optimizer){.name = "sgd", .momentum = 0.9});
    engine *e = engine_create(table, device, 1);
    cr_assert(engine_compile(e, g, "train", ret, &err), "%s", err.message);
    cr_assert(engine_allocate(e, &err), "%s", err.message);
    for (int i = 0; i < ROWS * SIDE * SIDE * 3; i++) {
        x[i] = (double)(i * 7919 % 1009) / 504 - 1;
    }
    cr_assert(program_write_reals(*ret, "x", x, ROWS * SIDE * SIDE * 3, &err));
    return e;
}

static outcome train_on(const kd_device_plugin *table, kd_device *device,
                        const graph_options *options) {
    outcome o;
    kd_program *p;
    engine *e = create(table, device, options, &p);
    for (int i = 0; i < STEPS; i++) {
        o.loss[i] = small_step(p);
    }
    program_get_cost(p, &o.cost);
    engine_get_plan(e, &o.plan);
    char *text = program_dump(p);
    o.by_y = count_word(text, "= batch_norm_grad(");
    o.by_x = count_word(text, "= batch_norm_grad_from_x(");
    o.of_sum = count_word(text, "= batch_norm_grad_of_sum(");
    o.wide_sums = count_word(text, "= wide_sum(");
    o.in_place = count_word(text, "= batch_norm_in_place(");
    o.with_bias = count_word(text, "= matmul_bias(");
    o.copies = count_word(text, "= copy(");
    free(text);
    engine_destroy(e);
    return o;
}

static outcome train(const kd_device_plugin *table, const graph_options *options) {
    return train_on(table, reference->handle, options);
}

/* The reference device rounds what it stores alone, so f32 sums differ there. */
Test(lower, devices_give_the_same_bits_either_way) {
    static const graph_options types[] = {{.real = KD_F32}, {.real = KD_F32, .compute = KD_BF16}};
    for (int d = 0; d < n_devices; d++) {
        const check_device *device = &devices[d];
        plain = device_without(device, stand_ins, STAND_INS - 1);
        for (int i = 0; i < 2 && device != reference; i++) {
            const outcome lowered = train_on(device->table, device->handle, &types[i]);
            const outcome as_said = train_on(plain, device->handle, &types[i]);
            cr_expect_eq(lowered.by_x + lowered.of_sum, 4);
            cr_expect_eq(as_said.by_y, 5);
            cr_expect_eq(lowered.wide_sums,
                         2 * i); /* the mean over pixels, and the bias of the head */
            cr_expect_eq(lowered.in_place, 5);
            cr_expect(lowered.with_bias == 1 && as_said.with_bias == 1);
            cr_expect(lowered.copies == 0 && as_said.copies == 10);
            cr_expect(memcmp(lowered.loss, as_said.loss, sizeof lowered.loss) == 0, "%s, %s",
                      device->name, i ? "bf16" : "f32");
        }
    }
}

Test(lower, gradients_of_batch_norm_read_less) {
    const outcome lowered = train(reference->table, &exact), as_said = train(plain, &exact);
    cr_expect_eq(lowered.by_x, 3);
    cr_expect_eq(lowered.of_sum, 1);
    cr_expect_eq(lowered.by_y, 1);
    cr_expect_eq(as_said.by_y, 5);
    cr_expect_lt(lowered.loss[STEPS - 1], lowered.loss[0]);
    cr_expect_lt(number_error(lowered.loss, as_said.loss, STEPS), 1e-24);
    /* Three y's are not read twice, for a beta each; a sum is neither written nor read, nor its
     * parts for it. Ten statistics are not copied, and what the head's product makes is not gone
     * over once more. */
    const double y = 8.0 * ROWS * SIDE * SIDE * CHANNELS, beta = 8.0 * CHANNELS;
    const double statistics = 10 * 2 * beta, logits = 2 * 8.0 * ROWS * ROWS;
    cr_expect_eq(as_said.cost.bytes - lowered.cost.bytes,
                 3 * (2 * y - beta) + 2 * y + statistics + logits);
    cr_expect_eq(as_said.cost.nodes - lowered.cost.nodes, 1 + 10 + 1);
    cr_expect_leq(lowered.plan.arena_bytes, as_said.plan.arena_bytes);
}

/* Without fusion ReLU is a node of its own, and no gradient of a batch norm wants its y. */
Test(lower, no_y_is_kept_for_norms_alone) {
    const graph_options unfused = {.real = KD_F64, .keep_unfused = true};
    const outcome by_x = train(reference->table, &unfused), by_y = train(plain, &unfused);
    cr_expect_eq(by_x.by_x, 5);
    cr_expect_eq(by_x.by_y, 0);
    cr_expect_lt(number_error(by_x.loss, by_y.loss, STEPS), 1e-24);
}

static const kd_spec matrix = {.rank = 2, .dim = {4, 3}}, vector = {.rank = 1, .dim = {3}};

static void batch_norm(kd_scope s, kd_tensor *x, kd_tensor **out) {
    const kd_attr attrs[] = {KD_F("eps", 1e-5), KD_F("momentum", 0.1), KD_I("relu", 1)};
    kd_tensor *const in[] = {x, kd_input(s, "gamma", vector), kd_input(s, "beta", vector),
                             kd_input(s, "mean", vector), kd_input(s, "var", vector)};
    s->api->emit(s, "batch_norm", in, 5, attrs, 3, out, 5);
}

/* A graph with a batch norm, to which tests add gradients. */
typedef struct rig {
    engine *engine;
    graph *g;
    kd_scope s;
    kd_tensor *x, *dy, *out[5]; /* of the norm */
} rig;

static rig rig_open(void) {
    rig r = {.engine = engine_create(reference->table, reference->handle, 0),
             .g = graph_create(&exact)};
    r.s = graph_root(r.g);
    r.x = kd_input(r.s, "x", matrix);
    r.dy = kd_input(r.s, "dy", matrix);
    batch_norm(r.s, r.x, r.out);
    return r;
}

static void add_gradient(const rig *r, const char *name, kd_tensor *dy, kd_tensor *x, kd_tensor *y,
                         uint32_t outputs) {
    kd_tensor *const from[] = {dy, x, y, kd_input(r->s, "gamma", vector), r->out[1], r->out[2]};
    kd_tensor *d[4];
    r->s->api->emit(r->s, "batch_norm_grad", from, 6, (kd_attr[]){KD_I("relu", 1)}, 1, d, outputs);
    kd_output(r->s, name, d[0]);
}

static void expect_left_alone(rig *r, int gradients) {
    char *text = program_dump(compile_alone(r->engine, r->g));
    cr_expect_eq(count_word(text, "= batch_norm_grad("), gradients, "%s", text);
    free(text);
    engine_destroy(r->engine);
}

Test(lower, what_x_does_not_tell_stays) {
    rig r = rig_open();
    add_gradient(&r, "another y", r.dy, r.x, kd_neg(r.out[0]), 3);
    add_gradient(&r, "another x", r.dy, r.dy, r.out[0], 3);
    add_gradient(&r, "a residual", r.dy, r.x, r.out[0], 4);
    expect_left_alone(&r, 3);
}

Test(lower, a_sum_that_is_more_than_two_gradients_stays) {
    rig r = rig_open();
    kd_tensor *shared = kd_add(r.dy, r.x);
    add_gradient(&r, "wanted elsewhere", shared, r.x, r.out[0], 4);
    kd_output(r.s, "shared", shared);
    add_gradient(&r, "of a row", kd_add(r.dy, kd_input(r.s, "row", vector)), r.x, r.out[0], 4);
    add_gradient(&r, "read twice", kd_add(r.dy, kd_neg(r.x)), r.x, kd_neg(r.out[0]), 3);
    expect_left_alone(&r, 3);
}

Test(lower, both_passes_of_a_batch_norm_are_counted) {
    rig r = rig_open();
    program_cost cost;
    kd_output(r.s, "y", r.out[0]);
    program_get_cost(compile_alone(r.engine, r.g), &cost);
    cr_expect_eq(cost.bytes, 8.0 * (2 * 12 + 4 * 3 + 12 + 4 * 3));
    engine_destroy(r.engine);
}

static void expect_said(engine *e, graph *g, const char *op) {
    char *text = program_dump(compile_alone(e, g));
    cr_expect_not(strstr(text, op), "%s", text);
    free(text);
    engine_destroy(e);
}

/* A state whose old value is read after the norm, and a new value that goes elsewhere. */
Test(lower, statistics_that_others_read_are_copied) {
    for (int which = 0; which < 2; which++) {
        engine *e = engine_create(reference->table, reference->handle, 0);
        graph *g = graph_create(&exact);
        kd_scope s = graph_root(g);
        kd_tensor *out[5], *mean = kd_state(s, "mean", vector, (kd_init){0});
        kd_tensor *variance = kd_state(s, "var", vector, (kd_init){.a = 1});
        kd_tensor *const in[] = {kd_input(s, "x", matrix), kd_input(s, "gamma", vector),
                                 kd_input(s, "beta", vector), mean, variance};
        s->api->emit(s, "batch_norm", in, 5, NULL, 0, out, 5);
        kd_output(s, "y", out[0]);
        kd_output(s, "more", kd_add(out[0], which ? out[4] : mean));
        kd_assign(mean, out[3]);
        kd_assign(variance, out[4]);
        expect_said(e, g, "batch_norm_in_place");
    }
}

/* Added is no vector, or the product is wanted by itself. */
Test(lower, products_that_more_is_made_of_stay) {
    static const kd_spec square = {.rank = 2, .dim = {3, 3}}, row = {.rank = 2, .dim = {1, 3}};
    engine *e = engine_create(reference->table, reference->handle, 0);
    graph *g = graph_create(&exact);
    kd_scope s = graph_root(g);
    kd_tensor *a = kd_input(s, "a", matrix), *b = kd_input(s, "b", square);
    kd_tensor *shared = kd_matmul(a, b);
    kd_output(s, "residual", kd_add(kd_matmul(a, b), a));
    kd_output(s, "of a matrix", kd_add(kd_matmul(a, b), kd_input(s, "row", row)));
    kd_output(s, "shared", kd_add(shared, kd_input(s, "bias", vector)));
    kd_output(s, "by itself", shared);
    expect_said(e, g, "matmul_bias");
}

static void count_row(void *context, const op_result *r) {
    int *rows = context;
    *rows += 1;
    cr_expect_not(is_listed(r->row->op, stand_ins, STAND_INS), "%s", r->row->op);
}

/* Then their rows are no promises of its. */
Test(lower, a_device_may_do_without) {
    const check_device d = {.name = "plain", .table = plain, .handle = reference->handle};
    int rows = 0;
    cr_expect(check_table(&d, reference, &(check_choice){.quick = true}, count_row, &rows));
    cr_expect_gt(rows, 300);
    cr_expect_not(
        check_table(&d, reference, &(check_choice){.op = "batch_norm_grad_from_x"}, NULL, NULL),
        "asked for by name, it is missing");
}

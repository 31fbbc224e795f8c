/* SPDX-License-Identifier: Apache-2.0
 * kd_squared_frobenius against plain loops, value and gradients, on both sides of where it changes
 * from products of columns to products of rows. On the reference device, in f64. */
#include "graph/engine.h"
#include "graph/internal.h"

#include "harness.h"
#include "leaks.h"

#include <kindred/layers.h>

#include <math.h>

enum { MOST = 256 };

/* a and b are [n, d]; below them stand rows of zeros, which change a'b in nothing but its cost. */
typedef struct shape_case {
    int n, d, zeros;
    bool one; /* b is a */
    bool of_rows;
} shape_case;

static const shape_case cases[] = {
    {4, 8, 0, false, true},  {4, 8, 1, false, false},   {4, 8, 0, true, true},
    {4, 8, 1, true, false},  {4, 7, 0, false, false},   {4, 7, 0, true, false},
    {3, 40, 0, false, true}, {3, 40, 18, false, false}, {1, 1, 0, false, false},
    {12, 5, 0, true, false}, {1, 2, 0, false, true},
};

static const double scale = -0.3;

typedef struct numbers {
    double a[MOST], b[MOST], da[MOST], db[MOST], loss;
} numbers;

static kd_tensor *matrix(kd_scope s, const shape_case *c, const char *name) {
    const kd_spec spec = {.rank = 2, .dim = {c->n, c->d}};
    return kd_param(s, name, spec, (kd_init){KD_INIT_NORMAL, .b = 1});
}

static kd_tensor *lengthened(const shape_case *c, kd_tensor *x) {
    return c->zeros ? kd_pad(x, 0, 0, c->zeros) : x;
}

static graph *build(const shape_case *c) {
    graph *g = graph_create(&(graph_options){.real = KD_F64});
    kd_scope s = graph_root(g);
    kd_tensor *a = matrix(s, c, "a"), *b = c->one ? a : matrix(s, c, "b");
    kd_tensor *x = lengthened(c, a), *y = c->one ? x : lengthened(c, b);
    kd_tensor *loss = kd_squared_frobenius(x, y, scale), *d[2];
    s->api->gradients(loss, (kd_tensor *[]){a, b}, c->one ? 1 : 2, d);
    kd_output(s, "loss", loss);
    kd_output(s, "da", d[0]);
    if (!c->one) {
        kd_output(s, "db", d[1]);
    }
    return g;
}

static bool has_matrix(const graph *g, int64_t side) {
    for (int i = 0; i < g->values.count; i++) {
        const kd_spec *spec = &((const struct value *)g->values.item[i])->spec;
        if (spec->rank == 2 && spec->dim[0] == side && spec->dim[1] == side) {
            return true;
        }
    }
    return false;
}

static void read_variable(engine *e, const char *name, double *ret, size_t bytes) {
    kd_error err = KD_ERROR_INIT;
    const int i = engine_find_variable(e, name);
    cr_assert(engine_read_variable(e, i, ret, bytes, &err), "%s", err.message);
}

static void compute(const check_device *device, const shape_case *c, graph *g, numbers *ret) {
    kd_error err = KD_ERROR_INIT;
    kd_program *p;
    const size_t bytes = (size_t)(c->n * c->d) * sizeof(double);
    engine *e = engine_create(device->table, device->handle, 3);
    cr_assert(engine_compile(e, g, "squares", &p, &err), "%s", err.message);
    cr_assert(engine_allocate(e, &err) && program_run(p, &err), "%s", err.message);
    cr_assert(program_read_scalar(p, "loss", &ret->loss, &err), "%s", err.message);
    cr_assert(program_read(p, "da", ret->da, bytes, &err), "%s", err.message);
    cr_assert(c->one || program_read(p, "db", ret->db, bytes, &err), "%s", err.message);
    read_variable(e, "a", ret->a, bytes);
    read_variable(e, c->one ? "a" : "b", ret->b, bytes);
    engine_destroy(e);
}

/* The same by the definition. Of one tensor, its gradient is the sum of both. */
static void define(const shape_case *c, numbers *n) {
    n->loss = 0;
    memset(n->da, 0, sizeof n->da);
    memset(n->db, 0, sizeof n->db);
    for (int i = 0; i < c->d; i++) {
        for (int j = 0; j < c->d; j++) {
            double product = 0;
            for (int k = 0; k < c->n; k++) {
                product += scale * n->a[k * c->d + i] * n->b[k * c->d + j];
            }
            n->loss += product * product;
            double *of_b = c->one ? n->da : n->db;
            for (int k = 0; k < c->n; k++) {
                n->da[k * c->d + i] += 2 * scale * product * n->b[k * c->d + j];
                of_b[k * c->d + j] += 2 * scale * product * n->a[k * c->d + i];
            }
        }
    }
}

static void expect_close(const shape_case *c, const char *what, const double *got,
                         const double *want, int count) {
    double largest = 0;
    for (int i = 0; i < count; i++) {
        largest = fmax(largest, fabs(want[i]));
    }
    for (int i = 0; i < count; i++) {
        cr_expect(fabs(got[i] - want[i]) <= 1e-13 * largest,
                  "[%d + %d, %d]: %s[%d] is %.17g, %.17g", c->n, c->zeros, c->d, what, i, got[i],
                  want[i]);
    }
}

static void expect_case(const check_device *device, const shape_case *c) {
    static numbers got, want;
    graph *g = build(c);
    cr_expect_eq(has_matrix(g, c->n + c->zeros), c->of_rows || c->d == c->n + c->zeros);
    cr_expect_eq(has_matrix(g, c->d), !c->of_rows || c->d == c->n + c->zeros);
    compute(device, c, g, &got);
    want = got;
    define(c, &want);
    expect_close(c, "loss", &got.loss, &want.loss, 1);
    expect_close(c, "da", got.da, want.da, c->n * c->d);
    expect_close(c, "db", got.db, want.db, c->one ? 0 : c->n * c->d);
}

TEST(squared_frobenius, is_the_sum_of_squares_either_way) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_case(reference, &cases[i]);
    }
    test_devices_close(devices, count);
}

/* What layers hand over in bf16 is multiplied in f32. */
TEST(squared_frobenius, is_real_in_a_run_of_bf16) {
    kd_error err = KD_ERROR_INIT;
    for (int64_t d = 4; d <= 8; d += 4) {
        graph *g = graph_create(&(graph_options){.real = KD_F32, .compute = KD_BF16});
        const kd_spec spec = {.rank = 2, .dim = {4, d}};
        kd_tensor *x = kd_cast(kd_input(graph_root(g), "x", spec), KD_COMPUTE);
        cr_expect_eq(kd_spec_of(x).dtype, KD_BF16);
        cr_expect_eq(kd_spec_of(kd_squared_frobenius(x, x, 1)).dtype, KD_F32);
        for (int i = 0; i < g->nodes.count; i++) {
            const struct node *n = g->nodes.item[i];
            cr_expect(strcmp(n->op->name, "cast") == 0 || n->in_specs[0].dtype == KD_F32, "%s",
                      n->op->name);
        }
        cr_expect(graph_check(g, &err), "%s", err.message);
        graph_destroy(g);
    }
}

TEST(squared_frobenius, wants_matrices_of_one_shape) {
    static const kd_spec wrong[][2] = {
        {{.rank = 2, .dim = {4, 3}}, {.rank = 2, .dim = {4, 2}}},
        {{.rank = 2, .dim = {1, 8}}, {.rank = 2, .dim = {2, 8}}},
        {{.rank = 3, .dim = {1, 8, 8}}, {.rank = 3, .dim = {1, 8, 8}}},
        {{.rank = 1, .dim = {8}}, {.rank = 1, .dim = {8}}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kd_error err = KD_ERROR_INIT;
        graph *g = graph_create(&(graph_options){.real = KD_F32});
        kd_scope s = graph_root(g);
        kd_squared_frobenius(kd_input(s, "a", wrong[i][0]), kd_input(s, "b", wrong[i][1]), 1);
        cr_expect_not(graph_check(g, &err));
        cr_expect(strstr(err.message, "squared_frobenius wants two matrices of one shape"), "%s",
                  err.message);
        graph_destroy(g);
    }
}

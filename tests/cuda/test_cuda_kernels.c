/* SPDX-License-Identifier: Apache-2.0
 * Every hand-written CUDA kernel, emulated on the CPU, against the reference device: the whole
 * table of ops (core/check/ops.h), in f32 and bf16, in several orders of threads that must agree in
 * every bit.
 *
 *     test_cuda_kernels ORDERS all|fewer [OP|library]
 *
 * ORDERS 1: ascending only; fewer: of the many sizes of a case the largest is left out; library:
 * those ops alone that are NVIDIA's libraries'.
 *
 * KINDRED_TEST_DEVICES names the modules. A program of its own rather than Criterion's, so that it
 * also runs under ThreadSanitizer. */
#include "check/op_run.h"
#include "harness.h"

#include "graph/graph.h"

#include <stdlib.h>

/* Ops whose kernels are NVIDIA's libraries'. */
static const char *const library_ops[] = {"matmul", "matmul_bias", "conv2d", "conv2d_input_grad",
                                          "conv2d_weight_grad"};

static bool is_library_op(const char *op) {
    for (size_t i = 0; i < sizeof library_ops / sizeof *library_ops; i++) {
        if (strcmp(op, library_ops[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Opens the device again, with another order of threads. */
static void set_order(check_device *d, int order) {
    kd_error err = KD_ERROR_INIT;
    d->table->close(d->handle);
    *(int *)d->config = order;
    if (!d->table->open(d->config, NULL, &d->handle, &err)) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
}

/* One case on the emulated device. */
typedef struct outcome {
    eager *graph;
    kd_tensor *out[OP_MAX_OUTPUTS];
} outcome;

static outcome run_case(const op_run *run, const check_device *d, int32_t compute) {
    outcome o = {.graph = eager_create(d, KD_F32, compute)};
    kd_tensor *in[OP_MAX_INPUTS];
    for (uint32_t i = 0; i < run->n_inputs; i++) {
        in[i] = eager_tensor(o.graph, run->spec[i], run->values[i]);
    }
    op_build(run->row, eager_root(o.graph), in, o.out);
    return o;
}

static bool same_bits(const outcome *a, const outcome *b) {
    const char *why;
    if (eager_status(b->graph, &why) != EAGER_FINE) {
        printf("    %s\n", why);
        return false;
    }
    for (int i = 0; i < OP_MAX_OUTPUTS && a->out[i]; i++) {
        const kd_spec spec = kd_spec_of(a->out[i]);
        if (memcmp(eager_read(a->out[i]), eager_read(b->out[i]),
                   (size_t)kd_elements(&spec) * sizeof(double)) != 0) {
            printf("    output %d differs\n", i);
            return false;
        }
    }
    return true;
}

/* Is every order of threads the first one, to the bit? */
static bool orders_agree(op_run *run, check_device *d, int32_t compute, int orders) {
    bool agree = true;
    const outcome first = run_case(run, d, compute);
    for (int order = 1; agree && order < orders; order++) {
        set_order(d, order);
        const outcome other = run_case(run, d, compute);
        if (!same_bits(&first, &other)) {
            printf("WRONG in order %d: %s\n", order, op_name(run));
            agree = false;
        }
        eager_destroy(other.graph);
    }
    set_order(d, 0);
    eager_destroy(first.graph);
    return agree;
}

typedef struct manner {
    int orders;
    bool fewer;
    const char *only; /* NULL: every op */
} manner;

typedef struct tally {
    int ran, left_out, wrong;
} tally;

static void check_case(op_run *run, check_device *d, const check_device *reference, int32_t compute,
                       int orders, tally *t) {
    char why[1600] = "";
    const int status = op_compare(run, d, KD_F32, compute, reference, why);
    const char *missing = strstr(why, "has no kernel for ");
    t->ran++;
    if (status == EAGER_UNSUPPORTED && missing &&
        is_library_op(missing + strlen("has no kernel for "))) {
        t->left_out++;
    } else if (status != EAGER_FINE) {
        printf("WRONG in %s: %s\n    %s\n", number_type_name(compute), op_name(run), why);
        t->wrong++;
    } else {
        t->wrong += !orders_agree(run, d, compute, orders);
    }
}

static bool takes_compute(const op_case *row) {
    for (int i = 0; i < OP_MAX_INPUTS; i++) {
        if (row->in[i].given && row->in[i].type == KD_COMPUTE) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const char *op, const char *only) {
    return !only || strcmp(only, op) == 0 || (strcmp(only, "library") == 0 && is_library_op(op));
}

static void check_table(check_device *d, const check_device *reference, int32_t compute,
                        const manner *how, tally *t) {
    const op_case *row;
    for (int i = 0; (row = op_case_at(i)); i++) {
        if (is_wanted(row->op, how->only) && (compute == KD_F32 || takes_compute(row))) {
            const int sizes = op_sizes(row) - (how->fewer && op_sizes(row) > 1);
            for (int size = 0; size < sizes; size++) {
                op_run run = op_draw(i, size, 0, KD_F32, compute);
                check_case(&run, d, reference, compute, how->orders, t);
                op_finish(&run);
            }
        }
    }
}

/* Every op has a kernel here or in a library. */
static int missing_kernels(const check_device *d) {
    int missing = 0;
    const kd_op *op;
    for (int i = 0; (op = graph_op_at(i)); i++) {
        if (!(op->flags & KD_OP_ALIAS) && !is_library_op(op->name) && !check_kernel(d, op->name)) {
            printf("WRONG: no kernel for %s\n", op->name);
            missing++;
        }
    }
    return missing;
}

static kd_tensor *pick(eager *e, int which, const double *indices) {
    static const double numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    kd_tensor *rows = eager_tensor(e, (kd_spec){.rank = 2, .dim = {4, 2}}, numbers);
    kd_tensor *some = eager_tensor(e, (kd_spec){.rank = 2, .dim = {3, 2}}, numbers + 4);
    kd_tensor *logits = eager_tensor(e, (kd_spec){.rank = 2, .dim = {3, 4}}, numbers);
    kd_tensor *i = eager_tensor(e, (kd_spec){.dtype = KD_I32, .rank = 1, .dim = {3}}, indices);
    switch (which) {
    case 0:
        return kd_gather(rows, i);
    case 1:
        return kd_scatter_add(i, some, 4);
    case 2:
        return kd_scatter_rows(rows, i, some);
    default:
        return kd_emit("cross_entropy", (kd_tensor *[]){logits, i}, 2, NULL, 0);
    }
}

/* The same numbers as the reference, where the index is skipped, and the same words, once. */
static bool treats_alike(const check_device *d, const check_device *reference, int which,
                         const double *indices) {
    const char *got = NULL, *want;
    kd_error err = KD_ERROR_INIT;
    eager *a = eager_create(d, KD_F32, KD_F32), *b = eager_create(reference, KD_F32, KD_F32);
    kd_tensor *x = pick(a, which, indices), *y = pick(b, which, indices);
    const kd_spec spec = kd_spec_of(y);
    const bool alike = eager_status(a, &got) == EAGER_WRONG &&
                       eager_status(b, &want) == EAGER_WRONG && strcmp(got, want) == 0 &&
                       d->table->wait(d->handle, &err) &&
                       number_error(eager_read(x), eager_read(y), kd_elements(&spec)) < 1e-10;
    if (!alike) {
        printf("WRONG with an index outside: op %d: %s\n", which, got ? got : "not a word");
    }
    eager_destroy(a);
    eager_destroy(b);
    return alike;
}

static int wrong_with_indices(const check_device *d, const check_device *reference) {
    static const double bad[][3] = {{0, 4, 1}, {3, 2, -1}};
    int wrong = 0;
    for (int i = 0; i < 8; i++) {
        wrong += !treats_alike(d, reference, i / 2, bad[i % 2]);
    }
    return wrong;
}

static bool refuses_wide_heads(const check_device *d) {
    const char *why = "";
    eager *e = eager_create(d, KD_F32, KD_F32);
    kd_attention_with(eager_tensor(e, (kd_spec){.rank = 3, .dim = {1, 2, 3 * 129}}, NULL), 1, 1);
    const bool refused =
        eager_status(e, &why) == EAGER_UNSUPPORTED && strstr(why, "more than 128 channels");
    if (!refused) {
        printf("WRONG: attention with heads of 129 channels: %s\n", why);
    }
    eager_destroy(e);
    return refused;
}

int main(int argc, char **argv) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    check_device *d = count == 2 ? &devices[reference == &devices[0]] : NULL;
    if (argc < 3 || !d || !reference) {
        fprintf(stderr, "usage: test_cuda_kernels ORDERS all|fewer [OP], with two modules in "
                        "KINDRED_TEST_DEVICES\n");
        return 1;
    }
    const manner how = {atoi(argv[1]), strcmp(argv[2], "fewer") == 0, argc > 3 ? argv[3] : NULL};
    tally t = {.wrong = missing_kernels(d)};
    t.wrong += wrong_with_indices(d, reference) + !refuses_wide_heads(d);
    check_table(d, reference, KD_F32, &how, &t);
    check_table(d, reference, KD_BF16, &how, &t);
    printf("%s: %d cases (seed %u), %d of them NVIDIA's, %d wrong\n", d->name, t.ran, OP_SEED,
           t.left_out, t.wrong);
    test_devices_close(devices, count);
    return t.wrong > 0 || t.ran == t.left_out;
}

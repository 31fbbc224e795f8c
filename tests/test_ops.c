/* SPDX-License-Identifier: Apache-2.0
 * Every op on every device of this build against the reference device in f64: the table of
 * ops.h. Unsupported types are printed, and fail the test where the device calls them fast. */
#include "op_run.h"

#include "graph/graph.h"
#include "leaks.h"

#include <stdlib.h>

typedef struct tally {
    int ran, unsupported, wrong;
} tally;

static bool takes_compute(const op_case *row) {
    for (int i = 0; i < OP_MAX_INPUTS; i++) {
        if (row->in[i].given && row->in[i].type == KD_COMPUTE) {
            return true;
        }
    }
    return false;
}

/* One row at all its sizes. */
static void compare_row(int index, const test_device *d, int32_t real, int32_t compute,
                        const test_device *reference, tally *t) {
    const op_case *row = op_case_at(index);
    for (int size = 0; size < op_sizes(row); size++) {
        op_run run = op_draw(index, size, 0, real, compute);
        char why[1600] = "";
        const int status = op_compare(&run, d, real, compute, reference, why);
        t->ran++;
        t->unsupported += status == EAGER_UNSUPPORTED;
        t->wrong += status == EAGER_WRONG;
        if (status != EAGER_FINE) {
            printf("%s %s: %s: %s\n", d->name, test_type_name(compute),
                   status == EAGER_WRONG ? "WRONG" : "unsupported", op_name(&run));
            printf("    %s\n", why);
        }
        op_finish(&run);
    }
}

static tally compare_table(const test_device *d, int32_t real, int32_t compute,
                           const test_device *reference) {
    tally t = {0};
    for (int i = 0; op_case_at(i); i++) {
        if (compute == real || takes_compute(op_case_at(i))) {
            compare_row(i, d, real, compute, reference, &t);
        }
    }
    printf("%s in %s: %d cases (seed %u), %d unsupported, %d wrong\n", d->name,
           test_type_name(compute), t.ran, OP_SEED, t.unsupported, t.wrong);
    fflush(stdout);
    return t;
}

TEST(ops, parity_f32) {
    test_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const test_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    for (int i = 0; i < count; i++) {
        const tally t = compare_table(&devices[i], KD_F32, KD_F32, reference);
        cr_expect_eq(t.wrong, 0, "%s: %d cases differ", devices[i].name, t.wrong);
        cr_expect_eq(t.unsupported, 0, "%s lacks f32 of %d cases", devices[i].name, t.unsupported);
    }
    test_devices_close(devices, count);
}

/* The device's other fast types: bf16. */
TEST(ops, parity_bf16) {
    test_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const test_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    for (int i = 0; i < count; i++) {
        if (&devices[i] == reference) {
            continue;
        }
        const bool fast = devices[i].table->fast_types >> KD_BF16 & 1u;
        const tally t = compare_table(&devices[i], KD_F32, KD_BF16, reference);
        cr_expect_eq(t.wrong, 0, "%s: %d cases differ", devices[i].name, t.wrong);
        cr_expect(!fast || t.unsupported == 0, "%s lacks bf16 of %d cases", devices[i].name,
                  t.unsupported);
    }
    test_devices_close(devices, count);
}

/* The oracle's own arithmetic in f64, its in-place runs and guards included. */
TEST(ops, reference_f64) {
    test_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const test_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    const tally t = compare_table(reference, KD_F64, KD_F64, reference);
    cr_expect_eq(t.wrong + t.unsupported, 0);
    test_devices_close(devices, count);
}

/* ---- Completeness. ---- */

static bool has_row(const char *op) {
    const op_case *row;
    for (int i = 0; (row = op_case_at(i)); i++) {
        if (strcmp(row->op, op) == 0) {
            return true;
        }
    }
    return false;
}

/* cast is left out: differences through a narrower type see its rounding and nothing else. */
static bool has_gradient_row(const char *op) {
    if (strcmp(op, "cast") == 0) {
        return true;
    }
    const op_case *row;
    for (int i = 0; (row = op_case_at(i)); i++) {
        if (row->gradient && strcmp(row->op, op) == 0) {
            return true;
        }
    }
    return false;
}

TEST(ops, every_op_has_a_case) {
    const kd_op *op;
    for (int i = 0; (op = graph_op_at(i)); i++) {
        cr_expect(has_row(op->name), "no row of the table for %s", op->name);
        cr_expect(!op->gradient || has_gradient_row(op->name), "no row checks the gradient of %s",
                  op->name);
    }
    const op_case *row;
    for (int i = 0; (row = op_case_at(i)); i++) {
        cr_expect(graph_find_op(row->op), "a row names %s, which is no op", row->op);
    }
}

TEST(ops, every_op_has_a_kernel) {
    test_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    for (int d = 0; d < count; d++) {
        const kd_op *op;
        for (int i = 0; (op = graph_op_at(i)); i++) {
            const bool needed = !(op->flags & KD_OP_ALIAS);
            cr_expect(!needed || test_kernel(&devices[d], op->name), "%s has no kernel for %s",
                      devices[d].name, op->name);
        }
    }
    test_devices_close(devices, count);
}

TEST(ops, every_kernel_names_an_op) {
    test_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    for (int d = 0; d < count; d++) {
        const kd_kernel *kernel;
        for (uint32_t i = 0; (kernel = test_kernel_at(&devices[d], i)); i++) {
            cr_expect(graph_find_op(kernel->op), "%s has a kernel for %s, which is no op",
                      devices[d].name, kernel->op);
            cr_expect_eq(test_kernel(&devices[d], kernel->op), kernel, "%s has two kernels for %s",
                         devices[d].name, kernel->op);
        }
    }
    test_devices_close(devices, count);
}

/* Tolerances are promises: a looser one says why. */
TEST(ops, looser_rows_say_why) {
    const op_case *row;
    for (int i = 0; (row = op_case_at(i)); i++) {
        cr_expect((row->tolerance <= 1e-10 && row->bf16_tolerance <= 1e-5) || row->why, "%s (%s)",
                  row->op, row->note ? row->note : "");
    }
}

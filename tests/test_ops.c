/* SPDX-License-Identifier: Apache-2.0
 * Every op on every device of this build against the reference device in f64: the table of
 * ops.h. Unsupported types are printed, and fail the test where the device calls them fast. */
#include "check/table.h"
#include "harness.h"

#include "graph/graph.h"
#include "leaks.h"

#include <stdlib.h>

typedef struct tally {
    int ran, unsupported, wrong;
} tally;

static tally compare_table(const check_device *d, int column, const check_device *reference) {
    tally t = {0};
    const op_case *row;
    for (int i = 0; (row = op_case_at(i)); i++) {
        if (!check_has_column(row, column)) {
            continue;
        }
        arena memory = {0};
        const op_result r = check_op(i, column, d, reference, false, &memory);
        t.ran += r.cases;
        t.unsupported += r.status == EAGER_UNSUPPORTED;
        t.wrong += r.status == EAGER_WRONG;
        if (r.status != EAGER_FINE) {
            printf("%s %s: %s: %s\n    %s\n", d->name, check_column_name(column),
                   r.status == EAGER_WRONG ? "WRONG" : "unsupported", r.where, r.why);
        }
        arena_free(&memory);
    }
    printf("%s in %s: %d cases (seed %u), %d rows unsupported, %d wrong\n", d->name,
           check_column_name(column), t.ran, OP_SEED, t.unsupported, t.wrong);
    fflush(stdout);
    return t;
}

TEST(ops, parity_f32) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    for (int i = 0; i < count; i++) {
        const tally t = compare_table(&devices[i], CHECK_F32, reference);
        cr_expect_eq(t.wrong, 0, "%s: %d rows differ", devices[i].name, t.wrong);
        cr_expect_eq(t.unsupported, 0, "%s lacks f32 of %d rows", devices[i].name, t.unsupported);
    }
    test_devices_close(devices, count);
}

/* The device's other fast types: bf16. */
TEST(ops, parity_bf16) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    for (int i = 0; i < count; i++) {
        if (&devices[i] == reference) {
            continue;
        }
        const bool fast = devices[i].table->fast_types >> KD_BF16 & 1u;
        const tally t = compare_table(&devices[i], CHECK_BF16, reference);
        cr_expect_eq(t.wrong, 0, "%s: %d rows differ", devices[i].name, t.wrong);
        cr_expect(!fast || t.unsupported == 0, "%s lacks bf16 of %d rows", devices[i].name,
                  t.unsupported);
    }
    test_devices_close(devices, count);
}

/* The oracle's own arithmetic in f64, its in-place runs and guards included. */
TEST(ops, reference_f64) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    const tally t = compare_table(reference, CHECK_F64, reference);
    cr_expect_eq(t.wrong + t.unsupported, 0);
    test_devices_close(devices, count);
}

/* Gradients by the host's autodiff, on every device: the same as on the reference device, whose own
 * test_op_gradients.c holds to differences. */
TEST(ops, parity_gradients) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    for (int i = 0; i < count; i++) {
        const tally t = compare_table(&devices[i], CHECK_GRADIENT, reference);
        cr_expect_eq(t.wrong + t.unsupported, 0, "%s: %d rows differ", devices[i].name, t.wrong);
        cr_expect_gt(t.ran, 50);
    }
    test_devices_close(devices, count);
}

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
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    for (int d = 0; d < count; d++) {
        const kd_op *op;
        for (int i = 0; (op = graph_op_at(i)); i++) {
            const bool needed = !(op->flags & KD_OP_ALIAS);
            cr_expect(!needed || check_kernel(&devices[d], op->name), "%s has no kernel for %s",
                      devices[d].name, op->name);
        }
    }
    test_devices_close(devices, count);
}

TEST(ops, every_kernel_names_an_op) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    for (int d = 0; d < count; d++) {
        const kd_kernel *kernel;
        for (uint32_t i = 0; (kernel = check_kernel_at(&devices[d], i)); i++) {
            cr_expect(graph_find_op(kernel->op), "%s has a kernel for %s, which is no op",
                      devices[d].name, kernel->op);
            cr_expect_eq(check_kernel(&devices[d], kernel->op), kernel, "%s has two kernels for %s",
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

/* SPDX-License-Identifier: Apache-2.0
 * Gradients of the op table against central differences: the whole Jacobian, in f64 on the
 * reference device, through the host's own autodiff and engine. */
#include "check/jacobian.h"
#include "harness.h"
#include "leaks.h"

static int check_row(int index, const check_device *reference) {
    op_run run = op_draw(op_case_at(index), -1, 3, KD_F64, KD_F64);
    kd_error err = KD_ERROR_INIT;
    gradient g;
    cr_assert(gradient_open(&g, &run, reference, KD_F64, &err), "%s: %s", op_name(&run),
              err.message);
    int wrong = 0;
    char why[1600];
    cr_assert(jacobian_check(&g, &wrong, why, &err), "%s: %s", op_name(&run), err.message);
    if (wrong) {
        printf("%s\n", why);
    }
    gradient_close(&g);
    op_finish(&run);
    return wrong;
}

TEST(op_gradients, agree_with_differences) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    cr_assert(reference);
    int rows = 0, wrong = 0;
    for (int i = 0; op_case_at(i); i++) {
        if (op_case_at(i)->gradient) {
            rows++;
            wrong += check_row(i, reference) > 0;
        }
    }
    printf("%d rows' Jacobians (seed %u), %d wrong\n", rows, OP_SEED, wrong);
    cr_expect_eq(wrong, 0);
    cr_expect_gt(rows, 50);
    test_devices_close(devices, count);
}

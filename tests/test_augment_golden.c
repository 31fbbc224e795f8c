/* SPDX-License-Identifier: Apache-2.0
 * Views of every device module of this build against PIL's and torchvision's, draws included:
 * golden/make_augment.py. */
#include "augment_run.h"
#include "harness.h"
#include "leaks.h"

#include "base/safetensors.h"

#include <math.h>
#include <stdlib.h>

static const safetensor *need(const safetensors *file, const char *format, const char *name,
                              long long number, int32_t dtype) {
    kd_error err = KD_ERROR_INIT;
    char whole[96];
    snprintf(whole, sizeof whole, format, name, number);
    const safetensor *t = safetensors_need(file, whole, NULL, &err);
    cr_assert(t, "%s", err.message);
    cr_assert_eq(t->spec.dtype, dtype, "%s has another type", whole);
    return t;
}

static void expect_case(const safetensors *file, const char *name, const check_device *d) {
    const safetensor *view = need(file, "%s.view", name, 0, KD_F32);
    const int64_t *key = need(file, "%s.key", name, 0, KD_I64)->data;
    const safetensor *ops = need(file, "%s.ops", name, 0, KD_F64);
    const safetensor *source = need(file, "%ssource.%lld", "", key[4], KD_U8);
    kd_augment a = {.view = (int32_t)key[3],
                    .size = (int32_t)view->spec.dim[0],
                    .channels = (int32_t)view->spec.dim[2]};
    for (int64_t i = 0; i < ops->spec.dim[0]; i++) {
        const double *op = (const double *)ops->data + 9 * i;
        add_op(&a, (int)op[0], KD_AUGMENT_ARGS, op + 1);
    }
    const int64_t row[4] = {0, source->spec.dim[0], source->spec.dim[1], key[2]};
    const batch b = {.pixels = source->data,
                     .bytes = (int64_t)source->bytes,
                     .rows = row,
                     .n = 1,
                     .seed = (uint64_t)key[0],
                     .epoch = key[1]};
    /* f32 on both sides, divided by a deviation of 0.2 at the end of a recipe; torchvision's grid
     * for rotation is f32 as well */
    const double tolerance = 2e-5;
    const float *want = view->data;
    float *got = run_on(d->handle, check_kernel(d, "augment"), &a, &b);
    double worst = 0;
    for (int64_t i = 0; i < view_values(&a); i++) {
        const double error = fabs((double)got[i] - (double)want[i]);
        worst = error <= worst ? worst : error;
    }
    cr_expect(worst <= tolerance, "%s: %s is %g off", name, d->name, worst);
    free(got);
}

static int expect_all(const safetensors *file, const check_device *d) {
    int cases = 0;
    for (int i = 0; i < safetensors_count(file); i++) {
        char name[64] = "";
        const char *whole = safetensors_at(file, i)->name, *end = strstr(whole, ".view");
        if (end) {
            memcpy(name, whole, (size_t)(end - whole));
            expect_case(file, name, d);
            cases++;
        }
    }
    return cases;
}

TEST(augment_golden, pil_and_torchvision) {
    const char *folder = getenv("KINDRED_TEST_SOURCE");
    cr_assert(folder, "KINDRED_TEST_SOURCE is the folder of the tests");
    char path[4096];
    snprintf(path, sizeof path, "%s/golden/augment.safetensors", folder);
    kd_error err = KD_ERROR_INIT;
    safetensors *file = safetensors_open(path, &err);
    cr_assert(file, "%s", err.message);
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    for (int i = 0; i < count; i++) {
        if (devices[i].table->flags & KD_DEVICE_HOST_MEMORY) {
            cr_expect_geq(expect_all(file, &devices[i]), 30);
        }
    }
    cr_expect_geq(count, 2);
    test_devices_close(devices, count);
    safetensors_close(file);
}

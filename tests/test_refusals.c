/* SPDX-License-Identifier: Apache-2.0
 * What every device of this build says of values and types that it cannot take: the same words. */
#include "harness.h"
#include "leaks.h"

#include <kindred/ops.h>

static check_device devices[TEST_MAX_DEVICES];

/* What goes in, and what a device says of it; NULL: nothing. */
typedef struct refusal {
    kd_tensor *(*emit)(eager *e);
    int status;
    const char *why;
} refusal;

static kd_tensor *vector(eager *e, int32_t dtype, int64_t n, const double *values) {
    return eager_tensor(e, (kd_spec){.dtype = dtype, .rank = 1, .dim = {n}}, values);
}

static kd_tensor *table(eager *e, int64_t rows, int64_t columns) {
    return eager_tensor(e, (kd_spec){.rank = 2, .dim = {rows, columns}}, NULL);
}

static kd_tensor *entropy(eager *e, const double *labels) {
    kd_tensor *in[] = {table(e, 3, 4), vector(e, KD_I32, 3, labels)};
    return kd_emit("cross_entropy", in, 2, NULL, 0);
}

static kd_tensor *label_above(eager *e) {
    return entropy(e, (const double[]){0, 1, 4});
}

static kd_tensor *label_below(eager *e) {
    return entropy(e, (const double[]){0, -1, 9});
}

static kd_tensor *labels_inside(eager *e) {
    return entropy(e, (const double[]){3, 0, 1});
}

static kd_tensor *index_above(eager *e) {
    return kd_gather(table(e, 4, 2), vector(e, KD_I32, 2, (const double[]){0, 4}));
}

static const refusal refusals[] = {
    {label_above, EAGER_WRONG,
     "cross_entropy: test: cross_entropy: label 4 (at 2) is outside of 4 classes"},
    {label_below, EAGER_WRONG,
     "cross_entropy: test: cross_entropy: label -1 (at 1) is outside of 4 classes"},
    {labels_inside, EAGER_FINE, NULL},
    {index_above, EAGER_WRONG, "gather: test: gather: index 4 (at 1) is outside of 4 rows"},
};

static void check(const check_device *d, const refusal *r) {
    eager *e = eager_create(d, KD_F32, KD_F32);
    const char *why = "";
    r->emit(e);
    cr_expect_eq(eager_status(e, &why), r->status, "%s: %s", d->name, why);
    if (r->why) {
        cr_expect(strstr(why, r->why), "%s: %s", d->name, why);
    }
    eager_destroy(e);
    kd_error err = KD_ERROR_INIT;
    cr_expect(d->table->wait(d->handle, &err), "%s: a failure is reported once", d->name);
}

TEST(refusals, name_what_is_wrong_and_where) {
    const int opened = test_devices_open(devices);
    cr_assert_geq(opened, 2);
    for (int d = 0; d < opened; d++) {
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
            check(&devices[d], &refusals[i]);
        }
    }
    test_devices_close(devices, opened);
}

/* The reference device, which has f64, refuses bf16: test_reference.c. */
TEST(refusals, name_the_type_that_a_device_has_not) {
    const int opened = test_devices_open(devices);
    int refused = 0;
    for (int d = 0; d < opened; d++) {
        if (strcmp(devices[d].name, "reference") == 0) {
            continue;
        }
        eager *e = eager_create(&devices[d], KD_F64, KD_F64);
        const char *why = "";
        kd_relu(vector(e, KD_F64, 2, NULL));
        cr_expect_eq(eager_status(e, &why), EAGER_UNSUPPORTED, "%s", devices[d].name);
        cr_expect(strstr(why, " device has no relu of f64"), "%s: %s", devices[d].name, why);
        refused++;
        eager_destroy(e);
    }
    cr_expect_gt(refused, 0);
    test_devices_close(devices, opened);
}

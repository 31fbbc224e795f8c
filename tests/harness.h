/* SPDX-License-Identifier: Apache-2.0
 * What tests of devices and of graphs share: opening device plugins, numbers of any type, and an
 * eager graph that runs each op on a device at once, between guards.
 *
 * Paths of the device modules of this build come in KINDRED_TEST_DEVICES, separated by colons. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "base/arena.h"

#include <kindred/device.h>

/* ---- Devices. ---- */

typedef struct test_device {
    const char *name;              /* of the file: "reference", "cpu-x86-64-v4" */
    const kd_device_plugin *table; /* the plugin's own */
    kd_device *handle;
    void *config; /* of the plugin's size, filled with its defaults */
    arena memory;
} test_device;

#define TEST_MAX_DEVICES 8

/* Opens a module by its path, with the defaults of its options. fails with KD_E_UNSUPPORTED when
 * this machine cannot run it. */
bool test_device_open(const char *path, test_device *ret, kd_error *err);
void test_device_close(test_device *d);

/* Opens all of KINDRED_TEST_DEVICES; a device that this machine cannot open is printed and left
 * out. Ends the test when the list is missing or a module cannot be loaded. Returns their number.
 */
int test_devices_open(test_device ret[TEST_MAX_DEVICES]);
void test_devices_close(test_device *devices, int count);

/* The device of that name among those, or NULL. */
test_device *test_device_find(test_device *devices, int count, const char *name);

/* The kernel for an op, NULL when the device has none; and the i-th, NULL at the end. */
const kd_kernel *test_kernel(const test_device *d, const char *op);
const kd_kernel *test_kernel_at(const test_device *d, uint32_t i);

/* ---- Numbers. ---- */

/* Element i, whatever its type, as a double; and back, rounded to nearest even. */
double test_get(const void *data, int32_t dtype, int64_t i);
void test_put(void *data, int32_t dtype, int64_t i, double value);

/* The value that a type keeps of x. */
double test_round(double x, int32_t dtype);

const char *test_type_name(int32_t dtype);

/* Sum of squared differences over the sum of squares of `want`; differences where want is all zero
 * give infinity. Values that are not finite must agree in place and sign: else it is infinity. */
double test_error(const double *got, const double *want, int64_t count);

/* ---- The eager graph. ---- */

/* A graph for the kd_ wrappers that runs every op as it is emitted, through the device's kernels
 * and the host's shape rules. Round every tensor and the scratch lie guard words. Each op runs
 *   - with its outputs full of ones and again full of zeros: the bits must agree, so nothing is
 *     left unwritten and nothing depends on chance;
 *   - once more over each input that the kernel says it can overwrite: the bits must agree again.
 * Inputs must come out unchanged. The first fault ends it: what follows is a no-op. */
typedef struct eager eager;

enum {
    EAGER_FINE,
    EAGER_UNSUPPORTED, /* no kernel, or one that refused the type or shape */
    EAGER_WRONG,
};

/* real, compute: what KD_REAL and KD_COMPUTE mean. The device outlives it. */
eager *eager_create(const test_device *d, int32_t real, int32_t compute);
void eager_destroy(eager *e);

kd_scope eager_root(eager *e);

/* A tensor with these values, rounded to its type. NULL values: zeros. */
kd_tensor *eager_tensor(eager *e, kd_spec spec, const double *values);

/* Its elements as doubles; valid until the graph is destroyed. */
const double *eager_read(kd_tensor *t);

/* EAGER_FINE, or what went wrong, in *ret_why when that is not NULL. */
int eager_status(const eager *e, const char **ret_why);

#endif

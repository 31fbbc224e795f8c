/* SPDX-License-Identifier: Apache-2.0
 * What the tests over the double share: the device's table, opened afresh in every test. */
#ifndef TESTS_CUDA_DOUBLE_TEST_DOUBLE_H
#define TESTS_CUDA_DOUBLE_TEST_DOUBLE_H

#include "double.h"

#include "../../leaks.h"

#include <kindred/device.h>

extern const kd_device_plugin *table;

/* A test whose body neither leaks nor misuses a library. */
#define DOUBLE_TEST(name)                                                                          \
    static void name(void);                                                                        \
    TEST(cuda_double, name) {                                                                      \
        name();                                                                                    \
        cr_expect_str_empty(cuda_double.why, "%s", cuda_double.why);                               \
    }                                                                                              \
    static void name(void)

/* As the plugin's note lays it out. */
typedef struct config {
    int index;
    bool deterministic, tf32;
} config;

extern const config defaults;

kd_device *must_open(void);
const kd_kernel *kernel_of(const char *op);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Runs the augmentation kernels of both CPU devices, and a slow one in double that shares nothing
 * with them but Philox, for the tests. */
#ifndef TESTS_AUGMENT_RUN_H
#define TESTS_AUGMENT_RUN_H

#include <kindred/augment.h>
#include <kindred/device.h>

extern const kd_kernel reference_augment_kernel, cpu_augment_kernel;

typedef struct batch {
    const uint8_t *pixels;
    int64_t bytes;
    const int64_t *rows; /* [n, 4] */
    int64_t n;
    uint64_t seed;
    int64_t epoch;
} batch;

/* Values of one view. */
int64_t view_values(const kd_augment *a);

/* Views [n, size, size, channels] as f32, in memory that the caller frees. All memory has exactly
 * the size that the kernel may touch, so that sanitizers see a step outside. */
float *run_f32(const kd_kernel *kernel, const kd_augment *a, const batch *b);
double *run_f64(const kd_kernel *kernel, const kd_augment *a, const batch *b);
/* The same by the kernel of an opened device whose memory is the host's. */
float *run_on(kd_device *device, const kd_kernel *kernel, const kd_augment *a, const batch *b);

/* The view of one row by the definition in docs/augmentation.md, pixel by pixel. */
void slow_view(const kd_augment *a, const batch *b, int64_t row, double *to);

/* Adds an op to a list; up to 8 arguments. */
void add_op(kd_augment *a, int code, int n_args, const double *args);
#define ADD(a, code, ...)                                                                          \
    add_op(a, code, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)),                       \
           (double[]){__VA_ARGS__})

/* u8 noise over waves: every value occurs, neighbours are alike. The caller frees. */
uint8_t *make_pixels(int64_t bytes, uint64_t seed);

#endif

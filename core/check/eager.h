/* SPDX-License-Identifier: Apache-2.0
 * An eager graph that runs each op on a device at once, between guards. */
#ifndef CORE_CHECK_EAGER_H
#define CORE_CHECK_EAGER_H

#include "check/device.h"

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
eager *eager_create(const check_device *d, int32_t real, int32_t compute);
void eager_destroy(eager *e);

kd_scope eager_root(eager *e);

/* A tensor with these values, rounded to its type. NULL values: zeros. */
kd_tensor *eager_tensor(eager *e, kd_spec spec, const double *values);

/* Its elements as doubles; valid until the graph is destroyed. */
const double *eager_read(kd_tensor *t);

/* EAGER_FINE, or what went wrong, in *ret_why when that is not NULL. */
int eager_status(const eager *e, const char **ret_why);

#endif

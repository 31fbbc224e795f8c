/* SPDX-License-Identifier: Apache-2.0
 * Checks of conformance that have a file of their own. */
#ifndef CORE_CHECK_CONFORMANCE_INTERNAL_H
#define CORE_CHECK_CONFORMANCE_INTERNAL_H

#include "check/conformance.h"

/* Of devices with KD_DEVICE_COPY. */
bool check_copies(const check_device *d, kd_error *err);

/* Of devices with KD_DEVICE_PREFETCH. */
bool check_prefetch(const check_device *d, kd_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What the host relies on from a device beside the numbers of its ops. */
#ifndef CORE_CHECK_CONFORMANCE_H
#define CORE_CHECK_CONFORMANCE_H

#include "check/device.h"

typedef struct conformance {
    const char *name;
    bool (*check)(const check_device *d, kd_error *err);
    const char *extension; /* that it is about (kindred/device_extensions.h); NULL: the device */
} conformance;

/* Is it about this device? */
bool conformance_applies(const conformance *c, const check_device *d);

/* Ends in a name of NULL. */
extern const conformance conformances[];

#endif

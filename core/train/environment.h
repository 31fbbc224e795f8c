/* SPDX-License-Identifier: Apache-2.0
 * What a run's results depend on beside its configuration, as JSON. */
#ifndef CORE_TRAIN_ENVIRONMENT_H
#define CORE_TRAIN_ENVIRONMENT_H

#include "train/assembly.h"

/* environment.json: kindred's version, the device, the precision chosen, what the data is, and each
 * view's operations written out. The caller frees. */
char *environment_text(const assembly *a);

#endif

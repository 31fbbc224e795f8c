/* SPDX-License-Identifier: Apache-2.0
 * The host's own configuration keys: one table, from which come checks, defaults and the schema. */
#ifndef CORE_TRAIN_RUN_OPTIONS_H
#define CORE_TRAIN_RUN_OPTIONS_H

#include "config/option.h"

/* One map of the configuration. */
typedef struct section {
    const char *path; /* "", "data", "data.store", "evals[]" */
    const option *options;
    int count;
    uint32_t kind; /* KD_KIND_ when a plugin is named here and its options stand beside; else 0 */
    const char *help;
} section;

extern const section run_sections[];
extern const int run_section_count;

/* The section of that path; it must be there. */
const section *run_section(const char *path);

#endif

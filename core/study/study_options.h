/* SPDX-License-Identifier: Apache-2.0
 * The keys of a study: one table, from which come checks, defaults and the schema. */
#ifndef CORE_STUDY_STUDY_OPTIONS_H
#define CORE_STUDY_STUDY_OPTIONS_H

#include "train/run_options.h"

typedef struct study_keys {
    const char *name;
    kd_ints seeds;
    int equal;
} study_keys;
#define EQUAL_STEPS 0
#define EQUAL_EPOCHS 1

typedef struct axis_keys {
    const char *axis, *key;
} axis_keys;

typedef struct compare_keys {
    const char *axis, *baseline;
} compare_keys;

typedef struct paper_keys {
    const char *note;
} paper_keys;

extern const section study_sections[];
extern const int study_section_count;

/* The section of that path; it must be there. */
const section *study_section(const char *path);

#endif

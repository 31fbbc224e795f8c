/* SPDX-License-Identifier: Apache-2.0
 * The study of golden/study beside a run_kit's run, and texts of it. Mistakes end the test. */
#ifndef TESTS_STUDY_KIT_H
#define TESTS_STUDY_KIT_H

#include "run_kit.h"

#include "study/study_results.h"

/* kit_open, with study.yaml and the run.yaml that it includes in its folder. End with kit_close. */
void study_kit_open(run_kit *kit);

/* Copies a file of golden/study. */
void study_kit_copy(const char *name, const char *to);

/* A file's text; the caller frees. */
char *study_kit_text(const char *path);

/* What is printed of results; the caller frees. */
char *study_kit_printed(const study_results *r, void (*print)(const study_results *r, FILE *to));

#endif

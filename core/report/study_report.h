/* SPDX-License-Identifier: Apache-2.0
 * The report of a study: its table, its differences, and the curves of its runs side by side. */
#ifndef CORE_REPORT_STUDY_REPORT_H
#define CORE_REPORT_STUDY_REPORT_H

#include "report/html.h"

/* Whether the folder is that of a study. */
bool study_report_is_study(const char *folder);

/* Writes the page into memory, from the study's files alone: any number of its runs may be done.
 *
 * folder  studies/NAME
 * fails   when a file cannot be read */
bool study_report(const char *folder, html *ret, kd_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The report of a study: its table, its differences, its runs with their curves side by side, and
 * what they were made with. */
#ifndef CORE_REPORT_STUDY_REPORT_H
#define CORE_REPORT_STUDY_REPORT_H

#include "report/html.h"

/* Whether the folder is that of a study. */
bool study_report_is_study(const char *folder);

/* Writes the page into memory, from the study's files alone: any number of its runs may be done.
 *
 * folder  studies/NAME
 * beside  the page will lie in that folder, so that links into it lead somewhere
 * fails   when a file cannot be read */
bool study_report(const char *folder, bool beside, html *ret, kd_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Parts of a study's report that go run by run. Each writes its <section>, of the runs that
 * study.yaml has; others may lie beside them, of seeds or values that it had. */
#ifndef CORE_REPORT_STUDY_SECTIONS_H
#define CORE_REPORT_STUDY_SECTIONS_H

#include "report/html.h"
#include "study/study_folder.h"

/* How far each run is, and whether its features still differ at the end.
 *
 * beside  the page will lie in the study's folder: runs' own reports are linked to */
void study_section_runs(html *h, const study *s, const study_folder *f, bool beside, arena *a);

/* Loss of each run, the seeds of a row in one chart. */
void study_section_curves(html *h, const study *s, const study_folder *f, arena *a);

/* Plugins and machines, by the files of the runs that have begun, each with how many used it. */
void study_section_made(html *h, const study *s, const study_folder *f, arena *a);

#endif

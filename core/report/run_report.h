/* SPDX-License-Identifier: Apache-2.0
 * The report of one run: a page that shows what was trained, on what, how it went and what came
 * out. */
#ifndef CORE_REPORT_RUN_REPORT_H
#define CORE_REPORT_RUN_REPORT_H

#include "report/html.h"
#include "train/assembly.h"
#include "train/run_folder.h"

/* What there is of a run. Its files are enough; what needs more says why it is not there. */
typedef struct report_source {
    const run_folder *folder;
    const run *run;     /* NULL: its configuration cannot be read here */
    assembly *assembly; /* ready to run; NULL: no images can be shown, and `no_images` says why */
    const char *no_images;
    const char
        *no_encoder; /* why the assembly's encoder is not that of a checkpoint; NULL: it is */
    bool evals;      /* the assembly has the evals' data */
    int64_t step;    /* of the checkpoint */
} report_source;

/* Writes the page into memory. The same run gives the same bytes on the same device.
 *
 * fails  when a file cannot be read, and with KD_E_CANCELLED when the user interrupts */
bool run_report(const report_source *from, html *ret, kd_error *err);

#endif

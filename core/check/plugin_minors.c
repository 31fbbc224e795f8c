/* SPDX-License-Identifier: Apache-2.0
 * A row for each minor. */
#include "check/plugin_minors.h"

#include <kindred/dataset.h>
#include <kindred/eval.h>
#include <kindred/method.h>

const host_minor host_minors[] = {
    /* 0, without what its first hosts did not have: rehearsals, variants and learners of evals,
     * parts of files */
    {.host = KD_END(kd_host, extension),
     .graph = KD_END(kd_graph_api, visit),
     .encoder = KD_END(kd_encoder, encode),
     .method_input = KD_END(kd_method_input, total_steps),
     .dataset_host = KD_END(kd_dataset_host, files),
     .files = offsetof(kd_files_api, read_part),
     .eval_input = offsetof(kd_eval_input, rehearsal)},
};
_Static_assert(sizeof host_minors / sizeof *host_minors == KD_ABI_MINOR_LATEST + 1,
               "a new minor gets a row: how long its first host's tables are");

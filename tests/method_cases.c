/* SPDX-License-Identifier: Apache-2.0
 * The table of cases, and what tests of several files do with a run of one; see method_cases.h. */
#include "method_cases.h"

#include <stdlib.h>

#define MULTI_CROP                                                                                 \
    "[{recipe: simclr_cifar, size: 12, count: 2}, {recipe: simclr_cifar, size: 8, count: 2}]"

const method_case method_cases[] = {
    {"byol", 4, 0.5, "{hidden: 64, output: 256}", "{plugin: byol, hidden: 16, output: 8}", NULL},
    {"byol_mean", 2, 0.25, "{hidden: 64, output: 256, loss: mean}", NULL, NULL},
    {"simclr", 4.5539, 0.3, "{temperature: 0.5, output: 128}", /* ln(3 * 32 - 1) */
     "{plugin: simclr, hidden: 16, output: 8}", NULL},
    {"simsiam", 0, 0.2, "{output: 256}", "{plugin: simsiam, output: 16, bottleneck: 8}", NULL},
    {"simsiam_cifar"},
    {"barlow_twins", 66, 10, "{hidden: 64, output: 64}",
     "{plugin: barlow_twins, hidden: 16, output: 16}", NULL},
    {"barlow_twins_paper"},
    {"barlow_twins_narrow"},
    {"vicreg", .run_options = "{plugin: vicreg, hidden: 16, output: 16}"},
    {"vicreg_solo"},
    {"vicreg_paper"},
    {"vicreg_wide"},
    {"supcon", 4.554, 0.05, "{hidden: 64, temperature: 10}",
     /* ln(3 * 32 - 1) */ "{plugin: supcon, output: 16}", NULL},
    {"supcon_inside"},
    {"supcon_official"},
    {"moco", 4.17, 0.2, "{queue: 64, temperature: 10}",
     "{plugin: moco, queue: 20, split: 2, keep: 0.9, output: 16}", NULL},
    {"moco_mean"},
    {"moco_split"},
    {"moco_v3", 13.9, 0.7, "{hidden: 64}", "{plugin: moco_v3, hidden: 16, output: 8}", NULL},
    {"moco_v3_vit"},
    {"nnclr", 3.47, 0.7, "{queue: 64}",
     "{plugin: nnclr, queue: 20, hidden: 16, output: 8, predictor_hidden: 16}", NULL},
    {"nnclr_unlabelled"},
    {"swav", 5.7, 0.5, "{prototypes: 300, hidden: 64, output: 128}",
     "{plugin: swav, prototypes: 8, hidden: 16, output: 8, queue: 16, queue_epochs: 0}",
     MULTI_CROP},
    {"swav_queue", 0, 0, NULL, NULL, NULL},
    {"swav_solo", 0, 0, NULL, NULL, NULL},
    {"deepcluster", 3.47, 0.1, "{prototypes: [32], hidden: 64, output: 128, temperature: 10}",
     "{plugin: deepcluster, prototypes: [4, 5], hidden: 16, output: 8}", MULTI_CROP},
    {"deepcluster_one", 0, 0, NULL, NULL, NULL},
    {"dino", 5.7, 0.5, "{hidden: 64, bottleneck: 256, output: 300}",
     "{plugin: dino, hidden: 16, bottleneck: 8, output: 8}", MULTI_CROP},
    {"dino_norm", 0, 0, NULL, NULL, NULL},
    {"dino_warm", 0, 0, NULL, NULL, NULL},
    {"pirl", 4.17, 0.5, "{loss: cross_entropy, negatives: 64, output: 128, temperature: 1}",
     "{plugin: pirl, negatives: 8, output: 8, grid: 2}", NULL},
    {"pirl_mlp", 0, 0, NULL, NULL, NULL},
    {"pirl_whole", 0, 0, NULL, NULL, NULL},
    {"pirl_filled", 0, 0, NULL, NULL, NULL},
};
enum { CASES = sizeof method_cases / sizeof *method_cases };
const int method_case_count = CASES;

struct criterion_test_params method_each_case(void) {
    static int index[CASES];
    for (int i = 0; i < CASES; i++) {
        index[i] = i;
    }
    return cr_make_param_array(int, index, CASES);
}

void snapshot_take(const method_run *r, snapshot *ret) {
    kd_error err = KD_ERROR_INIT;
    for (int i = 0; i < engine_variables(r->engine); i++) {
        const size_t bytes = kd_bytes(&engine_variable(r->engine, i)->spec);
        ret->data[i] = malloc(bytes + 1);
        cr_assert(engine_read_variable(r->engine, i, ret->data[i], bytes, &err));
    }
}

void snapshot_drop(const method_run *r, snapshot *s) {
    for (int i = 0; i < engine_variables(r->engine); i++) {
        free(s->data[i]);
    }
}

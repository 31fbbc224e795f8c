/* SPDX-License-Identifier: Apache-2.0
 * A method or a backbone put to work, small and in double precision: views that are inputs, an
 * encoder, a step on the reference device. */
#ifndef CORE_CHECK_PLUGIN_METHOD_H
#define CORE_CHECK_PLUGIN_METHOD_H

#include "check/plugin_kit.h"
#include "check/plugin_minors.h"

/* How a step's graph ends. */
typedef enum ending {
    END_TRAINS,    /* an optimizer */
    END_GRADIENTS, /* "gradient.NAME" of each parameter, "loss", and "held0", ... what no gradient
                      flows through */
    END_HELD,      /* "loss" of inputs "held0", ...: what no gradient flows through held still */
} ending;

typedef struct method_bench {
    plugin_kit *kit;
    const kd_method *method;
    const void *method_config;
    kd_encoder encoder; /* the checked plugin's or kindred's resnet, as bench_encoder says */
    const kd_backbone *backbone;
    const void *backbone_config;
    uint64_t seed;
    int views, size;
    const host_minor *minor; /* that the host's tables are of; NULL: the latest, whole */
    bool unlabelled;         /* the data has no labels */
} method_bench;

/* A checked method gets a tiny resnet, a checked backbone kindred's simclr. false: said why. */
bool bench_open(method_bench *b, plugin_kit *k, plugin_case *c);

/* The graph of a step, and how many tensors no gradient flows through (END_TRAINS: 0), whose shapes
 * it writes; at most BENCH_HELD. */
#define BENCH_HELD 512
graph *bench_graph(method_bench *b, ending end, int *ret_held, kd_spec *held);

/* Writes views, indices and schedules. */
bool bench_feed(method_bench *b, kd_program *p, kd_error *err);

/* Rule M03. */
void backbone_gives_features(plugin_case *c);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Level 3 for backbones: the features that they give, in whichever scope they are called. */
#include "check/plugin_method.h"

#include "graph/internal.h"

enum { IMAGES = 2, SIZE = 32 };

static bool describe(plugin_case *c, plugin_kit *k, graph *g, const char *scope, bool train,
                     kd_features *ret) {
    kd_error err = KD_ERROR_INIT;
    const void *options = kit_config(k, k->subject, NULL, &err);
    const kd_backbone *table = k->subject->table;
    kd_scope s = graph_root(g);
    *ret = (kd_features){.size = sizeof *ret};
    if (!options) {
        rule_skip(c, "cannot run with its defaults: %s", err.message);
        return false;
    }
    kd_tensor *images = kd_input(s, "x", (kd_spec){.rank = 4, .dim = {IMAGES, SIZE, SIZE, 3}});
    table->build(options, kd_child(s, "%s", scope), images, train, ret);
    if (!graph_check(g, &err)) {
        rule_fail(c, "%s; %s", err.message, err.hint);
        return false;
    }
    return true;
}

static void look_at_features(plugin_case *c, const kd_features *f) {
    if (!f->pooled || kd_rank(f->pooled) != 2 || kd_dim(f->pooled, 0) != IMAGES) {
        rule_fail(c, "`pooled` is not [n, width]");
    }
    if (f->n_maps > KD_MAX_FEATURE_MAPS) {
        rule_fail(c, "gives %u maps, at most %d fit", f->n_maps, KD_MAX_FEATURE_MAPS);
    }
    for (uint32_t i = 0; i < f->n_maps && i < KD_MAX_FEATURE_MAPS; i++) {
        if (!f->maps[i].name || !f->maps[i].map || kd_dim(f->maps[i].map, 0) != IMAGES) {
            rule_fail(c, "map %u has no name or not as many rows as there are images", i);
        }
    }
}

void backbone_gives_features(plugin_case *c) {
    plugin_kit k;
    kd_features first, again, other;
    if (!kit_open(&k, c)) {
        return;
    }
    graph *g = graph_create(&(graph_options){.real = KD_F32, .ops = k.ops});
    if (!describe(c, &k, g, "encoder", true, &first)) {
        return;
    }
    look_at_features(c, &first);
    const int parameters = g->parameters.count, states = g->states.count;
    for (int i = 0; i < parameters; i++) {
        const char *name = as_value(g->parameters.item[i])->name;
        if (strncmp(name, "encoder.", 8) != 0) {
            rule_fail(c, "parameter %s is outside of the scope it was given", name);
        }
    }
    if (c->verdict == VERDICT_FAIL || !describe(c, &k, g, "encoder", false, &again)) {
        return;
    }
    if (g->parameters.count != parameters || g->states.count != states) {
        rule_fail(c, "called again in its scope, it makes %d more parameters and states",
                  g->parameters.count - parameters + g->states.count - states);
    } else if (!again.pooled || kd_dim(again.pooled, 1) != kd_dim(first.pooled, 1)) {
        rule_fail(c, "`pooled` has another width in evaluation than in training");
    } else if (describe(c, &k, g, "other", true, &other) && g->parameters.count != 2 * parameters) {
        rule_fail(c, "in another scope it makes %d parameters, in the first %d",
                  g->parameters.count - parameters, parameters);
    }
}

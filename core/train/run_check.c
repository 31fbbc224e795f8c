/* SPDX-License-Identifier: Apache-2.0
 * Reading evals, and what several keys of a run say together. */
#include "train/run_internal.h"

static const char *const eval_inner[] = {"train", "test", NULL};

static bool read_eval_data(run_reader *reader, const config_node *eval, const char *split,
                           data_part *ret) {
    const config_node *map = config_child(eval, split);
    return map ? read_data(reader, map, &reader->run->data, ret)
               : read_split(reader, eval, split, ret);
}

static bool read_eval(run_reader *reader, const config_node *node, eval_part *ret) {
    if (!read_part(reader, node, "evals[]", eval_inner, &ret->part, &ret->keys, sizeof ret->keys) ||
        !read_eval_data(reader, node, "train", &ret->train) ||
        !read_eval_data(reader, node, "test", &ret->test)) {
        return false;
    }
    if (!*ret->keys.name) {
        ret->keys.name = ret->part.plugin->note.id;
    }
    return true;
}

bool read_evals(run_reader *reader, const config_node *root) {
    run *r = reader->run;
    const config_node *list = config_child(root, "evals");
    if (config_kind(list) != CONFIG_NULL && config_kind(list) != CONFIG_LIST) {
        return config_fail(list, reader->err, "must be a list of evals");
    }
    r->evals = arena_alloc(&r->memory, sizeof *r->evals * (size_t)(config_count(list) + 1));
    for (; r->n_evals < config_count(list); r->n_evals++) {
        const config_node *node = config_item(list, r->n_evals);
        eval_part *eval = &r->evals[r->n_evals];
        if (!read_eval(reader, node, eval)) {
            return false;
        }
        for (int i = 0; i < r->n_evals; i++) {
            if (strcmp(r->evals[i].keys.name, eval->keys.name) == 0) {
                config_fail(node, reader->err, "another eval is named '%s' already",
                            eval->keys.name);
                return kd_hint(reader->err, "give one of them a `name:` of its own");
            }
        }
    }
    return true;
}

static const config_node *at(const run *r, const char *map_key, const char *key) {
    const config_node *map = config_section(config_root(r->source), map_key);
    const config_node *node = config_child(map, key);
    return node ? node : map;
}

static bool check_best(const run *r, kd_error *err) {
    const char *best = r->checkpoint.keep_best;
    if (!*best) {
        return true;
    }
    for (int i = 0; i < r->n_evals; i++) {
        if (strcmp(r->evals[i].keys.name, best) == 0) {
            if (r->evals[i].keys.every_epochs > 0) {
                return true;
            }
            config_fail(at(r, "checkpoint", "keep_best"), err,
                        "eval '%s' is measured at the end only, so it cannot tell the best", best);
            return kd_hint(err, "set every_epochs of that eval");
        }
    }
    return config_fail(at(r, "checkpoint", "keep_best"), err, "there is no eval '%s'", best);
}

bool run_check(const run *r, kd_error *err) {
    if (r->schedule.decay == 2 && r->schedule.milestones.count == 0) {
        return config_fail(at(r, "schedule", "decay"), err, "step needs milestones");
    }
    if (r->schedule.warmup_epochs > r->train.epochs && r->train.steps == 0) {
        return config_fail(at(r, "schedule", "warmup_epochs"), err,
                           "the warm-up of %g epochs is longer than the run of %d",
                           r->schedule.warmup_epochs, r->train.epochs);
    }
    if (r->keys.precision == PRECISION_F64 && r->device.plugin &&
        strcmp(r->device.plugin->note.id, "reference") != 0) {
        return config_fail(at(r, "", "precision"), err,
                           "only the reference device computes in f64");
    }
    return check_best(r, err);
}

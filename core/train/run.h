/* SPDX-License-Identifier: Apache-2.0
 * A run: what a YAML file describes, checked as a whole before anything is allocated. */
#ifndef CORE_TRAIN_RUN_H
#define CORE_TRAIN_RUN_H

#include "config/config.h"
#include "graph/graph.h"
#include "plugin/registry.h"
#include "train/recipe.h"
#include "train/schedule.h"

/* A plugin and its options, as configured. Not loaded: its table is NULL until registry_load. */
typedef struct part {
    const char *name; /* as written: "simclr@^1.2" */
    const plugin *plugin;
    void *config; /* the plugin's own struct, filled */
    const config_node *node;
} part;

typedef struct run_keys {
    const char *name;
    int seed, precision;
} run_keys;
#define PRECISION_AUTO 0
#define PRECISION_F32 1
#define PRECISION_BF16 2
#define PRECISION_F64 3

typedef struct data_keys {
    int on_error;        /* ON_ERROR_ of data/store.h */
    const char *factors; /* manifest of data/variants.h; "": none */
    double fraction;     /* of the samples; above 0 */
    int fraction_seed;
} data_keys;
typedef struct store_keys {
    const char *size; /* pixels, or "full" */
    const char *cache;
} store_keys;
typedef struct pairs_keys {
    const char *manifest, *reject;
    int arm; /* ARM_ of data/pairs.h */
    int seed;
} pairs_keys;

/* Images to train or evaluate on. */
typedef struct data_part {
    part part;
    data_keys keys;
    store_keys store;
    pairs_keys pairs;
    int32_t store_size; /* store.size in pixels; 0: full */
} data_part;

typedef struct optimizer_keys {
    int name;
    double lr, weight_decay, momentum;
    bool nesterov;
    int variant;
    double trust;
    bool clip_ratio;
    double beta1, beta2, eps;
    bool decay_all;
    double bias_lr;
    double clip_norm;
    int clip;
} optimizer_keys;

typedef struct schedule_keys {
    double warmup_epochs, warmup_start;
    int decay;
    double final_ratio;
    kd_floats milestones; /* epochs */
    double factor;
    double final_weight_decay;
    bool per_epoch;
} schedule_keys;

typedef struct train_keys {
    int epochs, batch, steps, epoch_steps, log_every;
} train_keys;

typedef struct probe_keys {
    double lr; /* 0: no probe */
} probe_keys;

typedef struct checkpoint_keys {
    int every_epochs, every_steps, keep;
    const char *keep_best;
} checkpoint_keys;

typedef struct eval_keys {
    const char *name;
    int every_epochs;
    bool before;
} eval_keys;
typedef struct eval_part {
    part part;
    eval_keys keys;
    data_part train, test;
} eval_part;

typedef struct run {
    arena memory;
    config *source; /* what it was read from */
    config *extra;  /* the texts of run_load_data */
    run_keys keys;
    part device; /* plugin NULL: auto */
    data_part data;
    const config_node *views; /* for recipe_parse, once the images' channels are known */
    recipe_views view_list;   /* as they would be for three channels */
    part backbone, method;
    optimizer_keys optimizer;
    schedule_keys schedule;
    train_keys train;
    probe_keys probe;
    checkpoint_keys checkpoint;
    int n_evals;
    eval_part *evals;
} run;

/* Reads and checks a run against the options of the host and of the plugins' notes; runs no code
 * of any plugin.
 *
 * path       a YAML file; its stem is the name of a run that has none
 * overrides  count texts "data.path=x"
 * fails      as "run.yaml:3:5: data.pth: unknown key; did you mean data.path?" */
bool run_load(const registry *plugins, const char *path, const char *const *overrides, int count,
              run **ret, kd_error *err);
void run_destroy(run *r);

/* The same of a configuration that is there already, which it takes over. name: of a run that has
 * none */
bool run_load_config(const registry *plugins, config *source, const char *name, run **ret,
                     kd_error *err);

/* The dataset of `embed --data`: keys as under `data:`, each "path=x". Lives as long as r. */
bool run_load_data(run *r, const registry *plugins, const char *const *keys, int count,
                   data_part *ret, kd_error *err);

/* A run of which there is nothing but its data, from the same keys: for commands that look at
 * images and train nothing. owns: run_destroy */
bool run_of_data(const registry *plugins, const char *const *keys, int count, run **ret,
                 kd_error *err);

/* The run with every default written out, as YAML that run_load reads to the same run; the caller
 * frees. NULL on failure. */
char *run_resolved(const run *r, kd_error *err);

/* A plugin's options in full, as one line of YAML; lives in `a`. */
bool part_text(const part *p, arena *a, const char **ret, kd_error *err);

/* Compares two resolved runs in what a resumed run must keep: everything but where data lies, how
 * often checkpoints are taken, logging, evals and the device, whose description is compared apart.
 * fails naming the first key that differs, with both values. `before` is what the run started with.
 */
bool run_same(const run *now, const char *resolved, const char *before_name, const char *before,
              kd_error *err);

/* Steps of one pass over `samples`, whose last batch is left out when it is not full; of an epoch,
 * which is as long unless train.epoch_steps says otherwise; and of the whole run. 0 when not even
 * one batch fits. */
int64_t run_pass_steps(const run *r, int64_t samples);
int64_t run_epoch_steps(const run *r, int64_t samples);
int64_t run_total_steps(const run *r, int64_t samples);

/* Rates in steps; milestones live in `a`. */
schedule run_schedule(const run *r, int64_t samples, arena *a);

/* What the update of parameters is made with. */
optimizer run_optimizer(const run *r);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What tests of plugins share: the plugins of this build by kind and id, their options from YAML, a
 * device, encoders, and what the host hands to an eval. Mistakes end the test. */
#ifndef TESTS_BUILT_PLUGINS_H
#define TESTS_BUILT_PLUGINS_H

#include "graph/engine.h"
#include "plugin/host.h"
#include "plugin/registry.h"

#include <kindred/eval.h>
#include <kindred/method.h>

/* All of it, opened once a test. */
typedef struct built {
    registry *plugins;
    plugin_host host;
    const kd_device_plugin *device_table;
    kd_device *device;
    arena memory; /* of options */
} built;

/* device: "reference" or "cpu", with its default options. KINDRED_TEST_PLUGINS names the folder. */
void built_open(built *b, const char *device);
void built_close(built *b);

/* A plugin's struct of options, from YAML ("{width: 8}"); NULL: its defaults. */
const void *built_config(built *b, const plugin *p, const char *yaml);

/* An encoder that a method can call. */
typedef struct built_encoder {
    kd_encoder base;
    const kd_backbone *backbone;
    const void *config;
} built_encoder;
built_encoder built_encoder_of(built *b, const char *id, const char *yaml);

/* A method over views that are the inputs "view0", "view1", ... real [samples, size, size,
 * channels]; returns its loss. */
typedef struct built_method {
    const kd_method *table;
    const void *config;
    const kd_encoder *encoder;
    int views, samples, size, channels;
} built_method;
kd_tensor *built_loss(graph *g, const built_method *m);

/* The gradient of the loss by each parameter of the graph, as outputs "gradient.NAME". */
void built_gradients(graph *g, kd_tensor *loss);

/* Runs an eval on features; its programs run on the device in the type `real`. */
typedef struct built_eval {
    const char *id, *options;
    int32_t real, classes;
    uint64_t seed;
    kd_feature_set train, test;
    const kd_variants *variants; /* of test; NULL: none */
    int cancel_after;            /* says "cancelled" at that call; 0: never */
} built_eval;
bool built_run_eval(built *b, const built_eval *e, kd_eval_output *ret, kd_error *err);

/* Only what the host hands over; `in` stays valid until built_input_close. */
typedef struct built_input {
    kd_eval_input in; /* first: evals hand it back */
    engine *engine;
    int32_t real;
    int calls, cancel_after;
} built_input;
void built_input_open(built *b, const built_eval *e, built_input *ret);
void built_input_close(built_input *h);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * A small encoder with everything that a ResNet has, for tests of the graph and of the engine. */
#include "small_graph.h"

#include <criterion/criterion.h>

static kd_tensor *block(kd_scope s, kd_tensor *x, int64_t channels) {
    const kd_conv conv = {.channels = channels, .kernel = 3};
    kd_tensor *y =
        kd_relu(kd_batchnorm(s, "bn1", kd_conv2d(s, "conv1", x, conv), true, (kd_norm){0}));
    y = kd_batchnorm(s, "bn2", kd_conv2d(s, "conv2", y, conv), true, (kd_norm){0});
    return kd_relu(kd_add(y, x));
}

kd_tensor *small_loss(graph *g) {
    kd_scope s = graph_root(g), encoder = kd_child(s, "encoder");
    kd_tensor *x = kd_input(s, "x", (kd_spec){.rank = 4, .dim = {SMALL_ROWS, 8, 8, 3}});
    kd_tensor *y = kd_conv2d(encoder, "conv1", x, (kd_conv){.channels = 8, .kernel = 3});
    y = kd_relu(kd_batchnorm(encoder, "bn1", y, true, (kd_norm){0}));
    y = block(kd_child(encoder, "layer1"), kd_max_pool2d(y, 3, 2, 1), 8);
    kd_tensor *z = kd_linear(s, "head", kd_mean_pool2d(y), (kd_dense){.width = SMALL_ROWS});
    kd_tensor *labels = kd_range(s, 0, SMALL_ROWS);
    kd_report(s, "accuracy", kd_accuracy(z, labels));
    return kd_cross_entropy(kd_l2_normalize(z), labels);
}

engine *small_engine(const kd_device_plugin *table, kd_device *device, const graph_options *options,
                     kd_program **ret) {
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(options);
    graph_minimize(g, small_loss(g), &(optimizer){.name = "sgd", .momentum = 0.9, .clip_norm = 1});
    engine *e = engine_create(table, device, 1);
    cr_assert(engine_compile(e, g, "train", ret, &err), "%s", err.message);
    cr_assert(engine_allocate(e, &err), "%s", err.message);
    double x[SMALL_PIXELS];
    for (int i = 0; i < SMALL_PIXELS; i++) {
        x[i] = (double)(i * 7919 % 1009) / 504 - 1;
    }
    cr_assert(program_write_reals(*ret, "x", x, SMALL_PIXELS, &err), "%s", err.message);
    return e;
}

double small_step(kd_program *p) {
    kd_error err = KD_ERROR_INIT;
    double loss = 0;
    cr_assert(program_write_reals(p, "hyper", (double[]){0.1, 1e-4, 1, 1, 1}, 5, &err), "%s",
              err.message);
    cr_assert(program_run(p, &err), "%s", err.message);
    cr_assert(program_read_scalar(p, "loss", &loss, &err), "%s", err.message);
    return loss;
}

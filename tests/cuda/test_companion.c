/* SPDX-License-Identifier: Apache-2.0
 * Kernels for CUDA that a plugin brings in its companion, emulated on the CPU, against the
 * reference device: each case of the plugin's, and its gradient. KINDRED_TEST_COMPANION names the
 * plugin. A program of its own rather than Criterion's, so that it also runs under ThreadSanitizer.
 */
#include "check/brought_row.h"
#include "check/gradient.h"
#include "graph/op_kernel.h"
#include "harness.h"
#include "plugin/registry.h"

#include <stdlib.h>

static void expect(bool holds, const char *what, const char *why) {
    if (!holds) {
        printf("%s: %s\n", what, why);
        exit(1);
    }
}

static registry *open_plugin(const plugin **ret) {
    kd_error err = KD_ERROR_INIT;
    const char *file = getenv("KINDRED_TEST_COMPANION");
    expect(file, "KINDRED_TEST_COMPANION", "is not set");
    const plugin_search search = {.files = &file, .n_files = 1, .no_user_plugins = true};
    registry *r = registry_open(&search, &err);
    expect(r, file, err.message);
    *ret = registry_load(r, KD_KIND_METHOD, "org.example.alignment_uniformity", &err);
    expect(*ret, file, err.message);
    return r;
}

static op_set *open_ops(registry *r, const plugin *p) {
    kd_error err = KD_ERROR_INIT;
    op_set *ops = op_set_create(registry_host(r));
    op_source own = {p->note.id, p->ops.ops, p->ops.n_ops, p->ops.kernels, p->ops.n_kernels};
    op_source companion = {.plugin = p->note.id};
    expect(op_set_add(ops, &own, &err), "its ops", err.message);
    expect(registry_companion(r, p, "cuda", &companion.kernels, &companion.n_kernels, &err),
           "its companion", err.message);
    expect(companion.n_kernels == 2 && op_set_add(ops, &companion, &err), "its companion",
           "has not two kernels");
    return ops;
}

/* On the emulated device, with the companion's kernel and no other. */
static void check_case(const kd_op_case *c, const check_device *d, const check_device *reference) {
    brought_row row;
    char why[1600] = "";
    op_kernel k;
    const op_device on = op_device_of(d->table, d->handle, d->ops);
    expect(kernel_find(&on, c->op, &k, NULL) && k.brought && strcmp(k.brought->device, "cuda") == 0,
           c->op, "the companion's kernel is not the one that is found");
    expect(brought_row_of(c, &row), c->op, "is no row");
    op_run run = op_draw_row(&row.row, 7, -1, 3, KD_F32, KD_F32);
    expect(op_compare(&run, d, KD_F32, KD_F32, reference, why) == EAGER_FINE, op_name(&run), why);
    printf("%s: error %.2g\n", op_name(&run), run.error);
    if (op_set_find(d->ops, c->op)->gradient) {
        expect(gradient_compare(&run, d, reference, why) == EAGER_FINE, op_name(&run), why);
    }
    op_finish(&run);
}

/* The mean over no pair is no number, so its kernels do not take it. */
static void check_one_row(const check_device *d) {
    kd_error err = KD_ERROR_INIT;
    kd_spec z = {KD_F32, 2, {1, 3}}, y = {.dtype = KD_F32};
    const kd_node node = {.size = sizeof node,
                          .n_inputs = 1,
                          .n_outputs = 1,
                          .op = "alignment_uniformity::spread",
                          .path = "loss",
                          .inputs = &z,
                          .outputs = &y};
    op_kernel k;
    void *state = NULL;
    size_t scratch = 0;
    const op_device on = op_device_of(d->table, d->handle, d->ops);
    expect(kernel_find(&on, node.op, &k, NULL), node.op, "has no kernel");
    expect(!kernel_prepare(&on, &k, &node, &state, &scratch, &err), "one row", "is taken");
    expect(strcmp(err.message, "loss: alignment_uniformity::spread of fewer than two rows") == 0,
           "one row", err.message);
}

int main(void) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    const plugin *p = NULL;
    registry *r = open_plugin(&p);
    op_set *ops = open_ops(r, p);
    expect(count == 2 && reference, "devices", "not the reference and the emulated one");
    for (int i = 0; i < count; i++) {
        devices[i].ops = ops;
    }
    for (int i = 0; i < p->ops.n_cases; i++) {
        check_case(&p->ops.cases[i], reference == devices ? &devices[1] : devices, reference);
    }
    expect(p->ops.n_cases == 3, "cases", "not three");
    check_one_row(reference == devices ? &devices[1] : devices);
    op_set_destroy(ops);
    test_devices_close(devices, count);
    registry_close(r);
    return 0;
}

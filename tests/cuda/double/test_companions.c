/* SPDX-License-Identifier: Apache-2.0
 * Kernels for CUDA that a plugin brings: a launch of theirs that is refused is the error of the
 * program's run, whether it goes node by node or is recorded. */
#include "test_double.h"

#include "graph/engine.h"

#include <kindred/ops.h>

static bool same_shape(const kd_node *node, kd_spec *outputs, kd_error *err) {
    (void)err;
    outputs[0] = node->inputs[0];
    return true;
}

static int runs, bad_run; /* of the kernel; the one that is refused */

static void run(const kd_kernel_host *host, const kd_node *node, void *state, void *const *inputs,
                void *const *outputs, void *scratch) {
    (void)state, (void)inputs, (void)outputs, (void)scratch;
    cr_expect_not_null(host->stream);
    if (++runs == bad_run && KD_HAS(kd_kernel_host, host, fail)) {
        host->fail(host, node, "too many blocks");
        host->fail(host, node, "and what came of it");
    }
}

static const kd_op op = {.size = sizeof op,
                         .name = "refused::twice",
                         .min_inputs = 1,
                         .max_inputs = 1,
                         .max_outputs = 1,
                         .shape = same_shape};
static const kd_op_kernel kernel = {
    .size = sizeof kernel, .op = "refused::twice", .device = "cuda", .run = run};

static kd_program *compile(engine *e, const op_set *ops) {
    kd_error err = KD_ERROR_INIT;
    kd_program *p = NULL;
    graph *g = graph_create(&(graph_options){.real = KD_F32, .ops = ops});
    kd_scope s = graph_root(g);
    const kd_spec spec = {.dtype = KD_F32, .rank = 1, .dim = {8}};
    kd_tensor *state = kd_state(s, "state", spec, (kd_init){.a = 0});
    kd_assign(state, kd_emit(op.name, (kd_tensor *[]){state}, 1, NULL, 0));
    cr_assert(engine_compile(e, g, "companion", &p, &err), "%s", err.message);
    return p;
}

/* The run of that number fails, and no other: the first goes node by node, the second records. */
static void check_run(int bad) {
    const op_source source = {"org.lab.refused 1.0.0", &op, 1, &kernel, 1};
    kd_error err = KD_ERROR_INIT;
    kd_device *device = must_open();
    op_set *ops = op_set_create(NULL);
    cr_assert(op_set_add(ops, &source, &err), "%s", err.message);
    engine *e = engine_create(table, device, 1);
    engine_use_ops(e, ops);
    kd_program *p = compile(e, ops);
    cr_assert(engine_allocate(e, &err), "%s", err.message);
    runs = 0;
    bad_run = bad;
    for (int i = 1; i <= 4; i++) {
        err = (kd_error)KD_ERROR_INIT;
        cr_expect_eq(program_run(p, &err), i != bad, "run %d: %s", i, err.message);
        cr_expect_eq(err.code, i == bad ? KD_E_DEVICE : 0);
        cr_expect(i != bad || strstr(err.message, "refused::twice: too many blocks"), "%s",
                  err.message);
    }
    cr_expect_eq(runs, bad == 2 ? 3 : 2, "%d times: once, and for each recording", runs);
    engine_destroy(e);
    op_set_destroy(ops);
    table->close(device);
    cr_expect_eq(cuda_double.live, 0);
}

DOUBLE_TEST(a_launch_of_a_companion_may_be_refused) {
    for (int bad = 0; bad <= 2; bad++) {
        check_run(bad);
    }
}

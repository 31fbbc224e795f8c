/* SPDX-License-Identifier: Apache-2.0
 * One op on its way through a kernel, in all ways in which it may be run, watched while it does. */
#include "check/eager_call.h"

#include <stdlib.h>

/* The input whose memory an optimizer's output is: param, then the moments. -1: none. */
static int owner_input(const eager_call *c, uint32_t output) {
    static const char *const updates[] = {"sgd", "lars", "adamw", "average", "unit_rows"};
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
        if (strcmp(c->node.op, updates[i]) == 0) {
            return output == 0 ? 0 : (int)output + 1;
        }
    }
    return -1;
}

/* Runs the kernel once, its outputs full of `byte` before, output 0 over input `over` (-1: over
 * none), and reads the outputs to `to`. */
static void run_once(eager_call *c, int byte, int over, unsigned char *const *to) {
    eager *e = c->e;
    void *in[MAX_OPERANDS], *out[MAX_OPERANDS];
    for (uint32_t i = 0; i < c->node.n_inputs; i++) {
        in[i] = c->in[i]->block.data;
    }
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        const int owner = i == 0 && over >= 0 ? over : owner_input(c, i);
        out[i] = c->out[i]->block.data;
        block_fill(e->device, &c->out[i]->block, byte);
        if (owner >= 0) {
            block_write(e->device, &c->out[i]->block, c->in[owner]->bytes);
            in[owner] = out[i];
        }
    }
    block_fill(e->device, &c->scratch, byte);
    kd_error err = KD_ERROR_INIT;
    kernel_run(&e->on, &c->kernel, &c->node, c->state, in, out, c->scratch.data);
    const bool done = e->device->table->wait(e->device->handle, &err);
    if (!op_device_take_failure(&e->on, &err) || !done) {
        eager_fault(e, EAGER_WRONG, "%s: %s", c->node.op, err.message);
    }
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        if (!block_read(e->device, &c->out[i]->block, to[i])) {
            eager_fault(e, EAGER_WRONG, "%s writes outside of output %u", c->node.op, i);
        }
    }
}

/* Runs again, in another way, and compares bits. */
static void run_again(eager_call *c, int byte, int over) {
    unsigned char *again[MAX_OPERANDS];
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        again[i] = kd_alloc(c->out[i]->block.bytes);
    }
    run_once(c, byte, over, again);
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        if (memcmp(again[i], c->out[i]->bytes, c->out[i]->block.bytes) != 0) {
            eager_fault(c->e, EAGER_WRONG,
                        over < 0 ? "%s: output %u differs from run to run, or is not all written"
                                 : "%s: output %u differs when it lies over input %d",
                        c->node.op, i, over);
        }
        free(again[i]);
    }
}

static void check_inputs(eager_call *c) {
    for (uint32_t i = 0; i < c->node.n_inputs; i++) {
        unsigned char *now = kd_alloc(c->in[i]->block.bytes);
        const bool whole = block_read(c->e->device, &c->in[i]->block, now);
        if (!whole || memcmp(now, c->in[i]->bytes, c->in[i]->block.bytes) != 0) {
            eager_fault(c->e, EAGER_WRONG, "%s writes to input %u, or next to it", c->node.op, i);
        }
        free(now);
    }
    unsigned char *scratch = kd_alloc(c->scratch.bytes);
    if (!block_read(c->e->device, &c->scratch, scratch)) {
        eager_fault(c->e, EAGER_WRONG, "%s writes outside of its scratch", c->node.op);
    }
    free(scratch);
}

static void run_all_ways(eager_call *c) {
    unsigned char *to[MAX_OPERANDS];
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        to[i] = c->out[i]->bytes;
    }
    run_once(c, 0xff, -1, to);
    run_again(c, 0, -1);
    for (uint32_t i = 0; i < c->node.n_inputs && owner_input(c, 0) < 0; i++) {
        if (i < 32 && (kernel_in_place(&c->kernel) >> i & 1u) &&
            c->in[i]->block.bytes == c->out[0]->block.bytes &&
            kd_elements(&c->in_specs[i]) == kd_elements(&c->out_specs[0])) {
            run_again(c, 0, (int)i);
        }
    }
    check_inputs(c);
    for (uint32_t i = 0; i < c->node.n_outputs; i++) {
        block_write(c->e->device, &c->out[i]->block, c->out[i]->bytes);
    }
}

void eager_run(eager_call *c) {
    eager *e = c->e;
    size_t scratch = 0;
    kd_error err = KD_ERROR_INIT;
    if (!kernel_find(&e->on, c->node.op, &c->kernel, NULL)) {
        eager_fault(e, EAGER_UNSUPPORTED, "%s has no kernel for %s", e->device->name, c->node.op);
        return;
    }
    if (!kernel_prepare(&e->on, &c->kernel, &c->node, &c->state, &scratch, &err)) {
        eager_fault(e, err.code == KD_E_UNSUPPORTED ? EAGER_UNSUPPORTED : EAGER_WRONG, "%s: %s",
                    c->node.op, err.message);
        return;
    }
    if (block_create(e->device, scratch, &c->scratch, &err)) {
        run_all_ways(c);
    } else {
        eager_fault(e, EAGER_WRONG, "%s: its scratch: %s", c->node.op, err.message);
    }
    block_destroy(e->device, &c->scratch);
    kernel_release(&e->on, &c->kernel, c->state);
}

/* SPDX-License-Identifier: Apache-2.0
 * Turns a plugin's case into a row. */
#include "check/brought_row.h"

static void build(const op_case *row, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_op_case *c = ((const brought_row *)row)->of;
    s->api->emit(s, c->op, in, c->n_inputs, c->attrs, c->n_attrs, out,
                 c->n_outputs ? c->n_outputs : 1);
}

bool brought_row_of(const kd_op_case *c, brought_row *ret) {
    *ret = (brought_row){
        .row = {.op = c->op, .note = c->note, .build = build, .tolerance = c->tolerance}, .of = c};
    if (c->n_inputs > OP_MAX_INPUTS || c->n_outputs > OP_MAX_OUTPUTS) {
        return false;
    }
    for (uint32_t i = 0; i < c->n_inputs; i++) {
        const kd_op_input *in = &c->inputs[i];
        op_input *to = &ret->row.in[i];
        *to = (op_input){
            .given = true, .type = in->dtype, .rank = in->rank, .low = in->low, .high = in->high};
        for (int axis = 0; axis < KD_MAX_RANK; axis++) {
            to->dim[axis] = in->dim[axis];
        }
        if (in->rank < 0 || in->rank > KD_MAX_RANK) {
            return false;
        }
    }
    return true;
}

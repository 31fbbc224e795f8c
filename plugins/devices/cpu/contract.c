/* SPDX-License-Identifier: Apache-2.0
 * Matrix products, through oneDNN. */
#include "contract.h"

#include "kernels.h"

static void zero(const kd_device *device, const void *work, const void *from, void *to) {
    memset(to, 0, *(const size_t *)work);
}

static layout matrix(int64_t batch, int64_t rows, int64_t columns, bool transposed, int32_t type) {
    return batch ? layout_of(3, (int64_t[]){batch, rows, columns}, type,
                             transposed ? dnnl_acb : dnnl_abc)
                 : layout_of(2, (int64_t[]){rows, columns}, type, transposed ? dnnl_ba : dnnl_ab);
}

bool plan_add_product(plan *p, const kd_node *node, const product *m, slot a, slot b, slot y,
                      kd_error *err) {
    const int64_t count = (m->batch ? m->batch : 1) * m->m * m->n;
    if (count == 0) {
        return true;
    }
    if (m->k == 0) {
        const size_t bytes = (size_t)count * kd_dtype_bytes(m->y_type);
        return plan_add_loop(p, zero, &bytes, sizeof bytes, y, y, err);
    }
    const layout a_layout = matrix(m->batch, m->m, m->k, m->transpose_a, m->type);
    const layout b_layout = matrix(m->batch, m->k, m->n, m->transpose_b, m->type);
    const layout y_layout = matrix(m->batch, m->m, m->n, false, m->y_type);
    const layout bias_layout = matrix(m->batch, 1, m->n, false, m->y_type);
    dnnl_matmul_desc_t op;
    dnnl_primitive_desc_t desc = NULL;
    if (dnnl_matmul_desc_init(&op, &a_layout, &b_layout, m->bias ? &bias_layout : NULL,
                              &y_layout) != dnnl_success ||
        plan_describe(p, &op, NULL, &desc) != dnnl_success) {
        return refuse(node, "oneDNN has no such matrix product", err);
    }
    if (is_reference(desc)) {
        dnnl_primitive_desc_destroy(desc);
        return refuse(node, "oneDNN has only its slow reference for this product", err);
    }
    const operand operands[] = {{DNNL_ARG_SRC, &a_layout, a},
                                {DNNL_ARG_WEIGHTS, &b_layout, b},
                                {DNNL_ARG_DST, &y_layout, y},
                                {DNNL_ARG_BIAS, &bias_layout, m->bias ? *m->bias : y}};
    return plan_add(p, node, desc, operands, m->bias ? 4 : 3, err);
}

static bool build_matmul(kd_device *device, const kd_node *node, plan *p, kd_error *err) {
    const kd_spec *a = &node->inputs[0], *y = &node->outputs[0];
    const bool transpose_a = kd_attr_int(node, "transpose_a", 0) != 0;
    const product m = {
        .batch = y->rank == 3 ? y->dim[0] : 0,
        .m = y->dim[y->rank - 2],
        .k = a->dim[transpose_a ? a->rank - 2 : a->rank - 1],
        .n = y->dim[y->rank - 1],
        .transpose_a = transpose_a,
        .transpose_b = kd_attr_int(node, "transpose_b", 0) != 0,
        .bias = node->n_inputs > 2 ? &INPUT(2) : NULL,
        .type = a->dtype,
        .y_type = y->dtype,
    };
    if (y->rank == 3 && m.batch == 0) {
        return true;
    }
    return plan_add_product(p, node, &m, INPUT(0), INPUT(1), OUTPUT(0), err);
}

bool prepare_matmul(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    if (node->inputs[0].dtype != node->inputs[1].dtype) {
        return refuse(node, "operands differ in type", err);
    }
    return accept_types(node, FLOATS, err) &&
           plan_open(device, node, build_matmul, ret_state, ret_scratch, err);
}

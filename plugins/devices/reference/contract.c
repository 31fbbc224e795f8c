/* SPDX-License-Identifier: Apache-2.0
 * Matrix products. Operands are widened to double first, into scratch and in the order in which the
 * loop reads them, so that one loop serves every type and every transposition. */
#include "element.h"
#include "kernels.h"

/* [batch, m, k] @ [batch, k, n]; batch is 1 for matrices. */
typedef struct product {
    int64_t batch, m, k, n;
    bool transpose_a, transpose_b;
} product;

static product product_of(const kd_node *node) {
    const kd_spec *a = &node->inputs[0], *y = &node->outputs[0];
    const bool transpose_a = kd_attr_int(node, "transpose_a", 0) != 0;
    return (product){
        .batch = y->rank == 3 ? y->dim[0] : 1,
        .m = y->dim[y->rank - 2],
        .k = a->dim[transpose_a ? a->rank - 2 : a->rank - 1],
        .n = y->dim[y->rank - 1],
        .transpose_a = transpose_a,
        .transpose_b = kd_attr_int(node, "transpose_b", 0) != 0,
    };
}

bool prepare_matmul(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    const product p = product_of(node);
    *ret_scratch = (size_t)(p.m * p.k + p.k * p.n + p.n) * sizeof(double);
    return accept_types(node, FLOATS, err);
}

/* Element [row, column] of the matrix at `begin`, or of its transpose, to wide[row, column]. */
static void widen(double *wide, const void *data, int32_t type, int64_t begin, int64_t rows,
                  int64_t columns, bool transposed) {
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t column = 0; column < columns; column++) {
            const int64_t from = transposed ? column * rows + row : row * columns + column;
            wide[row * columns + column] = get(data, type, begin + from);
        }
    }
}

void run_matmul(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *scratch) {
    const product p = product_of(node);
    const int32_t type = node->inputs[0].dtype, out_type = node->outputs[0].dtype;
    double *a = scratch, *b = a + p.m * p.k, *row = b + p.k * p.n;
    for (int64_t batch = 0; batch < p.batch; batch++) {
        widen(a, in[0], type, batch * p.m * p.k, p.m, p.k, p.transpose_a);
        widen(b, in[1], node->inputs[1].dtype, batch * p.k * p.n, p.k, p.n, p.transpose_b);
        for (int64_t m = 0; m < p.m; m++) {
            memset(row, 0, (size_t)p.n * sizeof *row);
            for (int64_t k = 0; k < p.k; k++) {
                for (int64_t n = 0; n < p.n; n++) {
                    row[n] += a[m * p.k + k] * b[k * p.n + n];
                }
            }
            for (int64_t n = 0; n < p.n; n++) {
                row[n] += node->n_inputs > 2 ? get(in[2], node->inputs[2].dtype, n) : 0;
                put(out[0], out_type, (batch * p.m + m) * p.n + n, row[n]);
            }
        }
    }
}

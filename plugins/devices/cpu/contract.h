/* SPDX-License-Identifier: Apache-2.0
 * Matrix products as steps of a plan: of matmul, and of convolutions that are better done as one.
 */
#ifndef CPU_CONTRACT_H
#define CPU_CONTRACT_H

#include "onednn.h"

/* [m, k] @ [k, n], `batch` times (0: matrices). A transposed operand lies as [k, m] or [n, k]. */
typedef struct product {
    int64_t batch, m, k, n;
    bool transpose_a, transpose_b;
    int32_t type, y_type;
    const slot *bias; /* of n numbers of y's type, for every row; NULL: none */
} product;

/* Appends y = a @ b (+ bias): zeros where k is 0, nothing where y is empty. */
bool plan_add_product(plan *p, const kd_node *node, const product *m, slot a, slot b, slot y,
                      kd_error *err);

#endif

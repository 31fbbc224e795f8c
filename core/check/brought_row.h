/* SPDX-License-Identifier: Apache-2.0
 * A case that a plugin gives for an op of its own, as a row of the op table. */
#ifndef CORE_CHECK_BROUGHT_ROW_H
#define CORE_CHECK_BROUGHT_ROW_H

#include "check/ops.h"

#include <kindred/custom_ops.h>

typedef struct brought_row {
    op_case row; /* first: its `build` is given it alone */
    const kd_op_case *of;
} brought_row;

/* False when it has more inputs, outputs or axes than a row can. */
bool brought_row_of(const kd_op_case *c, brought_row *ret);

#endif

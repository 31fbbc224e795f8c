/* SPDX-License-Identifier: Apache-2.0
 * The table of ops on a device. */
#include "check/table.h"

#include "check/gradient.h"
#include "graph/graph.h"

#include <math.h>

static const struct {
    const char *name;
    int32_t real, compute;
} columns[CHECK_COLUMNS] = {[CHECK_F64] = {"f64", KD_F64, KD_F64},
                            [CHECK_F32] = {"f32", KD_F32, KD_F32},
                            [CHECK_BF16] = {"bf16", KD_F32, KD_BF16},
                            [CHECK_GRADIENT] = {"gradient", KD_F32, KD_F32}};

const char *check_column_name(int column) {
    return columns[column].name;
}

static bool takes_compute(const op_case *row) {
    for (int i = 0; i < OP_MAX_INPUTS; i++) {
        if (row->in[i].given && row->in[i].type == KD_COMPUTE) {
            return true;
        }
    }
    return false;
}

bool check_has_column(const op_case *row, int column) {
    return column == CHECK_GRADIENT ? row->gradient : column != CHECK_BF16 || takes_compute(row);
}

static bool is_promised(int column, const check_device *d) {
    return column == CHECK_F32 || column == CHECK_GRADIENT ||
           (column == CHECK_BF16 && d->table->fast_types >> KD_BF16 & 1u);
}

/* Of many sizes, the quick check takes 1, a small odd one and one above a vector. */
static bool skips(const op_case *row, int size, bool quick) {
    return quick && op_sizes(row) > 1 && size != 1 && size != 3 && size != 6;
}

static void run_case(op_result *r, op_run *run, const check_device *d,
                     const check_device *reference, arena *a) {
    char why[1600] = "";
    const int32_t real = columns[r->column].real, compute = columns[r->column].compute;
    const int status = r->column == CHECK_GRADIENT
                           ? gradient_compare(run, d, reference, why)
                           : op_compare(run, d, real, compute, reference, why);
    r->cases++;
    r->error = fmax(r->error, run->error);
    if (status > r->status) {
        r->status = status;
        r->where = arena_print(a, "%s", op_name(run));
        r->why = arena_print(a, "%s", why);
    }
}

op_result check_op(int index, int column, const check_device *d, const check_device *reference,
                   bool quick, arena *a) {
    op_result r = {.row = op_case_at(index), .column = column, .where = "", .why = ""};
    const bool one = column == CHECK_GRADIENT;
    for (int size = 0; size < (one ? 1 : op_sizes(r.row)); size++) {
        if (!skips(r.row, size, quick && !one)) {
            op_run run =
                op_draw(r.row, one ? -1 : size, 3, columns[column].real, columns[column].compute);
            run_case(&r, &run, d, reference, a);
            op_finish(&run);
        }
    }
    r.failed = r.status == EAGER_WRONG || (r.status == EAGER_UNSUPPORTED && is_promised(column, d));
    return r;
}

/* Some ops a device may do without. */
static bool is_left_out(const op_case *row, const check_device *d) {
    const kd_op *op = graph_find_op(row->op);
    return op && op->flags & KD_OP_INSTEAD && !check_kernel(d, row->op);
}

bool check_table(const check_device *d, const check_device *reference, const check_choice *choice,
                 check_row *row, void *context) {
    bool fine = true, any = false;
    const op_case *c;
    for (int i = 0; (c = op_case_at(i)); i++) {
        const bool wanted = choice->op ? strcmp(choice->op, c->op) == 0 : !is_left_out(c, d);
        for (int column = 0; wanted && column < CHECK_COLUMNS; column++) {
            if (!check_has_column(c, column)) {
                continue;
            }
            arena memory = {0};
            const op_result r = check_op(i, column, d, reference, choice->quick, &memory);
            any = true;
            fine = fine && !r.failed;
            if (row) {
                row(context, &r);
            }
            arena_free(&memory);
        }
    }
    return fine && any;
}

/* SPDX-License-Identifier: Apache-2.0
 * The types that ops take: what the cpu device takes of the table of ops (core/check/ops.h), the
 * cuda device takes too, with the same integers. Each row runs with all that is real in it of one
 * type, though the table never asks for that of integers.
 *
 * KINDRED_TEST_DEVICES names cpu's module and one of cuda's. */
#include "check/op_run.h"
#include "harness.h"

#include "graph/graph.h"

#include <math.h>
#include <stdlib.h>

/* Products of i32 and of u8 lose bits, those of i64 and sums of i32 do not: a device may add up in
 * what it likes. */
static void draw_integers(op_run *run, int32_t type) {
    static const double span[] = {[KD_I32] = 0x1p17, [KD_I64] = 0x1p31, [KD_U8] = 0x1p7};
    for (uint32_t i = 0; i < run->n_inputs; i++) {
        const bool real = run->spec[i].dtype == KD_REAL || run->spec[i].dtype == KD_COMPUTE;
        for (int64_t k = 0; real && k < kd_elements(&run->spec[i]); k++) {
            const uint32_t draw = (uint32_t)(k + 1) * 2654435761u + i * 40503u;
            const double turn = draw * 0x1p-31 - 1;
            run->values[i][k] = number_round(turn * span[type] + (type == KD_U8 ? 128 : 0), type);
        }
    }
}

/* To the bit; values that are rounded on the way, as views are, within the row's tolerance. */
static bool same_numbers(const op_case *row, const op_side *a, const op_side *b) {
    bool same = true;
    for (int i = 0; i < OP_MAX_OUTPUTS && a->out[i]; i++) {
        const kd_spec spec = kd_spec_of(a->out[i]);
        same = same && number_error(eager_read(a->out[i]), eager_read(b->out[i]),
                                    kd_elements(&spec)) <= row->tolerance;
    }
    return same;
}

typedef struct tally {
    int taken, wrong, left_out;
} tally;

static void compare_types(op_run *run, const check_device *cpu, const check_device *cuda,
                          int32_t type, tally *t) {
    const op_side want = op_run_on(run, cpu, type, type), got = op_run_on(run, cuda, type, type);
    if (want.status == EAGER_FINE && strstr(got.why, "has no kernel for ")) {
        t->left_out++;
    } else if (want.status == EAGER_FINE) {
        t->taken++;
        if (got.status != EAGER_FINE || (type != KD_BF16 && !same_numbers(run->row, &want, &got))) {
            printf("WRONG in %s: %s: %s\n", number_type_name(type), op_name(run), got.why);
            t->wrong++;
        }
    }
    eager_destroy(want.graph);
    eager_destroy(got.graph);
}

static bool is_small(const op_run *run) {
    int64_t elements = 0;
    for (uint32_t i = 0; i < run->n_inputs; i++) {
        elements += kd_elements(&run->spec[i]);
    }
    return elements <= 10000;
}

/* A row with all that is real in it, and has no size of its own, 37 long. */
static void check_row(const op_case *row, int32_t type, const check_device *cpu,
                      const check_device *cuda, tally *t) {
    const bool defined = isfinite(row->number[0]) || type == KD_BF16;
    op_run run = op_draw(row, -1, 37, type, type);
    if (type != KD_BF16) {
        draw_integers(&run, type);
    }
    if (defined && is_small(&run)) {
        compare_types(&run, cpu, cuda, type, t);
    }
    op_finish(&run);
}

int main(void) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *cpu = test_device_find(devices, count, "cpu");
    if (count != 2 || !cpu) {
        fprintf(stderr, "test_cuda_types: two modules in KINDRED_TEST_DEVICES, one of them cpu\n");
        return 1;
    }
    const check_device *cuda = &devices[cpu == &devices[0]];
    int wrong = 0;
    for (int32_t type = KD_BF16; type <= KD_U8; type++) {
        tally t = {0};
        for (int i = 0; op_case_at(i); i++) {
            check_row(op_case_at(i), type, cpu, cuda, &t);
        }
        printf("%s: %d rows taken, %d more are NVIDIA's, %d wrong\n", number_type_name(type),
               t.taken, t.left_out, t.wrong);
        wrong += t.wrong + (t.taken < 20);
    }
    test_devices_close(devices, count);
    return wrong > 0;
}

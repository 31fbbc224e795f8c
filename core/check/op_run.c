/* SPDX-License-Identifier: Apache-2.0
 * Drawing, building and comparing the cases of the op table. */
#include "check/op_run.h"

#include "check/numbers.h"

#include <kindred/philox.h>
#include <math.h>

static const int64_t sizes[] = OP_SIZES;
static const op_case *const tables[] = {ops_elementwise_cases, ops_shape_cases, ops_reduce_cases,
                                        ops_contract_cases,    ops_image_cases, ops_attention_cases,
                                        ops_update_cases,      ops_narrow_cases};

const op_case *op_case_at(int i) {
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const op_case *row = tables[t]; row->op; row++) {
            if (i-- == 0) {
                return row;
            }
        }
    }
    return NULL;
}

int op_sizes(const op_case *row) {
    for (int i = 0; i < OP_MAX_INPUTS; i++) {
        for (int axis = 0; axis < row->in[i].rank; axis++) {
            if (row->in[i].dim[axis] == ANY) {
                return (int)(sizeof sizes / sizeof *sizes);
            }
        }
    }
    return 1;
}

/* In [0, 1). */
static double uniform(uint64_t key, int64_t i) {
    const kd_philox draw = kd_philox_draw(key, (uint32_t)i, (uint32_t)(i >> 32), 0, 0);
    return (draw.word[0] * 0x1p32 + draw.word[1]) * 0x1p-64;
}

/* Shuffles the middles of `count` equal parts of [low, high), moved by a little that depends on the
 * input, so that two inputs have no value in common. */
static void draw_distinct(double *values, int64_t count, double low, double high, int input,
                          uint64_t key) {
    for (int64_t i = 0; i < count; i++) {
        const double part = (double)i + 0.5 + 0.3 * input;
        values[i] = low + (high - low) * part / (double)(count + 1);
    }
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = (int64_t)(uniform(key, i) * (double)(i + 1));
        const double swapped = values[i];
        values[i] = values[j];
        values[j] = swapped;
    }
}

static double draw_one(const op_input *in, double low, double high, uint64_t key, int64_t i) {
    const double u = uniform(key, i);
    if (in->n_values) {
        return in->values[i % in->n_values];
    }
    if (in->type == KD_I32 || in->type == KD_I64 || in->type == KD_U8) {
        return floor(low + (high - low) * u);
    }
    const double x = low + (high - low) * u;
    if (in->gap > 0) {
        const double size = in->gap + (high - in->gap) * fabs(2 * u - 1);
        return u < 0.5 ? -size : size;
    }
    return x;
}

static void draw_input(op_run *run, uint32_t input, int32_t held) {
    const op_input *in = &run->row->in[input];
    const bool no_range = in->low >= in->high && in->high <= 0;
    const double low = no_range ? -1 : in->low, high = no_range ? 1 : in->high;
    const int64_t count = kd_elements(&run->spec[input]);
    const uint64_t key = run->key * 16 + input;
    double *values = arena_alloc(&run->memory, (size_t)count * sizeof *values);
    if (in->distinct) {
        draw_distinct(values, count, low, high, (int)input, key);
    }
    for (int64_t i = 0; i < count; i++) {
        const double x = in->distinct ? values[i] : draw_one(in, low, high, key, i);
        values[i] = number_round(x, held);
    }
    run->values[input] = values;
}

/* FNV-1a, taken on from h. */
static uint64_t hash_text(uint64_t h, const char *text) {
    for (; *text; text++) {
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return h;
}

op_run op_draw(const op_case *row, int size, int64_t any, int32_t real, int32_t compute) {
    const uint64_t op = hash_text(0xcbf29ce484222325u ^ OP_SEED, row->op);
    const uint64_t key = hash_text(op, row->note ? row->note : "");
    return op_draw_row(row, key, size, any, real, compute);
}

op_run op_draw_row(const op_case *row, uint64_t key, int size, int64_t any, int32_t real,
                   int32_t compute) {
    op_run run = {.row = row, .key = key};
    while (run.n_inputs < OP_MAX_INPUTS && run.row->in[run.n_inputs].given) {
        const op_input *in = &run.row->in[run.n_inputs];
        kd_spec *spec = &run.spec[run.n_inputs];
        *spec = (kd_spec){.dtype = in->type, .rank = in->rank};
        for (int axis = 0; axis < in->rank; axis++) {
            const int64_t dim = in->dim[axis];
            spec->dim[axis] = dim != ANY ? dim : size < 0 ? any : sizes[size];
        }
        const int32_t held = in->type == KD_REAL      ? real
                             : in->type == KD_COMPUTE ? compute
                                                      : in->type;
        draw_input(&run, run.n_inputs++, held);
    }
    return run;
}

void op_finish(op_run *run) {
    arena_free(&run->memory);
}

const char *op_name(op_run *run) {
    const char *text = run->row->note
                           ? arena_print(&run->memory, "%s (%s)", run->row->op, run->row->note)
                           : run->row->op;
    for (uint32_t i = 0; i < run->n_inputs; i++) {
        text = arena_print(&run->memory, "%s [", text);
        for (int axis = 0; axis < run->spec[i].rank; axis++) {
            text = arena_print(&run->memory, "%s%s%lld", text, axis ? ", " : "",
                               (long long)run->spec[i].dim[axis]);
        }
        text = arena_print(&run->memory, "%s]", text);
    }
    return text;
}

void op_build(const op_case *row, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    if (row->unary) {
        out[0] = row->unary(in[0]);
    } else if (row->binary) {
        out[0] = row->binary(in[0], in[1]);
    } else {
        row->build(row, s, in, out);
    }
}

op_side op_run_on(const op_run *run, const check_device *d, int32_t real, int32_t compute) {
    op_side s = {.graph = eager_create(d, real, compute), .why = ""};
    kd_tensor *in[OP_MAX_INPUTS];
    for (uint32_t i = 0; i < run->n_inputs; i++) {
        in[i] = eager_tensor(s.graph, run->spec[i], run->values[i]);
    }
    op_build(run->row, eager_root(s.graph), in, s.out);
    s.status = eager_status(s.graph, &s.why);
    return s;
}

/* Ops that compute nothing which is rounded, or round it once in a way that is defined. */
static bool is_exact(const char *op) {
    static const char *const exact[] = {
        "neg",    "abs",           "relu",      "maximum",    "where", "cast", "cast_all",
        "copy",   "stop_gradient", "reshape",   "transpose",  "slice", "pad",  "concat",
        "gather", "fill",          "broadcast", "max_pool2d", "random"};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
        if (strcmp(op, exact[i]) == 0) {
            return true;
        }
    }
    return false;
}

static double tolerance_of(const op_case *row, int32_t dtype, int32_t compute) {
    const bool whole = dtype == KD_I32 || dtype == KD_I64 || dtype == KD_U8;
    if (whole || is_exact(row->op)) {
        return 0;
    }
    if (compute == KD_BF16) {
        return row->bf16_tolerance > 0 ? row->bf16_tolerance : 1e-5;
    }
    return row->tolerance > 0 ? row->tolerance : OP_TOLERANCE;
}

/* Where two outputs differ most. */
static int64_t worst_element(const double *got, const double *want, int64_t count) {
    int64_t worst = 0;
    double largest = -1;
    for (int64_t i = 0; i < count; i++) {
        const bool same = got[i] == want[i] || (isnan(got[i]) && isnan(want[i]));
        const double apart = same                         ? 0
                             : isfinite(got[i] - want[i]) ? fabs(got[i] - want[i])
                                                          : HUGE_VAL;
        if (apart > largest) {
            largest = apart;
            worst = i;
        }
    }
    return worst;
}

/* Whether no value of the type is nearer to any element. Rounding to bf16 alone is an error of up
 * to 1.5e-5 in one number, though 5e-6 in many. */
static bool is_nearest(const double *got, const double *want, int64_t count, int32_t dtype) {
    for (int64_t i = 0; i < count; i++) {
        if (got[i] != number_round(want[i], dtype)) {
            return false;
        }
    }
    return true;
}

static int compare_outputs(op_run *run, const op_side *got, const op_side *want, int32_t compute,
                           char *why) {
    for (int i = 0; i < OP_MAX_OUTPUTS && want->out[i]; i++) {
        const kd_spec a = kd_spec_of(got->out[i]), b = kd_spec_of(want->out[i]);
        const int64_t count = kd_elements(&b);
        if (kd_elements(&a) != count) {
            snprintf(why, 1600, "output %d has another size", i);
            return EAGER_WRONG;
        }
        const double *is = eager_read(got->out[i]), *should = eager_read(want->out[i]);
        const double error = number_error(is, should, count);
        run->error = fmax(run->error, error);
        const double allowed = tolerance_of(run->row, a.dtype, compute);
        if (!(error <= allowed) && !is_nearest(is, should, count, a.dtype)) {
            const int64_t at = worst_element(is, should, count);
            snprintf(
                why, 1600,
                "output %d (%s): error %.2g is above %.2g; most at element %lld, %.9g in place "
                "of %.9g",
                i, number_type_name(a.dtype), error, allowed, (long long)at, is[at], should[at]);
            return EAGER_WRONG;
        }
    }
    return EAGER_FINE;
}

int op_compare(op_run *run, const check_device *d, int32_t real, int32_t compute,
               const check_device *reference, char *why) {
    op_side got = op_run_on(run, d, real, compute);
    op_side want = op_run_on(run, reference, KD_F64, KD_F64);
    int status = got.status;
    if (want.status != EAGER_FINE) {
        status = EAGER_WRONG;
        snprintf(why, 1600, "on the reference: %s", want.why);
    } else if (got.status != EAGER_FINE) {
        snprintf(why, 1600, "%s", got.why);
    } else {
        status = compare_outputs(run, &got, &want, compute, why);
    }
    eager_destroy(got.graph);
    eager_destroy(want.graph);
    return status;
}

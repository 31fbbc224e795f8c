/* SPDX-License-Identifier: Apache-2.0
 * Every hand-written CUDA kernel, emulated on the CPU, against the reference device: the whole
 * table of ops (core/check/ops.h), in f32 and bf16, in several orders of threads that must agree in
 * every bit.
 *
 *     test_cuda_kernels ORDERS all|fewer|small [OP|library]
 *
 * ORDERS 1: ascending only; 2: and descending or, every other row, and in the other type these
 * rows, drawn; 4: ascending, descending and two that are drawn; fewer: of the many sizes of a case
 * the largest is left out; small: so are cases of more than ten thousand numbers; library:
 * those ops alone that are NVIDIA's libraries'.
 *
 * KINDRED_TEST_DEVICES names the modules. A program of its own rather than Criterion's, so that it
 * also runs under ThreadSanitizer. */
#include "check/op_run.h"
#include "emulated_steps.h"
#include "harness.h"

#include "graph/graph.h"

#include <kindred/device_extensions.h>
#include <stdlib.h>

/* Ops whose kernels are NVIDIA's libraries'. */
static const char *const library_ops[] = {"matmul", "matmul_bias", "conv2d", "conv2d_input_grad",
                                          "conv2d_weight_grad"};

static bool is_library_op(const char *op) {
    for (size_t i = 0; i < sizeof library_ops / sizeof *library_ops; i++) {
        if (strcmp(op, library_ops[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Opens the device again, with another order of threads. */
static void set_order(check_device *d, int order) {
    kd_error err = KD_ERROR_INIT;
    d->table->close(d->handle);
    *(int *)d->config = order;
    if (!d->table->open(d->config, NULL, &d->handle, &err)) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
}

/* One case on the emulated device. */
typedef struct outcome {
    eager *graph;
    kd_tensor *out[OP_MAX_OUTPUTS];
} outcome;

static outcome run_case(const op_run *run, const check_device *d, int32_t compute) {
    outcome o = {.graph = eager_create(d, KD_F32, compute)};
    kd_tensor *in[OP_MAX_INPUTS];
    for (uint32_t i = 0; i < run->n_inputs; i++) {
        in[i] = eager_tensor(o.graph, run->spec[i], run->values[i]);
    }
    op_build(run->row, eager_root(o.graph), in, o.out);
    return o;
}

static bool same_bits(const outcome *a, const outcome *b) {
    const char *why;
    if (eager_status(b->graph, &why) != EAGER_FINE) {
        printf("    %s\n", why);
        return false;
    }
    for (int i = 0; i < OP_MAX_OUTPUTS && a->out[i]; i++) {
        const kd_spec spec = kd_spec_of(a->out[i]);
        if (memcmp(eager_read(a->out[i]), eager_read(b->out[i]),
                   (size_t)kd_elements(&spec) * sizeof(double)) != 0) {
            printf("    output %d differs\n", i);
            return false;
        }
    }
    return true;
}

/* Is every order of threads the first one, to the bit? */
static bool orders_agree(op_run *run, check_device *d, int32_t compute, const int *orders) {
    bool agree = true;
    const outcome first = run_case(run, d, compute);
    for (; agree && *orders; orders++) {
        set_order(d, *orders);
        const outcome other = run_case(run, d, compute);
        if (!same_bits(&first, &other)) {
            printf("WRONG in order %d: %s\n", *orders, op_name(run));
            agree = false;
        }
        eager_destroy(other.graph);
    }
    set_order(d, 0);
    eager_destroy(first.graph);
    return agree;
}

/* Beside the ascending one, ended by 0. */
static const int *orders_of(int count, int row, int32_t compute) {
    static const int of_four[] = {1, 2, 3, 0}, drawn[] = {2, 0}, descending[] = {1, 0},
                     none[] = {0};
    const bool draws = (row + (compute == KD_BF16)) % 2;
    return count > 2 ? of_four : count < 2 ? none : draws ? drawn : descending;
}

typedef struct manner {
    int orders;
    bool fewer, small;
    const char *only; /* NULL: every op */
} manner;

typedef struct tally {
    int ran, left_out, wrong;
} tally;

static void check_case(op_run *run, check_device *d, const check_device *reference, int32_t compute,
                       const int *orders, tally *t) {
    char why[1600] = "";
    const int status = op_compare(run, d, KD_F32, compute, reference, why);
    const char *missing = strstr(why, "has no kernel for ");
    t->ran++;
    if (status == EAGER_UNSUPPORTED && missing &&
        is_library_op(missing + strlen("has no kernel for "))) {
        t->left_out++;
    } else if (status != EAGER_FINE) {
        printf("WRONG in %s: %s\n    %s\n", number_type_name(compute), op_name(run), why);
        t->wrong++;
    } else {
        t->wrong += !orders_agree(run, d, compute, orders);
    }
}

static bool takes_compute(const op_case *row) {
    for (int i = 0; i < OP_MAX_INPUTS; i++) {
        if (row->in[i].given && row->in[i].type == KD_COMPUTE) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const char *op, const char *only) {
    return !only || strcmp(only, op) == 0 || (strcmp(only, "library") == 0 && is_library_op(op));
}

static bool is_small(const op_run *run) {
    int64_t elements = 0;
    for (uint32_t i = 0; i < run->n_inputs; i++) {
        elements += kd_elements(&run->spec[i]);
    }
    return elements <= 10000;
}

static void check_table(check_device *d, const check_device *reference, int32_t compute,
                        const manner *how, tally *t) {
    const op_case *row;
    for (int i = 0; (row = op_case_at(i)); i++) {
        if (is_wanted(row->op, how->only) && (compute == KD_F32 || takes_compute(row))) {
            const int sizes = op_sizes(row) - (how->fewer && op_sizes(row) > 1);
            for (int size = 0; size < sizes; size++) {
                op_run run = op_draw(row, size, 0, KD_F32, compute);
                if (!how->small || is_small(&run)) {
                    check_case(&run, d, reference, compute, orders_of(how->orders, i, compute), t);
                }
                op_finish(&run);
            }
        }
    }
}

/* Every op has a kernel here or in a library. */
static int missing_kernels(const check_device *d) {
    int missing = 0;
    const kd_op *op;
    for (int i = 0; (op = graph_op_at(i)); i++) {
        if (!(op->flags & KD_OP_ALIAS) && !is_library_op(op->name) && !check_kernel(d, op->name)) {
            printf("WRONG: no kernel for %s\n", op->name);
            missing++;
        }
    }
    return missing;
}

/* More indices than a block looks through: the three, over and over, with a row for each. */
static kd_tensor *pick_many(eager *e, int which, kd_tensor *rows, const double *indices) {
    enum { MANY = 1200 };
    double index[MANY], number[2 * MANY];
    for (int i = 0; i < 2 * MANY; i++) {
        index[i / 2] = indices[i / 2 % 3];
        number[i] = i % 17;
    }
    kd_tensor *some = eager_tensor(e, (kd_spec){.rank = 2, .dim = {MANY, 2}}, number);
    kd_tensor *i = eager_tensor(e, (kd_spec){.dtype = KD_I32, .rank = 1, .dim = {MANY}}, index);
    return which == 0 ? kd_scatter_add(i, some, 4) : kd_scatter_rows(rows, i, some);
}

#define PICKS 6

static kd_tensor *pick(eager *e, int which, const double *indices) {
    static const double numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    kd_tensor *rows = eager_tensor(e, (kd_spec){.rank = 2, .dim = {4, 2}}, numbers);
    kd_tensor *some = eager_tensor(e, (kd_spec){.rank = 2, .dim = {3, 2}}, numbers + 4);
    kd_tensor *logits = eager_tensor(e, (kd_spec){.rank = 2, .dim = {3, 4}}, numbers);
    kd_tensor *i = eager_tensor(e, (kd_spec){.dtype = KD_I32, .rank = 1, .dim = {3}}, indices);
    switch (which) {
    case 0:
        return kd_gather(rows, i);
    case 1:
        return kd_scatter_add(i, some, 4);
    case 2:
        return kd_scatter_rows(rows, i, some);
    case 3:
    case 4:
        return pick_many(e, which - 3, rows, indices);
    default:
        return kd_emit("cross_entropy", (kd_tensor *[]){logits, i}, 2, NULL, 0);
    }
}

/* The same numbers as the reference, where the index is skipped, and the same words, once. */
static bool treats_alike(const check_device *d, const check_device *reference, int which,
                         const double *indices) {
    const char *got = NULL, *want;
    kd_error err = KD_ERROR_INIT;
    eager *a = eager_create(d, KD_F32, KD_F32), *b = eager_create(reference, KD_F32, KD_F32);
    kd_tensor *x = pick(a, which, indices), *y = pick(b, which, indices);
    const kd_spec spec = kd_spec_of(y);
    const bool alike = eager_status(a, &got) == EAGER_WRONG &&
                       eager_status(b, &want) == EAGER_WRONG && strcmp(got, want) == 0 &&
                       d->table->wait(d->handle, &err) &&
                       number_error(eager_read(x), eager_read(y), kd_elements(&spec)) < 1e-10;
    if (!alike) {
        printf("WRONG with an index outside: op %d: %s\n", which, got ? got : "not a word");
    }
    eager_destroy(a);
    eager_destroy(b);
    return alike;
}

static int wrong_with_indices(const check_device *d, const check_device *reference) {
    static const double bad[][3] = {{0, 4, 1}, {3, 2, -1}};
    int wrong = 0;
    for (int i = 0; i < 2 * PICKS; i++) {
        wrong += !treats_alike(d, reference, i / 2, bad[i % 2]);
    }
    return wrong;
}

static bool refuses_wide_heads(const check_device *d) {
    const char *why = "";
    eager *e = eager_create(d, KD_F32, KD_F32);
    kd_attention_with(eager_tensor(e, (kd_spec){.rank = 3, .dim = {1, 2, 3 * 129}}, NULL), 1, 1);
    const bool refused =
        eager_status(e, &why) == EAGER_UNSUPPORTED && strstr(why, "more than 128 channels");
    if (!refused) {
        printf("WRONG: attention with heads of 129 channels: %s\n", why);
    }
    eager_destroy(e);
    return refused;
}

/* Memory of exactly so many bytes, so that AddressSanitizer sees what is touched behind it. */
static void *memory_of(size_t bytes) {
    void *ret = aligned_alloc(16, (bytes + 15) / 16 * 16);
    return memset(ret, 0, (bytes + 15) / 16 * 16);
}

/* Small whole numbers, which both types hold. */
static void put(void *to, int32_t dtype, int64_t i, int value) {
    const float number = (float)value;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    if (dtype == KD_BF16) {
        ((uint16_t *)to)[i] = (uint16_t)(bits >> 16);
    } else {
        ((float *)to)[i] = number;
    }
}

static int get(const void *from, int32_t dtype, int64_t i) {
    const uint32_t bits = dtype == KD_BF16 ? (uint32_t)((const uint16_t *)from)[i] << 16 : 0;
    float number;
    memcpy(&number, dtype == KD_BF16 ? (const void *)&bits : (const float *)from + i, sizeof bits);
    return (int)number;
}

static bool widens(const check_device *d, const emulated_steps *steps, int64_t count) {
    bool right = true;
    void *from = memory_of((size_t)count * 2), *to = memory_of((size_t)count * 4);
    for (int64_t i = 0; i < count; i++) {
        put(from, KD_BF16, i, (int)(i % 255) - 99);
    }
    steps->widen(d->handle, from, to, count);
    for (int64_t i = 0; i < count; i++) {
        right = right && get(to, KD_F32, i) == (int)(i % 255) - 99;
    }
    free(from);
    free(to);
    return right;
}

/* The product is no number of bf16's: it is rounded after the bias was added. f32 is in place. */
static bool adds_bias(const check_device *d, const emulated_steps *steps, int32_t dtype,
                      int64_t rows, int64_t width) {
    const kd_spec spec = {.dtype = dtype, .rank = 2, .dim = {rows, width}};
    bool right = true;
    void *product = memory_of((size_t)(rows * width) * 4);
    void *bias = memory_of((size_t)width * (dtype == KD_F32 ? 4 : 2));
    void *y = dtype == KD_F32 ? product : memory_of((size_t)(rows * width) * 2);
    for (int64_t i = 0; i < rows * width; i++) {
        put(product, KD_F32, i, (int)(i % 7) + 257);
    }
    for (int64_t i = 0; i < width; i++) {
        put(bias, dtype, i, (int)(i % 90) - 256);
    }
    steps->add_bias(d->handle, y, product, bias, &spec);
    for (int64_t i = 0; i < rows * width; i++) {
        right = right && get(y, dtype, i) == (int)(i % 7) + (int)(i % width % 90) + 1;
    }
    if (y != product) {
        free(y);
    }
    free(product);
    free(bias);
    return right;
}

/* Rows come in order, and the first after the last. */
static bool feeds(const check_device *d, const kd_device_feed *feed) {
    enum { ROWS = 3, BYTES = 256 };
    bool right = true;
    char *rows = memory_of(ROWS * BYTES), *to = memory_of(BYTES);
    int64_t *counter = memory_of(sizeof *counter);
    for (int i = 0; i < ROWS * BYTES; i++) {
        rows[i] = (char)(i / BYTES + i % 5);
    }
    for (int run = 0; run < 2 * ROWS; run++) {
        feed->fetch(d->handle, to, rows, BYTES, counter);
        feed->advance(d->handle, counter, ROWS);
        right = right && memcmp(to, rows + run % ROWS * BYTES, BYTES) == 0;
    }
    free(rows);
    free(to);
    free(counter);
    return right;
}

/* One of no bytes, one up to the ends, one that a thread's loads do not end with, more than there
 * are blocks; and those that are left out: outside of either memory, or between packs. */
enum { FROM = 65536 + 128, TO = 131072, FIT = 4, OUT = 4, SMALL = 40, PIECES = FIT + OUT + SMALL };
static void list_pieces(kd_device_piece *list) {
    static const kd_device_piece first[] = {
        {0, 0, 128},        {128, 256, 65536},  {256, 66048, 0}, {FROM - 128, TO - 128, 128},
        {FROM, 70000, 128}, {-128, 70000, 128}, {0, TO, 128},    {8, 70000, 128}};
    memcpy(list, first, sizeof first);
    for (int i = 0; i < SMALL; i++) {
        list[FIT + OUT + i] =
            (kd_device_piece){128 * (i + 7), 80000 + 384 * i, 128 + 128 * (i % 2)};
    }
}

/* Pieces come where they belong and nothing else changes: of the second row of a table, whose first
 * has none, or of a list alone. */
static bool copies_pieces(const check_device *d, const kd_device_prefetching *calls, bool in_rows) {
    const size_t row = PIECES * sizeof(kd_device_piece);
    unsigned char *from = memory_of(FROM), *to = memory_of(TO), *want = memory_of(TO);
    char *rows = memory_of((in_rows + 1) * row);
    int64_t *counter = memory_of(sizeof *counter);
    kd_device_piece *list = (kd_device_piece *)(rows + in_rows * row);
    list_pieces(list);
    for (int i = 0; i < FROM; i++) {
        from[i] = (unsigned char)(1 + i % 251);
    }
    for (int i = 0; i < PIECES; i++) {
        if (i < FIT || i >= FIT + OUT) {
            memcpy(want + list[i].to, from + list[i].from, (size_t)list[i].bytes);
        }
    }
    *counter = 1;
    const kd_device_pieces what = {.from = from,
                                   .from_bytes = FROM,
                                   .to = to,
                                   .to_bytes = TO,
                                   .list = rows,
                                   .count = PIECES,
                                   .counter = in_rows ? counter : NULL,
                                   .rows = 2,
                                   .row_bytes = (int64_t)row};
    calls->copy(d->handle, &what);
    const bool right = memcmp(to, want, TO) == 0;
    void *const all[] = {from, to, want, rows, counter};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(all[i]);
    }
    return right;
}

/* Kernels that are no ops. The device over the double has no such extension: there libraries call
 * them. */
static int wrong_beside_ops(const check_device *d) {
    static const int64_t counts[] = {1, 7, 8, 9, 2048, 5003};
    const emulated_steps *steps = kd_device_extension(d->table, d->handle, EMULATED_STEPS);
    const kd_device_feed *feed = kd_device_extension(d->table, d->handle, KD_DEVICE_FEED);
    const kd_device_prefetching *prefetch =
        kd_device_extension(d->table, d->handle, KD_DEVICE_PREFETCH);
    int wrong = (!feed || !feeds(d, feed)) + (!prefetch || !copies_pieces(d, prefetch, false) ||
                                              !copies_pieces(d, prefetch, true));
    for (size_t i = 0; steps && i < sizeof counts / sizeof *counts; i++) {
        wrong += !widens(d, steps, counts[i]);
        wrong += !adds_bias(d, steps, KD_F32, counts[i], 5);
        wrong += !adds_bias(d, steps, KD_BF16, 3, counts[i]);
    }
    if (wrong) {
        printf("WRONG: %d of the kernels that are no ops\n", wrong);
    }
    return wrong;
}

int main(int argc, char **argv) {
    check_device devices[TEST_MAX_DEVICES];
    const int count = test_devices_open(devices);
    const check_device *reference = test_device_find(devices, count, "reference");
    check_device *d = count == 2 ? &devices[reference == &devices[0]] : NULL;
    if (argc < 3 || !d || !reference) {
        fprintf(stderr, "usage: test_cuda_kernels ORDERS all|fewer|small [OP], with two modules in "
                        "KINDRED_TEST_DEVICES\n");
        return 1;
    }
    const manner how = {.orders = atoi(argv[1]),
                        .fewer = strcmp(argv[2], "all") != 0,
                        .small = strcmp(argv[2], "small") == 0,
                        .only = argc > 3 ? argv[3] : NULL};
    tally t = {.wrong = missing_kernels(d)};
    t.wrong += wrong_beside_ops(d);
    t.wrong += wrong_with_indices(d, reference) + !refuses_wide_heads(d);
    check_table(d, reference, KD_F32, &how, &t);
    check_table(d, reference, KD_BF16, &how, &t);
    printf("%s: %d cases (seed %u), %d of them NVIDIA's, %d wrong\n", d->name, t.ran, OP_SEED,
           t.left_out, t.wrong);
    test_devices_close(devices, count);
    return t.wrong > 0 || t.ran == t.left_out;
}

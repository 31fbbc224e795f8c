/* SPDX-License-Identifier: Apache-2.0
 * What f32 keeps of VICReg's covariances and of Barlow Twins' off-diagonal term, by products of
 * columns [d, d] and by products of rows [n, n]: relative errors of the term and of its gradient
 * (of its norm) against f64 on the reference device.
 *
 *     bench/squared_frobenius build/plugins/devices [device [d]]     (cpu, 512)
 *
 * A row for each kind of features and number n of rows. off: the term over what is subtracted. */
#include "check/numbers.h"
#include "check/opened.h"
#include "graph/engine.h"

#include <kindred/layers.h>
#include <math.h>
#include <stdlib.h>

typedef struct setting {
    const check_device *device;
    int32_t real;
    int64_t n, d;
    bool rows, twins;   /* products of rows; Barlow Twins' term */
    const double *z[2]; /* two views [n, d] */
} setting;

typedef struct answer {
    double loss, taken; /* taken: what is subtracted of it */
    double *gradient;   /* [2, n, d], VICReg's of the first alone */
} answer;

static void check(bool ok, const kd_error *err) {
    if (!ok) {
        fprintf(stderr, "%s\n%s\n", err->message, err->hint);
        exit(1);
    }
}

static kd_tensor *total(const setting *s, kd_tensor *a, kd_tensor *b, double scale) {
    kd_tensor *left = kd_scale(kd_matmul_with(a, s->rows ? a : b, !s->rows, s->rows), scale);
    kd_tensor *right =
        !s->rows || a == b ? left : kd_scale(kd_matmul_with(b, b, false, true), scale);
    return kd_sum(kd_mul(left, right));
}

static kd_tensor *centred(kd_tensor *z) {
    const int64_t rows = 0;
    return kd_sub(z, kd_scale(kd_sum_axes(z, &rows, 1, true), 1 / (double)kd_dim(z, 0)));
}

static kd_tensor *column_sums(kd_tensor *a, kd_tensor *b, double scale) {
    const int64_t rows = 0;
    return kd_scale(kd_sum_axes(kd_mul(a, b), &rows, 1, false), scale);
}

/* The term as the methods write it. */
static kd_tensor *term(const setting *s, kd_tensor *const *z, kd_tensor **ret_taken) {
    const double n = (double)s->n, scale = 1 / (s->twins ? n : n - 1);
    kd_tensor *of[2];
    for (int i = 0; i < 2; i++) {
        of[i] = centred(z[s->twins ? i : 0]);
        kd_tensor *deviation = kd_sqrt(column_sums(of[i], of[i], 1 / n));
        of[i] = s->twins ? kd_div(of[i], deviation) : of[0];
    }
    kd_tensor *own = column_sums(of[0], of[1], scale);
    *ret_taken = kd_sum(kd_mul(own, own));
    return kd_sub(total(s, of[0], of[1], scale), *ret_taken);
}

static void load(engine *e, int32_t real, const char *name, const double *values, int64_t count) {
    kd_error err = KD_ERROR_INIT;
    const size_t width = real == KD_F64 ? sizeof(double) : sizeof(float);
    void *data = malloc((size_t)count * width);
    for (int64_t i = 0; i < count; i++) {
        number_put(data, real, i, values[i]);
    }
    const int v = engine_find_variable(e, name);
    check(engine_write_variable(e, v, data, (size_t)count * width, &err), &err);
    free(data);
}

static void read_gradient(kd_program *p, const setting *s, const char *name, double *ret) {
    kd_error err = KD_ERROR_INIT;
    const int64_t count = s->n * s->d;
    const size_t bytes = (size_t)count * (s->real == KD_F64 ? sizeof(double) : sizeof(float));
    void *data = malloc(bytes);
    check(program_read(p, name, data, bytes, &err), &err);
    for (int64_t i = 0; i < count; i++) {
        ret[i] = number_get(data, s->real, i);
    }
    free(data);
}

static const char *const names[] = {"z0", "z1"}, *const gradients[] = {"d0", "d1"};

static graph *build(const setting *s, uint32_t views) {
    graph *g = graph_create(&(graph_options){.real = s->real});
    kd_scope root = graph_root(g);
    const kd_spec spec = {.rank = 2, .dim = {s->n, s->d}};
    kd_tensor *z[2], *d[2], *taken;
    for (uint32_t i = 0; i < views; i++) {
        z[i] = kd_param(root, names[i], spec, (kd_init){0});
    }
    kd_tensor *loss = term(s, z, &taken);
    root->api->gradients(loss, z, views, d);
    kd_output(root, "loss", loss);
    kd_output(root, "taken", taken);
    for (uint32_t i = 0; i < views; i++) {
        kd_output(root, gradients[i], d[i]);
    }
    return g;
}

static answer run(const setting *s) {
    kd_error err = KD_ERROR_INIT;
    const uint32_t views = s->twins ? 2 : 1;
    const int64_t count = s->n * s->d;
    kd_program *p;
    engine *e = engine_create(s->device->table, s->device->handle, 1);
    check(engine_compile(e, build(s, views), "term", &p, &err) && engine_allocate(e, &err), &err);
    answer a = {.gradient = calloc((size_t)(2 * count), sizeof(double))};
    for (uint32_t i = 0; i < views; i++) {
        load(e, s->real, names[i], s->z[i], count);
    }
    check(program_run(p, &err) && program_read_scalar(p, "loss", &a.loss, &err) &&
              program_read_scalar(p, "taken", &a.taken, &err),
          &err);
    for (uint32_t i = 0; i < views; i++) {
        read_gradient(p, s, gradients[i], a.gradient + (int64_t)i * count);
    }
    engine_destroy(e);
    return a;
}

static double normal(uint64_t *state) {
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(*state >> 33) / 2147483648.0;
    }
    return sum;
}

/* Of rank `rank`, with noise. */
static void few(double *z, int64_t n, int64_t d, int rank, double noise) {
    uint64_t state = 1;
    double *basis = malloc((size_t)(rank * d) * sizeof *basis);
    for (int64_t i = 0; i < rank * d; i++) {
        basis[i] = normal(&state) / sqrt(rank);
    }
    for (int64_t r = 0; r < n; r++) {
        for (int64_t c = 0; c < d; c++) {
            z[r * d + c] = noise * normal(&state);
        }
        for (int k = 0; k < rank; k++) {
            const double weight = normal(&state);
            for (int64_t c = 0; c < d; c++) {
                z[r * d + c] += weight * basis[k * d + c];
            }
        }
    }
    free(basis);
}

static void collapsed(double *z, int64_t n, int64_t d) {
    few(z, n, d, 1, 1e-3);
}

static void of_rank_8(double *z, int64_t n, int64_t d) {
    few(z, n, d, 8, 0);
}

static void independent(double *z, int64_t n, int64_t d) {
    few(z, n, d, 1, 1e6); /* the rank is lost in the noise */
    for (int64_t i = 0; i < n * d; i++) {
        z[i] *= 1e-6;
    }
}

/* As independent as n rows can be: centred, all singular values alike. */
static void white(double *z, int64_t n, int64_t d) {
    double *q = malloc((size_t)(n * d) * sizeof *q);
    independent(q, n, d);
    for (int64_t r = 0; r < n; r++) {
        for (int64_t k = 0; k <= r; k++) { /* k == r: the row's own length */
            double dot = 0;
            for (int64_t c = 0; c < d; c++) {
                dot += q[r * d + c] * q[k * d + c];
            }
            for (int64_t c = 0; c < d; c++) {
                q[r * d + c] =
                    k == r ? q[r * d + c] / sqrt(dot) : q[r * d + c] - dot * q[k * d + c];
            }
        }
    }
    /* Helmert's matrix, without its row of ones, times q. */
    memset(z, 0, (size_t)(n * d) * sizeof *z);
    for (int64_t k = 1; k < n; k++) {
        const double length = sqrt((double)(k * (k + 1)) / (double)n);
        for (int64_t r = 0; r <= k; r++) {
            for (int64_t c = 0; c < d; c++) {
                z[r * d + c] += (r == k ? -(double)k : 1) / length * q[k * d + c];
            }
        }
    }
    free(q);
}

/* One feature of deviation 1 in small independent ones: VICReg's worst. */
static void uneven(double *z, int64_t n, int64_t d) {
    independent(z, n, d);
    for (int64_t i = 0; i < n * d; i++) {
        z[i] *= i % d ? 0.01 : 1;
    }
}

static double distance(const double *a, const double *b, int64_t count) {
    double apart = 0, whole = 0;
    for (int64_t i = 0; i < count; i++) {
        apart += (a[i] - b[i]) * (a[i] - b[i]);
        whole += b[i] * b[i];
    }
    return sqrt(apart / whole);
}

/* The cells of one term: off, then loss and gradient by columns, and by rows. */
static void measure(const check_device *exact, setting s) {
    setting truth = s;
    truth.device = exact;
    truth.real = KD_F64;
    const answer want = run(&truth);
    printf(" %.1e |", want.loss / want.taken);
    for (int rows = 0; rows < 2; rows++) {
        s.rows = rows;
        const answer got = run(&s);
        printf(" %.0e, %.0e |", fabs(got.loss / want.loss - 1),
               distance(got.gradient, want.gradient, 2 * s.n * s.d));
        free(got.gradient);
    }
    free(want.gradient);
}

static const struct {
    const char *name;
    void (*make)(double *z, int64_t n, int64_t d);
} kinds[] = {{"collapsed", collapsed},
             {"rank 8", of_rank_8},
             {"independent", independent},
             {"white", white},
             {"uneven", uneven}};

static void print_row(const check_device *devices, int kind, int64_t n, int64_t d) {
    double *z = malloc((size_t)(2 * n * d) * sizeof *z), *twin = z + n * d;
    uint64_t state = 2;
    kinds[kind].make(z, n, d);
    for (int64_t i = 0; i < n * d; i++) {
        twin[i] = z[i] + 0.3 * (kinds[kind].make == uneven && i % d ? 0.01 : 1) * normal(&state);
    }
    setting s = {.device = &devices[1], .real = KD_F32, .n = n, .d = d, .z = {z, twin}};
    printf("| %s | %lld |", kinds[kind].name, (long long)n);
    measure(&devices[0], s);
    s.twins = true;
    measure(&devices[0], s);
    printf("\n");
    fflush(stdout);
    free(z);
}

static void print_table(const check_device *devices, int64_t d) {
    printf("| features | n | VICReg: off | by columns | by rows | Barlow Twins: off | by columns "
           "| by rows |\n|---|---|---|---|---|---|---|---|\n");
    for (int kind = 0; kind < (int)(sizeof kinds / sizeof *kinds); kind++) {
        for (int64_t n = d / 32; n <= d; n *= 2) {
            print_row(devices, kind, n, d);
        }
    }
}

int main(int argc, char **argv) {
    kd_error err = KD_ERROR_INIT;
    const int64_t d = argc > 3 ? atoll(argv[3]) : 512;
    if (argc < 2 || d < 128) {
        fprintf(stderr, "usage: squared_frobenius FOLDER_OF_DEVICES [device [d, from 128]]\n");
        return 2;
    }
    const char *folder = argv[1], *names_of[] = {"reference", argc > 2 ? argv[2] : "cpu"};
    const plugin_search search = {.folders = &folder, .n_folders = 1, .no_user_plugins = true};
    registry *plugins = registry_open(&search, &err);
    check(plugins != NULL, &err);
    check_device devices[2];
    for (int i = 0; i < 2; i++) {
        check(opened_open(plugins, &(device_choice){.name = names_of[i]}, &devices[i], &err), &err);
    }
    print_table(devices, d);
    opened_close(&devices[1]);
    opened_close(&devices[0]);
    registry_close(plugins);
    return 0;
}

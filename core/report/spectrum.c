/* SPDX-License-Identifier: Apache-2.0
 * Through the smaller of the two Gram matrices, and LAPACK. */
#include "report/spectrum.h"

#include "base/arena.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

typedef struct work {
    int64_t rows, width, side; /* side: of the Gram matrix */
    bool by_rows;              /* the matrix is of rows with rows */
    double *z;                 /* [rows, width] features, then less their mean */
    double *gram;              /* [side, side] */
    double *values;            /* [side] ascending */
    double *vectors;           /* [side, 2] */
    lapack_int *support;
} work;

static bool copy(work *w, const float *features, kd_error *err) {
    for (int64_t i = 0; i < w->rows * w->width; i++) {
        if (!isfinite(features[i])) {
            return kd_fail(err, KD_E_DATA, "the encoder's features are not finite");
        }
        w->z[i] = (double)features[i];
    }
    return true;
}

static double dot(const double *a, const double *b, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Only the upper half, which is all that LAPACK reads. */
static void fill_gram(work *w) {
    memset(w->gram, 0, sizeof *w->gram * (size_t)(w->side * w->side));
    for (int64_t r = 0; r < w->rows; r++) {
        const double *z = w->z + r * w->width;
        for (int64_t i = 0; i < w->width && !w->by_rows; i++) {
            for (int64_t k = i; k < w->width && z[i] != 0; k++) {
                w->gram[i * w->side + k] += z[i] * z[k];
            }
        }
        for (int64_t k = r; k < w->rows && w->by_rows; k++) {
            w->gram[r * w->side + k] = dot(z, w->z + k * w->width, w->width);
        }
    }
}

/* Eigenvalues, or of the two largest with their vectors. */
static bool solve(work *w, bool vectors, kd_error *err) {
    const lapack_int n = (lapack_int)w->side, from = n > 1 ? n - 1 : 1;
    lapack_int found = 0;
    const lapack_int status = LAPACKE_dsyevr(
        LAPACK_ROW_MAJOR, vectors ? 'V' : 'N', vectors ? 'I' : 'A', 'U', n, w->gram, n, 0, 0, from,
        n, 0, &found, w->values, w->vectors, n > 1 ? 2 : 1, w->support);
    return status == 0 || kd_fail(err, KD_E_INTERNAL, "LAPACK: dsyevr returns %d", (int)status);
}

static void take_rank(const work *w, spectrum *s) {
    double sum = 0, entropy = 0;
    for (int64_t i = 0; i < w->side; i++) {
        const double value = w->values[w->side - 1 - i];
        s->singular[i] = value > 0 ? sqrt(value) : 0;
        sum += s->singular[i];
    }
    for (int64_t i = 0; i < w->side; i++) {
        const double p = sum > 0 ? s->singular[i] / sum : 0;
        entropy -= p > 0 ? p * log(p) : 0;
    }
    s->rank = exp(entropy);
}

/* Of unit rows. */
static double take_spread(const work *w) {
    const double rows = (double)w->rows;
    double spread = 0;
    for (int64_t i = 0; i < w->width; i++) {
        double mean = 0, square = 0;
        for (int64_t r = 0; r < w->rows; r++) {
            const double z = w->z[r * w->width + i];
            mean += z / rows;
            square += z * z / rows;
        }
        spread += square > mean * mean ? sqrt(square - mean * mean) : 0;
    }
    return spread / sqrt((double)w->width);
}

/* Brings every row to length 1; one of zeros stays. */
static void normalise(work *w) {
    for (int64_t r = 0; r < w->rows; r++) {
        double *z = w->z + r * w->width, length = sqrt(dot(z, z, w->width));
        for (int64_t i = 0; i < w->width && length > 0; i++) {
            z[i] /= length;
        }
    }
}

static double centre(work *w) {
    double total = 0;
    for (int64_t i = 0; i < w->width; i++) {
        double mean = 0;
        for (int64_t r = 0; r < w->rows; r++) {
            mean += w->z[r * w->width + i] / (double)w->rows;
        }
        for (int64_t r = 0; r < w->rows; r++) {
            w->z[r * w->width + i] -= mean;
            total += w->z[r * w->width + i] * w->z[r * w->width + i];
        }
    }
    return total;
}

/* One axis of the map; its farthest point lies on the positive side, since signs are arbitrary. */
static void take_axis(const work *w, int axis, double total, spectrum *s) {
    const int columns = w->side > 1 ? 2 : 1, column = columns - 1 - axis;
    if (column < 0) {
        return;
    }
    const double value = w->values[column] > 0 ? w->values[column] : 0;
    double farthest = 0;
    s->share[axis] = total > 0 ? value / total : 0;
    for (int64_t r = 0; r < w->rows; r++) {
        double place = 0;
        if (w->by_rows) {
            place = w->vectors[r * columns + column] * sqrt(value);
        }
        for (int64_t i = 0; i < w->width && !w->by_rows; i++) {
            place += w->z[r * w->width + i] * w->vectors[i * columns + column];
        }
        s->map[2 * r + axis] = (float)place;
        farthest = fabs(place) > fabs(farthest) ? place : farthest;
    }
    for (int64_t r = 0; r < w->rows && farthest < 0; r++) {
        s->map[2 * r + axis] = -s->map[2 * r + axis];
    }
}

static bool compute(work *w, const float *features, spectrum *s, kd_error *err) {
    if (!copy(w, features, err)) {
        return false;
    }
    fill_gram(w);
    if (!solve(w, false, err)) {
        return false;
    }
    take_rank(w, s);
    normalise(w);
    s->spread = take_spread(w);
    const double total = centre(w);
    fill_gram(w);
    if (!solve(w, true, err)) {
        return false;
    }
    take_axis(w, 0, total, s);
    take_axis(w, 1, total, s);
    return true;
}

bool spectrum_of(const float *features, int64_t rows, int64_t width, spectrum *ret, kd_error *err) {
    if (rows < 2 || rows > SPECTRUM_ROWS || width < 1) {
        return kd_fail(err, KD_E_INVALID, "%lld features of width %lld: 2 to %d are wanted",
                       (long long)rows, (long long)width, SPECTRUM_ROWS);
    }
    const int64_t side = rows < width ? rows : width;
    work w = {.rows = rows, .width = width, .side = side, .by_rows = rows < width};
    w.z = kd_alloc(sizeof *w.z * (size_t)(rows * width));
    w.gram = kd_alloc(sizeof *w.gram * (size_t)(side * side));
    w.values = kd_alloc(sizeof *w.values * (size_t)side);
    w.vectors = kd_alloc(sizeof *w.vectors * (size_t)(2 * side));
    w.support = kd_alloc(sizeof *w.support * (size_t)(2 * side));
    spectrum s = {.rows = rows, .width = width, .most = side};
    s.singular = kd_alloc(sizeof *s.singular * (size_t)side);
    s.map = kd_alloc(sizeof *s.map * (size_t)(2 * rows));
    const bool ok = compute(&w, features, &s, err);
    free(w.z);
    free(w.gram);
    free(w.values);
    free(w.vectors);
    free(w.support);
    if (!ok) {
        spectrum_free(&s);
        return false;
    }
    *ret = s;
    return true;
}

void spectrum_free(spectrum *s) {
    free(s->singular);
    free(s->map);
    *s = (spectrum){0};
}

/* Ours, and rough; the report says where they lie. */
collapse spectrum_collapse(const spectrum *s) {
    if (s->spread < 0.02 || s->rank < 1.1) {
        return COLLAPSE_FULL;
    }
    return s->spread < 0.1 || s->rank < 0.1 * (double)s->most ? COLLAPSE_SOME : COLLAPSE_NONE;
}

/* SPDX-License-Identifier: Apache-2.0
 * All sums are over base images and linear in them, so that leaving one out takes a subtraction. */
#include "sensitivity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void measure_finish(measure *m) {
    free(m->base_of);
    free(m->length);
    free(m->moved);
    free(m->count);
    free(m->far);
    free(m->others);
}

static double unit(const measure *m, int64_t row, int64_t k) {
    return m->length[row] > 0 ? (double)m->set->features[row * m->set->width + k] / m->length[row]
                              : 0;
}

/* 1 - cosine, as half the squared distance of unit vectors: exactly 0 for equal features. */
static double distance(const measure *m, int64_t a, int64_t b) {
    double sum = 0;
    for (int64_t k = 0; k < m->set->width; k++) {
        const double d = unit(m, a, k) - unit(m, b, k);
        sum += d * d;
    }
    return sum / 2;
}

/* Numbers the rows that some row is a variant of. */
static void find_bases(measure *m) {
    for (int64_t i = 0; i < m->set->rows; i++) {
        m->base_of[i] = -1;
    }
    for (int64_t i = 0; i < m->set->rows; i++) {
        const int64_t base = m->variants->base[i];
        if (base >= 0 && m->base_of[base] < 0) {
            m->base_of[base] = m->bases++;
        }
    }
}

static bool allocate(measure *m, kd_error *err) {
    const size_t rows = (size_t)m->set->rows, factors = (size_t)m->variants->factors;
    m->base_of = calloc(rows + 1, sizeof *m->base_of);
    m->length = calloc(rows + 1, sizeof *m->length);
    m->moved = calloc(factors * rows + 1, sizeof *m->moved);
    m->count = calloc(factors * rows + 1, sizeof *m->count);
    m->far = calloc(rows + 1, sizeof *m->far);
    m->others = calloc(rows + 1, sizeof *m->others);
    return (m->base_of && m->length && m->moved && m->count && m->far && m->others) ||
           kd_fail(err, KD_E_MEMORY, "out of host memory");
}

static bool take_lengths(measure *m, kd_error *err) {
    const int64_t width = m->set->width;
    for (int64_t i = 0; i < m->set->rows; i++) {
        double square = 0;
        for (int64_t k = 0; k < width; k++) {
            const double x = (double)m->set->features[i * width + k];
            square += x * x;
        }
        if (!isfinite(square)) {
            return kd_fail(err, KD_E_DATA, "invariance: features are not finite");
        }
        m->length[i] = sqrt(square);
    }
    return true;
}

static void take_moves(measure *m) {
    for (int64_t i = 0; i < m->set->rows; i++) {
        const int64_t base = m->variants->base[i];
        if (base >= 0) {
            const int64_t at = m->variants->factor[i] * m->bases + m->base_of[base];
            m->moved[at] += (distance(m, i, base) - m->moved[at]) / ++m->count[at];
        }
    }
}

/* Of the bases of one kind, or of all. A base without a label is a kind of its own, whose total is
 * itself. */
typedef struct total {
    double *vector; /* [width] sum of unit vectors */
    double square, count;
} total;

static void add_up(const measure *m, total *of, int64_t row) {
    for (int64_t k = 0; k < m->set->width; k++) {
        const double u = unit(m, row, k);
        of->vector[k] += u;
        of->square += u * u;
    }
    of->count++;
}

static void begin_own(const measure *m, total *own, int64_t row) {
    memset(own->vector, 0, sizeof *own->vector * (size_t)m->set->width);
    own->square = own->count = 0;
    add_up(m, own, row);
}

/* The sum of (|u|^2 + |v|^2) / 2 - u v over the bases v of other kinds. */
static void take_far(measure *m, int64_t row, const total *kind, const total *all) {
    const double others = all->count - kind->count;
    double square = 0, product = 0;
    for (int64_t k = 0; k < m->set->width; k++) {
        const double u = unit(m, row, k);
        square += u * u;
        product += u * (all->vector[k] - kind->vector[k]);
    }
    m->others[m->base_of[row]] = (int64_t)others;
    m->far[m->base_of[row]] = (others * square + all->square - kind->square) / 2 - product;
}

/* of [classes + 2]: each kind's, all bases', and one for a base that is a kind of its own */
static void add_far(measure *m, total *of, int32_t classes) {
    total *all = &of[classes], *own = &of[classes + 1];
    const int32_t *label = m->set->labels;
    for (int64_t i = 0; i < m->set->rows; i++) {
        if (m->base_of[i] >= 0) {
            add_up(m, all, i);
            if (label[i] >= 0) {
                add_up(m, &of[label[i]], i);
            }
        }
    }
    for (int64_t i = 0; i < m->set->rows; i++) {
        if (m->base_of[i] >= 0 && label[i] < 0) {
            begin_own(m, own, i);
        }
        if (m->base_of[i] >= 0) {
            take_far(m, i, label[i] < 0 ? own : &of[label[i]], all);
        }
    }
}

static bool take_all_far(measure *m, int32_t classes, kd_error *err) {
    const size_t width = (size_t)m->set->width, totals = (size_t)classes + 2;
    total *of = calloc(totals, sizeof *of);
    double *vectors = calloc(totals * width, sizeof *vectors);
    const bool enough = of && vectors;
    for (size_t i = 0; enough && i < totals; i++) {
        of[i].vector = vectors + i * width;
    }
    if (enough) {
        add_far(m, of, classes);
    }
    free(of);
    free(vectors);
    return enough || kd_fail(err, KD_E_MEMORY, "out of host memory");
}

static void take_sums(measure *m) {
    for (int64_t b = 0; b < m->bases; b++) {
        m->far_sum += m->far[b] / 2; /* each pair is in the sums of both */
        m->pairs += (double)m->others[b] / 2;
    }
    for (int64_t i = 0; i < m->variants->factors * m->bases; i++) {
        m->moved_sum[i / m->bases] += m->moved[i];
        m->moved_bases[i / m->bases] += m->count[i] > 0;
    }
}

bool measure_make(measure *ret, const kd_feature_set *set, const kd_variants *variants,
                  int32_t classes, kd_error *err) {
    measure *m = ret;
    *m = (measure){.set = set, .variants = variants};
    if (!allocate(m, err) || !take_lengths(m, err)) {
        return false;
    }
    find_bases(m);
    take_moves(m);
    if (!take_all_far(m, classes, err)) {
        return false;
    }
    take_sums(m);
    return m->pairs > 0 ||
           kd_fail(err, KD_E_INVALID, "invariance: all images that are varied are of one kind");
}

double sensitivity(const measure *m, const factor_list *to, int64_t without) {
    const bool all = without < 0;
    const double far = m->far_sum - (all ? 0 : m->far[without]);
    const double pairs = m->pairs - (all ? 0 : (double)m->others[without]);
    double mean = 0;
    for (int32_t i = 0; i < to->count; i++) {
        const int32_t f = to->factor[i];
        const int64_t at = f * m->bases + without;
        const double sum = m->moved_sum[f] - (all ? 0 : m->moved[at]);
        const double bases = m->moved_bases[f] - (all ? 0 : m->count[at] > 0);
        mean += sum / bases / to->count;
    }
    return mean / (far / pairs);
}

double half_interval(const measure *m, const factor_list *to) {
    double mean = 0, square = 0;
    const double n = (double)m->bases;
    for (int64_t b = 0; b < m->bases; b++) {
        const double r = sensitivity(m, to, b), d = r - mean;
        mean += d / (double)(b + 1);
        square += d * (r - mean);
    }
    return 1.96 * sqrt((n - 1) / n * square);
}

/* SPDX-License-Identifier: Apache-2.0
 * my_plugin, an eval: how many test images lie closest to the mean of their own class? Change
 * `run`: it gets the frozen features of two splits and gives numbers.
 *
 * source  the nearest class mean of Mensink et al. 2013, https://doi.org/10.1109/TPAMI.2013.83, by
 *         cosine similarity
 */
#include <kindred/eval.h>
#include <stdlib.h>

struct my_plugin {
    bool center;
};

KD_PLUGIN(EVAL, "org.example.my_plugin", "0.1.0", struct my_plugin,
          "accuracy of nearest class mean", "https://doi.org/10.1109/TPAMI.2013.83")
KD_BOOL(struct my_plugin, center, true, "take the mean of all training features away first")

typedef struct means {
    int64_t width;
    int32_t classes;
    double *total; /* [width]: the mean of all, or zeros */
    double *mean;  /* [classes, width] */
} means;

static bool learn(const struct my_plugin *self, const kd_feature_set *train, means *m,
                  kd_error *err) {
    const size_t width = (size_t)m->width;
    double *rows = calloc((size_t)m->classes + 1, sizeof *rows);
    m->total = calloc(width, sizeof *m->total);
    m->mean = calloc((size_t)m->classes * width, sizeof *m->mean);
    if (!rows || !m->total || !m->mean) {
        free(rows);
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    for (int64_t i = 0; i < train->rows; i++) {
        const float *x = train->features + i * m->width;
        double *mean = m->mean + train->labels[i] * m->width;
        rows[train->labels[i]]++;
        for (int64_t k = 0; k < m->width; k++) {
            mean[k] += (double)x[k];
            m->total[k] += self->center ? (double)x[k] / (double)train->rows : 0;
        }
    }
    for (int32_t c = 0; c < m->classes; c++) {
        for (int64_t k = 0; k < m->width && rows[c] > 0; k++) {
            m->mean[c * m->width + k] = m->mean[c * m->width + k] / rows[c] - m->total[k];
        }
    }
    free(rows);
    return true;
}

/* The class whose mean has the greatest dot product with x for its length; of equals the first. */
static int32_t nearest(const means *m, const float *x) {
    double best = 0;
    int32_t ret = -1;
    for (int32_t c = 0; c < m->classes; c++) {
        double dot = 0, square = 0;
        for (int64_t k = 0; k < m->width; k++) {
            const double mean = m->mean[c * m->width + k];
            dot += ((double)x[k] - m->total[k]) * mean;
            square += mean * mean;
        }
        /* dot / |mean|, squared with its sign, so that no root is needed */
        const double close = square > 0 ? dot * (dot < 0 ? -dot : dot) / square : 0;
        if (ret < 0 || close > best) {
            best = close;
            ret = c;
        }
    }
    return ret;
}

static bool measure(const means *m, const kd_eval_input *in, double *ret, kd_error *err) {
    int64_t right = 0;
    for (int64_t i = 0; i < in->test.rows; i++) {
        if (i % 256 == 0 && in->cancelled(in)) {
            return kd_fail(err, KD_E_CANCELLED, "stopped");
        }
        right += nearest(m, in->test.features + i * m->width) == in->test.labels[i];
    }
    *ret = in->test.rows > 0 ? (double)right / (double)in->test.rows : 0;
    return true;
}

static bool run(const void *config, const kd_eval_input *in, kd_eval_output *out, kd_error *err) {
    const struct my_plugin *self = config;
    means m = {.width = in->train.width, .classes = in->classes};
    double accuracy = 0;
    const bool ok = learn(self, &in->train, &m, err) && measure(&m, in, &accuracy, err);
    free(m.total);
    free(m.mean);
    if (!ok) {
        return false;
    }
    kd_eval_result *r = &out->results[0];
    snprintf(r->name, sizeof r->name, "accuracy");
    snprintf(r->protocol, sizeof r->protocol, "nearest class mean, cosine, %s, %lld training rows",
             self->center ? "centred" : "not centred", (long long)in->train.rows);
    r->value = accuracy;
    out->n_results = 1;
    return true;
}

KD_EVAL(.run = run)

/* SPDX-License-Identifier: Apache-2.0
 * How far features move when one factor of an image changes and its kind does not.
 *
 * The test set has base images and variants of them, in each of which one factor alone is another.
 * The sensitivity to a factor is
 *
 *     mean distance between a base and its variants / mean distance between bases of other kinds
 *
 * with the cosine distance, so it is 0 where features ignore the factor and 1 where the factor
 * moves them as far as another kind would. In a set without labels each base is a kind of its own.
 * The quotient makes encoders comparable whose features
 * all lie in a narrow cone, where every cosine is near 1. Intervals are by the jackknife over base
 * images, which are drawn independently of each other while the variants of one are not.
 *
 * source  to compare features of an image with those of its change, as Ericsson et al. 2021,
 *         https://arxiv.org/abs/2111.11398; the denominator is ours
 */
#include "sensitivity.h"

struct invariance {
    const char *factors;
};

KD_PLUGIN(EVAL, "invariance", "1.0.0", struct invariance,
          "how far features move when one factor changes: 0 not at all, 1 as by another kind",
          "https://arxiv.org/abs/2111.11398")
KD_TEXT(struct invariance, factors, "background, lighting, occlusion, style",
        "the headline is the mean over these; the set's other factors are reported beside it")

static bool has_length(const char *name, const char *text, size_t length) {
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

static bool find_factor(const kd_variants *v, const char *name, size_t length, int32_t *ret,
                        kd_error *err) {
    char all[256] = "";
    for (int32_t f = 0; f < v->factors; f++) {
        if (has_length(v->factor_name[f], name, length)) {
            *ret = f;
            return true;
        }
        const size_t end = strlen(all);
        snprintf(all + end, sizeof all - end, "%s%s", f ? ", " : "", v->factor_name[f]);
    }
    kd_fail(err, KD_E_INVALID, "invariance: the test data has no variants of '%.*s'", (int)length,
            name);
    return kd_hint(err, "set factors to some of: %s", all);
}

/* "a, b" */
static bool parse_factors(const char *text, const kd_variants *v, factor_list *ret, kd_error *err) {
    static const char *const apart = ", ";
    ret->count = 0;
    for (text += strspn(text, apart); *text; text += strspn(text, apart)) {
        const size_t length = strcspn(text, apart);
        int32_t f = -1;
        if (!find_factor(v, text, length, &f, err)) {
            return false;
        }
        for (int32_t i = 0; i < ret->count; i++) {
            if (ret->factor[i] == f) {
                return kd_fail(err, KD_E_INVALID, "invariance: factors names '%s' twice",
                               v->factor_name[f]);
            }
        }
        if (ret->count == MAX_NAMED) {
            return kd_fail(err, KD_E_INVALID, "invariance: more than %d factors", MAX_NAMED);
        }
        ret->factor[ret->count++] = f;
        text += length;
    }
    return ret->count > 0 || kd_fail(err, KD_E_INVALID, "invariance: factors is empty");
}

/* One factor, or the mean over those of the headline. */
static void report(kd_eval_output *out, const measure *m, const factor_list *to, bool headline) {
    kd_eval_result *r = &out->results[out->n_results++];
    const char *first = m->variants->factor_name[to->factor[0]];
    const double half = half_interval(m, to);
    const bool labelled = m->set->labels[0] >= 0;
    char names[160] = "";
    for (int32_t i = 0; i < to->count; i++) {
        const size_t end = strlen(names);
        snprintf(names + end, sizeof names - end, "%s%s", i ? ", " : "",
                 m->variants->factor_name[to->factor[i]]);
    }
    r->value = sensitivity(m, to, -1);
    snprintf(r->name, sizeof r->name, "sensitivity%s%s", headline ? "" : "_",
             headline ? "" : first);
    snprintf(r->protocol, sizeof r->protocol,
             "mean cosine distance of features of an image and of a variant in which one factor is "
             "another (%s%s), over that of %s: 0 the same, 1 as another "
             "%s; 95 %% interval %.4f to %.4f, jackknife over %lld images",
             headline ? "mean over " : "", names,
             labelled ? "images of different kinds" : "different images (they have no labels)",
             labelled ? "kind" : "image", r->value - half, r->value + half, (long long)m->bases);
}

static void report_all(kd_eval_output *out, const measure *m, const factor_list *headline) {
    factor_list order = *headline;
    bool named[MAX_NAMED] = {false};
    report(out, m, headline, true);
    for (int32_t i = 0; i < headline->count; i++) {
        named[headline->factor[i]] = true;
    }
    for (int32_t f = 0; f < m->variants->factors; f++) {
        if (!named[f] && m->moved_bases[f] >= 2) {
            order.factor[order.count++] = f;
        }
    }
    for (int32_t i = 0; i < order.count; i++) {
        report(out, m, &(factor_list){.factor = {order.factor[i]}, .count = 1}, false);
    }
}

static bool check_input(const kd_eval_input *in, kd_error *err) {
    const kd_variants *v = kd_test_variants(in);
    if (in->size < KD_END(kd_eval_input, test_variants)) {
        return kd_fail(err, KD_E_UNSUPPORTED, "invariance: this host knows no variants");
    }
    if (!v) {
        kd_fail(err, KD_E_INVALID, "invariance: the test data has no variants of its images");
        return kd_hint(err, "for example test: {plugin: synthetic, variants: true}");
    }
    return v->factors <= MAX_NAMED ||
           kd_fail(err, KD_E_INVALID, "invariance: variants of %d factors; at most %d are reported",
                   v->factors, MAX_NAMED);
}

static bool check_headline(const measure *m, const factor_list *headline, kd_error *err) {
    for (int32_t i = 0; i < headline->count; i++) {
        const int32_t f = headline->factor[i];
        if (m->moved_bases[f] < 2) {
            return kd_fail(err, KD_E_INVALID, "invariance: fewer than two images are varied in %s",
                           m->variants->factor_name[f]);
        }
    }
    return true;
}

static bool run(const void *config, const kd_eval_input *in, kd_eval_output *out, kd_error *err) {
    const struct invariance *self = config;
    const kd_variants *variants = kd_test_variants(in);
    factor_list headline;
    if (!check_input(in, err) || !parse_factors(self->factors, variants, &headline, err)) {
        return false;
    }
    measure m;
    const bool done = measure_make(&m, &in->test, variants, in->classes, err) &&
                      check_headline(&m, &headline, err);
    if (done) {
        report_all(out, &m, &headline);
    }
    measure_finish(&m);
    return done;
}

KD_EVAL(.flags = KD_EVAL_LOWER_IS_BETTER | KD_EVAL_TEST_ALONE | KD_EVAL_UNLABELLED, .run = run)

/* SPDX-License-Identifier: Apache-2.0
 * `kindred pairs mine`: a pair set out of an encoder's features. */
#include "cli/cli_pairs.h"
#include "cli/opened_run.h"

#include "train/extraction.h"
#include "train/mining.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static bool read_cosine(const char *name, const char *text, double *ret, kd_error *err) {
    if (!text) {
        return true;
    }
    char *end;
    *ret = strtod(text, &end);
    return (*text && !*end && fabs(*ret) <= 1) ||
           kd_fail(err, E_USAGE, "--%s %s: not a cosine, from -1 to 1", name, text);
}

static bool read_options(const command_line *in, mining_options *o, kd_error *err) {
    int64_t k = 1;
    *o = (mining_options){.min_similarity = -1, .max_similarity = INFINITY, .per_image = 1};
    if (!in->encoder) {
        kd_fail(err, E_USAGE, "pairs mine: --encoder RUN_DIR is missing");
        return kd_hint(err, "kindred pairs mine --help");
    }
    if (!pairs_check_words(in, "pairs mine", err) || !manifest_check_name(in->to, NULL, err) ||
        !pairs_read_number("k", in->k, 1, &k, err) ||
        !pairs_read_number("per-image", in->per_image, 1, &o->per_image, err)) {
        return false;
    }
    if (k > 1000) {
        return kd_fail(err, E_USAGE, "--k %s: more than 1000", in->k);
    }
    o->k = (int32_t)k;
    return read_cosine("min-similarity", in->min_similarity, &o->min_similarity, err) &&
           read_cosine("max-similarity", in->max_similarity, &o->max_similarity, err);
}

/* Rows of features are the dataset's samples, but for those that were left out as broken. */
static void list_pairs(const mined_pairs *mined, const features *f, const listing *l,
                       manifest *ret) {
    for (int64_t i = 0; i < mined->count; i++) {
        const mined_pair *p = &mined->pair[i];
        manifest_add(ret, (manifest_row){.image = {listing_reference(l, f->sample[p->row[0]]),
                                                   listing_reference(l, f->sample[p->row[1]])},
                                         .label = -1,
                                         .similarity = (double)p->similarity});
    }
}

static void print_found(const command_line *in, const opened_run *o, const mined_pairs *mined,
                        const features *f) {
    printf("%s: %" PRId64 " pairs of %" PRId64 " images, of %" PRId64
           " mutual neighbours, by %" PRId64 " features of step %" PRId64 "\n",
           in->to, mined->count, f->rows, mined->mutual, f->width, o->step);
    printf("similarity: %.3f to %.3f\n", (double)mined->pair[0].similarity,
           (double)mined->pair[mined->count - 1].similarity);
    mined_precision p;
    if (mined_measure(mined, f->label, f->rows, &p)) {
        printf("of one class: %" PRId64 " of %" PRId64 ", %.1f %% (95 %%: %.1f to %.1f %%); by "
               "chance %.1f %%\n",
               p.same, p.labelled, 100 * p.share, 100 * p.low, 100 * p.high, 100 * p.chance);
        if (p.independent < (double)p.labelled) {
            printf("pairs share images: the interval is that of %.1f pairs that do not\n",
                   p.independent);
        }
    }
}

static bool mine(const command_line *in, const mining_options *options, opened_run *o,
                 const listing *l, kd_error *err) {
    features f = {0};
    mined_pairs mined = {0};
    manifest pairs = {0};
    assembly *a = &o->assembly;
    bool ok = features_take(a, &a->features, a->extra_data, false, "pairs", &f, err) &&
              mine_pairs(a, f.value, f.rows, f.width, options, &mined, err);
    progress_break(&a->progress);
    if (ok && !mined.count) {
        ok = kd_fail(err, KD_E_INVALID,
                     "no pair: of %" PRId64 " mutual neighbours none is as alike as asked for",
                     mined.mutual);
        kd_hint(err, "change --min-similarity and --max-similarity, or raise --k");
    }
    if (ok) {
        list_pairs(&mined, &f, l, &pairs);
        ok = manifest_write(in->to, &pairs, err);
    }
    if (ok) {
        print_found(in, o, &mined, &f);
    }
    manifest_free(&pairs);
    mined_free(&mined);
    features_free(&f);
    return ok;
}

bool command_pairs_mine(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    mining_options options;
    opened_run o = {.step = 0};
    data_part data;
    listing l = {0};
    if (!read_options(in, &options, err)) {
        return false;
    }
    const bool ok = opened_run_load(in, in->encoder, &o, err) &&
                    run_load_data(o.run, o.plugins, in->data, in->n_data, &data, err) &&
                    pairs_list_data(o.plugins, &data, &l, err) &&
                    opened_run_encoder(in, &o, &data, 0, err) && mine(in, &options, &o, &l, err);
    listing_free(&l);
    opened_run_close(&o);
    return ok;
}

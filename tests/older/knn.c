/* SPDX-License-Identifier: Apache-2.0
 * Of the kindred of 2026-11-23, whose headers lie beside it; only its id is another.
 * Weighted k nearest neighbours: does the class of a test image's nearest training images tell its
 * own?
 *
 * Exact and memory bounded: the device finds the k nearest in one tile of the bank at a time, and
 * the host merges tiles. Equal similarities go to the lower index, equal votes to the lower class,
 * so a result depends on nothing but the features.
 *
 * source  Wu et al. 2018, https://arxiv.org/abs/1805.01978, section 3.4; as in
 *         facebookresearch/dino eval_knn.py and lightly, the weight of a neighbour is exp(s / T)
 */
#include <kindred/eval.h>
#include <math.h>
#include <stdlib.h>

struct knn {
    int k;
    double temperature;
};

KD_PLUGIN(EVAL, "older.knn", "1.0.0", struct knn, "weighted k-nearest-neighbour accuracy",
          "https://arxiv.org/abs/1805.01978, section 3.4")
KD_INT(struct knn, k, 200, 1, 100000, "how many training samples vote (DINO: 20)")
KD_FLOAT(struct knn, temperature, 0.1, 1e-3, 100,
         "a neighbour of cosine similarity s votes with exp(s / temperature) (DINO: 0.07)")

enum { TOP = 5, QUERIES = 256, TILE = 8192, TILE_FLOATS = 1 << 22 };

/* The search, whole: one program over a block of queries and a tile of the bank, and the nearest
 * found so far, k a query, nearest first. */
typedef struct search {
    const kd_eval_input *in;
    int64_t k;
    int64_t queries, tile; /* rows a run */
    int64_t found;         /* a run's candidates a query: min(k, tile) */
    kd_program *program;
    float *similarity; /* [test rows, k] */
    int32_t *index;    /* [test rows, k], rows of the bank */
    /* Buffers of one run. */
    float *rows;           /* [max(queries, tile), width] */
    float *skip;           /* [1, tile]: 0, or -inf beyond the bank's end */
    float *values;         /* [queries, found] */
    int32_t *indices;      /* [queries, found] */
    float *merged;         /* [k] */
    int32_t *merged_index; /* [k] */
    double *votes;         /* [classes] */
} search;

static void build_search(void *context, kd_scope s) {
    const search *w = context;
    const int64_t width = w->in->train.width;
    kd_tensor *query = kd_input(s, "query", (kd_spec){KD_F32, 2, {w->queries, width}});
    kd_tensor *bank = kd_input(s, "bank", (kd_spec){KD_F32, 2, {w->tile, width}});
    kd_tensor *skip = kd_input(s, "skip", (kd_spec){KD_F32, 2, {1, w->tile}});
    query = kd_l2_normalize(kd_cast(query, KD_REAL));
    bank = kd_l2_normalize(kd_cast(bank, KD_REAL));
    kd_tensor *similarity = kd_matmul_with(query, bank, false, true); /* [queries, tile] */
    kd_tensor *values, *indices;
    kd_top_k(kd_add(similarity, kd_cast(skip, KD_REAL)), w->found, &values, &indices);
    kd_output(s, "values", kd_cast(values, KD_F32));
    kd_output(s, "indices", indices);
}

/* A tensor's input from rows [first, first + count) of a set, zeros beyond its end. */
static bool write_rows(search *w, const char *name, const kd_feature_set *set, int64_t first,
                       int64_t count, kd_error *err) {
    const int64_t width = set->width;
    const int64_t real = set->rows - first < count ? set->rows - first : count;
    const float *from = set->features + first * width;
    if (real < count) {
        memset(w->rows, 0, (size_t)(count * width) * sizeof *w->rows);
        memcpy(w->rows, from, (size_t)(real * width) * sizeof *w->rows);
        from = w->rows;
    }
    return w->in->write(w->program, name, from, (size_t)(count * width) * sizeof *from, err);
}

static bool write_bank(search *w, int64_t first, kd_error *err) {
    for (int64_t i = 0; i < w->tile; i++) {
        w->skip[i] = first + i < w->in->train.rows ? 0 : -HUGE_VALF;
    }
    return write_rows(w, "bank", &w->in->train, first, w->tile, err) &&
           w->in->write(w->program, "skip", w->skip, (size_t)w->tile * sizeof *w->skip, err);
}

/* Merges one query's candidates, nearest first, into its k nearest, `have` of which are filled.
 * What is there already comes from lower rows of the bank, so it goes first among equals. */
static void merge(search *w, int64_t query, int64_t have, const float *values,
                  const int32_t *indices, int64_t first) {
    float *similarity = w->similarity + query * w->k;
    int32_t *index = w->index + query * w->k;
    int64_t old = 0, new = 0, n = 0;
    while (n < w->k && (old < have || new < w->found)) {
        const bool take_old = old < have && (new == w->found || similarity[old] >= values[new]);
        w->merged[n] = take_old ? similarity[old] : values[new];
        w->merged_index[n] = take_old ? index[old] : (int32_t)(first + indices[new]);
        old += take_old;
        new += !take_old;
        n++;
    }
    memcpy(similarity, w->merged, (size_t)n * sizeof *similarity);
    memcpy(index, w->merged_index, (size_t)n * sizeof *index);
}

/* One block of queries against the tile that is on the device. */
static bool search_block(search *w, int64_t block, int64_t first, kd_error *err) {
    const kd_eval_input *in = w->in;
    const size_t count = (size_t)(w->queries * w->found);
    if (in->cancelled(in)) {
        return kd_fail(err, KD_E_CANCELLED, "stopped");
    }
    if (!write_rows(w, "query", &in->test, block, w->queries, err) || !in->run(w->program, err) ||
        !in->read(w->program, "values", w->values, count * sizeof *w->values, err) ||
        !in->read(w->program, "indices", w->indices, count * sizeof *w->indices, err)) {
        return false;
    }
    const int64_t have = first < w->k ? first : w->k;
    for (int64_t i = 0; i < w->queries && block + i < in->test.rows; i++) {
        merge(w, block + i, have, w->values + i * w->found, w->indices + i * w->found, first);
    }
    return true;
}

static bool search_all(search *w, kd_error *err) {
    for (int64_t first = 0; first < w->in->train.rows; first += w->tile) {
        if (!write_bank(w, first, err)) {
            return false;
        }
        for (int64_t block = 0; block < w->in->test.rows; block += w->queries) {
            if (!search_block(w, block, first, err)) {
                return false;
            }
        }
    }
    return true;
}

/* The place of the right class when classes are ordered by the votes of a query's neighbours:
 * 0 when it won. */
static int rank_of_label(const search *w, double temperature, int64_t query) {
    const int32_t classes = w->in->classes, label = w->in->test.labels[query];
    const float *similarity = w->similarity + query * w->k;
    double *votes = w->votes;
    memset(votes, 0, (size_t)classes * sizeof *votes);
    for (int64_t i = 0; i < w->k; i++) {
        /* Relative to the nearest, so that no temperature overflows. */
        const double closeness = (double)similarity[i] - (double)similarity[0];
        votes[w->in->train.labels[w->index[query * w->k + i]]] += exp(closeness / temperature);
    }
    int rank = 0;
    for (int32_t c = 0; c < classes; c++) {
        rank += votes[c] > votes[label] || (c < label && votes[c] >= votes[label]);
    }
    return rank;
}

/* Shares of test samples whose class is first, and among the first TOP. */
static void score(const search *w, double temperature, double *ret_first, double *ret_top) {
    int64_t first = 0, top = 0;
    for (int64_t i = 0; i < w->in->test.rows; i++) {
        const int rank = rank_of_label(w, temperature, i);
        first += rank == 0;
        top += rank < TOP;
    }
    *ret_first = (double)first / (double)w->in->test.rows;
    *ret_top = (double)top / (double)w->in->test.rows;
}

static void report(kd_eval_output *out, const char *name, double value, const struct knn *self,
                   const kd_eval_input *in) {
    kd_eval_result *r = &out->results[out->n_results++];
    r->value = value;
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->protocol, sizeof r->protocol,
             "weighted kNN: k %d, T %g, cosine similarity, votes exp(similarity / T) summed by "
             "class%s; exact search of %lld training features of width %lld; %lld test samples, "
             "%d classes; frozen encoder",
             self->k, self->temperature,
             out->n_results > 1 ? ", right when among the 5 classes of most votes" : "",
             (long long)in->train.rows, (long long)in->train.width, (long long)in->test.rows,
             in->classes);
}

static bool is_finite(const kd_feature_set *set) {
    for (int64_t i = 0; i < set->rows * set->width; i++) {
        if (!isfinite(set->features[i])) {
            return false;
        }
    }
    return true;
}

static bool check_input(const struct knn *self, const kd_eval_input *in, kd_error *err) {
    if (in->classes < 1 || in->test.rows < 1 || in->train.width != in->test.width) {
        return kd_fail(err, KD_E_INVALID,
                       "knn: needs labels, test samples and features of one width");
    }
    if (!is_finite(&in->train) || !is_finite(&in->test)) {
        return kd_fail(err, KD_E_DATA, "knn: the encoder's features are not finite");
    }
    if (self->k > in->train.rows) {
        kd_fail(err, KD_E_INVALID, "knn: k is %d, but there are only %lld training samples",
                self->k, (long long)in->train.rows);
        return kd_hint(err, "set k to at most %lld", (long long)in->train.rows);
    }
    return true;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Sizes of the program, and all memory: false when there is not enough. */
static bool search_init(search *w, const struct knn *self, const kd_eval_input *in) {
    const int64_t width = in->train.width, fits = TILE_FLOATS / width;
    *w = (search){.in = in, .k = self->k};
    w->queries = least(QUERIES, in->test.rows);
    w->tile = least(least(TILE, fits > QUERIES ? fits : QUERIES), in->train.rows);
    w->found = least(w->k, w->tile);

    const int64_t longest = w->queries > w->tile ? w->queries : w->tile;
    w->similarity = malloc((size_t)(in->test.rows * w->k) * sizeof *w->similarity);
    w->index = malloc((size_t)(in->test.rows * w->k) * sizeof *w->index);
    w->rows = malloc((size_t)(longest * width) * sizeof *w->rows);
    w->skip = malloc((size_t)w->tile * sizeof *w->skip);
    w->values = malloc((size_t)(w->queries * w->found) * sizeof *w->values);
    w->indices = malloc((size_t)(w->queries * w->found) * sizeof *w->indices);
    w->merged = malloc((size_t)w->k * sizeof *w->merged);
    w->merged_index = malloc((size_t)w->k * sizeof *w->merged_index);
    w->votes = malloc((size_t)in->classes * sizeof *w->votes);
    return w->similarity && w->index && w->rows && w->skip && w->values && w->indices &&
           w->merged && w->merged_index && w->votes;
}

static void search_finish(search *w) {
    void *const owned[] = {w->similarity, w->index,  w->rows,         w->skip, w->values,
                           w->indices,    w->merged, w->merged_index, w->votes};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        free(owned[i]);
    }
    if (w->program) {
        w->in->program_close(w->in, w->program);
    }
}

static bool run(const void *config, const kd_eval_input *in, kd_eval_output *out, kd_error *err) {
    const struct knn *self = config;
    if (!check_input(self, in, err)) {
        return false;
    }
    search w;
    const bool found =
        (search_init(&w, self, in) || kd_fail(err, KD_E_MEMORY, "knn: out of host memory")) &&
        in->program_open(in, "knn", build_search, &w, &w.program, err) && search_all(&w, err);
    if (found) {
        double first, top;
        score(&w, self->temperature, &first, &top);
        report(out, "accuracy", first, self, in);
        if (in->classes >= 2 * TOP) {
            report(out, "top5", top, self, in);
        }
    }
    search_finish(&w);
    return found;
}

KD_EVAL(.run = run)

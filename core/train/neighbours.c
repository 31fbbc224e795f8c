/* SPDX-License-Identifier: Apache-2.0
 * Nearest neighbours: the device finds those in one tile of the bank, the host merges tiles. */
#include "train/neighbours.h"

#include "train/eval_programs.h"
#include "train/interrupt.h"

#include <kindred/layers.h>

#include <math.h>
#include <stdlib.h>

enum { QUERIES = 256, TILE = 8192, TILE_FLOATS = 1 << 22 };

typedef struct work {
    assembly *assembly;
    const neighbour_search *s;
    neighbours *ret;
    int64_t queries, tile; /* rows a run */
    int64_t found;         /* a run's candidates a query */
    int64_t bank_at;       /* the tile's first row */
    kd_program *program;
    float *rows;      /* [max(queries, tile), width] */
    float *skip;      /* [1, tile] 0, or -inf beyond the bank's end */
    float *values;    /* [queries, found] */
    int32_t *indices; /* [queries, found] */
    float *merged;    /* [k] */
    int32_t *merged_index;
} work;

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void build(void *context, kd_scope scope) {
    const work *w = context;
    const int64_t width = w->s->width;
    kd_tensor *query = kd_input(scope, "query", (kd_spec){KD_F32, 2, {w->queries, width}});
    kd_tensor *bank = kd_input(scope, "bank", (kd_spec){KD_F32, 2, {w->tile, width}});
    kd_tensor *skip = kd_input(scope, "skip", (kd_spec){KD_F32, 2, {1, w->tile}});
    query = kd_l2_normalize(kd_cast(query, KD_REAL));
    bank = kd_l2_normalize(kd_cast(bank, KD_REAL));
    kd_tensor *similarity = kd_matmul_with(query, bank, false, true); /* [queries, tile] */
    kd_tensor *values, *indices;
    kd_top_k(kd_add(similarity, kd_cast(skip, KD_REAL)), w->found, &values, &indices);
    kd_output(scope, "values", kd_cast(values, KD_F32));
    kd_output(scope, "indices", indices);
}

static void work_begin(work *w) {
    const neighbour_search *s = w->s;
    const int64_t fits = TILE_FLOATS / s->width;
    w->queries = least(QUERIES, s->queries);
    w->tile = least(least(TILE, fits > QUERIES ? fits : QUERIES), s->rows);
    w->found = least(s->k + s->others_only, w->tile); /* one of them may be the query itself */
    const int64_t longest = w->queries > w->tile ? w->queries : w->tile;
    w->rows = kd_alloc((size_t)(longest * s->width) * sizeof *w->rows);
    w->skip = kd_alloc((size_t)w->tile * sizeof *w->skip);
    w->values = kd_alloc((size_t)(w->queries * w->found) * sizeof *w->values);
    w->indices = kd_alloc((size_t)(w->queries * w->found) * sizeof *w->indices);
    w->merged = kd_alloc((size_t)s->k * sizeof *w->merged);
    w->merged_index = kd_alloc((size_t)s->k * sizeof *w->merged_index);
    w->ret->similarity = kd_alloc((size_t)(s->queries * s->k) * sizeof *w->ret->similarity);
    w->ret->index = kd_alloc((size_t)(s->queries * s->k) * sizeof *w->ret->index);
    memset(w->ret->index, 0xff, (size_t)(s->queries * s->k) * sizeof *w->ret->index);
}

static void work_end(work *w) {
    if (w->program) {
        program_close(w->program);
    }
    free(w->rows);
    free(w->skip);
    free(w->values);
    free(w->indices);
    free(w->merged);
    free(w->merged_index);
}

/* An input from rows [first, first + count), zeros beyond the `total`. */
static bool write_rows(work *w, const char *name, const float *from, int64_t first, int64_t count,
                       int64_t total, kd_error *err) {
    const int64_t width = w->s->width, real = least(total - first, count);
    from += first * width;
    if (real < count) {
        memset(w->rows, 0, (size_t)(count * width) * sizeof *w->rows);
        memcpy(w->rows, from, (size_t)(real * width) * sizeof *w->rows);
        from = w->rows;
    }
    return program_write(w->program, name, from, (size_t)(count * width) * sizeof *from, err);
}

/* One query's candidates, nearest first, into its k nearest. What is there already comes from lower
 * rows of the bank, so it goes first among equals. */
static void merge(work *w, int64_t query, const float *values, const int32_t *indices) {
    const int64_t k = w->s->k;
    float *similarity = w->ret->similarity + query * k;
    int32_t *index = w->ret->index + query * k;
    int64_t old = 0, new = 0, n = 0;
    while (n < k) {
        const int64_t at = new < w->found ? w->bank_at + indices[new] : 0;
        if (new < w->found && (at >= w->s->rows || (w->s->others_only && at == query))) {
            new ++;
            continue;
        }
        const bool has_old = old < k && index[old] >= 0;
        if (!has_old && new == w->found) {
            break;
        }
        const bool take_old = has_old && (new == w->found || similarity[old] >= values[new]);
        w->merged[n] = take_old ? similarity[old] : values[new];
        w->merged_index[n++] = take_old ? index[old] : (int32_t)at;
        old += take_old;
        new += !take_old;
    }
    memcpy(similarity, w->merged, (size_t)n * sizeof *similarity);
    memcpy(index, w->merged_index, (size_t)n * sizeof *index);
}

static bool search_block(work *w, int64_t first, kd_error *err) {
    const size_t count = (size_t)(w->queries * w->found);
    if (interrupt_signal()) {
        return kd_fail(err, KD_E_CANCELLED, "interrupted while looking for neighbours");
    }
    if (!write_rows(w, "query", w->s->query, first, w->queries, w->s->queries, err) ||
        !program_run(w->program, err) ||
        !program_read(w->program, "values", w->values, count * sizeof *w->values, err) ||
        !program_read(w->program, "indices", w->indices, count * sizeof *w->indices, err)) {
        return false;
    }
    for (int64_t i = 0; i < w->queries && first + i < w->s->queries; i++) {
        merge(w, first + i, w->values + i * w->found, w->indices + i * w->found);
    }
    return true;
}

static bool search_tile(work *w, kd_error *err) {
    for (int64_t i = 0; i < w->tile; i++) {
        w->skip[i] = w->bank_at + i < w->s->rows ? 0 : -HUGE_VALF;
    }
    if (!write_rows(w, "bank", w->s->bank, w->bank_at, w->tile, w->s->rows, err) ||
        !program_write(w->program, "skip", w->skip, (size_t)w->tile * sizeof *w->skip, err)) {
        return false;
    }
    for (int64_t first = 0; first < w->s->queries; first += w->queries) {
        char text[128];
        snprintf(
            text, sizeof text, "%s: neighbours %.0f %%", w->s->what,
            100 * ((double)w->bank_at + (double)w->tile * (double)first / (double)w->s->queries) /
                (double)w->s->rows);
        progress_note(&w->assembly->progress, text, progress_now());
        if (!search_block(w, first, err)) {
            return false;
        }
    }
    return true;
}

static bool check_finite(const float *value, int64_t count, kd_error *err) {
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(value[i])) {
            return kd_fail(err, KD_E_DATA, "the encoder's features are not finite");
        }
    }
    return true;
}

bool neighbours_find(assembly *a, const neighbour_search *s, neighbours *ret, kd_error *err) {
    work w = {.assembly = a, .s = s, .ret = ret};
    *ret = (neighbours){.queries = s->queries, .k = s->k};
    if (s->k > s->rows - s->others_only) {
        return kd_fail(err, KD_E_INVALID, "%d neighbours of each are wanted, and there are %lld",
                       s->k, (long long)(s->rows - s->others_only));
    }
    if (!check_finite(s->query, s->queries * s->width, err) ||
        (s->bank != s->query && !check_finite(s->bank, s->rows * s->width, err))) {
        return false;
    }
    work_begin(&w);
    bool ok = eval_compile(a, "neighbours", build, &w, &w.program, err);
    for (; ok && w.bank_at < s->rows; w.bank_at += w.tile) {
        ok = search_tile(&w, err);
    }
    work_end(&w);
    return ok;
}

void neighbours_free(neighbours *n) {
    free(n->similarity);
    free(n->index);
    *n = (neighbours){0};
}

/* SPDX-License-Identifier: Apache-2.0
 * From what a dataset or a manifest says of its indices to positions in the list of samples. */
#include "data/variants.h"

#include "data/pairs_resolve.h"

#include <inttypes.h>
#include <stdlib.h>

static bool find_factor(variants *v, const char *name, int32_t *ret, kd_error *err) {
    for (int32_t i = 0; i < v->factors; i++) {
        if (strcmp(v->factor_name[i], name) == 0) {
            *ret = i;
            return true;
        }
    }
    if (v->factors == MAX_FACTORS) {
        return kd_fail(err, KD_E_INVALID, "variants of more than %d factors", MAX_FACTORS);
    }
    v->factor_name[v->factors] = arena_text(&v->memory, name);
    *ret = v->factors++;
    return true;
}

static void make_room(variants *v, int64_t count) {
    v->base = kd_alloc((size_t)count * sizeof *v->base + 1);
    v->factor = kd_alloc((size_t)count * sizeof *v->factor + 1);
    for (int64_t i = 0; i < count; i++) {
        v->base[i] = v->factor[i] = -1;
    }
}

static bool add(variants *v, const store *s, int64_t sample, int64_t base, const char *factor,
                kd_error *err) {
    if (!v->base) {
        make_room(v, s->samples);
    }
    const int64_t at = store_find(s, base);
    if (at < 0) { /* the base's image is broken */
        return true;
    }
    v->base[sample] = at;
    v->count++;
    return find_factor(v, factor, &v->factor[sample], err);
}

static bool check_bases(const variants *v, const store *s, kd_error *err) {
    for (int64_t i = 0; v->base && i < s->samples; i++) {
        const int64_t base = v->base[i];
        if (base >= 0 && v->base[base] >= 0) {
            return kd_fail(err, KD_E_INVALID,
                           "sample %" PRId64 " is a variant of sample %" PRId64
                           ", which is a variant itself",
                           s->source[i], s->source[base]);
        }
    }
    return true;
}

static bool ask_dataset(variants *v, const store *s, const kd_dataset *table, const kd_set *set,
                        kd_error *err) {
    for (int64_t i = 0; KD_HAS(kd_dataset, table, variant) && i < s->samples; i++) {
        int64_t base = -1;
        const char *factor = NULL;
        if (!table->variant(set, s->source[i], &base, &factor)) {
            continue;
        }
        if (base < 0 || base >= table->count(set) || !factor) {
            return kd_fail(err, KD_E_INVALID,
                           "sample %" PRId64 " is a variant of sample %" PRId64
                           ", which is not in the dataset",
                           s->source[i], base);
        }
        if (!add(v, s, i, base, factor, err)) {
            return false;
        }
    }
    return true;
}

static bool add_row(variants *v, const store *s, resolver *r, const manifest_row *row,
                    kd_error *err) {
    int64_t index[2];
    if (!resolver_find(r, row->line, &row->image[0], &index[0], err) ||
        !resolver_find(r, row->line, &row->image[1], &index[1], err) ||
        !resolver_check_pair(r, row->line, index, err) ||
        !resolver_check_label(r, row, index, err)) {
        return false;
    }
    if (!row->factor) {
        kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": no factor", r->manifest, row->line);
        return kd_hint(err, "a column `factor` says what alone differs in b: background, ...");
    }
    const int64_t sample = store_find(s, index[1]);
    if (sample >= 0 && v->base && v->base[sample] >= 0) {
        return kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": image b is a variant already",
                       r->manifest, row->line);
    }
    return sample < 0 || add(v, s, sample, index[0], row->factor, err);
}

static bool read_manifest(variants *v, const store *s, const kd_dataset *table, const kd_set *set,
                          const char *path, kd_error *err) {
    manifest rows = {0};
    resolver r = resolver_of(table, set, path);
    bool good = manifest_read(path, &rows, err);
    for (int64_t i = 0; good && i < rows.count; i++) {
        good = add_row(v, s, &r, &rows.row[i], err);
    }
    manifest_free(&rows);
    resolver_free(&r);
    return good;
}

bool variants_open(const store *s, const kd_dataset *table, const kd_set *set, const samples *list,
                   const char *path, variants *ret, kd_error *err) {
    *ret = (variants){0};
    if (!ask_dataset(ret, s, table, set, err)) {
        return false;
    }
    if (path && *path && ret->base) {
        return kd_fail(err, KD_E_INVALID, "%s: the dataset has variants of its own", path);
    }
    if (path && *path && !read_manifest(ret, s, table, set, path, err)) {
        return false;
    }
    if (ret->base && (list->n_images != 1 || list->count != s->samples)) {
        kd_fail(err, KD_E_INVALID,
                "the dataset has variants of samples, and data.pairs or data.fraction is given");
        return kd_hint(err, "variants are measured one by one, all of them: leave it out");
    }
    return check_bases(ret, s, err);
}

void variants_free(variants *v) {
    free(v->base);
    free(v->factor);
    arena_free(&v->memory);
    *v = (variants){0};
}

/* SPDX-License-Identifier: Apache-2.0
 * From what a dataset says of its indices to positions in the list of samples. */
#include "data/variants.h"

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

bool variants_open(const store *s, const kd_dataset *table, const kd_set *set, const samples *list,
                   variants *ret, kd_error *err) {
    *ret = (variants){0};
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
        if (!add(ret, s, i, base, factor, err)) {
            return false;
        }
    }
    if (ret->base && (list->n_images != 1 || list->count != s->samples)) {
        kd_fail(err, KD_E_INVALID, "the dataset has variants of samples, and data.pairs is given");
        return kd_hint(err, "variants are measured one by one: leave data.pairs out");
    }
    return check_bases(ret, s, err);
}

void variants_free(variants *v) {
    free(v->base);
    free(v->factor);
    arena_free(&v->memory);
    *v = (variants){0};
}

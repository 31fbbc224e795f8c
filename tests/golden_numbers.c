/* SPDX-License-Identifier: Apache-2.0
 * Numbers that a name and a position give, and comparison by projections. */
#include "golden_numbers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

double golden_unit(uint64_t key, uint64_t i) {
    uint64_t x = key + (i + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return (double)(x >> 11) / 4503599627370496.0 - 1;
}

uint64_t golden_key(const char *name) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) {
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    }
    return h;
}

int64_t golden_torch_index(const kd_spec *spec, int64_t i) {
    if (spec->rank != 4) {
        return i;
    }
    const int64_t h = spec->dim[1], w = spec->dim[2], c = spec->dim[3];
    const int64_t channel = i % c, x = i / c % w, y = i / c / w % h, o = i / c / w / h;
    return ((o * c + channel) * h + y) * w + x;
}

double golden_start(const char *name, const kd_spec *spec, int64_t i) {
    const double u = golden_unit(golden_key(name), (uint64_t)golden_torch_index(spec, i));
    if (spec->rank > 1) {
        const int64_t fan_in = kd_elements(spec) / spec->dim[0];
        return u * sqrt(6 / (double)fan_in);
    }
    const bool norm = strstr(name, ".bn") || strstr(name, ".norm") || strstr(name, "downsample.1");
    const size_t length = strlen(name);
    const bool weight = length > 6 && strcmp(name + length - 6, "weight") == 0;
    const double x = (weight ? 1 : 0) + u * (norm ? 0.2 : 0.1);
    return length > 10 && strcmp(name + length - 10, "bn3.weight") == 0 ? x / 4 : x;
}

void golden_split(const char *text, golden_names *ret) {
    char *rest = ret->text = strdup(text);
    ret->count = 0;
    for (char *name; (name = strsep(&rest, " "));) {
        cr_assert(ret->count < GOLDEN_NAMES);
        ret->name[ret->count] = name;
        ret->count += *name != 0;
    }
}

const double *golden_stored(const safetensors *file, const char *name) {
    kd_error err = KD_ERROR_INIT;
    const safetensor *t = safetensors_need(file, name, NULL, &err);
    cr_assert(t, "%s", err.message);
    return t->data;
}

const char *golden_text(const safetensors *file, const char *key) {
    const char *value = safetensors_metadata(file, key);
    cr_assert(value, "no %s in the file", key);
    return value;
}

int golden_number(const safetensors *file, const char *key) {
    return (int)strtol(golden_text(file, key), NULL, 10);
}

void golden_compare(const golden_check *c, int row, const char *name, const kd_spec *spec,
                    const double *x) {
    const double *want = golden_stored(c->file, c->table) + (int64_t)row * GOLDEN_ROW;
    const double norm = want[GOLDEN_PROJECTIONS];
    const double allowed = norm > c->zero ? c->tolerance * norm : c->noise;
    for (int k = 0; k < GOLDEN_PROJECTIONS; k++) {
        char key[256];
        snprintf(key, sizeof key, "project%d.%s", k, name);
        const uint64_t start = golden_key(key);
        double dot = 0;
        for (int64_t i = 0; i < kd_elements(spec); i++) {
            dot += golden_unit(start, (uint64_t)golden_torch_index(spec, i)) * x[i];
        }
        cr_assert(fabs(dot - want[k]) <= allowed, "%s of %s: %.12g, not %.12g (norm %g)", c->table,
                  name, dot, want[k], norm);
    }
    double squares = 0;
    for (int64_t i = 0; i < kd_elements(spec); i++) {
        squares += x[i] * x[i];
    }
    cr_assert(fabs(sqrt(squares) - norm) <= allowed, "%s of %s: norm %.12g, not %.12g", c->table,
              name, sqrt(squares), norm);
}

static double element(const void *data, int32_t dtype, int64_t i) {
    switch (dtype) {
    case KD_F64:
        return ((const double *)data)[i];
    case KD_F32:
        return (double)((const float *)data)[i];
    case KD_I64:
        return (double)((const int64_t *)data)[i];
    case KD_I32:
        return (double)((const int32_t *)data)[i];
    default:
        cr_assert_eq(dtype, KD_U8, "golden files hold no type %d", dtype);
        return (double)((const uint8_t *)data)[i];
    }
}

/* Frees `raw`. */
static double *widen(void *raw, const kd_spec *spec) {
    const int64_t count = kd_elements(spec);
    double *x = malloc((size_t)(count + 1) * sizeof *x);
    for (int64_t i = 0; i < count; i++) {
        x[i] = element(raw, spec->dtype, i);
    }
    free(raw);
    return x;
}

double *golden_read(kd_program *p, const char *name, const kd_spec *spec) {
    kd_error err = KD_ERROR_INIT;
    void *raw = malloc(kd_bytes(spec) + 1);
    cr_assert(program_read(p, name, raw, kd_bytes(spec), &err), "%s", err.message);
    return widen(raw, spec);
}

double *golden_read_variable(engine *e, int i) {
    kd_error err = KD_ERROR_INIT;
    const kd_spec *spec = &engine_variable(e, i)->spec;
    void *raw = malloc(kd_bytes(spec) + 1);
    cr_assert(engine_read_variable(e, i, raw, kd_bytes(spec), &err), "%s", err.message);
    return widen(raw, spec);
}

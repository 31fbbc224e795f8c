/* SPDX-License-Identifier: Apache-2.0
 * From torchvision's and timm's names and layouts to an engine's encoder. */
#include "train/import.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/safetensors.h"

#include <math.h>
#include <stdlib.h>

static const char prefix[] = "encoder.";
static const char inner[] = ".encoder.";
static const char tracked[] = "num_batches_tracked";

typedef struct import {
    engine *engine;
    safetensors *file;
    const char *const *drop;
    int n_drop;
    arena memory;
    bool *used; /* [tensors of the file] */
} import;

/* Names that were listed in the log, and their beginning for the message. */
typedef struct names {
    int count;
    char text[300];
} names;

__attribute__((format(printf, 3, 4))) static void note(names *n, const char *kind,
                                                       const char *format, ...) {
    char line[640];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    log_line(KD_LOG_WARN, "%s: %s", kind, line);
    const size_t length = strlen(n->text);
    if (length + strlen(line) + 8 < sizeof n->text) {
        snprintf(n->text + length, sizeof n->text - length, "%s%s", n->count ? ", " : "", line);
    } else if (length < 4 || strcmp(n->text + length - 4, " ...") != 0) {
        snprintf(n->text + length, sizeof n->text - length, " ...");
    }
    n->count++;
}

/* The name within the encoder, as files have it; NULL when the variable is not of one. */
static const char *inner_name(const variable *v) {
    const char *found = strstr(v->name, inner);
    if (v->kind == VARIABLE_MOMENT) {
        return NULL;
    }
    return strncmp(v->name, prefix, sizeof prefix - 1) == 0 ? v->name + sizeof prefix - 1
           : found                                          ? found + sizeof inner - 1
                                                            : NULL;
}

static bool is_own(const variable *v) {
    return strncmp(v->name, prefix, sizeof prefix - 1) == 0;
}

/* [o, kh, kw, i] is [o, i, kh, kw] in a file. */
static kd_spec file_spec(const kd_spec *s) {
    kd_spec spec = *s;
    if (s->rank == 4) {
        spec.dim[1] = s->dim[3];
        spec.dim[2] = s->dim[1];
        spec.dim[3] = s->dim[2];
    }
    return spec;
}

static const char *shape(arena *a, const kd_spec *s) {
    const char *text = "[";
    for (int i = 0; i < s->rank; i++) {
        text = arena_print(a, "%s%s%lld", text, i ? ", " : "", (long long)s->dim[i]);
    }
    return arena_print(a, "%s]", text);
}

static bool is_half(const safetensor *t) {
    return strcmp(t->dtype, "F16") == 0;
}

static bool is_real(const safetensor *t) {
    return t->spec.dtype == KD_F32 || t->spec.dtype == KD_F64 || t->spec.dtype == KD_BF16 ||
           is_half(t);
}

static bool fits(const safetensor *t, const kd_spec *want) {
    return is_real(t) && t->spec.rank == want->rank &&
           memcmp(t->spec.dim, want->dim, (size_t)want->rank * sizeof want->dim[0]) == 0;
}

/* A pixel counter that each batch norm of PyTorch has beside its running mean. */
static bool is_counter(const safetensor *t) {
    const size_t length = strlen(t->name), own = sizeof tracked - 1;
    return length >= own && strcmp(t->name + length - own, tracked) == 0;
}

static bool is_dropped(const import *in, const char *name, bool *hit) {
    bool dropped = false;
    for (int i = 0; i < in->n_drop; i++) {
        if (strncmp(name, in->drop[i], strlen(in->drop[i])) == 0) {
            hit[i] = dropped = true;
        }
    }
    return dropped;
}

/* Index in the file; -1. */
static int find(const safetensors *file, const char *name) {
    for (int i = 0; i < safetensors_count(file); i++) {
        if (strcmp(safetensors_at(file, i)->name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* What the encoder wants of the file. */
static void compare_wanted(import *in, names *missing, names *misshapen) {
    for (int i = 0; i < engine_variables(in->engine); i++) {
        const variable *v = engine_variable(in->engine, i);
        const char *name = is_own(v) ? inner_name(v) : NULL;
        const int at = name ? find(in->file, name) : -1;
        if (name && at < 0) {
            note(missing, "missing", "%s", name);
        } else if (name) {
            const safetensor *t = safetensors_at(in->file, at);
            const kd_spec want = file_spec(&v->spec);
            in->used[at] = true;
            if (!fits(t, &want)) {
                note(misshapen, "other shape", "%s is %s %s, not %s", name, t->dtype,
                     shape(&in->memory, &t->spec), shape(&in->memory, &want));
            }
        }
    }
}

/* What the file has beside it. The first component of the names, in `ret_first`, if it is one. */
static bool compare_rest(import *in, names *extra, char *ret_first, size_t bytes, kd_error *err) {
    bool hit[in->n_drop + 1];
    memset(hit, 0, sizeof hit);
    bool one = true;
    for (int i = 0; i < safetensors_count(in->file); i++) {
        const char *name = safetensors_at(in->file, i)->name;
        if (in->used[i] || is_dropped(in, name, hit) || is_counter(safetensors_at(in->file, i))) {
            continue;
        }
        const int length = (int)strcspn(name, ".");
        char first[64];
        snprintf(first, sizeof first, "%.*s", length, name);
        one = one && (extra->count == 0 || strcmp(first, ret_first) == 0);
        snprintf(ret_first, bytes, "%s", first);
        note(extra, "extra", "%s", name);
    }
    ret_first[0] = one ? ret_first[0] : 0;
    for (int i = 0; i < in->n_drop; i++) {
        if (!hit[i]) {
            kd_fail(err, KD_E_INVALID, "%s: --drop %s: no tensor's name begins so",
                    safetensors_path(in->file), in->drop[i]);
            return kd_hint(err, "leave the option out, or mend it");
        }
    }
    return true;
}

static void add_hint(const names *missing, const names *misshapen, const names *extra,
                     const char *first, kd_error *err) {
    if (missing->count || misshapen->count) {
        kd_hint(err, "the backbone's options must be those of the file (depth, stem, width; size, "
                     "patch, image_size); names are torchvision's and timm's");
    } else if (extra->count && *first) {
        kd_hint(err, "--drop %s%s leaves %s out", first, ".", extra->count > 1 ? "them" : "it");
    } else {
        kd_hint(err, "--drop BEGINNING leaves out what begins so");
    }
}

static bool compare(import *in, kd_error *err) {
    names missing = {0}, misshapen = {0}, extra = {0};
    char first[64] = "";
    compare_wanted(in, &missing, &misshapen);
    if (!compare_rest(in, &extra, first, sizeof first, err)) {
        return false;
    }
    if (!missing.count && !misshapen.count && !extra.count) {
        return true;
    }
    kd_fail(err, KD_E_INVALID,
            "%s does not fit the encoder: %d missing%s%s, %d extra%s%s, %d of another "
            "shape%s%s",
            safetensors_path(in->file), missing.count, missing.count ? ": " : "", missing.text,
            extra.count, extra.count ? ": " : "", extra.text, misshapen.count,
            misshapen.count ? ": " : "", misshapen.text);
    add_hint(&missing, &misshapen, &extra, first, err);
    return false;
}

/* An IEEE half: sign, 5 bits of exponent, 10 of fraction. */
static double half_value(uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 31  ? (fraction ? (double)NAN : HUGE_VAL)
                        : exponent == 0 ? ldexp(fraction, -24)
                                        : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -size : size;
}

/* Element i of data that need not be aligned. */
static double value_at(const safetensor *t, int64_t i) {
    const char *data = t->data;
    if (t->spec.dtype == KD_F64) {
        double value;
        memcpy(&value, data + 8 * i, 8);
        return value;
    }
    if (t->spec.dtype == KD_F32) {
        float value;
        memcpy(&value, data + 4 * i, 4);
        return (double)value;
    }
    uint16_t half;
    memcpy(&half, data + 2 * i, 2);
    if (is_half(t)) {
        return half_value(half);
    }
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

/* Where element i of the variable lies in the file. */
static int64_t place(const kd_spec *s, int64_t i) {
    if (s->rank != 4) {
        return i;
    }
    const int64_t channels = s->dim[3], pixels = s->dim[1] * s->dim[2];
    const int64_t c = i % channels, pixel = i / channels % pixels, o = i / channels / pixels;
    return (o * channels + c) * pixels + pixel;
}

static bool write_variable(import *in, int index, const safetensor *t, kd_error *err) {
    const variable *v = engine_variable(in->engine, index);
    const int64_t count = kd_elements(&v->spec);
    void *values = kd_alloc(kd_bytes(&v->spec));
    for (int64_t i = 0; i < count; i++) {
        const double value = value_at(t, place(&v->spec, i));
        if (v->spec.dtype == KD_F64) {
            ((double *)values)[i] = value;
        } else {
            ((float *)values)[i] = (float)value;
        }
    }
    const bool ok = engine_write_variable(in->engine, index, values, kd_bytes(&v->spec), err);
    free(values);
    return ok;
}

/* The encoder, and copies of it, which start as it does. */
static bool write_all(import *in, int64_t *ret_tensors, kd_error *err) {
    int64_t tensors = 0;
    for (int i = 0; i < engine_variables(in->engine); i++) {
        const variable *v = engine_variable(in->engine, i);
        const char *name = inner_name(v);
        const safetensor *t = name ? safetensors_find(in->file, name) : NULL;
        const kd_spec want = file_spec(&v->spec);
        if (t && fits(t, &want) && !write_variable(in, i, t, err)) {
            return false;
        }
        tensors += t && is_own(v);
    }
    *ret_tensors = tensors;
    return true;
}

bool import_encoder(engine *e, const char *path, const char *const *drop, int n_drop,
                    int64_t *ret_tensors, kd_error *err) {
import in = {.engine = e, .drop = drop, .n_drop = n_drop };
    in.file = safetensors_open(path, err);
    if (!in.file) {
        return false;
    }
    in.used = arena_alloc(&in.memory, (size_t)safetensors_count(in.file) + 1);
    const bool ok = compare(&in, err) && write_all(&in, ret_tensors, err);
    safetensors_close(in.file);
    arena_free(&in.memory);
    return ok;
}

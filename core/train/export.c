/* SPDX-License-Identifier: Apache-2.0
 * From a checkpoint's names and layouts to those of torchvision and timm. */
#include "train/export.h"

#include "base/file.h"
#include "base/safetensors.h"
#include "train/checkpoint.h"

#include <stdlib.h>

static const char prefix[] = "encoder.";
static const char tracked[] = "num_batches_tracked";

static bool is_encoder(const safetensor *t) {
    return strncmp(t->name, prefix, sizeof prefix - 1) == 0;
}

/* "bn1.running_mean" -> the length of "bn1."; 0 for other names. */
static size_t norm_length(const char *name) {
    static const char mean[] = "running_mean";
    const size_t length = strlen(name), own = sizeof mean - 1;
    return length > own && strcmp(name + length - own, mean) == 0 ? length - own : 0;
}

static kd_spec exported_spec(const kd_spec *s) {
    kd_spec spec = *s;
    spec.dtype = KD_F32;
    if (s->rank == 4) {
        spec.dim[1] = s->dim[3];
        spec.dim[2] = s->dim[1];
        spec.dim[3] = s->dim[2];
    }
    return spec;
}

static float value_at(const safetensor *t, int64_t i) {
    return t->spec.dtype == KD_F64 ? (float)((const double *)t->data)[i]
                                   : ((const float *)t->data)[i];
}

/* [o, kh, kw, i] -> [o, i, kh, kw]; anything that is not of rank 4 stays as it is. */
static void convert(const safetensor *t, float *to) {
    const int64_t *d = t->spec.dim;
    if (t->spec.rank != 4) {
        for (int64_t i = 0; i < kd_elements(&t->spec); i++) {
            to[i] = value_at(t, i);
        }
        return;
    }
    const int64_t pixels = d[1] * d[2];
    for (int64_t o = 0; o < d[0]; o++) {
        for (int64_t p = 0; p < pixels; p++) {
            for (int64_t i = 0; i < d[3]; i++) {
                to[(o * d[3] + i) * pixels + p] = value_at(t, (o * pixels + p) * d[3] + i);
            }
        }
    }
}

/* Declares what write_all writes, in its order. */
static bool declare_all(const safetensors *in, safetensors_writer *out, kd_error *err) {
    int count = 0;
    for (int i = 0; i < safetensors_count(in); i++) {
        const safetensor *t = safetensors_at(in, i);
        if (!is_encoder(t)) {
            continue;
        }
        const char *name = t->name + sizeof prefix - 1;
        const kd_spec spec = exported_spec(&t->spec);
        safetensors_declare(out, name, &spec);
        const size_t length = norm_length(name);
        if (length) {
            char counter[1024];
            snprintf(counter, sizeof counter, "%.*s%s", (int)length, name, tracked);
            safetensors_declare(out, counter, &(kd_spec){.dtype = KD_I64});
        }
        count++;
    }
    return count > 0 ||
           kd_fail(err, KD_E_INVALID, "%s: has nothing under \"%s\"", safetensors_path(in), prefix);
}

static bool write_all(const safetensors *in, safetensors_writer *out, int64_t step, kd_error *err) {
    int index = 0;
    for (int i = 0; i < safetensors_count(in); i++) {
        const safetensor *t = safetensors_at(in, i);
        if (!is_encoder(t)) {
            continue;
        }
        const size_t bytes = (size_t)kd_elements(&t->spec) * sizeof(float);
        float *values = kd_alloc(bytes);
        convert(t, values);
        const bool ok = safetensors_write(out, index++, values, bytes, err);
        free(values);
        if (!ok ||
            (norm_length(t->name) && !safetensors_write(out, index++, &step, sizeof step, err))) {
            return false;
        }
    }
    return true;
}

static void attach_file(safetensors_writer *out, const char *key, const char *path) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error ignored = KD_ERROR_INIT;
    if (file_read(path, 1 << 20, &text, &bytes, &ignored)) {
        safetensors_set_metadata(out, key, text);
        free(text);
    }
}

static void set_metadata(safetensors_writer *out, const run_folder *from, int64_t step) {
    char text[4096];
    safetensors_set_metadata(out, "format", "pt");
    safetensors_set_metadata(out, "kindred", KINDRED_VERSION);
    snprintf(text, sizeof text, "%lld", (long long)step);
    safetensors_set_metadata(out, "step", text);
    attach_file(out, "config", from->config);
    snprintf(text, sizeof text, "%s/environment.json", from->path);
    attach_file(out, "environment", text);
}

bool export_encoder(const run_folder *from, int64_t step, const char *to, int64_t *ret_step,
                    kd_error *err) {
    safetensors *in = NULL;
    int64_t found = 0;
    if (!checkpoint_open(from->checkpoints, step, &in, &found, err)) {
        return false;
    }
    safetensors_writer *out = safetensors_writer_create(to);
    set_metadata(out, from, found);
    const bool ok = declare_all(in, out, err) && safetensors_begin(out, err) &&
                    write_all(in, out, found, err) && safetensors_commit(out, err);
    safetensors_writer_destroy(out);
    safetensors_close(in);
    if (ok) {
        *ret_step = found;
    }
    return ok;
}

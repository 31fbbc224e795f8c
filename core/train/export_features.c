/* SPDX-License-Identifier: Apache-2.0
 * Features of a dataset as a file. */
#include "train/export.h"

#include "base/safetensors.h"

static bool write_columns(safetensors_writer *out, const features *f, kd_error *err) {
    const size_t rows = (size_t)f->rows;
    const kd_spec matrix = {.dtype = KD_F32, .rank = 2, .dim = {f->rows, f->width}};
    const int value = safetensors_declare(out, "features", &matrix);
    const int label =
        safetensors_declare(out, "label", &(kd_spec){.dtype = KD_I32, .rank = 1, {f->rows}});
    const int index =
        safetensors_declare(out, "index", &(kd_spec){.dtype = KD_I64, .rank = 1, {f->rows}});
    return safetensors_begin(out, err) &&
           safetensors_write(out, value, f->value, kd_bytes(&matrix), err) &&
           safetensors_write(out, label, f->label, rows * sizeof *f->label, err) &&
           safetensors_write(out, index, f->sample, rows * sizeof *f->sample, err) &&
           safetensors_commit(out, err);
}

bool export_features(assembly *a, int64_t step, const char *to, int64_t *ret_rows, kd_error *err) {
    features f = {0};
    if (!features_take(a, &a->features, a->extra_data, false, "embed", &f, err)) {
        return false;
    }
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)step);
    safetensors_writer *out = safetensors_writer_create(to);
    safetensors_set_metadata(out, "kindred", KINDRED_VERSION);
    safetensors_set_metadata(out, "run", a->run->keys.name);
    safetensors_set_metadata(out, "step", text);
    safetensors_set_metadata(out, "data", images_identity(a->extra_data, &a->memory));
    const bool ok = write_columns(out, &f, err);
    safetensors_writer_destroy(out);
    if (ok) {
        *ret_rows = f.rows;
    }
    features_free(&f);
    progress_break(&a->progress);
    return ok;
}

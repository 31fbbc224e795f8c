/* SPDX-License-Identifier: Apache-2.0
 * Writing a checkpoint beside its place, making it durable, moving it there, and only then removing
 * old ones. */
#include "train/checkpoint_internal.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"

#include <math.h>
#include <stdlib.h>

static bool is_finite(const void *data, const kd_spec *spec) {
    const int64_t count = kd_elements(spec);
    bool finite = true;
    for (int64_t i = 0; finite && i < count; i++) {
        finite = spec->dtype == KD_F64   ? isfinite(((const double *)data)[i])
                 : spec->dtype == KD_F32 ? isfinite(((const float *)data)[i])
                                         : true;
    }
    return finite;
}

/* Where values come from: the engine's copy, or the device through a buffer. */
typedef struct values {
    engine *engine;
    bool copied;
    void *buffer;
    size_t capacity;
} values;

static bool get_values(values *from, int i, const void **ret, kd_error *err) {
    const size_t bytes = kd_bytes(&engine_variable(from->engine, i)->spec);
    if (from->copied) {
        *ret = engine_copied(from->engine, i);
        return true;
    }
    if (bytes > from->capacity) {
        from->buffer = kd_grow(from->buffer, bytes);
        from->capacity = bytes;
    }
    *ret = from->buffer;
    return engine_read_variable(from->engine, i, from->buffer, bytes, err);
}

/* A variable, unless it would make a checkpoint that no run can go on from. */
static bool write_variable(safetensors_writer *w, values *from, int i, kd_error *err) {
    const variable *v = engine_variable(from->engine, i);
    const void *data = NULL;
    if (!get_values(from, i, &data, err)) {
        return false;
    }
    if (!is_finite(data, &v->spec)) {
        return kd_fail(err, KD_E_DATA, "%s holds a value that is not finite", v->name);
    }
    return safetensors_write(w, i, data, kd_bytes(&v->spec), err);
}

static bool write_variables(safetensors_writer *w, values *from, kd_error *err) {
    bool ok = true;
    for (int i = 0; ok && i < engine_variables(from->engine); i++) {
        ok = write_variable(w, from, i, err);
    }
    return ok;
}

static bool write_state(const char *path, values *from, const checkpoint_info *info,
                        kd_error *err) {
    const engine *e = from->engine;
    char step[32];
    snprintf(step, sizeof step, "%lld", (long long)info->step);
    safetensors_writer *w = safetensors_writer_create(path);
    for (int i = 0; i < engine_variables(e); i++) {
        const variable *v = engine_variable(e, i);
        safetensors_declare(w, v->name, &v->spec);
    }
    safetensors_set_metadata(w, "format", "kindred checkpoint 1");
    safetensors_set_metadata(w, "kindred", KINDRED_VERSION);
    safetensors_set_metadata(w, "step", step);
    safetensors_set_metadata(w, "device", info->device);
    safetensors_set_metadata(w, "data", info->data);
    const bool ok =
        safetensors_begin(w, err) && write_variables(w, from, err) && safetensors_commit(w, err);
    safetensors_writer_destroy(w);
    return ok;
}

static bool write_sums(const char *path, const char *state, kd_error *err) {
    char hex[SHA256_HEX], line[SHA256_HEX + sizeof CHECKPOINT_STATE + 4];
    if (!sha256_file(state, hex, err)) {
        return false;
    }
    const int bytes = snprintf(line, sizeof line, "%s  %s\n", hex, CHECKPOINT_STATE);
    return file_write(path, line, (size_t)bytes, err);
}

static bool fill(const char *beside, values *from, const checkpoint_info *info, kd_error *err) {
    char state[PATH_MAX], sums[PATH_MAX];
    snprintf(state, sizeof state, "%s/%s", beside, CHECKPOINT_STATE);
    snprintf(sums, sizeof sums, "%s/%s", beside, CHECKPOINT_SUMS);
    return write_state(state, from, info, err) && write_sums(sums, state, err);
}

void checkpoint_prune(const char *folder, int keep) {
    double value = 0;
    int64_t *steps = NULL;
    const int64_t best = checkpoint_best(folder, &value);
    const int count = checkpoint_list(folder, &steps);
    for (int i = 0; i < count - keep; i++) {
        char path[PATH_MAX];
        kd_error err = KD_ERROR_INIT;
        checkpoint_path(folder, steps[i], path, sizeof path);
        if (steps[i] != best && !file_remove_tree(path, &err)) {
            log_line(KD_LOG_WARN, "%s", err.message);
        }
    }
    free(steps);
}

bool checkpoint_write(const char *folder, engine *e, const checkpoint_info *info, bool copied,
                      int keep, kd_error *err) {
    values from = {.engine = e, .copied = copied};
    char path[PATH_MAX], *beside = NULL;
    checkpoint_path(folder, info->step, path, sizeof path);
    if (!file_make_directories(folder, err) || !directory_begin(path, &beside, err)) {
        return kd_while(err, "checkpoint of step %lld", (long long)info->step);
    }
    const bool ok = fill(beside, &from, info, err) && directory_commit(beside, path, err);
    if (ok) {
        checkpoint_prune(folder, keep);
    } else {
        kd_error ignored = KD_ERROR_INIT;
        file_remove_tree(beside, &ignored);
        kd_while(err, "checkpoint of step %lld", (long long)info->step);
    }
    free(from.buffer);
    free(beside);
    return ok;
}

bool checkpoint_save(const char *folder, engine *e, const checkpoint_info *info, int keep,
                     kd_error *err) {
    return checkpoint_write(folder, e, info, false, keep, err);
}

/* SPDX-License-Identifier: Apache-2.0
 * Finding the newest whole checkpoint and putting it into an engine. */
#include "train/checkpoint_internal.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"

#include <stdlib.h>

static bool is_encoder(const char *name) {
    return strncmp(name, "encoder.", 8) == 0;
}

/* Copies first, since the engine wants aligned memory of its own type. */
static bool load_variable(const safetensors *file, engine *e, int i, kd_error *err) {
    const variable *v = engine_variable(e, i);
    const safetensor *t = safetensors_need(file, v->name, &v->spec, err);
    return t && engine_write_variable(e, i, t->data, t->bytes, err);
}

static bool load_state(const safetensors *file, engine *e, bool encoder_only, kd_error *err) {
    int loaded = 0;
    for (int i = 0; i < engine_variables(e); i++) {
        const variable *v = engine_variable(e, i);
        if (encoder_only && !(v->kind != VARIABLE_MOMENT && is_encoder(v->name))) {
            continue;
        }
        if (!load_variable(file, e, i, err)) {
            return false;
        }
        loaded++;
    }
    if (!encoder_only && loaded != safetensors_count(file)) {
        return kd_fail(err, KD_E_INVALID, "%s: holds %d tensors where this run has %d variables",
                       safetensors_path(file), safetensors_count(file), loaded);
    }
    return true;
}

bool checkpoint_open(const char *folder, int64_t step, safetensors **ret, int64_t *ret_step,
                     kd_error *err) {
    int64_t *steps = NULL;
    safetensors *file = NULL;
    const int count = checkpoint_list(folder, &steps);
    kd_fail(err, KD_E_IO, step < 0 ? "%s: no checkpoint" : "%s: no checkpoint of step %lld", folder,
            (long long)step);
    for (int i = count - 1; i >= 0 && !file; i--) {
        if (step >= 0 && steps[i] != step) {
            continue;
        }
        char path[PATH_MAX];
        checkpoint_state_path(folder, steps[i], path);
        if (checkpoint_verify(folder, steps[i], err) && (file = safetensors_open(path, err))) {
            *ret_step = steps[i];
        } else {
            log_line(KD_LOG_WARN, "checkpoint of step %lld passed over: %s", (long long)steps[i],
                     err->message);
        }
    }
    free(steps);
    *ret = file;
    return file != NULL;
}

/* Other data is another run; another device the same run with perhaps other bits. */
static bool compare(const safetensors *file, const checkpoint_info *want, kd_error *err) {
    const char *device = safetensors_metadata(file, "device");
    const char *data = safetensors_metadata(file, "data");
    if (!data || strcmp(data, want->data) != 0) {
        kd_fail(err, KD_E_INVALID, "the data has changed: it was %s when the run began, and is %s",
                data ? data : "unknown", want->data);
        return kd_hint(err, "put the data back, or give the run another name");
    }
    if (!device || strcmp(device, want->device) != 0) {
        log_line(
            KD_LOG_WARN,
            "the run began on another device (%s) than this one (%s): it goes on, but not with "
            "the bits that it would have had there",
            device ? device : "unknown", want->device);
    }
    return true;
}

bool checkpoint_resume(const char *folder, engine *e, const checkpoint_info *want,
                       int64_t *ret_step, kd_error *err) {
    int64_t *steps = NULL, step = -1;
    const int count = checkpoint_list(folder, &steps);
    free(steps);
    if (!file_sweep(folder, err)) {
        return false;
    }
    if (count == 0) {
        *ret_step = -1;
        return true;
    }
    safetensors *file = NULL;
    const bool ok = checkpoint_open(folder, -1, &file, &step, err) && compare(file, want, err) &&
                    load_state(file, e, false, err);
    safetensors_close(file);
    if (!ok) {
        return kd_while(err, "resuming from %s", folder);
    }
    *ret_step = step;
    return true;
}

bool checkpoint_load_encoder(const char *folder, int64_t step, engine *e, int64_t *ret_step,
                             kd_error *err) {
    safetensors *file = NULL;
    const bool ok =
        checkpoint_open(folder, step, &file, ret_step, err) && load_state(file, e, true, err);
    safetensors_close(file);
    return ok;
}

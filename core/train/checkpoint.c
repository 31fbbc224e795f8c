/* SPDX-License-Identifier: Apache-2.0
 * What checkpoints there are, which is the best, and whether one is whole. */
#include "train/checkpoint_internal.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/sha256.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>

void checkpoint_path(const char *folder, int64_t step, char *ret, size_t bytes) {
    snprintf(ret, bytes, "%s/step-%lld", folder, (long long)step);
}

void checkpoint_state_path(const char *folder, int64_t step, char ret[PATH_MAX]) {
    snprintf(ret, PATH_MAX, "%s/step-%lld/%s", folder, (long long)step, CHECKPOINT_STATE);
}

static int ascending(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* "step-12" -> 12; -1 for any other name. */
static int64_t step_of(const char *name) {
    char *end = NULL;
    if (strncmp(name, "step-", 5) != 0 || name[5] < '0' || name[5] > '9') {
        return -1;
    }
    const int64_t step = strtoll(name + 5, &end, 10);
    return *end ? -1 : step;
}

int checkpoint_list(const char *folder, int64_t **ret) {
    int64_t *steps = NULL;
    int count = 0;
    DIR *directory = opendir(folder);
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        const int64_t step = step_of(entry->d_name);
        if (step >= 0) {
            steps = kd_grow(steps, sizeof *steps * (size_t)(count + 1));
            steps[count++] = step;
        }
    }
    if (directory) {
        closedir(directory);
    }
    if (count > 1) {
        qsort(steps, (size_t)count, sizeof *steps, ascending);
    }
    *ret = steps;
    return count;
}

int64_t checkpoint_best(const char *folder, double *ret_value) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, CHECKPOINT_BEST);
    json_t *best = json_load_file(path, 0, NULL);
    const json_t *step = json_object_get(best, "step"), *value = json_object_get(best, "value");
    const bool known = json_is_integer(step) && json_is_number(value);
    const int64_t ret = known ? json_integer_value(step) : -1;
    if (known) {
        *ret_value = json_number_value(value);
    }
    json_decref(best);
    return ret;
}

bool checkpoint_note_best(const char *folder, int64_t step, const char *eval, double value,
                          int keep, kd_error *err) {
    double best = 0;
    if (checkpoint_best(folder, &best) >= 0 && value <= best) {
        return true;
    }
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, CHECKPOINT_BEST);
    json_t *note =
        json_pack("{s:I, s:s, s:f}", "step", (json_int_t)step, "eval", eval, "value", value);
    char *text = json_dumps(note, JSON_PRESERVE_ORDER | JSON_INDENT(2));
    json_decref(note);
    const bool ok = file_write(path, text, strlen(text), err);
    free(text);
    if (ok) {
        checkpoint_prune(folder, keep);
    }
    return ok;
}

bool checkpoint_verify(const char *folder, int64_t step, kd_error *err) {
    char state[PATH_MAX], sums[PATH_MAX], is[SHA256_HEX];
    checkpoint_state_path(folder, step, state);
    snprintf(sums, sizeof sums, "%s/step-%lld/%s", folder, (long long)step, CHECKPOINT_SUMS);
    char *was = NULL;
    size_t bytes = 0;
    if (!file_read(sums, 4096, &was, &bytes, err)) {
        return false;
    }
    const bool read = sha256_file(state, is, err);
    const bool same = read && bytes >= SHA256_HEX - 1 && memcmp(was, is, SHA256_HEX - 1) == 0;
    free(was);
    return same ||
           (read &&
            kd_fail(err, KD_E_DATA, "%s: damaged: not what %s says", state, CHECKPOINT_SUMS)) ||
           false;
}

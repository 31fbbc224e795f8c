/* SPDX-License-Identifier: Apache-2.0
 * Appending to metrics.jsonl, so that a run that was stopped and resumed reads as if it never was.
 */
#include "train/metrics.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/json_lines.h"
#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

struct metrics {
    FILE *file;
    events *mirror; /* NULL: none */
    bool warned;
};

typedef struct kept {
    char *text;
    size_t bytes;
    int64_t step;
} kept;

static bool keep_line(void *context, const char *line, json_t *object) {
    kept *k = context;
    if (json_integer_value(json_object_get(object, "step")) <= k->step) {
        const size_t bytes = strlen(line);
        memcpy(k->text + k->bytes, line, bytes);
        k->text[k->bytes + bytes] = '\n';
        k->bytes += bytes + 1;
    }
    return true;
}

/* Rewrites the file without what comes again. */
static bool trim(const char *path, int64_t step, kd_error *err) {
    char *text = NULL;
    size_t bytes = 0;
    if (!file_exists(path)) {
        return true;
    }
    if (!file_read(path, 0, &text, &bytes, err)) {
        return false;
    }
    kept k = {.text = kd_alloc(bytes + 1), .step = step};
    json_lines_walk(text, keep_line, &k);
    const bool ok = k.bytes == bytes || file_write(path, k.text, k.bytes, err);
    free(k.text);
    free(text);
    return ok;
}

metrics *metrics_open(const char *path, int64_t step, kd_error *err) {
    if (!trim(path, step, err)) {
        return NULL;
    }
    FILE *file = fopen(path, "ae");
    if (!file) {
        kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
        return NULL;
    }
    metrics *m = kd_alloc(sizeof *m);
    m->file = file;
    return m;
}

void metrics_close(metrics *m) {
    if (m) {
        fclose(m->file);
        free(m);
    }
}

void metrics_mirror(metrics *m, events *to) {
    m->mirror = to;
}

void metrics_write(metrics *m, json_t *line) {
    char *text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
    if (m->mirror) {
        events_write(m->mirror, line);
    }
    json_decref(line);
    const bool written = text && fprintf(m->file, "%s\n", text) > 0 && fflush(m->file) == 0;
    if (!written && !m->warned) {
        log_line(KD_LOG_WARN, "metrics.jsonl: a line is lost: %s", strerror(errno));
        m->warned = true;
    }
    free(text);
}

json_t *metrics_real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

typedef struct sought {
    const char *name, *of;
    int64_t step;
    json_t *found;
} sought;

static bool has_text(const json_t *object, const char *key, const char *text) {
    const char *value = json_string_value(json_object_get(object, key));
    return value && strcmp(value, text) == 0;
}

static bool compare(void *context, const char *line, json_t *object) {
    (void)line;
    sought *s = context;
    if (has_text(object, "eval", s->name) && has_text(object, "of", s->of) &&
        json_integer_value(json_object_get(object, "step")) == s->step) {
        json_decref(s->found);
        s->found = json_incref(object);
    }
    return true;
}

json_t *metrics_find(const char *path, int64_t step, const char *name, const char *of) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error ignored = KD_ERROR_INIT;
    if (!file_exists(path) || !file_read(path, 0, &text, &bytes, &ignored)) {
        return NULL;
    }
    sought s = {.name = name, .of = of, .step = step};
    json_lines_walk(text, compare, &s);
    free(text);
    return s.found;
}

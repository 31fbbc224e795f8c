/* SPDX-License-Identifier: Apache-2.0
 * Pair manifests in JSON lines, and the choice between the two formats. */
#include "data/manifest.h"

#include "base/file.h"
#include "base/sha256.h"
#include "base/suggest.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define KEYS_HINT                                                                                  \
    "a line is {\"a\": path or index, \"b\": path or index, \"label\": number}; "                  \
    "\"class_name\", \"id\", \"similarity\" and \"factor\" may follow"

static bool has_suffix(const char *path, const char *suffix) {
    const size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

void manifest_add(manifest *m, manifest_row row) {
    if (m->count == m->room) {
        m->room = m->room ? 2 * m->room : 256;
        m->row = kd_grow(m->row, (size_t)m->room * sizeof *m->row);
    }
    m->row[m->count++] = row;
}

bool manifest_check_label(const char *path, int64_t line, int64_t label, kd_error *err) {
    if (label <= MANIFEST_LABEL) {
        return true;
    }
    kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": label %" PRId64 " is above %d", path, line, label,
            MANIFEST_LABEL);
    return kd_hint(err, "labels are the numbers of classes, from 0 without gaps");
}

bool manifest_is_id(const char *text) {
    return text && *text && !text[strcspn(text, "# \t\r\n")];
}

/* "a" and "b" as they are written, apart by a byte that neither can have. */
const char *manifest_id(const manifest_row *row, char made[PAIR_ID]) {
    if (row->id) {
        return row->id;
    }
    char *text = NULL, hex[SHA256_HEX];
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    for (int i = 0; i < 2; i++) {
        const image_reference *image = &row->image[i];
        if (image->path) {
            fprintf(out, "%s%c", image->path, 0);
        } else {
            fprintf(out, "%" PRId64 "%c", image->index, 0);
        }
    }
    fclose(out);
    sha256_bytes(text, bytes, hex);
    free(text);
    snprintf(made, PAIR_ID, "%.12s", hex);
    return made;
}

void manifest_free(manifest *m) {
    free(m->row);
    arena_free(&m->memory);
}

static bool fail_line(const char *path, int64_t line, const char *what, kd_error *err) {
    kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": %s", path, line, what);
    return kd_hint(err, KEYS_HINT);
}

static bool read_reference(json_t *value, arena *memory, image_reference *ret) {
    if (json_is_string(value)) {
        ret->path = arena_text(memory, json_string_value(value));
        return true;
    }
    ret->index = json_integer_value(value);
    return json_is_integer(value) && ret->index >= 0;
}

/* What may stand beside a pair: its id, its similarity and its class's name. */
static bool read_marks(const char *path, int64_t line, json_t *object, manifest *m,
                       manifest_row *row, kd_error *err) {
    const json_t *id = json_object_get(object, "id");
    const json_t *similarity = json_object_get(object, "similarity");
    const json_t *name = json_object_get(object, "class_name");
    const json_t *factor = json_object_get(object, "factor");
    if (name && !json_is_string(name)) {
        return fail_line(path, line, "'class_name' is not a text", err);
    }
    if (id && !manifest_is_id(json_string_value(id))) {
        return fail_line(path, line, "'id' is not a word", err);
    }
    if (similarity && !json_is_number(similarity)) {
        return fail_line(path, line, "'similarity' is not a number", err);
    }
    row->id = id ? arena_text(&m->memory, json_string_value(id)) : NULL;
    if (factor && !json_is_string(factor)) {
        return fail_line(path, line, "'factor' is not a text", err);
    }
    row->factor = factor ? arena_text(&m->memory, json_string_value(factor)) : NULL;
    row->class_name = name ? arena_text(&m->memory, json_string_value(name)) : NULL;
    row->similarity = similarity ? json_number_value(similarity) : (double)NAN;
    return true;
}

static bool read_object(const char *path, int64_t line, json_t *object, manifest *m,
                        kd_error *err) {
    enum { N_KEYS = 7 };
    static const char *const keys[N_KEYS] = {"a",  "b",          "label", "class_name",
                                             "id", "similarity", "factor"};
    manifest_row row = {.line = line, .label = -1, .similarity = (double)NAN};
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        int found = 0;
        while (found < N_KEYS && strcmp(key, keys[found]) != 0) {
            found++;
        }
        if (found == N_KEYS) {
            const char *near = suggest(key, keys, N_KEYS);
            kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": unknown key '%s'%s%s%s", path, line, key,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
            return kd_hint(err, KEYS_HINT);
        }
    }
    for (int i = 0; i < 2; i++) {
        if (!(value = json_object_get(object, keys[i]))) {
            return fail_line(path, line, i ? "'b' is missing" : "'a' is missing", err);
        }
        if (!read_reference(value, &m->memory, &row.image[i])) {
            return fail_line(path, line,
                             i ? "'b' is neither a path nor an index"
                               : "'a' is neither a path nor an index",
                             err);
        }
    }
    value = json_object_get(object, "label");
    if (value && !json_is_null(value)) {
        row.label = json_integer_value(value);
        if (!json_is_integer(value) || row.label < 0) {
            return fail_line(path, line, "'label' is not a number from 0", err);
        }
    }
    if (!manifest_check_label(path, line, row.label, err)) {
        return false;
    }
    if (!read_marks(path, line, object, m, &row, err)) {
        return false;
    }
    manifest_add(m, row);
    return true;
}

bool manifest_read_jsonl(const char *path, char *text, manifest *m, kd_error *err) {
    int64_t line = 1;
    for (char *next; text && *text; text = next, line++) {
        next = strchr(text, '\n');
        const size_t length = next ? (size_t)(next++ - text) : strlen(text);
        if (strspn(text, " \t\r") >= length) {
            continue;
        }
        json_error_t problem;
        json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
        if (!object) {
            kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": not JSON: %s", path, line, problem.text);
            return kd_hint(err, KEYS_HINT);
        }
        const bool good = json_is_object(object) ? read_object(path, line, object, m, err)
                                                 : fail_line(path, line, "not an object", err);
        json_decref(object);
        if (!good) {
            return false;
        }
    }
    return true;
}

bool manifest_check_name(const char *path, bool *ret_csv, kd_error *err) {
    const bool csv = has_suffix(path, ".csv");
    if (ret_csv) {
        *ret_csv = csv;
    }
    if (!csv && !has_suffix(path, ".jsonl")) {
        kd_fail(err, KD_E_INVALID, "%s: neither .csv nor .jsonl", path);
        return kd_hint(err, "pairs come as CSV with a header, or as JSON lines");
    }
    return true;
}

static bool is_text(const char *path, const char *text, size_t bytes, kd_error *err) {
    if (!memchr(text, 0, bytes)) {
        return true;
    }
    kd_fail(err, KD_E_INVALID, "%s: not text: it has a zero byte", path);
    return kd_hint(err, "pairs come as CSV with a header, or as JSON lines, in UTF-8");
}

bool manifest_read(const char *path, manifest *ret, kd_error *err) {
    *ret = (manifest){0};
    bool csv;
    char *text;
    size_t bytes;
    if (!manifest_check_name(path, &csv, err) ||
        !file_read(path, (size_t)1 << 32, &text, &bytes, err)) {
        return false;
    }
    char *begin = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    bool good =
        is_text(path, text, bytes, err) && (csv ? manifest_read_csv(path, begin, ret, err)
                                                : manifest_read_jsonl(path, begin, ret, err));
    free(text);
    if (good && ret->count == 0) {
        good = kd_fail(err, KD_E_INVALID, "%s: it names no pair", path);
        kd_hint(err, "each pair has a line of its own; in CSV they follow a header");
    }
    return good;
}

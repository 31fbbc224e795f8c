/* SPDX-License-Identifier: Apache-2.0
 * Pair manifests written: RFC 4180's CSV, or JSON lines. */
#include "base/file.h"
#include "data/manifest.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* What some row has. */
typedef struct columns {
    bool label, class_name, similarity, factor;
} columns;

static columns find_columns(const manifest *m) {
    columns c = {0};
    for (int64_t i = 0; i < m->count; i++) {
        c.label = c.label || m->row[i].label >= 0;
        c.class_name = c.class_name || m->row[i].class_name;
        c.similarity = c.similarity || !isnan(m->row[i].similarity);
        c.factor = c.factor || m->row[i].factor;
    }
    return c;
}

/* Quotes only where a field needs them. */
static void write_field(FILE *out, const char *text) {
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        fputs(*text == '"' ? "\"\"" : (const char[]){*text, 0}, out);
    }
    fputc('"', out);
}

static void write_csv(FILE *out, const manifest *m) {
    const columns c = find_columns(m);
    fprintf(out, "id,%s%s%s%s%s\n", m->count && m->row->image->path ? "a,b" : "index_a,index_b",
            c.label ? ",label" : "", c.class_name ? ",class_name" : "",
            c.similarity ? ",similarity" : "", c.factor ? ",factor" : "");
    for (int64_t i = 0; i < m->count; i++) {
        const manifest_row *row = &m->row[i];
        char made[PAIR_ID];
        write_field(out, manifest_id(row, made));
        for (int side = 0; side < 2; side++) {
            const image_reference *image = &row->image[side];
            fputc(',', out);
            if (image->path) {
                write_field(out, image->path);
            } else {
                fprintf(out, "%" PRId64, image->index);
            }
        }
        if (c.label) {
            fputc(',', out);
        }
        if (row->label >= 0) {
            fprintf(out, "%" PRId64, row->label);
        }
        if (c.class_name) {
            fputc(',', out);
            write_field(out, row->class_name ? row->class_name : "");
        }
        if (c.similarity) {
            fputc(',', out);
        }
        if (!isnan(row->similarity)) {
            fprintf(out, "%.6f", row->similarity);
        }
        if (c.factor) {
            fputc(',', out);
            write_field(out, row->factor ? row->factor : "");
        }
        fputc('\n', out);
    }
}

static json_t *as_json(const image_reference *image) {
    return image->path ? json_string(image->path) : json_integer(image->index);
}

static bool write_jsonl(FILE *out, const char *path, const manifest *m, kd_error *err) {
    for (int64_t i = 0; i < m->count; i++) {
        const manifest_row *row = &m->row[i];
        char made[PAIR_ID];
        json_t *object = json_object();
        bool good = json_object_set_new(object, "id", json_string(manifest_id(row, made))) == 0 &&
                    json_object_set_new(object, "a", as_json(&row->image[0])) == 0 &&
                    json_object_set_new(object, "b", as_json(&row->image[1])) == 0;
        if (good && row->label >= 0) {
            good = json_object_set_new(object, "label", json_integer(row->label)) == 0;
        }
        if (good && row->class_name) {
            good = json_object_set_new(object, "class_name", json_string(row->class_name)) == 0;
        }
        if (good && !isnan(row->similarity)) {
            const double rounded = round(row->similarity * 1e6) / 1e6;
            good = json_object_set_new(object, "similarity", json_real(rounded)) == 0;
        }
        if (good && row->factor) {
            good = json_object_set_new(object, "factor", json_string(row->factor)) == 0;
        }
        if (good) {
            json_dumpf(object, out, JSON_REAL_PRECISION(7));
            fputc('\n', out);
        }
        json_decref(object);
        if (!good) {
            kd_fail(err, KD_E_INVALID, "%s: pair %" PRId64 " has a name that is not UTF-8", path,
                    i + 1);
            return kd_hint(err, "write a .csv, which takes any bytes");
        }
    }
    return true;
}

bool manifest_write(const char *path, const manifest *m, kd_error *err) {
    bool csv, good = true;
    if (!manifest_check_name(path, &csv, err)) {
        return false;
    }
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (csv) {
        write_csv(out, m);
    } else {
        good = write_jsonl(out, path, m, err);
    }
    fclose(out);
    good = good && file_write(path, text, bytes, err);
    free(text);
    return good;
}

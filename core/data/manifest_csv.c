/* SPDX-License-Identifier: Apache-2.0
 * Pair manifests in CSV, RFC 4180: quoted fields may hold commas, line ends and doubled quotes. */
#include "base/suggest.h"
#include "data/manifest.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define MAX_FIELDS 16

typedef struct reader {
    const char *path;
    char *next;
    int64_t line; /* of `next` */
} reader;

typedef struct record {
    int64_t line; /* where it begins */
    int count;
    char *field[MAX_FIELDS];
} record;

enum { A, B, INDEX_A, INDEX_B, LABEL, CLASS_NAME, ID, SIMILARITY, FACTOR, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {
    "a", "b", "index_a", "index_b", "label", "class_name", "id", "similarity", "factor"};
#define COLUMNS_HINT                                                                               \
    "the header is a,b or index_a,index_b; label, class_name, id, similarity, factor may follow"

#define QUOTES_HINT                                                                                \
    "a field with a comma or a quote in it stands in quotes, where a quote is doubled: "           \
    "\"a, \"\"b\"\".png\""

/* Unquotes in place. Leaves r->next on the field's separator and returns it (',', '\n' or 0). */
static bool read_quoted(reader *r, char **ret, kd_error *err) {
    const int64_t begin = r->line;
    char *from = r->next + 1, *to = from;
    *ret = to;
    for (; *from; from++) {
        if (*from == '"' && from[1] != '"') {
            *to = 0;
            r->next = from + 1;
            return true;
        }
        from += *from == '"';
        r->line += *from == '\n';
        *to++ = *from;
    }
    kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": a quote is not closed", r->path, begin);
    return kd_hint(err, QUOTES_HINT);
}

static bool read_field(reader *r, char **ret, char *ret_end, kd_error *err) {
    if (*r->next == '"') {
        if (!read_quoted(r, ret, err)) {
            return false;
        }
    } else {
        *ret = r->next;
        r->next += strcspn(r->next, ",\r\n");
    }
    char *end = r->next;
    r->next += *r->next == '\r' && r->next[1] == '\n';
    *ret_end = *r->next;
    if (*ret_end != ',' && *ret_end != '\n' && *ret_end != 0) {
        kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": '%c' after a closing quote", r->path, r->line,
                *ret_end);
        return kd_hint(err, QUOTES_HINT);
    }
    r->line += *ret_end == '\n';
    r->next += *ret_end != 0;
    *end = 0;
    return true;
}

static bool read_record(reader *r, record *ret, kd_error *err) {
    ret->count = 0;
    ret->line = r->line;
    for (char end = ','; end == ',';) {
        if (ret->count == MAX_FIELDS) {
            kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": more than %d fields", r->path, ret->line,
                    MAX_FIELDS);
            return kd_hint(err, COLUMNS_HINT);
        }
        if (!read_field(r, &ret->field[ret->count++], &end, err)) {
            return false;
        }
    }
    return true;
}

/* at [N_COLUMNS]: the field of each column, -1: absent. */
static bool read_header(reader *r, int *at, int *ret_fields, kd_error *err) {
    record header;
    if (!read_record(r, &header, err)) {
        return false;
    }
    for (int i = 0; i < N_COLUMNS; i++) {
        at[i] = -1;
    }
    for (int f = 0; f < header.count; f++) {
        int found = -1;
        for (int i = 0; i < N_COLUMNS; i++) {
            found = strcmp(header.field[f], column_names[i]) == 0 ? i : found;
        }
        if (found < 0 || at[found] >= 0) {
            const char *near = suggest(header.field[f], column_names, N_COLUMNS);
            kd_fail(err, KD_E_INVALID, "%s:1: %s column '%s'%s%s%s", r->path,
                    found < 0 ? "unknown" : "repeated", header.field[f],
                    found < 0 && near ? "; did you mean '" : "", found < 0 && near ? near : "",
                    found < 0 && near ? "'?" : "");
            return kd_hint(err, COLUMNS_HINT);
        }
        at[found] = f;
    }
    const bool paths = at[A] >= 0 && at[B] >= 0, indices = at[INDEX_A] >= 0 && at[INDEX_B] >= 0;
    if (paths == indices || (at[A] >= 0) != (at[B] >= 0) ||
        (at[INDEX_A] >= 0) != (at[INDEX_B] >= 0)) {
        kd_fail(err, KD_E_INVALID, "%s:1: a pair needs the columns a and b, or index_a and index_b",
                r->path);
        return kd_hint(err, COLUMNS_HINT);
    }
    *ret_fields = header.count;
    return true;
}

static bool read_integer(const reader *r, const record *rec, int field, const char *column,
                         int64_t *ret, kd_error *err) {
    char *end;
    const char *text = rec->field[field];
    *ret = strtoll(text, &end, 10);
    if (end == text || *end || *ret < 0) {
        kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": %s '%s' is not a number from 0", r->path,
                rec->line, column, text);
        return kd_hint(err,
                       strcmp(column, column_names[LABEL]) == 0
                           ? "labels are the numbers of classes; an empty one is none"
                           : "indices count the dataset's samples; paths have the columns a,b");
    }
    return true;
}

/* What may stand beside a pair: its id, its similarity, its class's name and what differs. An empty
 * field is none. */
static bool read_marks(const reader *r, const record *rec, const int *at, manifest *m,
                       manifest_row *row, kd_error *err) {
    const char *id = at[ID] >= 0 ? rec->field[at[ID]] : "";
    const char *similarity = at[SIMILARITY] >= 0 ? rec->field[at[SIMILARITY]] : "";
    const char *name = at[CLASS_NAME] >= 0 ? rec->field[at[CLASS_NAME]] : "";
    const char *factor = at[FACTOR] >= 0 ? rec->field[at[FACTOR]] : "";
    if (*id && !manifest_is_id(id)) {
        kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": id '%s' is not a word", r->path, rec->line, id);
        return kd_hint(err, "an id has no blank and no # in it; an empty one is made by kindred");
    }
    row->id = *id ? arena_text(&m->memory, id) : NULL;
    row->class_name = *name ? arena_text(&m->memory, name) : NULL;
    row->factor = *factor ? arena_text(&m->memory, factor) : NULL;
    if (*similarity) {
        char *end;
        row->similarity = strtod(similarity, &end);
        if (*end || !isfinite(row->similarity)) {
            kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": similarity '%s' is not a number", r->path,
                    rec->line, similarity);
            return kd_hint(err, "it is a cosine, such as 0.75; an empty one is none");
        }
    }
    return true;
}

static bool read_row(const reader *r, const record *rec, const int *at, manifest *m,
                     kd_error *err) {
    manifest_row row = {.line = rec->line, .label = -1, .similarity = (double)NAN};
    for (int i = 0; i < 2; i++) {
        if (at[A] >= 0) {
            row.image[i].path = arena_text(&m->memory, rec->field[at[A + i]]);
        } else if (!read_integer(r, rec, at[INDEX_A + i], column_names[INDEX_A + i],
                                 &row.image[i].index, err)) {
            return false;
        }
    }
    if (at[LABEL] >= 0 && *rec->field[at[LABEL]] &&
        !read_integer(r, rec, at[LABEL], column_names[LABEL], &row.label, err)) {
        return false;
    }
    if (!manifest_check_label(r->path, rec->line, row.label, err) ||
        !read_marks(r, rec, at, m, &row, err)) {
        return false;
    }
    manifest_add(m, row);
    return true;
}

bool manifest_read_csv(const char *path, char *text, manifest *m, kd_error *err) {
    reader r = {.path = path, .next = text, .line = 1};
    int at[N_COLUMNS], fields = 0;
    if (!read_header(&r, at, &fields, err)) {
        return false;
    }
    while (*r.next) {
        record rec;
        if (!read_record(&r, &rec, err)) {
            return false;
        }
        if (rec.count == 1 && !*rec.field[0]) {
            continue; /* an empty line */
        }
        if (rec.count != fields) {
            kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": %d fields, but the header has %d", path,
                    rec.line, rec.count, fields);
            return kd_hint(err, QUOTES_HINT);
        }
        if (!read_row(&r, &rec, at, m, err)) {
            return false;
        }
    }
    return true;
}

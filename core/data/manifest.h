/* SPDX-License-Identifier: Apache-2.0
 * The text of a pair manifest as rows, read and written; pairs.c gives them their meaning.
 *
 * By the file's suffix CSV (.csv, RFC 4180) with a header, `a,b` with paths or `index_a,index_b`,
 * or JSON lines (.jsonl) of {"a": path or index, "b": path or index}. `label`,
 * `class_name`, `id`, `similarity` and `factor` may follow. */
#ifndef CORE_DATA_MANIFEST_H
#define CORE_DATA_MANIFEST_H

#include "base/arena.h"

#include <kindred/error.h>

/* An image, by path or else by the index of its sample. */
typedef struct image_reference {
    const char *path; /* NULL: by index */
    int64_t index;
} image_reference;

/* Room is made for every class up to the largest label. */
#define MANIFEST_LABEL 1000000

typedef struct manifest_row {
    int64_t line; /* counted from 1 */
    image_reference image[2];
    int64_t label;          /* at most MANIFEST_LABEL; -1: not given */
    const char *class_name; /* of the label, for people: nothing depends on it. NULL: not given */
    const char *id;         /* NULL: not given */
    double similarity;      /* NAN: not given */
    const char *factor;     /* what alone differs in b, for data/variants.h; NULL: not given */
} manifest_row;

#define PAIR_ID 16 /* bytes of an id that is made */

/* The pair's id: its own, or else made of what it calls its images, in `made`: 12 hexadecimal
 * digits, which stay the same wherever the pair stands. */
const char *manifest_id(const manifest_row *row, char made[PAIR_ID]);

typedef struct manifest {
    manifest_row *row; /* malloc's */
    int64_t count, room;
    arena memory; /* of the texts */
} manifest;

/* fails with "FILE:LINE: ..."; free it in any case. */
bool manifest_read(const char *path, manifest *ret, kd_error *err);

/* Writes what manifest_read reads to the same rows, each with its id: CSV or JSON lines by the
 * path's suffix. Columns that no row has are left out.
 *
 * m      its rows name their images all by path or all by index
 * fails  when the suffix is neither, when JSON cannot hold a path that is not UTF-8 */
bool manifest_write(const char *path, const manifest *m, kd_error *err);

/* Fails unless the path ends as a manifest's does; `ret_csv`: which of the two, may be NULL. */
bool manifest_check_name(const char *path, bool *ret_csv, kd_error *err);
void manifest_free(manifest *m);

/* For the two readers. text ends in 0, and may be written to. */
bool manifest_read_csv(const char *path, char *text, manifest *m, kd_error *err);
bool manifest_read_jsonl(const char *path, char *text, manifest *m, kd_error *err);
void manifest_add(manifest *m, manifest_row row);
bool manifest_check_label(const char *path, int64_t line, int64_t label, kd_error *err);
bool manifest_is_id(const char *text); /* a word without # */

#endif

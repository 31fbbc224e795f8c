/* SPDX-License-Identifier: Apache-2.0
 * The writer: all offsets are known once the tensors are declared, so bytes go straight to their
 * place, whichever tensor they belong to. */
#include "base/safetensors.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/file_internal.h"

#include <kindred/op.h>

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct declared {
    const char *name;
    kd_spec spec;
    int64_t bytes, written;
    int64_t offset; /* in the file */
} declared;

struct safetensors_writer {
    const char *path;
    declared *tensors;
    int count, room;
    const char **metadata; /* key, value, key, value ... */
    int metadata_count;
    bool begun;
    file_writer file; /* valid while begun */
    arena arena;
};

safetensors_writer *safetensors_writer_create(const char *path) {
    safetensors_writer *w = kd_alloc(sizeof *w);
    w->path = arena_text(&w->arena, path);
    return w;
}

void safetensors_writer_destroy(safetensors_writer *w) {
    if (!w) {
        return;
    }
    if (w->begun) {
        file_writer_abandon(&w->file);
    }
    free(w->tensors);
    free(w->metadata);
    arena inside = w->arena;
    arena_free(&inside);
    free(w);
}

int safetensors_declare(safetensors_writer *w, const char *name, const kd_spec *spec) {
    if (w->count == w->room) {
        w->room = w->room ? 2 * w->room : 64;
        w->tensors = kd_grow(w->tensors, (size_t)w->room * sizeof *w->tensors);
    }
    w->tensors[w->count] = (declared){.name = arena_text(&w->arena, name), .spec = *spec};
    return w->count++;
}

void safetensors_set_metadata(safetensors_writer *w, const char *key, const char *value) {
    w->metadata = kd_grow(w->metadata, 2 * (size_t)(w->metadata_count + 1) * sizeof *w->metadata);
    w->metadata[2 * w->metadata_count] = arena_text(&w->arena, key);
    w->metadata[2 * w->metadata_count + 1] = arena_text(&w->arena, value);
    w->metadata_count++;
}

static bool measure(const safetensors_writer *w, declared *t, kd_error *err) {
    const kd_spec *spec = &t->spec;
    bool right = safetensors_dtype_name(spec->dtype) && spec->rank >= 0 &&
                 spec->rank <= KD_MAX_RANK && strcmp(t->name, "__metadata__") != 0;
    t->bytes = right ? (int64_t)kd_dtype_bytes(spec->dtype) : 0;
    for (int i = 0; right && i < spec->rank; i++) {
        right = spec->dim[i] >= 0 && !__builtin_mul_overflow(t->bytes, spec->dim[i], &t->bytes);
    }
    return right || kd_fail(err, KD_E_INTERNAL,
                            "%s: tensor %s cannot be stored: its name, type or "
                            "shape is not allowed",
                            w->path, t->name);
}

/* Larger elements first, then as declared: no tensor is ever misaligned. */
static int compare_declared(const void *a, const void *b) {
    const declared *x = *(declared *const *)a, *y = *(declared *const *)b;
    const size_t p = kd_dtype_bytes(x->spec.dtype), q = kd_dtype_bytes(y->spec.dtype);
    if (p != q) {
        return p > q ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

static json_t *entry_json(const declared *t) {
    json_t *shape = json_array();
    for (int i = 0; i < t->spec.rank; i++) {
        json_array_append_new(shape, json_integer(t->spec.dim[i]));
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", safetensors_dtype_name(t->spec.dtype),
                     "shape", shape, "data_offsets", (json_int_t)t->offset,
                     (json_int_t)(t->offset + t->bytes));
}

static int compare_pair(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool add_metadata(const safetensors_writer *w, json_t *header, kd_error *err) {
    json_t *texts = json_object();
    qsort(w->metadata, (size_t)w->metadata_count, 2 * sizeof *w->metadata, compare_pair);
    for (int i = 0; i < w->metadata_count; i++) {
        const char *key = w->metadata[2 * i];
        if (json_object_get(texts, key) ||
            json_object_set_new(texts, key, json_string(w->metadata[2 * i + 1])) != 0) {
            json_decref(texts);
            return kd_fail(err, KD_E_INVALID, "%s: metadata %s is given twice or is not UTF-8",
                           w->path, key);
        }
    }
    json_object_set_new(header, "__metadata__", texts);
    return true;
}

/* Gives every tensor its offset from the header's end, and makes the header. */
static json_t *lay_out(safetensors_writer *w, int64_t *ret_data_bytes, kd_error *err) {
    declared **order = kd_alloc((size_t)w->count * sizeof *order);
    json_t *header = json_object();
    int64_t end = 0;
    bool right = w->metadata_count == 0 || add_metadata(w, header, err);
    for (int i = 0; right && i < w->count; i++) {
        order[i] = &w->tensors[i];
        right = measure(w, order[i], err);
    }
    if (right) {
        qsort(order, (size_t)w->count, sizeof *order, compare_declared);
    }
    for (int i = 0; right && i < w->count; i++) {
        order[i]->offset = end;
        if (__builtin_add_overflow(end, order[i]->bytes, &end) || end > INT64_MAX / 2) {
            right = kd_fail(err, KD_E_INTERNAL, "%s: would be too large", w->path);
        } else if (json_object_get(header, order[i]->name) ||
                   json_object_set_new(header, order[i]->name, entry_json(order[i])) != 0) {
            right = kd_fail(err, KD_E_INTERNAL, "%s: tensor %s is declared twice or is not UTF-8",
                            w->path, order[i]->name);
        }
    }
    free(order);
    if (!right) {
        json_decref(header);
        return NULL;
    }
    *ret_data_bytes = end;
    return header;
}

/* Spaces fill the header to a multiple of 8, so that data begin aligned. */
static bool write_header(safetensors_writer *w, const json_t *header, int64_t *ret_bytes,
                         kd_error *err) {
    char *json = json_dumps(header, JSON_COMPACT);
    const size_t length = strlen(json), padded = (length + 7) & ~(size_t)7;
    unsigned char *bytes = kd_alloc(8 + padded);
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    }
    memset(bytes + 8, ' ', padded);
    memcpy(bytes + 8, json, length);
    const bool done = file_writer_put(&w->file, 0, bytes, 8 + padded, err);
    free(bytes);
    free(json);
    *ret_bytes = (int64_t)(8 + padded);
    return done;
}

bool safetensors_begin(safetensors_writer *w, kd_error *err) {
    int64_t data_bytes, header_bytes;
    json_t *header = lay_out(w, &data_bytes, err);
    if (!header) {
        return false;
    }
    w->begun = file_writer_open(&w->file, w->path, err);
    bool done = w->begun && write_header(w, header, &header_bytes, err);
    json_decref(header);
    /* Take the room now: a full disk is found before hours of work, and never by a signal. */
    if (done && data_bytes && fallocate(w->file.fd, 0, header_bytes, data_bytes) != 0) {
        const bool can_not = errno == EOPNOTSUPP || errno == ENOSYS;
        if (!can_not || ftruncate(w->file.fd, header_bytes + data_bytes) != 0) {
            done = file_fail(err, "write", w->path);
        }
    }
    for (int i = 0; done && i < w->count; i++) {
        w->tensors[i].offset += header_bytes;
    }
    if (!done && w->begun) {
        file_writer_abandon(&w->file);
        w->begun = false;
    }
    return done;
}

bool safetensors_write(safetensors_writer *w, int tensor, const void *data, size_t bytes,
                       kd_error *err) {
    declared *t = &w->tensors[tensor];
    if (!w->begun || bytes > (size_t)(t->bytes - t->written)) {
        return kd_fail(err, KD_E_INTERNAL,
                       "%s: tensor %s has %" PRId64 " bytes, more were written to it", w->path,
                       t->name, t->bytes);
    }
    if (!file_writer_put(&w->file, t->offset + t->written, data, bytes, err)) {
        return false;
    }
    t->written += (int64_t)bytes;
    return true;
}

bool safetensors_commit(safetensors_writer *w, kd_error *err) {
    for (int i = 0; i < w->count; i++) {
        if (w->tensors[i].written != w->tensors[i].bytes) {
            return kd_fail(err, KD_E_INTERNAL,
                           "%s: tensor %s has %" PRId64 " bytes, %" PRId64 " were written", w->path,
                           w->tensors[i].name, w->tensors[i].bytes, w->tensors[i].written);
        }
    }
    if (!w->begun) {
        return kd_fail(err, KD_E_INTERNAL, "%s: ended before it was begun", w->path);
    }
    w->begun = false;
    return file_writer_commit(&w->file, err);
}

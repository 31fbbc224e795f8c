/* SPDX-License-Identifier: Apache-2.0
 * Files of named tensors in the safetensors format: a strict reader that maps, a streaming writer.
 *
 * source  https://github.com/huggingface/safetensors, README "Format": 8 bytes little-endian header
 *         length, a JSON header, then the bytes of all tensors without holes or overlap. */
#ifndef CORE_BASE_SAFETENSORS_H
#define CORE_BASE_SAFETENSORS_H

#include <kindred/graph.h>

/* spec.dtype of a tensor whose type the contract has no word for ("F16", "BOOL", ...). */
#define SAFETENSORS_OTHER (-1)

typedef struct safetensor {
    const char *name;
    const char *dtype; /* as in the file: "F32" */
    kd_spec spec;      /* dtype is KD_F32 ... KD_U8 or SAFETENSORS_OTHER */
    const void *data;  /* the mapped file; see safetensors_open on alignment */
    size_t bytes;
} safetensor;

/* "F32" for KD_F32; NULL for KD_REAL and what is no element type. */
const char *safetensors_dtype_name(int32_t dtype);

typedef struct safetensors safetensors;

/* Maps a file read-only and checks all of its header: at most 100 MB, one JSON object without
 * duplicate keys, known types, ranks up to KD_MAX_RANK, sizes that match, no hole, no overlap, no
 * byte left over. Data of files that this writer made are aligned to their element size; others'
 * need not be (copy them out). The file must not be shortened while it is open. */
safetensors *safetensors_open(const char *path, kd_error *err);
void safetensors_close(safetensors *file);

const char *safetensors_path(const safetensors *file);
int safetensors_count(const safetensors *file);
const safetensor *safetensors_at(const safetensors *file, int i); /* in the order of their bytes */
const safetensor *safetensors_find(const safetensors *file, const char *name); /* NULL: none */

/* Finds a tensor that must be there in this type and shape; a dimension of -1 may be any, and
 * `want` NULL takes any. fails with the path, the tensor, what is there and what was wanted. */
const safetensor *safetensors_need(const safetensors *file, const char *name, const kd_spec *want,
                                   kd_error *err);

/* The texts of `__metadata__`, sorted by key. */
int safetensors_metadata_count(const safetensors *file);
const char *safetensors_metadata_key(const safetensors *file, int i);
const char *safetensors_metadata(const safetensors *file, const char *key); /* NULL: none */

typedef struct safetensors_writer safetensors_writer;

/*  create -> declare each tensor, metadata -> begin -> write -> commit, or destroy at any time.
 * The file appears under `path` only when commit succeeds. Equal calls give equal bytes: tensors
 * lie by falling element size, then as declared (so all are aligned), metadata by key. */
safetensors_writer *safetensors_writer_create(const char *path);

/* Returns the tensor's index, counting from 0. The name must not have been declared before. Shapes
 * and names are checked by begin. */
int safetensors_declare(safetensors_writer *w, const char *name, const kd_spec *spec);
void safetensors_set_metadata(safetensors_writer *w, const char *key, const char *value);

/* Makes the file beside its destination, of its full size. fails when names repeat, a shape has no
 * size, or the disk is too small. */
bool safetensors_begin(safetensors_writer *w, kd_error *err);

/* Appends bytes to a tensor; tensors may be written in any order and interleaved. fails when it
 * would become longer than declared. */
bool safetensors_write(safetensors_writer *w, int tensor, const void *data, size_t bytes,
                       kd_error *err);

/* fails when a tensor is not complete. */
bool safetensors_commit(safetensors_writer *w, kd_error *err);
void safetensors_writer_destroy(safetensors_writer *w);

#endif

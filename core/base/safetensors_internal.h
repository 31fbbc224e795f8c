/* SPDX-License-Identifier: Apache-2.0
 * What the two halves of the safetensors reader share: the mapped file, and its header. */
#ifndef CORE_BASE_SAFETENSORS_INTERNAL_H
#define CORE_BASE_SAFETENSORS_INTERNAL_H

#include "base/arena.h"
#include "base/safetensors.h"

typedef struct text_pair {
    const char *key, *value;
} text_pair;

struct safetensors {
    const char *path;
    unsigned char *map;
    size_t map_bytes;
    safetensor *tensors;        /* in the order of their bytes */
    const safetensor **by_name; /* sorted */
    int count;
    text_pair *metadata;
    int metadata_count;
    arena arena;
};

/* Fills tensors and metadata from the header's JSON; data: what follows the header. */
bool safetensors_read_header(safetensors *file, const char *json, size_t json_bytes,
                             const unsigned char *data, uint64_t data_bytes, kd_error *err);

#endif

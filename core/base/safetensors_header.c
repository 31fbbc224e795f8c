/* SPDX-License-Identifier: Apache-2.0
 * The header of a safetensors file. Nothing in it is believed before it is checked: tensors are
 * sorted by where they begin, and each must begin where the one before it ends. */
#include "base/safetensors_internal.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdlib.h>

static const struct {
    const char *name;
    int32_t dtype;
    int bytes;
} dtypes[] = {
    {"F64", KD_F64, 8},
    {"F32", KD_F32, 4},
    {"BF16", KD_BF16, 2},
    {"F16", SAFETENSORS_OTHER, 2},
    {"I64", KD_I64, 8},
    {"I32", KD_I32, 4},
    {"I16", SAFETENSORS_OTHER, 2},
    {"I8", SAFETENSORS_OTHER, 1},
    {"U64", SAFETENSORS_OTHER, 8},
    {"U32", SAFETENSORS_OTHER, 4},
    {"U16", SAFETENSORS_OTHER, 2},
    {"U8", KD_U8, 1},
    {"BOOL", SAFETENSORS_OTHER, 1},
    {"F8_E4M3", SAFETENSORS_OTHER, 1},
    {"F8_E5M2", SAFETENSORS_OTHER, 1},
};
#define DTYPES (sizeof dtypes / sizeof *dtypes)

const char *safetensors_dtype_name(int32_t dtype) {
    for (size_t i = 0; i < DTYPES; i++) {
        if (dtypes[i].dtype == dtype && dtype != SAFETENSORS_OTHER) {
            return dtypes[i].name;
        }
    }
    return NULL;
}

/* shape -> rank, dimensions, number of elements; refuses what does not fit 63 bits. */
static bool read_shape(const char *name, const json_t *shape, kd_spec *spec, int64_t *elements,
                       kd_error *err) {
    if (!json_is_array(shape)) {
        return kd_fail(err, KD_E_DATA, "tensor %s: shape is not a list", name);
    }
    if (json_array_size(shape) > KD_MAX_RANK) {
        return kd_fail(err, KD_E_UNSUPPORTED, "tensor %s: %zu dimensions, at most %d can be read",
                       name, json_array_size(shape), KD_MAX_RANK);
    }
    spec->rank = (int32_t)json_array_size(shape);
    *elements = 1;
    for (int i = 0; i < spec->rank; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0) {
            return kd_fail(err, KD_E_DATA, "tensor %s: dimension %d is not a whole number", name,
                           i);
        }
        spec->dim[i] = json_integer_value(dim);
        if (__builtin_mul_overflow(*elements, spec->dim[i], elements)) {
            return kd_fail(err, KD_E_DATA, "tensor %s: the shape is too large", name);
        }
    }
    return true;
}

static bool read_dtype(const char *name, const json_t *dtype, safetensor *t, int *bytes,
                       kd_error *err) {
    if (!json_is_string(dtype)) {
        return kd_fail(err, KD_E_DATA, "tensor %s: dtype is not a text", name);
    }
    for (size_t i = 0; i < DTYPES; i++) {
        if (strcmp(dtypes[i].name, json_string_value(dtype)) == 0) {
            t->dtype = dtypes[i].name;
            t->spec.dtype = dtypes[i].dtype;
            *bytes = dtypes[i].bytes;
            return true;
        }
    }
    return kd_fail(err, KD_E_UNSUPPORTED, "tensor %s: unknown dtype %.32s", name,
                   json_string_value(dtype));
}

static bool read_offsets(const char *name, const json_t *offsets, uint64_t data_bytes,
                         int64_t *begin, int64_t *end, kd_error *err) {
    const json_t *first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(second)) {
        return kd_fail(err, KD_E_DATA, "tensor %s: data_offsets is not [begin, end]", name);
    }
    *begin = json_integer_value(first);
    *end = json_integer_value(second);
    if (*begin < 0 || *end < *begin || (uint64_t)*end > data_bytes) {
        return kd_fail(err, KD_E_DATA,
                       "tensor %s: bytes %" PRId64 " to %" PRId64 " are not in the file, which has "
                       "%" PRIu64 " bytes of data",
                       name, *begin, *end, data_bytes);
    }
    return true;
}

static bool read_tensor(safetensors *file, const char *name, const json_t *entry,
                        const unsigned char *data, uint64_t data_bytes, safetensor *t,
                        kd_error *err) {
    const json_t *dtype = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    int64_t begin = 0, end = 0, elements = 0, bytes;
    int element_bytes = 0;
    if (json_object_size(entry) != 3 || !dtype || !shape || !offsets) {
        return kd_fail(err, KD_E_DATA, "tensor %s: wants dtype, shape and data_offsets, no more",
                       name);
    }
    if (!read_dtype(name, dtype, t, &element_bytes, err) ||
        !read_shape(name, shape, &t->spec, &elements, err) ||
        !read_offsets(name, offsets, data_bytes, &begin, &end, err)) {
        return false;
    }
    if (__builtin_mul_overflow(elements, element_bytes, &bytes) || bytes != end - begin) {
        return kd_fail(err, KD_E_DATA,
                       "tensor %s: has %" PRId64 " bytes, but its dtype and shape need another "
                       "number",
                       name, end - begin);
    }
    t->name = arena_text(&file->arena, name);
    t->data = data + begin;
    t->bytes = (size_t)bytes;
    return true;
}

static int compare_begin(const void *a, const void *b) {
    const safetensor *x = a, *y = b;
    const uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
    if (p != q) {
        return p < q ? -1 : 1;
    }
    /* Empty ones lie before the one that begins where they do. */
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static bool check_layout(const safetensors *file, const unsigned char *data, uint64_t data_bytes,
                         kd_error *err) {
    const unsigned char *end = data;
    for (int i = 0; i < file->count; i++) {
        const unsigned char *begin = file->tensors[i].data;
        if (begin != end) {
            return kd_fail(err, KD_E_DATA, "tensor %s: %s before it", file->tensors[i].name,
                           begin > end ? "there is a hole" : "overlaps the one");
        }
        end = begin + file->tensors[i].bytes;
    }
    if (end != data + data_bytes) {
        return kd_fail(err, KD_E_DATA, "%" PRIu64 " bytes at its end belong to no tensor",
                       (uint64_t)(data + data_bytes - end));
    }
    return true;
}

static int compare_key(const void *a, const void *b) {
    return strcmp(((const text_pair *)a)->key, ((const text_pair *)b)->key);
}

static bool read_metadata(safetensors *file, json_t *metadata, kd_error *err) {
    if (!json_is_object(metadata)) {
        return kd_fail(err, KD_E_DATA, "__metadata__ is not a map of texts");
    }
    file->metadata = arena_alloc(&file->arena, json_object_size(metadata) * sizeof(text_pair));
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value)) {
            return kd_fail(err, KD_E_DATA, "__metadata__: %s is not a text", key);
        }
        file->metadata[file->metadata_count++] = (text_pair){
            arena_text(&file->arena, key), arena_text(&file->arena, json_string_value(value))};
    }
    qsort(file->metadata, (size_t)file->metadata_count, sizeof(text_pair), compare_key);
    return true;
}

static bool read_entries(safetensors *file, json_t *header, const unsigned char *data,
                         uint64_t data_bytes, kd_error *err) {
    const char *name;
    json_t *entry;
    file->tensors = arena_alloc(&file->arena, json_object_size(header) * sizeof(safetensor));
    json_object_foreach(header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) {
            if (!read_metadata(file, entry, err)) {
                return false;
            }
        } else if (!read_tensor(file, name, entry, data, data_bytes, &file->tensors[file->count++],
                                err)) {
            return false;
        }
    }
    qsort(file->tensors, (size_t)file->count, sizeof *file->tensors, compare_begin);
    return check_layout(file, data, data_bytes, err);
}

static int compare_name(const void *a, const void *b) {
    const safetensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

bool safetensors_read_header(safetensors *file, const char *json, size_t json_bytes,
                             const unsigned char *data, uint64_t data_bytes, kd_error *err) {
    json_error_t why;
    json_t *header = json_loadb(json, json_bytes, JSON_REJECT_DUPLICATES, &why);
    if (!header) {
        return kd_fail(err, KD_E_DATA, "its header is no JSON: %s", why.text);
    }
    const bool read = read_entries(file, header, data, data_bytes, err);
    json_decref(header);
    if (!read) {
        return false;
    }
    file->by_name = arena_alloc(&file->arena, (size_t)file->count * sizeof *file->by_name);
    for (int i = 0; i < file->count; i++) {
        file->by_name[i] = &file->tensors[i];
    }
    qsort(file->by_name, (size_t)file->count, sizeof *file->by_name, compare_name);
    return true;
}

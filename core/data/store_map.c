/* SPDX-License-Identifier: Apache-2.0
 * Maps packed stores, whose files may say anything. */
#include "data/store.h"

#include "base/safetensors.h"
#include "data/store_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

/* What store_map makes: the public part first. */
typedef struct mapped {
    store store;
    safetensors *file;
    arena memory;
} mapped;

static bool read_number(const mapped *m, const char *key, int64_t low, int64_t high, int64_t *ret,
                        kd_error *err) {
    const char *text = safetensors_metadata(m->file, key);
    char *end = NULL;
    const int64_t value = text ? strtoll(text, &end, 10) : 0;
    if (!text || end == text || *end || value < low || value > high) {
        return kd_fail(err, KD_E_DATA, "%s: metadata '%s' is missing or wrong", m->store.path, key);
    }
    *ret = value;
    return true;
}

/* A JSON array of texts and nulls. */
static bool read_texts(mapped *m, const char *key, const char ***ret, int64_t *ret_count,
                       kd_error *err) {
    const char *text = safetensors_metadata(m->file, key);
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    if (!json_is_array(list)) {
        json_decref(list);
        return kd_fail(err, KD_E_DATA, "%s: metadata '%s' is missing or wrong", m->store.path, key);
    }
    const size_t count = json_array_size(list);
    *ret = arena_alloc(&m->memory, (count + 1) * sizeof **ret);
    *ret_count = (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        const char *item = json_string_value(json_array_get(list, i));
        (*ret)[i] = item ? arena_text(&m->memory, item) : NULL;
    }
    json_decref(list);
    return true;
}

static bool read_reals(const mapped *m, const char *key, double *ret, int count, kd_error *err) {
    const char *text = safetensors_metadata(m->file, key);
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    const bool good = json_is_array(list) && json_array_size(list) == (size_t)count;
    for (int i = 0; good && i < count; i++) {
        ret[i] = json_number_value(json_array_get(list, (size_t)i));
    }
    json_decref(list);
    return good ||
           kd_fail(err, KD_E_DATA, "%s: metadata '%s' is missing or wrong", m->store.path, key);
}

static bool read_metadata(mapped *m, kd_error *err) {
    store *s = &m->store;
    const char *format = safetensors_metadata(m->file, "kindred.store");
    if (!format || strcmp(format, STORE_FORMAT) != 0) {
        return kd_fail(err, KD_E_DATA, "%s: not a packed store of format %s", s->path,
                       STORE_FORMAT);
    }
    int64_t channels = 0, classes = 0, names = 0, bad = 0;
    const char **class_name = NULL, **bad_list = NULL;
    if (!read_number(m, "channels", 1, 3, &channels, err) ||
        !read_number(m, "classes", 0, INT32_MAX, &classes, err) ||
        !read_number(m, "n_bad", 0, INT64_MAX, &s->n_bad, err) ||
        !read_texts(m, "class_names", &class_name, &names, err) ||
        !read_texts(m, "bad", &bad_list, &bad, err) ||
        !read_reals(m, "mean", s->mean, (int)channels, err) ||
        !read_reals(m, "std", s->std, (int)channels, err)) {
        return false;
    }
    if (channels == 2 || names != classes ||
        bad != (s->n_bad < STORE_BAD_LISTED ? s->n_bad : STORE_BAD_LISTED)) {
        return kd_fail(err, KD_E_DATA, "%s: metadata do not fit each other", s->path);
    }
    s->channels = (int32_t)channels;
    s->classes = (int32_t)classes;
    s->class_name = class_name;
    s->bad = bad_list;
    return true;
}

static const void *need(const mapped *m, const char *name, int32_t dtype, int32_t rank,
                        int64_t rows, int64_t columns, int64_t *ret_rows, kd_error *err) {
    const kd_spec want = {.dtype = dtype, .rank = rank, .dim = {rows, columns}};
    const safetensor *t = safetensors_need(m->file, name, &want, err);
    if (t && ret_rows) {
        *ret_rows = t->spec.dim[0];
    }
    return t ? t->data : NULL;
}

static bool map_tensors(mapped *m, kd_error *err) {
    store *s = &m->store;
    return (s->pixels = need(m, "pixels", KD_U8, 1, -1, 0, &s->pixel_bytes, err)) &&
           (s->offset = need(m, "offset", KD_I64, 1, -1, 0, &s->images, err)) &&
           (s->height = need(m, "height", KD_I32, 1, s->images, 0, NULL, err)) &&
           (s->width = need(m, "width", KD_I32, 1, s->images, 0, NULL, err)) &&
           (s->range = need(m, "samples", KD_I32, 2, -1, 2, &s->samples, err)) &&
           (s->source = need(m, "source", KD_I64, 1, s->samples, 0, NULL, err)) &&
           (s->label = need(m, "label", KD_I32, 1, s->samples, 0, NULL, err));
}

/* Nothing that the tensors say may lead outside of them. */
static bool check_images(store *s) {
    s->min_side = INT32_MAX;
    for (int64_t i = 0; i < s->images; i++) {
        const int32_t h = s->height[i], w = s->width[i];
        if (h < 1 || w < 1 || h > IMAGE_MAX_SIDE || w > IMAGE_MAX_SIDE || s->offset[i] < 0 ||
            s->offset[i] > s->pixel_bytes - (int64_t)h * w * s->channels) {
            return false;
        }
        s->max_height = h > s->max_height ? h : s->max_height;
        s->max_width = w > s->max_width ? w : s->max_width;
        s->min_side = h < s->min_side ? h : s->min_side;
        s->min_side = w < s->min_side ? w : s->min_side;
    }
    return s->images > 0;
}

static bool check_samples(const store *s) {
    for (int64_t i = 0; i < s->samples; i++) {
        const int32_t first = s->range[2 * i], count = s->range[2 * i + 1];
        if (first < 0 || count < 1 || (int64_t)first + count > s->images || s->label[i] < -1 ||
            s->label[i] >= (s->classes > 0 ? s->classes : 1) ||
            (i > 0 && s->source[i] <= s->source[i - 1])) {
            return false;
        }
    }
    return s->samples > 0 && s->source[0] >= 0;
}

void store_index_digest(const store *s, char ret[SHA256_HEX]) {
    char each[6][SHA256_HEX];
    const size_t images = (size_t)s->images, samples = (size_t)s->samples;
    sha256_bytes(s->offset, images * sizeof *s->offset, each[0]);
    sha256_bytes(s->height, images * sizeof *s->height, each[1]);
    sha256_bytes(s->width, images * sizeof *s->width, each[2]);
    sha256_bytes(s->range, samples * 2 * sizeof *s->range, each[3]);
    sha256_bytes(s->source, samples * sizeof *s->source, each[4]);
    sha256_bytes(s->label, samples * sizeof *s->label, each[5]);
    sha256_bytes(each, sizeof each, ret);
}

static bool check(mapped *m, kd_error *err) {
    char digest[SHA256_HEX];
    const char *recorded = safetensors_metadata(m->file, "index_sha256");
    store_index_digest(&m->store, digest);
    if (!recorded || strcmp(digest, recorded) != 0 || !check_images(&m->store) ||
        !check_samples(&m->store)) {
        return kd_fail(err, KD_E_DATA, "%s: its index is damaged", m->store.path);
    }
    return true;
}

bool store_map(const char *path, store **ret, kd_error *err) {
    mapped *m = kd_alloc(sizeof *m);
    m->store.path = arena_text(&m->memory, path);
    m->file = safetensors_open(path, err);
    if (!m->file || !read_metadata(m, err) || !map_tensors(m, err) || !check(m, err)) {
        store_close(&m->store);
        return false;
    }
    *ret = &m->store;
    return true;
}

void store_close(store *s) {
    if (s) {
        mapped *m = (mapped *)s;
        safetensors_close(m->file);
        arena_free(&m->memory);
        free(m);
    }
}

int64_t store_find(const store *s, int64_t index) {
    int64_t low = 0, high = s->samples;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (s->source[middle] < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < s->samples && s->source[low] == index ? low : -1;
}

bool store_has_key(const store *s, const char *key) {
    const char *recorded = safetensors_metadata(((const mapped *)s)->file, "key");
    return recorded && strcmp(recorded, key) == 0;
}

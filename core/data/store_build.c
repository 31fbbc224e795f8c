/* SPDX-License-Identifier: Apache-2.0
 * Makes a packed store out of the spooled pixels: how many there are, and whether any image has
 * colour, is known only once all are decoded. */
#include "base/file.h"
#include "base/safetensors.h"
#include "data/store_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>

#define BUFFER_BYTES ((size_t)1 << 20)

/* The tensors of the file, in the order of the dataset's samples. */
typedef struct index_tables {
    store store;         /* points into the arrays below */
    const int64_t *from; /* [images] where the image lies in the spool */
    const uint8_t *grey; /* [images] whether it has one channel there */
} index_tables;

/* One image's row, at the end of those so far. */
typedef struct growing {
    int64_t *offset, *from;
    int32_t *height, *width;
    uint8_t *grey;
    int64_t images, end; /* end: bytes of pixels so far */
} growing;

static void add_image(growing *g, const spooled_image *from, int32_t channels) {
    const int64_t i = g->images++;
    g->offset[i] = g->end;
    g->from[i] = from->offset;
    g->grey[i] = from->channels == 1;
    g->height[i] = from->height;
    g->width[i] = from->width;
    g->end += (int64_t)from->height * from->width * channels;
}

static void fill_index(const spool *s, arena *memory, index_tables *ret) {
    const size_t images = (size_t)s->n_images, samples = (size_t)s->n_good;
    growing g = {.offset = arena_alloc(memory, images * 8),
                 .from = arena_alloc(memory, images * 8),
                 .height = arena_alloc(memory, images * 4),
                 .width = arena_alloc(memory, images * 4),
                 .grey = arena_alloc(memory, images)};
    int64_t *source = arena_alloc(memory, samples * sizeof *source);
    int32_t *range = arena_alloc(memory, samples * 2 * sizeof *range);
    int32_t *label = arena_alloc(memory, samples * sizeof *label);
    int64_t n = 0;
    for (int64_t i = 0; i < s->n_samples; i++) {
        const spooled_sample *one = &s->sample[i];
        if (one->first < 0) {
            continue;
        }
        source[n] = i;
        label[n] = one->label;
        range[2 * n] = (int32_t)g.images;
        range[2 * n + 1] = one->n_images;
        n++;
        for (int32_t j = 0; j < one->n_images; j++) {
            add_image(&g, &s->image[one->first + j], s->colour ? 3 : 1);
        }
    }
    ret->store = (store){.pixel_bytes = g.end, .images = g.images, .samples = n};
    ret->store.channels = s->colour ? 3 : 1;
    ret->store.offset = g.offset;
    ret->store.height = g.height;
    ret->store.width = g.width;
    ret->store.range = range;
    ret->store.source = source;
    ret->store.label = label;
    ret->from = g.from;
    ret->grey = g.grey;
}

static void set_json(safetensors_writer *w, const char *key, json_t *list) {
    char *text = json_dumps(list, JSON_REAL_PRECISION(17));
    safetensors_set_metadata(w, key, text ? text : "[]");
    free(text);
    json_decref(list);
}

/* Paths may be in any bytes; JSON wants UTF-8. */
static json_t *json_text(const char *text) {
    json_t *value = json_string(text);
    if (value) {
        return value;
    }
    char *copy = strdup(text);
    for (char *p = copy; *p; p++) {
        *p = *p & 0x80 ? '?' : *p;
    }
    value = json_string(copy);
    free(copy);
    return value;
}

static void set_number(safetensors_writer *w, const char *key, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    safetensors_set_metadata(w, key, text);
}

static void set_statistics(safetensors_writer *w, const spool *s, int channels) {
    json_t *means = json_array(), *deviations = json_array();
    for (int c = 0; c < channels; c++) {
        const double n = (double)s->pixels, mean = (double)s->sum[c] / n;
        const double variance = (double)s->sum_of_squares[c] / n - mean * mean;
        json_array_append_new(means, json_real(mean / 255));
        json_array_append_new(deviations, json_real(sqrt(variance > 0 ? variance : 0) / 255));
    }
    set_json(w, "mean", means);
    set_json(w, "std", deviations);
}

static void set_metadata(safetensors_writer *w, const spool *s, const store *t, const char *key) {
    const store_options *o = s->options;
    const int32_t classes = o->table->classes(o->set);
    json_t *names = json_array(), *bad = json_array();
    for (int32_t i = 0; i < classes; i++) {
        const char *name =
            KD_HAS(kd_dataset, o->table, class_name) ? o->table->class_name(o->set, i) : NULL;
        json_array_append_new(names, name ? json_text(name) : json_null());
    }
    for (int64_t i = 0; i < s->n_bad && i < STORE_BAD_LISTED; i++) {
        json_array_append_new(bad, json_text(s->bad[i]));
    }
    char digest[SHA256_HEX];
    store_index_digest(t, digest);
    safetensors_set_metadata(w, "kindred.store", STORE_FORMAT);
    safetensors_set_metadata(w, "key", key);
    safetensors_set_metadata(w, "plugin", o->id);
    safetensors_set_metadata(w, "plugin_version", o->version);
    safetensors_set_metadata(w, "fingerprint", o->table->fingerprint(o->set));
    safetensors_set_metadata(w, "index_sha256", digest);
    set_number(w, "channels", t->channels);
    set_number(w, "classes", classes);
    set_number(w, "size", o->size);
    set_number(w, "n_bad", s->n_bad);
    set_json(w, "class_names", names);
    set_json(w, "bad", bad);
    set_statistics(w, s, t->channels);
}

/* Small images are gathered into one write. */
typedef struct gather {
    safetensors_writer *writer;
    int tensor;
    size_t used;
    uint8_t *data; /* [BUFFER_BYTES] */
} gather;

static bool flush(gather *g, kd_error *err) {
    const size_t used = g->used;
    g->used = 0;
    return safetensors_write(g->writer, g->tensor, g->data, used, err);
}

/* repeat 3: each byte three times, which makes grey colour. */
static bool put(gather *g, const uint8_t *from, size_t count, int repeat, kd_error *err) {
    for (size_t done = 0; done < count;) {
        const size_t room = (BUFFER_BYTES - g->used) / (size_t)repeat;
        const size_t take = count - done < room ? count - done : room;
        uint8_t *to = g->data + g->used;
        if (repeat == 1) {
            memcpy(to, from + done, take);
        } else {
            for (size_t i = 0; i < take; i++) {
                to[3 * i] = to[3 * i + 1] = to[3 * i + 2] = from[done + i];
            }
        }
        g->used += take * (size_t)repeat;
        done += take;
        if (done < count && !flush(g, err)) {
            return false;
        }
    }
    return true;
}

static bool write_pixels(safetensors_writer *w, int tensor, const index_tables *t,
                         const uint8_t *spooled, kd_error *err) {
    gather g = {.writer = w, .tensor = tensor, .data = kd_alloc(BUFFER_BYTES)};
    const store *s = &t->store;
    bool good = true;
    for (int64_t i = 0; good && i < s->images; i++) {
        const bool repeat = t->grey[i] && s->channels == 3;
        const size_t pixels = (size_t)s->height[i] * (size_t)s->width[i];
        good = put(&g, spooled + t->from[i], pixels * (t->grey[i] ? 1 : 3), repeat ? 3 : 1, err);
    }
    good = good && flush(&g, err);
    free(g.data);
    return good;
}

static bool write_file(safetensors_writer *w, const index_tables *t, const uint8_t *spooled,
                       kd_error *err) {
    const store *s = &t->store;
    const struct {
        const char *name;
        kd_spec spec;
        const void *data;
        size_t bytes;
    } tensors[] = {
        {"offset", {KD_I64, 1, {s->images}}, s->offset, (size_t)s->images * 8},
        {"source", {KD_I64, 1, {s->samples}}, s->source, (size_t)s->samples * 8},
        {"height", {KD_I32, 1, {s->images}}, s->height, (size_t)s->images * 4},
        {"width", {KD_I32, 1, {s->images}}, s->width, (size_t)s->images * 4},
        {"samples", {KD_I32, 2, {s->samples, 2}}, s->range, (size_t)s->samples * 8},
        {"label", {KD_I32, 1, {s->samples}}, s->label, (size_t)s->samples * 4},
    };
    enum { COUNT = sizeof tensors / sizeof tensors[0] };
    for (int i = 0; i < COUNT; i++) {
        safetensors_declare(w, tensors[i].name, &tensors[i].spec);
    }
    const int pixels = safetensors_declare(w, "pixels", &(kd_spec){KD_U8, 1, {s->pixel_bytes}});
    if (!safetensors_begin(w, err)) {
        return false;
    }
    for (int i = 0; i < COUNT; i++) {
        if (!safetensors_write(w, i, tensors[i].data, tensors[i].bytes, err)) {
            return false;
        }
    }
    return write_pixels(w, pixels, t, spooled, err) && safetensors_commit(w, err);
}

static bool write_store(const spool *s, const char *path, const char *key, kd_error *err) {
    const size_t bytes = (size_t)s->bytes;
    uint8_t *spooled = mmap(NULL, bytes, PROT_READ, MAP_SHARED, s->file->fd, 0);
    if (spooled == MAP_FAILED) {
        return kd_fail(err, KD_E_IO, "%s: the spooled pixels cannot be mapped", path);
    }
    arena memory = {0};
    index_tables tables;
    fill_index(s, &memory, &tables);
    safetensors_writer *w = safetensors_writer_create(path);
    set_metadata(w, s, &tables.store, key);
    const bool good = write_file(w, &tables, spooled, err);
    safetensors_writer_destroy(w);
    arena_free(&memory);
    munmap(spooled, bytes);
    return good;
}

bool store_build(const store_options *options, const char *path, const char *key, kd_error *err) {
    arena memory = {0};
    file_writer file;
    spool s = {.options = options, .file = &file};
    if (!file_writer_open(&file, arena_print(&memory, "%s.pixels", path), err)) {
        arena_free(&memory);
        return false;
    }
    const bool good = spool_fill(&s, err) && write_store(&s, path, key, err);
    file_writer_abandon(&file);
    spool_finish(&s);
    arena_free(&memory);
    return good;
}

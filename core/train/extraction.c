/* SPDX-License-Identifier: Apache-2.0
 * Batches of images through a feature program. */
#include "train/extraction.h"

#include "train/interrupt.h"
#include "train/scratch.h"

#include <stdlib.h>

static const int64_t largest_batch = 256, smallest_batch = 16;
static const int64_t most_pixels = 16 << 20;  /* bytes that a batch passes through */
static const int32_t largest_pixel_view = 32; /* raw pixels wider than this are only memory */

static int64_t image_bytes(const store *s, int32_t channels) {
    return (int64_t)s->max_height * s->max_width * channels;
}

/* The largest image of all that features may be taken of. */
static bool largest_image(const assembly *a, int64_t *ret, kd_error *err) {
    const int32_t channels = a->data->store->channels;
    int64_t bytes = image_bytes(a->data->store, channels);
    for (int i = 0; i < a->images.count; i++) {
        const store *s = a->images.source[i]->store;
        if (s->channels > channels) {
            kd_fail(err, KD_E_INVALID,
                    "the images of an eval are in colour, and the run's are grey (%s)", s->path);
            return kd_hint(err, "measure this encoder on grey images, or train it on images in "
                                "colour: those see grey ones too");
        }
        bytes = image_bytes(s, channels) > bytes ? image_bytes(s, channels) : bytes;
    }
    *ret = bytes;
    return true;
}

static int32_t largest_view(const assembly *a) {
    int32_t size = 1;
    for (int i = 0; i < a->views.count; i++) {
        const int32_t own = a->views.view[i].augment.size;
        size = own > size ? own : size;
    }
    return size;
}

/* At most as many images as a step has views, so that a step's memory suffices. */
static int64_t choose_batch(const assembly *a, int64_t image) {
    int64_t batch = (int64_t)a->run->train.batch * a->views.count;
    batch = batch > largest_batch ? largest_batch : batch < smallest_batch ? smallest_batch : batch;
    while (batch > 1 && batch * image > most_pixels) {
        batch /= 2;
    }
    return batch;
}

static bool compile(assembly *a, const encoder *e, int32_t size, const char *name,
                    feature_program *ret, kd_error *err) {
    int64_t image = 0;
    if (!largest_image(a, &image, err)) {
        return false;
    }
    *ret = (feature_program){.view = feature_view(&a->views.view[0].augment, size),
                             .f64 = a->machine.graph.real == KD_F64,
                             .channels = a->data->store->channels};
    ret->batch = choose_batch(a, image);
    ret->pixel_bytes = ret->batch * image;
    const feature_graph f = {
        .encoder = e, .augment = &ret->view, .batch = ret->batch, .pixel_bytes = ret->pixel_bytes};
    graph *g = graph_create(&a->machine.graph);
    const kd_tensor *out = build_features(g, &f);
    if (graph_check(g, err)) {
        ret->width = kd_dim(out, 1);
    }
    return engine_compile(a->engine, g, name, &ret->program, err);
}

bool features_compile(assembly *a, kd_error *err) {
    const int32_t size = largest_view(a);
    return compile(a, &a->encoder, size, "features", &a->features, err) &&
           (!assembly_compares(a) ||
            compile(a, NULL, size < largest_pixel_view ? size : largest_pixel_view, "pixels",
                    &a->pixels, err));
}

void features_finish(feature_program *p) {
    free(p->pixels);
    free(p->values);
    p->pixels = NULL;
    p->values = NULL;
}

static size_t value_bytes(const features *f) {
    return (size_t)(f->rows * f->width) * sizeof *f->value;
}

void features_free(features *f) {
    scratch_unmap(f->value, value_bytes(f));
    free(f->label);
    free(f->sample);
    free(f->base);
    free(f->factor);
    *f = (features){0};
}

size_t features_buffers(const feature_program *p) {
    return (size_t)p->pixel_bytes + (size_t)(p->batch * p->width) * sizeof(double) +
           (size_t)p->batch * sizeof(row);
}

/* Grey images are colour of three equal channels to an encoder of colour. */
static void copy_image(uint8_t *to, int32_t channels, const store *s, int64_t image) {
    const uint8_t *from = s->pixels + s->offset[image];
    const size_t pixels = (size_t)s->height[image] * (size_t)s->width[image];
    if (channels == s->channels) {
        memcpy(to, from, pixels * (size_t)channels);
    } else {
        for (size_t i = 0; i < pixels; i++) {
            to[3 * i] = to[3 * i + 1] = to[3 * i + 2] = from[i];
        }
    }
}

/* Lays the first images of samples [begin, begin + count) of the list one after another. Rows that
 * are left over repeat the first image. */
static void gather_images(feature_program *p, const source *from, const int64_t *sample,
                          int64_t count, row *rows) {
    const store *s = from->store;
    int64_t end = 0;
    for (int64_t i = 0; i < p->batch; i++) {
        if (i >= count) {
            rows[i] = rows[0];
            continue;
        }
        const int32_t image = from->samples.image[sample[i] * from->samples.n_images];
        const int64_t bytes = (int64_t)s->height[image] * s->width[image] * p->channels;
        copy_image(p->pixels + end, p->channels, s, image);
        rows[i] = (row){.offset = end,
                        .height = s->height[image],
                        .width = s->width[image],
                        .sample = sample[i]};
        end += bytes;
    }
}

static bool run_batch(feature_program *p, const row *rows, kd_error *err) {
    static const int64_t key[2] = {0, 0};
    const size_t bytes = (size_t)(p->batch * p->width) * (p->f64 ? sizeof(double) : sizeof(float));
    return program_write(p->program, "pixels", p->pixels, (size_t)p->pixel_bytes, err) &&
           program_write(p->program, "rows", rows, (size_t)p->batch * sizeof *rows, err) &&
           program_write(p->program, "key", key, sizeof key, err) && program_run(p->program, err) &&
           program_read(p->program, "features", p->values, bytes, err);
}

static void copy_values(const feature_program *p, float *to, int64_t count) {
    if (!p->f64) {
        memcpy(to, p->values, (size_t)(count * p->width) * sizeof *to);
        return;
    }
    const double *from = p->values;
    for (int64_t i = 0; i < count * p->width; i++) {
        to[i] = (float)from[i];
    }
}

/* The samples to take, and their labels. */
static void choose_samples(const source *from, bool labelled, features *f) {
    const samples *list = &from->samples;
    const size_t count = (size_t)list->count;
    f->label = kd_alloc(count * sizeof *f->label);
    f->sample = kd_alloc(count * sizeof *f->sample);
    for (int64_t i = 0; i < list->count; i++) {
        if (!labelled || list->label[i] >= 0) {
            f->label[f->rows] = list->label[i];
            f->sample[f->rows++] = i;
        }
    }
}

/* Which rows are variants of which: positions in the list become rows. */
static void choose_variants(const source *from, features *f) {
    const variants *v = &from->variants;
    if (v->count == 0) {
        return;
    }
    int64_t *row_of = kd_alloc((size_t)from->samples.count * sizeof *row_of);
    memset(row_of, -1, (size_t)from->samples.count * sizeof *row_of);
    f->base = kd_alloc((size_t)f->rows * sizeof *f->base + 1);
    f->factor = kd_alloc((size_t)f->rows * sizeof *f->factor + 1);
    for (int64_t i = 0; i < f->rows; i++) {
        row_of[f->sample[i]] = i;
    }
    for (int64_t i = 0; i < f->rows; i++) {
        const int64_t base = v->base[f->sample[i]];
        f->base[i] = base < 0 ? -1 : row_of[base];
        f->factor[i] = f->base[i] < 0 ? -1 : v->factor[f->sample[i]];
    }
    free(row_of);
}

static bool take(assembly *a, feature_program *p, const source *from, const char *what, features *f,
                 row *rows, kd_error *err) {
    for (int64_t begin = 0; begin < f->rows; begin += p->batch) {
        const int64_t left = f->rows - begin, count = left < p->batch ? left : p->batch;
        char text[128];
        if (interrupt_signal()) {
            return kd_fail(err, KD_E_CANCELLED, "interrupted while taking features");
        }
        snprintf(text, sizeof text, "%s: features %lld/%lld", what, (long long)begin,
                 (long long)f->rows);
        progress_note(&a->progress, text, progress_now());
        gather_images(p, from, f->sample + begin, count, rows);
        if (!run_batch(p, rows, err)) {
            return false;
        }
        copy_values(p, f->value + begin * p->width, count);
    }
    return true;
}

/* From positions in the list to indices in the dataset. */
static void name_samples(const source *from, features *f) {
    const bool whole = from->store->samples == from->samples.count;
    for (int64_t i = 0; whole && i < f->rows; i++) {
        f->sample[i] = from->store->source[f->sample[i]];
    }
}

bool features_take(assembly *a, feature_program *p, const source *from, bool labelled,
                   const char *what, features *ret, kd_error *err) {
    features f = {.width = p->width};
    choose_samples(from, labelled, &f);
    choose_variants(from, &f);
    if (!p->pixels) {
        p->pixels = kd_alloc((size_t)p->pixel_bytes);
        p->values = kd_alloc((size_t)(p->batch * p->width) * sizeof(double));
    }
    void *values = NULL;
    row *rows = kd_alloc((size_t)p->batch * sizeof *rows);
    bool ok = scratch_map(from->store->path, value_bytes(&f), &values, err);
    f.value = values;
    ok = ok && take(a, p, from, what, &f, rows, err);
    free(rows);
    name_samples(from, &f);
    if (!ok) {
        features_free(&f);
        return false;
    }
    *ret = f;
    return true;
}

bool features_rehearse(const feature_program *p, const source *from, bool labelled, features *ret,
                       kd_error *err) {
    features f = {.width = p->width};
    void *values = NULL;
    choose_samples(from, labelled, &f);
    choose_variants(from, &f);
    if (!scratch_zeros(value_bytes(&f), &values, err)) {
        features_free(&f);
        return false;
    }
    f.value = values;
    *ret = f;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 * Batches of images through a feature program. */
#include "train/extraction.h"

#include "train/interrupt.h"
#include "train/scratch.h"

#include <stdlib.h>

static const int64_t largest_batch = 256, smallest_batch = 16;
static const int64_t most_pixels = 16 << 20;  /* bytes that a batch passes through */
static const int32_t largest_pixel_view = 32; /* raw pixels wider than this are only memory */

/* The largest image of all that features may be taken of. */
static bool largest_image(const assembly *a, int64_t *ret, kd_error *err) {
    const int32_t channels = a->data->store->channels;
    int64_t bytes = image_batch_largest(a->data, channels);
    for (int i = 0; i < a->images.count; i++) {
        const source *s = a->images.source[i];
        if (s->store->channels > channels) {
            kd_fail(err, KD_E_INVALID,
                    "the images of an eval are in colour, and the run's are grey (%s)",
                    s->store->path);
            return kd_hint(err, "measure this encoder on grey images, or train it on images in "
                                "colour: those see grey ones too");
        }
        const int64_t own = image_batch_largest(s, channels);
        bytes = own > bytes ? own : bytes;
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
    const int64_t batch = choose_batch(a, image);
    *ret = (feature_program){
        .view = feature_view(&a->views.view[0].augment, size),
        .f64 = a->machine.graph.real == KD_F64,
        .images = {.count = batch, .bytes = batch * image, .channels = a->data->store->channels}};
    const feature_graph f = {
        .encoder = e, .augment = &ret->view, .batch = batch, .pixel_bytes = ret->images.bytes};
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
    image_batch_close(&p->images);
    free(p->values);
    p->values = NULL;
}

static size_t value_bytes(const features *f) {
    return (size_t)(f->rows * f->width) * sizeof *f->value;
}

void features_free(features *f) {
    scratch_unmap(f->value, value_bytes(f));
    free(f->label);
    free(f->sample);
    free(f->position);
    free(f->base);
    free(f->factor);
    *f = (features){0};
}

size_t features_buffers(const feature_program *p) {
    return image_batch_memory(&p->images) + (size_t)(p->images.count * p->width) * sizeof(double);
}

static bool run_batch(feature_program *p, kd_error *err) {
    const size_t values = (size_t)(p->images.count * p->width);
    return image_batch_write(&p->images, p->program, 0, 0, err) && program_run(p->program, err) &&
           program_read(p->program, "features", p->values,
                        values * (p->f64 ? sizeof(double) : sizeof(float)), err);
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
    f->position = kd_alloc(count * sizeof *f->position);
    for (int64_t i = 0; i < list->count; i++) {
        if (!labelled || list->label[i] >= 0) {
            f->label[f->rows] = list->label[i];
            f->sample[f->rows] = list->source[i];
            f->position[f->rows++] = i;
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
        row_of[f->position[i]] = i;
    }
    for (int64_t i = 0; i < f->rows; i++) {
        const int64_t base = v->base[f->position[i]];
        f->base[i] = base < 0 ? -1 : row_of[base];
        f->factor[i] = f->base[i] < 0 ? -1 : v->factor[f->position[i]];
    }
    free(row_of);
}

static bool take(assembly *a, feature_program *p, const source *from, const char *what, features *f,
                 kd_error *err) {
    const int64_t batch = p->images.count;
    for (int64_t begin = 0; begin < f->rows; begin += batch) {
        const int64_t left = f->rows - begin, count = left < batch ? left : batch;
        char text[128];
        if (interrupt_signal()) {
            return kd_fail(err, KD_E_CANCELLED, "interrupted while taking features");
        }
        snprintf(text, sizeof text, "%s: features %lld/%lld", what, (long long)begin,
                 (long long)f->rows);
        progress_note(&a->progress, text, progress_now());
        image_batch_gather(&p->images, from, f->position + begin, count);
        if (!run_batch(p, err)) {
            return false;
        }
        copy_values(p, f->value + begin * p->width, count);
    }
    return true;
}

bool features_take(assembly *a, feature_program *p, const source *from, bool labelled,
                   const char *what, features *ret, kd_error *err) {
    features f = {.width = p->width};
    choose_samples(from, labelled, &f);
    choose_variants(from, &f);
    image_batch_open(&p->images);
    if (!p->values) {
        p->values = kd_alloc((size_t)(p->images.count * p->width) * sizeof(double));
    }
    void *values = NULL;
    bool ok = scratch_map(from->store->path, value_bytes(&f), &values, err);
    f.value = values;
    ok = ok && take(a, p, from, what, &f, err);
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

void features_label(const source *from, features *ret) {
    features f = {0};
    choose_samples(from, true, &f);
    choose_variants(from, &f);
    *ret = f;
}

/* SPDX-License-Identifier: Apache-2.0
 * The views of the run's first step, made again by its device, and pairs of its data. */
#include "report/sections.h"

#include "report/samples_shown.h"
#include "train/eval_programs.h"

#include <kindred/ops.h>

#include <stdlib.h>

enum { MOST_SAMPLES = 6, MOST_VIEWS = 12, MOST_PAIRS = 12 };

typedef struct maker {
    const assembly *a;
    int32_t images, views;  /* of a sample; views of the step, or the first of them */
    int64_t samples, bytes; /* shown; of all source images together */
    row rows[2][MOST_SAMPLES];
    uint8_t *pixels; /* [bytes] the source images one after another */
    kd_program *program;
} maker;

static kd_spec spec_of(int32_t dtype, int64_t rows, int64_t columns) {
    return columns ? (kd_spec){dtype, 2, {rows, columns}} : (kd_spec){dtype, 1, {rows}};
}

/* The list of a view without the normalisation that ends it: pixels in [0, 1]. Draws are the same,
 * since each is named by its place in the list. */
static kd_augment visible(const kd_augment *from) {
    kd_augment view = *from;
    if (view.op[view.n_ops - 1] == KD_AUGMENT_NORMALIZE) {
        view.n_ops--;
    }
    return view;
}

static void build(void *context, kd_scope s) {
    const maker *m = context;
    kd_tensor *pixels = kd_input(s, "pixels", spec_of(KD_U8, m->bytes, 0));
    kd_tensor *key = kd_input(s, "key", spec_of(KD_I64, 2, 0)), *rows[2] = {NULL};
    rows[0] = kd_input(s, "rows.0", spec_of(KD_I64, m->samples, 4));
    if (m->images > 1) {
        rows[1] = kd_input(s, "rows.1", spec_of(KD_I64, m->samples, 4));
    }
    for (int32_t i = 0; i < m->views; i++) {
        const recipe_view *v = &m->a->views.view[i];
        const kd_augment view = visible(&v->augment);
        char name[16];
        snprintf(name, sizeof name, "view.%d", i);
        kd_tensor *out = recipe_emit(&view, pixels, rows[view_image(v, m->images)], key);
        kd_output(s, name, kd_cast(out, KD_F32));
    }
}

/* The first samples of the first step, by the very rows that training takes. */
static void choose(maker *m) {
    const assembly *a = m->a;
    const int64_t count = a->data->samples.count, batch = a->run->train.batch;
    int32_t *permutation = kd_alloc(sizeof *permutation * (size_t)count);
    row *rows = kd_alloc(sizeof *rows * (size_t)batch);
    m->samples = batch < MOST_SAMPLES ? batch : MOST_SAMPLES;
    m->samples = count < m->samples ? count : m->samples;
    order_fill((uint64_t)a->run->keys.seed, 0, permutation, count);
    for (int32_t side = 0; side < m->images; side++) {
        batch_rows(a->data->store, &a->data->samples, permutation, (uint64_t)a->run->keys.seed, 0,
                   0, batch, side, rows);
        for (int64_t i = 0; i < m->samples; i++) {
            m->rows[side][i] = rows[i];
            m->bytes += rows[i].height * rows[i].width * a->data->store->channels;
        }
    }
    free(rows);
    free(permutation);
}

/* Lays the images one after another, so that only they are copied. */
static void gather(maker *m) {
    const store *s = m->a->data->store;
    int64_t end = 0;
    m->pixels = kd_alloc((size_t)m->bytes);
    for (int32_t side = 0; side < m->images; side++) {
        for (int64_t i = 0; i < m->samples; i++) {
            row *r = &m->rows[side][i];
            const int64_t bytes = r->height * r->width * s->channels;
            memcpy(m->pixels + end, s->pixels + r->offset, (size_t)bytes);
            r->offset = end;
            end += bytes;
        }
    }
}

static bool run_program(maker *m, kd_error *err) {
    static const char *const names[] = {"rows.0", "rows.1"};
    const int64_t key[2] = {m->a->run->keys.seed, 0};
    for (int32_t side = 0; side < m->images; side++) {
        if (!program_write(m->program, names[side], m->rows[side], sizeof(row) * (size_t)m->samples,
                           err)) {
            return false;
        }
    }
    return program_write(m->program, "pixels", m->pixels, (size_t)m->bytes, err) &&
           program_write(m->program, "key", key, sizeof key, err) && program_run(m->program, err);
}

/* One view of every sample: u8 [samples, size, size, channels]; the caller frees. */
static uint8_t *read_view(const maker *m, int32_t index, kd_error *err) {
    const kd_augment *view = &m->a->views.view[index].augment;
    const size_t count =
        (size_t)m->samples * (size_t)view->size * (size_t)view->size * (size_t)view->channels;
    float *values = kd_alloc(sizeof *values * count);
    uint8_t *ret = kd_alloc(count);
    char name[16];
    snprintf(name, sizeof name, "view.%d", index);
    const bool ok = program_read(m->program, name, values, sizeof *values * count, err);
    for (size_t i = 0; ok && i < count; i++) {
        const float value = values[i] > 0 ? values[i] < 1 ? values[i] : 1 : 0;
        ret[i] = (uint8_t)(255 * value + 0.5F);
    }
    free(values);
    if (!ok) {
        free(ret);
        return NULL;
    }
    return ret;
}

static bool write_sources(html *h, const maker *m, int64_t sample, kd_error *err) {
    for (int32_t side = 0; side < m->images; side++) {
        const row *r = &m->rows[side][sample];
        const image from = {.height = (int32_t)r->height,
                            .width = (int32_t)r->width,
                            .channels = m->a->data->store->channels,
                            .pixels = m->pixels + r->offset};
        char alt[128];
        snprintf(alt, sizeof alt, "sample %lld, source image %d of %d x %d pixels",
                 (long long)r->sample, side + 1, from.width, from.height);
        if (!shown_figure(h, &from, side + 1 == m->images ? "last" : "", alt,
                          m->images == 1 ? "source"
                          : side         ? "source b"
                                         : "source a",
                          err)) {
            return false;
        }
    }
    return true;
}

static bool write_sample(html *h, const maker *m, uint8_t *const *views, int64_t sample,
                         kd_error *err) {
    html_markup(h, "<div class=\"row\">");
    if (!write_sources(h, m, sample, err)) {
        return false;
    }
    for (int32_t i = 0; i < m->views; i++) {
        const recipe_view *v = &m->a->views.view[i];
        const int32_t size = v->augment.size;
        const image view = {
            .height = size,
            .width = size,
            .channels = v->augment.channels,
            .pixels = views[i] + sample * size * size * v->augment.channels,
        };
        char alt[96], caption[32];
        snprintf(alt, sizeof alt, "sample %lld, view %d", (long long)m->rows[0][sample].sample,
                 i + 1);
        snprintf(caption, sizeof caption, "view %d", i + 1);
        if (!shown_figure(h, &view, "", alt, caption, err)) {
            return false;
        }
    }
    html_markup(h, "</div>\n");
    return true;
}

static bool write_samples(html *h, const maker *m, kd_error *err) {
    uint8_t *views[MOST_VIEWS] = {NULL};
    bool ok = true;
    for (int32_t i = 0; ok && i < m->views; i++) {
        views[i] = read_view(m, i, err);
        ok = views[i] != NULL;
    }
    html_markup(h, "<div class=\"rows\" tabindex=\"0\">\n");
    for (int64_t i = 0; ok && i < m->samples; i++) {
        ok = write_sample(h, m, views, i, err);
    }
    html_markup(h, "</div>\n");
    for (int32_t i = 0; i < m->views; i++) {
        free(views[i]);
    }
    return ok;
}

static void write_recipes(html *h, const assembly *a) {
    arena memory = {0};
    html_markup(h, "<details><summary>What is done to each view</summary>\n<ol>");
    for (int i = 0; i < a->views.count; i++) {
        html_markup(h, "<li><code>");
        html_text(h, "%s", recipe_describe(&a->views.view[i].augment, &memory));
        html_markup(h, "</code></li>\n");
    }
    html_markup(h, "</ol></details>\n");
    arena_free(&memory);
}

bool section_views(html *h, const report_source *from, kd_error *err) {
    section_begin(h, "views", "Views");
    if (!from->assembly) {
        html_markup(h, "<p class=\"soft\">Not shown: ");
        html_text(h, "%s", from->no_images);
        html_markup(h, "</p>\n");
        section_end(h);
        return true;
    }
    maker m = {.a = from->assembly,
               .images = from->assembly->data->samples.n_images,
               .views = from->assembly->views.count};
    m.views = m.views < MOST_VIEWS ? m.views : MOST_VIEWS;
    html_markup(
        h, "<p class=\"soft\">What the method saw of the first samples of its first step, made "
           "again from the same seed by the same program, before normalisation.");
    if (m.views < from->assembly->views.count) {
        html_markup(h, " The first %d of %d views.", m.views, from->assembly->views.count);
    }
    html_markup(h, "</p>\n");
    choose(&m);
    gather(&m);
    const bool ok = eval_compile(m.a, "report_views", build, &m, &m.program, err) &&
                    run_program(&m, err) && write_samples(h, &m, err);
    if (m.program) {
        program_close(m.program);
    }
    free(m.pixels);
    write_recipes(h, from->assembly);
    section_end(h);
    return ok;
}

bool section_pairs(html *h, const report_source *from, kd_error *err) {
    if (!from->assembly || from->assembly->data->samples.n_images != 2) {
        return true;
    }
    const store *s = from->assembly->data->store;
    source some = shown_subset(from->assembly->data, MOST_PAIRS, false);
    bool ok = true;
    section_begin(h, "pairs", "Pairs");
    html_markup(h,
                "<p class=\"soft\">%lld of %lld, evenly chosen. <code>kindred pairs show</code> "
                "writes a sheet of all.</p>\n<div class=\"pairs\">\n",
                (long long)some.samples.count, (long long)from->assembly->data->samples.count);
    for (int64_t i = 0; ok && i < some.samples.count; i++) {
        char label[128], alt[192];
        shown_label(s, some.samples.label[i], label, sizeof label);
        html_markup(h, "<figure><div class=\"pair\">");
        for (int k = 0; ok && k < 2; k++) {
            const image one = shown_image(s, some.samples.image[2 * i + k]);
            snprintf(alt, sizeof alt, "%s, image %d of the pair", label, k + 1);
            ok = thumbnail_write(h, &one, alt, err);
        }
        html_markup(h, "</div><figcaption>");
        html_text(h, "%s", label);
        html_markup(h, "</figcaption></figure>\n");
    }
    html_markup(h, "</div>\n");
    section_end(h);
    shown_subset_free(&some);
    return ok;
}

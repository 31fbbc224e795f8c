/* SPDX-License-Identifier: Apache-2.0
 * Describes the programs of a run to the graph, as a method describes its loss. */
#include "train/programs.h"

#include <kindred/ops.h>

#include "base/arena.h"

#include <stdlib.h>

static void encode(const kd_encoder *base, kd_scope s, kd_tensor *images, bool train,
                   kd_features *ret) {
    const encoder *e = (const encoder *)base;
    e->backbone->build(e->config, s, images, train, ret);
}

encoder encoder_of(const kd_backbone *backbone, const void *options) {
    return (encoder){
        .base = {.size = sizeof(kd_encoder), .encode = encode},
        .backbone = backbone,
        .config = options,
    };
}

int32_t view_image(const recipe_view *view, int32_t images) {
    return (view->image < 0 ? view->augment.view : view->image) % images;
}

static kd_spec vector(int32_t dtype, int64_t length) {
    return (kd_spec){.dtype = dtype, .rank = 1, .dim = {length}};
}

static kd_spec matrix(int32_t dtype, int64_t rows, int64_t columns) {
    return (kd_spec){.dtype = dtype, .rank = 2, .dim = {rows, columns}};
}

/* Views of the batch, augmented, and what else is known of it. */
static void give_samples(kd_scope s, const train_graph *t, kd_view *views, kd_method_input *in) {
    kd_tensor *pixels = kd_input(s, "pixels", vector(KD_U8, t->pixel_bytes));
    kd_tensor *key = kd_input(s, "key", vector(KD_I64, 2));
    kd_tensor *rows[2] = {kd_input(s, "rows.0", matrix(KD_I64, t->batch, 4)), NULL};
    if (t->images > 1) {
        rows[1] = kd_input(s, "rows.1", matrix(KD_I64, t->batch, 4));
    }
    for (int i = 0; i < t->views->count; i++) {
        const recipe_view *v = &t->views->view[i];
        views[i] = (kd_view){
            .images = recipe_emit(&v->augment, pixels, rows[view_image(v, t->images)], key),
            .recipe = v->recipe,
            .side = v->side};
    }
    in->views = views;
    in->n_views = (uint32_t)t->views->count;
    in->indices = kd_input(s, "indices", vector(KD_I32, t->batch));
    in->labels = t->labels ? kd_input(s, "labels", vector(KD_I32, t->batch)) : NULL;
}

static kd_method_input input_of(const train_graph *t) {
    return (kd_method_input){.size = sizeof(kd_method_input),
                             .view_stride = sizeof(kd_view),
                             .encoder = &t->encoder->base,
                             .samples = t->samples,
                             .epoch_steps = t->epoch_steps,
                             .total_steps = t->total_steps};
}

static kd_tensor *as_entry(kd_tensor *scalar) {
    return KD_RESHAPE(kd_cast(scalar, KD_REAL), 1, 1);
}

static void keep_reports(graph *g, kd_tensor *loss) {
    kd_scope s = graph_root(g);
    if (!graph_check(g, &(kd_error)KD_ERROR_INIT)) {
        return;
    }
    kd_tensor *row = as_entry(loss);
    for (int i = 0; i < graph_reports(g); i++) {
        row = kd_concat(row, as_entry(graph_report(g, i)), 1);
    }
    kd_tensor *ring =
        kd_state(s, REPORT_RING_NAME, matrix(KD_REAL, REPORT_RING, kd_dim(row, 1)), (kd_init){0});
    kd_tensor *slot = kd_input(s, REPORT_SLOT_NAME, vector(KD_I32, 1));
    kd_assign(ring, kd_scatter_rows(ring, slot, row));
}

void build_train(graph *g, const train_graph *t) {
    kd_scope s = graph_root(g);
    kd_view *views = kd_alloc(sizeof *views * (size_t)t->views->count);
    kd_method_input in = input_of(t);
    give_samples(s, t, views, &in);
    kd_tensor *loss = t->method->build(t->method_config, s, &in);
    if (t->probe.lr > 0) {
        probe_build(s, &in, &t->probe);
    }
    graph_minimize(g, loss, t->optimizer);
    keep_reports(g, loss);
    free(views);
}

void build_method_program(graph *g, const train_graph *t, const kd_method_program *program) {
    kd_scope s = graph_root(g);
    kd_view *views = kd_alloc(sizeof *views * (size_t)t->views->count);
    kd_method_input in = input_of(t);
    if (program->over_samples) {
        give_samples(s, t, views, &in);
    }
    program->build(t->method_config, s, &in);
    free(views);
}

kd_tensor *build_features(graph *g, const feature_graph *f) {
    kd_scope s = graph_root(g);
    kd_tensor *pixels = kd_input(s, "pixels", vector(KD_U8, f->pixel_bytes));
    kd_tensor *rows = kd_input(s, "rows", matrix(KD_I64, f->batch, 4));
    kd_tensor *key = kd_input(s, "key", vector(KD_I64, 2));
    kd_tensor *images = recipe_emit(f->augment, pixels, rows, key);
    kd_features features = {.size = sizeof features};
    if (f->encoder) {
        f->encoder->base.encode(&f->encoder->base, kd_child(s, "encoder"), images, false,
                                &features);
    } else {
        const int64_t side = f->augment->size;
        features.pooled = KD_RESHAPE(images, f->batch, side * side * f->augment->channels);
    }
    /* A backbone that ends in a layer gives what layers compute in. */
    kd_tensor *pooled = kd_cast(features.pooled, KD_REAL);
    kd_output(s, "features", pooled);
    return pooled;
}

kd_augment feature_view(const kd_augment *like, int32_t size) {
    kd_augment view = {.size = size, .channels = like->channels, .n_ops = 1};
    view.op[0] = KD_AUGMENT_CENTER_CROP;
    view.arg[0][0] = 1; /* nothing but the longer side's overhang is cut away */
    view.arg[0][1] = 1; /* bicubic */
    if (like->op[like->n_ops - 1] == KD_AUGMENT_NORMALIZE) {
        view.op[1] = KD_AUGMENT_NORMALIZE;
        memcpy(view.arg[1], like->arg[like->n_ops - 1], sizeof view.arg[1]);
        view.n_ops = 2;
    }
    return view;
}

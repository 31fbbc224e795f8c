/* SPDX-License-Identifier: Apache-2.0
 * Vision transformers, under timm's parameter names.
 *
 * source  Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929, section 3.1; equals
 *         timm.models.vision_transformer with num_classes=0 (pre-norm, GELU by erf, norms of eps
 *         1e-6); initialisations of timm, of facebookresearch/dino and of facebookresearch/moco-v3,
 *         whose fixed positions are here too
 */
#include <kindred/backbone.h>
#include <math.h>
#include <stdlib.h>

enum { POOL_CLASS, POOL_MEAN };
enum { POSITION_LEARNED, POSITION_SINCOS };
enum { MAX_DEPTH = 24 };

struct vit {
    int size; /* index into `sizes` */
    int patch;
    int image_size;
    int depth, width, heads;
    double drop_path;
    int pool, position;
    int init; /* index into `inits` */
    bool qkv_bias, antialias, freeze_patch;
};

KD_PLUGIN(BACKBONE, "vit", "1.0.0", struct vit, "vision transformer: tiny, small or base",
          "https://arxiv.org/abs/2010.11929 (timm.models.vision_transformer)")
KD_CHOICE(struct vit, size, "small", "tiny|small|base", "192, 384 or 768 wide; 3, 6 or 12 heads")
KD_INT(struct vit, patch, 16, 1, 128, "pixels of a patch's side; sizes of views are multiples")
KD_INT(struct vit, image_size, 224, 1, 8192,
       "size of the images that position embeddings are stored for; for views of other sizes they "
       "are interpolated")
KD_INT(struct vit, depth, 12, 1, 24, "number of blocks")
KD_INT(struct vit, width, 0, 0, 8192, "dimensions of a token; 0: as the size says")
KD_INT(struct vit, heads, 0, 0, 256,
       "attention heads; 0: as the size says (moco-v3's small has 12)")
KD_FLOAT(struct vit, drop_path, 0, 0, 0.99,
         "share of samples that skip the last block's branches in training; blocks before it skip "
         "less, from 0 on")
KD_CHOICE(struct vit, pool, "class", "class|mean",
          "the feature: the class token, or the mean over patches, normalised after (timm's avg)")
KD_CHOICE(struct vit, position, "learned", "learned|sincos",
          "position embeddings; sincos: fixed, as moco-v3's")
KD_CHOICE(struct vit, init, "timm", "timm|dino|moco_v3",
          "whose starting values; dino: timm's with a wider class token; moco_v3: xavier")
KD_BOOL(struct vit, qkv_bias, true, "queries, keys and values have a bias")
KD_BOOL(struct vit, antialias, false,
        "interpolate position embeddings as timm (smoothed when views are smaller); else as dino")
KD_BOOL(struct vit, freeze_patch, false,
        "the projection of patches keeps its random start, for stability (moco-v3's "
        "--stop-grad-conv1)")

static const struct { int width, heads; } sizes[] = {{192, 3}, {384, 6}, {768, 12}};

static const struct {
    kd_init class_token;
    bool xavier; /* weights uniform by fan in and fan out, else cut normal of 0.02 */
} inits[] = {
    {{.kind = KD_INIT_NORMAL, .b = 1e-6}},
    {{.kind = KD_INIT_TRUNC_NORMAL, .b = 0.02}},
    {{.kind = KD_INIT_NORMAL, .b = 1e-6}, .xavier = true},
};
static const kd_init position_init = {.kind = KD_INIT_TRUNC_NORMAL, .b = 0.02};

static int64_t width_of(const struct vit *self) {
    return self->width ? self->width : sizes[self->size].width;
}

static int64_t heads_of(const struct vit *self) {
    return self->heads ? self->heads : sizes[self->size].heads;
}

static kd_init xavier(double fans) {
    const double bound = sqrt(6 / fans);
    return (kd_init){.kind = KD_INIT_UNIFORM, .a = -bound, .b = bound};
}

/* x [..., in] -> [..., count width], `count` projections in one, which start one by one. */
static kd_tensor *project(const struct vit *self, kd_scope s, const char *name, kd_tensor *x,
                          int64_t width, int64_t count, bool bias) {
    const int rank = kd_rank(x); /* 0 once something was refused */
    const int64_t fan_in = rank ? kd_dim(x, rank - 1) : 1, all = count * width;
    const kd_init init =
        inits[self->init].xavier ? xavier((double)(fan_in + width)) : position_init;
    kd_scope own = kd_child(s, "%s", name);
    /* Asked for here first, so that the layer finds them as they shall start. */
    kd_param(own, "weight", (kd_spec){.rank = 2, .dim = {all, fan_in}}, init);
    if (bias) {
        kd_param(own, "bias", (kd_spec){.rank = 1, .dim = {all}}, (kd_init){.a = 0});
    }
    return kd_linear(s, name, x, (kd_dense){all, .no_bias = !bias});
}

/* images [n, h, w, c] -> [n, h / patch, w / patch, width] */
static kd_tensor *embed_patches(const struct vit *self, kd_scope s, kd_tensor *images) {
    const int64_t width = width_of(self), patch = self->patch, channels = kd_dim(images, 3);
    if (kd_dim(images, 1) % patch || kd_dim(images, 2) % patch || kd_dim(images, 1) < patch) {
        kd_reject(s,
                  "views of %lld px cannot be cut into patches of %lld: choose view sizes that "
                  "are multiples of backbone.patch",
                  (long long)kd_dim(images, 1), (long long)patch);
        return images;
    }
    if (self->freeze_patch) {
        kd_set_rule(s, (kd_rule){.flags = KD_RULE_FROZEN});
    }
    if (inits[self->init].xavier) {
        kd_scope own = kd_child(s, "proj");
        kd_param(own, "weight", (kd_spec){.rank = 4, .dim = {width, patch, patch, channels}},
                 xavier((double)(channels * patch * patch + width)));
        kd_param(own, "bias", (kd_spec){.rank = 1, .dim = {width}}, (kd_init){.a = 0});
    }
    return kd_conv2d(
        s, "proj", images,
        (kd_conv){width, .kernel = patch, .stride = patch, .padding = -1, .bias = true});
}

/* [1, 1 + height width, width]: sines and cosines of the row, then of the column; zeros for the
 * class token. source  moco-v3's vits.py, build_2d_sincos_position_embedding */
static kd_tensor *fixed_table(kd_scope s, int64_t height, int64_t width, int64_t dims) {
    const int64_t tokens = height * width, quarter = dims / 4;
    double *values = calloc((size_t)((tokens + 1) * dims), sizeof *values);
    if (!values || dims % 4) {
        free(values);
        kd_reject(s, "position: sincos wants a width that is a multiple of 4, not %lld",
                  (long long)dims);
        return NULL;
    }
    for (int64_t token = 0; token < tokens; token++) {
        double *row = values + (token + 1) * dims;
        for (int64_t i = 0; i < quarter; i++) {
            const double rate = pow(10000, -(double)i / (double)quarter);
            const double y = (double)(token / width) * rate, x = (double)(token % width) * rate;
            row[i] = sin(y);
            row[quarter + i] = cos(y);
            row[2 * quarter + i] = sin(x);
            row[3 * quarter + i] = cos(x);
        }
    }
    kd_tensor *table = kd_constant(s, (kd_spec){.rank = 3, .dim = {1, tokens + 1, dims}}, values);
    free(values);
    return table;
}

/* Position embeddings [1, 1 + height width, d] of a grid of patches. Fixed ones are kept as a state
 * too, which nothing reads here: so that what is exported is whole. */
static kd_tensor *positions(const struct vit *self, kd_scope s, int64_t height, int64_t width,
                            bool train) {
    const int64_t side = self->image_size / self->patch, d = width_of(self);
    const kd_spec spec = {.rank = 3, .dim = {1, 1 + side * side, d}};
    kd_tensor *all;
    if (self->position == POSITION_LEARNED) {
        all = kd_param(s, "pos_embed", spec, position_init);
    } else {
        kd_tensor *kept = kd_state(s, "pos_embed", spec, (kd_init){.a = 0});
        all = fixed_table(s, side, side, d);
        if (all && train && kd_latest(kept) == kept) {
            kd_assign(kept, all);
        }
    }
    if (!all || (height == side && width == side)) {
        return all;
    }
    kd_tensor *grid = KD_RESHAPE(kd_slice(all, 1, 1, 1 + side * side), side * side, d);
    grid = kd_resize_tokens(s, grid, (kd_grid){side, side, height, width, self->antialias});
    return kd_concat(kd_slice(all, 1, 0, 1), KD_RESHAPE(grid, 1, height * width, d), 1);
}

/* images -> tokens [n, 1 + h w / patch^2, width], the class token first */
static kd_tensor *embed(const struct vit *self, kd_scope s, kd_tensor *images, bool train) {
    const int64_t n = kd_dim(images, 0), d = width_of(self);
    const kd_spec one = {.rank = 3, .dim = {1, 1, d}};
    kd_tensor *first = kd_param(s, "cls_token", one, inits[self->init].class_token);
    kd_tensor *x = embed_patches(self, kd_child(s, "patch_embed"), images);
    const int64_t height = kd_dim(x, 1), width = kd_dim(x, 2);
    kd_tensor *where = positions(self, s, height, width, train);
    if (!where || kd_dim(x, 3) != d) {
        return x; /* refused above */
    }
    first = kd_broadcast(kd_cast(first, KD_COMPUTE), 3, (int64_t[]){n, 1, d});
    x = kd_concat(first, KD_RESHAPE(x, n, height * width, d), 1);
    return kd_add(x, kd_cast(where, KD_COMPUTE));
}

/* How one block treats its branches. */
typedef struct branch {
    kd_tensor *key; /* NULL: none is dropped */
    double rate;
    int index; /* of the block */
    int visit; /* of the encoder, in this step */
} branch;

/* x + y, where a random share of samples goes without y and the others make up for it.
 * source  Huang et al. 2016, https://arxiv.org/abs/1603.09382; equals timm's DropPath */
static kd_tensor *add_branch(const branch *b, int which, kd_tensor *x, kd_tensor *y) {
    if (b->key && b->rate > 0) {
        char stream[80];
        const int64_t n = kd_dim(x, 0);
        const int used = snprintf(stream, sizeof stream, "drop_path %d %d %lld", b->index, which,
                                  (long long)kd_dim(x, 1));
        if (b->visit) {
            snprintf(stream + used, sizeof stream - (size_t)used, " %d", b->visit);
        }
        kd_scope s = x->api->scope_of(x);
        kd_tensor *drawn = kd_random(b->key, kd_stream(stream), 3, (int64_t[]){n, 1, 1});
        kd_tensor *gone = kd_greater(kd_scalar(s, b->rate), drawn);
        kd_tensor *factor = kd_where(gone, kd_scalar(s, 0), kd_scalar(s, 1 / (1 - b->rate)));
        y = kd_mul(y, kd_cast(factor, KD_COMPUTE));
    }
    return kd_add(x, y);
}

/* x [n, t, d] -> [n, t, d] */
static kd_tensor *block(const struct vit *self, kd_scope s, kd_tensor *x, const branch *b) {
    const int64_t d = width_of(self), heads = heads_of(self);
    kd_scope attention = kd_child(s, "attn"), mlp = kd_child(s, "mlp");
    kd_tensor *y = kd_layernorm(s, "norm1", x, 1e-6);
    y = project(self, attention, "qkv", y, d, 3, self->qkv_bias);
    y = kd_attention_with(y, heads, 1 / sqrt((double)d / (double)heads));
    x = add_branch(b, 0, x, project(self, attention, "proj", y, d, 1, true));

    y = kd_layernorm(s, "norm2", x, 1e-6);
    y = kd_gelu(project(self, mlp, "fc1", y, 4 * d, 1, true));
    return add_branch(b, 1, x, project(self, mlp, "fc2", y, d, 1, true));
}

/* Tokens after each block, through the last norm as dino's get_intermediate_layers gives them. */
static const char *const block_names[MAX_DEPTH] = {
    "block0",  "block1",  "block2",  "block3",  "block4",  "block5",  "block6",  "block7",
    "block8",  "block9",  "block10", "block11", "block12", "block13", "block14", "block15",
    "block16", "block17", "block18", "block19", "block20", "block21", "block22", "block23"};

/* tokens [n, 1 + t, d] -> [n, d], the class token's left out */
static kd_tensor *mean_of_patches(kd_tensor *tokens) {
    const int64_t count = kd_dim(tokens, 1), axis = 1;
    kd_tensor *patches = kd_slice(tokens, 1, 1, count);
    return kd_scale(kd_sum_axes(patches, &axis, 1, false), 1 / (double)(count - 1));
}

static void build(const void *config, kd_scope s, kd_tensor *images, bool train, kd_features *ret) {
    const struct vit *self = config;
    const bool mean = self->pool == POOL_MEAN;
    kd_tensor *x = embed(self, s, images, train);
    kd_tensor *after[MAX_DEPTH];
    branch b = {.key = train && self->drop_path > 0 ? kd_step_key(s) : NULL};
    b.visit = b.key ? kd_visit(s) : 0;
    for (b.index = 0; b.index < self->depth; b.index++) {
        b.rate = self->depth > 1 ? self->drop_path * b.index / (self->depth - 1) : 0;
        after[b.index] = x = block(self, kd_child(s, "blocks.%d", b.index), x, &b);
    }
    for (int i = 0; i < self->depth; i++) {
        kd_tensor *map = mean ? after[i] : kd_layernorm(s, "norm", after[i], 1e-6);
        ret->maps[ret->n_maps++] = (kd_feature_map){block_names[i], map};
    }
    kd_tensor *tokens = ret->maps[ret->n_maps - 1].map;
    ret->maps[ret->n_maps++] = (kd_feature_map){"tokens", tokens};
    kd_tensor *pooled =
        mean ? kd_layernorm(s, "fc_norm", mean_of_patches(x), 1e-6) : kd_slice(tokens, 1, 0, 1);
    ret->pooled = kd_cast(KD_RESHAPE(pooled, kd_dim(images, 0), width_of(self)), KD_REAL);
}

KD_BACKBONE(.build = build)

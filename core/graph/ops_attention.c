/* SPDX-License-Identifier: Apache-2.0
 * What transformers are made of beside matrix products: attention and layer normalisation, with
 * their gradients. */
#include "graph/shapes.h"

/* Are inputs [first, first + count) real vectors of as many channels as x, input `of`? */
static bool are_vectors(const kd_node *node, uint32_t of, uint32_t first, uint32_t count,
                        kd_error *err) {
    const kd_spec *x = &node->inputs[of];
    if (x->rank < 1 || !is_real_type(x->dtype) || x->dim[x->rank - 1] < 1) {
        return kd_fail(err, KD_E_INVALID, "wants [..., c] of a floating type, c 1 or more");
    }
    for (uint32_t i = first; i < first + count; i++) {
        const kd_spec *v = &node->inputs[i];
        if (v->rank != 1 || v->dim[0] != x->dim[x->rank - 1] || !is_real_type(v->dtype) ||
            v->dtype == KD_BF16) {
            return kd_fail(err, KD_E_INVALID, "input %u is not a real vector of %lld channels", i,
                           (long long)x->dim[x->rank - 1]);
        }
    }
    return true;
}

static bool layer_norm_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    if (!are_vectors(node, 0, 1, 2, err)) {
        return false;
    }
    out[0] = node->inputs[0];
    for (uint32_t i = 1; i < node->n_outputs; i++) {
        out[i] = node->inputs[0];
        out[i].rank--;
        out[i].dim[out[i].rank] = 0;
        out[i].dtype = node->inputs[1].dtype;
    }
    return true;
}

static void layer_norm_gradient(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,
                                kd_tensor *const *dout, kd_tensor **din) {
    kd_tensor *const from[] = {kd_cast(dout[0], node->inputs[0].dtype), in[0], in[1], out[1],
                               out[2]};
    in[0]->api->emit(NULL, "layer_norm_grad", from, 5, NULL, 0, din, 3);
}

static bool layer_norm_grad_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *dy = &node->inputs[0], *x = &node->inputs[1];
    if (!are_vectors(node, 1, 2, 1, err)) {
        return false;
    }
    const int64_t rows = x->dim[x->rank - 1] ? kd_elements(x) / x->dim[x->rank - 1] : 0;
    if (dy->dtype != x->dtype || kd_elements(dy) != kd_elements(x) ||
        kd_elements(&node->inputs[3]) < rows || kd_elements(&node->inputs[4]) < rows) {
        return kd_fail(err, KD_E_INVALID, "wants dy as x, and statistics of each of its rows");
    }
    out[0] = *x;
    for (uint32_t i = 1; i < node->n_outputs; i++) {
        out[i] = node->inputs[2];
    }
    return true;
}

static bool attention_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *qkv = &node->inputs[0];
    const int64_t heads = kd_attr_int(node, "heads", 0);
    char text[128];
    if (qkv->rank != 3 || !is_real_type(qkv->dtype) || qkv->dim[1] < 1 || heads < 1 ||
        qkv->dim[2] < 1 || qkv->dim[2] % (3 * heads)) {
        return kd_fail(err, KD_E_INVALID,
                       "wants queries, keys and values [b, t, 3 c] with c a multiple of %lld heads "
                       "and a token at least, got %s",
                       (long long)heads, shape_text(qkv, text));
    }
    out[0] = *qkv;
    out[0].dim[2] = qkv->dim[2] / 3;
    if (node->n_outputs > 1) {
        out[1] = (kd_spec){.dtype = (int32_t)kd_attr_int(node, "dtype", qkv->dtype),
                           .rank = 3,
                           .dim = {qkv->dim[0], heads, qkv->dim[1]}};
    }
    return true;
}

static void attention_gradient(const kd_node *node, kd_tensor *const *in, kd_tensor *const *out,
                               kd_tensor *const *dout, kd_tensor **din) {
    kd_tensor *const from[] = {kd_cast(dout[0], node->inputs[0].dtype), in[0], out[0], out[1]};
    din[0] = kd_emit("attention_grad", from, 4,
                     (kd_attr[]){KD_I("heads", kd_attr_int(node, "heads", 0)),
                                 KD_F("scale", kd_attr_float(node, "scale", 1))},
                     2);
}

static bool attention_grad_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const kd_spec *dout = &node->inputs[0], *qkv = &node->inputs[1], *lse = &node->inputs[3];
    const int64_t heads = kd_attr_int(node, "heads", 0);
    const bool rightful = qkv->rank == 3 && dout->rank == 3 && lse->rank == 3 && heads > 0 &&
                          qkv->dim[2] % (3 * heads) == 0 && dout->dim[2] * 3 == qkv->dim[2] &&
                          dout->dtype == qkv->dtype && node->inputs[2].dtype == qkv->dtype &&
                          lse->dim[1] == heads && lse->dim[2] == qkv->dim[1];
    if (!rightful) {
        return kd_fail(err, KD_E_INVALID,
                       "wants [b, t, c], [b, t, 3 c], [b, t, c] of one type and [b, heads, t]");
    }
    *out = *qkv;
    return true;
}

#define OP(name_, inputs_, outputs_, flags_, shape_, gradient_)                                    \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = inputs_, .max_inputs = inputs_,        \
        .max_outputs = outputs_, .flags = flags_, .shape = shape_, .gradient = gradient_           \
    }

const kd_op ops_attention[] = {
    OP("layer_norm", 3, 3, 0, layer_norm_shape, layer_norm_gradient),
    OP("layer_norm_grad", 5, 3, 0, layer_norm_grad_shape, NULL),
    OP("attention", 1, 2, KD_OP_REAL, attention_shape, attention_gradient),
    OP("attention_grad", 4, 1, 0, attention_grad_shape, NULL),
    {0},
};

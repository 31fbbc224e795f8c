/* SPDX-License-Identifier: Apache-2.0
 * Convolutions as cuDNN defines them, by dimensions n, c, h, w and strides, from descriptors. */
#include "backend.h"
#include "double.h"

#include <stdlib.h>
#include <string.h>

/* A tensor, and where it lies. */
typedef struct image {
    int64_t dim[4], stride[4], number;
    bool half;
    void *data;
} image;

typedef struct window {
    int64_t stride[2], before[2], after[2], dilation[2];
} window;

/* The three operations: their attributes for w, x and y, the tensor that they write. */
typedef struct operation {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t window, x, w, y, alpha, beta;
    int written; /* 0: x, 1: w, 2: y */
} operation;

static const operation operations[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
     2},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, 0},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, 1},
};

static bool copy(const backend *d, cudnnBackendAttributeName_t name, int64_t count, void *to,
                 size_t each) {
    const attribute *a = d ? backend_find(d, name) : NULL;
    if (!a || a->count != count) {
        double_misused("attribute %d has not %lld values", (int)name, (long long)count);
        return false;
    }
    memcpy(to, a->values, (size_t)count * each);
    return true;
}

static void *pointer_of(const backend *pack, int64_t number) {
    const attribute *numbers = backend_find(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    const attribute *pointers = backend_find(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
    for (int64_t i = 0; numbers && pointers && i < numbers->count; i++) {
        int64_t found;
        void *pointer;
        memcpy(&found, numbers->values + 8 * i, 8);
        memcpy(&pointer, pointers->values + 8 * i, 8);
        if (found == number) {
            return pointer;
        }
    }
    double_misused("no pointer for tensor %lld", (long long)number);
    return NULL;
}

static bool read_image(const backend *operation_, cudnnBackendAttributeName_t name,
                       const backend *pack, image *ret) {
    const backend *t = backend_child(operation_, name);
    cudnnDataType_t type;
    int64_t alignment;
    if (!t || !copy(t, CUDNN_ATTR_TENSOR_DIMENSIONS, 4, ret->dim, 8) ||
        !copy(t, CUDNN_ATTR_TENSOR_STRIDES, 4, ret->stride, 8) ||
        !copy(t, CUDNN_ATTR_TENSOR_UNIQUE_ID, 1, &ret->number, 8) ||
        !copy(t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 1, &alignment, 8) ||
        !copy(t, CUDNN_ATTR_TENSOR_DATA_TYPE, 1, &type, sizeof type)) {
        return false;
    }
    ret->half = type == CUDNN_DATA_BFLOAT16;
    ret->data = pointer_of(pack, ret->number);
    if ((uintptr_t)ret->data % (uintptr_t)alignment) {
        double_misused("tensor %lld is not aligned", (long long)ret->number);
    }
    return ret->data != NULL;
}

static bool read_window(const backend *operation_, cudnnBackendAttributeName_t name, window *ret) {
    const backend *c = backend_child(operation_, name);
    cudnnConvolutionMode_t mode;
    cudnnDataType_t type;
    return c && copy(c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, 2, ret->stride, 8) &&
           copy(c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, 2, ret->before, 8) &&
           copy(c, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, 2, ret->after, 8) &&
           copy(c, CUDNN_ATTR_CONVOLUTION_DILATIONS, 2, ret->dilation, 8) &&
           copy(c, CUDNN_ATTR_CONVOLUTION_CONV_MODE, 1, &mode, sizeof mode) &&
           copy(c, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, 1, &type, sizeof type) &&
           mode == CUDNN_CROSS_CORRELATION && type == CUDNN_DATA_FLOAT;
}

/* y is as large as x, w and the window make it. */
static bool fits(const image *x, const image *w, const image *y, const window *v) {
    bool ok = x->dim[0] == y->dim[0] && x->dim[1] == w->dim[1] && w->dim[0] == y->dim[1];
    for (int i = 0; i < 2; i++) {
        const int64_t reach = v->dilation[i] * (w->dim[2 + i] - 1) + 1;
        const int64_t room = x->dim[2 + i] + v->before[i] + v->after[i] - reach;
        ok = ok && y->dim[2 + i] == room / v->stride[i] + 1;
    }
    return ok;
}

static int64_t at(const image *t, int64_t a, int64_t b, int64_t c, int64_t d) {
    return a * t->stride[0] + b * t->stride[1] + c * t->stride[2] + d * t->stride[3];
}

static int64_t count(const image *t) {
    return t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
}

/* Adds every product of the window at (n, p, q) of y to where it belongs. */
static void add_window(const image *const t[3], const window *v, int written, double *sums,
                       int64_t n, int64_t p, int64_t q) {
    const image *x = t[0], *w = t[1], *y = t[2];
    for (int64_t i = 0; i < w->dim[2] * w->dim[3]; i++) {
        const int64_t r = i / w->dim[3], s = i % w->dim[3];
        const int64_t h = p * v->stride[0] + r * v->dilation[0] - v->before[0];
        const int64_t l = q * v->stride[1] + s * v->dilation[1] - v->before[1];
        if (h < 0 || h >= x->dim[2] || l < 0 || l >= x->dim[3]) {
            continue;
        }
        for (int64_t o = 0; o < w->dim[0]; o++) {
            for (int64_t c = 0; c < w->dim[1]; c++) {
                const int64_t place[3] = {at(x, n, c, h, l), at(w, o, c, r, s), at(y, n, o, p, q)};
                const int one = written == 0 ? 1 : 0, other = written == 2 ? 1 : 2;
                sums[place[written]] += double_get(t[one]->data, t[one]->half, place[one]) *
                                        double_get(t[other]->data, t[other]->half, place[other]);
            }
        }
    }
}

static void convolve(const image *const t[3], const window *v, int written) {
    const image *y = t[2], *out = t[written];
    double *sums = calloc((size_t)count(out), sizeof *sums);
    for (int64_t i = 0; i < y->dim[0] * y->dim[2] * y->dim[3]; i++) {
        add_window(t, v, written, sums, i / (y->dim[2] * y->dim[3]), i / y->dim[3] % y->dim[2],
                   i % y->dim[3]);
    }
    for (int64_t i = 0; i < count(out); i++) {
        double_put(out->data, out->half, i, sums[i]);
    }
    free(sums);
}

static bool scales(const backend *op, const operation *kind) {
    float alpha, beta;
    return copy(op, kind->alpha, 1, &alpha, sizeof alpha) &&
           copy(op, kind->beta, 1, &beta, sizeof beta) && alpha > 0.5f && alpha < 1.5f &&
           beta < 0.5f && beta > -0.5f;
}

bool backend_convolve(const backend *plan, const backend *pack) {
    const backend *op = backend_child(plan->graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
    const operation *kind = NULL;
    for (size_t i = 0; op && i < sizeof operations / sizeof *operations; i++) {
        kind = operations[i].type == op->type ? &operations[i] : kind;
    }
    image x, w, y;
    window v;
    void *workspace = NULL;
    if (!kind || !read_image(op, kind->x, pack, &x) || !read_image(op, kind->w, pack, &w) ||
        !read_image(op, kind->y, pack, &y) || !read_window(op, kind->window, &v) ||
        !scales(op, kind) || !fits(&x, &w, &y, &v) ||
        !copy(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, 1, &workspace, sizeof workspace)) {
        double_misused("a convolution that does not fit");
        return false;
    }
    memset(workspace, 0xee, BACKEND_WORKSPACE);
    convolve((const image *[]){&x, &w, &y}, &v, kind->written);
    memset(workspace, 0xdd, BACKEND_WORKSPACE);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 * Resampling of a grid of tokens, such as position embeddings: two products with small matrices of
 * weights, so that gradients and every device come for free. */
#include "graph/layers.h"

#include <kindred/op.h>
#include <kindred/ops.h>

#include <math.h>
#include <stdlib.h>

/* The cubic convolution kernel. source  Keys 1981, equation 4, with a in place of -1/2 */
static double cubic(double x, double a) {
    x = fabs(x);
    if (x < 1) {
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}

static int64_t within(int64_t i, int64_t count) {
    return i < 0 ? 0 : i >= count ? count - 1 : i;
}

/* One row of weights [from]: four neighbours of the point, those beyond an edge being the edge. */
static void sharp_row(double *row, double center, int64_t from) {
    const double first = floor(center - 0.5);
    for (int k = -1; k <= 2; k++) {
        const double at = first + k;
        row[within((int64_t)at, from)] += cubic(center - 0.5 - at, -0.75);
    }
}

/* The same with a kernel as wide as a pixel of the result, cut at the edges and brought to sum 1.
 */
static void smooth_row(double *row, double center, int64_t from, double scale) {
    const double wide = scale > 1 ? scale : 1, reach = 2 * wide;
    const int64_t low = within((int64_t)(center - reach + 0.5), from);
    const int64_t end = (int64_t)(center + reach + 0.5);
    double sum = 0;
    for (int64_t i = low; i < end && i < from; i++) {
        row[i] = cubic(((double)i - center + 0.5) / wide, -0.5);
        sum += row[i];
    }
    for (int64_t i = low; i < end && i < from; i++) {
        row[i] /= sum;
    }
}

/* The matrix [to, from] that resamples a line of pixels. */
static kd_tensor *line(kd_scope s, int64_t from, int64_t to, bool antialias) {
    double *weights = calloc((size_t)(from * to), sizeof *weights);
    if (!weights) {
        kd_reject(s, "out of memory for %lld weights", (long long)(from * to));
        return NULL;
    }
    const double scale = (double)from / (double)to;
    for (int64_t i = 0; i < to; i++) {
        const double center = ((double)i + 0.5) * scale;
        if (antialias) {
            smooth_row(weights + i * from, center, from, scale);
        } else {
            sharp_row(weights + i * from, center, from);
        }
    }
    kd_tensor *matrix = kd_constant(s, (kd_spec){.rank = 2, .dim = {to, from}}, weights);
    free(weights);
    return matrix;
}

/* x [from, other, c] -> [to, other, c] */
static kd_tensor *resize_first(kd_scope s, kd_tensor *x, int64_t to, bool antialias) {
    const kd_spec spec = kd_spec_of(x);
    if (spec.dim[0] == to) {
        return x;
    }
    kd_tensor *weights = line(s, spec.dim[0], to, antialias);
    kd_tensor *flat = KD_RESHAPE(x, spec.dim[0], spec.dim[1] * spec.dim[2]);
    return weights ? KD_RESHAPE(kd_matmul(weights, flat), to, spec.dim[1], spec.dim[2]) : x;
}

kd_tensor *layer_resize_tokens(kd_scope s, const kd_node *call, kd_tensor *const *in) {
    const kd_spec x = kd_spec_of(in[0]);
    const int64_t height = kd_attr_int(call, "height", 0), width = kd_attr_int(call, "width", 0);
    const int64_t to_height = kd_attr_int(call, "to_height", 0);
    const int64_t to_width = kd_attr_int(call, "to_width", 0);
    const bool antialias = kd_attr_int(call, "antialias", 0) != 0;
    if (x.rank != 2 || height < 1 || width < 1 || x.dim[0] != height * width || to_height < 1 ||
        to_width < 1) {
        kd_reject(s, "resize_tokens wants the %lld tokens [h w, c] of a %lld by %lld grid",
                  (long long)(height * width), (long long)height, (long long)width);
        return in[0];
    }
    static const int64_t turned[] = {1, 0, 2};
    kd_tensor *grid = KD_RESHAPE(kd_cast(in[0], KD_REAL), height, width, x.dim[1]);
    grid = resize_first(s, grid, to_height, antialias);
    if (width != to_width) {
        grid = resize_first(s, kd_permute(grid, turned), to_width, antialias);
        grid = kd_permute(grid, turned);
    }
    return KD_RESHAPE(grid, to_height * to_width, x.dim[1]);
}

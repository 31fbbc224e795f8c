/* SPDX-License-Identifier: Apache-2.0
 * Views out of stored images (kindred/augment.h defines them): one kernel, a block a view, from the
 * bytes of the source, read once, to the normalised view.
 *
 * A view in the making and a second image beside it lie in shared memory where they fit, which is
 * up to 96 pixels of three channels on an H100, else in scratch. The cut is separable: rows of the
 * source are resampled along y into the second image, as many output rows at once as it holds, and
 * from there along x. */
#include "elements.h"
#include "folds.h"
#include "kernels.h"

#include <kindred/augment_math.h>

namespace {

#define VIEW_THREADS 320 /* two blocks of them leave 96 registers each */

/* Where one output pixel of an axis comes from: kd_axis_taps, weight by weight. */
struct tap {
    int32_t first, count;
    float distance, inverse; /* of the first source pixel to the centre; 1 / sum of weights */
};

/* A block's shared variables. */
struct desk {
    kd_axis axis_y, axis_x;
    kd_jitter jitter;
    float mean[WARP];
    float weight[2 * KD_AUGMENT_MOST_RADIUS + 1];
};

/* What a block works with. Images are [size, size, channels]. */
struct view {
    const kd_augment *a;
    desk *d;
    kd_view_key key;
    float *image, *other;
    tap *tap_y, *tap_x; /* [size] */
    int32_t size, channels, values;
};

#define EACH_OF(i, count)                                                                          \
    int32_t i = (int32_t)threadIdx.x;                                                              \
    i < (count);                                                                                   \
    i += VIEW_THREADS

__device__ void swap_images(view &v) {
    float *image = v.image;
    v.image = v.other;
    v.other = image;
}

/* ---- The cut. ---- */

__device__ void find_taps(const kd_axis *axis, int32_t size, tap *taps) {
    for (EACH_OF(i, size)) {
        tap t;
        t.count = kd_axis_span(axis, i, &t.first);
        const double centre = axis->origin + (i + 0.5) * axis->scale;
        t.distance = (float)(t.first + 0.5 - centre);
        float sum = 0;
        for (int32_t k = 0; k < t.count; k++) {
            sum += kd_filter_weight(axis->filter, (t.distance + (float)k) * axis->shrink);
        }
        t.inverse = 1 / sum;
        taps[i] = t;
    }
}

__device__ __forceinline__ float tap_weight(const kd_axis *axis, const tap &t, int32_t k) {
    return kd_filter_weight(axis->filter, (t.distance + (float)k) * axis->shrink) * t.inverse;
}

/* Output rows [y, y + rows) resampled along y: v.other [rows, columns], columns being all values
 * of a source row that count. */
__device__ void cut_along_y(const view &v, const uint8_t *source, int64_t row_bytes, int32_t y,
                            int32_t rows, int32_t columns) {
    const kd_axis *axis = &v.d->axis_y;
    const uint8_t *left = source + (int64_t)v.d->axis_x.low * v.channels;
    for (int32_t row = (int32_t)threadIdx.x / WARP; row < rows; row += VIEW_THREADS / WARP) {
        const tap t = v.tap_y[y + row];
        for (int32_t column = (int32_t)threadIdx.x % WARP; column < columns; column += WARP) {
            const uint8_t *from = left + t.first * row_bytes + column;
            float sum = 0;
            for (int32_t k = 0; k < t.count; k++) {
                sum += tap_weight(axis, t, k) * (float)from[k * row_bytes];
            }
            v.other[row * columns + column] = sum * (1.0f / 255);
        }
    }
}

/* Those rows along x, into the view. */
__device__ void cut_along_x(const view &v, int32_t y, int32_t rows, int32_t columns) {
    const kd_axis *axis = &v.d->axis_x;
    for (EACH_OF(i, rows * v.size)) {
        const int32_t row = i / v.size, x = i % v.size;
        const tap t = v.tap_x[x];
        const float *from = v.other + row * columns + (t.first - axis->low) * v.channels;
        float *to = v.image + ((y + row) * v.size + x) * v.channels;
        float sum[3] = {0, 0, 0};
        for (int32_t k = 0; k < t.count; k++) {
            const float weight = tap_weight(axis, t, k);
            for (int32_t c = 0; c < v.channels; c++) {
                sum[c] += weight * from[k * v.channels + c];
            }
        }
        for (int32_t c = 0; c < v.channels; c++) {
            to[c] = kd_unit(sum[c]);
        }
    }
}

/* Where a row of the source does not fit into the second image: both axes at once. */
__device__ void cut_directly(const view &v, const uint8_t *source, int64_t row_bytes) {
    for (EACH_OF(i, v.values)) {
        const int32_t c = i % v.channels, pixel = i / v.channels;
        const tap ty = v.tap_y[pixel / v.size], tx = v.tap_x[pixel % v.size];
        float sum = 0;
        for (int32_t row = 0; row < ty.count; row++) {
            const uint8_t *from =
                source + (ty.first + row) * row_bytes + (int64_t)tx.first * v.channels + c;
            float line = 0;
            for (int32_t k = 0; k < tx.count; k++) {
                line += tap_weight(&v.d->axis_x, tx, k) * (float)from[(int64_t)k * v.channels];
            }
            sum += tap_weight(&v.d->axis_y, ty, row) * line;
        }
        v.image[i] = kd_unit(sum * (1.0f / 255));
    }
}

/* source [height, width, channels] -> v.image, in [0, 1] */
__device__ void cut(const view &v, const uint8_t *source, int32_t height, int32_t width) {
    if (threadIdx.x == 0) {
        kd_cut_axes(v.a, &v.key, height, width, &v.d->axis_y, &v.d->axis_x);
    }
    __syncthreads();
    find_taps(&v.d->axis_y, v.size, v.tap_y);
    find_taps(&v.d->axis_x, v.size, v.tap_x);
    __syncthreads();
    const int64_t row_bytes = (int64_t)width * v.channels;
    const int32_t columns = (v.d->axis_x.high - v.d->axis_x.low) * v.channels;
    const int32_t most = v.values / columns;
    if (most == 0) {
        return cut_directly(v, source, row_bytes);
    }
    for (int32_t y = 0; y < v.size; y += most) {
        const int32_t rows = v.size - y < most ? v.size - y : most;
        cut_along_y(v, source, row_bytes, y, rows, columns);
        __syncthreads();
        cut_along_x(v, y, rows, columns);
        __syncthreads();
    }
}

/* ---- Alterations. Each begins and ends with all of the image written and seen by all. ---- */

__device__ void flip(view &v, int position) {
    if (!kd_draw_applies(&v.key, position, v.a->arg[position][0])) {
        return;
    }
    const int32_t half = v.size / 2;
    for (EACH_OF(i, v.size * half)) {
        const int32_t row = i / half, x = i % half;
        float *left = v.image + (row * v.size + x) * v.channels;
        float *right = v.image + (row * v.size + v.size - 1 - x) * v.channels;
        for (int32_t c = 0; c < v.channels; c++) {
            const float kept = left[c];
            left[c] = right[c];
            right[c] = kept;
        }
    }
    __syncthreads();
}

/* The luma of a pixel, which with one channel is the value itself. */
__device__ __forceinline__ float luma(const float *pixel, int32_t channels) {
    return channels == 3 ? kd_luma(pixel[0], pixel[1], pixel[2]) : pixel[0];
}

__device__ float mean_luma(const view &v) {
    const int32_t pixels = v.size * v.size;
    float total = 0;
    for (EACH_OF(i, pixels)) {
        total += luma(v.image + i * v.channels, v.channels);
    }
    return block_fold<sum>(total, v.d->mean) / (float)pixels;
}

__device__ void jitter_once(view &v, int32_t what, float factor) {
    if (v.channels == 1 && (what == KD_JITTER_SATURATION || what == KD_JITTER_HUE)) {
        return;
    }
    const float mean = what == KD_JITTER_CONTRAST ? mean_luma(v) : 0;
    for (EACH_OF(i, v.size * v.size)) {
        float *pixel = v.image + i * v.channels;
        if (what == KD_JITTER_HUE) {
            kd_hue_shift(&pixel[0], &pixel[1], &pixel[2], factor);
            continue;
        }
        const float with = what == KD_JITTER_SATURATION ? luma(pixel, v.channels) : mean;
        for (int32_t c = 0; c < v.channels; c++) {
            pixel[c] = kd_blend(factor, pixel[c], with);
        }
    }
    __syncthreads();
}

__device__ void color_jitter(view &v, int position) {
    if (threadIdx.x == 0) {
        v.d->jitter = kd_jitter_draw(&v.key, position, v.a->arg[position]);
    }
    __syncthreads();
    const kd_jitter *j = &v.d->jitter;
    for (int i = 0; j->applies && i < 4; i++) {
        jitter_once(v, j->order[i], j->factor[j->order[i]]);
    }
}

__device__ void grayscale(view &v, int position) {
    if (v.channels == 1 || !kd_draw_applies(&v.key, position, v.a->arg[position][0])) {
        return;
    }
    for (EACH_OF(i, v.size * v.size)) {
        float *pixel = v.image + i * 3;
        pixel[0] = pixel[1] = pixel[2] = luma(pixel, 3);
    }
    __syncthreads();
}

/* Along one axis: image -> other; neighbours lie `step` values apart. */
__device__ void blur_axis(const view &v, int32_t radius, bool along_x) {
    const int32_t step = along_x ? v.channels : v.size * v.channels;
    for (EACH_OF(i, v.values)) {
        const int32_t pixel = i / v.channels;
        const int32_t at = along_x ? pixel % v.size : pixel / v.size;
        const float *line = v.image + i - at * step;
        float total = 0;
        for (int32_t k = -radius; k <= radius; k++) {
            total += v.d->weight[k + radius] * line[kd_reflect(at + k, v.size) * step];
        }
        v.other[i] = total;
    }
    __syncthreads();
}

__device__ void blur(view &v, int position) {
    const double *arg = v.a->arg[position];
    if (!kd_draw_applies(&v.key, position, arg[0])) {
        return;
    }
    const int32_t radius = kd_blur_radius(v.size, arg[1]);
    if (threadIdx.x == 0) {
        kd_blur_weights(radius, kd_sigma_draw(&v.key, position, arg), v.d->weight);
    }
    __syncthreads();
    blur_axis(v, radius, true);
    swap_images(v);
    blur_axis(v, radius, false);
    swap_images(v);
}

__device__ void solarize(view &v, int position) {
    const double *arg = v.a->arg[position];
    if (!kd_draw_applies(&v.key, position, arg[0])) {
        return;
    }
    for (EACH_OF(i, v.values)) {
        v.image[i] = kd_solarize(v.image[i], (float)arg[1]);
    }
    __syncthreads();
}

/* The pixel (y, x), which may lie outside: then zero, or the border's. */
__device__ float pixel_at(const view &v, int32_t y, int32_t x, int32_t c, bool edge) {
    if (edge) {
        y = y < 0 ? 0 : y < v.size ? y : v.size - 1;
        x = x < 0 ? 0 : x < v.size ? x : v.size - 1;
    }
    const bool inside = y >= 0 && y < v.size && x >= 0 && x < v.size;
    return inside ? v.image[(y * v.size + x) * v.channels + c] : 0;
}

__device__ void rotate(view &v, int position) {
    const double *arg = v.a->arg[position];
    if (!kd_draw_applies(&v.key, position, arg[0])) {
        return;
    }
    const bool edge = arg[2] > 0;
    const double angle = kd_angle_draw(&v.key, position, arg);
    const float cosine = (float)cos(angle), sine = (float)sin(angle);
    for (EACH_OF(i, v.size * v.size)) {
        float from_y, from_x;
        kd_rotate_from(v.size, cosine, sine, i / v.size, i % v.size, &from_y, &from_x);
        const int32_t y = (int32_t)floorf(from_y), x = (int32_t)floorf(from_x);
        const float down = from_y - (float)y, right = from_x - (float)x;
        for (int32_t c = 0; c < v.channels; c++) {
            const float a = pixel_at(v, y, x, c, edge), b = pixel_at(v, y, x + 1, c, edge);
            const float d = pixel_at(v, y + 1, x, c, edge), e = pixel_at(v, y + 1, x + 1, c, edge);
            v.other[i * v.channels + c] =
                (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * d + right * e);
        }
    }
    __syncthreads();
    swap_images(v);
}

__device__ void alter(view &v, int position) {
    switch (v.a->op[position]) {
    case KD_AUGMENT_FLIP:
        return flip(v, position);
    case KD_AUGMENT_COLOR_JITTER:
        return color_jitter(v, position);
    case KD_AUGMENT_GRAYSCALE:
        return grayscale(v, position);
    case KD_AUGMENT_BLUR:
        return blur(v, position);
    case KD_AUGMENT_SOLARIZE:
        return solarize(v, position);
    case KD_AUGMENT_ROTATE:
        return rotate(v, position);
    default: /* normalisation is part of writing */
        return;
    }
}

/* v.image -> to, normalised where the list ends with it. */
template <class T> __device__ void finish(const view &v, T *to) {
    const int last = v.a->n_ops - 1;
    const bool normalised = v.a->op[last] == KD_AUGMENT_NORMALIZE;
    float factor[3] = {1, 1, 1}, offset[3] = {0, 0, 0};
    for (int32_t c = 0; normalised && c < 3; c++) {
        factor[c] = (float)(1 / v.a->arg[last][3 + c]);
        offset[c] = (float)(-v.a->arg[last][c] / v.a->arg[last][3 + c]);
    }
    for (EACH_OF(i, v.values)) {
        const int32_t c = i % v.channels;
        const float f = c == 0 ? factor[0] : c == 1 ? factor[1] : factor[2];
        const float o = c == 0 ? offset[0] : c == 1 ? offset[1] : offset[2];
        to[i] = narrow<T>(v.image[i] * f + o);
    }
}

/* What a kernel gets. bench: floats of one block's images and taps, in `scratch` unless it is NULL,
 * which means in shared memory. */
struct job {
    const kd_augment *a;
    const uint8_t *pixels;
    const int64_t *rows, *key;
    int64_t bytes, count;
    float *scratch;
    size_t bench;
};

template <class T> __global__ void __launch_bounds__(VIEW_THREADS, 2) make_views(job j, T *y) {
    KD_DYNAMIC_SHARED(float, shared);
    __shared__ desk d;
    view v;
    v.a = j.a;
    v.d = &d;
    v.size = j.a->size;
    v.channels = j.a->channels;
    v.values = v.size * v.size * v.channels;
    v.key.seed = (uint64_t)j.key[0];
    v.key.epoch = (uint32_t)j.key[1];
    v.key.view = (uint32_t)j.a->view;
    float *bench = j.scratch ? j.scratch + blockIdx.x * j.bench : shared;
    v.tap_y = reinterpret_cast<tap *>(bench);
    v.tap_x = v.tap_y + v.size;
    v.image = reinterpret_cast<float *>(v.tap_x + v.size);
    v.other = v.image + v.values;
    for (int64_t n = blockIdx.x; n < j.count; n += gridDim.x) {
        const int64_t *row = j.rows + 4 * n;
        T *to = y + n * v.values;
        if (!kd_row_fits(row, v.channels, j.bytes)) {
            for (EACH_OF(i, v.values)) {
                to[i] = narrow<T>(NAN);
            }
            continue;
        }
        v.key.sample = (uint32_t)row[3];
        cut(v, j.pixels + row[0], (int32_t)row[1], (int32_t)row[2]);
        __syncthreads();
        for (int i = 1; i < v.a->n_ops; i++) {
            alter(v, i);
        }
        finish(v, to);
        __syncthreads();
    }
}

/* ---- On the host. ---- */

struct plan {
    kd_augment *a; /* in device memory */
    size_t bench;
    unsigned blocks;
    bool shared;
};

/* Of all that can be had of a block's shared memory, what the desk leaves. */
size_t shared_bytes() {
    int most = 0;
    cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0);
    return (size_t)most > sizeof(desk) ? (size_t)most - sizeof(desk) : 0;
}

/* Blocks of a kernel whose images are in scratch: enough for the largest GPU. */
#define SCRATCH_BLOCKS 264

bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
             kd_error *err) {
    kd_augment a;
    if (!accept_types(node, FLOATS | 1u << KD_U8 | 1u << KD_I64, err) ||
        !kd_augment_decode(node, &a, err)) {
        return false;
    }
    plan *p = (plan *)state_create(sizeof *p, err);
    if (!p || !constant_create(device, &a, sizeof a, (void **)&p->a, err)) {
        release_state(device, p);
        return false;
    }
    const size_t values = (size_t)a.size * (size_t)a.size * (size_t)a.channels;
    p->bench = (2 * (size_t)a.size * sizeof(tap) / sizeof(float) + 2 * values + 3) / 4 * 4;
    const size_t bytes = p->bench * sizeof(float), most = shared_bytes();
    const int64_t views = node->inputs[1].dim[0];
    p->shared = bytes <= most;
    p->blocks = (unsigned)(p->shared || views < SCRATCH_BLOCKS ? views : SCRATCH_BLOCKS);
    if (p->shared) {
        cudaFuncSetAttribute(node->outputs[0].dtype == KD_BF16 ? (const void *)make_views<bf16>
                                                               : (const void *)make_views<float>,
                             cudaFuncAttributeMaxDynamicSharedMemorySize, (int)most);
    } else {
        *ret_scratch = p->blocks * bytes;
    }
    *ret_state = p;
    return true;
}

void release(kd_device *device, void *state) {
    if (state) {
        constant_destroy(device, ((plan *)state)->a);
    }
    release_state(device, state);
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *scratch) {
    const plan *p = (const plan *)state;
    if (p->blocks == 0) {
        return;
    }
    job j = {};
    j.a = p->a;
    j.pixels = (const uint8_t *)in[0];
    j.rows = (const int64_t *)in[1];
    j.key = (const int64_t *)in[2];
    j.bytes = node->inputs[0].dim[0];
    j.count = node->inputs[1].dim[0];
    j.scratch = p->shared ? nullptr : (float *)scratch;
    j.bench = p->bench;
    const size_t shared = p->shared ? p->bench * sizeof(float) : 0;
    if (node->outputs[0].dtype == KD_BF16) {
        KD_LAUNCH(device, make_views<bf16>, p->blocks, VIEW_THREADS, shared, j, (bf16 *)out[0]);
    } else {
        KD_LAUNCH(device, make_views<float>, p->blocks, VIEW_THREADS, shared, j, (float *)out[0]);
    }
}

} // namespace

extern "C" const kd_kernel cuda_augment[] = {
    {sizeof(kd_kernel), 0, "augment", prepare, run, release},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};

/* SPDX-License-Identifier: Apache-2.0
 * The kernel that makes views (kindred/augment.h defines it), and what its files share.
 *
 * A view in the making is one plane a channel, each [size, size] with x outermost: what the cut
 * yields when it works on several rows at once. Every alteration but rotation is the same on a
 * transposed view. */
#ifndef CPU_AUGMENT_H
#define CPU_AUGMENT_H

#include <kindred/augment_math.h>
#include <kindred/device.h>

/* Computes in f32, and writes f32 or bf16. Of narrow_augment too. OpenMP over views; a view is made
 * by one thread, so its bits depend neither on the number of threads nor on the other rows. */
extern const kd_kernel augment_kernel;

/* Output rows that the cut makes at once. */
#define CUT_LANES 16
/* Floats of `columns`: CUT_LANES rows of a source of up to 4096 pixels a row in colour, or one row
 * of the widest there can be. */
#define CUT_COLUMNS (3 * KD_AUGMENT_MAX_SIDE)

/* What one thread works with. */
struct view {
    const kd_augment *a;
    kd_view_key key;
    int32_t plane;            /* floats from one channel to the next */
    float *image, *other;     /* [channels, plane] */
    float *columns;           /* [CUT_COLUMNS] source columns, already resampled along y */
    float *tap_x, *tap_y;     /* weights: of all output columns, of one output row */
    int32_t *first_x, *end_x; /* [size] the source columns of an output column */
};

/* Floats of tap_x: spans along x overlap as much as the filter is wide. */
static inline size_t cut_taps_x(int32_t size) {
    return 4 * (size_t)KD_AUGMENT_MAX_SIDE + 6 * (size_t)size;
}

/* source [height, width, channels] -> v->image, in [0, 1] */
void cut_view(struct view *v, const uint8_t *source, int32_t height, int32_t width);

/* Op `position` of the list, which is neither the cut nor the normalisation, done to v->image. */
void alter_view(struct view *v, int position);

#endif

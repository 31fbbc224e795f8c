/* SPDX-License-Identifier: Apache-2.0
 * Walking over tensors whose elements lie with other strides than one after the other: broadcast
 * operands, transposed or cut tensors. The host prepares a walk, a kernel asks it where an element
 * lies.
 *
 * Steps of a walk are packs of elements that are neighbours, so that a kernel moves up to 16 bytes
 * a step. */
#ifndef CUDA_WALK_H
#define CUDA_WALK_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MOST_OPERANDS 4

/* n / by for n < 2^31, by a multiplication: q = (high word of n multiplier + n) >> shift.
 *
 * source  Granlund and Montgomery 1994, "Division by invariant integers using multiplication" */
typedef struct divider {
    uint32_t by, multiplier, shift;
} divider;

divider divider_of(int64_t by);

typedef struct walk {
    int rank, operands;
    int64_t count;            /* steps: fewer than 2^31 */
    int elements;             /* of a step */
    divider dim[KD_MAX_RANK]; /* outermost first, in steps */
    /* Elements from one step along an axis to the next; 0 where the operand repeats. */
    int64_t stride[MOST_OPERANDS][KD_MAX_RANK];
    bool repeats[MOST_OPERANDS]; /* all elements of a step are one and the same */
} walk;

/* What to walk over: strides in elements. */
typedef struct axes {
    int rank, operands;
    int64_t dim[KD_MAX_RANK];
    int64_t stride[MOST_OPERANDS][KD_MAX_RANK];
} axes;

/* Neighbouring axes are merged where every operand allows it; a step has `elements` where every
 * operand allows that, else one. fails with KD_E_UNSUPPORTED beyond 2^31 - 1 steps. */
bool walk_create(const kd_node *node, const axes *over, int elements, walk *ret, kd_error *err);

/* Over the node's first output, dense, and its inputs under numpy's rule: operand i is input i. */
bool walk_of_inputs(const kd_node *node, int elements, walk *ret, kd_error *err);

/* How far apart neighbours along each axis lie, in elements. */
void dense_strides(const kd_spec *spec, int64_t stride[KD_MAX_RANK]);

#ifdef __cplusplus
}

#if defined(__CUDACC__) || defined(KD_LAUNCH)
/* n / d, and the rest. */
__device__ inline uint32_t divide(uint32_t n, divider d, uint32_t *ret_rest) {
    const uint32_t quotient = (__umulhi(n, d.multiplier) + n) >> d.shift;
    *ret_rest = n - quotient * d.by;
    return quotient;
}

/* Where step i of the walk lies in each of the first `operands` operands, in elements. */
template <int operands>
__device__ inline void walk_locate(const walk &w, uint32_t step, int64_t (&at)[operands]) {
    for (int o = 0; o < operands; o++) {
        at[o] = 0;
    }
    for (int axis = w.rank - 1; axis >= 0; axis--) {
        uint32_t along;
        step = divide(step, w.dim[axis], &along);
        for (int o = 0; o < operands; o++) {
            at[o] += (int64_t)along * w.stride[o][axis];
        }
    }
}
#endif
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Broadcasting: how several operands are read in the order of one dense output, tile by tile. */
#ifndef CPU_WALK_H
#define CPU_WALK_H

#include "numbers.h"

#include <kindred/op.h>

#define MAX_OPERANDS 3
#define TILE 1024 /* elements: the buffers of an op fit the first cache */

/* The output's axes, neighbours merged wherever every operand allows it; strides in elements, 0
 * where an operand repeats. */
typedef struct walk {
    int rank, operands;
    int64_t count;
    int64_t dim[KD_MAX_RANK];
    int64_t stride[MAX_OPERANDS][KD_MAX_RANK];
    bool dense[MAX_OPERANDS]; /* lies as the output does */
} walk;

/* Of the node's first output and its inputs, under numpy's rule. */
walk walk_of(const kd_node *node);

/* Which of them a tile holds. */
#define AS_FLOAT 0 /* f32 and bf16 as float */
#define AS_INT 1   /* i32, i64 and u8 as int64_t */
#define AS_BYTE 2  /* u8 as it is */

/* Elements [begin, begin + count) of an operand in the output's order, count <= TILE: in `buffer`,
 * or where they lie if they already are what is asked for. */
const void *walk_read(const walk *w, int operand, const void *data, int32_t dtype, int as,
                      int64_t begin, int64_t count, void *buffer);

/* Where an op may write such a tile: the output itself, or `buffer`. walk_write ends it. */
void *walk_target(void *data, int32_t dtype, int as, int64_t begin, void *buffer);
void walk_write(void *data, int32_t dtype, int as, int64_t begin, int64_t count, const void *tile);

#endif

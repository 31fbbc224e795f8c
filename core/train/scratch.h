/* SPDX-License-Identifier: Apache-2.0
 * Memory of a file without a name: for matrices that are written once and read a few times, which
 * the kernel may then move to the disk when memory is short. */
#ifndef CORE_TRAIN_SCRATCH_H
#define CORE_TRAIN_SCRATCH_H

#include <kindred/error.h>

/* Zeroed memory of a file in the folder of `beside`. The disk space is reserved, so using the
 * memory cannot fail.
 *
 * bytes  0 gives NULL
 * owns   scratch_unmap with the same number of bytes; a killed process leaves nothing
 * fails  when the disk is full */
bool scratch_map(const char *beside, size_t bytes, void **ret, kd_error *err);

/* Zeros that can only be read, and take address space alone: the kernel has one page of them.
 * owns: scratch_unmap */
bool scratch_zeros(size_t bytes, void **ret, kd_error *err);

void scratch_unmap(void *memory, size_t bytes);

#endif

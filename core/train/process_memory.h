/* SPDX-License-Identifier: Apache-2.0
 * The anonymous memory of this process, as the kernel counts it. */
#ifndef CORE_TRAIN_PROCESS_MEMORY_H
#define CORE_TRAIN_PROCESS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that are present and not of a file; 0 where the kernel does not say. */
size_t process_memory(void);

/* The most of them since the last process_memory_mark, provided that mapped files did not go. */
size_t process_memory_peak(void);

/* Forgets the peak. False where the kernel has no such thing (a sandbox, a read-only /proc): then
 * process_memory_peak tells of the whole life of the process. */
bool process_memory_mark(void);

#endif

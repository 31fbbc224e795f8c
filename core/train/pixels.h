/* SPDX-License-Identifier: Apache-2.0
 * Where the packed images lie while a run trains: the mapped file itself for a device in host
 * memory; else the device's memory, and where they do not fit, host memory that it copies each
 * batch from, or reads. */
#ifndef CORE_TRAIN_PIXELS_H
#define CORE_TRAIN_PIXELS_H

#include <kindred/error.h>

typedef struct assembly assembly;

typedef enum pixels_place { PIXELS_MAPPED, PIXELS_ON_DEVICE, PIXELS_ON_HOST } pixels_place;

typedef struct pixel_memory {
    pixels_place place;
    void *memory, *host; /* as the device sees them; as the host does, ON_HOST */
    int64_t room; /* ON_HOST, of a batch that is copied to the device: bytes of either half, of
                   * which steps take turns; 0: it reads them */
} pixel_memory;

/* Decides, when all programs of the assembly are compiled and nothing is allocated; `evals` are
 * rehearsed for it where the device has memory of its own, so that they find theirs. The step's
 * input "pixels" is bound to the mapped file then, for those that need no other. */
bool pixels_decide(assembly *a, bool evals, kd_error *err);

/* Takes the memory, fills it and binds it. */
bool pixels_load(assembly *a, kd_error *err);

/* After the engine is destroyed. */
void pixels_release(assembly *a);

#endif

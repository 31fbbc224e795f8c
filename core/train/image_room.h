/* SPDX-License-Identifier: Apache-2.0
 * Where the images of a batch lie on a device that has no room for all: one after another, each
 * copied from host memory in whole lines of the bus, so that it begins as far into one as it does
 * there. */
#ifndef CORE_TRAIN_IMAGE_ROOM_H
#define CORE_TRAIN_IMAGE_ROOM_H

#include "data/order.h"

#include <kindred/device_extensions.h>

/* Bytes that any batch of so many different samples fits into, with all images of each. */
int64_t image_room_bytes(const store *s, const samples *list, int64_t batch);

/* Moves rows of the store's pixels to the room, from byte *end on: where they lie then, and the
 * pieces that bring them there. pieces [count]; *end: behind the last. */
void image_room_lay(const store *s, row *rows, int64_t count, int64_t *end,
                    kd_device_piece *pieces);

#endif

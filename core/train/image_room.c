/* SPDX-License-Identifier: Apache-2.0
 * Laying images out in whole lines. */
#include "train/image_room.h"

#include <stdlib.h>

/* The lines that bytes [offset, offset + bytes) lie in, as a piece to nowhere yet. */
static kd_device_piece lines_of(int64_t offset, int64_t bytes) {
    const int64_t begin = offset / KD_PIECE_ALIGNMENT * KD_PIECE_ALIGNMENT;
    const int64_t lines = (offset + bytes - begin + KD_PIECE_ALIGNMENT - 1) / KD_PIECE_ALIGNMENT;
    return (kd_device_piece){.from = begin, .bytes = lines * KD_PIECE_ALIGNMENT};
}

static int64_t bytes_of(const store *s, int64_t height, int64_t width) {
    return height * width * s->channels;
}

static int larger_first(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

int64_t image_room_bytes(const store *s, const samples *list, int64_t batch) {
    int64_t *bytes = kd_alloc((size_t)list->count * sizeof *bytes), all = 0;
    for (int64_t i = 0; i < list->count * list->n_images; i++) {
        const int32_t image = list->image[i];
        bytes[i / list->n_images] +=
            lines_of(s->offset[image], bytes_of(s, s->height[image], s->width[image])).bytes;
    }
    qsort(bytes, (size_t)list->count, sizeof *bytes, larger_first);
    for (int64_t i = 0; i < batch && i < list->count; i++) {
        all += bytes[i];
    }
    free(bytes);
    return all;
}

void image_room_lay(const store *s, row *rows, int64_t count, int64_t *end,
                    kd_device_piece *pieces) {
    for (int64_t i = 0; i < count; i++) {
        kd_device_piece p = lines_of(rows[i].offset, bytes_of(s, rows[i].height, rows[i].width));
        p.to = *end;
        rows[i].offset += p.to - p.from;
        *end += p.bytes;
        pieces[i] = p;
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * Images of a batch in the device's room: every byte where its row says, for images of any size at
 * any place, and no batch larger than the room that was taken for it. */
#include "leaks.h"
#include "train/image_room.h"

#include <stdlib.h>

enum { IMAGES = 60, SAMPLES = 30, BATCH = 7 };

/* Images of unlike sizes, one after another; two to a sample. */
typedef struct packed {
    store store;
    samples list;
    uint8_t *pixels;
    int64_t offset[IMAGES];
    int32_t height[IMAGES], width[IMAGES], image[IMAGES];
} packed;

static void pack_images(packed *p, int32_t channels) {
    int64_t end = 0;
    *p = (packed){.store = {.channels = channels, .images = IMAGES}};
    for (int i = 0; i < IMAGES; i++) {
        p->height[i] = 1 + i * 37 % 23;
        p->width[i] = i % 9 == 0 ? 90 : 1 + i * 11 % 17;
        p->offset[i] = end;
        p->image[i] = (i * 7) % IMAGES;
        end += (int64_t)p->height[i] * p->width[i] * channels;
    }
    p->pixels = kd_alloc((size_t)end + KD_PIECE_ALIGNMENT);
    for (int64_t i = 0; i < end; i++) {
        p->pixels[i] = (uint8_t)(i * 7 % 253);
    }
    p->store.pixel_bytes = end;
    p->store.pixels = p->pixels;
    p->store.offset = p->offset;
    p->store.height = p->height;
    p->store.width = p->width;
    p->list = (samples){.count = SAMPLES, .n_images = 2, .image = p->image};
}

static row row_of(const packed *p, int sample, int side) {
    const int32_t image = p->image[2 * sample + side];
    return (row){p->offset[image], p->height[image], p->width[image], sample};
}

static void check_piece(const packed *p, const kd_device_piece *c, int64_t end) {
    cr_assert_eq((c->from | c->to | c->bytes) % KD_PIECE_ALIGNMENT, 0);
    cr_assert_leq(c->to + c->bytes, end);
    cr_assert(c->from >= 0 && c->from + c->bytes < p->store.pixel_bytes + KD_PIECE_ALIGNMENT);
}

static void check_row(const packed *p, const row *now, int sample, int side, const uint8_t *room) {
    const row was = row_of(p, sample, side);
    const int64_t bytes = was.height * was.width * p->store.channels;
    cr_expect(now->height == was.height && now->width == was.width && now->sample == sample);
    cr_expect_eq(memcmp(room + now->offset, p->pixels + was.offset, (size_t)bytes), 0,
                 "image %d of sample %d", side, sample);
}

/* Both images of a batch that begins with that sample: laid out, copied, and then compared. */
static void check_batch(const packed *p, int first, uint8_t *room, int64_t room_bytes) {
    row rows[2][BATCH];
    kd_device_piece pieces[2][BATCH];
    int64_t end = 0;
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < BATCH; i++) {
            rows[side][i] = row_of(p, (first + i) % SAMPLES, side);
        }
        image_room_lay(&p->store, rows[side], BATCH, &end, pieces[side]);
    }
    cr_assert_leq(end, room_bytes);
    memset(room, 0xff, (size_t)room_bytes);
    for (int i = 0; i < 2 * BATCH; i++) {
        const kd_device_piece *c = &pieces[0][0] + i;
        check_piece(p, c, end);
        memcpy(room + c->to, p->pixels + c->from, (size_t)c->bytes);
    }
    for (int i = 0; i < 2 * BATCH; i++) {
        check_row(p, &rows[0][0] + i, (first + i % BATCH) % SAMPLES, i / BATCH, room);
    }
}

TEST(image_room, images_are_where_their_rows_say) {
    for (int32_t channels = 1; channels <= 3; channels += 2) {
        packed p;
        pack_images(&p, channels);
        const int64_t bytes = image_room_bytes(&p.store, &p.list, BATCH);
        uint8_t *room = kd_alloc((size_t)bytes);
        for (int first = 0; first < SAMPLES; first++) {
            check_batch(&p, first, room, bytes);
        }
        free(room);
        free(p.pixels);
    }
}

/* A few large images among many small ones do not make every batch large. */
TEST(image_room, room_is_for_the_largest_batch_there_can_be) {
    packed p;
    pack_images(&p, 3);
    for (int i = 0; i < IMAGES; i++) {
        p.offset[i] = 128 * i;
        p.height[i] = i == p.image[0] ? 1000 : 1;
        p.width[i] = i == p.image[0] ? 128 : 1;
    }
    cr_expect_eq(image_room_bytes(&p.store, &p.list, BATCH), 3000 * 128 + (2 * BATCH - 1) * 128);
    cr_expect_eq(image_room_bytes(&p.store, &p.list, 1), 3000 * 128 + 128);
    free(p.pixels);
}

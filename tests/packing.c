/* SPDX-License-Identifier: Apache-2.0
 * Opens stores of a dataset in memory. */
#include "packing.h"

#include <stdlib.h>

static bool note_progress(void *context, int64_t done, int64_t total, int64_t skipped) {
    packing *p = context;
    p->progress_calls++;
    cr_assert(done > p->done && done <= total && skipped <= done);
    p->done = done;
    p->total = total;
    p->skipped = skipped;
    return done < p->cancel_at || p->cancel_at < 0;
}

void packing_init(packing *p) {
    *p = (packing){.cancel_at = -1};
    kit_init(&p->kit);
    p->list = (kit_list){.per_sample = 1, .fingerprint = "one", .reads = &p->reads};
    kd_error err = KD_ERROR_INIT;
    kit_dataset.open(&p->list, NULL, &p->set, &err);
    p->options = (store_options){.table = &kit_dataset,
                                 .set = p->set,
                                 .id = "list",
                                 .version = "1.0.0",
                                 .options = "{}",
                                 .size = 16,
                                 .cache = kit_path(&p->kit, "cache"),
                                 .progress = note_progress,
                                 .context = p};
}

void packing_finish(packing *p) {
    kit_dataset.close(p->set);
    kit_finish(&p->kit);
}

store *packing_open(packing *p) {
    store *s = NULL;
    kd_error err = KD_ERROR_INIT;
    p->done = 0;
    EXPECT_GOOD(store_open(&p->options, &s, &err), err);
    return s;
}

void packing_expect_failure(packing *p, int32_t code, const char *part) {
    store *s = NULL;
    kd_error err = KD_ERROR_INIT;
    p->done = 0;
    cr_assert_not(store_open(&p->options, &s, &err));
    cr_assert_null(s);
    cr_assert_eq(err.code, code, "%d: %s", err.code, err.message);
    EXPECT_IN(part, err.message);
}

char *packing_path(packing *p) {
    char *path = NULL;
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(store_path(&p->options, &path, &err), err);
    return path;
}

int packing_files(packing *p) {
    const char *command = arena_print(&p->kit.memory, "ls -A %s | wc -l", p->options.cache);
    FILE *out = popen(command, "r");
    int count = -1;
    cr_assert_eq(fscanf(out, "%d", &count), 1);
    pclose(out);
    return count;
}

void packing_expect_image(const store *s, int64_t i, const image *want) {
    cr_assert(s->height[i] == want->height && s->width[i] == want->width, "image %d: %d x %d",
              (int)i, s->height[i], s->width[i]);
    const image got = {s->height[i], s->width[i], s->channels, (uint8_t *)s->pixels + s->offset[i]};
    cr_assert_eq(kit_difference(&got, want), 0, "image %d", (int)i);
}

kit_file *packing_many(packing *p, image *pictures, int color) {
    kit_file *files = arena_alloc(&p->kit.memory, MANY * sizeof *files);
    for (int i = 0; i < MANY; i++) {
        const int channels = i >= color && i % 3 == 0 ? 3 : 1;
        pictures[i] = kit_picture(&p->kit, 5 + i % 11, 7 + i % 5, channels, i);
        files[i] = kit_png(&p->kit, arena_print(&p->kit.memory, "im/%d.png", i), pictures[i]);
    }
    p->list.files = files;
    p->list.count = MANY;
    return files;
}
